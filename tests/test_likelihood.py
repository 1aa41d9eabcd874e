import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from scipy.special import logsumexp

from models import VAEConfig, likelihood, train, vae
from models.boltzmann import DBMParams
from models.likelihood import (
    ais_log_partition,
    evidence_lower_bound,
    exact_log_likelihood,
    exact_log_partition,
    importance_weighted_bound,
    lower_bound,
)
from models.vae import log_importance_weights
from tests.enumeration import SHAPES, machine, probabilities, visible_states
from tests.test_boltzmann import NAMES, TRUTH, close, stacked, tolerance  # noqa: F401


@pytest.mark.parametrize("name", NAMES)
def test_enumeration_is_that_of_boltzmann_machines_jl(name, tolerance):  # noqa: F811
    params, lowest = stacked(name)
    values, x = TRUTH["values"][name], np.array(TRUTH["x"])
    close(exact_log_partition(params), values["exact_logZ"], tolerance)
    close(exact_log_likelihood(params, x), values["exact_loglik_each"], tolerance)
    close(exact_log_partition(lowest), values["rbm1"]["exact_logZ"], tolerance)
    mean = exact_log_likelihood(lowest, x).mean()
    close(mean, values["rbm1"]["exact_loglik_mean"], tolerance)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", [0, 1])
def test_enumeration_is_that_of_the_listed_states(shape, seed, tolerance):  # noqa: F811
    params, levels = machine(shape, seed)
    layers, probability, log_partition = probabilities(params, levels)
    close(exact_log_partition(params, levels), log_partition, tolerance)
    codes, as_units = visible_states(layers[0].shape[1], levels)
    match = (as_units[:, None] == layers[0]).all(axis=2)
    close(exact_log_likelihood(params, codes, levels), np.log(match @ probability), tolerance)


def test_many_states_are_enumerated_in_chunks(monkeypatch):
    params, _ = machine("RBM", seed=0)
    whole = exact_log_partition(params)
    monkeypatch.setattr(likelihood, "CHUNK", 3)
    likelihood._log_partition.clear_cache()
    np.testing.assert_allclose(exact_log_partition(params), whole, rtol=1e-6)
    likelihood._log_partition.clear_cache()


@pytest.mark.parametrize("name", NAMES)
def test_ais_agrees_with_the_exact_value(name):
    params, _ = stacked(name)
    ours = ais_log_partition(jax.random.key(0), params, num_chains=500, num_temperatures=500)
    assert abs(ours.estimate - TRUTH["values"][name]["exact_logZ"]) < 4 * ours.standard_error
    assert 250 < ours.effective_sample_size <= 500


@pytest.mark.parametrize("shape", ["DBM", "softmax DBM"])
def test_ais_is_within_three_standard_errors_in_95_of_100_machines(shape):
    machines = [machine(shape, seed)[0] for seed in range(100)]
    levels = SHAPES[shape][1]
    exact = np.array([probabilities(params, levels)[2] for params in machines])
    together = jax.tree.map(lambda *arrays: jnp.stack(arrays), *machines)
    keys = jax.random.split(jax.random.key(1), 100)
    ours = jax.vmap(lambda key, params: likelihood.anneal(key, params, levels, 400, 200))(
        keys, together
    )
    away = np.abs(ours.estimate - exact) / ours.standard_error
    assert (away < 3).sum() >= 95
    assert ours.standard_error.max() < 0.1
    # Errors of the size they claim to have: neither far too small nor far too large.
    assert 0.7 < np.sqrt((away**2).mean()) < 1.4


@pytest.mark.parametrize("shape", SHAPES)
def test_ais_is_unbiased_with_few_temperatures(shape):
    """The mean weight is Z whatever the number of temperatures; many chains would show a bias."""
    params, levels = machine(shape, seed=3, scale=1.5)
    log_partition = probabilities(params, levels)[2]
    ours = ais_log_partition(
        jax.random.key(0), params, levels, num_chains=200_000, num_temperatures=3
    )
    assert ours.standard_error < 0.05
    assert abs(ours.estimate - log_partition) < 4 * ours.standard_error


def test_few_temperatures_show_in_the_effective_sample_size():
    params, _ = machine("DBM", seed=2, scale=3.0)
    few, many = (
        ais_log_partition(jax.random.key(0), params, num_chains=100, num_temperatures=count)
        for count in (2, 500)
    )
    assert few.effective_sample_size < 50 < many.effective_sample_size
    assert few.standard_error > 2 * many.standard_error


@pytest.mark.parametrize("shape", SHAPES)
def test_the_mean_field_bound_is_a_bound_and_exact_with_one_hidden_layer(shape):
    params, levels = machine(shape, seed=8)
    codes, _ = visible_states(len(params.biases[0]), levels)
    exact = exact_log_likelihood(params, codes, levels)
    ours = lower_bound(params, codes, exact_log_partition(params, levels), levels)
    assert (ours <= exact + 1e-5).all()
    if len(params.biases) == 2:
        np.testing.assert_allclose(ours, exact, atol=1e-5)
    else:
        assert (exact - ours).max() > 1e-3


