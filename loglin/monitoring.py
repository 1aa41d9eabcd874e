"""What a model has learned at each epoch of its training (Sections 2.3 and 3.1.2)."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from loglin.patterns import Patterns, frequent_patterns
from loglin.selection import Selection, select_features
from loglin.tables import latent_codes

RngOf = Callable[[int], np.random.Generator]


class Checkpoint(NamedTuple):
    """What the samples of a model show at an epoch of its training."""

    epoch: int
    selection: Selection
    """The features chosen from the samples."""
    patterns: Patterns
    """The most frequent patterns of these features."""


def follow(
    stream: Iterable[tuple[int, ArrayLike, ArrayLike | None]],
    num_features: int,
    *,
    num_patterns: int = 10,
    rng: np.random.Generator | RngOf | None = None,
    **settings: Any,
) -> Iterator[Checkpoint]:
    """Select features and find patterns in the samples of each epoch.

    Parameters
    ----------
    stream : iterable of (epoch, x, u)
        Samples as `models.sample_at` yields them, or from any other model: codes x (n, p), and
        latents u (n, r) or None. Real latents are cut at their medians (`latent_codes`).
    num_features : int
        How many to choose at each epoch, q.
    num_patterns : int
        Most patterns at each epoch.
    rng : numpy Generator, or function from the epoch to one, optional
        Draws the shuffles. With a function, what is drawn at an epoch does not depend on which
        other epochs there are.
    **settings
        As in `select_features`.

    Yields
    ------
    Checkpoint
        One for each entry of the stream, as it comes.

    Raises
    ------
    ValueError
        If an argument or the samples do not fit.

    Examples
    --------
    >>> u = np.array([[0], [1]] * 50)
    >>> samples = [(0, np.zeros((100, 2), int), u), (5, np.hstack([u, 1 - u]), u)]
    >>> [found.selection.features.tolist() for found in follow(samples, 1)]
    [[0], [0]]
    """
    for entry in stream:
        if not (isinstance(entry, tuple) and len(entry) == 3):
            raise ValueError(f"`stream` must give triples (epoch, x, u), got {entry!r}")
        epoch, x, u = entry
        own_rng = rng(epoch) if callable(rng) else rng
        codes = None if u is None else latent_codes(u)
        selection = select_features(x, codes, num_features, rng=own_rng, **settings)
        patterns = frequent_patterns(x, selection.features.tolist(), num_patterns)
        yield Checkpoint(epoch, selection, patterns)
