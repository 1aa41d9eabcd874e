"""Boltzmann machines so small that all their states can be listed, in plain numpy."""

from itertools import pairwise, product

import jax
import jax.numpy as jnp
import numpy as np

from models.boltzmann import DBMParams

# (layer sizes with units of the visible layer, levels of the visible columns), at most 16 units
SHAPES = {
    "RBM": ((5, 4), None),
    "DBM": ((4, 3, 2), None),
    "four layers": ((3, 3, 2, 2), None),
    "softmax RBM": ((6, 3), (2, 4, 3)),
    "softmax DBM": ((4, 3, 2), (3, 2, 2)),
}


def machine(shape, seed, scale=1.0):
    """Draw weights and biases that matter."""
    rng = np.random.default_rng(seed)
    sizes, _ = SHAPES[shape]
    weights = [scale * rng.normal(size=pair) for pair in pairwise(sizes)]
    biases = [rng.normal(size=size) / 2 for size in sizes]
    as_arrays = [tuple(jnp.asarray(a, float) for a in arrays) for arrays in (weights, biases)]
    return DBMParams(*as_arrays), SHAPES[shape][1]


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
