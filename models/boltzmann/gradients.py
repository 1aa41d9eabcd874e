"""Training of RBM and DBM: the gradient, its centring, and initial parameters."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from models import units
from models.boltzmann.energy import DBMParams, Layers, energy, product
from models.units import Levels

WEIGHT_SCALE = 0.01
"""Standard deviation of the initial weights (Hinton 2012)."""


IDLE = 0.1
"""A hidden unit is idle if its entropy is below this, in bits: on in less than 1.3 % of the cells,
or in all but so many."""
MAX_ENTROPY_CELLS = 1000
"""Largest number of cells from which the entropy of hidden units is computed after an epoch."""

OFFSET_MEMORY = 0.99
"""Weight of the old offsets when they are updated."""


class Contrast(NamedTuple):
    """Layers (..., units_l) given the data and from the model, whose energies are compared."""

    data: Layers
    model: Layers


class BoltzmannInfo(NamedTuple):
    """Diagnostics of an epoch."""

    reconstruction: jax.Array
    """Cross-entropy of the data given hidden units inferred from them, in nats; mean over the
    updates. Contrastive divergence draws these units; with persistent chains and in fine-tuning
    their means are used, which gives lower values."""
    gradient_norm: jax.Array
    """Euclidean norm of the mean gradient."""
    entropy: jax.Array
    """(r,) entropy of each unit of the highest layer, the latents, over the data, in bits: 1 if it
    is on in half of the cells, near 0 if it is idle, that is always on or always off."""


def binary_entropy(means: jax.Array) -> jax.Array:
    """Return the entropy in bits of units that are on with these probabilities."""
    nats = jax.scipy.special.entr(means) + jax.scipy.special.entr(1 - means)
    return nats / jnp.log(2.0)


def some_cells(x: jax.Array) -> jax.Array:
    """Return at most `MAX_ENTROPY_CELLS` rows, spread evenly over x (n, p)."""
    return x[:: -(-len(x) // MAX_ENTROPY_CELLS)]


def idle_warning(info: BoltzmannInfo) -> str:
    """Say in one sentence which latents are idle; "" if none is."""
    entropy = np.asarray(info.entropy)
    idle = np.flatnonzero(entropy < IDLE)
    if not len(idle):
        return ""
    which = ", ".join(map(str, idle[:10])) + (", ..." if len(idle) > 10 else "")
    return (
        f"{len(idle)} of the {len(entropy)} units of the highest layer are always on or always off "
        f"(units {which}: entropy below {IDLE} bits), so these latents say nothing about a cell; "
        "centred gradients or fewer units keep them in use"
    )


def energy_gradient(params: DBMParams, contrast: Contrast) -> DBMParams:
    """Return the gradient of the mean energy given the data minus that of the model's own states.

    If the layers follow their exact distributions, its expectation is the gradient of -log P(x).
    The states of a layer may be replaced by their means if these are independent.
    """

    def difference(params: DBMParams) -> jax.Array:
        return energy(params, contrast.data).mean() - energy(params, contrast.model).mean()

    return jax.grad(difference)(params)


def center(gradient: DBMParams, offsets: Layers) -> DBMParams:
    """Return the centred gradient (Montavon & Muller 2012).

    If s_l is replaced by s_l - o_l in the products of the energy, with offsets o_l, the same
    machine has other biases, and in a step along its gradient weights and biases counteract each
    other less. The result is that step in terms of the original biases. It is the gradient times a
    positive definite matrix, so it is a descent direction as well.

    Parameters
    ----------
    gradient : DBMParams
    offsets : tuple of (units_l,) arrays
        Approximate means of each layer.
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


def follow_means(offsets: Layers, layers: Layers) -> Layers:
    """Return the offsets after one more batch: running means of the layers given the data."""
    return tuple(
        OFFSET_MEMORY * offset + (1 - OFFSET_MEMORY) * layer.mean(axis=0)
        for offset, layer in zip(offsets, layers, strict=True)
    )


def free_means(params: DBMParams, levels: Levels = None) -> Layers:
    """Return the means (units_l,) of all layers if the weights were 0: offsets to start with."""
    visible, *hidden = params.biases
    return (units.mean(visible, levels), *map(units.mean, hidden))


def log_odds(x: jax.Array, levels: Levels = None) -> jax.Array:
    """Return visible biases (units_0,) that give each column its frequencies in x (n, p).

    One half is added to each count, so that the bias of a code that does not occur is finite.
    """
    counts = units.to_units(x, levels).sum(axis=0)
    if levels is None:
        others = len(x) - counts
    else:
        column = units.layout(levels).column
        others = (len(x) - jax.ops.segment_sum(counts, column, len(levels)))[column]
    return jnp.log(counts + 0.5) - jnp.log(others + 0.5)


def small_weights(key: jax.Array, num_lower: int, num_upper: int) -> jax.Array:
    """Draw initial weights (num_lower, num_upper)."""
    return WEIGHT_SCALE * jax.random.normal(key, (num_lower, num_upper))
