"""The restricted Boltzmann machine, trained by contrastive divergence (Section 2.4; Hinton 2002).

The gradient of -log P(x) is the gradient of the mean energy given the data minus that of the
model's own states. For the latter, contrastive divergence (CD-k) takes the states after k Gibbs
steps from the data; persistent CD (Tieleman 2008) takes the states of chains that continue from
update to update.
"""

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

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
    free_means,
    idle_warning,
    log_odds,
    small_weights,
    some_cells,
)
from models.boltzmann.likelihood import bounder
from models.boltzmann.sampling import independent_layers, sampler
from models.optimization import descend, gradient_descent, in_batches
from models.random import uniform
from models.settings import check_flags, validate_counts, validate_levels, validate_optimization
from models.units import Levels
from models.validation import as_training_data, check_key, check_type


@dataclass(frozen=True)
class RBMConfig:
    """Settings of an RBM.

    See Also
    --------
    rbm : Makes the model.
    """

    num_features: int
    """Number of features, p."""
    num_hidden: int
    """Number of hidden units, which are the latents."""
    levels: tuple[int, ...] | None = None
    """Number of levels of each feature; None: all binary."""
    learning_rate: float = 1e-3
    """Learning rate of stochastic gradient descent, for the mean gradient of a batch."""
    batch_size: int = 1
    """Cells per update."""
    num_steps: int = 1
    """Gibbs steps per update, the k of CD-k."""
    num_chains: int | None = None
    """Number of persistent chains; None: no such chains, the Gibbs steps start from the data."""
    centered: bool = False
    """Whether to use centred gradients, which keep hidden units in use where there are many."""
    momentum: float = 0.0
    """Share of the last update that is added to the next one."""
    weight_decay: float = 0.0
    """Coefficient of the decay of the weights (not of the biases) towards 0."""
    halving_updates: float | None = None
    """Updates after which the learning rate has halved, falling as 1 / (1 + t / this); None: the
    rate is constant."""
    sample_sweeps: int = 200
    """Gibbs sweeps of each chain before it is taken as a sample. On the paper's two data sets
    energies, latents and correlations of features no longer change after 200."""
    draws_per_chain: int = 1
    """Samples taken from each chain. With more than one, samples of the same chain are correlated,
    but take only `sweeps_between_draws` sweeps each: see `effective_number`."""
    sweeps_between_draws: int = 20
    """Gibbs sweeps from one sample of a chain to the next."""

    def __post_init__(self) -> None:
        """Check the settings."""
        validate_counts(
            self, "num_features", "num_hidden", "batch_size", "num_steps", "sample_sweeps"
        )
        validate_counts(self, "draws_per_chain", "sweeps_between_draws")
        validate_counts(self, "num_chains", optional=True)
        check_flags(self, "centered")
        validate_levels(self, self.num_features)
        validate_optimization(self)


class RBMState(NamedTuple):
    """Parameters of an RBM, and what its training needs to continue."""

    params: DBMParams
    """Parameters with one hidden layer."""
    opt_state: optax.OptState
    chains: jax.Array | None
    """(num_chains, units_0) visible layers of the persistent chains, if there are any."""
    offsets: Layers | None = None
    """(units_l,) running means of the two layers given the data, if gradients are centred."""


def contrastive_divergence(
    key: jax.Array,
    params: DBMParams,
    visible: jax.Array,
    chains: jax.Array | None = None,
    *,
    num_steps: int = 1,
    levels: Levels = None,
    up: float = 1.0,
    down: float = 1.0,
) -> tuple[Contrast, jax.Array]:
    """Return an RBM's layers under the data and after k Gibbs steps, and the reconstruction error.

    The hidden layers are means. The error is the mean cross-entropy of the data given hidden units
    inferred from them, in nats.

    Parameters
    ----------
    key : JAX key
    params : DBMParams
        Parameters with one hidden layer.
    visible : (batch, units_0) float array
        Data, or means of the lower layer.
    chains : (num_chains, units_0) float array, optional
        States from which the Gibbs steps start, for persistent CD; None: the data.
    num_steps : int
        Number of Gibbs steps, k.
    levels : tuple of ints, optional
        Levels of the visible columns; None: all binary.
    up, down : float
        Factors of the inputs to the hidden and to the visible layer. A factor of 2 compensates for
        the other neighbour that a layer will have in a DBM (Salakhutdinov & Hinton 2009).
    """
    num_hidden = len(params.biases[1])
    num_columns = units.num_columns(len(params.biases[0]), levels)

    def hidden_input(visible: jax.Array) -> jax.Array:
        return up * layer_input(params, (visible, None), 1)

    def visible_input(hidden: jax.Array) -> jax.Array:
        return down * layer_input(params, (None, hidden), 0)

    data_means = units.mean(hidden_input(visible))
    model = visible if chains is None else chains
    # Draw all random numbers at once, which is faster than several draws.
    uniforms = uniform(key, (num_steps, len(model), num_hidden + num_columns))

    def gibbs_step(visible: jax.Array, uniforms: jax.Array) -> tuple[jax.Array, jax.Array]:
        inputs = visible_input(units.draw(uniforms[:, :num_hidden], hidden_input(visible)))
        return units.draw(uniforms[:, num_hidden:], inputs, levels), inputs

    model, first_inputs = gibbs_step(model, uniforms[0])
    if num_steps > 1:
        model, _ = jax.lax.scan(gibbs_step, model, uniforms[1:])
    contrast = Contrast((visible, data_means), (model, units.mean(hidden_input(model))))
    # A first step from the data is a reconstruction already, at no extra cost.
    reconstruction = first_inputs if chains is None else visible_input(data_means)
    return contrast, units.cross_entropy(reconstruction, visible, levels).mean()


