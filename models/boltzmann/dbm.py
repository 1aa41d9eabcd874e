"""The deep Boltzmann machine (Section 2.4; Salakhutdinov & Hinton 2009).

After pretraining, all weights are trained together (fine-tuning). The layers given the data are
approximated by mean field; the layers of the model are drawn by persistent chains.
"""

from collections.abc import Iterable, Iterator
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.typing import ArrayLike

from models import units
from models.base import GenerativeModel
from models.boltzmann.energy import DBMParams, Layers, layer_input
from models.boltzmann.gradients import (
    BoltzmannInfo,
    Contrast,
    binary_entropy,
    center,
    energy_gradient,
    follow_means,
    idle_warning,
)
from models.boltzmann.likelihood import bounder
from models.boltzmann.pretraining import pretraining
from models.boltzmann.sampling import gibbs, independent_layers, sampler
from models.boltzmann.settings import DBMConfig
from models.boltzmann.variational import mean_field
from models.optimization import descend, gradient_descent, in_batches
from models.training import as_epochs, run_epochs, snapshots
from models.validation import as_count, as_training_data, check_key, check_type

CHAIN_BURN_IN = 100
"""Burn-in of the persistent chains: sweeps before the first update."""
MAX_MEAN_FIELD_STEPS = 50
"""Largest number of mean-field updates in training, which is rarely reached."""
MAX_OFFSET_CELLS = 10_000
"""Largest number of cells from which the initial offsets are computed."""


class DBMState(NamedTuple):
    """Parameters of a DBM, and what its fine-tuning needs to continue."""

    params: DBMParams
    opt_state: optax.OptState
    chains: Layers
    """(num_chains, units_l) layers of the persistent chains."""
    offsets: Layers
    """(units_l,) running means of the layers given the data."""


def fine_descent(config: DBMConfig) -> optax.GradientTransformation:
    """Return gradient descent with the settings of fine-tuning."""
    return gradient_descent(
        config.fine_learning_rate, config.momentum, config.weight_decay, config.halving_updates
    )


def check_fine_batches(config: DBMConfig, x: ArrayLike) -> jax.Array:
    """Check the data for fine-tuning; return them as codes."""
    smallest = config.fine_batch_size or 1
    return as_training_data(x, config.layer_sizes[0], config.levels, smallest, "fine_batch_size")


@partial(jax.jit, static_argnames="config")
def under_data(config: DBMConfig, params: DBMParams, rows: jax.Array) -> Layers:
    """Return the layers given codes (n, p), with mean field run as in training."""
    visible = units.to_units(rows, config.levels)
    return mean_field(params, visible, config.mean_field_tolerance, MAX_MEAN_FIELD_STEPS)


def start_fine_tuning(
    key: jax.Array,
    config: DBMConfig,
    params: DBMParams,
    x: ArrayLike,
    fine_optimizer: optax.GradientTransformation | None = None,
) -> DBMState:
    """Return the state from which `dbm(config)` fine-tunes a pretrained machine.

    Parameters
    ----------
    key : JAX key
        Determines all random numbers.
    config : DBMConfig
        Settings of the machine.
    params : DBMParams
        Parameters after pretraining, such as `StackState.params`.
    x : (n, p) int array
        Training data.
    fine_optimizer : optax.GradientTransformation, optional
        As in `models.dbm`.

    Returns
    -------
    DBMState
        Before the first epoch of fine-tuning.

    Raises
    ------
    ValueError
        If an argument is invalid, or `params` do not fit `config`.

    See Also
    --------
    models.dbm : Its `epoch` goes on from there.
    models.pretraining : Makes the parameters.

    Examples
    --------
    >>> config = DBMConfig((4, 3, 2), pretrain_epochs=1, batch_size=2)
    >>> x = jnp.array([[0, 0, 1, 1], [1, 1, 0, 0]] * 5)
    >>> first_key, key = jax.random.split(jax.random.key(0))
    >>> params = pretraining(config).init(first_key, x).params
    >>> type(start_fine_tuning(key, config, params, x)).__name__
    'DBMState'
    """
    check_key(key)
    data = check_fine_batches(config, x)
    check_type(params, "params", DBMParams)
    sizes = units.num_units(config.layer_sizes[0], config.levels), *config.layer_sizes[1:]
    if tuple(map(len, params.biases)) != sizes:
        raise ValueError(
            f"`params` must have the layers of `config`: expected {sizes} units, "
            f"got {tuple(map(len, params.biases))}"
        )
    optimizer = fine_optimizer or fine_descent(config)
    start_key, sweeps_key, cells_key = jax.random.split(key, 3)
    chains = independent_layers(start_key, params, config.num_chains, config.levels)
    chains = gibbs(sweeps_key, params, chains, CHAIN_BURN_IN, config.levels)
    cells = jax.random.permutation(cells_key, data)[:MAX_OFFSET_CELLS]
    offsets = tuple(layer.mean(axis=0) for layer in under_data(config, params, cells))
    return DBMState(params, optimizer.init(params), chains, offsets)


