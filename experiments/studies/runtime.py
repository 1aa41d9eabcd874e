"""Runtime of the selection by numbers of features and of selected features (Section 3.1.5)."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from experiments.analysis.plain_selection import select_from_tables
from experiments.analysis.statements import grade
from experiments.data.stairs import StairConfig, simulate_stairs
from experiments.runs.page import Section, Statement, Table
from experiments.runs.progress import Track, without_bar
from experiments.runs.units import Done, Unit
from loglin import plots, select_features
from loglin.validation import as_count

NUM_STAIR_GENES = StairConfig().num_informative


@dataclass(frozen=True)
class Config:
    """Settings of the study."""

    num_features: tuple[int, ...] = (50, 100, 200, 500, 1000)
    """Numbers of features from which `fixed_selected` are selected."""
    num_selected: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)
    """Numbers of features to select from `fixed_features` features."""
    fixed_features: int = 50
    """Number of features while the number of selected ones varies."""
    fixed_selected: int = 4
    """Number of selected features while the number of features varies."""
    num_samples: int = 10_000
    """Number of samples."""
    num_latents: int = 10
    """Number of latents."""
    repeats: int = 5
    """How often our selection is timed, for the median; the plain method is timed once."""

    def __post_init__(self) -> None:
        """Check the settings."""
        for name in ("num_features", "num_selected"):
            if len(getattr(self, name)) < 2:
                raise ValueError(f"`{name}` must be at least two, got {getattr(self, name)}")
        for number in self.num_features:
            as_count(number, "num_features", max(NUM_STAIR_GENES, self.fixed_selected))
        as_count(self.fixed_features, "fixed_features", max(NUM_STAIR_GENES, self.fixed_selected))
        for number in self.num_selected:
            as_count(number, "num_selected", 1, self.fixed_features)
        for name in ("fixed_selected", "num_samples", "num_latents", "repeats"):
            as_count(getattr(self, name), name, 1)


class Result(NamedTuple):
    """CPU seconds on one thread."""

    features_ours: NDArray[np.float64]
    """One entry for each of `Config.num_features`."""
    features_plain: NDArray[np.float64]
    selected_ours: NDArray[np.float64]
    """One entry for each of `Config.num_selected`."""
    selected_plain: NDArray[np.float64]


def units(config: Config, seeds: Iterable[int]) -> list[Unit]:
    """Return one unit per seed."""
    return [Unit(compute, config, seed) for seed in seeds]


def compute(config: Config, seed: int, track: Track = without_bar) -> Result:
    """Time our selection and the plain method; both must select the same features."""
    sizes = [(p, config.fixed_selected) for p in config.num_features]
    sizes += [(config.fixed_features, q) for q in config.num_selected]
    ours, plain = [], []
    for num_features, num_selected in track(sizes, len(sizes)):
        x, u = _samples(config, num_features, seed)
        chosen = select_features(x, u, num_selected).features.tolist()  # also compiles
        runs = [_seconds(select_features, x, u, num_selected)[0] for _ in range(config.repeats)]
        ours.append(median(runs))
        seconds, expected = _seconds(select_from_tables, x, u, num_selected)
        plain.append(seconds)
        if chosen != expected:
            raise ArithmeticError(f"selected {chosen}, from plain tables {expected}")
    split = len(config.num_features)
    return Result(*map(np.array, (ours[:split], plain[:split], ours[split:], plain[split:])))


def _seconds(call: Callable[..., Any], *arguments: Any) -> tuple[float, Any]:
    began = time.process_time()
    result = call(*arguments)
    return time.process_time() - began, result


def _samples(config: Config, num_features: int, seed: int) -> tuple[NDArray, NDArray]:
    """Draw cells of the stair; each latent marks, with errors, cells in a random half of stages."""
    rng = np.random.default_rng(seed)
    stairs = StairConfig(num_cells=config.num_samples, num_noise=num_features - NUM_STAIR_GENES)
    cells = simulate_stairs(stairs, rng)
    halves = rng.random((stairs.num_stages, config.num_latents)) < 0.5
    wrong = rng.random((config.num_samples, config.num_latents)) < 0.1
    return cells.x, (halves[cells.stage] ^ wrong).astype(np.int8)


def power(sizes: Sequence[int], seconds: NDArray[np.float64]) -> float:
    """Return the exponent a of seconds ~ sizes**a, by least squares on logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def growth(sizes: Sequence[int], seconds: NDArray[np.float64]) -> float:
    """Return the base b of seconds ~ b**sizes, by least squares on logarithms."""
    return float(np.exp(np.polyfit(sizes, np.log(seconds), 1)[0]))


