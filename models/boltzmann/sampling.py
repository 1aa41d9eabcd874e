"""Gibbs sampling: sweeps over the layers, chains, and samples (Section 2.1)."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from numpy.typing import NDArray

from models import units
from models.base import Samples
from models.boltzmann.energy import DBMParams, Layers, layer_input, levels_of
from models.random import split, uniform
from models.scan import scan_with_keys
from models.units import Levels
from models.validation import as_count, as_data, check_key


def gibbs_sweep(key: jax.Array, params: DBMParams, layers: Layers, levels: Levels = None) -> Layers:
    """Draw the even layers given the odd ones, then the odd ones given the even ones.

    Layers of one parity are independent given the others, so the joint distribution is invariant.
    Drawing all layers at once would lose the dependence between neighbours.

    Parameters
    ----------
    key : JAX key
        Determines all random numbers.
    params : DBMParams
        Weights and biases of the machine.
    layers : tuple of (..., units_l) float arrays
        States of all layers; the leading axes are the chains.
    levels : tuple of ints, optional
        Numbers of levels of the visible columns; None: all binary.

    Returns
    -------
    tuple of (..., units_l) float arrays
        States after the sweep.

    See Also
    --------
    gibbs : Many sweeps.

    Examples
    --------
    >>> params = DBMParams((jnp.ones((2, 3)),), (jnp.zeros(2), jnp.zeros(3)))
    >>> start_key, key = jax.random.split(jax.random.key(0))
    >>> layers = independent_layers(start_key, params, num_chains=5)
    >>> [layer.shape for layer in gibbs_sweep(key, params, layers)]
    [(5, 2), (5, 3)]
    """
    state = list(layers)
    keys = split(key, len(state))
    for index in (*range(0, len(state), 2), *range(1, len(state), 2)):
        own_levels = levels_of(levels, index)
        inputs = layer_input(params, state, index)
        num_columns = units.num_columns(inputs.shape[-1], own_levels)
        # Of the shape of the layer: without neighbours, inputs know nothing of the chains.
        uniforms = uniform(keys[index], (*state[index].shape[:-1], num_columns))
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
    """Return the layers of all chains after `num_sweeps` sweeps.

    Parameters
    ----------
    key : JAX key
        Determines all random numbers.
    params : DBMParams
        Weights and biases of the machine.
    layers : tuple of (..., units_l) float arrays
        States of all layers; the leading axes are the chains.
    num_sweeps : int
        Number of sweeps.
    levels : tuple of ints, optional
        Numbers of levels of the visible columns; None: all binary.

    Returns
    -------
    tuple of (..., units_l) float arrays
        States after the last sweep.

    Raises
    ------
    ValueError
        If `num_sweeps` is negative.

    See Also
    --------
    gibbs_draws : Several draws along the chains.
    independent_layers : Initial states.
    given_visible : Clamped chains.

    Examples
    --------
    >>> params = DBMParams((jnp.ones((2, 3)),), (jnp.zeros(2), jnp.zeros(3)))
    >>> start_key, key = jax.random.split(jax.random.key(0))
    >>> layers = independent_layers(start_key, params, num_chains=5)
    >>> [layer.shape for layer in gibbs(key, params, layers, num_sweeps=10)]
    [(5, 2), (5, 3)]
    """
    as_count(num_sweeps, "num_sweeps", 0)

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
    key : JAX key
        Determines all random numbers.
    params : DBMParams
        Weights and biases of the machine.
    layers : tuple of (..., units_l) float arrays
        States of all layers; the leading axes are the chains.
    num_draws : int
        Number of draws of each chain.
    burn_in : int
        Sweeps before the first draw.
    thinning : int
        Sweeps from one draw to the next.
    levels : tuple of ints, optional
        Numbers of levels of the visible columns; None: all binary.

    Returns
    -------
    tuple of (num_draws, ..., units_l) float arrays
        The layers at each draw.

    Raises
    ------
    ValueError
        If a number is out of range.

    See Also
    --------
    gibbs : Only the last states.
    models.effective_number : How many independent draws are they worth?

    Examples
    --------
    >>> params = DBMParams((jnp.ones((2, 3)),), (jnp.zeros(2), jnp.zeros(3)))
    >>> start_key, key = jax.random.split(jax.random.key(0))
    >>> layers = independent_layers(start_key, params, num_chains=5)
    >>> draws = gibbs_draws(key, params, layers, num_draws=4, burn_in=10, thinning=2)
    >>> [layer.shape for layer in draws]
    [(4, 5, 2), (4, 5, 3)]
    """
    as_count(num_draws, "num_draws")
    as_count(burn_in, "burn_in", 0)
    as_count(thinning, "thinning")
    numbers = num_draws, burn_in, thinning
    return _along_chains(key, params, layers, numbers, levels, lambda layers: layers)


def _along_chains(
    key: jax.Array,
    params: DBMParams,
    layers: Layers,
    numbers: tuple[int, int, int],
    levels: Levels,
    kept: Callable[[Layers], Any],
) -> Any:
    """Return what is kept of the layers at each draw, along a new first axis; for traced code.

    `numbers` are those of the draws, of the sweeps before the first, and of those between two.
    """
    num_draws, burn_in, thinning = numbers
    burn_in_key, draws_key = jax.random.split(key)
    layers = gibbs(burn_in_key, params, layers, burn_in, levels)

    def draw(key: jax.Array, layers: Layers, _: None) -> tuple[Layers, Any]:
        layers = gibbs(key, params, layers, thinning, levels)
        return layers, kept(layers)

    later = scan_with_keys(draws_key, draw, layers, length=num_draws - 1)[1]
    return jax.tree.map(
        lambda first, others: jnp.concatenate([first[None], others]), kept(layers), later
    )


