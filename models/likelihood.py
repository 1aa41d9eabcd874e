"""The log-likelihood of a model, in nats: the external criterion of Section 4.2.

For a Boltzmann machine it is exact if the machine is small, otherwise estimated and bounded (see
`models.boltzmann.likelihood`). For a VAE, P(x) is an integral over the latents, which is bounded
from below by means over draws of the latents.
"""

import math

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from models.boltzmann.likelihood import (
    LogPartition,
    ais_log_partition,
    exact_log_likelihood,
    exact_log_partition,
    lower_bound,
)

__all__ = [
    "LogPartition",
    "ais_log_partition",
    "evidence_lower_bound",
    "exact_log_likelihood",
    "exact_log_partition",
    "importance_weighted_bound",
    "lower_bound",
]


def evidence_lower_bound(log_weights: ArrayLike) -> jax.Array:
    """Return a VAE's evidence lower bound of log P(x) of each row, (n,).

    Parameters
    ----------
    log_weights : (num_draws, n) array
        From `models.vae.log_importance_weights`. The mean over draws is an unbiased estimate of
        the bound for any number of draws.

    Returns
    -------
    (n,) array
        In nats.

    Raises
    ------
    ValueError
        If `log_weights` is not of shape (num_draws, n).

    See Also
    --------
    importance_weighted_bound : Closer to log P(x).
    models.vae.log_importance_weights : Makes the weights.

    Examples
    --------
    >>> evidence_lower_bound([[-3.0, -2.0], [-1.0, -2.0]]).tolist()
    [-2.0, -2.0]
    """
    return _as_weights(log_weights).mean(axis=0)


def importance_weighted_bound(log_weights: ArrayLike) -> jax.Array:
    """Return the importance-weighted bound of log P(x) of each row, (n,) (Burda et al. 2016).

    This is the logarithm of the mean weight. On average it is below log P(x), and it comes closer
    the more draws there are.

    Parameters
    ----------
    log_weights : (num_draws, n) array
        From `models.vae.log_importance_weights`.

    Returns
    -------
    (n,) array
        In nats.

    Raises
    ------
    ValueError
        If `log_weights` is not of shape (num_draws, n).

    See Also
    --------
    evidence_lower_bound : The mean of the logarithms.
    models.vae.log_importance_weights : Makes the weights.

    Examples
    --------
    >>> bounds = importance_weighted_bound([[-3.0, -2.0], [-1.0, -2.0]])
    >>> [round(float(bound), 3) for bound in bounds]
    [-1.566, -2.0]
    """
    log_weights = _as_weights(log_weights)
    return jax.nn.logsumexp(log_weights, axis=0) - math.log(len(log_weights))


def _as_weights(log_weights: ArrayLike) -> jax.Array:
    array = jnp.asarray(log_weights)
    if array.ndim != 2 or len(array) == 0:
        raise ValueError(f"`log_weights` must be of shape (num_draws, n), got {array.shape}")
    return array
