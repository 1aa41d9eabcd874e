import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from models import units
from models.boltzmann import (
    DBMParams,
    gibbs,
    given_visible,
    independent_layers,
    layer_input,
    mean_field,
    variational_free_energy,
)
from models.dbm import odd_means
from models.descent import gradient_descent
from models.learning import Contrast, center, energy_gradient, log_odds
from models.rbm import contrastive_divergence
from tests.enumeration import SHAPES, machine, visible_states
from tests.test_boltzmann import TRUTH, close, stacked

DATA_ROWS = 12


def some_data(params, levels, seed=0):
    """Draw a few rows of codes, and their units."""
    codes, as_units = visible_states(len(params.biases[0]), levels)
    rows = np.random.default_rng(seed).integers(len(codes), size=DATA_ROWS)
    return codes[rows], jnp.asarray(as_units[rows], float)


def assert_within_five_standard_errors(gradients, expected):
    """Compare the mean of independent gradients, along the first axis, with an exact one."""
    for drawn, exact in zip(jax.tree.leaves(gradients), jax.tree.leaves(expected), strict=True):
        error = drawn.std(axis=0) / np.sqrt(len(drawn))
        away = np.abs(drawn.mean(axis=0) - exact)
        assert (away <= 5 * error + 1e-6).all()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", [0, 1])
def test_sampled_gradients_are_those_of_the_exact_log_likelihood(shape, seed):
    params, levels = machine(shape, seed, scale=0.7)
    x, visible = some_data(params, levels)
    exact = jax.grad(loss)(params, visible, levels)

    def one(key):
        free_key, clamped_key, free_start, clamped_start = jax.random.split(key, 4)
        hidden = given_visible(params, visible)
        clamped = gibbs(clamped_key, hidden, independent_layers(clamped_start, hidden, 1), 60)
        free = independent_layers(free_start, params, 20, levels)
        free = gibbs(free_key, params, free, 60, levels)
        return energy_gradient(params, Contrast((visible, *clamped), odd_means(params, free)))

    gradients = jax.vmap(one)(jax.random.split(jax.random.key(seed), 400))
    assert_within_five_standard_errors(gradients, exact)


def by_listing(params, visible, levels):
    """Mean of log sum_h exp(-energy(x, h)) and log Z by listing all states, to differentiate."""
    sizes = [len(bias) for bias in params.biases]
    parts = [visible_states(size, None)[1] for size in sizes[1:]]
    index = np.indices([len(part) for part in parts]).reshape(len(parts), -1)
    hidden = [jnp.asarray(part[i]) for part, i in zip(parts, index, strict=True)]
    among_hidden = sum(layer @ bias for layer, bias in zip(hidden, params.biases[1:], strict=True))
    for lower, weight, upper in zip(hidden, params.weights[1:], hidden[1:], strict=False):
        among_hidden += ((lower @ weight) * upper).sum(axis=-1)

    def log_unnormalized(visible):
        with_hidden = visible @ params.weights[0] @ hidden[0].T
        return jax.nn.logsumexp(visible @ params.biases[0] + with_hidden + among_hidden)

    states = jnp.asarray(visible_states(sizes[0], levels)[1])
    log_partition = jax.nn.logsumexp(jax.vmap(log_unnormalized)(states))
    return jax.vmap(log_unnormalized)(visible).mean(), log_partition


def loss(params, visible, levels):
    """Mean of -log P(x)."""
    log_unnormalized, log_partition = by_listing(params, visible, levels)
    return log_partition - log_unnormalized


@pytest.mark.parametrize("shape", SHAPES)
def test_the_gradient_of_fine_tuning_is_that_of_the_bound(shape):
    """With mean field under the data; the same as the log-likelihood's with one hidden layer."""
    params, levels = machine(shape, seed=2, scale=0.7)
    x, visible = some_data(params, levels)

    data = mean_field(params, visible, 1e-6, 1000)

    def negative_bound(params):
        # The means are where the bound is highest, so it does not matter how they would move.
        _, log_partition = by_listing(params, visible, levels)
        return variational_free_energy(params, data).mean() + log_partition

    exact = jax.grad(negative_bound)(params)

    def one(key):
        start_key, key = jax.random.split(key)
        chains = independent_layers(start_key, params, 20, levels)
        chains = gibbs(key, params, chains, 60, levels)
        return energy_gradient(params, Contrast(data, odd_means(params, chains)))

    gradients = jax.vmap(one)(jax.random.split(jax.random.key(0), 400))
    assert_within_five_standard_errors(gradients, exact)


