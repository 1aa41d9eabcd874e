from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from models import DBMConfig, RBMConfig, dbm, pretraining, rbm
from models.boltzmann import sampling
from models.boltzmann.dbm import DBMState, start_fine_tuning
from models.boltzmann.energy import given_visible
from models.boltzmann.rbm import RBMState
from models.boltzmann.sampling import (
    effective_number,
    gibbs,
    gibbs_draws,
    independent_layers,
)
from tests.depth import usual_or_deep
from tests.models import toy
from tests.models.boltzmann.chains import NUM_CHAINS, drawn, settled
from tests.models.chance import assert_drawn_from
from tests.models.enumeration import SHAPES, joint_codes, machine, probabilities
from tests.models.toy import assert_same


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", usual_or_deep([0, 1], [0, 1, 2]))
def test_long_chains_visit_all_joint_states_as_often_as_they_should(shape, seed):
    params, levels = machine(shape, seed, scale=0.7)
    layers, probability, _ = probabilities(params, levels)
    # One draw from each of many chains: independent, as the chi-square test wants them.
    chains = drawn(shape, seed)
    place = np.empty(len(probability), int)
    place[joint_codes(layers, levels)] = np.arange(len(probability))
    assert_drawn_from(place[joint_codes(chains, levels)], probability)

    # Covariances of neighbouring layers, which sweeps of all layers at once would lose.
    sizes = np.cumsum([0, *(layer.shape[1] for layer in layers)])
    exact = np.cov(np.hstack(layers).T, aweights=probability, ddof=0)
    ours = np.cov(np.hstack(chains).T, ddof=0)
    neighbours = np.zeros_like(exact, dtype=bool)
    for low, middle, high in zip(sizes, sizes[1:], sizes[2:], strict=False):
        neighbours[low:middle, middle:high] = True
    assert np.abs(exact[neighbours]).max() > 0.03
    assert np.abs(ours - exact)[neighbours].max() < 5 * 0.25 / np.sqrt(NUM_CHAINS)


def test_clamped_chains_sample_the_hidden_layers_given_the_visible_one():
    params, _ = machine("DBM", seed=5)
    layers, probability, _ = probabilities(params, None)
    visible = np.array([1.0, 0, 1, 1])
    match = (layers[0] == visible).all(axis=1)
    given = probability[match] / probability[match].sum()
    hidden = given_visible(params, jnp.asarray(visible))
    chains = settled(jax.random.key(0), hidden, NUM_CHAINS)
    place = np.empty(32, int)
    place[joint_codes([layer[match] for layer in layers[1:]], None)] = np.arange(32)
    assert_drawn_from(place[joint_codes(chains, None)], given)


def test_draws_along_chains_are_as_thinned():
    params, levels = machine("softmax RBM", seed=6, scale=1.5)
    start = tuple(layer[:400] for layer in drawn("softmax RBM", 0))

    def draws(burn_in, thinning):
        return gibbs_draws(
            jax.random.key(1), params, start, 50, burn_in=burn_in, thinning=thinning, levels=levels
        )

    often, seldom = draws(burn_in=0, thinning=1), draws(burn_in=5, thinning=3)
    for layers in (often, seldom):
        assert [layer.shape for layer in layers] == [(50, 400, 6), (50, 400, 3)]
    jax.tree.map(lambda draw, layer: np.testing.assert_array_equal(draw[0], layer), often, start)
    assert (seldom[0][0] != start[0]).any()

    def correlation(layers):
        top = np.asarray(layers[-1])[..., 0]
        return np.corrcoef(top[:-1].ravel(), top[1:].ravel())[0, 1]

    assert correlation(often) > correlation(seldom) + 0.05


# Frequencies that are off by a tenth throughout add 200 to a chi-square of some 100 degrees of
# freedom, whose limit is then about 180.
NUM_SAMPLES = usual_or_deep(20_000, 50_000)


@pytest.mark.parametrize(
    ("shape", "model", "state"),
    [
        ("softmax RBM", rbm(RBMConfig(3, 3, SHAPES["softmax RBM"][1], sample_sweeps=60)), RBMState),
        (
            "softmax DBM",
            dbm(DBMConfig((3, 3, 2), levels=SHAPES["softmax DBM"][1], sample_sweeps=60)),
            DBMState,
        ),
    ],
)
def test_samples_of_a_model_follow_the_machine(shape, model, state):
    params, levels = machine(shape, seed=2, scale=0.7)
    others = [None] * (len(state._fields) - 1)
    samples = model.sample(jax.random.key(1), state(params, *others), NUM_SAMPLES)
    assert samples.x.dtype == samples.u.dtype == np.int8
    layers, probability, _ = probabilities(params, levels)
    seen = joint_codes([layers[0], layers[-1]], levels)
    sizes = (*levels, *(2,) * layers[-1].shape[1])
    codes = np.ravel_multi_index(np.hstack(samples).astype(int).T, sizes)
    assert_drawn_from(codes, np.bincount(seen, probability))


