from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import stats
from scipy.special import expit

from models import RBMConfig, rbm, units
from models.boltzmann.energy import layer_input
from models.boltzmann.gradients import Contrast, energy_gradient
from models.boltzmann.likelihood import exact_log_likelihood
from models.boltzmann.rbm import contrastive_divergence
from models.optimization import gradient_descent
from tests.depth import usual_or_deep
from tests.models import toy
from tests.models.chance import assert_within_five_standard_errors
from tests.models.enumeration import loss_gradient, machine, some_rows
from tests.models.julia import TRUTH, assert_close, stacked


def log_likelihood(state, x):
    return float(exact_log_likelihood(state.params, x, toy.RBM_LEVELS).mean())


@pytest.mark.parametrize(
    "settings",
    usual_or_deep(
        [
            {},
            {"num_chains": 30, "momentum": 0.5},
            {"num_steps": 3, "weight_decay": 1e-3, "halving_updates": 5000.0},
        ],
        [
            {},
            {"num_steps": 3},
            {"num_chains": 30},
            {"momentum": 0.5},
            {"weight_decay": 1e-3},
            {"halving_updates": 5000.0},
        ],
    ),
)
def test_training_raises_the_exact_log_likelihood(settings):
    (start, _), (_, first), *_, (state, last) = toy.trained_rbm(**settings)
    independent = log_likelihood(start, toy.HELD_OUT_PAIRS)
    assert log_likelihood(state, toy.HELD_OUT_PAIRS) > independent + 0.5
    assert last.reconstruction[0] < first.reconstruction[0] - 0.5
    assert all(np.isfinite(info.gradient_norm).all() for _, info in toy.trained_rbm(**settings))
    if "num_chains" in settings:
        assert state.chains.shape == (30, 6)
    else:
        assert state.chains is None


def test_any_optimiser_of_optax_will_do():
    (start, _), *_, (state, _) = toy.trained_rbm(optax.adam(0.01))
    x = toy.HELD_OUT_PAIRS
    assert log_likelihood(state, x) > log_likelihood(start, x) + 0.5


def test_it_starts_as_independent_features():
    (start, _), *_ = toy.trained_rbm()
    frequencies = [np.bincount(column) / len(toy.PAIRS) for column in toy.PAIRS.T]
    entropy = sum(stats.entropy(frequency) for frequency in frequencies)
    assert log_likelihood(start, toy.PAIRS) == pytest.approx(-entropy, abs=0.01)


def test_the_entropy_is_that_of_each_hidden_unit_over_the_data():
    *_, (state, info) = toy.trained_rbm()
    visible = np.asarray(units.to_units(toy.PAIRS, toy.RBM_LEVELS))
    weights, bias = np.asarray(state.params.weights[0]), np.asarray(state.params.biases[1])
    share = expit(visible @ weights + bias).mean(axis=0)
    expected = stats.entropy([share, 1 - share], base=2)
    assert info.entropy.shape == (1, 4)
    np.testing.assert_allclose(info.entropy[0], expected, atol=1e-5)


def test_the_bound_is_the_log_likelihood():
    *_, (state, _) = toy.trained_rbm()
    x = toy.HELD_OUT_PAIRS
    ours = rbm(toy.rbm_config()).bound(jax.random.key(3), state, x)
    exact = exact_log_likelihood(state.params, x, toy.RBM_LEVELS)
    np.testing.assert_allclose(ours, exact, atol=0.05)


def test_a_few_more_steps_bring_contrastive_divergence_to_the_exact_gradient():
    params, levels = machine("softmax RBM", seed=3, scale=0.7)
    _, visible = some_rows(params, levels)
    exact = loss_gradient(params, visible, levels=levels)

    def gradients(num_steps):
        def one(key):
            contrast, _ = contrastive_divergence(
                key, params, visible, num_steps=num_steps, levels=levels
            )
            return energy_gradient(params, contrast)

        return jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(1), 1000))

    assert_within_five_standard_errors(gradients(40), exact)
    with pytest.raises(AssertionError):
        assert_within_five_standard_errors(gradients(1), exact)


@partial(jax.jit, static_argnames="to_hidden")
def means(params, layer, times, to_hidden):
    layers, index = ((layer, None), 1) if to_hidden else ((None, layer), 0)
    return units.mean(times * layer_input(params, layers, index))


@jax.jit
def stepped(params, contrast):
    optimizer = gradient_descent(0.1)
    gradient = energy_gradient(params, contrast)
    return optax.apply_updates(params, optimizer.update(gradient, optimizer.init(params))[0])


@pytest.mark.parametrize("name", sorted(TRUTH["rbm_steps"]))
def test_steps_of_contrastive_divergence_are_those_of_boltzmann_machines_jl(name):
    step = {key: jnp.asarray(value) for key, value in TRUTH["rbm_steps"][name].items()}
    up, down = {"plain": (1, 1), "dbm_first_layer_up2_down1": (2, 1)}.get(name, (1, 2))
    _, params = stacked("mild")
    assert_close(means(params, step["v"], up, True), step["h"], 1e-6)
    visible = means(params, step["hidden_chain_state"], down, False)
    assert_close(visible, step["vmodel"], 1e-6)
    divergence = jax.jit(contrastive_divergence)
    contrast, _ = divergence(jax.random.key(0), params, step["v"], up=up, down=down)
    assert_close(contrast.data[1], step["h"], 1e-6)
    after = stepped(params, Contrast((step["v"], step["h"]), (step["vmodel"], step["hmodel"])))
    assert_close(after.weights[0], step["W_after_lr0.1"], 1e-6)
    assert_close(after.biases[0], step["vis_after"], 1e-6)
    assert_close(after.biases[1], step["hid_after"], 1e-6)


def test_the_reconstruction_error_is_the_cross_entropy_of_the_first_step():
    params, levels = machine("softmax RBM", seed=6)
    x, visible = some_rows(params, levels)
    chains = jnp.asarray(np.random.default_rng(0).random((5, 6)))

    @jax.jit
    def error(key, chains):
        return contrastive_divergence(key, params, visible, chains, levels=levels)[1]

    hidden_means = means(params, visible, 1.0, True)
    inputs = np.asarray(layer_input(params, (None, hidden_means), 0), float)
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
    m = np.asarray(hidden_means)[:, None]
    probability = np.where(hidden, m, 1 - m).prod(axis=-1)
    given = layer_input(params, (None, jnp.asarray(hidden)), 0)
    table = units.cross_entropy(given[:, None], visible[None], levels)
    exact = float((probability.T * table).sum() / len(x))
    drawn = jax.vmap(lambda key: error(key, None))(jax.random.split(jax.random.key(1), 4000))
    assert abs(drawn.mean() - exact) < 5 * drawn.std() / 4000**0.5


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