def test_a_few_more_steps_bring_contrastive_divergence_to_the_exact_gradient():
    params, levels = machine("softmax RBM", seed=3, scale=0.7)
    x, visible = some_data(params, levels)
    exact = jax.grad(loss)(params, visible, levels)

    def gradients(num_steps):
        def one(key):
            contrast, _ = contrastive_divergence(
                key, params, visible, num_steps=num_steps, levels=levels
            )
            return energy_gradient(params, contrast)

        return jax.vmap(one)(jax.random.split(jax.random.key(1), 1000))

    assert_within_five_standard_errors(gradients(40), exact)
    with pytest.raises(AssertionError):
        assert_within_five_standard_errors(gradients(1), exact)


@pytest.mark.parametrize("name", sorted(TRUTH["rbm_steps"]))
def test_steps_of_contrastive_divergence_are_those_of_boltzmann_machines_jl(name):
    step = {key: jnp.asarray(value) for key, value in TRUTH["rbm_steps"][name].items()}
    up, down = {"plain": (1, 1), "dbm_first_layer_up2_down1": (2, 1)}.get(name, (1, 2))
    _, params = stacked("mild")
    hidden = units.mean(up * layer_input(params, (step["v"], None), 1))
    close(hidden, step["h"], 1e-6)
    visible = units.mean(down * layer_input(params, (None, step["hidden_chain_state"]), 0))
    close(visible, step["vmodel"], 1e-6)
    contrast, _ = contrastive_divergence(jax.random.key(0), params, step["v"], up=up, down=down)
    close(contrast.data[1], step["h"], 1e-6)
    given = Contrast((step["v"], step["h"]), (step["vmodel"], step["hmodel"]))
    optimizer = gradient_descent(0.1)
    changes, _ = optimizer.update(energy_gradient(params, given), optimizer.init(params), params)
    after = optax.apply_updates(params, changes)
    close(after.weights[0], step["W_after_lr0.1"], 1e-6)
    close(after.biases[0], step["vis_after"], 1e-6)
    close(after.biases[1], step["hid_after"], 1e-6)


@pytest.mark.parametrize("name", sorted(TRUTH["models"]))
def test_the_gradient_of_fine_tuning_is_that_of_boltzmann_machines_jl(name):
    params, _ = stacked(name)
    step = TRUTH["values"][name]["gradient_step"]
    means = TRUTH["values"][name]["meanfield_eps1e-3"]
    data = tuple(jnp.asarray(layer, float) for layer in (TRUTH["x"], *means))
    model = tuple(jnp.asarray(layer, float) for layer in step["particles"])
    ours = energy_gradient(params, Contrast(data, model))
    for gradient, theirs in zip(ours.weights, step["W"], strict=True):
        close(-gradient, theirs, 1e-6)
    for gradient, theirs in zip(ours.biases, [step["vis"][0], *step["hid"]], strict=True):
        close(-gradient, theirs, 1e-6)


def test_the_rate_falls_as_the_authors_does():
    params = DBMParams((jnp.zeros((1, 1)),), (jnp.zeros(1), jnp.zeros(1)))
    ones = jax.tree.map(jnp.ones_like, params)
    optimizer = gradient_descent(0.001, halving_updates=11)
    state, rates = optimizer.init(params), []
    for _ in range(10):
        changes, state = optimizer.update(ones, state, params)
        rates.append(-float(changes.weights[0][0, 0]))
    expected = TRUTH["learning_rates_of_joint_training_lr0.001_epochs10"]
    np.testing.assert_allclose(rates, expected, rtol=1e-6)


