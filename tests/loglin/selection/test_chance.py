import numpy as np
import pytest
from scipy import stats

from loglin import (
    conditional_independence,
    contingency_table,
    fit,
    joint_independence,
    select_features,
)
from loglin.selection.chance import (
    Margins,
    Shuffles,
    chance_by_margins,
    chance_of_step,
    is_by_chance,
)
from loglin.selection.memory import in_memory
from tests.loglin.selection.samples import rare_and_real


@pytest.mark.parametrize("levels", [2, 3])
@pytest.mark.parametrize("null_model", ["joint", "conditional", joint_independence])
def test_shuffled_gains_are_gains_of_shuffled_features(rng, levels, null_model):
    x, u = rng.integers(levels, size=(150, 4)), rng.integers(2, size=(150, 2))
    ours = select_features(
        x, u, 3, null_model=null_model, num_shuffles=6, rng=np.random.default_rng(5)
    )
    family = conditional_independence if null_model == "conditional" else joint_independence
    again = np.random.default_rng(5)
    for step in range(3):
        winner, chosen = ours.features[step], ours.features[:step]
        copies = again.permuted(np.tile(x[:, winner].astype(np.int8), (6, 1)), axis=1)
        gains = np.empty((6, 2))
        for copy, latent in np.ndindex(gains.shape):
            codes = np.column_stack([u[:, latent], x[:, chosen], copies[copy]])
            table = contingency_table(codes, [2] + [levels] * (step + 1))
            table[table == 0] = 0.5
            gains[copy, latent] = fit(table, family(table.ndim)).g2
        gains = gains.max(axis=1)
        np.testing.assert_allclose(ours.chance.mean[step], gains.mean(), rtol=1e-9)
        np.testing.assert_allclose(ours.chance.sd[step], gains.std(), rtol=1e-6)
        assert ours.chance.exceedance[step] == (1 + (gains >= ours.gains[step]).sum()) / 7


def test_exceedance_is_a_valid_p_value():
    rng = np.random.default_rng(11)
    shares = []
    for _ in range(400):
        x, u = rng.random((60, 1)) < 0.3, rng.integers(2, size=(60, 2))
        ours = select_features(x, u, 1, num_shuffles=19, rng=rng)
        shares.append(ours.chance.exceedance[0])
    # Uniform on 1/20, ..., 20/20 where nothing is associated, but for ties between gains.
    for level in (0.05, 0.2, 0.5):
        num_below = int(np.sum(np.array(shares) <= level + 1e-9))
        assert stats.binomtest(num_below, 400, level, alternative="greater").pvalue > 1e-3
    assert np.mean(shares) < 0.65


def test_chance_explains_rare_features(rng):
    x, u = rare_and_real(rng)
    rare = x.shape[1] - 1
    ours = select_features(x, u, 8, num_shuffles=50, rng=rng)
    assert set(ours.features[:6]) == set(range(6))
    assert not ours.by_chance[:6].any()
    # With half a count in every empty cell the rare feature wins as soon as the table is sparse.
    assert ours.features[6] == rare
    assert ours.by_chance[6:].all()
    assert ours.chance.mean[6] > 0.8 * ours.gains[6]
    # The plain likelihood ratio has no such artefact.
    assert rare not in select_features(x, u, 8, empty=0.0).features
    stopped = select_features(x, u, 8, num_shuffles=50, stop="chance", rng=rng)
    assert stopped.features.tolist() == ours.features[:6].tolist()
    assert stopped.scores.shape == (6, 6, 12)


def test_stopping_before_the_first_step_gives_an_empty_selection(rng):
    x, u = rng.integers(2, size=(200, 3)), rng.integers(2, size=(200, 1))
    ours = select_features(x, u, 2, num_shuffles=99, stop="chance", rng=rng)
    assert ours.features.shape == (0,)
    assert ours.scores.shape == (0, 1, 3)
    assert ours.records() == []


def test_few_shuffles_do_not_make_a_step_chance(rng):
    # The smallest exceedance of 3 shuffles is 1/4; that must not count against a real feature.
    x, u = rare_and_real(rng, 1000)
    ours = select_features(x, u, 2, num_shuffles=3, rng=rng)
    assert ours.chance.exceedance.tolist() == [0.25, 0.25]
    assert not ours.by_chance.any()


def test_half_a_pair_is_no_selection(rng):
    x = rng.integers(2, size=(200, 4))
    ours = select_features(x, None, 3, num_shuffles=19, stop="chance", rng=rng)
    assert ours.features.shape == ours.latents.shape == (0,)


def test_all_candidates_are_shuffled_where_asked(rng):
    x, u = rare_and_real(rng, 2000)
    ours = select_features(x, u, 3, num_shuffles=40, shuffle="all", rng=rng)
    winner = select_features(x, u, 3, num_shuffles=40, rng=rng)
    assert ours.features.tolist() == winner.features.tolist()
    assert winner.chance_of_all is None
    for step in range(3):
        chosen = ours.features[:step]
        mean = ours.chance_of_all.mean[step]
        assert np.isnan(mean[chosen]).all()
        assert np.isfinite(np.delete(mean, chosen)).all()
        assert mean[ours.features[step]] == ours.chance.mean[step]
        # Two independent samples of the same distribution.
        spread = np.hypot(ours.chance.sd[step], winner.chance.sd[step]) / np.sqrt(40)
        assert abs(ours.chance.mean[step] - winner.chance.mean[step]) < 5 * spread


