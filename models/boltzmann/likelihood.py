"""The log-likelihood of a Boltzmann machine, in nats (Section 4.2).

log P(x) = -free energy(x) - log Z. Both are sums over states. If there are few states, they are
computed exactly by enumeration. Otherwise log Z is estimated by annealed importance sampling (AIS;
Neal 2001; Salakhutdinov & Murray 2008), and the free energy is bounded by mean field.
"""

import math
from collections.abc import Callable
from functools import cache, partial
from itertools import pairwise
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from models import units
from models.boltzmann.energy import DBMParams, Layers, free_energy, given_visible, levels_of
from models.boltzmann.sampling import gibbs_sweep, independent_layers
from models.boltzmann.variational import mean_field, variational_free_energy
from models.scan import scan_with_keys
from models.units import Levels
from models.validation import as_codes, as_count, check_key, check_type, shown

BOUND_CHAINS, BOUND_TEMPERATURES = 100, 1000
"""Settings of AIS in a model's `bound`, which is called often (see `ais_log_partition`)."""
MAX_STATES = 2**24
"""Largest number of states that are enumerated; this takes about a minute on one core."""
CHUNK = 2**12
"""Number of states, or rows of data, that are processed at once."""


def exact_log_partition(params: DBMParams, levels: Levels = None) -> jax.Array:
    """Return log Z by enumeration.

    The states of the even or of the odd layers are enumerated, whichever are fewer. The other
    layers are summed out in closed form.

    Parameters
    ----------
    params : DBMParams
        Weights and biases of the machine.
    levels : tuple of ints, optional
        Levels of the visible columns; None: all binary.

    Returns
    -------
    scalar array
        In nats.

    Raises
    ------
    ValueError
        If more than `MAX_STATES` states would be enumerated, or the levels do not fit.

    See Also
    --------
    ais_log_partition : For larger machines.

    Examples
    --------
    >>> params = DBMParams((jnp.ones((2, 3)),), (jnp.zeros(2), jnp.zeros(3)))
    >>> round(float(exact_log_partition(params)), 3)
    6.553
    """
    _check_levels(params, levels)
    _check_few_states(params, levels)
    return _log_partition(params, levels)


def exact_log_likelihood(params: DBMParams, x: ArrayLike, levels: Levels = None) -> jax.Array:
    """Return log P(x) of each row by enumeration, (n,).

    Parameters
    ----------
    params : DBMParams
        Weights and biases of the machine.
    x : (n, p) int array
        Codes.
    levels : tuple of ints, optional
        Levels of the columns; None: all binary.

    Returns
    -------
    (n,) array
        In nats.

    Raises
    ------
    ValueError
        If more than `MAX_STATES` states would be enumerated, or x or the levels do not fit.

    See Also
    --------
    lower_bound : For larger machines.

    Examples
    --------
    >>> params = DBMParams((jnp.ones((2, 3)),), (jnp.zeros(2), jnp.zeros(3)))
    >>> [round(float(value), 3) for value in exact_log_likelihood(params, [[0, 0], [1, 1]])]
    [-4.473, -0.172]
    """
    visible = _visible(params, x, levels)
    _check_few_states(given_visible(params, visible[0]), None)
    return _log_unnormalized(params, visible) - exact_log_partition(params, levels)


class LogPartition(NamedTuple):
    """An estimate of log Z by annealed importance sampling.

    See Also
    --------
    ais_log_partition : Makes it.
    """

    estimate: jax.Array
    """Of log Z, in nats."""
    standard_error: jax.Array
    """Standard error of the estimate, in nats; unreliable if the effective sample size is small."""
    effective_sample_size: jax.Array
    """(sum w)^2 / sum w^2 for the importance weights w: from 1 to the number of chains."""


