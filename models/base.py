"""The interface of every generative model: a few pure functions (Section 2.1)."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
from jax.typing import ArrayLike


class Samples(NamedTuple):
    """Synthetic features with the latents they were drawn with.

    See Also
    --------
    GenerativeModel : Its function `sample` returns them.
    loglin.select_features : Takes them.
    """

    x: jax.Array
    """(n, p) codes of the features."""
    u: jax.Array
    """(n, r) latents: real numbers for a VAE, codes for an RBM or a DBM."""


class GenerativeModel(NamedTuple):
    """A model that learns the joint distribution of features and latents.

    The functions are pure: what is learned is in `state`, and each key is used once. `state`
    and `info` are pytrees of arrays, whose structure depends on the model.

    See Also
    --------
    vae, dbm, rbm : Make one.
    train : Trains it.
    """

    init: Callable[[jax.Array, ArrayLike], Any]
    """init(key, x) -> state, before any training; x is the (n, p) training data."""
    epoch: Callable[[jax.Array, Any, ArrayLike], tuple[Any, Any]]
    """epoch(key, state, x) -> (state, info) after one pass through the data."""
    sample: Callable[[jax.Array, Any, int], Samples]
    """sample(key, state, num_samples) -> Samples."""
    bound: Callable[[jax.Array, Any, ArrayLike], jax.Array] | None = None
    """bound(key, state, x) -> (n,) estimates of a lower bound of log P(x), in nats; None if the
    model has no such bound. The codes x are not checked, so that `bound` can be traced."""
    check: Callable[[ArrayLike], Any] | None = None
    """check(x) raises a ValueError if the model cannot be trained on these data, as `init` does;
    None if the model has no such check."""
    warning: Callable[[Any], str] | None = None
    """warning(info) -> one sentence about latents that say nothing of a cell, or "" if all is well,
    from the info of the last epoch; `snapshots` warns with it when training ends."""
