from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import entropy

from models import units
from models.boltzmann.dbm import odd_means
from models.boltzmann.energy import DBMParams, given_visible
from models.boltzmann.gradients import (
    BoltzmannInfo,
    Contrast,
    binary_entropy,
    center,
    energy_gradient,
    idle_warning,
    log_odds,
    some_cells,
)
from models.boltzmann.variational import mean_field, variational_free_energy
from tests.depth import usual_or_deep
from tests.models.boltzmann.chains import NUM_CHAINS, drawn, settled
from tests.models.chance import assert_within_five_standard_errors
from tests.models.enumeration import (
    SHAPES,
    SOME_SHAPES,
    log_sums,
    loss,
    loss_gradient,
    machine,
    some_rows,
)
from tests.models.julia import NAMES, TRUTH, X, assert_close, stacked


def test_idle_units_are_named_in_one_sentence():
    bits = np.full(12, 0.9)
    assert idle_warning(BoltzmannInfo(1.0, 1.0, bits)) == ""
    bits[[3, 7]] = 0.0, 0.09
    sentence = idle_warning(BoltzmannInfo(1.0, 1.0, bits))
    assert sentence.startswith("2 of the 12 units of the highest layer are always on or always off")
    assert "(units 3, 7: entropy below 0.1 bits)" in sentence
    # Of many the first ten, and as many as there are if these are all.
    many = idle_warning(BoltzmannInfo(1.0, 1.0, np.zeros(11)))
    assert "(units 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ...: entropy" in many
    assert "8, 9: entropy" in idle_warning(BoltzmannInfo(1.0, 1.0, np.zeros(10)))
    found = binary_entropy(np.array([0.0, 0.5, 1.0, 0.25]))
    np.testing.assert_allclose(found, [0, 1, 0, entropy([0.25, 0.75], base=2)], rtol=1e-6)


