"""Boltzmann machines so small that all their states can be listed.

What is listed is the truth that the tests compare with: in plain numpy, or in plain JAX where it is
to be differentiated.
"""

from functools import partial
from itertools import pairwise, product

import jax
import jax.numpy as jnp
import numpy as np

from models.boltzmann.energy import DBMParams
from tests.depth import usual_or_deep

# (layer sizes with units of the visible layer, levels of the visible columns), at most 16 units
SHAPES = {
    "RBM": ((5, 4), None),
    "DBM": ((4, 3, 2), None),
    "four layers": ((3, 3, 2, 2), None),
    "softmax RBM": ((6, 3), (2, 4, 3)),
    "softmax DBM": ((4, 3, 2), (3, 2, 2)),
}

# One, two and three hidden layers, with features of two levels and of more.
SOME_SHAPES = usual_or_deep(["softmax RBM", "softmax DBM", "four layers"], list(SHAPES))


def machine(shape, seed, scale=1.0):
    """Draw weights and biases that matter."""
    rng = np.random.default_rng(seed)
    sizes, _ = SHAPES[shape]
    weights = [scale * rng.normal(size=pair) for pair in pairwise(sizes)]
    biases = [rng.normal(size=size) / 2 for size in sizes]
    as_arrays = [tuple(jnp.asarray(a, float) for a in arrays) for arrays in (weights, biases)]
    return DBMParams(*as_arrays), SHAPES[shape][1]


def some_rows(params, levels, num_rows=12):
    """Draw a few rows of codes, and their units."""
    codes, as_units = visible_states(len(params.biases[0]), levels)
    rows = np.random.default_rng(0).integers(len(codes), size=num_rows)
    return codes[rows], jnp.asarray(as_units[rows], float)


def visible_states(num_units, levels):
    """List all codes, (states, p), and their units, (states, num_units)."""
    levels = levels or (2,) * num_units
    codes = np.array(list(product(*map(range, levels))))
    columns = [codes[:, [j]] == np.arange(1, count) for j, count in enumerate(levels)]
    return codes, np.hstack(columns).astype(float)


def all_states(params, levels):
    """List the layers of all joint states, a list of (states, units_l), and their energies."""
    sizes = [len(bias) for bias in params.biases]
    parts = [visible_states(sizes[0], levels)[1]]
    parts += [np.array(list(product([0.0, 1.0], repeat=size))) for size in sizes[1:]]
    index = np.indices([len(part) for part in parts]).reshape(len(parts), -1)
    layers = [part[i] for part, i in zip(parts, index, strict=True)]
    weights, biases = jax.tree.map(lambda a: np.asarray(a, float), (params.weights, params.biases))
    energy = -sum(layer @ bias for layer, bias in zip(layers, biases, strict=True))
    for lower, weight, upper in zip(layers, weights, layers[1:], strict=False):
        energy -= np.einsum("si,ij,sj->s", lower, weight, upper)
    return layers, energy


def probabilities(params, levels):
    """List the layers of all joint states and their probabilities, and log Z."""
    layers, energy = all_states(params, levels)
    log_partition = np.log(np.exp(-energy - (-energy).max()).sum()) + (-energy).max()
    return layers, np.exp(-energy - log_partition), log_partition


def joint_codes(layers, levels):
    """Number the joint states of layers (..., units_l) with visible units of these levels."""
    visible = np.asarray(layers[0])
    ends = np.cumsum(np.array(levels or (2,) * visible.shape[-1]) - 1)
    starts = [0, *ends[:-1]]
    columns = [
        visible[..., start:end] @ np.arange(1, end - start + 1)
        for start, end in zip(starts, ends, strict=True)
    ]
    columns += [layer[..., unit] for layer in layers[1:] for unit in range(layer.shape[-1])]
    sizes = levels or (2,) * visible.shape[-1]
    sizes += (2,) * (len(columns) - len(sizes))
    return np.ravel_multi_index([np.asarray(column).astype(int) for column in columns], sizes)


def log_sums(params, visible, levels):
    """Return the mean of log sum_h exp(-energy(x, h)), and log Z, to be differentiated."""
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
    """Return the mean of -log P(x)."""
    log_unnormalized, log_partition = log_sums(params, visible, levels)
    return log_partition - log_unnormalized


loss_gradient = partial(jax.jit, static_argnames="levels")(jax.grad(loss))
