"""Check the settings of a model when they are created, and convert their types.

Each error message names the setting, what was expected, and what was given. Numbers of numpy are
replaced by plain Python numbers, which do not overflow and can be written to JSON.
"""

import math
from typing import Any

import numpy as np

from models.validation import MAX_LEVELS, as_count, shown


def validate_counts(config: Any, *names: str, smallest: int = 1, optional: bool = False) -> None:
    """Check that fields of a frozen dataclass are integers of at least `smallest`, or None."""
    for name in names:
        value = getattr(config, name)
        if value is None and optional:
            continue
        as_count(value, name, smallest)
        object.__setattr__(config, name, int(value))


def validate_numbers(
    config: Any, *names: str, or_zero: bool = False, optional: bool = False
) -> None:
    """Check that fields of a frozen dataclass are finite numbers above 0, or None."""
    for name in names:
        value = getattr(config, name)
        if value is None and optional:
            continue
        is_number = isinstance(value, int | float | np.integer | np.floating)
        try:
            number = float(value) if is_number and not isinstance(value, bool) else math.nan
        except OverflowError:  # an integer too large for a float
            number = math.nan
        if not 0 <= number < math.inf or (number == 0 and not or_zero):
            expected = "a number of at least 0" if or_zero else "a positive number"
            raise ValueError(f"`{name}` must be {expected}, got {shown(value)}")
        object.__setattr__(config, name, number)


def validate_tuples(config: Any, *names: str, length: int | None = None, smallest: int = 1) -> None:
    """Check that fields of a frozen dataclass are None or tuples of integers.

    If `length` is given, tuples must have one entry for each of `length` features.
    """
    for name in names:
        values = getattr(config, name)
        if values is None:
            continue
        if not isinstance(values, tuple) or not values or len(values) != (length or len(values)):
            entries = f"one entry for each of {length} features" if length else "entries"
            raise ValueError(
                f"`{name}` must be None or a tuple with {entries}, got {shown(values)}"
            )
        for value in values:
            as_count(value, name, smallest)
        object.__setattr__(config, name, tuple(map(int, values)))


def validate_levels(config: Any, num_features: int) -> None:
    """Check the field `levels`: None, or a number from 2 to 127 for each feature."""
    validate_tuples(config, "levels", length=num_features, smallest=2)
    if config.levels is not None and max(config.levels) > MAX_LEVELS:
        raise ValueError(f"`levels` must be at most {MAX_LEVELS}, got {max(config.levels)}")


def check_flags(config: Any, *names: str) -> None:
    """Check that fields are True or False."""
    for name in names:
        if not isinstance(getattr(config, name), bool):
            raise ValueError(f"`{name}` must be True or False, got {shown(getattr(config, name))}")


def validate_optimization(config: Any) -> None:
    """Check the settings of `models.optimization.gradient_descent`."""
    validate_numbers(config, "learning_rate")
    validate_numbers(config, "momentum", "weight_decay", or_zero=True)
    validate_numbers(config, "halving_updates", optional=True)
    if config.momentum >= 1:
        raise ValueError(f"`momentum` must be below 1, got {shown(config.momentum)}")
