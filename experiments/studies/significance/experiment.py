"""Tests of selections from data with and without structure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray

from experiments.analysis.model_settings import ModelSettings
from experiments.analysis.trajectory import synthetic_cells
from experiments.data.stairs import StairConfig, simulate_stairs
from experiments.runs.options import Unprefixed
from experiments.runs.progress import Track, without_bar
from experiments.runs.units import Unit
from loglin import permutation_test
from loglin.validation import as_count


@dataclass(frozen=True)
class Task:
    """Simulated cells, the training of a model on them, and the selection from it."""

    stairs: Unprefixed[StairConfig]
    num_epochs: int
    """Epochs of training."""
    num_selected: int
    """Number of genes to select."""


@dataclass(frozen=True)
class PermutationConfig:
    """Settings of a test."""

    num_permutations: int = 99
    """Maximum number of permutations of a test."""
    max_exceedances: int = 10
    """A step is tested no further once this many permutations have reached its gain."""
    num_samples: int = 10_000
    """Number of synthetic cells drawn from each model."""

    def __post_init__(self) -> None:
        """Check the settings."""
        for name in ("num_permutations", "max_exceedances", "num_samples"):
            as_count(getattr(self, name), name, 1)


@dataclass(frozen=True)
class Settings:
    """Settings of a unit: the data, the model, and the test."""

    task: Task
    is_permuted: bool
    """Whether each gene of the simulated cells is permuted, so that no structure is left."""
    test: PermutationConfig
    model_settings: ModelSettings


@dataclass(frozen=True)
class Config:
    """Settings of the study."""

    null: Task = field(
        default_factory=lambda: Task(
            StairConfig(num_cells=200, num_stages=2, num_noise=2), num_epochs=50, num_selected=4
        )
    )
    """Cells whose genes are permuted, so that no structure is left; by default 10 genes."""
    stair: Unprefixed[Task] = field(
        default_factory=lambda: Task(StairConfig(), num_epochs=100, num_selected=15)
    )
    """Cells with structure."""
    num_stairs: int = 20
    """Number of data sets with structure; they have the first seeds."""
    test: Unprefixed[PermutationConfig] = field(default_factory=PermutationConfig)
    model_settings: Unprefixed[ModelSettings] = field(default_factory=ModelSettings)

    def __post_init__(self) -> None:
        """Check the settings that depend on each other."""
        as_count(self.num_stairs, "num_stairs", 1)
        for task in (self.null, self.stair):
            as_count(task.num_epochs, "num_epochs", 1)
            as_count(task.num_selected, "num_selected", 2, task.stairs.num_genes)
            self.model_settings.check(task.stairs.num_genes, task.stairs.num_cells)

    def settings(self, is_permuted: bool) -> Settings:
        """Return the settings of the units without or with structure."""
        task = self.null if is_permuted else self.stair
        return Settings(task, is_permuted, self.test, self.model_settings)


class Result(NamedTuple):
    """The steps of one test, starting from the best pair; gains and p-values of step 1 are NaN."""

    features: NDArray[np.int64]
    """(q,) the selected genes."""
    gains: NDArray[np.float64]
    """(q,)"""
    p_values: NDArray[np.float64]
    """(q,) by training on permuted features."""
    num_significant: NDArray[np.int64]
    """() number of genes before the first step whose p-value is above 5 %."""
    null_gains: NDArray[np.float64]
    """(permutations, q) the gains from models trained on permuted features."""
    of_samples: NDArray[np.float64]
    """(q,) p-values if the synthetic cells of one model are permuted instead, without training."""


def units(config: Config, seeds: Iterable[int]) -> list[Unit]:
    """Return a unit without structure for each seed, and one with structure for the first ones."""
    all_seeds = list(seeds)
    null = [Unit(compute, config.settings(True), seed) for seed in all_seeds]
    return null + [
        Unit(compute, config.settings(False), seed) for seed in all_seeds[: config.num_stairs]
    ]


def compute(settings: Settings, seed: int, track: Track = without_bar) -> Result:
    """Simulate cells and test a selection from a model of them."""
    task = settings.task
    rng = np.random.default_rng(seed)
    x = simulate_stairs(task.stairs, rng).x
    if settings.is_permuted:
        x = rng.permuted(x, axis=0)

    def draw(data: NDArray[np.int8], own: np.random.Generator) -> tuple[Any, Any]:
        key, epochs = jax.random.key(own.integers(2**32)), [task.num_epochs]
        ((_, x_syn, u_syn),) = synthetic_cells(
            key, settings.model_settings, data, epochs, settings.test.num_samples
        )
        return x_syn, u_syn

    test = partial(
        permutation_test,
        num_features=task.num_selected,
        num_permutations=settings.test.num_permutations,
        max_exceedances=settings.test.max_exceedances,
        rng=rng,
    )
    retrained = test(x, draw, track=lambda rounds: track(rounds, settings.test.num_permutations))
    x_syn, u_syn = draw(x, rng)
    of_samples = test(x_syn, lambda data, _: (data, u_syn))
    return Result(
        retrained.selection.features,
        retrained.selection.gains,
        retrained.p_values,
        np.array(len(retrained.significant())),
        retrained.null_gains,
        of_samples.p_values,
    )
