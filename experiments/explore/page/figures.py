"""The figures of the page, each with a text that says what is to be seen.

Every figure is about as wide as a phone, since it has to be legible there; what has many features
is wider, and scrolled. Names are text of strangers: none is read as a formula, long ones are cut.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from experiments.explore.findings import About, Findings
from experiments.explore.page import numbers, pattern_figures, svg
from experiments.explore.page.pattern_figures import WIDTH, short_name
from experiments.explore.page.words import counted, listing, percent, plain, signed
from loglin.plots import (
    BLUE,
    GREY,
    INK,
    LINE,
    bare,
    course_plot,
    coverage_plot,
    draw_shares,
    gain_plot,
)

_MOST_ROWS = 20
"""Rows of figures of stand-ins and starts; the tables have all."""


class Picture(NamedTuple):
    """A figure, and what is to be seen in it in words."""

    figure: Figure
    alt: str


def pictures(about: About, found: Findings) -> dict[str, Picture]:
    """Return the figures by name; those that there is nothing to draw for are left out.

    The names are "gains", "coverage", "patterns", "map", "labels", "accuracy", "training",
    "stand-ins" and "starts".
    """
    drawn: dict[str, Picture] = {}
    with svg.style():
        if len(found.selection.features):
            drawn["gains"] = _gains(about, found)
            if np.isfinite(found.coverage.curve).any():
                drawn["coverage"] = _coverage(about, found)
        if len(found.patterns.counts):
            drawn["patterns"] = Picture(*pattern_figures.patterns(about, found))
            if numbers.extremes_on_map(found) is not None:
                drawn["map"] = Picture(*pattern_figures.map_of_patterns(found))
            if found.by_label is not None:
                drawn["labels"] = Picture(*pattern_figures.labels(found, found.by_label))
        if found.by_label is not None and found.by_label.accuracy:
            drawn["accuracy"] = _accuracy(about, found.by_label.accuracy)
        if found.courses:
            drawn["training"] = _training(found)
        if len(found.stand_ins.steps):
            drawn["stand-ins"] = _stand_ins(about, found)
        if len(found.by_start) > 1 and len(found.selection.features):
            drawn["starts"] = _starts(about, found)
        for figure, _ in drawn.values():
            svg.fix_layout(figure)
    return drawn


def _canvas(width: float, height: float) -> tuple[Figure, Axes]:
    """Return a figure and its axes; sizes are in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def _canvas_under(names: Sequence[str]) -> tuple[Figure, Axes]:
    """Return a figure with as much room as the names need that stand upright below it."""
    return _canvas(max(WIDTH, 0.24 * len(names) + 1), 2.9 + 0.09 * max(map(len, names)))


def _gains(about: About, found: Findings) -> Picture:
    selection = found.selection
    names = [short_name(name) for name in numbers.chosen_names(about, found)]
    figure, ax = _canvas_under(names)
    # By their columns, since gain_plot takes the names of all features.
    gain_plot(selection, names=[short_name(name) for name in about.names], ax=ax)
    for bars in ax.containers:
        for step, bar in enumerate(bars if hasattr(bars, "patches") else ()):
            if selection.by_chance[step]:
                bar.set_color(GREY)
    if selection.by_chance.any():
        ax.bar([0], [0], color=GREY, label="explained by chance")
    ax.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), fontsize=9, ncols=2)
    first, last = (signed(selection.gains[at], 0) for at in (0, -1))
    alt = f"Bars of the gain of {listing(names)}: from {first} for the first to {last} for the last"
    mean = np.nanmax(selection.chance.sd, initial=0.0)
    return Picture(figure, f"{alt}; by chance 0 with a standard deviation of up to {mean:.0f}."
                   if selection.corrected else f"{alt}.")  # fmt: skip


def _coverage(about: About, found: Findings) -> Picture:
    curve = found.coverage.curve
    names = [short_name(name) for name in numbers.chosen_names(about, found)]
    figure, ax = _canvas_under(names)
    coverage_plot(found.coverage, names=names, ax=ax)
    ax.axhline(numbers.ENOUGH, color=LINE, linewidth=0.8, linestyle=":", zorder=0)
    values = listing([percent(share) for share in curve])
    alt = f"Curve of what the first {about.noun}s say of what all say about the latents: {values}."
    return Picture(figure, alt)


