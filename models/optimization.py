"""Stochastic gradient descent: one pass through the data, as used in training every model."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from models.scan import scan_with_keys

GradientOf = Callable[[jax.Array, Any, Any, Any], tuple[Any, Any, Any]]
"""gradient_of(key, params, memory, batch) -> (gradient, memory, info)."""


class Pass(NamedTuple):
    """Result of a pass through the data."""

    params: Any
    opt_state: optax.OptState
    memory: Any
    """Whatever else is carried from update to update, such as persistent chains."""
    info: Any
    """Means over the updates."""
    gradient_norm: jax.Array
    """Euclidean norm of the mean gradient over the updates. With small batches, computing a norm in
    every update would take longer than the update itself."""


def descend(
    key: jax.Array,
    gradient_of: GradientOf,
    optimizer: optax.GradientTransformation,
    params: Any,
    opt_state: optax.OptState,
    memory: Any,
    batches: Any,
) -> Pass:
    """Make an update for each of the batches, which are along the first axis; for traced code."""

    def update(key: jax.Array, carry: tuple, batch: Any) -> tuple[tuple, Any]:
        params, opt_state, memory, total = carry
        gradient, memory, info = gradient_of(key, params, memory, batch)
        changes, opt_state = optimizer.update(gradient, opt_state, params)
        total = jax.tree.map(jnp.add, total, gradient)
        return (optax.apply_updates(params, changes), opt_state, memory, total), info

    start = params, opt_state, memory, jax.tree.map(jnp.zeros_like, params)
    (params, opt_state, memory, total), infos = scan_with_keys(key, update, start, batches)
    num_updates = len(jax.tree.leaves(batches)[0])
    info = jax.tree.map(lambda values: values.mean(axis=0), infos)
    return Pass(params, opt_state, memory, info, optax.tree.norm(total) / num_updates)


def in_batches(key: jax.Array, x: jax.Array, batch_size: int) -> jax.Array:
    """Shuffle the rows of x (n, p) into batches, (n // batch_size, batch_size, p).

    Rows that do not fill a batch are left out, different ones for each key.
    """
    num_batches = len(x) // batch_size
    order = jax.random.permutation(key, len(x))[: num_batches * batch_size]
    return x[order].reshape(num_batches, batch_size, *x.shape[1:])


def gradient_descent(
    learning_rate: float,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
    halving_updates: float | None = None,
) -> optax.GradientTransformation:
    """Return stochastic gradient descent for parameters with `weights` and `biases`.

    Parameters
    ----------
    learning_rate : float
    momentum : float
        Share of the last update that is added to the next one.
    weight_decay : float
        Coefficient of the decay of the weights (not of the biases) towards 0.
    halving_updates : float, optional
        Number of updates after which the learning rate has halved: after t updates it is
        multiplied by 1 / (1 + t / halving_updates).
    """
    rate: Any = learning_rate
    if halving_updates is not None:

        def rate(num_updates: jax.Array) -> jax.Array:
            return learning_rate / (1 + num_updates / halving_updates)

    def is_weight(params: Any) -> Any:
        return params._replace(
            weights=jax.tree.map(lambda _: True, params.weights),
            biases=jax.tree.map(lambda _: False, params.biases),
        )

    decay = optax.add_decayed_weights(weight_decay, is_weight) if weight_decay else optax.identity()
    return optax.chain(decay, optax.sgd(rate, momentum or None))
