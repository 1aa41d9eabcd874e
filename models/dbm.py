"""The deep Boltzmann machine (Section 2.4; Salakhutdinov & Hinton 2009; Hess et al. 2017).

First every pair of neighbouring layers is trained as an RBM on what the layers below make of the
data (pretraining). Then all weights are trained together (fine-tuning): mean field gives the
layers under the data, persistent chains give the layers under the machine.
"""

from dataclasses import dataclass
from functools import cache, partial
from itertools import pairwise
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.typing import ArrayLike

from models import units
from models.base import (
    GenerativeModel,
    as_codes,
    check_batches,
    check_count,
    check_key,
    check_levels,
    check_positive,
)
from models.boltzmann import (
    DBMParams,
    Layers,
    energy,
    gibbs,
    gibbs_sweep,
    independent_layers,
    layer_input,
    mean_field,
)
from models.descent import check_descent, descend, gradient_descent, in_batches
from models.learning import (
    BoltzmannInfo,
    Contrast,
    bounder,
    center,
    energy_gradient,
    log_odds,
    sampler,
    small_weights,
)
from models.rbm import contrastive_divergence
from models.training import run_epochs

__all__ = [
    "DBMConfig",
    "DBMParams",
    "DBMState",
    "StackState",
    "dbm",
    "energy",
    "gibbs_sweep",
    "join",
    "mean_field",
    "pretraining",
    "start_fine_tuning",
]

CHAIN_BURN_IN = 100
"""Sweeps of the persistent chains before the first update."""
MAX_MEAN_FIELD_STEPS = 50
"""In training; they are rarely used up."""
OFFSET_MEMORY = 0.99
"""Share of the old offsets in each update of them."""


@dataclass(frozen=True)
class DBMConfig:
    """Settings of a DBM; learning rate and batch size are the paper's."""

    layer_sizes: tuple[int, ...]
    """Features, then the units of each hidden layer; the paper has (p, p, fewer)."""
    levels: tuple[int, ...] | None = None
    """Levels of each feature; None: all binary."""
    learning_rate: float = 1e-3
    """Of pretraining, for the mean gradient of a batch."""
    batch_size: int = 1
    """Cells per update in pretraining."""
    pretrain_epochs: int = 20
    """Epochs of each RBM."""
    pretrain_in_turn: bool = False
    """Whether the RBMs take turns epoch by epoch; else each is trained to its end before the one
    above it begins. In turn, all layers have learned something at any time."""
    num_steps: int = 1
    """Gibbs steps per update in pretraining, the k of CD-k."""
    blocks: tuple[int, ...] | None = None
    """Block of each feature, to pretrain the lowest RBM in parts that do not see each other, with
    hidden units in proportion (Hess et al. 2017); None: one block."""
    fine_learning_rate: float = 1e-3
    """Of fine-tuning."""
    fine_batch_size: int | None = 10
    """Cells per update in fine-tuning; None: all cells."""
    num_chains: int = 100
    """Persistent chains."""
    sweeps_per_update: int = 1
    """Gibbs sweeps of the chains before each update."""
    centered: bool = True
    """Whether fine-tuning centres its gradient, which keeps the upper layers in use."""
    mean_field_tolerance: float = 1e-3
    """Largest move of a mean at which mean field has settled, in fine-tuning."""
    momentum: float = 0.0
    """Share of the last step that is made again, in both phases."""
    weight_decay: float = 0.0
    """Pull of the weights, not of the biases, towards 0, in both phases."""
    halving_updates: float | None = None
    """Updates after which the rate of fine-tuning has halved, falling as 1 / (1 + t / this). The
    authors' package has 11, with all cells in each update; None: the rate stays."""
    sample_sweeps: int = 200
    """Gibbs sweeps of each chain before it is taken as a sample. On the paper's two data sets
    energies, latents and correlations of features no longer change after 200."""

    def __post_init__(self) -> None:
        """Check the settings."""
        sizes = self.layer_sizes
        if not (isinstance(sizes, tuple) and len(sizes) >= 2):
            raise ValueError(f"`layer_sizes` must be a tuple of at least two sizes, got {sizes!r}")
        for size in sizes:
            check_count("layer_sizes", size)
        for name in ("batch_size", "num_steps", "num_chains", "sweeps_per_update", "sample_sweeps"):
            check_count(name, getattr(self, name))
        check_count("pretrain_epochs", self.pretrain_epochs, 0)
        if self.fine_batch_size is not None:
            check_count("fine_batch_size", self.fine_batch_size)
        check_levels(self.levels, sizes[0])
        if self.blocks is not None:
            if not isinstance(self.blocks, tuple) or len(self.blocks) != sizes[0]:
                raise ValueError(
                    f"`blocks` must be a tuple with one entry for each of {sizes[0]} features, "
                    f"got {self.blocks!r}"
                )
            for block in self.blocks:
                check_count("blocks", block, 0)
        check_positive("mean_field_tolerance", self.mean_field_tolerance)
        check_positive("fine_learning_rate", self.fine_learning_rate)
        check_descent(self.learning_rate, self.momentum, self.weight_decay, self.halving_updates)

    @property
    def num_pretraining_epochs(self) -> int:
        """Epochs of `pretraining` that make up all of it."""
        return self.pretrain_epochs * (1 if self.pretrain_in_turn else len(self.layer_sizes) - 1)


