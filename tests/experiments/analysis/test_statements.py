import numpy as np
import pytest

from experiments.analysis.statements import (
    count_of,
    epochs_in_words,
    grade,
    mean_of_known,
    mean_with_range,
)


def test_numbers_in_words():
    assert [count_of(1, "seed"), count_of(5, "seed")] == ["1 seed", "5 seeds"]
    assert mean_with_range([1.0, 4.0, np.nan]) == "2.50 (1.00 to 4.00)"
    assert mean_with_range([np.nan]) == "none"
    assert epochs_in_words(np.array([5])) == "epoch 5"
    assert epochs_in_words(np.array([5, 7, 10])) == "epochs 5 to 10"
    assert mean_of_known([1.0, np.nan, 3.0]) == 2.0
    assert np.isnan(mean_of_known([np.nan]))


@pytest.mark.parametrize(
    ("share", "reproduced", "partly", "verdict"),
    [
        (0.9, 0.9, 0.5, "reproduced"),
        (0.5, 0.9, 0.5, "partly"),
        (0.49, 0.9, 0.5, "not reproduced"),
        (1.0, None, 0.5, "partly"),
        (0.8, 0.9, None, "not reproduced"),
    ],
)
def test_verdicts(share, reproduced, partly, verdict):
    assert grade(share, reproduced=reproduced, partly=partly) == verdict
