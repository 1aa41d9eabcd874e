"""Follow what a model learns over its training: select and find patterns at every look."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray

from experiments.architecture import ArchitectureConfig, Look, look_at
from experiments.runs import Track, without_bar
from loglin import dichotomize, frequent_patterns, select_features
from loglin.tables import as_count


@dataclass(frozen=True)
class CourseConfig:
    """When a study looks at its model, and at what."""

    num_epochs: int
    """Epochs of training."""
    num_selected: int
    """Genes to select."""
    every: int = 5
    """Epochs from one look to the next; the first is before training, the last at its end."""
    num_samples: int = 10_000
    """Synthetic cells drawn at each look."""
    num_patterns: int = 10
    """Most frequent patterns to keep."""
    num_shuffles: int = 20
    """How often each selected gene is shuffled, to see what chance would give; at least 1."""

    def __post_init__(self) -> None:
        """Check the settings."""
        for field in fields(self):
            as_count(getattr(self, field.name), field.name, 1)

    def check_panel(self, num_genes: int) -> None:
        """Check that there are as many genes as are to be selected."""
        if self.num_selected > num_genes:
            raise ValueError(
                f"`num_selected` must be at most the number of genes: expected up to {num_genes}, "
                f"got {self.num_selected}"
            )


class Course(NamedTuple):
    """What the samples of a model showed at each epoch that was looked at."""

    epochs: NDArray[np.int64]
    """(t,)"""
    features: NDArray[np.int64]
    """(t, q) the chosen features in order."""
    gains: NDArray[np.float64]
    """(t, q) their G2 gains."""
    shuffled: NDArray[np.float64]
    """(t, q) the mean gains of these features shuffled among the samples."""
    by_chance: NDArray[np.bool_]
    """(t, q) whether chance explains the gain, as in `loglin.Selection`."""
    states: NDArray[np.int8]
    """(t, k, q) the most frequent patterns of these features; -1 where fewer occur."""
    counts: NDArray[np.int64]
    """(t, k) how many samples carry them; 0 where fewer occur."""
    reconstruction: NDArray[np.float64]
    """(t,) the model's reconstruction error in the epoch, in nats; NaN before training."""


class Drawn(NamedTuple):
    """Synthetic cells of a model at some epoch of its training."""

    epoch: int
    x: NDArray[np.int8]
    """(n, p)"""
    u: NDArray[np.int8]
    """(n, r) codes; real latents are cut at their median."""
    reconstruction: float
    """Nats per cell in the epoch; NaN before the first."""


def follow(
    key: jax.Array,
    architecture: ArchitectureConfig,
    x: NDArray[np.int8],
    config: CourseConfig,
    track: Track = without_bar,
    encoder_hidden: tuple[int, ...] | None = None,
) -> Course:
    """Train a model on x (n, p) and return what `looks` sees."""
    seen = looks(key, architecture, x, config, track, encoder_hidden)
    return as_course(look for _, look in seen)


def looks(
    key: jax.Array,
    architecture: ArchitectureConfig,
    x: NDArray[np.int8],
    config: CourseConfig,
    track: Track = without_bar,
    encoder_hidden: tuple[int, ...] | None = None,
) -> Iterator[tuple[Drawn, Course]]:
    """Train a model on x (n, p); at each look draw samples, select features, find patterns.

    Epochs and looks have keys of their own, so what is seen at an epoch does not depend on how
    often one looks.
    """
    draw_key, shuffle_key = jax.random.split(key)
    epochs = epochs_of(config)
    drawn = draw_at(draw_key, architecture, x, epochs, config.num_samples, encoder_hidden)
    for cells in track(drawn, len(epochs)):
        yield cells, examine(jax.random.fold_in(shuffle_key, cells.epoch), cells, config)


def epochs_of(config: CourseConfig) -> list[int]:
    """Return the epochs of the looks."""
    return sorted({*range(0, config.num_epochs, config.every), config.num_epochs})


def draw_at(
    key: jax.Array,
    architecture: ArchitectureConfig,
    x: NDArray[np.int8],
    epochs: Sequence[int],
    num_samples: int,
    encoder_hidden: tuple[int, ...] | None = None,
) -> Iterator[Drawn]:
    """Train a model on x (n, p) and draw synthetic cells from it at each of the epochs."""
    train_key, sample_key = jax.random.split(key)
    for look in look_at(train_key, architecture, x, epochs, encoder_hidden):
        yield draw(jax.random.fold_in(sample_key, look.epoch), look, num_samples)


def draw(key: jax.Array, look: Look, num_samples: int) -> Drawn:
    """Draw synthetic cells from a model as it is at a look."""
    samples = look.model.sample(key, look.state, num_samples)
    x_syn, u_syn = map(np.asarray, samples)
    codes = u_syn if u_syn.dtype == np.int8 else dichotomize(u_syn)
    return Drawn(look.epoch, x_syn, codes, look.reconstruction)


def examine(key: jax.Array, drawn: Drawn, config: CourseConfig) -> Course:
    """Select features and find patterns; return the entries of one look."""
    selection = select_features(
        drawn.x,
        drawn.u,
        config.num_selected,
        num_shuffles=config.num_shuffles,
        rng=np.random.default_rng(np.asarray(jax.random.key_data(key))),
    )
    patterns = frequent_patterns(drawn.x, selection.features.tolist(), config.num_patterns)
    states = np.full((config.num_patterns, config.num_selected), -1, np.int8)
    counts = np.zeros(config.num_patterns, np.int64)
    states[: len(patterns.states)] = patterns.states
    counts[: len(patterns.counts)] = patterns.counts
    return Course(
        np.array(drawn.epoch),
        selection.features,
        selection.gains,
        selection.chance.mean,
        selection.by_chance,
        states,
        counts,
        np.array(drawn.reconstruction),
    )


def as_course(looks: Iterable[Course]) -> Course:
    """Put the entries of all looks together, along a new first axis."""
    return Course(*(np.array(column) for column in zip(*looks, strict=True)))


def say_epochs(epochs: NDArray[np.int64]) -> str:
    """Return "epoch 5" or "epochs 5 to 10"."""
    if len(epochs) == 1:
        return f"epoch {epochs[0]}"
    return f"epochs {epochs[0]} to {epochs[-1]}"


def first_look(course: Course, epoch: int) -> int | None:
    """Return the first look at or after an epoch; None if training stopped before it."""
    later = np.flatnonzero(course.epochs >= epoch)
    return int(later[0]) if len(later) else None
