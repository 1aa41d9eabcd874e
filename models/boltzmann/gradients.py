"""What RBM and DBM share in training: the gradient, its centring, first parameters."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from models import units
from models.boltzmann.energy import DBMParams, Layers, energy, product
from models.units import Levels

WEIGHT_SCALE = 0.01
"""Standard deviation of the first weights (Hinton 2012)."""


class Contrast(NamedTuple):
    """Layers (..., units_l) under the data and under the machine, to compare their energies."""

    data: Layers
    model: Layers


class BoltzmannInfo(NamedTuple):
    """How an epoch went."""

    reconstruction: jax.Array
    """Cross-entropy of the data given hidden units inferred from them, in nats; mean over the
    updates. Contrastive divergence draws these units, persistent chains and fine-tuning take their
    means, which gives lower values."""
    gradient_norm: jax.Array
    """Euclidean length of the mean gradient."""


def energy_gradient(params: DBMParams, contrast: Contrast) -> DBMParams:
    """Return the gradient of the mean energy of the data less that of the machine's own states.

    On average it is the gradient of -log P(x) where the layers follow their exact distributions.
    Independent means may stand for the states of a layer.
    """

    def difference(params: DBMParams) -> jax.Array:
        return energy(params, contrast.data).mean() - energy(params, contrast.model).mean()

    return jax.grad(difference)(params)


def center(gradient: DBMParams, offsets: Layers) -> DBMParams:
    """Turn a gradient into the step that it is when units are counted from their offsets.

    With s_l - o_l in place of s_l in the products of the energy, the same machine has other
    biases, and a step along its gradient moves weights and biases less against each other
    (Montavon & Muller 2012). That step is returned for the biases as they are. It is the gradient
    times a positive definite matrix, so it goes downhill as well.

    Parameters
    ----------
    gradient : DBMParams
    offsets : tuple of (units_l,) arrays
        About the mean of each layer.
    """
    weights, biases = [], list(gradient.biases)
    for index, weight in enumerate(gradient.weights):
        lower, upper = offsets[index : index + 2]
        step = weight - jnp.outer(lower, gradient.biases[index + 1])
        step -= jnp.outer(gradient.biases[index], upper)
        biases[index] -= product(upper, step.T)
        biases[index + 1] -= product(lower, step)
        weights.append(step)
    return DBMParams(tuple(weights), tuple(biases))


def log_odds(x: jax.Array, levels: Levels = None) -> jax.Array:
    """Return visible biases (units_0,) that give each column its frequencies in x (n, p).

    Half a cell is added to each count, so a bias is finite also where a code does not occur.
    """
    counts = units.to_units(x, levels).sum(axis=0)
    if levels is None:
        others = len(x) - counts
    else:
        column = units.layout(levels).column
        others = (len(x) - jax.ops.segment_sum(counts, column, len(levels)))[column]
    return jnp.log(counts + 0.5) - jnp.log(others + 0.5)


def small_weights(key: jax.Array, num_lower: int, num_upper: int) -> jax.Array:
    """Draw weights (num_lower, num_upper) to start from."""
    return WEIGHT_SCALE * jax.random.normal(key, (num_lower, num_upper))
