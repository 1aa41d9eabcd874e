"""Units that note that they are computed."""

from typing import NamedTuple

import numpy as np

from experiments.runs.progress import without_bar
from experiments.runs.units import Unit
from models import DivergedError
from tests.experiments.runs.toy_study import Settings

COUNTED = []
"""Seeds of the units computed so far; `nothing_counted` empties it."""


class Pair(NamedTuple):
    values: np.ndarray
    names: np.ndarray


def counted(settings: Settings, seed: int, track=without_bar) -> Pair:
    COUNTED.append(seed)
    if seed == 13:
        raise KeyboardInterrupt
    if seed == 14:
        raise DivergedError(3, None)
    if seed == 15:
        raise ZeroDivisionError("a bug")
    values = np.array([seed * i for i in track(range(settings.size), settings.size)])
    return Pair(values, np.array(["a", "b"]))


def units(seeds, settings=Settings()):  # noqa: B008
    return [Unit(counted, settings, seed) for seed in seeds]


def files_in(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())
