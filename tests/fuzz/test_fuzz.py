"""A short run of the fuzz target, and whether it would notice."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.fuzz.contract import ViolationError, check

ROOT = Path(__file__).parents[2]


@pytest.mark.deep
def test_half_a_minute_of_random_input_keeps_the_contract():
    command = [sys.executable, "-m", "tests.fuzz", "--minutes", "0.5"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "0 against the contract" in answer.stdout


def test_what_breaks_the_contract_is_noticed(rng):
    def raising(error):
        def case(rng):
            raise error

        return case

    assert check(lambda rng: None, rng, 0)
    assert not check(raising(ValueError("`x` must be positive, got -1")), rng, 0)
    for error in (
        ValueError("operands could not be broadcast together"),
        ValueError("`x` must be\nof one line"),
        IndexError("`x` must be an index"),
        AssertionError(),
    ):
        with pytest.raises(ViolationError):
            check(raising(error), rng, 0)
    with pytest.raises(ViolationError, match="RuntimeWarning: divide by zero"):
        check(lambda rng: np.ones(2) / np.zeros(2), rng, 0)
    with pytest.raises(ViolationError, match="GiB"):
        check(lambda rng: None, rng, -(2**40))