def test_both_phases_of_a_dbm_draw_the_same_samples_with_one_compiled_sampler():
    stack = pretraining(toy.DBM)
    (start, _), *_, (state, _) = toy.pretrained()
    early = stack.sample(jax.random.key(1), state, 30)
    compiled = sampling._draw._cache_size()
    assert_same(dbm(toy.DBM).sample(jax.random.key(1), state, 30), early)
    fine = start_fine_tuning(jax.random.key(2), toy.DBM, state.params, toy.CELLS)
    assert_same(dbm(toy.DBM).sample(jax.random.key(1), fine, 30), early)
    assert sampling._draw._cache_size() == compiled
    assert (early.x.shape, early.u.shape) == ((30, 3), (30, 3))
    # It does depend on the state.
    assert (stack.sample(jax.random.key(1), start, 30).x != early.x).any()


def test_clamped_chains_of_an_rbm_are_as_many_for_each_visible_state():
    params, _ = machine("RBM", 0)
    visible = (
        np.random.default_rng(0).integers(2, size=(3, len(params.biases[0]))).astype(np.float32)
    )
    hidden = given_visible(params, visible)
    start_key, sweeps_key = jax.random.split(jax.random.key(0))
    chains = independent_layers(start_key, hidden, num_chains=2000)
    (layer,) = gibbs(sweeps_key, hidden, chains, num_sweeps=2)
    assert chains[0].shape == layer.shape == (2000, 3, len(params.biases[1]))
    expected = jax.nn.sigmoid(visible @ params.weights[0] + params.biases[1])
    # Five standard errors of a frequency from 2000 chains.
    np.testing.assert_allclose(layer.mean(axis=0), expected, atol=5 * 0.5 / np.sqrt(2000))


@cache
def long_chains():
    """Samples of a machine that mixes slowly: (config, samples)."""
    levels = SHAPES["softmax RBM"][1]
    config = RBMConfig(
        3, 3, levels, sample_sweeps=60, draws_per_chain=10, sweeps_between_draws=1
    )  # fmt: skip
    params, _ = machine("softmax RBM", seed=2, scale=1.5)
    state = RBMState(params, None, None)
    # Not a multiple of ten: some of the last draws are left out.
    return params, rbm(config).sample(jax.random.key(1), state, 19_997)


def test_samples_along_chains_follow_the_machine():
    params, samples = long_chains()
    assert (samples.x.shape, samples.u.shape) == ((19_997, 3), (19_997, 3))
    layers, probability, _ = probabilities(params, SHAPES["softmax RBM"][1])
    expected = probability @ np.asarray(layers[1])
    numbers = effective_number(samples.u, 10)
    whole = effective_number(np.asarray(samples.u)[:18_000], 9)  # the last draw lacks three chains
    np.testing.assert_allclose(numbers, whole, rtol=0.01)
    assert (numbers < 15_000).all()
    errors = np.sqrt(expected * (1 - expected) / numbers)
    assert (np.abs(np.asarray(samples.u).mean(axis=0) - expected) < 5 * errors).all()


def test_the_effective_number_is_that_of_the_autocorrelation(rng):
    """A chain that stays with probability a has correlations a^k."""
    stays = rng.random((20, 4000)) < 0.6
    state = rng.integers(2, size=(20, 4000))
    for step in range(1, 20):
        state[step] = np.where(stays[step], state[step - 1], state[step])
    lags = np.arange(1, 20)
    factor = 1 + 2 * ((1 - lags / 20) * 0.6**lags).sum()
    ours = effective_number(state.reshape(-1, 1), 20)
    np.testing.assert_allclose(ours, 80_000 / factor, rtol=0.1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[0]] * 10, 1), "`draws_per_chain` must be an integer of at least 2, got 1"),
        (([[0]] * 10, 6), "`codes` must hold at least two chains: expected 12 rows or more"),
    ],
)
def test_too_few_chains_get_one_sentence(arguments, message):
    with pytest.raises(ValueError, match=message):
        effective_number(*arguments)
