"""Small data, and models that learn them, shared by many tests.

XLA takes seconds to compile a model for its settings, for the shape of its data and for each number
of epochs from one look to the next. So these few are trained here epoch by epoch, once a process.
"""

from dataclasses import replace
from functools import cache

import jax
import numpy as np

from models import DBMConfig, RBMConfig, VAEConfig, dbm, pretraining, rbm, snapshots, vae
from models.boltzmann.dbm import start_fine_tuning


def assert_same(ours, theirs):
    """Compare pytrees bit for bit."""
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)
    jax.tree.map(np.testing.assert_array_equal, ours, theirs)


def epoch_by_epoch(key, model, x, num_epochs, resume=None):
    """Return looks (state, info) at a model after each epoch, the first one before any."""
    first = 0 if resume is None else resume[0]
    looks = snapshots(key, model, x, range(first, num_epochs + 1), resume=resume)
    return [(state, info) for _, state, info in looks]


def blank_state(model, x):
    """Return a state of a model that is all zeros, in the time that its shapes take."""
    blank = jax.eval_shape(lambda key: model.init(key, x), jax.random.key(0))
    return jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), blank)


# A VAE of mixed features: two that go together, and one of three levels. Batches leave a cell out.
VAE = VAEConfig(3, 2, encoder_hidden=(4, 3), learning_rate=0.02, batch_size=4, levels=(2, 2, 3))


def _mixed():
    rng = np.random.default_rng(0)
    first = rng.integers(2, size=61)
    return np.column_stack(
        [first, first ^ (rng.random(61) < 0.2), first + rng.integers(2, size=61)]
    )


MIXED = _mixed()


@cache
def trained_vae(config=VAE):
    """Return looks (state, info) at a VAE of mixed features after 0, 1, ..., 40 epochs."""
    return epoch_by_epoch(jax.random.key(0), vae(config), MIXED, 40)


# RBMs of two pairs of features that go together, and a feature of three levels.
RBM_LEVELS = (2, 2, 2, 2, 3)


def rbm_config(**settings):
    return RBMConfig(5, 4, RBM_LEVELS, **({"learning_rate": 0.1, "batch_size": 10} | settings))


def _pairs():
    rng = np.random.default_rng(0)
    a, b = rng.integers(2, size=(2, 600))
    flips = rng.random((600, 2)) < 0.1
    x = np.column_stack([a, a ^ flips[:, 0], b, b ^ flips[:, 1], a + b])
    return x[:400], x[400:]


PAIRS, HELD_OUT_PAIRS = _pairs()


@cache
def trained_rbm(optimizer=None, **settings):
    """Return looks (state, info) at an RBM after 0, 1, ..., 60 epochs."""
    model = rbm(rbm_config(**settings), optimizer)
    return epoch_by_epoch(jax.random.key(0), model, PAIRS, 60)


# DBMs: one of three features that go together, of three and two levels; one of binary features
# that depend on each other in two blocks. Either has five visible units, for what compiles anew for
# each shape.
SETTINGS = {
    "learning_rate": 0.05,
    "batch_size": 10,
    "pretrain_epochs": 10,
    "num_chains": 50,
    "fine_learning_rate": 0.05,
    "sample_sweeps": 100,
}
DBM = DBMConfig((3, 6, 3), levels=(3, 3, 2), **SETTINGS)
"""Twenty epochs of pretraining in all."""
BINARY_DBM = DBMConfig((6, 5, 3), **SETTINGS)
BLOCKS = DBMConfig((5, 6, 3), blocks=(1, 0, 1, 0, 1), **SETTINGS)


def _cells():
    rng = np.random.default_rng(1)
    cause = rng.integers(3, size=900)
    x = np.column_stack([cause, (cause + (rng.random(900) < 0.1)) % 3, cause == 1])
    return x[:600], x[600:]


def _binary_cells():
    rng = np.random.default_rng(0)
    a, b = rng.integers(2, size=(2, 900))
    flips = rng.random((900, 6)) < 0.1
    x = (np.column_stack([a, b, a, b, a & b, a ^ b]) ^ flips).astype(np.int8)
    return x[:600], x[600:]


CELLS, HELD_OUT_CELLS = _cells()
BINARY_CELLS, HELD_OUT_BINARY_CELLS = _binary_cells()


def cells_of(config):
    """Return the cells that a DBM is for: to train with, and held out."""
    if config.levels is None:
        features = slice(config.layer_sizes[0])
        return BINARY_CELLS[:, features], HELD_OUT_BINARY_CELLS[:, features]
    return CELLS, HELD_OUT_CELLS


@cache
def pretrained(config=DBM):
    """Return looks (state, info) at the RBMs of a DBM after 0, 1, ... epochs."""
    x, _ = cells_of(config)
    return epoch_by_epoch(jax.random.key(0), pretraining(config), x, config.num_pretraining_epochs)


@cache
def fine_tuned(config=DBM):
    """Return looks (state, info) at fine-tuning after 0, 1, ..., 60 epochs, 0 being its start."""
    x, _ = cells_of(config)
    # Pretraining does not centre: one will do for both.
    params = pretrained(replace(config, centered=True))[-1][0].params
    start = start_fine_tuning(jax.random.key(1), config, params, x)
    return epoch_by_epoch(jax.random.key(2), dbm(config), x, 60, resume=(0, start))
