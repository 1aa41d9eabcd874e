"""Which features cover what is known of real data: the paper's rule, others, and simpler ways.

The paper's rule collects features that are associated with a latent *or with each other*. Where
many features say the same, it finds one module. Here it is compared with conditional gains, whose
patterns should tell as much as possible of all that the latents know. The judge is the class of
the samples, which neither the model nor the selection has seen.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import train_test_split

from experiments.analysis.evaluation import (
    largest,
    most_loaded,
    mutual_information,
    nmf_loadings,
)
from experiments.analysis.model_settings import ModelName, ModelSettings, check_models
from experiments.analysis.statements import count_of
from experiments.data.labelled import DESCRIPTIONS, DataName, load_labelled, why_missing
from experiments.runs.page import Section, Statement, Table, Verdict
from experiments.runs.progress import Track, without_bar
from experiments.runs.units import Done, Unit
from loglin import COVERING, categorize, coverage, latent_codes, plots, select_features, stability
from loglin.selection.coverage import pattern_information
from loglin.validation import MAX_LEVELS, as_count
from models import sample_at

CONDITIONAL: dict[str, Any] = {"null_model": "conditional", "empty": 0.0}
RULES: dict[str, dict[str, Any]] = {
    "Eq. 1": {},
    "conditional, maximum": CONDITIONAL,
    "conditional, sum": CONDITIONAL | {"across": "sum"},
    "conditional, sum, corrected": COVERING,
}
"""Settings of `select_features`, for samples of a model."""
RECOMMENDED = "conditional, sum, corrected"
CATEGORIES, JOINTLY, CONSENSUS = (
    "the same, latents in 4 categories", "the same, all latents as one",
    "the same, all starts together",
)  # fmt: skip
ONE_LATENT, NMF, VARIANCE, RANDOM = (
    "mutual information with a latent", "NMF of the data", "variance in the data", "at random",
)  # fmt: skip
WITH_LABELS = ("conditional, with the labels", "random forest, with the labels",
               "L1 logistic regression, with the labels")  # fmt: skip
ALL = "all features"
METHODS = (
    *RULES,
    CATEGORIES,
    JOINTLY,
    CONSENSUS,
    ONE_LATENT,
    NMF,
    VARIANCE,
    RANDOM,
    *WITH_LABELS,
    ALL,
)
SIMPLER = (ONE_LATENT, NMF, VARIANCE)
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
    x, labels = data.x[training], data.labels[training]
    starts = track(range(settings.num_starts), settings.num_starts)
    drawn = [_samples(settings, x, seed, start) for start in starts]
    codes = [latent_codes(u) for _, u in drawn]
    (x_first, u_first), q = drawn[0], min(settings.numbers[-1], x.shape[1])
    rng = np.random.default_rng(seed)
    by_rule = {
        name: select_features(x_first, codes[0], q, **rule).features for name, rule in RULES.items()
    }
    categories = codes[0] if settings.model == "dbm" else categorize(u_first, 4)
    forest = RandomForestClassifier(settings.num_trees, random_state=seed).fit(x, labels)
    logistic = LogisticRegression(l1_ratio=1, solver="saga", C=0.1, max_iter=300, tol=1e-3)
    chosen = {
        **by_rule,
        CATEGORIES: select_features(x_first, categories, q, **COVERING).features,
        JOINTLY: select_features(x_first, joint_states(codes[0]), q, **COVERING).features,
        CONSENSUS: select_features([s for s, _ in drawn], codes, q, **COVERING).features,
        ONE_LATENT: largest(mutual_information(x_first, codes[0]), q),
        NMF: most_loaded(nmf_loadings(x, settings.num_latents, seed), q),
        VARIANCE: largest(x.var(axis=0), q),
        RANDOM: rng.permutation(x.shape[1])[:q],
        WITH_LABELS[0]: select_features(x, labels[:, None], q, **COVERING).features,
        WITH_LABELS[1]: largest(forest.feature_importances_, q),
        WITH_LABELS[2]: largest(np.abs(logistic.fit(x, labels).coef_).sum(axis=0), q),
    }  # fmt: skip
    middle = min(10, q)
    accuracy, neighbours = [], []
    for features in (*chosen.values(), np.arange(x.shape[1])):
        numbers = (
            settings.numbers if len(features) == q else (len(features),) * len(settings.numbers)
        )
        accuracy.append([
            _accuracy(settings, data, training, held_out, features[:number], seed)
            for number in numbers
        ])  # fmt: skip
        kept = features[:middle] if len(features) == q else features
        neighbours.append(neighbours_kept(data.x[held_out], kept))
    shares = [
        pattern_information(x_first, codes[0], f[:middle].tolist())[0][-1].sum()
        for f in chosen.values()
    ]
    of_all = coverage(x_first, codes[0], chosen[RECOMMENDED][:middle].tolist(), max_samples=3000)
    of_all = of_all.of_all.sum()
    features = np.array([*chosen.values(), np.full(q, -1)])
    agreement = (np.nan, np.nan)
    if settings.num_starts > 1:
        others = [
            select_features(x_syn, u, q, **COVERING).features
            for (x_syn, _), u in zip(drawn[1:], codes[1:], strict=True)
        ]
        of_starts = [f[:middle].tolist() for f in (by_rule[RECOMMENDED], *others)]
        agreement = stability(data.x[held_out], of_starts)
    return Result(
        np.array(accuracy),
        np.array(neighbours),
        np.array([*(np.array(shares) / of_all), 1.0]),
        features,
        np.array(agreement),
    )


def joint_states(u: NDArray[np.int8]) -> NDArray[np.int64]:
    """Return the states of all latents (n, r) as one latent (n, 1); rare ones share the last code.

    A latent may have at most 127 levels.
    """
    _, state, counts = np.unique(u, axis=0, return_inverse=True, return_counts=True)
    rank = np.argsort(np.argsort(-counts, kind="stable"))
    return np.minimum(rank[state], MAX_LEVELS - 1)[:, None]


def _samples(
    settings: Task, x: NDArray[np.int8], seed: int, start: int
) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    """Train a model on x; draw samples and their latents from it."""
    model = ModelSettings(
        settings.model, settings.num_latents, settings.batch_size, settings.learning_rate
    )
    key = jax.random.fold_in(jax.random.key(seed), start)
    train_key, sample_key = jax.random.split(key)
    stream = model.train(train_key, x, [settings.num_epochs])
    ((_, x_syn, u_syn),) = sample_at(sample_key, model.build(x), stream, settings.num_samples)
    return x_syn, u_syn


def _accuracy(
    settings: Task,
    data: tuple[NDArray[np.int8], NDArray[np.int64]],
    training: NDArray[np.int64],
    held_out: NDArray[np.int64],
    features: NDArray[np.intp],
    seed: int,
) -> float:
    """Return the balanced accuracy with which a random forest tells the classes held out."""
    x, labels = data
    forest = RandomForestClassifier(
        settings.num_trees, class_weight="balanced", random_state=seed
    ).fit(x[training][:, features], labels[training])
    predicted = forest.predict(x[held_out][:, features])
    return float(balanced_accuracy_score(labels[held_out], predicted))


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


def summarize(config: Config, done: Sequence[Done]) -> Section:
    """Compare the methods."""
    found = by_task(config, done)
    number = count_of(len({unit.seed for unit in done}), "seed")
    missing = [
        f"{name}: {reason}" for name in config.data if (reason := why_missing(name)) is not None
    ]
    introduction = (
        "Does the paper's rule find what there is to find in other data? Models with "
        f"{config.num_latents} latents are trained on two thirds of the samples (VAE in batches of "
        f"{config.batch_size}, DBM one by one, {config.num_epochs} epochs, learning rate "
        f"{config.learning_rate:g}), and features selected from {config.num_samples:,} samples of "
        "the model. A random forest then learns the classes from the selected features alone, and "
        "is asked about the samples held out: the share told right is averaged over the classes. "
        "Neither the model nor the selection knows the classes, except where a method says so. "
        f"Results are from {number}, each with its own split. "
        + " ".join(f"{name.capitalize()}: {DESCRIPTIONS[name]}." for name in config.data)
        + (f" Not run: {'; '.join(missing)}." if missing else "")
    )
    middle = config.numbers.index(10) if 10 in config.numbers else len(config.numbers) - 1
    return Section(
        "Features that cover what is known of real data (beyond the paper)",
        introduction,
        _statements(found, middle),
        {
            "accuracy": (
                _plot(found, config.numbers),
                "Share of classes told right from the first features that each method selects, "
                "mean over seeds. Dashed: with the labels. Dotted: all features.",
            )
        },
        [_table(found, config.numbers, middle)],
    )


def _name(task: Task) -> str:
    return f"{task.data}, {ModelSettings(task.model).name}"


def _statements(found: dict[Task, list[Result]], middle: int) -> list[Statement]:
    accuracy = {
        task: np.array([result.accuracy[:, middle] for result in results])
        for task, results in found.items()
    }
    return [
        Statement(
            "Not in the paper: conditional gains, summed and corrected, find more than Eq. 1.",
            *_lead(accuracy, RECOMMENDED, ["Eq. 1"]),
        ),
        Statement(
            "Not in the paper: they find more than variance, mutual information and NMF.",
            *_lead(accuracy, RECOMMENDED, SIMPLER),
        ),
        Statement(
            "Not in the paper: they find no less than the maximum over the latents.",
            *_lead(accuracy, RECOMMENDED, ["conditional, maximum"], at_least=True),
        ),
        Statement(
            "Not in the paper: with VAE samples, they reach 92 % of a selection that is given the "
            "classes.",
            *_share_of_reference(accuracy),
        ),
    ]


def _lead(
    accuracy: dict[Task, NDArray[np.float64]],
    method: str,
    others: Sequence[str],
    *,
    at_least: bool = False,
) -> tuple[str, Verdict, list[bool]]:
    """Compare a method with the best of others, by two standard errors of the difference."""
    texts, ahead, behind = [], 0, 0
    holds: list[bool] = []
    for task, of_seeds in accuracy.items():
        rows = [METHODS.index(other) for other in others]
        best = max(rows, key=lambda row: of_seeds[:, row].mean())
        differences = of_seeds[:, METHODS.index(method)] - of_seeds[:, best]
        if len(differences) < 2:
            return "one seed says nothing about the error", "not measured", []
        mean, error = differences.mean(), differences.std(ddof=1) / np.sqrt(len(differences))
        name = f" ({METHODS[best]})" if len(others) > 1 else ""
        texts.append(f"{_name(task)}: {100 * mean:+.1f} ± {100 * error:.1f} points{name}")
        holds += (differences >= 0 if at_least else differences > 0).tolist()
        ahead += mean > 2 * error
        behind += mean < -(1 if at_least else 2) * error
    good = len(accuracy) - behind if at_least else ahead
    verdict: Verdict = "partly"
    if good == len(accuracy):
        verdict = "reproduced"
    elif behind == len(accuracy):
        verdict = "not reproduced"
    return "; ".join(texts) + " (± standard error over seeds)", verdict, holds


def _share_of_reference(
    accuracy: dict[Task, NDArray[np.float64]],
) -> tuple[str, Verdict, list[bool]]:
    shares = {
        task: float(of_seeds[:, METHODS.index(RECOMMENDED)].mean()
                    / of_seeds[:, METHODS.index(WITH_LABELS[0])].mean())
        for task, of_seeds in accuracy.items() if task.model == "vae"
    }  # fmt: skip
    if not shares:
        return "no VAE was trained", "not measured", []
    text = "; ".join(f"{task.data}: {share:.0%}" for task, share in shares.items())
    num_good = sum(share >= 0.92 for share in shares.values())
    rows = METHODS.index(RECOMMENDED), METHODS.index(WITH_LABELS[0])
    holds = [
        bool(seed[rows[0]] >= 0.92 * seed[rows[1]]) for task in shares for seed in accuracy[task]
    ]
    if num_good == len(shares):
        return text, "reproduced", holds
    return text, "partly" if num_good else "not reproduced", holds


def _table(found: dict[Task, list[Result]], numbers: Sequence[int], middle: int) -> Table:
    """Return accuracy, neighbours and coverage of every method with ten features."""
    rows = []
    for row, method in enumerate(METHODS):
        cells = [method]
        for results in found.values():
            values = np.array([result.accuracy[row, middle] for result in results])
            error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
            neighbours = np.mean([result.neighbours[row] for result in results])
            covered = np.mean([result.coverage[row] for result in results])
            cells.append(f"{values.mean():.3f} ± {error:.3f}; {neighbours:.2f}; {covered:.2f}")
        rows.append(cells)
    agreement = [
        "{:.2f} by name; {:.2f} by pattern".format(*np.mean([r.agreement for r in results], axis=0))
        for results in found.values()
    ]
    rows.append([f"stability over starts of: {RECOMMENDED}", *agreement])
    return Table(
        f"With {numbers[middle]} features: classes told right ± standard error; neighbours kept; "
        "coverage of the latents",
        ["method", *(_name(task) for task in found)],
        rows,
    )


def _plot(found: dict[Task, list[Result]], numbers: Sequence[int]) -> Figure:
    styles = {
        "Eq. 1": (plots.BLUE, "-"), "conditional, maximum": (plots.ORANGE, "-"),
        RECOMMENDED: (plots.RED, "-"), CONSENSUS: (plots.PURPLE, "-"), NMF: (plots.GREEN, "-"),
        VARIANCE: (plots.GREY, "-"), WITH_LABELS[0]: (plots.INK, "--"), ALL: (plots.INK, ":"),
    }  # fmt: skip
    columns = min(3, len(found))
    num_rows = -(-len(found) // columns)
    figure = Figure(figsize=(3.0 * columns + 0.4, 2.7 * num_rows + 0.9), layout="constrained")
    axes = figure.subplots(num_rows, columns, squeeze=False, sharex=True).ravel()
    order = sorted(found, key=lambda task: task.model, reverse=True)
    for ax, task in zip(axes, order, strict=False):
        mean = np.mean([result.accuracy for result in found[task]], axis=0)
        for name, (color, style) in styles.items():
            ax.plot(numbers, mean[METHODS.index(name)], style, color=color, label=name,
                    marker="o" if style == "-" else None, markersize=3)  # fmt: skip
        ax.set_title(_name(task), fontsize=9)
        ax.set_xticks(numbers)
        plots.bare(ax)
    for ax in axes[len(found) :]:
        ax.set_visible(False)
    figure.supxlabel("first q features")
    figure.supylabel("classes told right")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3, frameon=False)
    return figure
