"""Models of real data, the features that each method selects, and how good these are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import train_test_split

from experiments.analysis.model_settings import (
    MODEL_NAMES,
    ModelName,
    ModelSettings,
    check_models,
)
from experiments.data.labelled import DESCRIPTIONS, DataName, Labelled, load_labelled, why_missing
from experiments.runs.progress import Track, without_bar
from experiments.runs.units import Done, Unit
from experiments.studies.covering.methods import RECOMMENDED, Synthetic, select_by_each
from loglin import COVERING, coverage, latent_codes, select_features, stability
from loglin.selection.coverage import pattern_information
from loglin.validation import as_count
from models import sample_at

NUM_NEIGHBOURS = 15


@dataclass(frozen=True)
class Task:
    """Settings of a unit."""

    data: DataName
    model: ModelName
    numbers: tuple[int, ...]
    num_epochs: int
    batch_size: int
    learning_rate: float
    num_latents: int
    num_samples: int
    num_starts: int
    num_trees: int

    @property
    def name(self) -> str:
        """The data and the model in words."""
        return f"{self.data}, {MODEL_NAMES[self.model]}"


@dataclass(frozen=True)
class Config:
    """Settings of the study."""

    data: tuple[DataName, ...] = ("cortex", "blood", "digits")
    """Data sets; the blood cells need scanpy."""
    models: tuple[ModelName, ...] = ("vae", "dbm")
    """Models to train."""
    numbers: tuple[int, ...] = (4, 10, 20)
    """Numbers of features with which classes are predicted, rising; 10 must be among them."""
    num_epochs: int = 100
    """Number of epochs; half of a DBM's are pretraining."""
    batch_size: int = 10
    """Samples per gradient step of the VAE; a DBM is pretrained with one at a time."""
    learning_rate: float = 0.001
    """Learning rate of both."""
    num_latents: int = 10
    """Latents of the VAE, or units in the highest layer of the DBM."""
    num_samples: int = 10_000
    """Number of samples drawn from each model."""
    num_starts: int = 3
    """Models trained on the same data, for the consensus; the others use the first."""
    num_trees: int = 100
    """Trees of the random forests that predict the classes."""

    def __post_init__(self) -> None:
        """Check the settings."""
        check_models(self.models)
        for data in self.data:
            if data not in DESCRIPTIONS:
                raise ValueError(f"`data` must be of {tuple(DESCRIPTIONS)}, got {data!r}")
        if not self.data:
            raise ValueError("`data` must hold at least one data set, got none")
        missing = [f"{data}: {why}" for data in self.data if (why := why_missing(data))]
        if len(missing) == len(self.data):
            raise ValueError(f"`data` must hold data that are here, got {'; '.join(missing)}")
        for name in ("num_epochs", "num_latents", "num_samples", "num_starts", "num_trees"):
            as_count(getattr(self, name), name, 1)
        for number in self.numbers:
            as_count(number, "numbers", 1)
        if not self.numbers or list(self.numbers) != sorted(set(self.numbers)):
            raise ValueError(f"`numbers` must be rising, at least one, got {self.numbers}")

    def tasks(self) -> list[Task]:
        """Return the settings of the units, of data that can be had here."""
        return [
            Task(
                name, model, self.numbers, self.num_epochs,
                self.batch_size if model == "vae" else 1, self.learning_rate, self.num_latents,
                self.num_samples, self.num_starts, self.num_trees,
            )
            for name in self.data
            if why_missing(name) is None
            for model in self.models
        ]  # fmt: skip


class Result(NamedTuple):
    """How good the features of each method are, on samples that were held out."""

    accuracy: NDArray[np.float64]
    """(methods, numbers) balanced accuracy of the classes."""
    neighbours: NDArray[np.float64]
    """(methods,) share of the nearest neighbours kept by the middle number of features."""
    coverage: NDArray[np.float64]
    """(methods,) coverage of the latents of the first start by the middle number of features."""
    features: NDArray[np.int64]
    """(methods, largest number) the features, -1 for all features."""
    agreement: NDArray[np.float64]
    """(2,) stability of the recommended rule over the starts, by name and by pattern."""


def units(config: Config, seeds: Iterable[int]) -> list[Unit]:
    """Return a unit for each seed, data set and model."""
    return [Unit(compute, task, seed) for seed in seeds for task in config.tasks()]