class StackState(NamedTuple):
    """RBMs on top of each other, in training."""

    rbms: tuple[DBMParams, ...]
    """From the lowest up; the hidden layer of each is the visible layer of the next."""
    opt_states: tuple[optax.OptState, ...]
    num_epochs: jax.Array
    """Epochs of training so far."""

    @property
    def params(self) -> DBMParams:
        """The DBM that they make."""
        return join(self.rbms)


class DBMState(NamedTuple):
    """What a DBM has learned, and what its fine-tuning goes on with."""

    params: DBMParams
    opt_state: optax.OptState
    chains: Layers
    """(num_chains, units_l) the layers of the persistent chains."""
    offsets: Layers
    """(units_l,) running means of the layers under the data."""


def join(rbms: tuple[DBMParams, ...]) -> DBMParams:
    """Return the DBM of RBMs on top of each other; a layer in two of them has both its biases."""
    biases = [rbms[0].biases[0]]
    for lower, upper in pairwise(rbms):
        biases.append(lower.biases[1] + upper.biases[0])
    return DBMParams(tuple(rbm.weights[0] for rbm in rbms), (*biases, rbms[-1].biases[1]))


def doubling(num_rbms: int) -> list[tuple[float, float]]:
    """Return how often each RBM of a stack counts the inputs (up, down) to its layers.

    A layer that has a neighbour on either side in the DBM, but only one in the RBM, takes the
    input of that one twice.
    """
    return [
        (1.0 if index == num_rbms - 1 else 2.0, 1.0 if index == 0 else 2.0)
        for index in range(num_rbms)
    ]


