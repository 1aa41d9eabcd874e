from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from models.settings import (
    check_flags,
    validate_counts,
    validate_levels,
    validate_numbers,
    validate_optimization,
    validate_tuples,
)


@dataclass(frozen=True)
class Settings:
    value: Any


@dataclass(frozen=True)
class Levels:
    levels: Any


@dataclass(frozen=True)
class Descent:
    learning_rate: Any = 0.1
    momentum: Any = 0.0
    weight_decay: Any = 0.0
    halving_updates: Any = None


def counts(value, **options):
    validate_counts(settings := Settings(value), "value", **options)
    return settings.value


def numbers(value, **options):
    validate_numbers(settings := Settings(value), "value", **options)
    return settings.value


def tuples(value, **options):
    validate_tuples(settings := Settings(value), "value", **options)
    return settings.value


def levels(value):
    validate_levels(settings := Levels(value), 2)
    return settings.levels


@pytest.mark.parametrize(
    ("settled", "expected"),
    [
        (counts(np.int8(100)), 100),
        (counts(None, optional=True), None),
        (counts(0, smallest=0), 0),
        (numbers(3), 3.0),
        (numbers(np.float32(0.5)), 0.5),
        (numbers(0, or_zero=True), 0.0),
        (numbers(None, optional=True), None),
        (tuples(None), None),
        (tuples((np.int8(1), 2), length=2), (1, 2)),
        (levels((np.int8(2), 127)), (2, 127)),
    ],
)
def test_good_settings_become_plain_numbers(settled, expected):
    assert settled == expected
    assert type(settled) is type(expected)
    if isinstance(settled, tuple):
        assert {type(entry) for entry in settled} == {int}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: counts(0), "`value` must be an integer of at least 1, got 0"),
        (lambda: counts(True), "`value` must be an integer of at least 1, got True"),
        (lambda: counts(2.0), "`value` must be an integer of at least 1, got 2.0"),
        (lambda: counts(None), "`value` must be an integer of at least 1, got None"),
        (lambda: numbers(0), "`value` must be a positive number, got 0"),
        (lambda: numbers(-1, or_zero=True), "`value` must be a number of at least 0, got -1"),
        (lambda: numbers(True), "`value` must be a positive number, got True"),
        (lambda: numbers("1"), "`value` must be a positive number, got '1'"),
        (lambda: numbers(np.nan), "`value` must be a positive number, got nan"),
        (lambda: numbers(np.inf), "`value` must be a positive number, got inf"),
        (lambda: numbers(10**400), "`value` must be a positive number, got 1000"),
        (lambda: numbers(None), "`value` must be a positive number, got None"),
        (lambda: tuples([1]), r"`value` must be None or a tuple with entries, got \[1\]"),
        (lambda: tuples(()), r"`value` must be None or a tuple with entries, got \(\)"),
        (lambda: tuples((1,), length=2), "tuple with one entry for each of 2 features, got"),
        (lambda: tuples((1, 0)), "`value` must be an integer of at least 1, got 0"),
        (lambda: levels((2, 1)), "`levels` must be an integer of at least 2, got 1"),
        (lambda: levels((2, 128)), "`levels` must be at most 127, got 128"),
        (lambda: levels((2,)), "`levels` must be None or a tuple with one entry for each of 2"),
        (lambda: check_flags(Settings(1), "value"), "`value` must be True or False, got 1"),
        (
            lambda: validate_optimization(Descent(learning_rate=0.0)),
            "`learning_rate` must be a positive number, got 0.0",
        ),
        (
            lambda: validate_optimization(Descent(momentum=1)),
            "`momentum` must be below 1, got 1.0",
        ),
        (
            lambda: validate_optimization(Descent(weight_decay=-0.1)),
            "`weight_decay` must be a number of at least 0, got -0.1",
        ),
        (
            lambda: validate_optimization(Descent(halving_updates=0)),
            "`halving_updates` must be a positive number, got 0",
        ),
    ],
)
def test_bad_settings_get_one_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_good_flags_and_rates_pass():
    check_flags(Settings(False), "value")
    validate_optimization(settings := Descent(halving_updates=11))
    assert settings == Descent(halving_updates=11.0)
