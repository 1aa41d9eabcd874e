"""Pretraining of a deep Boltzmann machine as a stack of RBMs (Section 2.4).

Every pair of neighbouring layers is trained as an RBM. Its data are the means of the lower layer
given the data, computed through the layers below; the layers above are ignored (Salakhutdinov &
Hinton 2009). With many features and few cells the lowest RBM can be trained in blocks (Hess et al.
2017).
"""

from collections.abc import Sequence
from functools import cache, partial
from itertools import pairwise
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.typing import ArrayLike
from numpy.typing import NDArray

from models import units
from models.base import GenerativeModel
from models.boltzmann.energy import DBMParams, Layers, layer_input, levels_of
from models.boltzmann.gradients import (
    BoltzmannInfo,
    binary_entropy,
    center,
    energy_gradient,
    follow_means,
    free_means,
    idle_warning,
    log_odds,
    small_weights,
    some_cells,
)
from models.boltzmann.likelihood import bounder
from models.boltzmann.rbm import contrastive_divergence
from models.boltzmann.sampling import sampler
from models.boltzmann.settings import DBMConfig, hidden_blocks
from models.optimization import descend, gradient_descent, in_batches
from models.validation import as_training_data, check_key, check_type


class StackState(NamedTuple):
    """A stack of RBMs in training."""

    rbms: tuple[DBMParams, ...]
    """From the lowest up; the hidden layer of each is the visible layer of the next."""
    opt_states: tuple[optax.OptState, ...]
    num_epochs: jax.Array
    """Number of epochs of training so far."""
    offsets: tuple[Layers, ...] | None = None
    """For each RBM (units_l,) running means of its two layers, if gradients are centred."""

    @property
    def params(self) -> DBMParams:
        """The parameters of the DBM that consists of these RBMs."""
        return join(self.rbms)


def join(rbms: tuple[DBMParams, ...]) -> DBMParams:
    """Return the DBM of a stack of RBMs; a layer that is in two RBMs gets the sum of its biases."""
    biases = [rbms[0].biases[0]]
    for lower, upper in pairwise(rbms):
        biases.append(lower.biases[1] + upper.biases[0])
    return DBMParams(tuple(rbm.weights[0] for rbm in rbms), (*biases, rbms[-1].biases[1]))


def doubling(num_rbms: int) -> list[tuple[float, float]]:
    """Return for each RBM of a stack the multiples of the inputs (up, down) to its layers.

    A layer that has neighbours on both sides in the DBM, but only one neighbour in the RBM, takes
    the input from this neighbour twice.
    """
    return [
        (1.0 if index == num_rbms - 1 else 2.0, 1.0 if index == 0 else 2.0)
        for index in range(num_rbms)
    ]


def block_mask(config: DBMConfig) -> NDArray[np.bool_]:
    """Return which weights (units_0, units_1) of the lowest RBM are used in pretraining.

    These are the weights within blocks; without the others each block is a separate RBM.
    """
    blocks = np.array(config.blocks or np.zeros(config.layer_sizes[0], int))
    unit_blocks = blocks if config.levels is None else blocks[units.layout(config.levels).column]
    return unit_blocks[:, None] == hidden_blocks(config)


def _replaced(values: tuple[Any, ...], index: int, value: Any) -> tuple[Any, ...]:
    return (*values[:index], value, *values[index + 1 :])