def test_same_seed_same_shuffles(rng):
    x, u = rng.integers(2, size=(100, 5)), rng.integers(2, size=(100, 2))
    first, again = (
        select_features(x, u, 3, num_shuffles=5, rng=np.random.default_rng(1)) for _ in range(2)
    )
    np.testing.assert_array_equal(first.chance.mean, again.chance.mean)


x_ok, u_ok = np.eye(4, dtype=int), np.eye(4, dtype=int)[:, :2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_shuffles": 3}, "`rng` must be a numpy Generator to draw the shuffles, got None"),
        ({"num_shuffles": -1}, "`num_shuffles` must be at least 0, got -1"),
        ({"shuffle": "some"}, r"`shuffle` must be one of \('winner', 'all'\), got 'some'"),
        ({"stop": "chance"}, "`stop` 'chance' needs `corrected` or `num_shuffles`, got neither"),
    ],
)
def test_bad_input_gets_one_sentence(arguments, message):
    with pytest.raises(ValueError, match=message):
        select_features(x_ok, u_ok, 2, **arguments)


@pytest.mark.parametrize(
    ("mean", "exceedance", "num_shuffles", "expected"),
    [
        (5.0, 0.05, 19, False),  # half of the gain, and 5 %, are not above
        (5.0 + 1e-9, 0.05, 19, True),
        (5.0, 0.05 + 1e-9, 19, True),
        (0.0, 0.05 + 1e-9, 1000, True),
        (0.0, 1 / 4, 3, False),  # with few shuffles, any that reaches the gain
        (0.0, 2 / 4, 3, True),
        (0.0, 2 / 19, 18, True),
        (-1.0, 0.01, 100, False),
    ],
)
def test_where_chance_begins_to_explain_a_gain(mean, exceedance, num_shuffles, expected):
    assert is_by_chance(10.0, mean, exceedance, num_shuffles) is expected


def test_corrected_gains_are_by_chance_above_five_percent():
    """One table of two by two: by chance 2 N I is nearly chi-squared with 1 df."""
    found = set()
    for excess in range(40):
        u = np.repeat([0, 1], 200)
        x = np.concatenate([np.arange(200) < 100, np.arange(200) < 100 + excess])[:, None]
        ours = select_features(x, u[:, None], 1, null_model="conditional", corrected=True)
        assert ours.by_chance[0] == (ours.chance.exceedance[0] > 0.05)
        statistic = ours.gains[0] + ours.chance.mean[0]
        if abs(statistic - stats.chi2.isf(0.05, 1)) > 0.2:
            assert ours.by_chance[0] == (statistic < stats.chi2.isf(0.05, 1))
            found.add(bool(ours.by_chance[0]))
    assert found == {True, False}


@pytest.mark.parametrize("gain", [5.0, 1000.0])
def test_shuffled_gains_that_are_tied_up_to_rounding_reach_the_gain(rng, gain):
    """Rounding is 1e-9 of the number of samples, or of the gain if this is larger."""
    source = in_memory(rng.integers(2, size=(100, 2)), np.zeros((100, 1), np.int8), [2, 2], [1])
    unit = 1e-9 * max(gain, 100)
    shuffled = gain + unit * np.array([0, 0.5, -0.9, -1.1, -1e6, 1e6])
    given = np.array([np.nan, gain]), Shuffles(6, "winner", rng)
    found = chance_of_step(lambda columns: shuffled, source, 1, *given)
    assert found.exceedance[1] == (1 + 4) / (1 + 6)
    np.testing.assert_allclose(found.mean[1], shuffled.mean())
    np.testing.assert_allclose(found.sd[1], shuffled.std())
    assert np.isnan([part[0] for part in found]).all()


@pytest.mark.parametrize("mean", [0.3, 2.0, 9.0])
@pytest.mark.parametrize(("df", "square", "cube"), [(1, 1, 1), (4, 4, 4), (4, 7.0, 15.0)])
def test_p_values_by_margins_are_those_of_the_two_distributions(mean, df, square, cube):
    """The larger tail of a gamma, and of a shifted chi-squared distribution (Pearson 1959)."""
    gains = np.linspace(-mean, 30, 50)
    variance = 2 * square * max(1, mean / df) ** 2
    gamma = stats.gamma.sf(gains + mean, mean**2 / variance, scale=variance / mean)
    shape = square**3 / cube**2
    shifted = stats.chi2.sf(shape + gains / np.sqrt(variance) * np.sqrt(2 * shape), shape)
    for num_tests in (1, 7):
        found = chance_by_margins(gains, Margins(mean, df, square, cube), num_tests)
        expected = np.minimum(1, num_tests * np.maximum(gamma, shifted))
        np.testing.assert_allclose(found.exceedance, expected, rtol=1e-9)
        np.testing.assert_allclose(found.sd, np.sqrt(variance))
        assert found.mean == mean
    nothing = chance_by_margins(0.0, Margins(0.0, 0.0, 0.0, 0.0), 1)
    assert (nothing.sd, nothing.exceedance) == (0, 1)
