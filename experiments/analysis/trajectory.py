"""Follow what a model learns in training: select features and find patterns at checkpoints."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import tee
from typing import Any, NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray

from experiments.analysis.model_settings import ModelSettings
from experiments.runs.progress import Track, without_bar
from loglin import Patterns, Selection, follow, latent_codes
from loglin.validation import as_count
from models import Drawn, sample_at


@dataclass(frozen=True)
class TrajectoryConfig:
    """The checkpoints of the training, and what is done at each of them."""

    num_epochs: int
    """Epochs of training."""
    num_selected: int
    """Genes to select."""
    every: int = 5
    """Epochs between checkpoints; the first checkpoint is before training, the last at its end."""
    num_samples: int = 10_000
    """Synthetic cells drawn at each checkpoint."""
    num_patterns: int = 10
    """Number of most frequent patterns to keep."""
    more_epochs: tuple[int, ...] = ()
    """Further checkpoints, such as early ones."""
    num_shuffles: int = 20
    """How often each selected gene is shuffled, to find its gain by chance; at least 1."""

    def __post_init__(self) -> None:
        """Check the settings."""
        for field in fields(self):
            if field.name != "more_epochs":
                as_count(getattr(self, field.name), field.name, 1)
        for epoch in self.more_epochs:
            as_count(epoch, "more_epochs", 1)

    @property
    def epochs(self) -> list[int]:
        """The epochs of the checkpoints."""
        within = {epoch for epoch in self.more_epochs if epoch <= self.num_epochs}
        return sorted({*range(0, self.num_epochs, self.every), *within, self.num_epochs})

    def check_panel(self, num_genes: int) -> None:
        """Check that there are at least as many genes as are to be selected."""
        if self.num_selected > num_genes:
            raise ValueError(
                f"`num_selected` must be at most the number of genes: expected up to {num_genes}, "
                f"got {self.num_selected}"
            )


class Trajectory(NamedTuple):
    """Results from the samples of a model at each checkpoint of its training."""

    epochs: NDArray[np.int64]
    """(t,)"""
    features: NDArray[np.int64]
    """(t, q) the selected features, in the order of selection."""
    gains: NDArray[np.float64]
    """(t, q) their G2 gains."""
    shuffled: NDArray[np.float64]
    """(t, q) the mean gains after shuffling these features among the samples."""
    by_chance: NDArray[np.bool_]
    """(t, q) whether chance explains the gain, as in `loglin.Selection`."""
    states: NDArray[np.int8]
    """(t, k, q) the most frequent patterns of these features; -1 if fewer than k occur."""
    counts: NDArray[np.int64]
    """(t, k) how many samples have these patterns; 0 if fewer than k occur."""
    reconstruction: NDArray[np.float64]
    """(t,) the model's reconstruction error in the epoch, in nats; NaN before training."""

    def first_from(self, epoch: int) -> int | None:
        """Return the first checkpoint at or after an epoch; None if training stopped before it."""
        later = np.flatnonzero(self.epochs >= epoch)
        return int(later[0]) if len(later) else None

    def patterns(self, checkpoint: int) -> Patterns:
        """Return the patterns of a checkpoint."""
        return Patterns(self.states[checkpoint], self.counts[checkpoint])


class Checkpoint(NamedTuple):
    """A model at one epoch of its training, with the results from its samples."""

    epoch: int
    model_state: Any
    x: NDArray[np.int8]
    """(n, p) synthetic cells."""
    u: NDArray[np.int8]
    """(n, r) codes of their latents."""
    selection: Selection
    patterns: Patterns
    reconstruction: float
    """Nats per cell in the epoch; NaN before the first."""


class Keys(NamedTuple):
    """Random keys, from which the keys of each epoch are derived."""

    train: jax.Array
    sample: jax.Array
    shuffle: jax.Array


def split_keys(key: jax.Array) -> Keys:
    """Derive the keys of training, sampling and shuffling from one."""
    draw_key, shuffle_key = jax.random.split(key)
    train_key, sample_key = jax.random.split(draw_key)
    return Keys(train_key, sample_key, shuffle_key)


def checkpoints(
    keys: Keys,
    settings: ModelSettings,
    x: NDArray[np.int8],
    config: TrajectoryConfig,
    track: Track = without_bar,
) -> Iterator[Checkpoint]:
    """Train a model on x (n, p); at checkpoints draw samples, select features and find patterns.

    The results at an epoch do not depend on which other epochs are checkpoints.
    """

    def rng_of(epoch: int) -> np.random.Generator:
        key = jax.random.fold_in(keys.shuffle, epoch)
        return np.random.default_rng(np.asarray(jax.random.key_data(key)))

    snapshots, source = tee(settings.train(keys.train, x, config.epochs))
    synthetic = sample_at(keys.sample, settings.build(x), source, config.num_samples)
    drawn, samples = tee(_with_codes(synthetic))
    found = follow(
        samples,
        config.num_selected,
        num_patterns=config.num_patterns,
        num_shuffles=config.num_shuffles,
        rng=rng_of,
    )
    together = zip(snapshots, drawn, found, strict=True)
    for (epoch, state, info), cells, seen in track(together, len(config.epochs)):
        errors = info.reconstruction
        error = float(errors[-1]) if len(errors) else np.nan
        yield Checkpoint(epoch, state, cells.x, cells.u, seen.selection, seen.patterns, error)


def synthetic_cells(
    key: jax.Array,
    settings: ModelSettings,
    x: NDArray[np.int8],
    epochs: Sequence[int],
    num_samples: int,
) -> Iterator[Drawn]:
    """Train a model on x (n, p); at the epochs draw cells from it, with their latents as codes."""
    train_key, sample_key = jax.random.split(key)
    stream = settings.train(train_key, x, epochs)
    return _with_codes(sample_at(sample_key, settings.build(x), stream, num_samples))


def _with_codes(stream: Iterator[Drawn]) -> Iterator[Drawn]:
    return (drawn._replace(u=latent_codes(drawn.u)) for drawn in stream)


def as_trajectory(seen: Iterable[Checkpoint], config: TrajectoryConfig) -> Trajectory:
    """Stack the results of all checkpoints along a new first axis."""
    rows = [_row(checkpoint, config.num_patterns) for checkpoint in seen]
    return Trajectory(*(np.array(column) for column in zip(*rows, strict=True)))


def _row(seen: Checkpoint, num_patterns: int) -> tuple[Any, ...]:
    """Return the fields of `Trajectory` for one checkpoint."""
    selection, patterns = seen.selection, seen.patterns
    found, num_selected = patterns.states.shape
    states = np.full((num_patterns, num_selected), -1, np.int8)
    counts = np.zeros(num_patterns, np.int64)
    states[:found], counts[:found] = patterns.states, patterns.counts
    return (
        seen.epoch, selection.features, selection.gains, selection.chance.mean,
        selection.by_chance, states, counts, seen.reconstruction,
    )  # fmt: skip