@pytest.mark.parametrize(
    ("num_cells", "num_kept"), [(7, 7), (1000, 1000), (1001, 501), (2500, 834)]
)
def test_entropy_is_of_at_most_a_thousand_cells_spread_over_all(num_cells, num_kept):
    rows = np.asarray(some_cells(np.arange(num_cells)[:, None]))[:, 0]
    assert len(rows) == num_kept
    assert len(set(np.diff(rows))) == 1
    assert rows[-1] >= num_cells - (num_cells // num_kept + 1)


NUM_GRADIENTS = 400
"""Each from 50 chains or more: standard errors are then below 0.01, where the gradients are 0.1 to
1 in size."""


@jax.jit
def gradients(params, data, chains):
    """Return a gradient for each entry along the first axis of data and chains."""

    def one(data, chains):
        return energy_gradient(params, Contrast(data, odd_means(params, chains)))

    return jax.vmap(one)(data, chains)


@cache
def grouped_chains(shape, seed):
    """Return the machine's own states, (NUM_GRADIENTS, chains, units_l)."""
    parts = NUM_GRADIENTS, NUM_CHAINS // NUM_GRADIENTS
    return tuple(layer.reshape(*parts, -1) for layer in drawn(shape, seed))


def repeated(layer):
    return jnp.broadcast_to(layer, (NUM_GRADIENTS, *layer.shape))


# The bound below, which is exact with one hidden layer, has the softmax RBM in the usual run.
@pytest.mark.parametrize("shape", usual_or_deep(["softmax DBM", "four layers"], list(SHAPES)))
@pytest.mark.parametrize("seed", usual_or_deep([0], [0, 1]))
def test_sampled_gradients_are_those_of_the_exact_log_likelihood(shape, seed):
    params, levels = machine(shape, seed, scale=0.7)
    x, visible = some_rows(params, levels)
    hidden = given_visible(params, visible)
    keys = jax.random.split(jax.random.key(100), NUM_GRADIENTS)
    clamped = jax.vmap(lambda key: settled(key, hidden, num_chains=1))(keys)
    data = repeated(visible), *(layer.reshape(NUM_GRADIENTS, len(x), -1) for layer in clamped)
    ours = gradients(params, data, grouped_chains(shape, seed))
    assert_within_five_standard_errors(ours, loss_gradient(params, visible, levels=levels))


@partial(jax.jit, static_argnames="levels")
def bound_gradient(params, data, levels):
    """Return the gradient of the mean-field bound, less its sign.

    The means are where the bound is highest, so it does not matter how they would move.
    """

    def negative_bound(params):
        _, log_partition = log_sums(params, data[0], levels)
        return variational_free_energy(params, data).mean() + log_partition

    return jax.grad(negative_bound)(params)


@pytest.mark.parametrize("shape", SOME_SHAPES)
def test_the_gradient_of_fine_tuning_is_that_of_the_bound(shape):
    """With mean field under the data; the same as the log-likelihood's with one hidden layer."""
    params, levels = machine(shape, seed=0, scale=0.7)
    x, visible = some_rows(params, levels)
    data = jax.jit(mean_field)(params, visible, 1e-6, 1000)
    ours = gradients(params, tuple(map(repeated, data)), grouped_chains(shape, 0))
    assert_within_five_standard_errors(ours, bound_gradient(params, data, levels=levels))


@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_of_fine_tuning_is_that_of_boltzmann_machines_jl(name):
    params, _ = stacked(name)
    step = TRUTH["values"][name]["gradient_step"]
    means = TRUTH["values"][name]["meanfield_eps1e-3"]
    data = tuple(jnp.asarray(layer, float) for layer in (X, *means))
    model = tuple(jnp.asarray(layer, float) for layer in step["particles"])
    ours = jax.jit(energy_gradient)(params, Contrast(data, model))
    for gradient, theirs in zip(ours.weights, step["W"], strict=True):
        assert_close(-gradient, theirs, 1e-6)
    for gradient, theirs in zip(ours.biases, [step["vis"][0], *step["hid"]], strict=True):
        assert_close(-gradient, theirs, 1e-6)


def uncentred(params, offsets):
    """Return the machine that has these parameters when units are counted from offsets."""
    biases = list(params.biases)
    for index, weight in enumerate(params.weights):
        biases[index] -= weight @ offsets[index + 1]
        biases[index + 1] -= offsets[index] @ weight
    return DBMParams(params.weights, tuple(biases))


@jax.jit
def step_in_centred_parameters(params, offsets, visible):
    """Return how a machine moves with a step of rate 1 along the gradient in these parameters."""
    at = uncentred(params, tuple(-offset for offset in offsets))
    step = jax.grad(lambda centred: loss(uncentred(centred, offsets), visible, None))(at)
    moved = uncentred(jax.tree.map(jnp.subtract, at, step), offsets)
    return jax.tree.map(jnp.subtract, params, moved)


@pytest.mark.parametrize("shape", usual_or_deep(["four layers"], ["RBM", "DBM", "four layers"]))
def test_centring_is_the_gradient_in_centred_parameters(shape):
    params, levels = machine(shape, seed=4)
    offsets = tuple(jnp.asarray(np.random.default_rng(5).random(len(b))) for b in params.biases)
    _, visible = some_rows(params, None)
    gradient = loss_gradient(params, visible, levels=levels)
    expected = step_in_centred_parameters(params, offsets, visible)
    ours = jax.jit(center)(gradient, offsets)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), ours, expected)
    downhill = jax.tree.map(lambda a, b: float((a * b).sum()), gradient, ours)
    assert sum(jax.tree.leaves(downhill)) > 0


@pytest.mark.parametrize("levels", [None, (2, 3, 2)])
def test_visible_biases_start_at_the_frequencies(levels):
    x = np.array([[0, 1, 0], [1, 2, 0], [1, 1, 0], [0, 0, 0], [1, 1, 0]])
    x = x if levels else x % 2
    bias = log_odds(jnp.asarray(x), levels)
    assert np.isfinite(bias).all()
    means = units.mean(bias, levels)
    counts = units.to_units(jnp.asarray(x), levels).sum(axis=0)
    states = np.array([2, 2, 2]) if levels is None else np.array([2, 3, 3, 2])
    np.testing.assert_allclose(means, (counts + 0.5) / (5 + states / 2), rtol=1e-5)