def block_mask(config: DBMConfig) -> jax.Array:
    """Return which weights (units_0, units_1) of the lowest RBM its blocks allow in pretraining.

    The hidden units are dealt to the blocks in proportion to their features. Without the other
    weights, the parts are RBMs of their own.
    """
    num_features, num_hidden = config.layer_sizes[:2]
    blocks = np.zeros(num_features, int) if config.blocks is None else np.array(config.blocks)
    hidden_blocks = np.sort(blocks)[np.arange(num_hidden) * num_features // num_hidden]
    unit_blocks = blocks if config.levels is None else blocks[units.layout(config.levels).column]
    return jnp.asarray(unit_blocks[:, None] == hidden_blocks, float)


@cache
def pretraining(
    config: DBMConfig, optimizer: optax.GradientTransformation | None = None
) -> GenerativeModel:
    """Return the DBM in pretraining, to look at it between epochs.

    Parameters
    ----------
    config : DBMConfig
    optimizer : optax.GradientTransformation, optional
        Takes the place of gradient descent with the config's settings.

    Returns
    -------
    GenerativeModel
        With `StackState` and `BoltzmannInfo`, which is the mean over the RBMs trained in an epoch.
        After `config.num_pretraining_epochs` of them pretraining is complete.
    """
    levels, in_turn = config.levels, config.pretrain_in_turn
    num_rbms = len(config.layer_sizes) - 1
    counts = doubling(num_rbms)
    mask = block_mask(config)
    if optimizer is None:
        optimizer = gradient_descent(config.learning_rate, config.momentum, config.weight_decay)

    def init(key: jax.Array, x: ArrayLike) -> StackState:
        check_key(key)
        data = as_codes(x, config.layer_sizes[0], levels)
        check_batches(data, config.batch_size)
        visible_bias = log_odds(data, levels)
        biases = [visible_bias, *(jnp.zeros(size) for size in config.layer_sizes[1:])]
        keys = jax.random.split(key, num_rbms)
        rbms = []
        for index, (lower, upper) in enumerate(pairwise(biases)):
            weights = small_weights(keys[index], len(lower), len(upper))
            rbms.append(DBMParams((weights * mask if index == 0 else weights,), (lower, upper)))
        return StackState(tuple(rbms), tuple(map(optimizer.init, rbms)), jnp.zeros((), jnp.int32))

    def train_rbm(
        key: jax.Array, state: StackState, x: jax.Array, index: int
    ) -> tuple[StackState, BoltzmannInfo]:
        """Pass once through the data to train one RBM."""
        up, down = counts[index]
        own_levels = levels if index == 0 else None

        def from_below(rows: jax.Array) -> jax.Array:
            layer = units.to_units(rows, levels)
            for lower, (lower_up, _) in zip(state.rbms[:index], counts, strict=False):
                layer = units.mean(lower_up * layer_input(lower, (layer, None), 1))
            return layer

        def gradient_of(
            key: jax.Array, params: DBMParams, memory: None, rows: jax.Array
        ) -> tuple[DBMParams, None, jax.Array]:
            contrast, error = contrastive_divergence(
                key,
                params,
                from_below(rows),
                num_steps=config.num_steps,
                levels=own_levels,
                up=up,
                down=down,
            )
            gradient = energy_gradient(params, contrast)
            if index == 0 and config.blocks is not None:
                gradient = DBMParams((gradient.weights[0] * mask,), gradient.biases)
            return gradient, memory, error

        order_key, steps_key = jax.random.split(key)
        batches = in_batches(order_key, x, config.batch_size)
        start = state.rbms[index], state.opt_states[index], None
        done = descend(steps_key, gradient_of, optimizer, *start, batches)
        rbms, opt_states = list(state.rbms), list(state.opt_states)
        rbms[index], opt_states[index] = done.params, done.opt_state
        state = StackState(tuple(rbms), tuple(opt_states), state.num_epochs)
        return state, BoltzmannInfo(done.info, done.gradient_norm)

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
        return state._replace(num_epochs=state.num_epochs + 1), info

    return GenerativeModel(init, epoch, sampler(levels, config.sample_sweeps), bounder(levels))


def fine_descent(config: DBMConfig) -> optax.GradientTransformation:
    """Return gradient descent with the settings for fine-tuning."""
    return gradient_descent(
        config.fine_learning_rate, config.momentum, config.weight_decay, config.halving_updates
    )


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
    data = as_codes(x, config.layer_sizes[0], config.levels)
    check_batches(data, config.fine_batch_size or 1)
    optimizer = fine_optimizer or fine_descent(config)
    start_key, sweeps_key = jax.random.split(key)
    chains = independent_layers(start_key, params, config.num_chains, config.levels)
    chains = gibbs(sweeps_key, params, chains, CHAIN_BURN_IN, config.levels)
    layers = jax.jit(partial(under_data, config))(params, data)
    offsets = tuple(layer.mean(axis=0) for layer in layers)
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
    levels = config.levels
    stack = pretraining(config, optimizer)
    if fine_optimizer is None:
        fine_optimizer = gradient_descent(
            config.fine_learning_rate,
            config.momentum,
            config.weight_decay,
            config.halving_updates,
        )

    def init(key: jax.Array, x: ArrayLike) -> DBMState:
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
        lowest = DBMParams(params.weights[:1], params.biases[:2])
        inputs = layer_input(lowest, (None, data[1]), 0)
        error = units.cross_entropy(inputs, data[0], levels).mean()
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

    return GenerativeModel(init, epoch, sampler(levels, config.sample_sweeps), bounder(levels))


def odd_means(params: DBMParams, layers: Layers) -> Layers:
    """Put the means of the odd layers given the even ones in place of their states.

    Energy differences have the same expectation with them, and less noise.
    """
    return tuple(
        units.mean(layer_input(params, layers, index)) if index % 2 else layer
        for index, layer in enumerate(layers)
    )
