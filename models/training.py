"""Train a model in jitted blocks of epochs, and look at it on the way (Section 2.4)."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import jax
import numpy as np
from jax.typing import ArrayLike

from models.base import GenerativeModel, as_data, check_count, check_key


def train(key: jax.Array, model: GenerativeModel, x: ArrayLike, num_epochs: int) -> Any:
    """Return the model's state after `num_epochs` epochs.

    Parameters
    ----------
    key : JAX key
    model : GenerativeModel
    x : (n, p) int array
        Training data.
    num_epochs : int

    Returns
    -------
    state
        As of the model. The same as the last of `snapshots` with the same key.
    """
    check_count("num_epochs", num_epochs, 0)
    return next(snapshots(key, model, x, [int(num_epochs)]))[1]


def snapshots(
    key: jax.Array, model: GenerativeModel, x: ArrayLike, epochs: Iterable[int]
) -> Iterator[tuple[int, Any, Any]]:
    """Train, and yield the model at each of the given epochs.

    Epoch i draws from ``fold_in(key, i)``, so the state after an epoch does not depend on which
    epochs are looked at.

    Parameters
    ----------
    key : JAX key
    model : GenerativeModel
    x : (n, p) int array
        Training data.
    epochs : iterable of ints
        Increasing; 0 is the model before training. Each different distance between two of
        them compiles once.

    Returns
    -------
    iterator of (epoch, state, info)
        State and info are as of the model; info has one entry an epoch since the last snapshot
        along the first axis.

    Raises
    ------
    ValueError
        If `key` is none, `epochs` do not increase from at least 0, or the model refuses `x`.
    """
    check_key(key)
    if not isinstance(model, GenerativeModel):
        raise ValueError(f"`model` must be a GenerativeModel, got {model!r}")
    epochs = list(epochs) if isinstance(epochs, Iterable) else [epochs]
    if not all(isinstance(epoch, int | np.integer) for epoch in epochs):
        raise ValueError(f"`epochs` must be integers, got {epochs}")
    if any(later <= earlier for earlier, later in zip([-1, *epochs], epochs, strict=False)):
        raise ValueError(f"`epochs` must increase, from 0 or later, got {epochs}")
    init_key, epochs_key = jax.random.split(key)
    x = as_data(x)
    return _snapshots(epochs_key, model, x, model.init(init_key, x), epochs)


def _snapshots(
    epochs_key: jax.Array, model: GenerativeModel, x: jax.Array, state: Any, epochs: list[int]
) -> Iterator[tuple[int, Any, Any]]:
    done = 0
    for epoch in epochs:
        state, info = _block(epochs_key, state, x, done, model=model, num_epochs=epoch - done)
        done = epoch
        yield epoch, state, info


@partial(jax.jit, static_argnames=("model", "num_epochs"))
def _block(
    key: jax.Array, state: Any, x: jax.Array, first: int, *, model: GenerativeModel, num_epochs: int
) -> tuple[Any, Any]:
    def one(state: Any, epoch: jax.Array) -> tuple[Any, Any]:
        return model.epoch(jax.random.fold_in(key, epoch), state, x)

    return jax.lax.scan(one, state, first + jax.numpy.arange(num_epochs))