@cache
def pretraining(
    config: DBMConfig, optimizer: optax.GradientTransformation | None = None
) -> GenerativeModel:
    """Return the model of a DBM in pretraining, to take snapshots between epochs.

    Parameters
    ----------
    config : DBMConfig
        Settings of the machine.
    optimizer : optax.GradientTransformation, optional
        Replaces gradient descent with the settings of `config`.

    Returns
    -------
    GenerativeModel
        With `StackState` as state and `BoltzmannInfo` as info: error and gradient are means over
        the RBMs trained in an epoch, the entropies are those of the highest layer. Pretraining is
        complete after `config.num_pretraining_epochs` epochs.

    Raises
    ------
    ValueError
        If `config` or an optimiser is of another type; the functions of the model check theirs.

    See Also
    --------
    dbm : Both phases.
    snapshots_with_pretraining : Both phases as one stream.

    Examples
    --------
    >>> model = pretraining(DBMConfig((4, 3, 2), pretrain_epochs=1, batch_size=2))
    >>> x = np.array([[0, 0, 1, 1], [1, 1, 0, 0]] * 4)
    >>> state = model.init(jax.random.key(0), x)
    >>> [bias.shape for bias in state.params.biases]
    [(4,), (3,), (2,)]
    """
    check_type(config, "config", DBMConfig)
    levels, in_turn = config.levels, config.pretrain_in_turn
    num_rbms = len(config.layer_sizes) - 1
    counts = doubling(num_rbms)
    if optimizer is None:
        optimizer = gradient_descent(config.learning_rate, config.momentum, config.weight_decay)
    check_type(optimizer, "optimizer", optax.GradientTransformation)

    def check(x: ArrayLike) -> jax.Array:
        return as_training_data(x, config.layer_sizes[0], levels, config.batch_size)

    def init(key: jax.Array, x: ArrayLike) -> StackState:
        check_key(key)
        visible_bias = log_odds(check(x), levels)
        biases = [visible_bias, *(jnp.zeros(size) for size in config.layer_sizes[1:])]
        keys = jax.random.split(key, num_rbms)
        rbms = []
        for index, (lower, upper) in enumerate(pairwise(biases)):
            weights = small_weights(keys[index], len(lower), len(upper))
            if index == 0 and config.blocks is not None:
                weights *= block_mask(config)
            rbms.append(DBMParams((weights,), (lower, upper)))
        offsets = None
        if config.centered_pretraining:
            offsets = tuple(
                free_means(rbm, levels_of(levels, index)) for index, rbm in enumerate(rbms)
            )
        opt_states = tuple(map(optimizer.init, rbms))
        return StackState(tuple(rbms), opt_states, jnp.zeros((), jnp.int32), offsets)

    def layer_above(rbms: Sequence[DBMParams], rows: jax.Array) -> jax.Array:
        """Return the means of the layer above the lowest RBMs, given codes (n, p)."""
        layer = units.to_units(rows, levels)
        for rbm, (up, _) in zip(rbms, counts, strict=False):
            layer = units.mean(up * layer_input(rbm, (layer, None), 1))
        return layer

    def train_rbm(
        key: jax.Array, state: StackState, x: jax.Array, index: int
    ) -> tuple[StackState, tuple[jax.Array, jax.Array]]:
        """Train one RBM in one pass through the data; also return its error and gradient norm."""
        up, down = counts[index]
        own_levels = levels_of(levels, index)

        def gradient_of(
            key: jax.Array, params: DBMParams, offsets: Layers | None, rows: jax.Array
        ) -> tuple[DBMParams, Layers | None, jax.Array]:
            contrast, error = contrastive_divergence(
                key,
                params,
                layer_above(state.rbms[:index], rows),
                num_steps=config.num_steps,
                levels=own_levels,
                up=up,
                down=down,
            )
            gradient = energy_gradient(params, contrast)
            if index == 0 and config.blocks is not None:
                gradient = DBMParams((gradient.weights[0] * block_mask(config),), gradient.biases)
            if offsets is not None:
                offsets = follow_means(offsets, contrast.data)
                gradient = center(gradient, offsets)
            return gradient, offsets, error

        order_key, steps_key = jax.random.split(key)
        batches = in_batches(order_key, x, config.batch_size)
        offsets = None if state.offsets is None else state.offsets[index]
        start = state.rbms[index], state.opt_states[index], offsets
        done = descend(steps_key, gradient_of, optimizer, *start, batches)
        state = state._replace(
            rbms=_replaced(state.rbms, index, done.params),
            opt_states=_replaced(state.opt_states, index, done.opt_state),
        )
        if state.offsets is not None:
            state = state._replace(offsets=_replaced(state.offsets, index, done.memory))
        return state, (done.info, done.gradient_norm)

    def entropy_of_latents(state: StackState, x: jax.Array) -> jax.Array:
        return binary_entropy(layer_above(state.rbms, some_cells(x)).mean(axis=0))

    @jax.jit
    def epoch(key: jax.Array, state: StackState, x: ArrayLike) -> tuple[StackState, BoltzmannInfo]:
        x = jnp.asarray(x)
        if in_turn:
            keys, infos = jax.random.split(key, num_rbms), []
            for index in range(num_rbms):
                state, info = train_rbm(keys[index], state, x, index)
                infos.append(info)
            info = jax.tree.map(lambda *values: jnp.stack(values).mean(), *infos)
        else:
            state, info = jax.lax.switch(
                state.num_epochs // max(config.pretrain_epochs, 1),
                [partial(train_rbm, index=index) for index in range(num_rbms)],
                key,
                state,
                x,
            )
        state = state._replace(num_epochs=state.num_epochs + 1)
        error, gradient_norm = info
        return state, BoltzmannInfo(error, gradient_norm, entropy_of_latents(state, x))

    chains = config.draws_per_chain, config.sweeps_between_draws
    sample = sampler(levels, config.sample_sweeps, *chains)
    return GenerativeModel(init, epoch, sample, bounder(levels), check, idle_warning)