def summarize(config: Config, done: Sequence[Done]) -> Section:
    """Compare the paper's statements with what was measured."""
    columns = zip(*(unit.result for unit in done), strict=True)
    middle = Result(*(np.median(column, axis=0) for column in columns))
    p, q = config.num_features, config.num_selected
    powers = {"ours": power(p, middle.features_ours), "plain": power(p, middle.features_plain)}
    factors = {"ours": growth(q, middle.selected_ours), "plain": growth(q, middle.selected_plain)}
    statements = [
        Statement(
            "The time grows slower than linearly with the number of features.",
            f"as p^{powers['ours']:.2f} (plain tables: p^{powers['plain']:.2f}) from {p[0]} to "
            f"{p[-1]} features",
            grade(-powers["ours"], reproduced=-0.97, partly=-1.05),
            [power(p, unit.result.features_ours) <= 0.97 for unit in done],
        ),
        Statement(
            "It grows approximately exponentially with the number of selected features.",
            f"by a factor of {factors['ours']:.2f} with each additional feature, up to {q[-1]} "
            f"features (plain tables: {factors['plain']:.2f}); the cost of a step grows with the "
            "number of patterns that occur, which at most doubles",
            grade(factors["ours"], reproduced=1.3, partly=1.1),
            [growth(q, unit.result.selected_ours) >= 1.3 for unit in done],
            f"From step to step the time grows by {_steps(q, middle.selected_ours)}. The time of a "
            "step follows the number of patterns that occur, not of those that are possible, of "
            "which there are twice as many with each gene: so the base of the growth is below 2, "
            "and this verdict asks for 1.3.",
            "runtime",
        ),
    ]
    rows = [
        [number, config.fixed_selected, f"{1e3 * a:.2f}", f"{b:.2f}", f"{b / a:.0f}"]
        for number, a, b in zip(p, middle.features_ours, middle.features_plain, strict=True)
    ] + [
        [config.fixed_features, number, f"{1e3 * a:.2f}", f"{b:.2f}", f"{b / a:.0f}"]
        for number, a, b in zip(q, middle.selected_ours, middle.selected_plain, strict=True)
    ]
    return Section(
        "Runtime (Section 3.1.5)",
        f"CPU time on one thread for {config.num_samples} samples with {config.num_latents} "
        "latents: our selection, and the plain method of the paper in numpy, which computes a "
        "table and an iterative proportional fit for each candidate and latent. Both select the "
        f"same features. Medians over {len(done)} data sets.",
        statements,
        {"runtime": (_plot(config, middle), "Time of a selection. Both axes of the left panel and "
                     "the time axis of the right panel are logarithmic.")},
        [Table("Time", ["features", "selected", "ours (ms)", "plain (s)", "plain / ours"], rows)],
    )  # fmt: skip


def _steps(sizes: Sequence[int], seconds: NDArray[np.float64]) -> str:
    """Return the factors of growth for each further feature in the first and the second half."""
    half = max(2, len(sizes) // 2)
    first, second = growth(sizes[:half], seconds[:half]), growth(sizes[-half:], seconds[-half:])
    return f"a factor of {first:.2f} in the first half of the steps and {second:.2f} in the second"


def _plot(config: Config, middle: Result) -> Figure:
    figure = Figure(figsize=(8.5, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    panels = [
        (left, config.num_features, middle.features_ours, middle.features_plain),
        (right, config.num_selected, middle.selected_ours, middle.selected_plain),
    ]
    for ax, sizes, ours, plain in panels:
        ax.plot(sizes, plain, "--s", color=plots.ORANGE, label="plain tables and fits")
        ax.plot(sizes, ours, "-o", color=plots.BLUE, label="ours")
        ax.set_yscale("log")
        plots.bare(ax)
    left.set(xscale="log", xlabel="features", ylabel="seconds")
    left.set_xticks(config.num_features, [str(number) for number in config.num_features])
    left.minorticks_off()
    right.set_xlabel("selected features")
    left.legend(frameon=False)
    return figure
