"""Places for words beside the dots of a map, where they cover nothing."""

import numpy as np
from numpy.typing import NDArray

_ANGLES = np.pi / 2 + np.arange(16) * np.pi / 8
"""Above the dot first."""
_FURTHER = (0.0, 8.0, 16.0, 26.0)
"""How far from the edge of its dot a word may be; those close to it come first."""


def free_places(
    dots: NDArray[np.float64],
    radii: NDArray[np.float64],
    sizes: NDArray[np.float64],
    frame: tuple[float, float],
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return where to write a word for each dot, one after the other, all in points.

    Parameters
    ----------
    dots : (k, 2) array
        Centres of the dots.
    radii : (k,) array
    sizes : (k, 2) array
        Width and height of each word.
    frame : tuple of 2 floats
        Width and height of what the words should stay within.

    Returns
    -------
    places : (k, 2) array
        Centres of the words.
    is_far : (k,) bool array
        Whether the word is not next to its dot, so that a line should join them.
    """
    places, is_far = np.zeros_like(dots), np.zeros(len(dots), np.bool_)
    directions = np.column_stack([np.cos(_ANGLES), np.sin(_ANGLES)])
    for row, (dot, radius, half) in enumerate(zip(dots, radii, sizes / 2, strict=True)):
        # Far enough that the box touches the dot whatever the direction.
        reach = radius + np.abs(directions) @ half
        tried = np.concatenate([dot + directions * (reach + more)[:, None] for more in _FURTHER])
        gaps = np.abs(tried[:, None] - places[:row]) - (half + sizes[:row] / 2)
        words_hit = (gaps < 0).all(axis=2).sum(axis=1)
        outside = ((tried - half < 0) | (tried + half > frame)).any(axis=1)
        corner = np.clip(dots, tried[:, None] - half, tried[:, None] + half)
        dots_hit = (np.hypot(*(corner - dots).transpose(2, 0, 1)) < radii - 0.5).sum(axis=1)
        best = int((100 * words_hit + 100 * outside + 10 * dots_hit).argmin())
        places[row], is_far[row] = tried[best], best >= len(_ANGLES)
    return places, is_far
