"""The tuned models, and the classes of the genes selected from them."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from experiments.analysis.cortex_models import TuningConfig, tuning_units
from experiments.analysis.trajectory import Trajectory
from experiments.runs.units import Unit

Config = TuningConfig


def units(config: Config, seeds: Iterable[int]) -> list[Unit]:
    """Return a unit for every split, model and start."""
    return tuning_units(config, seeds)


def class_counts(
    trajectory: Trajectory, gene_class: NDArray[np.str_], name: str
) -> NDArray[np.int64]:
    """Return how many of the selected genes have a class at each checkpoint, (t,)."""
    return (gene_class[trajectory.features] == name).sum(axis=1)
