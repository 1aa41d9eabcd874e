"""Train a model on one's own cells, as long as held-out cells say, and draw synthetic cells.

Every start is a unit of work with a file of its own, so that an interrupted run goes on where it
was. A tenth of the cells, another one for each start, is held out. Training goes on for `LONGER`
times the epochs after which the bound of their log-likelihood is largest: the features that a VAE
relates to its latents settle later than the bound, and stay when the bound falls again. (200
simulated cells of 200 genes, 8 VAEs in batches of 10 at rate 0.001: the bound is largest after 20
to 60 epochs, when half of seven features are real, and 93 % are after 75 to 400 epochs.)
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.typing import ArrayLike
from numpy.typing import NDArray

from experiments.analysis.evaluation import independent_log_likelihood
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

EVERY: dict[KindOfModel, int] = {"vae": 1, "dbm": 5}
"""Epochs from one look at held-out cells to the next; the bound of a DBM takes as long as epochs of
training, since it needs an estimate of the partition function."""
LONGER = 2
MANY = 300
"""With more features the top units of a DBM stay in use only if its pretraining is centred. With
fewer the features that it relates to them are better if it is not: on the cortex cells (98 genes)
they tell 53 against 50 % of the types."""
MOST_MONITORED = 2000
"""At most so many cells of either kind tell at each epoch how well the model fits."""


@dataclass(frozen=True)
class Task:
    """Settings of a unit: a model of the codes in a file."""

    folder: str = field(compare=False)
    """Where the codes are; the models do not depend on it."""
    codes: str
    """Name of their file, from `store_codes`, which tells their content."""
    model: KindOfModel
    latents: int
    pretraining: int
    """Epochs in which a DBM is pretrained, layer by layer, before it can be judged."""
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
    first_seed: int


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
    advantage: NDArray[np.float64]
    """(h,) by how many nats each held-out cell is described better than by independent features, at
    the epoch where held-out cells are described best."""
    chosen: NDArray[np.int64]
    """() the epoch from whose model the cells were drawn."""


class Gains(NamedTuple):
    """What a selection finds where there is nothing to find."""

    gains: NDArray[np.float64]
    """(q,) gain of each step."""


def batch_size(num_cells: int) -> int:
    """Return how many cells make a gradient step: 10, and from 10 000 cells on up to 100."""
    return min(max(10, num_cells // 1000), 100, num_cells)


def num_epochs(num_steps: int, num_cells: int) -> int:
    """Return how many epochs make so many gradient steps."""
    return -(-num_steps // max(1, num_cells // batch_size(num_cells)))


def store_codes(codes: NDArray[np.int8], folder: Path) -> str:
    """Write codes to a file in a folder; return its name, which follows from their content."""
    content = sha256(repr(codes.shape).encode() + np.ascontiguousarray(codes).tobytes())
    name = f"codes-{content.hexdigest()[:12]}.npz"
    folder.mkdir(parents=True, exist_ok=True)
    replace_file(folder / name, lambda file: np.savez_compressed(file, x=codes))
    return name


def compute(settings: Task, seed: int, track: Track = without_bar) -> Start:
    """Train one model on the codes and draw cells from it."""
    return _train(settings, _read_codes(settings), seed, track)


def compute_permuted(settings: PermutedTask, seed: int, track: Track = without_bar) -> Gains:
    """Train all starts on features permuted among the cells, and select from them.

    The seed is the number of the permutation.
    """
    rng = np.random.default_rng([settings.first_seed, seed])
    codes = rng.permuted(_read_codes(settings), axis=0)
    starts = [
        _train(settings, codes, int(own), without_bar)
        for own in track(rng.integers(2**32, size=settings.starts), settings.starts)
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
    with np.load(Path(settings.folder) / settings.codes, allow_pickle=False) as file:
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
    stream = track(stream, settings.max_epochs // EVERY[settings.model] + 1)
    monitored, held_out = x[:MOST_MONITORED], held_out[:MOST_MONITORED]
    described: list[NDArray[np.float64]] = []
    training: list[float] = []
    state: Any = None

    def criterion(key: jax.Array, model: GenerativeModel, now: Any, cells: ArrayLike) -> float:
        nonlocal state
        assert model.bound is not None
        # In one call, so that both use the same estimate of a partition function.
        bounds = np.asarray(model.bound(key, now, np.concatenate([cells, monitored])), float)
        of_held_out, of_training = np.split(bounds, [len(held_out)])
        training.append(float(of_training.mean()))
        described.append(of_held_out)
        state = now
        return float(of_held_out.mean())

    patience = -(-settings.patience // EVERY[settings.model])
    found = stop_early(stop_key, model, stream, held_out, patience=patience, criterion=criterion)
    epochs, scores = found.epochs.tolist(), found.scores.tolist()
    while epochs[-1] < LONGER * found.epoch and (further := next(stream, None)) is not None:
        epochs.append(further[0])
        key = jax.random.fold_in(stop_key, further[0])
        scores.append(criterion(key, model, further[1], held_out))
    independent = independent_log_likelihood(x, held_out, _levels(codes))
    drawn = model.sample(sample_key, state, settings.num_samples)
    return Start(
        np.asarray(drawn.x), latent_codes(drawn.u).astype(np.int8), np.array(epochs),
        np.array(training), np.array(scores), described[int(np.argmax(scores))] - independent,
        np.array(epochs[-1]),
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
        return model, snapshots(key, model, x, range(0, settings.max_epochs + 1, EVERY["vae"]))
    config = DBMConfig(
        (num_features, num_features, settings.latents),
        batch_size=batch,
        learning_rate=10 * settings.learning_rate,
        fine_batch_size=batch,
        fine_learning_rate=settings.learning_rate,
        pretrain_in_turn=True,
        centered_pretraining=num_features > MANY,
        levels=own_levels,
    )
    first = settings.pretraining
    epochs = range(first, first + settings.max_epochs + 1, EVERY["dbm"])
    stream = snapshots_with_pretraining(key, config, x, epochs, num_pretraining=first)
    return dbm(config), stream


def permuted(task: Task, num_features: int, starts: int, first_seed: int) -> PermutedTask:
    """Return the settings of the permutation test of a task."""
    return PermutedTask(
        **vars(task), num_features=num_features, starts=starts, first_seed=first_seed
    )
