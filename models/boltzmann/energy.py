"""Layered Boltzmann machines: energy, free energy and conditional inputs (Section 2.1).

A machine has layers s_0 (visible), s_1, ..., s_m of 0/1 units, and P(s) = exp(-E(s)) / Z with

    E(s) = - sum_l b_l . s_l - sum_l s_l' W_l s_(l+1).

With one hidden layer it is a restricted Boltzmann machine (RBM), with more a deep Boltzmann machine
(DBM; Salakhutdinov & Hinton 2009). Layers are float arrays (..., units_l); leading axes are chains
or cells. Visible columns may have more than two levels, see `models.units`.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from models import units
from models.units import Levels

Layers = tuple[jax.Array, ...]


class DBMParams(NamedTuple):
    """Weights and biases of a layered Boltzmann machine, visible layer first.

    See Also
    --------
    energy : Energy of states.
    gibbs : Draws states.
    """

    weights: tuple[jax.Array, ...]
    """(units_l, units_(l+1)) between neighbouring layers."""
    biases: tuple[jax.Array, ...]
    """(units_l,) of each layer."""


def energy(params: DBMParams, layers: Sequence[jax.Array]) -> jax.Array:
    """Return the energy of states of all layers, (...).

    The energy is linear in each layer, so for independent units their means give the mean energy.

    Parameters
    ----------
    params : DBMParams
        Weights and biases of the machine.
    layers : sequence of (..., units_l) arrays
        States of all layers, the visible one first.

    Returns
    -------
    (...) array
        The energy of each state.

    See Also
    --------
    free_energy : With some layers summed out.

    Examples
    --------
    >>> params = DBMParams((jnp.ones((2, 1)),), (jnp.zeros(2), jnp.zeros(1)))
    >>> float(energy(params, (jnp.array([1.0, 1.0]), jnp.array([1.0]))))
    -2.0
    """
    return free_energy(params, layers)


def free_energy(
    params: DBMParams, layers: Sequence[jax.Array | None], levels: Levels = None
) -> jax.Array:
    """Return -log sum exp(-energy) over all states of the layers that are None, (...).

    No two neighbouring layers may be None. The units of a layer are independent given its
    neighbours, so the sum factorises. The free energy of an RBM is
    ``free_energy(params, (visible, None))``.

    Parameters
    ----------
    params : DBMParams
        Weights and biases of the machine.
    layers : sequence of (..., units_l) arrays
        States of all layers, the visible one first; None for those that are
        summed out.
    levels : tuple of ints, optional
        Levels of the visible columns; None: all binary.

    Returns
    -------
    (...) array
        The free energy of each state of the other layers.

    See Also
    --------
    energy : Nothing is summed out.

    Examples
    --------
    >>> params = DBMParams((jnp.ones((2, 1)),), (jnp.zeros(2), jnp.zeros(1)))
    >>> round(float(free_energy(params, (jnp.array([1.0, 1.0]), None))), 3)
    -2.127
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

    Given all other units, a Bernoulli unit is 1 with probability sigmoid(input).
    """
    inputs = params.biases[index]
    if index > 0:
        inputs = inputs + product(layers[index - 1], params.weights[index - 1])
    if index + 1 < len(params.biases):
        inputs = inputs + product(layers[index + 1], params.weights[index].T)
    return inputs


def product(layer: jax.Array, weight: jax.Array) -> jax.Array:
    """Multiply in full float32, also on accelerators that would round to 10 bits by default."""
    return jnp.matmul(layer, weight, precision=jax.lax.Precision.HIGHEST)


def given_visible(params: DBMParams, visible: jax.Array) -> DBMParams:
    """Return the machine of the hidden layers, given a fixed visible layer.

    Its lowest bias is (..., units_1), one for each visible state. Gibbs sweeps of this machine are
    clamped chains.

    Parameters
    ----------
    params : DBMParams
        Weights and biases of the machine.
    visible : (..., units_0) array
        States of the visible layer.

    Returns
    -------
    DBMParams
        With one layer fewer.

    See Also
    --------
    gibbs : Draws the hidden layers, given this.
    mean_field : Their approximate means.

    Examples
    --------
    >>> params = DBMParams((jnp.ones((2, 1)),), (jnp.zeros(2), jnp.zeros(1)))
    >>> given_visible(params, jnp.array([[1.0, 1.0], [0.0, 1.0]])).biases[0].tolist()
    [[2.0], [1.0]]
    """
    lowest = params.biases[1] + product(visible, params.weights[0])
    return DBMParams(params.weights[1:], (lowest, *params.biases[2:]))


def levels_of(levels: Levels, index: int) -> Levels:
    """Return the levels of a layer; only the visible layer can have more than two."""
    return levels if index == 0 else None