@partial(jax.jit, static_argnames=("num_chains", "levels"))
def independent_layers(
    key: jax.Array, params: DBMParams, num_chains: int, levels: Levels = None
) -> Layers:
    """Draw layers (num_chains, units_l) as if all weights were 0, as initial states of chains.

    For a machine from `given_visible` the layers are (num_chains, ..., units_l): each of the
    visible states has `num_chains` chains.

    Parameters
    ----------
    key : JAX key
        Determines all random numbers.
    params : DBMParams
        Weights and biases of the machine.
    num_chains : int
        Number of chains.
    levels : tuple of ints, optional
        Numbers of levels of the visible columns; None: all binary.

    Returns
    -------
    tuple of (..., units_l) float arrays
        A state of each chain.

    Raises
    ------
    ValueError
        If `num_chains` is not positive.

    See Also
    --------
    gibbs : Chains from these states.

    Examples
    --------
    >>> params = DBMParams((jnp.ones((2, 3)),), (jnp.zeros(2), jnp.zeros(3)))
    >>> [layer.shape for layer in independent_layers(jax.random.key(0), params, num_chains=5)]
    [(5, 2), (5, 3)]
    """
    free = DBMParams(jax.tree.map(jnp.zeros_like, params.weights), params.biases)
    given = jnp.broadcast_shapes(*(bias.shape[:-1] for bias in params.biases))
    zeros = [jnp.zeros((num_chains, *given, bias.shape[-1]), bias.dtype) for bias in params.biases]
    return gibbs_sweep(key, free, tuple(zeros), levels)


@cache
def sampler(
    levels: Levels, num_sweeps: int, draws_per_chain: int = 1, sweeps_between_draws: int = 1
) -> Callable[[jax.Array, Any, int], Samples]:
    """Return the function `sample` of a model whose state has `params`.

    All Boltzmann machines share this function, so it is compiled once.
    """

    def sample(key: jax.Array, state: Any, num_samples: int) -> Samples:
        check_key(key)
        num_samples = as_count(num_samples, "num_samples")
        chains = draws_per_chain, sweeps_between_draws
        return _draw(key, state.params, num_samples, num_sweeps, levels, *chains)

    return sample


@partial(
    jax.jit,
    static_argnames=(
        "num_samples", "num_sweeps", "levels", "draws_per_chain", "sweeps_between_draws",
    ),
)  # fmt: skip
def _draw(
    key: jax.Array,
    params: DBMParams,
    num_samples: int,
    num_sweeps: int,
    levels: Levels,
    draws_per_chain: int = 1,
    sweeps_between_draws: int = 1,
) -> Samples:
    """Draw samples; those of one sweep follow each other, in the order of the chains."""
    start_key, sweeps_key = jax.random.split(key)
    num_chains = -(-num_samples // draws_per_chain)
    layers = independent_layers(start_key, params, num_chains, levels)

    def as_samples(layers: Layers) -> Samples:
        return Samples(units.to_codes(layers[0], levels), layers[-1].astype(jnp.int8))

    if draws_per_chain == 1:
        return as_samples(gibbs(sweeps_key, params, layers, num_sweeps, levels))
    numbers = draws_per_chain, num_sweeps, sweeps_between_draws
    drawn = _along_chains(sweeps_key, params, layers, numbers, levels, as_samples)
    return jax.tree.map(lambda codes: codes.reshape(-1, codes.shape[-1])[:num_samples], drawn)


def effective_number(codes: ArrayLike, draws_per_chain: int) -> NDArray[np.float64]:
    """Return how many independent samples would give means as accurate, for each column.

    Chains are independent of each other, so the variance of a mean follows from the means of the
    chains.

    Parameters
    ----------
    codes : (n, k) int array
        Features or latents from `sample` of a Boltzmann machine.
    draws_per_chain : int
        As in the settings of the machine, at least 2.

    Returns
    -------
    (k,) array
        At most n; NaN for columns that are constant.

    Raises
    ------
    ValueError
        If there are fewer than two whole chains, or `codes` is not a table of codes.

    See Also
    --------
    dbm, rbm : Machines whose settings have `draws_per_chain`.

    Examples
    --------
    >>> codes = np.random.default_rng(0).integers(2, size=(10_000, 1))
    >>> bool(8_000 < effective_number(codes, 10)[0] < 12_500)
    True
    """
    as_count(draws_per_chain, "draws_per_chain", 2)
    table = np.asarray(as_data(codes, "codes"), np.float64)
    num_chains = -(-len(table) // draws_per_chain)
    if len(table) < 2 * draws_per_chain:
        raise ValueError(
            "`codes` must hold at least two chains: expected "
            f"{2 * draws_per_chain} rows or more, got {len(table)}"
        )
    # Draws of the same time follow each other; the last ones may lack some chains.
    num_draws = len(table) // num_chains
    of_chains = table[: num_draws * num_chains].reshape(num_draws, num_chains, -1)
    variance = of_chains.mean(axis=0).var(axis=0, ddof=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        numbers: NDArray[np.float64] = num_chains * table.var(axis=0) / variance
    return np.minimum(numbers, len(table))