def test_momentum_repeats_steps_and_decay_pulls_weights_only():
    params = DBMParams((jnp.full((1, 1), 2.0),), (jnp.full(1, 2.0), jnp.full(1, 2.0)))
    ones = jax.tree.map(jnp.ones_like, params)
    optimizer = gradient_descent(0.1, momentum=0.5)
    first, state = optimizer.update(ones, optimizer.init(params), params)
    second, _ = optimizer.update(ones, state, params)
    assert float(first.biases[0][0]) == pytest.approx(-0.1)
    assert float(second.biases[0][0]) == pytest.approx(-0.15)
    optimizer = gradient_descent(0.1, weight_decay=0.5)
    changes, _ = optimizer.update(ones, optimizer.init(params), params)
    assert float(changes.weights[0][0, 0]) == pytest.approx(-0.1 * (1 + 0.5 * 2))
    assert float(changes.biases[1][0]) == pytest.approx(-0.1)


@pytest.mark.parametrize("shape", ["RBM", "DBM", "four layers"])
def test_centring_is_the_gradient_in_centred_parameters(shape):
    params, _ = machine(shape, seed=4)
    offsets = tuple(jnp.asarray(np.random.default_rng(5).random(len(b))) for b in params.biases)

    def uncentred(centred):
        biases = list(centred.biases)
        for index, weight in enumerate(centred.weights):
            biases[index] -= weight @ offsets[index + 1]
            biases[index + 1] -= offsets[index] @ weight
        return DBMParams(centred.weights, tuple(biases))

    x, visible = some_data(params, None)

    gradient = jax.grad(loss)(params, visible, None)
    # The point of centred parameters that is this machine, and a step from it.
    biases = [jnp.asarray(bias) for bias in params.biases]
    for index, weight in enumerate(params.weights):
        biases[index] += weight @ offsets[index + 1]
        biases[index + 1] += offsets[index] @ weight
    at = DBMParams(params.weights, tuple(biases))
    step = jax.grad(lambda centred: loss(uncentred(centred), visible, None))(at)
    moved = uncentred(jax.tree.map(jnp.subtract, at, step))
    expected = jax.tree.map(jnp.subtract, params, moved)
    ours = center(gradient, offsets)
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


def test_the_reconstruction_error_is_the_cross_entropy_of_the_first_step():
    params, levels = machine("softmax RBM", seed=6)
    x, visible = some_data(params, levels)
    chains = jnp.asarray(np.random.default_rng(0).random((5, 6)))

    def error(key, chains):
        return contrastive_divergence(key, params, visible, chains, levels=levels)[1]

    means = units.mean(layer_input(params, (visible, None), 1))
    inputs = np.asarray(layer_input(params, (None, means), 0), float)
    columns = np.split(inputs, [1, 4], axis=1)
    log_p = [c - np.log(1 + np.exp(c).sum(axis=1, keepdims=True)) for c in columns]
    log_zero = [-np.log(1 + np.exp(c).sum(axis=1)) for c in columns]
    expected = 0.0
    for j, (some, zero) in enumerate(zip(log_p, log_zero, strict=True)):
        table = np.column_stack([zero, some])
        expected -= table[np.arange(len(x)), x[:, j]].mean()
    assert error(jax.random.key(0), chains) == pytest.approx(expected, rel=1e-5)
    # From the data the hidden units are drawn: the error is that of their states, on average.
    hidden = np.array(list(np.ndindex(2, 2, 2)), float)
    probability = np.stack([np.where(hidden, m, 1 - m).prod(axis=1) for m in np.asarray(means)])
    given = jnp.asarray(layer_input(params, (None, jnp.asarray(hidden)), 0))
    table = units.cross_entropy(given[:, None], visible[None], levels)
    exact = float((probability.T * table).sum() / len(x))
    drawn = jax.vmap(lambda key: error(key, None))(jax.random.split(jax.random.key(1), 4000))
    assert abs(drawn.mean() - exact) < 5 * drawn.std() / 4000**0.5
