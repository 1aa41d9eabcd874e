import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from models import units
from models.boltzmann import (
    DBMParams,
    energy,
    free_energy,
    gibbs,
    gibbs_draws,
    given_visible,
    independent_layers,
    layer_input,
    mean_field,
    variational_free_energy,
)
from tests.conftest import reference
from tests.enumeration import SHAPES, all_states, machine, probabilities

TRUTH = reference("dbm/boltzmann_machines_jl.json")
NAMES = sorted(TRUTH["models"])
PRECISIONS = {"float32": 1e-6, "float64": 1e-10}


@pytest.fixture(params=sorted(PRECISIONS))
def tolerance(request):
    """Run a test in both precisions."""
    with jax.enable_x64(request.param == "float64"):
        yield PRECISIONS[request.param]


def stacked(name):
    """Return a reference DBM, and its lowest RBM."""
    arrays = {key: jnp.asarray(value, float) for key, value in TRUTH["models"][name].items()}
    middle = arrays["b1_hid"] + arrays["b2_vis"]
    biases = arrays["b1_vis"], middle, arrays["b2_hid"]
    lowest = DBMParams((arrays["W1"],), (arrays["b1_vis"], arrays["b1_hid"]))
    return DBMParams((arrays["W1"], arrays["W2"]), biases), lowest


def close(ours, theirs, tolerance):
    """Compare, relative to the largest value."""
    theirs = np.asarray(theirs, float)
    scale = max(1.0, np.abs(theirs).max())
    np.testing.assert_allclose(np.asarray(ours, float), theirs, rtol=0, atol=tolerance * scale)


@pytest.mark.parametrize("name", NAMES)
def test_energies_and_free_energies_are_those_of_boltzmann_machines_jl(name, tolerance):
    params, lowest = stacked(name)
    values, x = TRUTH["values"][name], jnp.asarray(TRUTH["x"], float)
    layers = [jnp.asarray(layer) for layer in values["energy_state"]]
    close(energy(params, layers), values["energy"], tolerance)
    layers = [jnp.asarray(layer) for layer in values["rbm1"]["energy_state"]]
    close(energy(lowest, layers), values["rbm1"]["energy"], tolerance)
    close(free_energy(lowest, (x, None)), values["rbm1"]["freeenergy_each"], tolerance)
    inputs = layer_input(lowest, (x, None), 1)
    close(units.mean(inputs), values["rbm1"]["hiddenpotential"], tolerance)
    close(units.mean(2 * inputs), values["rbm1"]["hiddenpotential_factor2"], tolerance)


@pytest.mark.parametrize("name", NAMES)
def test_mean_field_reaches_the_fixed_point_and_the_bound(name, tolerance):
    params, _ = stacked(name)
    values, x = TRUTH["values"][name], jnp.asarray(TRUTH["x"], float)
    layers = mean_field(params, x, tolerance / 100, 10_000)
    for ours, theirs in zip(layers[1:], values["meanfield_converged"], strict=True):
        close(ours, theirs, tolerance)
    bound = -variational_free_energy(params, layers) - values["exact_logZ"]
    close(bound, values["lower_bound_each_converged"], tolerance)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", [0, 1])
def test_the_energy_is_that_of_the_listed_states(shape, seed, tolerance):
    params, levels = machine(shape, seed)
    layers, expected = all_states(params, levels)
    close(energy(params, [jnp.asarray(layer) for layer in layers]), expected, tolerance)