def by_grid(config, state, x):
    """Return log P(x) of a VAE of two latents by an integral on a grid."""
    axis = np.linspace(-6, 6, 161)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    hidden, output = (
        jax.tree.map(lambda leaf: np.asarray(leaf, float), state.params["decoder"]["params"][name])
        for name in ("Dense_0", "logits")
    )
    h = np.tanh(grid @ hidden["kernel"] + hidden["bias"])
    logits = h @ output["kernel"] + output["bias"]
    parts = np.split(logits, np.cumsum(np.array(config.levels) - 1)[:-1], axis=1)
    columns = [np.column_stack([np.zeros(len(grid)), part]) for part in parts]
    tables = [column - logsumexp(column, axis=1, keepdims=True) for column in columns]
    log_given = sum(table[:, codes] for table, codes in zip(tables, x.T, strict=True))
    log_prior = stats.norm.logpdf(grid).sum(axis=1) + 2 * np.log(axis[1] - axis[0])
    return logsumexp(log_given + log_prior[:, None], axis=0)


@pytest.fixture(scope="module")
def two_latents():
    """A VAE of two latents and mixed features, and log P(x) of its data."""
    rng = np.random.default_rng(0)
    first = rng.integers(2, size=60)
    x = np.column_stack([first, first ^ (rng.random(60) < 0.2), first + rng.integers(2, size=60)])
    config = VAEConfig(3, 2, learning_rate=0.02, batch_size=4, levels=(2, 2, 3))
    state = train(jax.random.key(0), vae(config), x, 40)
    return config, state, x, by_grid(config, state, x)


def test_samples_of_mixed_features_follow_the_integral(two_latents):
    config, state, _, _ = two_latents
    drawn = np.asarray(vae(config).sample(jax.random.key(5), state, 50_000).x)
    codes = np.array(list(np.ndindex(2, 2, 3)))
    expected = np.exp(by_grid(config, state, codes))
    np.testing.assert_allclose(expected.sum(), 1, rtol=1e-4)
    observed = np.bincount(np.ravel_multi_index(drawn.T, (2, 2, 3)), minlength=12)
    assert stats.chisquare(observed, expected / expected.sum() * 50_000).pvalue > 1e-6


def test_bounds_of_a_vae_lie_below_the_integral_and_come_close(two_latents):
    config, state, x, exact = two_latents
    log_weights = log_importance_weights(jax.random.key(1), config, state.params, x, 4000)
    assert log_weights.shape == (4000, 60)
    below = exact - evidence_lower_bound(log_weights)
    assert below.min() > 0
    tight = exact - importance_weighted_bound(log_weights)
    error = np.exp(log_weights - exact).std(axis=0) / np.sqrt(4000)
    assert (np.abs(tight) < 5 * error).all()
    assert tight.mean() < below.mean() / 20
    # Averaged over many, the bound of 5 draws is below log P(x) and above that of 1.
    of_five = jax.vmap(importance_weighted_bound)(log_weights.reshape(800, 5, 60))
    error = of_five.mean(axis=1).std() / np.sqrt(800)
    assert of_five.mean() < exact.mean() + 5 * error
    assert of_five.mean() > evidence_lower_bound(log_weights).mean()


def test_importance_weights_are_unbiased(two_latents):
    config, state, x, exact = two_latents
    weights = np.exp(
        np.asarray(log_importance_weights(jax.random.key(2), config, state.params, x, 4000)) - exact
    )
    error = weights.std(axis=0) / np.sqrt(len(weights))
    assert (np.abs(weights.mean(axis=0) - 1) < 5 * error).all()


def test_the_models_own_bound_is_the_elbo(two_latents):
    config, state, x, exact = two_latents
    keys = jax.random.split(jax.random.key(3), 2000)
    drawn = jax.vmap(lambda key: vae(config).bound(key, state, x))(keys)
    log_weights = log_importance_weights(jax.random.key(4), config, state.params, x, 4000)
    assert drawn.shape == (2000, 60)
    error = np.hypot(
        drawn.mean(axis=1).std() / 2000**0.5, log_weights.mean(axis=1).std() / 4000**0.5
    )
    assert abs(drawn.mean() - log_weights.mean()) < 5 * error


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: exact_log_partition(p, (2, 2)), "`levels` must fit the visible layer.*got 2"),
        (lambda p: exact_log_likelihood(p, [[0, 1]]), "`x` must have one column for each feature"),
        (lambda p: exact_log_likelihood(p, [[0, 1, 2, 0]]), "`x` must hold zeros and ones in col"),
        (lambda p: lower_bound(p, [[0.5] * 4], 0.0), "`x` must hold codes 0, 1, ..., got 0.5"),
        (lambda p: exact_log_partition(p, (3, 1, 2, 2)), "`levels` must be None or a tuple of int"),
        (lambda p: exact_log_partition(p, [3, 2, 2]), "`levels` must be None or a tuple of int"),
        (lambda p: exact_log_partition(p.weights), "`params` must be of type DBMParams, got tuple"),
        (
            lambda p: exact_log_partition(p._replace(weights=p.weights[:1])),
            "`params` must have weights between layers of .4, 3, 2. units",
        ),
        (
            lambda p: lower_bound(p, [[0] * 4], ais_log_partition(jax.random.key(0), p)),
            r"`log_partition` must be one number.*got shape \(3,\)",
        ),
        (lambda p: importance_weighted_bound([1.0]), r"`log_weights` must be of shape.*\(1,\)"),
        (lambda p: ais_log_partition(0, p), "`key` must be one JAX key"),
        (
            lambda p: ais_log_partition(jax.random.key(0), p, num_chains=1),
            "`num_chains` must be an integer of at least 2, got 1",
        ),
        (
            lambda p: exact_log_partition(
                DBMParams((jnp.zeros((30, 40)),), (jnp.zeros(30), jnp.zeros(40)))
            ),
            "`params` must be of a machine small enough for enumeration.*got 1073741824",
        ),
    ],
)
def test_bad_input_gets_one_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call(machine("DBM", 0)[0])
