"""All studies, at the paper's size and at a small one.

A study is a module, or a folder, with

- `Config`, a frozen dataclass of its settings,
- `units(config, seeds)`, the units of work that it needs (see `experiments.runs.units`),
- `summarize(config, done)`, which makes the section of the results page from the units done.
"""

from dataclasses import replace
from types import ModuleType
from typing import Any, NamedTuple

from experiments.analysis.cortex_models import TuningConfig
from experiments.analysis.model_settings import ModelSettings
from experiments.analysis.trajectory import TrajectoryConfig
from experiments.studies import (
    baselines,
    categories,
    cortex_annotation,
    cortex_selection,
    covering,
    cut_points,
    likelihood,
    nmf,
    pattern_map,
    runtime,
    scalability,
    significance,
    training_progress,
)


class Study(NamedTuple):
    """A study and its default settings."""

    module: ModuleType
    paper: Any
    """Settings at the paper's size."""
    small: Any
    """Settings of the reduced version, which takes about a minute."""
    num_seeds: tuple[int, int]
    """Number of seeds at the paper's size, and in the reduced version."""


_SMALL_TUNING = TuningConfig(
    trajectory=TrajectoryConfig(num_epochs=100, num_selected=12, every=10, more_epochs=(5,)),
    num_starts=2,
)

STUDIES = {
    "training-progress": Study(
        training_progress,
        training_progress.Config(),
        training_progress.Config(trajectory=TrajectoryConfig(num_epochs=100, num_selected=7)),
        (20, 3),
    ),
    "training-progress-dbm": Study(
        training_progress,
        training_progress.Config(
            trajectory=TrajectoryConfig(num_epochs=200, num_selected=7),
            model_settings=ModelSettings("dbm"),
        ),
        training_progress.Config(
            trajectory=TrajectoryConfig(num_epochs=100, num_selected=7),
            model_settings=ModelSettings("dbm"),
        ),
        (20, 2),
    ),
    "pattern-map": Study(
        pattern_map,
        pattern_map.Config(),
        pattern_map.Config(epochs=(2, 10, 20, 40), more_epochs=(), num_permutations=999),
        (100, 1),
    ),
    "scalability": Study(
        scalability,
        scalability.Config(),
        scalability.Config(
            num_noise=(168, 468),
            trajectory=TrajectoryConfig(num_epochs=40, num_selected=10, every=20),
        ),
        (20, 1),
    ),
    "runtime": Study(
        runtime,
        runtime.Config(),
        runtime.Config(num_features=(50, 100, 200), num_selected=(1, 2, 4, 6, 8)),
        (20, 1),
    ),
    "cortex-selection": Study(cortex_selection, TuningConfig(), _SMALL_TUNING, (20, 2)),
    "cortex-annotation": Study(
        cortex_annotation,
        cortex_annotation.Config(),
        cortex_annotation.Config(tuning=_SMALL_TUNING, num_random_sets=20),
        (20, 2),
    ),
    "cut-points": Study(
        cut_points,
        cut_points.Config(),
        cut_points.Config(
            tuning=replace(_SMALL_TUNING, models=("dbm",), num_starts=3),
            cuts=(0.1, 0.3, 0.5, 0.7, 0.9),
        ),
        (20, 1),
    ),
    "nmf": Study(
        nmf,
        nmf.Config(),
        nmf.Config(tuning=replace(_SMALL_TUNING, models=("dbm",)), num_factor_starts=2),
        (20, 2),
    ),
    "likelihood": Study(
        likelihood,
        likelihood.Config(),
        likelihood.Config(
            task=likelihood.Task(
                trajectory=TrajectoryConfig(num_epochs=100, num_selected=7, every=10)
            )
        ),
        (20, 2),
    ),
    "categories": Study(
        categories,
        categories.Config(),
        categories.Config(trajectory=TrajectoryConfig(num_epochs=100, num_selected=7, every=10)),
        (20, 3),
    ),
    "significance": Study(
        significance,
        significance.Config(),
        significance.Config(
            test=significance.PermutationConfig(num_permutations=39, max_exceedances=8),
            num_stairs=1,
        ),
        (100, 50),
    ),
    "baselines": Study(
        baselines,
        baselines.Config(),
        baselines.Config(task=baselines.Task(num_presented=50_000, num_starts=2)),
        (10, 2),
    ),
    "covering": Study(
        covering,
        covering.Config(),
        covering.Config(data=("digits",), models=("vae",), num_epochs=30, num_trees=100),
        (10, 2),
    ),
}
"""All studies, in the order of the results page."""
