"""The variational autoencoder (Section 2.4; Kingma & Welling 2013).

The prior is u ~ N(0, I). The encoder gives q(u | x) = N(mean(x), diag(exp(log_variance(x)))). The
decoder gives p(x | u), with a Bernoulli distribution for each binary feature and a categorical
distribution for each other feature. Both networks have tanh hidden layers. Adam minimises the
negative evidence lower bound with one draw of u per cell.
"""

from dataclasses import dataclass
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn
from jax.typing import ArrayLike

from models import units
from models.base import GenerativeModel, Samples
from models.optimization import descend, in_batches
from models.random import uniform
from models.scan import scan_with_keys
from models.settings import validate_counts, validate_levels, validate_numbers, validate_tuples
from models.validation import as_count, as_training_data, check_key, check_type

COLLAPSED = 0.01
"""A latent is collapsed if its mean divergence from the prior is below this, in nats."""


@dataclass(frozen=True)
class VAEConfig:
    """Settings of a VAE; the defaults are the paper's.

    See Also
    --------
    vae : Makes the model.
    """

    num_features: int
    """Number of features, p."""
    num_latents: int = 10
    """Number of latents, r; the paper uses 5 to 20."""
    encoder_hidden: tuple[int, ...] | None = None
    """Widths of the encoder's hidden layers; None: one layer of p units."""
    decoder_hidden: tuple[int, ...] | None = None
    """Widths of the decoder's hidden layers; None: one layer of p units."""
    learning_rate: float = 1e-4
    """Learning rate of Adam."""
    batch_size: int = 1
    """Cells per gradient step."""
    levels: tuple[int, ...] | None = None
    """Number of levels of each feature; None: all binary."""
    warm_up_epochs: int = 0
    """Epochs over which the weight of the divergence in the gradient rises from 0 to 1; 0: the
    weight is 1 from the start."""

    def __post_init__(self) -> None:
        """Check the settings."""
        validate_counts(self, "num_features", "num_latents", "batch_size")
        validate_counts(self, "warm_up_epochs", smallest=0)
        validate_tuples(self, "encoder_hidden", "decoder_hidden")
        validate_levels(self, self.num_features)
        validate_numbers(self, "learning_rate")

    @property
    def num_units(self) -> int:
        """Number of inputs of the encoder and outputs of the decoder (see `models.units`)."""
        return units.num_units(self.num_features, self.levels)


class VAEState(NamedTuple):
    """Parameters of a VAE and state of its optimiser."""

    params: Any
    """Weights and biases, as {"encoder": ..., "decoder": ...}."""
    opt_state: optax.OptState


class VAEInfo(NamedTuple):
    """Losses of an epoch, means over its cells in nats, and other diagnostics."""

    loss: jax.Array
    """Negative evidence lower bound, `reconstruction + divergence`."""
    reconstruction: jax.Array
    """Cross-entropy of the data given latents drawn from the encoder."""
    divergence: jax.Array
    """Kullback-Leibler divergence of the encoder's q(u | x) from the prior."""
    collapsed: jax.Array
    """(r,) whether q(u_j | x) is so close to the prior, on average over cells, that latent j says
    nothing about a cell (see `COLLAPSED`)."""
    gradient_norm: jax.Array
    """Euclidean norm of the mean gradient."""
    information: jax.Array
    """(r,) divergence of q(u_j | x) from the prior in bits, mean over cells: the most that latent j
    can say about a cell. (The entropy of a real latent cut at its median is always one bit, and
    would not tell them apart.)"""