def ais_log_partition(
    key: jax.Array,
    params: DBMParams,
    levels: Levels = None,
    *,
    num_chains: int = 200,
    num_temperatures: int = 2000,
) -> LogPartition:
    """Estimate log Z by annealed importance sampling.

    Chains start from the machine without weights, whose log Z is known, and pass through machines
    whose weights grow to their full size in equal steps, with one Gibbs sweep at each step. The
    even layers are summed out of the importance weights, since a sweep draws them anew given the
    odd ones.

    Parameters
    ----------
    key : JAX key
        Determines all random numbers.
    params : DBMParams
        Weights and biases of the machine.
    levels : tuple of ints, optional
        Levels of the visible columns; None: all binary.
    num_chains : int
        The standard error decreases with the square root of this number.
    num_temperatures : int
        Number of steps; with more steps the importance weights vary less.

    Returns
    -------
    LogPartition
        The estimate in nats, with its standard error.

    Raises
    ------
    ValueError
        If an argument is invalid.

    See Also
    --------
    exact_log_partition : By enumeration.
    lower_bound : Takes the estimate.

    Examples
    --------
    >>> params = DBMParams((jnp.ones((2, 3)),), (jnp.zeros(2), jnp.zeros(3)))
    >>> found = ais_log_partition(jax.random.key(0), params, num_temperatures=100)
    >>> bool(abs(found.estimate - exact_log_partition(params)) < 5 * found.standard_error)
    True
    """
    check_key(key)
    as_count(num_chains, "num_chains", 2)
    as_count(num_temperatures, "num_temperatures")
    _check_levels(params, levels)
    return anneal(key, params, levels, int(num_chains), int(num_temperatures))


def lower_bound(
    params: DBMParams, x: ArrayLike, log_partition: ArrayLike, levels: Levels = None
) -> jax.Array:
    """Return the mean-field lower bound of log P(x) of each row, (n,), given log Z.

    For one hidden layer it equals log P(x).

    Parameters
    ----------
    params : DBMParams
        Weights and biases of the machine.
    x : (n, p) int array
        Codes.
    log_partition : float
        Exact or estimated; its error is also the error of the bound.
    levels : tuple of ints, optional
        Levels of the columns; None: all binary.

    Returns
    -------
    (n,) array
        In nats.

    Raises
    ------
    ValueError
        If x or the levels do not fit the machine.

    See Also
    --------
    exact_log_likelihood : By enumeration.
    ais_log_partition : Estimates log Z.

    Examples
    --------
    >>> params = DBMParams((jnp.ones((2, 3)),), (jnp.zeros(2), jnp.zeros(3)))
    >>> bounds = lower_bound(params, [[0, 0], [1, 1]], exact_log_partition(params))
    >>> [round(float(bound), 3) for bound in bounds]
    [-4.473, -0.172]
    """
    if np.shape(log_partition) != ():
        raise ValueError(
            "`log_partition` must be one number, such as the `estimate` of `ais_log_partition`, "
            f"got shape {np.shape(log_partition)}"
        )
    return mean_field_bound(params, _visible(params, x, levels)) - jnp.asarray(log_partition)


@cache
def bounder(levels: Levels) -> Callable[[jax.Array, Any, ArrayLike], jax.Array]:
    """Return the function `bound` of a model whose state has `params`, for all machines."""

    def bound(key: jax.Array, state: Any, x: ArrayLike) -> jax.Array:
        return _bound(key, state.params, x, levels)

    return bound


@partial(jax.jit, static_argnames="levels")
def _bound(key: jax.Array, params: DBMParams, x: ArrayLike, levels: Levels) -> jax.Array:
    log_partition = anneal(key, params, levels, BOUND_CHAINS, BOUND_TEMPERATURES).estimate
    return mean_field_bound(params, units.to_units(jnp.asarray(x), levels)) - log_partition


@partial(jax.jit, static_argnames=("levels", "num_chains", "num_temperatures"))
def anneal(
    key: jax.Array, params: DBMParams, levels: Levels, num_chains: int, num_temperatures: int
) -> LogPartition:
    """Compute `ais_log_partition` without checks, for traced code."""
    start_key, sweeps_key = jax.random.split(key)

    def with_weights(share: jax.Array) -> DBMParams:
        return DBMParams(tuple(share * weight for weight in params.weights), params.biases)

    def log_unnormalized(share: jax.Array, layers: Layers) -> jax.Array:
        odd = [layer if index % 2 else None for index, layer in enumerate(layers)]
        return -free_energy(with_weights(share), odd, levels)

    def warm(
        key: jax.Array, state: tuple[Layers, jax.Array], share_and_next: tuple[jax.Array, jax.Array]
    ) -> tuple[tuple[Layers, jax.Array], None]:
        (layers, log_weights), (share, next_share) = state, share_and_next
        log_weights += log_unnormalized(next_share, layers) - log_unnormalized(share, layers)
        return (gibbs_sweep(key, with_weights(next_share), layers, levels), log_weights), None

    layers = independent_layers(start_key, params, num_chains, levels)
    start = layers, jnp.zeros(num_chains, params.biases[0].dtype)
    shares = jnp.linspace(0, 1, num_temperatures + 1)
    (_, log_weights), _ = scan_with_keys(sweeps_key, warm, start, (shares[:-1], shares[1:]))

    weights = jnp.exp(log_weights - log_weights.max())
    log_mean = jax.nn.logsumexp(log_weights) - math.log(num_chains)
    without_weights = sum(
        units.log_normalizer(bias, levels_of(levels, index)).sum()
        for index, bias in enumerate(params.biases)
    )
    return LogPartition(
        without_weights + log_mean,
        weights.std(ddof=1) / weights.mean() / math.sqrt(num_chains),
        weights.sum() ** 2 / (weights**2).sum(),
    )


