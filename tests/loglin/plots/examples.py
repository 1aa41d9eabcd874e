"""What the plots are tried on, and what is read from them."""

import numpy as np

from loglin import Patterns

TABLE = np.array([[[30.0, 5], [4, 28]], [[12, 0], [9, 40]]])
PATTERNS = Patterns(np.array([[0, 1, 0], [1, 0, 2], [0, 0, 1]], np.int8), np.array([1200, 30, 4]))
ODD_NAMES = ["$a$", "<b", "c_1^2", "$d", "e", "f", "g"]
"""Names that would be set as formulas, or end in an error, if they were read as such."""
PLACES = np.array([[0.0, 0.0], [3.0, 1.0], [1.0, 2.0]])
EPOCHS, HELD_OUT = [1, 2, 3, 4], [-9.0, -5.0, -6.0, np.nan]
COUNTS, TOTALS = np.array([[36, 0, 0], [4, 1, 0]]), np.array([40, 100, 0])


def tones_of(ax):
    """The colours of the tiles, (rows, columns, 3)."""
    (image,) = ax.images
    return np.asarray(image.get_array())


def words_on(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def words_inside(ax):
    """Draw, and tell of each word whether all of it lies within the figure."""
    figure = ax.figure
    figure.canvas.draw()
    low, high = sorted(ax.get_ylim())  # ticks beyond these are not drawn
    texts = [*ax.texts, *ax.get_xticklabels(), ax.yaxis.label]
    texts += [t for t in ax.get_yticklabels() if low <= t.get_position()[1] <= high]
    if ax.get_legend():
        texts += ax.get_legend().get_texts()
    boxes = [text.get_window_extent() for text in texts if text.get_text()]
    width, height = figure.bbox.size
    return [min(b.x0, b.y0, width - b.x1, height - b.y1) >= 0 for b in boxes]