class Encoder(nn.Module):
    """Network from x to mean and log variance of q(u | x)."""

    hidden: tuple[int, ...]
    num_latents: int

    @nn.compact
    def __call__(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Map units of x (..., num_units) to mean and log variance, (..., r) each."""
        h = x
        for width in self.hidden:
            h = nn.tanh(_dense(width)(h))
        mean = _dense(self.num_latents, name="mean")(h)
        log_variance = _dense(self.num_latents, name="log_variance")(h)
        return mean, log_variance


class Decoder(nn.Module):
    """Network from u to logits of the units of x (see `models.units`)."""

    hidden: tuple[int, ...]
    num_units: int

    @nn.compact
    def __call__(self, u: jax.Array) -> jax.Array:
        """Map u (..., r) to logits (..., num_units)."""
        h = u
        for width in self.hidden:
            h = nn.tanh(_dense(width)(h))
        return _dense(self.num_units, name="logits")(h)


def _dense(width: int, name: str | None = None) -> nn.Dense:
    return nn.Dense(width, kernel_init=nn.initializers.glorot_uniform(), name=name)


@cache
def networks(config: VAEConfig) -> tuple[Encoder, Decoder]:
    """Return the encoder and decoder that a config describes."""
    return (
        Encoder(config.encoder_hidden or (config.num_features,), config.num_latents),
        Decoder(config.decoder_hidden or (config.num_features,), config.num_units),
    )


class Cells(NamedTuple):
    """Outputs of encoder and decoder for cells."""

    u: jax.Array
    """(..., r) latents drawn from the encoder."""
    mean: jax.Array
    """(..., r) mean of q(u | x)."""
    log_variance: jax.Array
    """(..., r) log variance of q(u | x)."""
    reconstruction: jax.Array
    """(...) cross-entropy of x given u, in nats."""


def send_through(config: VAEConfig, params: Any, noise: jax.Array, x: jax.Array) -> Cells:
    """Encode cells x (..., p), draw latents with standard normal noise (..., r), decode these."""
    encoder, decoder = networks(config)
    encode: Any = encoder.apply
    decode: Any = decoder.apply
    visible = units.to_units(x, config.levels)
    mean, log_variance = encode(params["encoder"], visible)
    u = mean + jnp.exp(log_variance / 2) * noise
    logits = decode(params["decoder"], u)
    return Cells(u, mean, log_variance, units.cross_entropy(logits, visible, config.levels))


@partial(jax.jit, static_argnames=("config", "num_draws"))
def log_importance_weights(
    key: jax.Array, config: VAEConfig, params: Any, x: ArrayLike, num_draws: int = 1
) -> jax.Array:
    """Return log [p(x | u) p(u) / q(u | x)] for draws of u from the encoder, (num_draws, n).

    Their mean and log-mean-exp over draws are lower bounds of log P(x); see `models.likelihood`.

    Parameters
    ----------
    key : JAX key
        Determines all random numbers.
    config : VAEConfig
        Settings of the model.
    params : pytree
        As in `VAEState`.
    x : (n, p) int array
        Codes; not checked, so that this can be traced.
    num_draws : int
        Draws of the latents for each row.

    Returns
    -------
    (num_draws, n) array
        In nats.

    Raises
    ------
    ValueError
        If `num_draws` is not positive.

    See Also
    --------
    models.likelihood.evidence_lower_bound : Their mean.
    models.likelihood.importance_weighted_bound : The logarithm of their mean.

    Examples
    --------
    >>> config = VAEConfig(num_features=4, num_latents=2, batch_size=2)
    >>> x = np.array([[0, 0, 1, 1], [1, 1, 0, 0]] * 4)
    >>> init_key, key = jax.random.split(jax.random.key(0))
    >>> state = vae(config).init(init_key, x)
    >>> log_importance_weights(key, config, state.params, x, num_draws=3).shape
    (3, 8)
    """
    as_count(num_draws, "num_draws")
    x = jnp.asarray(x)

    def draw(key: jax.Array, _: None, __: None) -> tuple[None, jax.Array]:
        noise = jax.random.normal(key, (len(x), config.num_latents))
        cells = send_through(config, params, noise, x)
        # log p(u) - log q(u | x); the constants cancel
        log_ratio = (noise**2 + cells.log_variance - cells.u**2).sum(axis=-1) / 2
        return None, log_ratio - cells.reconstruction

    return scan_with_keys(key, draw, None, length=num_draws)[1]


def collapse_warning(info: VAEInfo) -> str:
    """Say in one sentence if all latents have collapsed; "" otherwise."""
    collapsed = np.asarray(info.collapsed)
    if not collapsed.all():
        return ""
    return (
        f"all {len(collapsed)} latents have collapsed (less than {COLLAPSED} nats from the prior), "
        "so the VAE says nothing about a cell; train it for more epochs, at a higher rate or with "
        "a warm-up"
    )


@cache
def vae(config: VAEConfig) -> GenerativeModel:
    """Return a variational autoencoder.

    The result is cached for each config, so that equal settings compile only once.

    Parameters
    ----------
    config : VAEConfig
        Settings of the model.

    Returns
    -------
    GenerativeModel
        With `VAEState` as state and `VAEInfo` as info. `epoch` visits the cells in random order;
        if the batch size does not divide their number, the remaining cells are left out of that
        epoch. `sample` draws u from the prior and x from the decoder. `bound` is the evidence
        lower bound, with one draw of u per cell.

    Raises
    ------
    ValueError
        If `config` is of another type; the functions of the model check their arguments.

    See Also
    --------
    dbm : A deep Boltzmann machine.
    train : Trains it.
    models.likelihood.importance_weighted_bound : How well does it fit?

    Examples
    --------
    >>> model = vae(VAEConfig(num_features=4, num_latents=2, batch_size=2))
    >>> x = np.array([[0, 0, 1, 1], [1, 1, 0, 0]] * 4)
    >>> init_key, sample_key = jax.random.split(jax.random.key(0))
    >>> state = model.init(init_key, x)
    >>> model.sample(sample_key, state, 10).u.shape
    (10, 2)
    """
    check_type(config, "config", VAEConfig)
    encoder, decoder = networks(config)
    optimizer = optax.adam(config.learning_rate)

    def negative_elbo(
        params: Any, noise: jax.Array, x: jax.Array, divergence_weight: jax.Array
    ) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        cells = send_through(config, params, noise, x)
        variance = jnp.exp(cells.log_variance)
        divergence = (variance + cells.mean**2 - 1 - cells.log_variance).mean(axis=0) / 2
        reconstruction = cells.reconstruction.mean()
        return reconstruction + divergence_weight * divergence.sum(), (reconstruction, divergence)

    def gradient_of(_: jax.Array, params: Any, memory: None, batch: tuple) -> tuple[Any, None, Any]:
        gradient, parts = jax.grad(negative_elbo, has_aux=True)(params, *batch)
        return gradient, memory, parts

    def check(x: ArrayLike) -> jax.Array:
        return as_training_data(x, config.num_features, config.levels, config.batch_size)

    def init(key: jax.Array, x: ArrayLike) -> VAEState:
        check_key(key)
        check(x)
        encoder_key, decoder_key = jax.random.split(key)
        params = {
            "encoder": encoder.init(encoder_key, jnp.zeros(config.num_units)),
            "decoder": decoder.init(decoder_key, jnp.zeros(config.num_latents)),
        }
        return VAEState(params, optimizer.init(params))

    @jax.jit
    def epoch(key: jax.Array, state: VAEState, x: ArrayLike) -> tuple[VAEState, VAEInfo]:
        order_key, noise_key, steps_key = jax.random.split(key, 3)
        batches = in_batches(order_key, jnp.asarray(x), config.batch_size)
        # Draw the noise of all steps at once, which is faster than a small draw in every step.
        noise = jax.random.normal(noise_key, (*batches.shape[:2], config.num_latents))
        weights = jnp.ones(len(batches))
        if config.warm_up_epochs:
            updates = optax.tree.get(state.opt_state, "count") + jnp.arange(len(batches))
            weights = jnp.minimum(updates / (config.warm_up_epochs * len(batches)), 1.0)
        done = descend(steps_key, gradient_of, optimizer, *state, None, (noise, batches, weights))
        reconstruction, divergence_by_latent = done.info
        divergence = divergence_by_latent.sum()
        info = VAEInfo(
            reconstruction + divergence,
            reconstruction,
            divergence,
            divergence_by_latent < COLLAPSED,
            done.gradient_norm,
            divergence_by_latent / jnp.log(2.0),
        )
        return VAEState(done.params, done.opt_state), info

    @partial(jax.jit, static_argnames="num_samples")
    def sample(key: jax.Array, state: VAEState, num_samples: int) -> Samples:
        check_key(key)
        as_count(num_samples, "num_samples")
        u_key, x_key = jax.random.split(key)
        u = jax.random.normal(u_key, (num_samples, config.num_latents))
        decode: Any = decoder.apply
        uniforms = uniform(x_key, (num_samples, config.num_features))
        x = units.draw(uniforms, decode(state.params["decoder"], u), config.levels)
        return Samples(units.to_codes(x, config.levels), u)

    @jax.jit
    def bound(key: jax.Array, state: VAEState, x: ArrayLike) -> jax.Array:
        return log_importance_weights(key, config, state.params, x)[0]

    return GenerativeModel(init, epoch, sample, bound, check, collapse_warning)
