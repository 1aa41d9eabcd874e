"""Models of the cortex cells, tuned over epochs and starts (Sections 2.4 and 3.2.1).

The studies of Section 3.2 use the same trained models. A unit is one start, that is one training
from its own initial weights, on one split of the cells. It keeps the samples of the epoch at which
they are closest to the held-out cells, so a study only has to choose the best start.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray

from experiments.analysis.evaluation import distance_to_cells
from experiments.analysis.model_settings import ModelName, ModelSettings, check_models
from experiments.analysis.trajectory import (
    Trajectory,
    TrajectoryConfig,
    as_trajectory,
    checkpoints,
    split_keys,
)
from experiments.data.cortex import CortexConfig, load_cortex
from experiments.runs.options import Unprefixed
from experiments.runs.progress import Track, without_bar
from experiments.runs.units import Done, Unit
from loglin.validation import as_count

NUM_COMPARED = 2000
"""Number of synthetic cells that are compared with the held-out cells: one from each chain."""


@dataclass(frozen=True)
class TuningConfig:
    """Settings of the models; the defaults are the paper's where it gives them."""

    cells: Unprefixed[CortexConfig] = field(default_factory=CortexConfig)
    trajectory: Unprefixed[TrajectoryConfig] = field(
        default_factory=lambda: TrajectoryConfig(
            num_epochs=200, num_selected=12, every=10, more_epochs=(5,)
        )
    )
    num_starts: int = 3
    """Number of starts, each with its own initial weights, for each model and split. The paper has
    ten on one split; splits differ more than starts do."""
    models: tuple[ModelName, ...] = ("vae", "dbm")
    """Which models to train."""
    num_latents: int = 10
    """Latents of the VAE, and units in the highest layer of the DBM."""
    batch_size: int = 1
    """Cells per gradient step of the DBM in pretraining."""
    draws_per_chain: int = 5
    """Synthetic cells taken from each Gibbs chain of the DBM, 20 sweeps apart. Five take less than
    a third of the sweeps of one a chain."""
    vae_batch_size: int = 10
    """Cells per gradient step of the VAE."""
    vae_learning_rate: float = 1e-3
    """Learning rate of the VAE. Batches of ten at this rate come closer to the held-out cells than
    single cells at the paper's 0.0001, in a third of the time."""

    def __post_init__(self) -> None:
        """Check the settings that depend on each other."""
        as_count(self.num_starts, "num_starts", 1)
        check_models(self.models)
        self.trajectory.check_panel(self.cells.num_genes)
        for model in self.models:
            self.model_settings(model).check(self.cells.num_genes, self.cells.num_training)

    def model_settings(self, model: ModelName) -> ModelSettings:
        """Return the settings of one of the models.

        A VAE's encoder has two layers, the second half as wide as the first (Section 3.2.1).
        """
        if model == "dbm":
            return ModelSettings(
                model, self.num_latents, self.batch_size, draws_per_chain=self.draws_per_chain
            )
        return ModelSettings(
            model,
            self.num_latents,
            self.vae_batch_size,
            self.vae_learning_rate,
            encoder_hidden=two_layers(self.cells.num_genes),
        )


@dataclass(frozen=True)
class Training:
    """Settings of a unit; its seed is the number of the start."""

    cells: CortexConfig
    trajectory: TrajectoryConfig
    model_settings: ModelSettings
    split: int
    """Seed of the split of the cells."""


class Trained(NamedTuple):
    """What a model learned, its distance to the held-out cells, and its closest samples."""

    trajectory: Trajectory
    cramer: NDArray[np.float64]
    """(t,) Cramer statistic between the samples and the held-out cells at each checkpoint."""
    x: NDArray[np.int8]
    """(n, p) synthetic cells at the closest checkpoint."""
    u: NDArray[np.int8]
    """(n, r) their latents."""

    @property
    def best(self) -> int:
        """Index of the checkpoint whose samples are closest to the held-out cells."""
        return int(self.cramer.argmin())

    @property
    def selected(self) -> NDArray[np.int64]:
        """(q,) genes selected at the closest checkpoint."""
        return self.trajectory.features[self.best]


def two_layers(num_genes: int) -> tuple[int, int]:
    """Return the layer widths of the encoder that the paper uses for real cells."""
    return num_genes, num_genes // 2


def tuning_units(config: TuningConfig, seeds: Iterable[int]) -> list[Unit]:
    """Return a unit for every split, model and start; the seeds are those of the splits."""
    return [
        Unit(
            compute,
            Training(config.cells, config.trajectory, config.model_settings(model), split),
            start,
        )
        for split in seeds
        for model in config.models
        for start in range(config.num_starts)
    ]


def compute(settings: Training, seed: int, track: Track = without_bar) -> Trained:
    """Train one start on a split of the cells, and keep the samples of the best checkpoint.

    Raises
    ------
    OSError
        If the cortex data are not available.
    """
    x = settings.cells.codes(load_cortex(settings.cells.panel))
    training, held_out = settings.cells.split(settings.split)
    keys = split_keys(jax.random.fold_in(jax.random.key(settings.split), seed))
    seen, cramer, best = [], [], None
    for checkpoint in checkpoints(
        keys, settings.model_settings, x[training], settings.trajectory, track
    ):
        distance = distance_to_cells(checkpoint.x[:NUM_COMPARED], x[held_out])
        if best is None or distance < min(cramer):
            best = checkpoint
        seen.append(checkpoint)
        cramer.append(distance)
    assert best is not None
    trajectory = as_trajectory(seen, settings.trajectory)
    return Trained(trajectory, np.array(cramer), best.x, best.u)


def tuned(done: Sequence[Done]) -> dict[ModelName, dict[int, Trained]]:
    """Return for each model its best start on each split."""
    found: dict[ModelName, dict[int, Trained]] = {}
    for unit in sorted(done, key=lambda unit: unit.settings.split):
        best = found.setdefault(unit.settings.model_settings.model, {})
        rival = best.setdefault(unit.settings.split, unit.result)
        if unit.result.cramer.min() < rival.cramer.min():
            best[unit.settings.split] = unit.result
    return found
