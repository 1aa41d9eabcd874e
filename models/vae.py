"""The variational autoencoder (Section 2.4; Kingma & Welling 2013).

Prior u ~ N(0, I). The encoder gives q(u | x) = N(mean(x), diag(exp(log_variance(x)))), the
decoder p(x | u) = Bernoulli(sigmoid(logits(u))). Both have tanh hidden layers. Adam minimises
the negative evidence lower bound with one draw of u per cell.
"""

from dataclasses import dataclass
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn
from jax.typing import ArrayLike

from models.base import (
    GenerativeModel,
    Samples,
    as_data,
    check_binary,
    check_count,
    check_key,
)


@dataclass(frozen=True)
class VAEConfig:
    """Settings of a VAE; the defaults are the paper's."""

    num_features: int
    """Features p."""
    num_latents: int = 10
    """Latents r; the paper has 5 to 20."""
    encoder_hidden: tuple[int, ...] | None = None
    """Widths of the encoder's hidden layers; None: one as wide as the data."""
    decoder_hidden: tuple[int, ...] | None = None
    """Widths of the decoder's hidden layers; None: one as wide as the data."""
    learning_rate: float = 1e-4
    """Of Adam."""
    batch_size: int = 1
    """Cells per gradient step."""

    def __post_init__(self) -> None:
        """Check the settings."""
        for name in ("num_features", "num_latents", "batch_size"):
            check_count(name, getattr(self, name))
        for name in ("encoder_hidden", "decoder_hidden"):
            widths = getattr(self, name)
            if widths is not None and not (isinstance(widths, tuple) and widths):
                raise ValueError(f"`{name}` must be a tuple of widths or None, got {widths!r}")
            for width in widths or ():
                check_count(name, width)
        rate = self.learning_rate
        if not (isinstance(rate, int | float) and 0 < rate < float("inf")):
            raise ValueError(f"`learning_rate` must be a positive number, got {rate!r}")


class VAEState(NamedTuple):
    """What a VAE has learned, and what its optimiser remembers."""

    params: Any
    """Weights and biases, as {"encoder": ..., "decoder": ...}."""
    opt_state: optax.OptState


class VAEInfo(NamedTuple):
    """How an epoch went: means over its cells, in nats."""

    loss: jax.Array
    """Negative evidence lower bound, `reconstruction + divergence`."""
    reconstruction: jax.Array
    """Bernoulli cross-entropy of the data, with u drawn from the encoder."""
    divergence: jax.Array
    """Kullback-Leibler divergence of the encoder's q(u | x) from the prior."""


class Encoder(nn.Module):
    """x -> mean and log variance of q(u | x)."""

    hidden: tuple[int, ...]
    num_latents: int

    @nn.compact
    def __call__(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Map x (..., p) to mean and log variance, (..., r) each."""
        h = x.astype(jnp.float32)
        for width in self.hidden:
            h = nn.tanh(_dense(width)(h))
        mean = _dense(self.num_latents, name="mean")(h)
        log_variance = _dense(self.num_latents, name="log_variance")(h)
        return mean, log_variance


class Decoder(nn.Module):
    """u -> logits of the Bernoulli probabilities of x."""

    hidden: tuple[int, ...]
    num_features: int

    @nn.compact
    def __call__(self, u: jax.Array) -> jax.Array:
        """Map u (..., r) to logits (..., p)."""
        h = u
        for width in self.hidden:
            h = nn.tanh(_dense(width)(h))
        return _dense(self.num_features, name="logits")(h)


def _dense(width: int, name: str | None = None) -> nn.Dense:
    return nn.Dense(width, kernel_init=nn.initializers.glorot_uniform(), name=name)


@cache
def vae(config: VAEConfig) -> GenerativeModel:
    """Return a variational autoencoder for binary features.

    The functions of the result are made once per config, so equal settings compile once.

    Parameters
    ----------
    config : VAEConfig

    Returns
    -------
    GenerativeModel
        With `VAEState` as state and `VAEInfo` as info. `epoch` visits the cells in random
        order; if the batch size does not divide their number, the rest is left out of that
        epoch. `sample` draws u from the prior and x from the decoder's Bernoulli.
    """
    encoder = Encoder(config.encoder_hidden or (config.num_features,), config.num_latents)
    decoder = Decoder(config.decoder_hidden or (config.num_features,), config.num_features)
    encode: Any = encoder.apply
    decode: Any = decoder.apply
    optimizer = optax.adam(config.learning_rate)

    def negative_elbo(params: Any, noise: jax.Array, x: jax.Array) -> tuple[jax.Array, VAEInfo]:
        mean, log_variance = encode(params["encoder"], x)
        u = mean + jnp.exp(log_variance / 2) * noise
        logits = decode(params["decoder"], u)
        reconstruction = optax.sigmoid_binary_cross_entropy(logits, x).sum(-1).mean()
        divergence = (jnp.exp(log_variance) + mean**2 - 1 - log_variance).sum(-1).mean() / 2
        loss = reconstruction + divergence
        return loss, VAEInfo(loss, reconstruction, divergence)

    def init(key: jax.Array, x: ArrayLike) -> VAEState:
        check_key(key)
        data = as_data(x)
        check_binary(data, config.num_features)
        if len(data) < config.batch_size:
            raise ValueError(
                "`x` must have at least `batch_size` rows: "
                f"expected {config.batch_size}, got {len(data)}"
            )
        encoder_key, decoder_key = jax.random.split(key)
        params = {
            "encoder": encoder.init(encoder_key, jnp.zeros(config.num_features)),
            "decoder": decoder.init(decoder_key, jnp.zeros(config.num_latents)),
        }
        return VAEState(params, optimizer.init(params))

    @jax.jit
    def epoch(key: jax.Array, state: VAEState, x: ArrayLike) -> tuple[VAEState, VAEInfo]:
        x = jnp.asarray(x)
        order_key, noise_key = jax.random.split(key)
        num_batches = x.shape[0] // config.batch_size
        order = jax.random.permutation(order_key, x.shape[0])[: num_batches * config.batch_size]
        batches = x[order].reshape(num_batches, config.batch_size, config.num_features)
        # The noise of all steps at once, which costs less than a small draw in every step.
        noise = jax.random.normal(noise_key, (num_batches, config.batch_size, config.num_latents))

        def step(state: VAEState, batch: tuple[jax.Array, jax.Array]) -> tuple[VAEState, VAEInfo]:
            grads, info = jax.grad(negative_elbo, has_aux=True)(state.params, *batch)
            updates, opt_state = optimizer.update(grads, state.opt_state)
            return VAEState(optax.apply_updates(state.params, updates), opt_state), info

        state, infos = jax.lax.scan(step, state, (noise, batches))
        return state, jax.tree.map(jnp.mean, infos)

    @partial(jax.jit, static_argnames="num_samples")
    def sample(key: jax.Array, state: VAEState, num_samples: int) -> Samples:
        check_key(key)
        check_count("num_samples", num_samples)
        u_key, x_key = jax.random.split(key)
        u = jax.random.normal(u_key, (num_samples, config.num_latents))
        logits = decode(state.params["decoder"], u)
        x = jax.random.bernoulli(x_key, nn.sigmoid(logits))
        return Samples(x.astype(jnp.int8), u)

    return GenerativeModel(init, epoch, sample)
