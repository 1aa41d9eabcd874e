"""Selections: the gain of each step, and what the features cover."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from loglin.plots.drawing import BLUE, LINE, ORANGE, as_axes, as_words, bare
from loglin.plots.showing import PathLike, can_show
from loglin.selection import Coverage, Selection


@can_show
def gain_plot(
    selection: Selection,
    *,
    names: Sequence[str] | None = None,
    ax: Axes | None = None,
    show: bool | None = None,
    save: PathLike | None = None,
) -> Axes:
    """Draw the gain of each step, its two parts, and the gain expected by chance.

    Under Eq. 1 the lower part of a bar is the association with the features chosen before, the
    upper part the association with the latent given these features. Under another null model a bar
    is the whole gain. Points and error bars are mean and standard deviation of the gain by chance,
    if the feature was shuffled or the gains are corrected.

    Parameters
    ----------
    selection : Selection
        From `loglin.select_features`.
    names : sequence of str, optional
        Names of all features; by default their numbers are written.
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
    loglin.select_features : Makes the selection.
    coverage_plot : How much the features cover.

    Examples
    --------
    >>> from loglin import select_features
    >>> u = np.array([0, 1] * 50)[:, None]
    >>> x = np.column_stack([np.arange(100) % 3 == 0, u[:, 0], np.arange(100) < 50])
    >>> ax = gain_plot(select_features(x, u, 2), names=["A", "B", "C"])
    >>> [tick.get_text() for tick in ax.get_xticklabels()]
    ['B', 'A']
    """
    if not isinstance(selection, Selection):
        raise ValueError(f"`selection` must be a Selection, got {type(selection).__name__}")
    features, chance = selection.features, selection.chance
    words = [str(feature) for feature in features]
    if names is not None:
        all_names = as_words(names, "names", selection.scores.shape[2], "feature")
        words = [all_names[feature] for feature in features]
    steps = np.arange(len(features))
    ax = as_axes(ax, (0.5 * len(steps) + 2.4, 3.2 + 0.08 * max(map(len, words), default=0)))
    gains, before, latent = (
        np.nan_to_num(part)
        for part in (selection.gains, selection.feature_gains, selection.latent_gains)
    )
    if np.allclose(before + latent, gains):
        ax.bar(steps, before, color=LINE, label="with the features before")
        ax.bar(steps, latent, bottom=before, color=BLUE, label="with the latent, given these")
    else:
        ax.bar(steps, gains, color=BLUE, label="gain")
    if np.isfinite(chance.mean).any():
        # From corrected gains, the mean by chance is already subtracted.
        mean = np.where(selection.corrected, 0.0, chance.mean)
        ax.errorbar(
            steps, mean, chance.sd, fmt="o", color=ORANGE, markersize=4, capsize=3,
            label="by chance",
        )  # fmt: skip
    ax.set_xticks(steps, words, rotation=90, parse_math=False)
    ax.set_ylabel("gain (G2)")
    ax.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), fontsize=9)
    bare(ax)
    return ax


@can_show
def coverage_plot(
    coverage: Coverage,
    *,
    names: Sequence[str] | None = None,
    ax: Axes | None = None,
    show: bool | None = None,
    save: PathLike | None = None,
) -> Axes:
    """Draw which share of what all features say about the latents the first ones say.

    The thick line is the share summed over the latents, the thin ones are single latents.

    Parameters
    ----------
    coverage : Coverage
        Of q features.
    names : sequence of q str, optional
        Names of these features, in order; by default the steps are numbered.
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
    loglin.coverage : Computes it.
    gain_plot : The gains of the same selection.

    Examples
    --------
    >>> from loglin import coverage
    >>> u = np.repeat([[0], [1]], 50, axis=0)
    >>> ax = coverage_plot(coverage(np.column_stack([np.arange(100) % 2, u]), u, [0, 1]))
    >>> ax.get_ylabel()
    'share of the information'
    """
    if not isinstance(coverage, Coverage):
        raise ValueError(f"`coverage` must be a Coverage, got {type(coverage).__name__}")
    curve = coverage.curve
    words = [str(step) for step in range(1, len(curve) + 1)]
    if names is not None:
        words = as_words(names, "names", len(curve), "feature")
    ax = as_axes(ax, (0.4 * len(curve) + 2.4, 3.2 + 0.08 * max(map(len, words), default=0)))
    steps = np.arange(len(curve))
    known = coverage.shares[:, np.isfinite(coverage.shares).all(axis=0)]
    lines = ax.plot(steps, known, color=LINE, linewidth=0.9)
    for line in lines[:1]:
        line.set_label("each latent")
    ax.plot(steps, curve, color=BLUE, linewidth=2.2, marker="o", markersize=4, label="all latents")
    ax.set_xticks(steps, words, rotation=0 if names is None else 90, parse_math=False)
    ax.set_ylim(min(0.0, float(np.nanmin(known, initial=0.0))), 1.03)
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.set_ylabel("share of the information")
    ax.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, fontsize=9)
    bare(ax)
    return ax