def _accuracy(about: About, accuracy: dict[str, tuple[float, float]]) -> Picture:
    words = [numbers.ACCURACY_OF.get(key, short_name(key)) for key in accuracy]
    means, errors = np.array(list(accuracy.values())).T
    figure, ax = _canvas(WIDTH, 0.32 * len(words) + 0.7)
    colors = [BLUE if key == "chosen" else GREY for key in accuracy]
    ax.barh(range(len(words)), means, color=colors, height=0.62)
    ax.errorbar(
        means, range(len(words)), xerr=errors, fmt="none", ecolor=INK, elinewidth=1, capsize=2
    )
    for row, (mean, error) in enumerate(zip(means, errors, strict=True)):
        ax.text(mean + error + 0.02, row, percent(mean), va="center", fontsize=9)
    ax.set_yticks(range(len(words)), words, parse_math=False)
    ax.invert_yaxis()
    ax.set_xlim(0, 1.15)
    ax.set_xticks(np.linspace(0, 1, 5))
    ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    bare(ax)
    values = listing([f"{percent(m)} {w}" for m, w in zip(means, words, strict=True)])
    return Picture(figure, f"Bars of the labels told right by {about.noun}s: {values}.")


def _training(found: Findings) -> Picture:
    figure, ax = _canvas(WIDTH, 3.2)
    for course in found.courses:
        course_plot(
            course.epochs, course.held_out, training=course.training, chosen=course.chosen,
            legend=course is found.courses[0], ax=ax,
        )  # fmt: skip
    ax.set_ylabel("bound (nats per cell)")
    at = listing([str(course.chosen) for course in found.courses])
    alt = (
        "Lines of the bound on the log-likelihood of training and held-out cells over the epochs, "
        f"for {counted(len(found.courses), 'start')}; chosen: epoch {at}."
    )
    return Picture(figure, alt)


def _stand_ins(about: About, found: Findings) -> Picture:
    steps, columns, _, _, shared = found.stand_ins[:5]
    shown = _best_of_each(steps, _MOST_ROWS)
    words = [
        f"{plain(about.names[columns[row]], 13)} for "
        f"{plain(about.names[found.selection.features[steps[row]]], 13)}"
        for row in shown
    ]
    figure, ax = _canvas(WIDTH, 0.24 * len(shown) + 0.7)
    values = np.clip(shared[shown], 0, 1)
    ax.hlines(range(len(shown)), 0, values, color=LINE, linewidth=1.2)
    ax.plot(values, range(len(shown)), "o", color=BLUE, markersize=6, clip_on=False)
    ax.set_yticks(range(len(shown)), words, parse_math=False)
    ax.set_ylim(len(shown) - 0.4, -0.6)
    ax.set_xlim(0, 1)
    ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.set_xlabel("gain that both share")
    bare(ax)
    pairs = listing([f"{w}, {percent(v)}" for w, v in zip(words, values, strict=True)], most=5)
    return Picture(figure, f"Points of the gain that stand-ins share: {pairs}.")


def _best_of_each(steps: Iterable[int], most: int) -> list[int]:
    """Return rows of stand-ins, the best of each chosen feature before the second best of any."""
    seen: dict[int, int] = {}
    ranked = []
    for row, step in enumerate(steps):
        seen[int(step)] = seen.get(int(step), 0) + 1
        ranked.append((seen[int(step)], row))
    return sorted(row for _, row in sorted(ranked)[:most])


def _starts(about: About, found: Findings) -> Picture:
    chosen = found.selection.features.tolist()
    rows = [*chosen, *numbers.only_from_starts(found)][: max(_MOST_ROWS, len(chosen))]
    lists: Sequence[list[int]] = [chosen, *(features.tolist() for features in found.by_start)]
    figure, ax = _canvas(max(WIDTH, 0.3 * len(lists) + 1.6), 0.25 * len(rows) + 0.7)
    has = np.array([[float(column in features) for features in lists] for column in rows])
    draw_shares(ax, has, BLUE)
    for row, column in enumerate(rows):
        for at, features in enumerate(lists):
            if column in features:
                rank = str(features.index(column) + 1)
                ax.text(at, row, rank, ha="center", va="center", fontsize=9, color="white")
    word = "start " if len(lists) <= 5 else ""  # where there is room for it
    heads = ["together" if word else "all", *(f"{word}{k}" for k in range(1, len(lists)))]
    ax.set_xticks(range(len(lists)), heads)
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.set_yticks(range(len(rows)), [short_name(about.names[c]) for c in rows], parse_math=False)
    if len(rows) > len(chosen):
        ax.axhline(len(chosen) - 0.5, color=INK, linewidth=0.8)
    agreeing = sum(bool(row.all()) for row in has)
    alt = (
        f"Grid of the rank of each {about.noun} from all starts together and from each alone: "
        f"{agreeing} of {len(rows)} are selected everywhere."
    )
    return Picture(figure, alt)
