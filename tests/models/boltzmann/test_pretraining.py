from dataclasses import replace
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import expit
from scipy.stats import entropy

from models import DBMConfig, pretraining, units
from models.boltzmann.energy import DBMParams
from models.boltzmann.gradients import center
from models.boltzmann.pretraining import block_mask, doubling, join
from tests.models import toy
from tests.models.enumeration import machine
from tests.models.toy import epoch_by_epoch


def test_pretraining_learns_layer_by_layer():
    looks = toy.pretrained()
    assert len(looks) == 21
    start, half, whole = (looks[epoch][0].rbms for epoch in (0, 10, 20))

    def moved(before, after):
        return [
            float(jnp.abs(a.weights[0] - b.weights[0]).max())
            for a, b in zip(before, after, strict=True)
        ]

    assert moved(start, half)[0] > 0.1
    assert moved(start, half)[1] == 0
    assert moved(half, whole)[0] == 0
    assert moved(half, whole)[1] > 0.01


def test_pretraining_in_turn_moves_all_layers_at_once():
    config = replace(toy.DBM, pretrain_in_turn=True)
    assert config.num_pretraining_epochs == 10
    model = pretraining(config)
    (start, _), _, (state, _) = epoch_by_epoch(jax.random.key(0), model, toy.CELLS, 2)
    assert all(
        jnp.abs(a.weights[0] - b.weights[0]).max() > 1e-3
        for a, b in zip(start.rbms, state.rbms, strict=True)
    )
    samples = model.sample(jax.random.key(1), state, 30)
    assert (samples.x.shape, samples.u.shape) == ((30, 3), (30, 3))


def test_the_entropy_is_that_of_the_highest_layer():
    state, info = toy.pretrained()[-1]
    layer = np.asarray(units.to_units(toy.CELLS, toy.DBM.levels))
    for rbm, factor in zip(state.rbms, (2, 1), strict=True):  # the middle layer has two neighbours
        layer = expit(factor * (layer @ np.asarray(rbm.weights[0]) + np.asarray(rbm.biases[1])))
    share = layer.mean(axis=0)
    expected = entropy([share, 1 - share], base=2)
    np.testing.assert_allclose(info.entropy[0], expected, atol=1e-5)


def test_a_stack_of_three_is_joined():
    rng = np.random.default_rng(0)
    sizes = (5, 4, 3, 2)
    rbms = tuple(
        DBMParams((rng.normal(size=pair),), tuple(rng.normal(size=size) for size in pair))
        for pair in pairwise(sizes)
    )
    weights, biases = join(rbms)
    for found, rbm in zip(weights, rbms, strict=True):
        np.testing.assert_array_equal(found, rbm.weights[0])
    first, second, third = (rbm.biases for rbm in rbms)
    expected = first[0], first[1] + second[0], second[1] + third[0], third[1]
    for found, sum_of_biases in zip(biases, expected, strict=True):
        np.testing.assert_array_equal(found, sum_of_biases)


def test_layers_between_two_others_count_twice():
    assert doubling(1) == [(1, 1)]
    assert doubling(2) == [(2, 1), (1, 2)]
    assert doubling(3) == [(2, 1), (2, 2), (1, 2)]
    lower, _ = machine("RBM", 0)
    upper = DBMParams((jnp.ones((4, 2)),), (jnp.arange(4.0), jnp.ones(2)))
    joined = join((lower, upper))
    assert [len(bias) for bias in joined.biases] == [5, 4, 2]
    np.testing.assert_allclose(joined.biases[1], lower.biases[1] + jnp.arange(4.0))


def test_blocks_do_not_see_each_other_in_pretraining():
    mask = np.asarray(block_mask(toy.BLOCKS))
    low, high = [1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1]
    np.testing.assert_array_equal(mask, [high, low, high, low, high])
    model = pretraining(toy.BLOCKS)
    weights = np.asarray(toy.pretrained(toy.BLOCKS)[10][0].rbms[0].weights[0])
    assert (weights[mask == 0] == 0).all()
    assert np.abs(weights[mask == 1]).min() > 1e-4
    # What block 1 holds makes no difference to block 0.
    changed = toy.cells_of(toy.BLOCKS)[0].copy()
    changed[:, ::2] = 1 - changed[:, ::2]
    *_, (state, _) = epoch_by_epoch(jax.random.key(0), model, changed, 10)
    other = np.asarray(state.rbms[0].weights[0])
    np.testing.assert_array_equal(weights[1::2, :3], other[1::2, :3])
    assert np.abs(weights[::2, 3:] - other[::2, 3:]).max() > 0.01


def test_hidden_units_are_dealt_to_blocks_in_proportion():
    config = DBMConfig((6, 3, 2), levels=(2, 3, 2, 2, 2, 2), blocks=(0, 0, 0, 0, 1, 1))
    mask = np.asarray(block_mask(config))
    assert mask.shape == (7, 3)
    np.testing.assert_array_equal(mask.sum(axis=1), [2, 2, 2, 2, 2, 1, 1])
    mask = block_mask(DBMConfig((6, 4, 2), blocks=(1, 0, 1, 0, 1, 0)))
    np.testing.assert_array_equal(mask, [[0, 0, 1, 1], [1, 1, 0, 0]] * 3)


def test_centred_pretraining_takes_the_centred_step():
    """After one update, in which the offsets are those of the start and of the first batch."""
    config = replace(
        toy.DBM, centered_pretraining=True, pretrain_in_turn=True, batch_size=len(toy.CELLS)
    )
    plain = replace(config, centered_pretraining=False)
    (start, _), (ours, _) = epoch_by_epoch(jax.random.key(3), pretraining(config), toy.CELLS, 1)
    (same, _), (theirs, _) = epoch_by_epoch(jax.random.key(3), pretraining(plain), toy.CELLS, 1)
    assert same.offsets is None
    gradient = jax.tree.map(lambda a, b: a - b, same.rbms[0], theirs.rbms[0])
    expected = center(gradient, ours.offsets[0])
    moved = jax.tree.map(lambda a, b: a - b, start.rbms[0], ours.rbms[0])
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), moved, expected)
    # The offsets start at the frequencies of the codes, with half a cell added to each count ...
    visible, hidden = start.offsets[0]
    shares = [
        ((column == code).sum() + 0.5) / (len(column) + level / 2)
        for column, level in zip(np.asarray(toy.CELLS).T, toy.DBM.levels, strict=True)
        for code in range(1, level)
    ]
    np.testing.assert_allclose(np.sort(visible), np.sort(shares), rtol=1e-5)
    np.testing.assert_allclose(hidden, 0.5)
    # ... and follow what each RBM is shown: the upper one sees what the lower makes of the data.
    assert [tuple(map(len, layers)) for layers in ours.offsets] == [(len(shares), 6), (6, 3)]
    assert jnp.abs(ours.offsets[1][0] - start.offsets[1][0]).max() > 1e-5
