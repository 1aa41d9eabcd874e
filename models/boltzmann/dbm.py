"""The deep Boltzmann machine (Section 2.4; Salakhutdinov & Hinton 2009).

After pretraining all weights are trained together (fine-tuning): mean field gives the layers under
the data, persistent chains give the layers under the machine.
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
from models.boltzmann.gradients import BoltzmannInfo, Contrast, center, energy_gradient
from models.boltzmann.likelihood import bounder
from models.boltzmann.pretraining import pretraining
from models.boltzmann.sampling import gibbs, independent_layers, sampler
from models.boltzmann.settings import DBMConfig
from models.boltzmann.variational import mean_field
from models.optimization import descend, gradient_descent, in_batches
from models.training import as_epochs, run_epochs, snapshots
from models.validation import as_count, as_training_data, check_key, check_type

CHAIN_BURN_IN = 100
"""Sweeps of the persistent chains before the first update."""
MAX_MEAN_FIELD_STEPS = 50
"""In training; they are rarely used up."""
MAX_OFFSET_CELLS = 10_000
"""Cells that the first offsets are taken from, at most."""
OFFSET_MEMORY = 0.99
"""Share of the old offsets in each update of them."""


class DBMState(NamedTuple):
    """What a DBM has learned, and what its fine-tuning goes on with."""

    params: DBMParams
    opt_state: optax.OptState
    chains: Layers
    """(num_chains, units_l) the layers of the persistent chains."""
    offsets: Layers
    """(units_l,) running means of the layers under the data."""


def fine_descent(config: DBMConfig) -> optax.GradientTransformation:
    """Return gradient descent with the settings for fine-tuning."""
    return gradient_descent(
        config.fine_learning_rate, config.momentum, config.weight_decay, config.halving_updates
    )


def check_fine_batches(config: DBMConfig, x: ArrayLike) -> jax.Array:
    """Check the data of fine-tuning; return them as codes."""
    smallest = config.fine_batch_size or 1
    return as_training_data(x, config.layer_sizes[0], config.levels, smallest, "fine_batch_size")


@partial(jax.jit, static_argnames="config")
def under_data(config: DBMConfig, params: DBMParams, rows: jax.Array) -> Layers:
    """Return the layers under codes (n, p), hidden ones by mean field as settled as in training."""
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
    config : DBMConfig
    params : DBMParams
        Such as `StackState.params`.
    x : (n, p) int array
        Training data.
    fine_optimizer : optax.GradientTransformation, optional
        As for `dbm`.
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
    optimizer, fine_optimizer : optax.GradientTransformation, optional
        Take the place of gradient descent with the config's settings in pretraining and in
        fine-tuning.

    Returns
    -------
    GenerativeModel
        With `DBMState` and `BoltzmannInfo`. `init` pretrains and `epoch` fine-tunes, with the
        cells in random order; if the batch size does not divide their number, the rest is left
        out of that epoch. `sample` runs a chain for each sample, that starts from independent
        units; u is the highest hidden layer. `bound` is the mean-field bound, with log Z estimated.
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
    ) -> tuple[DBMParams, tuple[Layers, Layers], jax.Array]:
        chains, offsets = memory
        data = under_data(config, params, rows)
        chains = gibbs(key, params, chains, config.sweeps_per_update, levels)
        gradient = energy_gradient(params, Contrast(data, odd_means(params, chains)))
        if config.centered:
            offsets = tuple(
                OFFSET_MEMORY * offset + (1 - OFFSET_MEMORY) * layer.mean(axis=0)
                for offset, layer in zip(offsets, data, strict=True)
            )
            gradient = center(gradient, offsets)
        error = units.cross_entropy(layer_input(params, data, 0), data[0], levels).mean()
        return gradient, (chains, offsets), error

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
        return state, BoltzmannInfo(done.info, done.gradient_norm)

    sample = sampler(levels, config.sample_sweeps)
    return GenerativeModel(init, epoch, sample, bounder(levels), check)


def snapshots_with_pretraining(
    key: jax.Array,
    config: DBMConfig,
    x: ArrayLike,
    epochs: Iterable[int],
    *,
    num_pretraining: int | None = None,
) -> Iterator[tuple[int, Any, Any]]:
    """Train a DBM through both phases, and yield it at each of the given epochs.

    The epochs of pretraining come first, those of fine-tuning after them. `dbm(config)` draws
    samples from the states of either phase, as both have `params`.

    Parameters
    ----------
    key : JAX key
    config : DBMConfig
    x : (n, p) int array
        Training data.
    epochs : iterable of ints
        Increasing; 0 is the machine before any training.
    num_pretraining : int, optional
        Epochs of pretraining; by default all that the config asks for.

    Yields
    ------
    (epoch, state, info)
        `StackState` while pretraining, then `DBMState`. The info has one entry, of this epoch.

    Raises
    ------
    ValueError, DivergedError
        As `snapshots`.
    """
    check_key(key)
    check_type(config, "config", DBMConfig)
    if num_pretraining is None:
        num_pretraining = config.num_pretraining_epochs
    num_pretraining = as_count(num_pretraining, "num_pretraining", 0)
    return _both_phases(key, config, x, as_epochs(epochs), num_pretraining)


def _both_phases(
    key: jax.Array, config: DBMConfig, x: ArrayLike, epochs: list[int], num_pretraining: int
) -> Iterator[tuple[int, Any, Any]]:
    pretrain_key, start_key, fine_key = jax.random.split(key, 3)
    last = epochs[-1] if epochs else 0
    # One epoch at a time, so that whatever their number only one block is compiled.
    early = range(min(num_pretraining, last) + 1)
    for epoch, state, info in snapshots(pretrain_key, pretraining(config), x, early):
        if epoch in epochs:
            yield epoch, state, info
    if last <= num_pretraining:
        return
    start = num_pretraining, start_fine_tuning(start_key, config, state.params, x)
    late = range(num_pretraining + 1, last + 1)
    for epoch, state, info in snapshots(fine_key, dbm(config), x, late, resume=start):
        if epoch in epochs:
            yield epoch, state, info


def odd_means(params: DBMParams, layers: Layers) -> Layers:
    """Put the means of the odd layers given the even ones in place of their states.

    Energy differences have the same expectation with them, and less noise.
    """
    return tuple(
        units.mean(layer_input(params, layers, index)) if index % 2 else layer
        for index, layer in enumerate(layers)
    )
