"""What the plots share: colours, tiles, bare axes, and checks of their arguments."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import is_color_like, to_rgb
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from loglin.validation import is_iterable, shown

ORANGE, GREEN, GREY, BLUE = "#E69F00", "#009E73", "#8C8C8C", "#0072B2"
PURPLE, YELLOW, RED = "#CC79A7", "#F0E442", "#D55E00"
INK, LINE = "#1A1A1A", "#BFBFBF"

NOT_SELECTED, LOWEST, HIGHEST = -1.0, 0.0, 1.0
"""Tones of a tile: light if the feature is not selected, otherwise from medium for its lowest level
to dark for its highest. NaN leaves a tile blank."""


def shade(color: str, tone: float) -> NDArray[np.float64]:
    """Return a colour in a tone.

    Parameters
    ----------
    color : str
        A colour that matplotlib knows.
    tone : float
        `NOT_SELECTED`, or from `LOWEST` to `HIGHEST`.

    Returns
    -------
    (3,) array
        Red, green and blue, each from 0 to 1.

    See Also
    --------
    draw_tiles : Tiles in such tones.

    Examples
    --------
    >>> shade("#0072B2", HIGHEST).round(2)
    array([0.  , 0.25, 0.38])
    """
    rgb = np.array(to_rgb(color))
    if tone == NOT_SELECTED:
        return rgb + (1 - rgb) * 0.82
    medium, dark = rgb + (1 - rgb) * 0.35, 0.55 * rgb
    return medium + (dark - medium) * tone


def draw_tiles(ax: Axes, tones: NDArray[np.float64], colors: Sequence[str]) -> None:
    """Draw a grid of tiles, one colour per column.

    Parameters
    ----------
    ax : matplotlib Axes
        Where to draw.
    tones : (rows, columns) array
        Tones of the tiles, as in `shade`; NaN leaves a tile blank.
    colors : sequence of str
        Colour of each column.

    See Also
    --------
    draw_shares : Tiles of one colour, with shares.
    pattern_plot : Patterns as tiles.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = Figure().subplots()
    >>> draw_tiles(ax, np.array([[LOWEST, HIGHEST], [NOT_SELECTED, np.nan]]), [BLUE, GREEN])
    >>> ax.images[0].get_array().shape
    (2, 2, 3)
    """
    image = np.ones((*tones.shape, 3))
    for tone in np.unique(tones[~np.isnan(tones)]):
        rows, columns = np.nonzero(tones == tone)
        image[rows, columns] = np.array([shade(color, tone) for color in colors])[columns]
    ax.imshow(image, aspect="auto", interpolation="nearest")
    # White lines between the tiles.
    ax.set_xticks(np.arange(-0.5, tones.shape[1]), minor=True)
    ax.set_yticks(np.arange(-0.5, tones.shape[0]), minor=True)
    ax.grid(which="minor", color="white", linewidth=0.6)
    ax.tick_params(which="both", length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)


def draw_shares(
    ax: Axes, shares: NDArray[np.float64], color: str, *, written: bool = False
) -> None:
    """Draw a grid of tiles, the more opaque the larger the share.

    Each tile is a shape of its own, so that the background shows through it, in files for drawing
    programs and pages as well.

    Parameters
    ----------
    ax : matplotlib Axes
        Where to draw.
    shares : (rows, columns) array
        Numbers from 0 to 1; NaN leaves a place blank.
    color : str
        A colour that matplotlib knows.
    written : bool
        Whether to write the shares on the tiles, in percent.

    See Also
    --------
    draw_tiles : Tiles in tones.
    label_plot : Patterns by labels.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = Figure().subplots()
    >>> draw_shares(ax, np.array([[0.25, 1.0]]), BLUE, written=True)
    >>> [text.get_text() for text in ax.texts]
    ['25', '100']
    """
    for (row, column), share in np.ndenumerate(shares):
        if np.isnan(share):
            continue
        opacity = 0.06 + 0.94 * float(np.clip(share, 0, 1))
        corner, fill = (column - 0.46, row - 0.46), (*to_rgb(color), opacity)
        ax.add_patch(Rectangle(corner, 0.92, 0.92, facecolor=fill, linewidth=0, clip_on=False))
        # Of white and black, the one with more contrast to blue of this opacity.
        if written and share >= 0.005:
            ax.text(
                column, row, f"{100 * share:.0f}", ha="center", va="center", fontsize=8,
                color="white" if opacity > 0.88 else INK,
            )  # fmt: skip
    ax.set_xlim(-0.5, shares.shape[1] - 0.5)
    ax.set_ylim(shares.shape[0] - 0.5, -0.5)
    ax.tick_params(which="both", length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)


def bare(ax: Axes) -> None:
    """Leave only the left and bottom spines, in a light colour.

    Parameters
    ----------
    ax : matplotlib Axes
        The axes to change.

    See Also
    --------
    draw_tiles : Without any spines.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = Figure().subplots()
    >>> bare(ax)
    >>> ax.spines["top"].get_visible()
    False
    """
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(LINE)
    ax.tick_params(color=LINE, labelcolor=INK)


def as_axes(ax: Axes | None, size: tuple[float, float]) -> Axes:
    """Check axes, or make a figure of this size in inches."""
    if ax is None:
        return plt.subplots(figsize=size, layout="constrained")[1]
    if not isinstance(ax, Axes):
        raise ValueError(f"`ax` must be matplotlib Axes, got {type(ax).__name__}")
    return ax


def as_words(values: Any, name: str, number: int, each: str) -> list[str]:
    """Check that there are `number` words, one per `each`."""
    if isinstance(values, str) or not is_iterable(values):
        raise ValueError(f"`{name}` must be a sequence of names, got {shown(values)}")
    words = [str(value) for value in values]
    if len(words) != number:
        raise ValueError(f"`{name}` must be {number}, one per {each}, got {len(words)}")
    return words


def as_colors(values: Any) -> list[str]:
    """Check colours."""
    for value in values:
        if not is_color_like(value):
            raise ValueError(f"`colors` must be colours that matplotlib knows, got {shown(value)}")
    return list(values)
