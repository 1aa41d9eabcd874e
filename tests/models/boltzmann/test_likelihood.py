import jax
import jax.numpy as jnp
import numpy as np
import pytest

from models.boltzmann import likelihood
from models.boltzmann.energy import DBMParams
from models.boltzmann.likelihood import (
    LogPartition,
    ais_log_partition,
    exact_log_likelihood,
    exact_log_partition,
    lower_bound,
)
from tests.depth import usual_or_deep
from tests.models.enumeration import SHAPES, SOME_SHAPES, machine, probabilities, visible_states
from tests.models.julia import NAMES, TRUTH, X, assert_close, stacked


@pytest.mark.parametrize("name", NAMES)
def test_enumeration_is_that_of_boltzmann_machines_jl(name, tolerance):
    params, lowest = stacked(name)
    values, x = TRUTH["values"][name], X
    assert_close(exact_log_partition(params), values["exact_logZ"], tolerance)
    assert_close(exact_log_likelihood(params, x), values["exact_loglik_each"], tolerance)
    assert_close(exact_log_partition(lowest), values["rbm1"]["exact_logZ"], tolerance)
    mean = exact_log_likelihood(lowest, x).mean()
    assert_close(mean, values["rbm1"]["exact_loglik_mean"], tolerance)


@pytest.mark.parametrize("shape", SOME_SHAPES)
@pytest.mark.parametrize("seed", [0, 1])
def test_enumeration_is_that_of_the_listed_states(shape, seed, tolerance):
    params, levels = machine(shape, seed)
    layers, probability, log_partition = probabilities(params, levels)
    assert_close(exact_log_partition(params, levels), log_partition, tolerance)
    codes, as_units = visible_states(layers[0].shape[1], levels)
    match = (as_units[:, None] == layers[0]).all(axis=2)
    assert_close(
        exact_log_likelihood(params, codes, levels), np.log(match @ probability), tolerance
    )


def test_many_states_are_enumerated_in_chunks(monkeypatch):
    params, _ = machine("RBM", seed=0)
    whole = exact_log_partition(params)
    monkeypatch.setattr(likelihood, "CHUNK", 3)
    likelihood._log_partition.clear_cache()
    np.testing.assert_allclose(exact_log_partition(params), whole, rtol=1e-6)
    likelihood._log_partition.clear_cache()


def test_as_many_states_as_are_allowed_are_enumerated(monkeypatch):
    params, _ = machine("RBM", seed=0)  # five visible and four hidden units
    monkeypatch.setattr(likelihood, "MAX_STATES", 16)
    assert np.isfinite(exact_log_partition(params))
    monkeypatch.setattr(likelihood, "MAX_STATES", 15)
    with pytest.raises(ValueError, match="expected at most 15 states .* got 16"):
        exact_log_partition(params)


@pytest.mark.parametrize("name", NAMES)
def test_ais_agrees_with_the_exact_value(name):
    params, _ = stacked(name)
    ours = ais_log_partition(jax.random.key(0), params, num_chains=500, num_temperatures=500)
    assert abs(ours.estimate - TRUTH["values"][name]["exact_logZ"]) < 4 * ours.standard_error
    assert 250 < ours.effective_sample_size <= 500


@pytest.mark.deep  # a hundred runs; the tests above are of one each
@pytest.mark.parametrize("shape", usual_or_deep(["softmax DBM"], ["DBM", "softmax DBM"]))
def test_ais_is_within_three_standard_errors_in_95_of_100_machines(shape):
    machines = [machine(shape, seed)[0] for seed in range(100)]
    levels = SHAPES[shape][1]
    exact = np.array([probabilities(params, levels)[2] for params in machines])
    together = jax.tree.map(lambda *arrays: jnp.stack(arrays), *machines)
    # Either way 370 chains of 400 are effective, and errors of 0.005 to 0.01 are what is claimed.
    num_temperatures = usual_or_deep(100, 200)
    keys = jax.random.split(jax.random.key(1), 100)
    ours = jax.vmap(
        lambda key, params: likelihood.anneal(key, params, levels, 400, num_temperatures)
    )(keys, together)
    away = np.abs(ours.estimate - exact) / ours.standard_error
    assert (away < 3).sum() >= 95
    assert ours.standard_error.max() < 0.1
    # Errors of the size they claim to have: neither far too small nor far too large.
    assert 0.7 < np.sqrt((away**2).mean()) < 1.4


@pytest.mark.parametrize("shape", SOME_SHAPES)
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
    params, _ = stacked("mild")
    rng = np.random.default_rng(0)
    strong = jax.tree.map(lambda leaf: jnp.asarray(2 * rng.normal(size=leaf.shape)), params)
    few, many = (
        ais_log_partition(jax.random.key(0), strong, num_chains=500, num_temperatures=count)
        for count in (2, 500)
    )
    assert few.effective_sample_size < 250 < many.effective_sample_size
    assert few.standard_error > 2 * many.standard_error


@pytest.mark.parametrize("shape", SOME_SHAPES)
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


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: exact_log_partition(p, (2, 2)), "`levels` must fit the visible layer.*got 2"),
        (lambda p: exact_log_likelihood(p, [[0, 1]]), "`x` must have one column for each feature"),
        (lambda p: exact_log_likelihood(p, [[0, 1, 2, 0]]), "`x` must hold zeros and ones in col"),
        (lambda p: lower_bound(p, [[0.5] * 4], 0.0), "`x` must hold codes 0, 1, ..., 126, got 0.5"),
        (lambda p: exact_log_partition(p, (3, 1, 2, 2)), "`levels` must be None or a tuple of int"),
        (lambda p: exact_log_partition(p, [3, 2, 2]), "`levels` must be None or a tuple of int"),
        (lambda p: exact_log_partition(p.weights), "`params` must be of type DBMParams, got tuple"),
        (
            lambda p: exact_log_partition(p._replace(weights=p.weights[:1])),
            "`params` must have weights between layers of .4, 3, 2. units",
        ),
        (
            lambda p: lower_bound(p, [[0] * 4], LogPartition(1.0, 0.1, 50.0)),
            r"`log_partition` must be one number.*got shape \(3,\)",
        ),
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