@cache
def rbm(
    config: RBMConfig, optimizer: optax.GradientTransformation | None = None
) -> GenerativeModel:
    """Return a restricted Boltzmann machine.

    Parameters
    ----------
    config : RBMConfig
        Settings of the model.
    optimizer : optax.GradientTransformation, optional
        Replaces gradient descent with the settings of `config`.

    Returns
    -------
    GenerativeModel
        With `RBMState` as state and `BoltzmannInfo` as info. `init` draws small weights and sets
        the visible biases from the data. `epoch` visits the cells in random order; if the batch
        size does not divide their number, the remaining cells are left out of that epoch. `sample`
        runs a chain for each `draws_per_chain` samples; u are the hidden units. `bound` is the
        log-likelihood, with an estimate of log Z.

    Raises
    ------
    ValueError
        If `config` or an optimiser is of another type; the functions of the model check theirs.

    See Also
    --------
    dbm : With more hidden layers.
    train : Trains it.

    Examples
    --------
    >>> model = rbm(RBMConfig(num_features=4, num_hidden=2, batch_size=2))
    >>> x = jnp.array([[0, 0, 1, 1], [1, 1, 0, 0]] * 4)
    >>> init_key, sample_key = jax.random.split(jax.random.key(0))
    >>> state = model.init(init_key, x)
    >>> model.sample(sample_key, state, 10).x.shape
    (10, 4)
    """
    check_type(config, "config", RBMConfig)
    levels = config.levels
    if optimizer is None:
        optimizer = gradient_descent(
            config.learning_rate, config.momentum, config.weight_decay, config.halving_updates
        )
    check_type(optimizer, "optimizer", optax.GradientTransformation)

    def check(x: ArrayLike) -> jax.Array:
        return as_training_data(x, config.num_features, levels, config.batch_size)

    def init(key: jax.Array, x: ArrayLike) -> RBMState:
        check_key(key)
        data = check(x)
        weights_key, chains_key = jax.random.split(key)
        visible_bias = log_odds(data, levels)
        weights = small_weights(weights_key, len(visible_bias), config.num_hidden)
        params = DBMParams((weights,), (visible_bias, jnp.zeros(config.num_hidden)))
        chains = None
        if config.num_chains is not None:
            chains = independent_layers(chains_key, params, config.num_chains, levels)[0]
        offsets = free_means(params, levels) if config.centered else None
        return RBMState(params, optimizer.init(params), chains, offsets)

    def gradient_of(
        key: jax.Array,
        params: DBMParams,
        memory: tuple[jax.Array | None, Layers | None],
        rows: jax.Array,
    ) -> tuple[DBMParams, tuple[jax.Array | None, Layers | None], jax.Array]:
        chains, offsets = memory
        contrast, error = contrastive_divergence(
            key,
            params,
            units.to_units(rows, levels),
            chains,
            num_steps=config.num_steps,
            levels=levels,
        )
        chains = None if chains is None else contrast.model[0]
        gradient = energy_gradient(params, contrast)
        if offsets is not None:
            offsets = follow_means(offsets, contrast.data)
            gradient = center(gradient, offsets)
        return gradient, (chains, offsets), error

    @jax.jit
    def epoch(key: jax.Array, state: RBMState, x: ArrayLike) -> tuple[RBMState, BoltzmannInfo]:
        order_key, steps_key = jax.random.split(key)
        batches = in_batches(order_key, jnp.asarray(x), config.batch_size)
        params, opt_state, *memory = state
        done = descend(steps_key, gradient_of, optimizer, params, opt_state, tuple(memory), batches)
        state = RBMState(done.params, done.opt_state, *done.memory)
        visible = units.to_units(some_cells(jnp.asarray(x)), levels)
        hidden = units.mean(layer_input(state.params, (visible, None), 1))
        entropy = binary_entropy(hidden.mean(axis=0))
        return state, BoltzmannInfo(done.info, done.gradient_norm, entropy)

    chains = config.draws_per_chain, config.sweeps_between_draws
    sample = sampler(levels, config.sample_sweeps, *chains)
    return GenerativeModel(init, epoch, sample, bounder(levels), check, idle_warning)
