"""The figures of the patterns: tiles beside their frequencies, a map, and labels.

The same number names a pattern in all figures and tables.
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from experiments.explore.findings import About, ByLabel, Findings
from experiments.explore.page import numbers, svg
from experiments.explore.page.places import free_places
from experiments.explore.page.words import counted, listing, percent, plain
from loglin.plots import BLUE, GREY, LINE, RED, bare, draw_shares, label_plot, map_plot

WIDTH = 4.6
"""In inches: 442 pixels, which a phone shows at five sixths."""


def short_name(name: str) -> str:
    """Return a name that fits into a figure."""
    return plain(name, 16)


def patterns(about: About, found: Findings) -> tuple[Figure, str]:
    """Draw patterns as tiles, and beside them how often they are in synthetic and in real cells."""
    states, (synthetic, real) = found.patterns.states, numbers.shares(found)
    is_fault = numbers.hardly_real(found)
    num_patterns, num_features = states.shape
    names = [short_name(name) for name in numbers.chosen_names(about, found)]
    longest = max(map(len, names))
    tile = min(0.3, max(0.2, 2.3 / num_features))
    width = max(WIDTH, tile * num_features + 2.5)
    height = 0.32 * num_patterns + 0.9 + 0.085 * longest
    figure = Figure(figsize=(width, height), layout="constrained")
    share = tile * num_features / width
    tiles, bars = figure.subplots(1, 2, sharey=True, width_ratios=[share, 1 - share])
    levels = states / np.maximum(states.max(axis=0), 1)
    draw_shares(tiles, 0.1 + 0.9 * levels, BLUE)
    tiles.xaxis.tick_top()
    tiles.set_xticks(range(num_features), names, rotation=90, parse_math=False)
    tiles.set_yticks(range(num_patterns), [str(k + 1) for k in range(num_patterns)])
    tiles.set_ylabel("pattern")
    tiles.tick_params(length=0)
    rows = np.arange(num_patterns)
    for fault, color, words in ((False, BLUE, "synthetic"), (True, RED, "synthetic, hardly real")):
        if (is_fault == fault).any():
            bars.barh(
                rows[is_fault == fault] - 0.2, synthetic[is_fault == fault], 0.36, color=color,
                label=words,
            )  # fmt: skip
    bars.barh(rows + 0.2, real, 0.36, color=GREY, label="real")
    for row in np.flatnonzero(is_fault):
        words = counted(int(found.real_counts[row]), "real cell")
        end = real[row] + 0.01 * bars.get_xlim()[1]
        bars.text(end, row + 0.2, words, va="center", color=RED, fontsize=8)
    bars.xaxis.set_major_formatter(lambda share, _: f"{100 * share:g}%")
    bars.xaxis.set_major_locator(MaxNLocator(3))
    bars.set_xlabel("share of the cells")
    bars.tick_params(axis="y", length=0)
    bare(bars)
    bars.spines["left"].set_visible(False)
    bars.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), fontsize=9)
    alt = (
        f"Tiles of {counted(num_patterns, 'pattern')}, with bars of their shares of synthetic and "
        f"real cells. Synthetic {percent(synthetic[0])} and real {percent(real[0])} for the first."
    )
    if is_fault.any():
        rows_at_fault = listing([str(row + 1) for row in np.flatnonzero(is_fault)])
        alt += f" Drawn, but in hardly any real cell: {rows_at_fault}."
    return figure, alt


def map_of_patterns(found: Findings) -> tuple[Figure, str]:
    """Draw patterns on the map, numbered, with areas in proportion to synthetic cells."""
    figure = Figure(figsize=(WIDTH, 4.0), layout="constrained")
    ax = figure.subplots()
    is_fault = numbers.hardly_real(found)
    map_plot(found.points, found.patterns.states, counts=found.patterns.counts, marks=False, ax=ax)
    (dots,) = (drawn for drawn in ax.collections if isinstance(drawn, PathCollection))
    dots.set_alpha(0.75)
    dots.set_facecolor([RED if fault else BLUE for fault in is_fault])
    for spine in ax.spines.values():
        spine.set_color(LINE)
    _write_numbers(figure, ax, found.points, np.sqrt(dots.get_sizes()) / 2, is_fault)
    closest, _ = numbers.extremes_on_map(found) or ((0, 0), (0, 0))
    alt = (
        f"Map of {counted(len(found.points), 'pattern')}: dots that are close are alike in the "
        f"latents. Closest are {closest[0] + 1} and {closest[1] + 1}."
    )
    return figure, alt


def _write_numbers(
    figure: Figure,
    ax: Axes,
    points: NDArray[np.float64],
    radii: NDArray[np.float64],
    starred: NDArray[np.bool_],
) -> None:
    """Write the number of each pattern beside its dot."""
    svg.fix_layout(figure)  # which decides where the dots are on the paper
    known = np.flatnonzero(np.isfinite(points).all(axis=1))
    to_points = 72 / figure.dpi
    corner = ax.bbox.min
    dots = (ax.transData.transform(points[known]) - corner) * to_points
    words = [f"{row + 1}{'*' if starred[row] else ''}" for row in known]
    sizes = np.array([(6.5 * len(word), 10.0) for word in words])
    frame = ax.bbox.width * to_points, ax.bbox.height * to_points
    places, is_far = free_places(dots, radii[known], sizes, frame)
    back = ax.transData.inverted()
    for row, word in enumerate(words):
        x, y = back.transform(places[row] / to_points + corner)
        ax.text(x, y, word, ha="center", va="center", fontsize=9)
        if is_far[row]:
            at, edge = dots[row], places[row]
            line = back.transform(np.array([at, at + 0.75 * (edge - at)]) / to_points + corner)
            ax.plot(*line.T, color=GREY, linewidth=0.6, zorder=0)


def labels(found: Findings, by_label: ByLabel) -> tuple[Figure, str]:
    """Draw which share of the cells of each label has each pattern."""
    words = [short_name(label) for label in by_label.labels]
    longest = max(map(len, words))
    num_patterns = len(by_label.counts)
    width = max(WIDTH, 0.36 * len(words) + 0.8)
    height = 0.28 * num_patterns + 0.5 + 0.09 * longest
    figure = Figure(figsize=(width, height), layout="constrained")
    ax = figure.subplots()
    names = [str(k + 1) for k in range(num_patterns)]
    label_plot(by_label.counts, by_label.totals, words, names=names, ax=ax)
    ax.tick_params(axis="y", labelsize=10)
    ax.set_ylabel("pattern")
    tops = [
        f"{k}: {plain(top[0])} ({percent(top[1])} of its cells)"
        for k, top in enumerate(numbers.most_frequent_labels(found), 1)
        if top is not None
    ]
    alt = "Heat map of the share of the cells of each label with each pattern, in percent."
    if tops:
        alt += f" Most frequent label by pattern: {listing(tops, most=5)}."
    return figure, alt
