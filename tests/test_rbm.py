import jax
import numpy as np
import optax
import pytest
from scipy import stats

from models import RBMConfig, rbm, snapshots, train
from models.likelihood import exact_log_likelihood
from tests.enumeration import machine, probabilities


@pytest.fixture
def pairs():
    """Cells with two pairs of features that go together, and a feature of three levels."""
    rng = np.random.default_rng(0)
    a, b = rng.integers(2, size=(2, 600))
    flips = rng.random((600, 2)) < 0.1
    return np.column_stack([a, a ^ flips[:, 0], b, b ^ flips[:, 1], a + b])


LEVELS = (2, 2, 2, 2, 3)


def log_likelihood(state, x):
    return float(exact_log_likelihood(state.params, x, LEVELS).mean())


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"num_steps": 3},
        {"num_chains": 30},
        {"momentum": 0.5},
        {"weight_decay": 1e-3},
        {"halving_updates": 5000.0},
    ],
)
def test_training_raises_the_exact_log_likelihood(pairs, settings):
    config = RBMConfig(5, 4, LEVELS, learning_rate=0.1, batch_size=10, **settings)
    train_x, test_x = pairs[:400], pairs[400:]
    (_, start, _), (_, state, info) = snapshots(jax.random.key(0), rbm(config), train_x, [0, 60])
    independent = log_likelihood(start, test_x)
    assert log_likelihood(state, test_x) > independent + 0.5
    assert info.reconstruction[-1] < info.reconstruction[0] - 0.5
    assert np.isfinite(info.gradient_norm).all()
    if config.num_chains:
        assert state.chains.shape == (30, 6)
    else:
        assert state.chains is None


def test_any_optimiser_of_optax_will_do(pairs):
    config = RBMConfig(5, 4, LEVELS, batch_size=10)
    model = rbm(config, optax.adam(0.01))
    state = train(jax.random.key(0), model, pairs, 30)
    start = train(jax.random.key(0), model, pairs, 0)
    assert log_likelihood(state, pairs) > log_likelihood(start, pairs) + 0.5


def test_it_starts_as_independent_features(pairs):
    model = rbm(RBMConfig(5, 4, LEVELS))
    state = model.init(jax.random.key(0), pairs)
    frequencies = [np.bincount(column) / len(pairs) for column in pairs.T]
    entropy = sum(stats.entropy(frequency) for frequency in frequencies)
    assert log_likelihood(state, pairs) == pytest.approx(-entropy, abs=0.01)


def test_samples_follow_the_machine():
    params, levels = machine("softmax RBM", seed=1, scale=0.7)
    model = rbm(RBMConfig(3, 3, levels, sample_sweeps=50))
    state = model.init(jax.random.key(0), np.zeros((2, 3)))._replace(params=params)
    samples = model.sample(jax.random.key(1), state, 50_000)
    assert samples.x.dtype == samples.u.dtype == np.int8
    layers, probability, _ = probabilities(params, levels)
    # A visible column of units c with codes 1.. is code (c * [1, 2, ..]).sum().
    x = np.column_stack([layers[0][:, 0], layers[0][:, 1:4] @ [1, 2, 3], layers[0][:, 4:] @ [1, 2]])
    code = np.ravel_multi_index(np.hstack([x, layers[1]]).astype(int).T, (2, 4, 3, 2, 2, 2))
    drawn = np.ravel_multi_index(np.hstack(samples).astype(int).T, (2, 4, 3, 2, 2, 2))
    expected = np.bincount(code, probability) * 50_000
    assert stats.chisquare(np.bincount(drawn, minlength=len(expected)), expected).pvalue > 1e-6


def test_the_bound_is_the_log_likelihood(pairs):
    model = rbm(RBMConfig(5, 4, LEVELS, learning_rate=0.1, batch_size=10))
    state = train(jax.random.key(2), model, pairs, 20)
    ours = model.bound(jax.random.key(3), state, pairs[:50])
    np.testing.assert_allclose(
        ours, exact_log_likelihood(state.params, pairs[:50], LEVELS), atol=0.05
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_hidden": 0}, "`num_hidden` must be an integer of at least 1, got 0"),
        ({"levels": (2, 2)}, r"`levels` must be None or a tuple with one entry.*got \(2, 2\)"),
        ({"levels": (2, 2, 1)}, "`levels` must be an integer of at least 2, got 1"),
        ({"momentum": 1.0}, "`momentum` must be below 1, got 1.0"),
        ({"weight_decay": -1.0}, "`weight_decay` must be a number of at least 0, got -1.0"),
        ({"halving_updates": 0}, "`halving_updates` must be a positive number, got 0"),
        ({"num_chains": 0}, "`num_chains` must be an integer of at least 1, got 0"),
        ({"learning_rate": float("nan")}, "`learning_rate` must be a positive number, got nan"),
    ],
)
def test_bad_settings_get_one_sentence(settings, message):
    with pytest.raises(ValueError, match=message):
        RBMConfig(**({"num_features": 3, "num_hidden": 2} | settings))


def test_bad_data_get_one_sentence():
    model = rbm(RBMConfig(3, 2, (2, 3, 2), batch_size=4))
    with pytest.raises(ValueError, match="`x` must hold codes below 3 in column 1, got 3"):
        model.init(jax.random.key(0), [[0, 3, 1]] * 4)
    with pytest.raises(ValueError, match="`x` must have at least `batch_size` rows"):
        model.init(jax.random.key(0), [[0, 2, 1]] * 3)
