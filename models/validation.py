"""Check the arguments of public functions.

Each error message names the argument, what was expected, and what was given.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

MAX_LEVELS = 127
"""Largest number of levels of a feature: codes are stored as int8."""
_LONGEST = 200
"""Characters of a given value that a message shows."""


def shown(value: Any) -> str:
    """Return how a message shows what was given: in one line, and not too long.

    >>> shown(np.eye(2)), len(shown("a" * 1000))
    ('array([[1., 0.], [0., 1.]])', 200)
    >>> shown("a" * 198) == repr("a" * 198)
    True
    """
    text = " ".join(part.strip() for part in repr(value).splitlines())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def as_data(x: Any, name: str = "x") -> jax.Array:
    """Check that data are a table of codes; return it as int8."""
    return jnp.asarray(_as_table(x, name))


def as_codes(x: Any, num_features: int, levels: tuple[int, ...] | None) -> jax.Array:
    """Check that data have a column for each feature, with codes below its number of levels."""
    table = _as_table(x, "x")
    if table.shape[1] != num_features:
        raise ValueError(
            f"`x` must have one column for each feature: expected {num_features}, "
            f"got {table.shape[1]}"
        )
    highest = table.max(axis=0)
    too_high = np.flatnonzero(highest >= (2 if levels is None else np.array(levels)))
    if too_high.size:
        column = too_high[0]
        expected = "zeros and ones" if levels is None else f"codes below {levels[column]}"
        raise ValueError(f"`x` must hold {expected} in column {column}, got {highest[column]}")
    return jnp.asarray(table)


def _as_table(x: Any, name: str) -> NDArray[np.int8]:
    if isinstance(x, np.ma.MaskedArray):
        raise ValueError(f"`{name}` must not be masked")
    is_sparse = hasattr(x, "toarray")
    if is_sparse or (hasattr(x, "obs") and hasattr(x, "var")):
        codes = f"{name}.toarray()" if is_sparse else f"np.asarray(dichotomize({name}))"
        raise ValueError(f"`{name}` must be an array, got {type(x).__name__}: pass `{codes}`")
    try:
        array = np.asarray(x)
    except ValueError:  # numpy's own message is about inhomogeneous shapes
        raise ValueError(f"`{name}` must have rows of equal length, got ragged ones") from None
    if array.ndim == 1 and array.size and array.dtype.kind in "fiub":
        raise ValueError(
            f"`{name}` must have two dimensions, got shape {array.shape}: for a single column pass "
            f"`{name}[:, None]`"
        )
    if array.ndim != 2 or array.size == 0:
        raise ValueError(
            f"`{name}` must have two dimensions, at least one row and one column, "
            f"got shape {array.shape}"
        )
    if array.dtype.kind not in "fiub":
        raise ValueError(f"`{name}` must hold codes, got dtype {array.dtype}")
    unexpected = array[~((array >= 0) & (array < MAX_LEVELS) & (array == np.floor(array)))]
    if unexpected.size:
        raise ValueError(
            f"`{name}` must hold codes 0, 1, ..., {MAX_LEVELS - 1}, got {unexpected[0]}"
        )
    return array.astype(np.int8)


def check_key(key: Any) -> None:
    """Check that a random key is a single one, with a key dtype (not raw uint32)."""
    is_key = isinstance(key, jax.Array) and jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    if not is_key or key.shape != ():
        raise ValueError(f"`key` must be one JAX key such as jax.random.key(0), got {shown(key)}")


def check_type(value: Any, name: str, expected: type) -> None:
    """Check that an argument is an instance of a class."""
    if not isinstance(value, expected):
        raise ValueError(
            f"`{name}` must be of type {expected.__name__}, got {type(value).__name__}"
        )


def as_count(value: Any, name: str, smallest: int = 1) -> int:
    """Check that a setting is an integer of at least `smallest`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < smallest:
        raise ValueError(f"`{name}` must be an integer of at least {smallest}, got {shown(value)}")
    return int(value)


def as_training_data(
    x: Any,
    num_features: int,
    levels: tuple[int, ...] | None,
    batch_size: int,
    name: str = "batch_size",
) -> jax.Array:
    """Check codes as `as_codes` does, and that they fill a batch; `name` is the batch setting."""
    data = as_codes(x, num_features, levels)
    if len(data) < batch_size:
        raise ValueError(
            f"`x` must have at least `{name}` rows: expected {batch_size}, got {len(data)}"
        )
    return data
