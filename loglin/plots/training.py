"""The course of a training."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from loglin.plots.drawing import BLUE, GREY, as_axes, bare
from loglin.plots.showing import PathLike, can_show
from loglin.validation import as_flag, as_numbers


@can_show
def course_plot(
    epochs: ArrayLike,
    held_out: ArrayLike,
    *,
    training: ArrayLike | None = None,
    chosen: int | None = None,
    legend: bool = True,
    ax: Axes | None = None,
    show: bool | None = None,
    save: PathLike | None = None,
) -> Axes:
    """Draw how well a model describes its data over the epochs of a training.

    Values that are not finite, as of a training that diverged, are gaps in the lines.

    Parameters
    ----------
    epochs : (t,) array
        Numbers of epochs, increasing.
    held_out : (t,) array
        Bound of the log-likelihood of held-out samples, in nats per sample.
    training : (t,) array, optional
        The same of the samples that the model was trained on.
    chosen : int, optional
        The epoch that was taken, one of `epochs`; it is marked.
    legend : bool
        Whether to name the lines.
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
    models.snapshots : Its info has the bounds.
    models.stop_early : Chooses the epoch.

    Examples
    --------
    >>> ax = course_plot([0, 10, 20, 30], [-30.0, -22.0, -21.5, -21.8], chosen=20)
    >>> len(ax.lines) > 0
    True
    """
    times = as_numbers(epochs, "epochs")
    if times.ndim != 1 or not times.size:
        raise ValueError(
            f"`epochs` must have one dimension, at least one epoch, got shape {times.shape}"
        )
    bound = _as_course(held_out, "held_out", len(times))
    own = None if training is None else _as_course(training, "training", len(times))
    if chosen is not None and chosen not in times:
        raise ValueError(f"`chosen` must be one of `epochs`, got {chosen}")
    as_flag(legend, "legend")
    ax = as_axes(ax, (5.0, 3.4))
    if own is not None:
        ax.plot(times, own, color=GREY, linewidth=1.2, linestyle="--", label="training")
    ax.plot(times, bound, color=BLUE, linewidth=1.8, label="held out")
    if chosen is not None:
        (place,) = np.flatnonzero(times == chosen)[:1]
        ax.plot(
            [chosen], [bound[place]], marker="o", color=BLUE, markersize=7, linestyle="",
            label="chosen",
        )  # fmt: skip
    ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    ax.set_xlabel("epoch")
    ax.set_ylabel("bound (nats per sample)")
    if legend:
        ax.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=3, fontsize=9)
    bare(ax)
    return ax


def _as_course(values: ArrayLike, name: str, number: int) -> NDArray[np.float64]:
    course = as_numbers(values, name).astype(np.float64)
    if course.shape != (number,):
        raise ValueError(f"`{name}` must be {number}, one per epoch, got shape {course.shape}")
    return np.where(np.isfinite(course), course, np.nan)
