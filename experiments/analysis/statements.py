"""Wording of the results page: numbers in sentences, and verdicts."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from experiments.runs.page import Verdict


def count_of(number: int, noun: str) -> str:
    """Return "1 seed" or "5 seeds"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def mean_with_range(values: ArrayLike, decimals: int = 2) -> str:
    """Return "2.50 (1.00 to 4.00)": the mean and the range of the values that are finite."""
    known = np.asarray(values, float)
    known = known[np.isfinite(known)]
    if not known.size:
        return "none"
    mean, least, most = (f"{v:.{decimals}f}" for v in (known.mean(), known.min(), known.max()))
    return f"{mean} ({least} to {most})"


def mean_of_known(values: ArrayLike) -> float:
    """Return the mean of the finite values; NaN if there are none."""
    there = np.asarray(values)[np.isfinite(values)]
    return float(there.mean()) if there.size else np.nan


def epochs_in_words(epochs: NDArray[np.int64]) -> str:
    """Return "epoch 5" or "epochs 5 to 10"."""
    if len(epochs) == 1:
        return f"epoch {epochs[0]}"
    return f"epochs {epochs[0]} to {epochs[-1]}"


def grade(share: float, *, reproduced: float | None, partly: float | None) -> Verdict:
    """Return the verdict on a number that the paper says is large.

    Parameters
    ----------
    share : float
    reproduced, partly : float, or None
        The smallest share for each verdict; None if the run cannot give this verdict.
    """
    if reproduced is not None and share >= reproduced:
        return "reproduced"
    return "partly" if partly is not None and share >= partly else "not reproduced"