def compute(settings: Task, seed: int, track: Track = without_bar) -> Result:
    """Train on two thirds of the samples, select by each method, and judge on the others.

    Raises
    ------
    OSError
        If the cortex data are not available.
    """
    data = load_labelled(settings.data)
    training, held_out = train_test_split(
        np.arange(len(data.x)), test_size=1 / 3, stratify=data.labels, random_state=seed
    )
    seen, unseen = (Labelled(data.x[rows], data.labels[rows]) for rows in (training, held_out))
    numbers = track(range(settings.num_starts), settings.num_starts)
    starts = [_synthetic(settings, seen.x, seed, start) for start in numbers]
    most = min(settings.numbers[-1], data.x.shape[1])
    middle = min(10, most)
    chosen = select_by_each(starts, *seen, most, settings.num_trees, seed)
    every = np.arange(data.x.shape[1])
    accuracy = [
        [_accuracy(settings, seen, unseen, features[:number], seed) for number in settings.numbers]
        for features in chosen.values()
    ]
    of_all = _accuracy(settings, seen, unseen, every, seed)
    first = [features[:middle] for features in chosen.values()]
    return Result(
        np.array([*accuracy, [of_all] * len(settings.numbers)]),
        np.array([neighbours_kept(unseen.x, features) for features in (*first, every)]),
        np.array([*_coverage(starts[0], first, chosen[RECOMMENDED][:middle]), 1.0]),
        np.array([*chosen.values(), np.full(most, -1)]),
        np.array(_agreement(starts, chosen[RECOMMENDED], middle, unseen.x)),
    )


def _synthetic(settings: Task, x: NDArray[np.int8], seed: int, start: int) -> Synthetic:
    """Train a model on x (n, p); draw samples from it."""
    model = ModelSettings(
        settings.model, settings.num_latents, settings.batch_size, settings.learning_rate
    )
    key = jax.random.fold_in(jax.random.key(seed), start)
    train_key, sample_key = jax.random.split(key)
    stream = model.train(train_key, x, [settings.num_epochs])
    (drawn,) = sample_at(sample_key, model.build(x), stream, settings.num_samples)
    return Synthetic(drawn.x, drawn.u, latent_codes(drawn.u))


def _accuracy(
    settings: Task, seen: Labelled, unseen: Labelled, features: NDArray[np.intp], seed: int
) -> float:
    """Return the balanced accuracy with which a random forest tells the classes held out."""
    forest = RandomForestClassifier(
        settings.num_trees, class_weight="balanced", random_state=seed
    ).fit(seen.x[:, features], seen.labels)
    predicted = forest.predict(unseen.x[:, features])
    return float(balanced_accuracy_score(unseen.labels, predicted))


def _coverage(
    synthetic: Synthetic, chosen: Sequence[NDArray[np.intp]], reference: NDArray[np.intp]
) -> list[float]:
    """Return which share of what all features say about the latents each set says."""
    of_all = coverage(synthetic.x, synthetic.codes, reference.tolist(), max_samples=3000).of_all
    return [
        pattern_information(synthetic.x, synthetic.codes, features.tolist())[0][-1].sum()
        / of_all.sum()
        for features in chosen
    ]


def _agreement(
    starts: Sequence[Synthetic],
    of_first: NDArray[np.intp],
    num_features: int,
    x: NDArray[np.int8],
) -> tuple[float, float]:
    """Return the stability of the recommended rule over the starts; NaN if there is one."""
    if len(starts) == 1:
        return np.nan, np.nan
    others = [
        select_features(start.x, start.codes, len(of_first), **COVERING).features
        for start in starts[1:]
    ]
    return stability(x, [features[:num_features].tolist() for features in (of_first, *others)])


def neighbours_kept(x: NDArray[np.int8], features: NDArray[np.intp]) -> float:
    """Return the share of the 15 nearest neighbours by all features that are so by a few.

    Neighbours that are tied count in proportion.

    Parameters
    ----------
    x : (n, p) int array
    features : (q,) int array
    """

    def weights(table: NDArray[np.int8]) -> NDArray[np.float64]:
        """Return (n, n) the probability of being a neighbour if ties are broken at random."""
        distances = cdist(table, table, "cityblock")
        np.fill_diagonal(distances, np.inf)
        limit = np.sort(distances, axis=1)[:, [number - 1]]
        nearer, tied = distances < limit, distances == limit
        left = number - nearer.sum(axis=1, keepdims=True)
        return nearer + tied * left / tied.sum(axis=1, keepdims=True)

    number = min(NUM_NEIGHBOURS, len(x) - 1)
    both = weights(x) * weights(x[:, features])
    return float(both.sum() / (len(x) * number))


def by_task(config: Config, done: Sequence[Done]) -> dict[Task, list[Result]]:
    """Return the results of all seeds by data set and model, in the order of the settings."""
    found = {
        task: [unit.result for unit in done if unit.settings == task] for task in config.tasks()
    }
    return {task: results for task, results in found.items() if results}