@pytest.mark.parametrize("shape", SHAPES)
def test_each_conditional_follows_from_the_energy(shape):
    params, levels = machine(shape, seed=3)
    layers, probability, _ = probabilities(params, levels)
    for index in range(len(layers)):
        own_levels = levels if index == 0 else None
        ours = units.mean(layer_input(params, layers, index), own_levels)
        others = np.hstack([layer for i, layer in enumerate(layers) if i != index])
        _, group = np.unique(others, axis=0, return_inverse=True)
        group = group.ravel()
        weight = np.bincount(group, probability)
        for unit in range(layers[index].shape[1]):
            on = np.bincount(group, probability * layers[index][:, unit])
            np.testing.assert_allclose(ours[:, unit], (on / weight)[group], atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("summed", [0, 1])
def test_free_energies_sum_out_layers(shape, summed):
    params, levels = machine(shape, seed=4)
    layers, negative = all_states(params, levels)
    kept = [None if i % 2 == summed else layer for i, layer in enumerate(layers)]
    ours = free_energy(params, kept, levels)
    key = np.hstack([layer for layer in kept if layer is not None])
    _, first, group = np.unique(key, axis=0, return_index=True, return_inverse=True)
    expected = -np.log(np.bincount(group.ravel(), np.exp(-negative)))
    np.testing.assert_allclose(ours[first], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_long_chains_visit_all_joint_states_as_often_as_they_should(shape, seed):
    params, levels = machine(shape, seed, scale=0.7)
    layers, probability, _ = probabilities(params, levels)
    start_key, key = jax.random.split(jax.random.key(seed))
    # One draw from each of many chains: independent, as the chi-square test wants them.
    chains = independent_layers(start_key, params, 100_000, levels)
    drawn = np.hstack(gibbs(key, params, chains, 60, levels))
    states = np.hstack(layers)
    bits = 2.0 ** np.arange(states.shape[1])
    order = np.argsort(states @ bits)
    place = order[np.searchsorted((states @ bits)[order], drawn @ bits)]
    observed = np.bincount(place, minlength=len(states))
    expected = probability * len(drawn)
    group = np.where(expected >= 5, np.arange(len(states)), expected.argmax())
    observed, expected = (np.bincount(group, counts) for counts in (observed, expected))
    observed, expected = observed[expected > 0], expected[expected > 0]
    assert stats.chisquare(observed, expected).pvalue > 1e-6

    # Covariances of neighbouring layers, which sweeps of all layers at once would lose.
    sizes = np.cumsum([0, *(layer.shape[1] for layer in layers)])
    exact = np.cov(states.T, aweights=probability, ddof=0)
    ours = np.cov(drawn.T, ddof=0)
    neighbours = np.zeros_like(exact, dtype=bool)
    for low, middle, high in zip(sizes, sizes[1:], sizes[2:], strict=False):
        neighbours[low:middle, middle:high] = True
    assert np.abs(exact[neighbours]).max() > 0.03
    assert np.abs(ours - exact)[neighbours].max() < 5 * 0.25 / np.sqrt(len(drawn))


def test_clamped_chains_sample_the_hidden_layers_given_the_visible_one():
    params, _ = machine("DBM", seed=5)
    layers, probability, _ = probabilities(params, None)
    visible = np.array([1.0, 0, 1, 1])
    match = (layers[0] == visible).all(axis=1)
    given = probability[match] / probability[match].sum()
    hidden = given_visible(params, jnp.asarray(visible))
    start_key, key = jax.random.split(jax.random.key(0))
    drawn = np.hstack(gibbs(key, hidden, independent_layers(start_key, hidden, 100_000), 40))
    place = drawn.astype(int) @ [16, 8, 4, 2, 1]
    listed = np.hstack(layers[1:])[match].astype(int) @ [16, 8, 4, 2, 1]
    observed = np.bincount(place, minlength=32)[listed]
    assert stats.chisquare(observed, given * len(drawn)).pvalue > 1e-6


def test_draws_along_chains_are_as_thinned():
    params, levels = machine("softmax DBM", seed=6)
    start = independent_layers(jax.random.key(0), params, 3, levels)
    draws = gibbs_draws(jax.random.key(1), params, start, 200, burn_in=5, thinning=4, levels=levels)
    assert [layer.shape for layer in draws] == [(200, 3, 4), (200, 3, 3), (200, 3, 2)]
    still = gibbs_draws(jax.random.key(1), params, start, 2, burn_in=0, thinning=1, levels=levels)
    jax.tree.map(lambda draw, layer: np.testing.assert_array_equal(draw[0], layer), still, start)

    def correlation(thinning):
        chains = independent_layers(jax.random.key(2), params, 400, levels)
        layers = gibbs_draws(
            jax.random.key(3), params, chains, 50, burn_in=5, thinning=thinning, levels=levels
        )
        top = np.asarray(layers[-1])[..., 0]
        return np.corrcoef(top[:-1].ravel(), top[1:].ravel())[0, 1]

    assert correlation(1) > correlation(3) + 0.05
