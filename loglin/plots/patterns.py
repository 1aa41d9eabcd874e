"""Patterns: as tiles, on a map, and among labelled samples."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from loglin.patterns import Patterns
from loglin.plots.drawing import (
    BLUE,
    LINE,
    NOT_SELECTED,
    as_axes,
    as_colors,
    as_words,
    draw_shares,
    draw_tiles,
)
from loglin.plots.showing import PathLike, can_show
from loglin.validation import (
    as_count,
    as_features,
    as_flag,
    as_frequencies,
    as_number,
    as_table,
    is_iterable,
    shown,
)

_MARKS = {0: "-", 1: "|"}
"""Of a pattern on a map; a hyphen does not join its neighbours, as longer dashes do."""


@can_show
def pattern_plot(
    patterns: Patterns,
    *,
    names: Sequence[str] | None = None,
    features: Sequence[int] | None = None,
    colors: Sequence[str] | str = BLUE,
    ax: Axes | None = None,
    show: bool | None = None,
    save: PathLike | None = None,
) -> Axes:
    """Draw patterns as tiles: one row per pattern, with its count, and one column per feature.

    A tile is medium if the feature has its lowest level and dark if it has its highest: off and on
    for binary features.

    Parameters
    ----------
    patterns : Patterns
        Patterns, for instance from `loglin.frequent_patterns`. A row with negative states stays
        blank.
    names : sequence of str, optional
        Names of the columns.
    features : sequence of q ints, optional
        Positions of the patterns' features among all features. Then all features get a column, as
        many as there are `colors`, and the features that are not selected are light.
    colors : sequence of str, or str
        Colour of each column, or of all columns.
    ax, show, save : optional
        Where to draw, whether to show all figures, and a file to write; see `loglin.plots`.

    Returns
    -------
    matplotlib Axes
        Where it was drawn; None if `show`.

    Raises
    ------
    ValueError
        If an argument is invalid.

    See Also
    --------
    loglin.frequent_patterns : Finds the patterns.
    label_plot : Patterns by labels.
    map_plot : Patterns on a map.

    Examples
    --------
    >>> from loglin import frequent_patterns
    >>> patterns = frequent_patterns([[0, 1], [1, 1], [0, 1], [0, 0]], [0, 1])
    >>> ax = pattern_plot(patterns, names=["A", "B"])
    >>> [tick.get_text() for tick in ax.get_xticklabels()]
    ['A', 'B']
    """
    if not isinstance(patterns, Patterns):
        raise ValueError(f"`patterns` must be Patterns, got {type(patterns).__name__}")
    states = as_table(patterns.states, "patterns")
    if features is None:
        num_columns, columns = states.shape[1], list(range(states.shape[1]))
    elif isinstance(colors, str):
        raise ValueError("`colors` must be one for each feature where `features` are given")
    else:
        num_columns, columns = len(colors), as_features(features, len(colors))
    if len(columns) != states.shape[1]:
        raise ValueError(
            f"`features` must be one for each column of the states: expected {states.shape[1]}, "
            f"got {len(columns)}"
        )
    own_colors = as_colors([colors] * num_columns if isinstance(colors, str) else colors)
    if len(own_colors) != num_columns:
        raise ValueError(f"`colors` must be {num_columns}, one per column, got {len(own_colors)}")
    words = None if names is None else as_words(names, "names", num_columns, "column")
    longest = max(map(len, words or [""]))
    size = 0.45 * num_columns + 1.6, 0.28 * len(states) + 0.8 + 0.11 * longest
    ax = as_axes(ax, size)
    tones = np.full((len(states), num_columns), NOT_SELECTED)
    tones[:, columns] = states / np.maximum(states.max(axis=0), 1)
    tones[(states < 0).any(axis=1)] = np.nan
    draw_tiles(ax, tones, own_colors)
    ax.set_yticks(range(len(states)), [f"{count:,}" for count in patterns.counts], fontsize=8)
    ax.set_ylabel("samples")
    if words is None:
        ax.set_xticks([])
    else:
        ax.set_xticks(range(num_columns), words, rotation=90, parse_math=False)
    return ax


@can_show
def map_plot(
    points: ArrayLike,
    states: ArrayLike,
    *,
    labels: Sequence[str] | None = None,
    counts: ArrayLike | None = None,
    path: Sequence[int] | None = None,
    color: str = BLUE,
    marks: bool = True,
    fontsize: float = 6,
    ax: Axes | None = None,
    show: bool | None = None,
    save: PathLike | None = None,
) -> Axes:
    """Draw patterns on a map, each written with one mark per feature.

    Maps are made by `loglin.embed`. A dash stands for 0, a bar for 1, and digits for other levels.

    Parameters
    ----------
    points : (k, 2) array
        Positions of the patterns. A pattern with a NaN is left out.
    states : (k, q) int array
        The patterns.
    labels : sequence of k str, optional
        Text to write above each pattern.
    counts : (k,) array, optional
        Number of samples that carry each pattern; the areas of the dots are proportional to it.
    path : sequence of ints, optional
        Patterns to connect by a line, in this order.
    color : str
        Colour of the dots.
    marks : bool
        Whether to write the patterns' marks.
    fontsize : float
        Size of labels and marks, in points.
    ax, show, save : optional
        Where to draw, whether to show all figures, and a file to write; see `loglin.plots`.

    Returns
    -------
    matplotlib Axes
        Where it was drawn; None if `show`.

    Raises
    ------
    ValueError
        If an argument is invalid.

    See Also
    --------
    loglin.embed : Makes the map.
    pattern_plot : The patterns as tiles.

    Examples
    --------
    >>> ax = map_plot([[0.0, 0.0], [1.0, 0.0]], [[0, 1], [1, 1]], labels=["early", "late"])
    >>> [text.get_text().split() for text in ax.texts]
    [['early', '-|'], ['late', '||']]
    """
    places, codes = as_table(points, "points"), as_table(states, "states")
    if places.shape != (len(codes), 2):
        raise ValueError(
            f"`points` must be two numbers for each of `states`: expected shape {(len(codes), 2)}, "
            f"got {places.shape}"
        )
    if codes.dtype.kind == "f" and (codes != np.floor(codes)).any():
        raise ValueError("`states` must hold whole numbers, got others")
    words = None if labels is None else as_words(labels, "labels", len(codes), "pattern")
    (own_color,) = as_colors([color])
    areas, opacity = np.full(len(codes), 8.0), 1.0
    if counts is not None:
        sizes = as_frequencies(counts, "counts")
        if sizes.shape != (len(codes),):
            raise ValueError(
                f"`counts` must be {len(codes)}, one per pattern, got shape {sizes.shape}"
            )
        areas, opacity = 300 * sizes / max(sizes.max(), 1), 0.35
    as_flag(marks, "marks")
    as_number(fontsize, "fontsize", 1)
    steps = [as_count(step, "path", 0, len(codes) - 1) for step in _as_path(path)]
    ax = as_axes(ax, (5.0, 5.0))
    if steps:
        ax.plot(*places[steps].T, color=LINE, linewidth=1, zorder=0)
    ax.scatter(places[:, 0], places[:, 1], s=areas, color=own_color, alpha=opacity, linewidths=0)
    for pattern, (state, place) in enumerate(zip(codes.astype(int), places, strict=True)):
        lines = [] if words is None else [words[pattern]]
        if marks:
            lines.append(_in_marks(state))
        if lines and np.isfinite(place).all():
            ax.annotate(
                "\n".join(lines), place, (0, max(3.0, np.sqrt(areas[pattern]) / 2)),
                textcoords="offset points", fontsize=fontsize, ha="center", va="bottom",
                family="DejaVu Sans Mono", parse_math=False,
            )  # fmt: skip
    ax.set_aspect("equal", adjustable="datalim")
    ax.margins(0.2)
    ax.set_xticks([])
    ax.set_yticks([])
    return ax


@can_show
def label_plot(
    counts: ArrayLike,
    totals: ArrayLike,
    labels: Sequence[str],
    states: ArrayLike | None = None,
    *,
    names: Sequence[str] | None = None,
    color: str = BLUE,
    ax: Axes | None = None,
    show: bool | None = None,
    save: PathLike | None = None,
) -> Axes:
    """Draw which share of the samples of each label carries each pattern, as a heat map.

    Parameters
    ----------
    counts : (k, c) array
        Number of samples with each pattern and label.
    totals : (c,) array
        Number of samples with each label, whatever their pattern. A label without samples has a
        blank column.
    labels : sequence of c str
        Names of the labels.
    states : (k, q) int array, optional
        The patterns, to be written beside the rows as on a map. Otherwise rows are numbered.
    names : sequence of k str, optional
        Names of the patterns, in place of `states`.
    color : str
        Colour of a share of one.
    ax, show, save : optional
        Where to draw, whether to show all figures, and a file to write; see `loglin.plots`.

    Returns
    -------
    matplotlib Axes
        Where it was drawn; None if `show`.

    Raises
    ------
    ValueError
        If an argument is invalid, or a count exceeds its total.

    See Also
    --------
    loglin.transfer_labels : Gives samples the labels of their patterns.
    pattern_plot : The patterns alone.

    Examples
    --------
    >>> ax = label_plot([[8, 0], [1, 9]], [10, 10], ["B cells", "T cells"], [[0, 1], [1, 0]])
    >>> [tick.get_text() for tick in ax.get_xticklabels()]
    ['B cells', 'T cells']
    """
    table = as_frequencies(as_table(counts, "counts"), "counts")
    sizes = as_frequencies(totals, "totals")
    if sizes.shape != (table.shape[1],):
        raise ValueError(
            f"`totals` must be {table.shape[1]}, one per label, got shape {sizes.shape}"
        )
    if (table.sum(axis=0) > sizes).any():
        raise ValueError("`counts` must not exceed `totals` in any column, got more")
    columns = as_words(labels, "labels", len(sizes), "label")
    rows = [str(row) for row in range(1, len(table) + 1)]
    family = "DejaVu Sans"
    if names is not None:
        rows = as_words(names, "names", len(table), "pattern")
    elif states is not None:
        codes = as_table(states, "states")
        if len(codes) != len(table):
            raise ValueError(f"`states` must be {len(table)}, one per pattern, got {len(codes)}")
        rows, family = [_in_marks(state) for state in codes.astype(int)], "DejaVu Sans Mono"
    (own_color,) = as_colors([color])
    longest = max(map(len, columns))
    ax = as_axes(ax, (0.36 * len(sizes) + 1.6, 0.28 * len(table) + 0.6 + 0.09 * longest))
    shares = np.divide(table, sizes, out=np.full(table.shape, np.nan), where=sizes > 0)
    draw_shares(ax, shares, own_color, written=True)
    ax.set_xticks(range(len(sizes)), columns, rotation=90, parse_math=False)
    ax.set_yticks(range(len(table)), rows, family=family, fontsize=8, parse_math=False)
    return ax


def _in_marks(state: NDArray[np.int_]) -> str:
    """Return a pattern as text with one mark per feature."""
    return "".join(_MARKS.get(code, str(code)) for code in state.tolist())


def _as_path(path: Any) -> Iterable[Any]:
    if path is not None and not is_iterable(path):
        raise ValueError(f"`path` must be a sequence of patterns, got {shown(path)}")
    return () if path is None else path