@cache
def dbm(
    config: DBMConfig,
    optimizer: optax.GradientTransformation | None = None,
    fine_optimizer: optax.GradientTransformation | None = None,
) -> GenerativeModel:
    """Return a deep Boltzmann machine.

    Parameters
    ----------
    config : DBMConfig
        Settings of the model.
    optimizer, fine_optimizer : optax.GradientTransformation, optional
        Replace gradient descent with the settings of `config` in pretraining and in fine-tuning.

    Returns
    -------
    GenerativeModel
        With `DBMState` as state and `BoltzmannInfo` as info. `init` pretrains and `epoch`
        fine-tunes, with the cells in random order; if the batch size does not divide their number,
        the remaining cells are left out of that epoch. `sample` runs a chain for each
        `draws_per_chain` samples, starting from independent units; u is the highest hidden layer.
        `bound` is the mean-field bound, with an estimate of log Z.

    Raises
    ------
    ValueError
        If `config` or an optimiser is of another type; the functions of the model check theirs.

    See Also
    --------
    pretraining : Its first phase alone.
    snapshots_with_pretraining : Both phases as one stream.
    rbm : With one hidden layer.
    models.likelihood.ais_log_partition : How well does it fit?

    Examples
    --------
    >>> model = dbm(DBMConfig((4, 3, 2), pretrain_epochs=1, batch_size=2))
    >>> x = jnp.array([[0, 0, 1, 1], [1, 1, 0, 0]] * 5)
    >>> init_key, sample_key = jax.random.split(jax.random.key(0))
    >>> state = model.init(init_key, x)
    >>> model.sample(sample_key, state, 10).u.shape
    (10, 2)
    """
    stack = pretraining(config, optimizer)
    levels = config.levels
    if fine_optimizer is None:
        fine_optimizer = fine_descent(config)
    check_type(fine_optimizer, "fine_optimizer", optax.GradientTransformation)

    def check(x: ArrayLike) -> None:
        as_training_data(x, config.layer_sizes[0], levels, config.batch_size)
        check_fine_batches(config, x)

    def init(key: jax.Array, x: ArrayLike) -> DBMState:
        check_key(key)
        check(x)
        start_key, epochs_key, chains_key = jax.random.split(key, 3)
        pretrained, _ = run_epochs(
            epochs_key,
            stack.init(start_key, x),
            jnp.asarray(x, jnp.int8),
            model=stack,
            num_epochs=config.num_pretraining_epochs,
        )
        return start_fine_tuning(chains_key, config, pretrained.params, x, fine_optimizer)

    def gradient_of(
        key: jax.Array, params: DBMParams, memory: tuple[Layers, Layers], rows: jax.Array
    ) -> tuple[DBMParams, tuple[Layers, Layers], tuple[jax.Array, jax.Array]]:
        chains, offsets = memory
        data = under_data(config, params, rows)
        chains = gibbs(key, params, chains, config.sweeps_per_update, levels)
        gradient = energy_gradient(params, Contrast(data, odd_means(params, chains)))
        if config.centered:
            offsets = follow_means(offsets, data)
            gradient = center(gradient, offsets)
        error = units.cross_entropy(layer_input(params, data, 0), data[0], levels).mean()
        return gradient, (chains, offsets), (error, data[-1].mean(axis=0))

    @jax.jit
    def epoch(key: jax.Array, state: DBMState, x: ArrayLike) -> tuple[DBMState, BoltzmannInfo]:
        x = jnp.asarray(x)
        order_key, sweeps_key = jax.random.split(key)
        batches = in_batches(order_key, x, config.fine_batch_size or len(x))
        params, opt_state, *memory = state
        done = descend(
            sweeps_key, gradient_of, fine_optimizer, params, opt_state, tuple(memory), batches
        )
        state = DBMState(done.params, done.opt_state, *done.memory)
        error, means = done.info
        return state, BoltzmannInfo(error, done.gradient_norm, binary_entropy(means))

    chains = config.draws_per_chain, config.sweeps_between_draws
    sample = sampler(levels, config.sample_sweeps, *chains)
    return GenerativeModel(init, epoch, sample, bounder(levels), check, idle_warning)


