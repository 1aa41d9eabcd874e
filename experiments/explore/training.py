"""Train a model on one's own cells until held-out cells say stop, and draw synthetic cells.

Every start is a unit of work with a file of its own, so that an interrupted run goes on where it
was. A tenth of the cells, another one for each start, is held out.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray

from experiments.explore.settings import KindOfModel
from experiments.runs.progress import Track, without_bar
from loglin import COVERING, latent_codes, select_features
from models import (
    DBMConfig,
    GenerativeModel,
    VAEConfig,
    dbm,
    snapshots,
    snapshots_with_pretraining,
    stop_early,
    vae,
)
from models.storage import replace_file

PRETRAINING = 20
"""Epochs in which a DBM is pretrained, layer by layer, before it can be judged."""
MOST_MONITORED = 2000
"""At most so many cells of either kind tell at each epoch how well the model fits."""


@dataclass(frozen=True)
class Task:
    """Settings of a unit: a model of the codes in a file."""

    codes: str
    """File of the codes, from `store_codes`; its name tells its content."""
    model: KindOfModel
    latents: int
    max_epochs: int
    patience: int
    num_samples: int
    batch_size: int
    learning_rate: float


@dataclass(frozen=True)
class PermutedTask(Task):
    """Settings of a unit of the permutation test."""

    num_features: int
    starts: int


class Start(NamedTuple):
    """Synthetic cells of one trained model, and how it did during its training."""

    x: NDArray[np.int8]
    """(m, p) codes of the features."""
    u: NDArray[np.int8]
    """(m, r) codes of the latents."""
    epochs: NDArray[np.int64]
    """(t,)"""
    training: NDArray[np.float64]
    """(t,) mean lower bound of the log-likelihood of training cells, in nats."""
    held_out: NDArray[np.float64]
    """(t,) the same of held-out cells."""
    chosen: NDArray[np.int64]
    """() the epoch from whose model the cells were drawn."""


class Gains(NamedTuple):
    """What a selection finds where there is nothing to find."""

    gains: NDArray[np.float64]
    """(q,) gain of each step."""


def batch_size(num_cells: int) -> int:
    """Return how many cells make a gradient step: 10, and with more cells about 1000 an epoch."""
    return min(max(10, num_cells // 1000), 100, num_cells)


def store_codes(codes: NDArray[np.int8], folder: Path) -> Path:
    """Write codes to a file named after their content, unless it is there; return its path."""
    content = sha256(repr(codes.shape).encode() + np.ascontiguousarray(codes).tobytes())
    path = folder / f"codes-{content.hexdigest()[:12]}.npz"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(path, lambda file: np.savez_compressed(file, x=codes))
    return path


def compute(settings: Task, seed: int, track: Track = without_bar) -> Start:
    """Train one model on the codes and draw cells from it."""
    return _train(settings, _read_codes(settings), seed, track)


def compute_permuted(settings: PermutedTask, seed: int, track: Track = without_bar) -> Gains:
    """Train all starts on features permuted among the cells, and select from them.

    The seed is the number of the permutation.
    """
    codes = np.random.default_rng(seed).permuted(_read_codes(settings), axis=0)
    starts = [
        _train(settings, codes, seed * settings.starts + start, without_bar)
        for start in track(range(settings.starts), settings.starts)
    ]
    selection = select_features(
        [start.x for start in starts],
        [start.u for start in starts],
        settings.num_features,
        levels=_levels(codes),
        **COVERING,
    )
    return Gains(selection.gains)


def _read_codes(settings: Task) -> NDArray[np.int8]:
    with np.load(settings.codes, allow_pickle=False) as file:
        codes: NDArray[np.int8] = file["x"]
    return codes


def _levels(codes: NDArray[np.int8]) -> tuple[int, ...]:
    """Return the number of levels of each feature."""
    return tuple(np.maximum(codes.max(axis=0) + 1, 2).tolist())


def _train(settings: Task, codes: NDArray[np.int8], seed: int, track: Track) -> Start:
    train_key, stop_key, sample_key = jax.random.split(jax.random.key(seed), 3)
    order = np.random.default_rng(seed).permutation(len(codes))
    num_held_out = max(1, len(codes) // 10)
    held_out, x = codes[order[:num_held_out]], codes[order[num_held_out:]]
    model, stream = _model(settings, train_key, x, _levels(codes))
    monitored = x[:MOST_MONITORED]
    training: list[float] = []

    def criterion(key: jax.Array, model: GenerativeModel, state: Any, cells: jax.Array) -> float:
        assert model.bound is not None
        # In one call, so that both use the same estimate of a partition function.
        bounds = np.asarray(model.bound(key, state, np.concatenate([cells, monitored])))
        training.append(float(bounds[len(cells) :].mean()))
        return float(bounds[: len(cells)].mean())

    found = stop_early(
        stop_key, model, track(stream, settings.max_epochs + 1), held_out[:MOST_MONITORED],
        patience=settings.patience, criterion=criterion,
    )  # fmt: skip
    drawn = model.sample(sample_key, found.state, settings.num_samples)
    return Start(
        np.asarray(drawn.x), latent_codes(drawn.u).astype(np.int8), found.epochs,
        np.array(training), found.scores, np.array(found.epoch),
    )  # fmt: skip


def _model(
    settings: Task, key: jax.Array, x: NDArray[np.int8], levels: tuple[int, ...]
) -> tuple[GenerativeModel, Iterator[tuple[int, Any, Any]]]:
    """Return the model, and the stream of its states while it is trained."""
    num_features = x.shape[1]
    own_levels = None if max(levels) == 2 else levels
    batch = min(settings.batch_size, len(x))
    if settings.model == "vae":
        model = vae(
            VAEConfig(
                num_features,
                settings.latents,
                batch_size=batch,
                learning_rate=settings.learning_rate,
                levels=own_levels,
            )
        )
        return model, snapshots(key, model, x, range(settings.max_epochs + 1))
    config = DBMConfig(
        (num_features, num_features, settings.latents),
        batch_size=batch,
        learning_rate=10 * settings.learning_rate,
        fine_batch_size=batch,
        fine_learning_rate=settings.learning_rate,
        centered_pretraining=True,
        levels=own_levels,
    )
    epochs = range(PRETRAINING, PRETRAINING + settings.max_epochs + 1)
    stream = snapshots_with_pretraining(key, config, x, epochs, num_pretraining=PRETRAINING)
    return dbm(config), stream


def permuted(task: Task, num_features: int, starts: int) -> PermutedTask:
    """Return the settings of the permutation test of a task."""
    return PermutedTask(**vars(replace(task)), num_features=num_features, starts=starts)
