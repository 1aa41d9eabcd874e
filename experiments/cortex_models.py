"""Models of the cortex cells, tuned over epochs and starts (Sections 2.4 and 3.2.1).

The studies of Section 3.2 stand on the same trained models. A unit is one start on one split of
the cells: its samples at the epoch that comes closest to the cells held out are kept, so a study
only has to take the best of the starts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray

from experiments.architecture import ArchitectureConfig, ModelName, check_models
from experiments.cortex import NUM_CELLS, PANEL_SIZES, Panel, load_cortex
from experiments.course import Course, CourseConfig, as_course, looks
from experiments.evaluation import distance_to_cells
from experiments.runs import Done, Flat, Track, Unit, without_bar
from loglin import dichotomize
from loglin.tables import as_count, as_number

NUM_COMPARED = 2000
"""Synthetic cells that are compared with the cells held out."""


@dataclass(frozen=True)
class TuningConfig:
    """Settings of the models; the defaults are the paper's where it gives them."""

    course: Flat[CourseConfig] = field(
        default_factory=lambda: CourseConfig(num_epochs=200, num_selected=12, every=10)
    )
    panel: Panel = "markers"
    """Cell-type markers (100 genes), neurotransmitter receptors (80), or both."""
    cut: float = 0.5
    """Quantile of a gene's expression above which it counts as on."""
    share_for_training: float = 0.632
    """Share of the cells that a model learns from; it is tuned on the others."""
    num_starts: int = 10
    """Initial weights that are tried for each model and split."""
    models: tuple[ModelName, ...] = ("vae", "dbm")
    """Which models to train."""
    num_latents: int = 10
    """Latents of the VAE, and units in the highest layer of the DBM."""
    batch_size: int = 1
    """Cells per gradient step, of the DBM in pretraining."""

    def __post_init__(self) -> None:
        """Check the settings that depend on each other."""
        as_count(self.num_starts, "num_starts", 1)
        as_number(self.cut, "cut", 0, 1)
        as_number(self.share_for_training, "share_for_training", 0, 1)
        if self.panel not in PANEL_SIZES:
            raise ValueError(f"`panel` must be one of {tuple(PANEL_SIZES)}, got {self.panel!r}")
        check_models(self.models)
        if not 0 < self.num_training < NUM_CELLS:
            raise ValueError(
                "`share_for_training` must leave cells for training and others for tuning, "
                f"got {self.share_for_training}"
            )
        self.course.check_panel(PANEL_SIZES[self.panel])
        for model in self.models:
            self.architecture(model).check(PANEL_SIZES[self.panel], self.num_training)

    @property
    def num_training(self) -> int:
        """Cells that a model learns from."""
        return round(self.share_for_training * NUM_CELLS)

    def architecture(self, model: ModelName) -> ArchitectureConfig:
        """Return the settings of one of the models."""
        return ArchitectureConfig(model, self.num_latents, self.batch_size)


@dataclass(frozen=True)
class Training:
    """Settings of a unit; its seed is the start."""

    course: CourseConfig
    panel: Panel
    cut: float
    num_training: int
    architecture: ArchitectureConfig
    split: int
    """Seed of the split of the cells."""


class Trained(NamedTuple):
    """What a model learned, how close it came to the cells held out, and its closest samples."""

    course: Course
    cramer: NDArray[np.float64]
    """(t,) Cramer statistic of the samples and the cells held out at each look."""
    x: NDArray[np.int8]
    """(n, p) synthetic cells at the closest look."""
    u: NDArray[np.int8]
    """(n, r) their latents."""

    @property
    def best(self) -> int:
        """The look that came closest."""
        return int(self.cramer.argmin())

    @property
    def selected(self) -> NDArray[np.int64]:
        """(q,) genes selected at the closest look."""
        return self.course.features[self.best]


class Split(NamedTuple):
    """Which cells are for training and which are held out."""

    training: NDArray[np.int64]
    held_out: NDArray[np.int64]


def split_cells(seed: int, num_training: int) -> Split:
    """Deal out the cells at random."""
    order = np.random.default_rng(seed).permutation(NUM_CELLS)
    return Split(order[:num_training], order[num_training:])


def tuning_units(config: TuningConfig, seeds: Iterable[int]) -> list[Unit]:
    """Return a unit for every split, model and start; the seeds are those of the splits."""
    return [
        Unit(
            compute,
            Training(
                config.course, config.panel, config.cut, config.num_training,
                config.architecture(model), split,
            ),
            start,
        )
        for split in seeds
        for model in config.models
        for start in range(config.num_starts)
    ]  # fmt: skip


def compute(settings: Training, seed: int, track: Track = without_bar) -> Trained:
    """Train one start on a split of the cells, follow it, and keep the samples of the best look.

    A VAE's encoder has two layers, the second half as wide as the first (Section 3.2.1).

    Raises
    ------
    OSError
        If the cortex data cannot be had.
    """
    x = dichotomize(load_cortex(settings.panel).expression, settings.cut)
    training, held_out = split_cells(settings.split, settings.num_training)
    key = jax.random.fold_in(jax.random.key(settings.split), seed)
    encoder_hidden = (x.shape[1], x.shape[1] // 2)
    seen = looks(key, settings.architecture, x[training], settings.course, track, encoder_hidden)
    looked, cramer, best = [], [], None
    for cells, look in seen:
        looked.append(look)
        distance = distance_to_cells(cells.x[:NUM_COMPARED], x[held_out])
        if best is None or distance < min(cramer):
            best = cells
        cramer.append(distance)
    assert best is not None
    return Trained(as_course(looked), np.array(cramer), best.x, best.u)


def tuned(done: Sequence[Done]) -> dict[ModelName, dict[int, Trained]]:
    """Return for each model its best start on each split."""
    found: dict[ModelName, dict[int, Trained]] = {}
    for unit in sorted(done, key=lambda unit: unit.settings.split):
        best = found.setdefault(unit.settings.architecture.model, {})
        rival = best.setdefault(unit.settings.split, unit.result)
        if unit.result.cramer.min() < rival.cramer.min():
            best[unit.settings.split] = unit.result
    return found