def snapshots_with_pretraining(
    key: jax.Array,
    config: DBMConfig,
    x: ArrayLike,
    epochs: Iterable[int],
    *,
    num_pretraining: int | None = None,
) -> Iterator[tuple[int, Any, Any]]:
    """Train a DBM through both phases, and yield its state at each of the given epochs.

    Epochs are counted through pretraining and on through fine-tuning. `dbm(config)` draws samples
    from the states of both phases, as both have `params`.

    Parameters
    ----------
    key : JAX key
        Determines all random numbers.
    config : DBMConfig
        Settings of the machine.
    x : (n, p) int array
        Training data.
    epochs : iterable of ints
        Increasing; 0 is the machine before any training.
    num_pretraining : int, optional
        Number of epochs of pretraining; by default `config.num_pretraining_epochs`.

    Returns
    -------
    iterator of (epoch, state, info)
        The state is a `StackState` in pretraining and then a `DBMState`. The info has one entry,
        for this epoch, and none at epoch 0.

    Raises
    ------
    ValueError, DivergedError
        As in `snapshots`.

    See Also
    --------
    snapshots : Fine-tuning alone.
    pretraining : Pretraining alone.

    Examples
    --------
    >>> config = DBMConfig((4, 3, 2), pretrain_epochs=1, batch_size=2)
    >>> x = jnp.array([[0, 0, 1, 1], [1, 1, 0, 0]] * 5)
    >>> stream = snapshots_with_pretraining(jax.random.key(0), config, x, [0, 2], num_pretraining=1)
    >>> [(epoch, type(state).__name__) for epoch, state, info in stream]
    [(0, 'StackState'), (2, 'DBMState')]
    """
    check_key(key)
    check_type(config, "config", DBMConfig)
    if num_pretraining is None:
        num_pretraining = config.num_pretraining_epochs
    num_pretraining = as_count(num_pretraining, "num_pretraining", 0)
    checked = as_epochs(epochs)
    if checked and checked[-1] > num_pretraining:  # before hours of pretraining
        check_fine_batches(config, x)
    return _both_phases(key, config, x, checked, num_pretraining)


def _both_phases(
    key: jax.Array, config: DBMConfig, x: ArrayLike, epochs: list[int], num_pretraining: int
) -> Iterator[tuple[int, Any, Any]]:
    pretrain_key, start_key, fine_key = jax.random.split(key, 3)
    last = epochs[-1] if epochs else 0
    # One epoch at a time, so that only one block is compiled, whatever the `epochs`.
    # Where fine-tuning follows, the end of this stream is not read, and nothing is trained for it:
    # there `snapshots` would warn of latents that say nothing yet.
    early = range(min(num_pretraining + 1, last) + 1)
    for epoch, state, info in snapshots(pretrain_key, pretraining(config), x, early):
        if epoch in epochs:
            yield epoch, state, info
        if epoch == num_pretraining:
            break
    if last <= num_pretraining:
        return
    start = num_pretraining, start_fine_tuning(start_key, config, state.params, x)
    late = range(num_pretraining + 1, last + 1)
    for epoch, state, info in snapshots(fine_key, dbm(config), x, late, resume=start):
        if epoch in epochs:
            yield epoch, state, info


def odd_means(params: DBMParams, layers: Layers) -> Layers:
    """Replace the states of the odd layers by their means given the even layers.

    With the means, energy differences have the same expectation and less variance.
    """
    return tuple(
        units.mean(layer_input(params, layers, index)) if index % 2 else layer
        for index, layer in enumerate(layers)
    )
