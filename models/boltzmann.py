"""Boltzmann machines in layers: energy, conditionals, Gibbs sampling, mean field (Section 2.1).

A machine has layers s_0 (visible), s_1, ..., s_m of 0/1 units, and P(s) = exp(-E(s)) / Z with

    E(s) = - sum_l b_l . s_l - sum_l s_l' W_l s_(l+1).

With one hidden layer it is a restricted Boltzmann machine (RBM), with more a deep one (DBM;
Salakhutdinov & Hinton 2009). Layers are float arrays (..., units_l); leading axes are chains or
cells. Visible columns may have more than two levels, see `models.units`.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from models import units
from models.base import Samples, check_count, check_key
from models.draws import scan_with_keys, uniform
from models.units import Levels

Layers = tuple[jax.Array, ...]


class DBMParams(NamedTuple):
    """Weights and biases of a Boltzmann machine in layers, the visible one first."""

    weights: tuple[jax.Array, ...]
    """(units_l, units_(l+1)) between neighbouring layers."""
    biases: tuple[jax.Array, ...]
    """(units_l,) of each layer."""


def energy(params: DBMParams, layers: Sequence[jax.Array]) -> jax.Array:
    """Return the energy of states of all layers, (...).

    It is linear in each layer, so independent means in place of states give the mean energy.
    """
    return free_energy(params, layers)


def free_energy(
    params: DBMParams, layers: Sequence[jax.Array | None], levels: Levels = None
) -> jax.Array:
    """Return -log sum exp(-energy) over all states of the layers that are None, (...).

    No two neighbours may be None: the units of a layer are independent given its neighbours, which
    makes the sum a product. An RBM's free energy is ``free_energy(params, (visible, None))``.
    """
    total = jnp.zeros(())
    for index, layer in enumerate(layers):
        if layer is not None:
            total -= (layer * params.biases[index]).sum(axis=-1)
        else:
            inputs = layer_input(params, layers, index)
            total -= units.log_normalizer(inputs, levels_of(levels, index)).sum(axis=-1)
    for lower, weight, upper in zip(layers, params.weights, layers[1:], strict=False):
        if lower is not None and upper is not None:
            total -= (product(lower, weight) * upper).sum(axis=-1)
    return total


def layer_input(params: DBMParams, layers: Sequence[Any], index: int) -> jax.Array:
    """Return the input (..., units) to a layer from its bias and its neighbours.

    By the energy, a Bernoulli unit is on with probability sigmoid(input) given all others.
    """
    inputs = params.biases[index]
    if index > 0:
        inputs = inputs + product(layers[index - 1], params.weights[index - 1])
    if index + 1 < len(params.biases):
        inputs = inputs + product(layers[index + 1], params.weights[index].T)
    return inputs


def product(layer: jax.Array, weight: jax.Array) -> jax.Array:
    """Multiply in full float32 also on accelerators, which would round to 10 bits."""
    return jnp.matmul(layer, weight, precision=jax.lax.Precision.HIGHEST)


def given_visible(params: DBMParams, visible: jax.Array) -> DBMParams:
    """Return the machine that the hidden layers are while the visible one is held fixed.

    Its lowest bias is (..., units_1), one for each visible state. Sweeps of it are clamped chains.
    """
    lowest = params.biases[1] + product(visible, params.weights[0])
    return DBMParams(params.weights[1:], (lowest, *params.biases[2:]))


def gibbs_sweep(key: jax.Array, params: DBMParams, layers: Layers, levels: Levels = None) -> Layers:
    """Draw the even layers given the odd ones, then the odd ones given the even.

    Layers of one parity are independent given the others, so the joint distribution stays as it
    is. Drawing all layers at once would lose the dependence between neighbours.

    Parameters
    ----------
    key : JAX key
    params : DBMParams
    layers : tuple of (..., units_l) float arrays
    levels : tuple of ints, optional
        Levels of the visible columns; None: all binary.
    """
    state = list(layers)
    keys = jax.random.split(key, len(state))
    for index in (*range(0, len(state), 2), *range(1, len(state), 2)):
        own_levels = levels_of(levels, index)
        inputs = layer_input(params, state, index)
        num_columns = units.num_columns(inputs.shape[-1], own_levels)
        uniforms = uniform(keys[index], (*inputs.shape[:-1], num_columns))
        state[index] = units.draw(uniforms, inputs, own_levels)
    return tuple(state)


@partial(jax.jit, static_argnames=("num_sweeps", "levels"))
def gibbs(
    key: jax.Array,
    params: DBMParams,
    layers: Layers,
    num_sweeps: int,
    levels: Levels = None,
) -> Layers:
    """Return the layers of all chains after a number of sweeps."""
    check_count("num_sweeps", num_sweeps, 0)

    def sweep(key: jax.Array, layers: Layers, _: None) -> tuple[Layers, None]:
        return gibbs_sweep(key, params, layers, levels), None

    return scan_with_keys(key, sweep, layers, length=num_sweeps)[0]


@partial(jax.jit, static_argnames=("num_draws", "burn_in", "thinning", "levels"))
def gibbs_draws(
    key: jax.Array,
    params: DBMParams,
    layers: Layers,
    num_draws: int,
    *,
    burn_in: int = 100,
    thinning: int = 1,
    levels: Levels = None,
) -> Layers:
    """Return draws along the chains, layers of (num_draws, ..., units_l).

    Parameters
    ----------
    key, params, layers, levels
        As for `gibbs_sweep`; the leading axes of the layers are the chains.
    num_draws : int
    burn_in : int
        Sweeps before the first draw.
    thinning : int
        Sweeps from one draw to the next.
    """
    check_count("num_draws", num_draws)
    check_count("burn_in", burn_in, 0)
    check_count("thinning", thinning)
    burn_in_key, draws_key = jax.random.split(key)
    layers = gibbs(burn_in_key, params, layers, burn_in, levels)

    def draw(key: jax.Array, layers: Layers, _: None) -> tuple[Layers, Layers]:
        return gibbs(key, params, layers, thinning, levels), layers

    return scan_with_keys(draws_key, draw, layers, length=num_draws)[1]


def independent_layers(
    key: jax.Array, params: DBMParams, num_chains: int, levels: Levels = None
) -> Layers:
    """Draw layers (num_chains, units_l) as if all weights were 0, to start chains from.

    Of a machine from `given_visible` the layers are (num_chains, ..., units_l): each of the visible
    states has that many chains.
    """
    free = DBMParams(jax.tree.map(jnp.zeros_like, params.weights), params.biases)
    given = jnp.broadcast_shapes(*(bias.shape[:-1] for bias in params.biases))
    zeros = [jnp.zeros((num_chains, *given, bias.shape[-1]), bias.dtype) for bias in params.biases]
    return gibbs_sweep(key, free, tuple(zeros), levels)


def mean_field(
    params: DBMParams, visible: jax.Array, tolerance: float = 1e-4, max_steps: int = 100
) -> Layers:
    """Return the visible layer with the mean-field means of the hidden ones.

    The means solve mu_l = sigmoid(input_l), each given its neighbours. They are updated from the
    lowest hidden layer to the highest, again and again, until none moves by more than `tolerance`;
    none of these steps lowers the bound on the likelihood. What comes from above is at first taken
    to be as much as what comes from below.

    Parameters
    ----------
    params : DBMParams
    visible : (..., units_0) float array
    tolerance : float
        With 0, until they do not move at all.
    max_steps : int
        At most.
    """
    hidden = given_visible(params, visible)
    top = len(hidden.biases) - 1

    def update(state: tuple[Layers, jax.Array, jax.Array]) -> tuple[Layers, jax.Array, jax.Array]:
        before, _, step = state
        means = list(before)
        for index in range(top + 1):
            means[index] = units.mean(layer_input(hidden, means, index))
        moves = [jnp.abs(new - old).max() for new, old in zip(means, before, strict=True)]
        return tuple(means), jnp.stack(moves).max(), step + 1

    first: list[jax.Array] = []
    for index, bias in enumerate(hidden.biases):
        below = bias if index == 0 else bias + product(first[-1], hidden.weights[index - 1])
        first.append(units.mean(below if index == top else 2 * below))
    start = tuple(first), jnp.asarray(jnp.inf), jnp.asarray(0)
    means, *_ = jax.lax.while_loop(
        lambda state: (state[1] > tolerance) & (state[2] < max_steps), update, start
    )
    return visible, *means


def variational_free_energy(params: DBMParams, layers: Sequence[jax.Array]) -> jax.Array:
    """Return the mean energy less the entropy of `mean_field`'s layers, (...), in nats.

    It is at least the free energy of the visible layer: less log Z it is an upper bound on
    -log P(visible).
    """
    entropy = sum(_entropy(means).sum(axis=-1) for means in layers[1:])
    return energy(params, layers) - entropy


def _entropy(means: jax.Array) -> jax.Array:
    return jax.scipy.special.entr(means) + jax.scipy.special.entr(1 - means)


def levels_of(levels: Levels, index: int) -> Levels:
    """Return the levels of a layer; only the visible one can have other than two."""
    return levels if index == 0 else None


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
