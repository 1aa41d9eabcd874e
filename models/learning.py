"""What RBM and DBM share in training: the gradient and its centring, first parameters, samples."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from models import units
from models.base import Samples, check_count, check_key
from models.boltzmann import DBMParams, Layers, energy, gibbs, independent_layers
from models.likelihood import anneal, mean_field_bound
from models.units import Levels

WEIGHT_SCALE = 0.01
"""Standard deviation of the first weights (Hinton 2012)."""
BOUND_CHAINS, BOUND_TEMPERATURES = 100, 1000
"""Of the log Z in a model's `bound`, which is asked for often; see `ais_log_partition`."""


class Contrast(NamedTuple):
    """Layers (..., units_l) under the data and under the machine, to compare their energies."""

    data: Layers
    model: Layers


class BoltzmannInfo(NamedTuple):
    """How an epoch went."""

    reconstruction: jax.Array
    """Cross-entropy of the data given the hidden layer that was inferred from them, in nats; mean
    over the updates."""
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
    pairs = zip(gradient.biases, gradient.biases[1:], offsets, offsets[1:], strict=False)
    weights = tuple(
        weight - jnp.outer(lower_offset, upper) - jnp.outer(lower, upper_offset)
        for weight, (lower, upper, lower_offset, upper_offset) in zip(
            gradient.weights, pairs, strict=True
        )
    )
    biases = list(gradient.biases)
    for index, weight in enumerate(weights):
        biases[index] -= weight @ offsets[index + 1]
        biases[index + 1] -= offsets[index] @ weight
    return DBMParams(weights, tuple(biases))


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


def sampler(levels: Levels, num_sweeps: int) -> Callable[[jax.Array, Any, int], Samples]:
    """Return `sample` of a model whose state has `params`: one chain for each sample."""

    def sample(key: jax.Array, state: Any, num_samples: int) -> Samples:
        check_key(key)
        check_count("num_samples", num_samples)
        start_key, sweeps_key = jax.random.split(key)
        layers = independent_layers(start_key, state.params, num_samples, levels)
        layers = gibbs(sweeps_key, state.params, layers, num_sweeps, levels)
        return Samples(units.to_codes(layers[0], levels), layers[-1].astype(jnp.int8))

    return jax.jit(sample, static_argnames="num_samples")


def bounder(levels: Levels) -> Callable[[jax.Array, Any, ArrayLike], jax.Array]:
    """Return `bound` of a model whose state has `params`."""

    @jax.jit
    def bound(key: jax.Array, state: Any, x: ArrayLike) -> jax.Array:
        log_partition = anneal(key, state.params, levels, BOUND_CHAINS, BOUND_TEMPERATURES).estimate
        visible = units.to_units(jnp.asarray(x), levels)
        return mean_field_bound(state.params, visible) - log_partition

    return bound