@jax.jit
def mean_field_bound(params: DBMParams, visible: jax.Array) -> jax.Array:
    """Return the mean-field lower bound of log P(visible) + log Z, (n,)."""

    def one(visible: jax.Array) -> jax.Array:
        return -variational_free_energy(params, mean_field(params, visible))

    return jax.lax.map(one, visible, batch_size=CHUNK)


@jax.jit
def _log_unnormalized(params: DBMParams, visible: jax.Array) -> jax.Array:
    """Return log sum_h exp(-energy(v, h)) of each row: log Z of the hidden layers."""

    def one(visible: jax.Array) -> jax.Array:
        own = (visible * params.biases[0]).sum()
        return own + _log_partition(given_visible(params, visible), None)

    return jax.lax.map(one, visible)


@partial(jax.jit, static_argnames="levels")
def _log_partition(params: DBMParams, levels: Levels) -> jax.Array:
    """Return log Z, enumerating the layers of the parity with fewer states, in chunks."""
    parity = min((0, 1), key=lambda parity: math.prod(_column_levels(params, levels, parity)))
    column_levels = np.array(_column_levels(params, levels, parity), int)
    num_states = math.prod(column_levels.tolist())
    strides = num_states // np.cumprod(column_levels)
    kept = range(parity, len(params.biases), 2)
    kept_levels = tuple(column_levels.tolist()) if parity == 0 and levels else None

    def chunk(first: jax.Array) -> jax.Array:
        number = first + jnp.arange(min(CHUNK, num_states))
        states = units.to_units(number[:, None] // strides % column_levels, kept_levels)
        layers: list[jax.Array | None] = [None] * len(params.biases)
        end = 0
        for index in kept:
            begin, end = end, end + params.biases[index].shape[-1]
            layers[index] = states[:, begin:end]
        log_weights = -free_energy(params, layers, levels)
        return jax.nn.logsumexp(jnp.where(number < num_states, log_weights, -jnp.inf))

    return jax.nn.logsumexp(jax.lax.map(chunk, jnp.arange(0, num_states, CHUNK)))


def _column_levels(params: DBMParams, levels: Levels, parity: int) -> list[int]:
    """Return the numbers of levels of all columns in the layers of one parity."""
    column_levels: list[int] = []
    for index in range(parity, len(params.biases), 2):
        if index == 0 and levels is not None:
            column_levels += levels
        else:
            column_levels += [2] * params.biases[index].shape[-1]
    return column_levels


def _check_few_states(params: DBMParams, levels: Levels) -> None:
    num_states = min(math.prod(_column_levels(params, levels, parity)) for parity in (0, 1))
    if num_states > MAX_STATES:
        raise ValueError(
            "`params` must be of a machine small enough for enumeration: expected at most "
            f"{MAX_STATES} states of the even or the odd layers, got {num_states}"
        )


def _check_levels(params: DBMParams, levels: Levels) -> None:
    check_type(params, "params", DBMParams)
    sizes = [bias.shape[-1] for bias in params.biases]
    shapes = [weight.shape for weight in params.weights]
    if shapes != [*pairwise(sizes)]:
        raise ValueError(
            f"`params` must have weights between layers of {sizes} units, got shapes {shapes}"
        )
    if levels is None:
        return
    if not isinstance(levels, tuple) or not all(
        isinstance(count, int) and count >= 2 for count in levels
    ):
        raise ValueError(
            f"`levels` must be None or a tuple of integers of at least 2, got {shown(levels)}"
        )
    num_units = units.num_units(len(levels), levels)
    if num_units != len(params.biases[0]):
        raise ValueError(
            "`levels` must fit the visible layer: expected one unit fewer than levels for each "
            f"column, {len(params.biases[0])} in all, got {num_units}"
        )


def _visible(params: DBMParams, x: ArrayLike, levels: Levels) -> jax.Array:
    """Check codes x (n, p) and return them as visible units."""
    _check_levels(params, levels)
    num_features = units.num_columns(len(params.biases[0]), levels)
    return units.to_units(as_codes(x, num_features, levels), levels)
