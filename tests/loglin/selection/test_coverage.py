import numpy as np
import pytest
from sklearn.metrics import adjusted_mutual_info_score

from loglin import Coverage, coverage


def modules(rng, n=3000):
    u = rng.integers(2, size=(n, 3))
    x = np.repeat(u, 3, axis=1) ^ (rng.random((n, 9)) < 0.05)
    return np.column_stack([x, rng.integers(2, size=(n, 3))]), u


def test_the_curve_rises_with_each_module_and_levels_off(rng):
    x, u = modules(rng)
    curve = coverage(x, u, [0, 3, 6, 1, 9]).curve
    assert (np.diff(curve[:4]) > 0.02).all()
    # A third of what three modules say, but for what the two other copies add to each feature.
    np.testing.assert_allclose(curve[:3] / curve[2], [1 / 3, 2 / 3, 1], atol=0.03)
    assert abs(curve[4] - curve[3]) < 0.01  # noise


def test_information_is_that_of_adjusted_mutual_information(rng):
    """Vinh et al. adjust by the same expectation, but divide by the mean entropy."""
    x, u = rng.integers(3, size=(300, 4)), rng.integers(3, size=(300, 2))
    u[:, 0] = np.where(rng.random(300) < 0.3, x[:, 2], u[:, 0])
    found = coverage(x, u, [2, 0])
    for latent in range(2):
        # If the features' groups are those of the latent, the adjusted information is its entropy.
        _, pattern = np.unique(x[:, [2, 0]], axis=0, return_inverse=True)
        score = adjusted_mutual_info_score(u[:, latent], pattern, average_method="min")
        entropies = [
            -(shares := np.bincount(v) / 300) @ np.log(np.maximum(shares, 1e-300))
            for v in (u[:, latent], pattern)
        ]
        np.testing.assert_allclose(found.entropy[latent], entropies[0])
        if entropies[0] <= entropies[1]:
            np.testing.assert_allclose(
                found.information[1, latent], score * entropies[0], rtol=1e-4, atol=1e-5
            )


def test_features_that_say_nothing_cover_nothing_on_average():
    rng = np.random.default_rng(3)
    information = [
        coverage(
            rng.integers(2, size=(300, 8)), rng.integers(2, size=(300, 1)), range(8)
        ).information
        for _ in range(30)
    ]
    mean, error = np.mean(information, axis=0), np.std(information, axis=0) / np.sqrt(30)
    assert (np.abs(mean) < 4 * error).all()


def test_features_that_say_all_cover_all(rng):
    u = rng.integers(2, size=(400, 1))
    noise = rng.integers(2, size=(400, 9))  # so many patterns that most have one sample
    found = coverage(np.hstack([noise, u]), u, [*range(10)])
    np.testing.assert_allclose(found.information[-1], found.entropy, rtol=1e-8)
    np.testing.assert_allclose(found.shares[-1], 1)


def test_idle_latents_have_no_share(rng):
    x, u = modules(rng, 1000)
    u[:, 1] = 0
    found = coverage(x, u, [0, 6])
    assert np.isnan(found.shares[:, 1]).all()
    assert found.entropy[1] == 0
    assert 0.5 < found.curve[-1] <= 1


def test_shares_begin_at_a_hundredth_of_a_nat():
    of_all = np.array([0.01, np.nextafter(0.01, 0), 0.02, 0.0])
    found = Coverage(of_all[None] / 2, of_all, np.ones(4))
    np.testing.assert_allclose(found.shares, [[0.5, np.nan, 0.5, np.nan]])


def test_any_classifier_may_say_what_all_features_say(rng):
    from sklearn.naive_bayes import BernoulliNB

    x, u = modules(rng, 1000)
    found = coverage(x, u, [0], classifier=BernoulliNB())
    # Three copies with 5 % errors each: 0.64 nats of 0.69.
    np.testing.assert_allclose(found.of_all, 0.64, atol=0.05)


x_ok, u_ok = np.eye(4, dtype=int), np.eye(4, dtype=int)[:, :2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"u": u_ok[:3]}, "`u` must have as many rows as `x`: expected 4, got 3"),
        ({"features": [0, 0]}, "`features` must be different columns"),
        ({"classifier": "lr"}, "`classifier` must be a scikit-learn classifier .*got 'lr'"),
        ({"classifier": dict}, "`classifier` must be a scikit-learn classifier"),
        ({"num_folds": 1}, "`num_folds` must be at least 2, got 1"),
        ({"max_samples": 1}, "`max_samples` must be at least 2, got 1"),
    ],
)
def test_bad_input_gets_one_sentence(arguments, message):
    with pytest.raises(ValueError, match=message):
        coverage(**({"x": x_ok, "u": u_ok, "features": [0]} | arguments))
