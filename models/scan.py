"""Loops in which each step has a random key of its own."""

from collections.abc import Callable
from typing import Any, TypeVar

import jax

from models.random import split

Carry = TypeVar("Carry")


def scan_with_keys(
    key: jax.Array,
    step: Callable[[jax.Array, Carry, Any], tuple[Carry, Any]],
    start: Carry,
    inputs: Any = None,
    length: int | None = None,
) -> tuple[Carry, Any]:
    """Scan with a key for each step: step(key, carry, input) -> (carry, output).

    The keys are passed as raw integers, because under `vmap` JAX's check for key reuse would take
    all keys of a scan for the same key.
    """
    if length is None:
        length = len(jax.tree.leaves(inputs)[0])
    impl = jax.random.key_impl(key)

    def keyed(carry: Carry, item: tuple[jax.Array, Any]) -> tuple[Carry, Any]:
        data, own_input = item
        return step(jax.random.wrap_key_data(data, impl=impl), carry, own_input)

    return jax.lax.scan(keyed, start, (jax.random.key_data(split(key, length)), inputs))
