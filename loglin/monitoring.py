"""Follow what a model learns over the epochs of its training (Sections 2.3 and 3.1.2)."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from loglin.patterns import Patterns
from loglin.patterns.frequent import patterns_if_any
from loglin.selection import Selection, select_features
from loglin.tables import latent_codes
from loglin.validation import is_iterable, shown

RngOf = Callable[[int], np.random.Generator]


class Checkpoint(NamedTuple):
    """The features and patterns found in samples of a model at one epoch of its training.

    See Also
    --------
    follow : Yields them.
    """

    epoch: int
    """Number of the epoch, as in the stream."""
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
        latents u (n, r) or None. Latents that are not whole numbers are cut at their medians
        (`latent_codes`).
    num_features : int
        Number of features to select at each epoch, q.
    num_patterns : int
        Largest number of patterns at each epoch.
    rng : numpy Generator, or function from the epoch to one, optional
        Draws the shuffles. With a function, the shuffles at an epoch do not depend on which other
        epochs there are.
    **settings
        Further arguments of `select_features`.

    Returns
    -------
    iterator of Checkpoint
        One for each entry of the stream, computed when the entry is read.

    Raises
    ------
    ValueError
        If an argument is invalid or, while iterating, the samples are.

    See Also
    --------
    models.sample_at : Draws the samples over a training.
    select_features : Of one set of samples.
    frequent_patterns : Of one selection.

    Examples
    --------
    >>> u = np.array([[0], [1]] * 50)
    >>> samples = [(0, np.zeros((100, 2), int), u), (5, np.hstack([u, 1 - u]), u)]
    >>> [found.selection.features.tolist() for found in follow(samples, 1)]
    [[0], [0]]
    """
    if not is_iterable(stream):
        raise ValueError(f"`stream` must be an iterable of (epoch, x, u), got {shown(stream)}")
    return _follow(stream, num_features, num_patterns, rng, settings)


def _follow(
    stream: Iterable[Any],
    num_features: int,
    num_patterns: int,
    rng: np.random.Generator | RngOf | None,
    settings: dict[str, Any],
) -> Iterator[Checkpoint]:
    for entry in stream:
        if not (isinstance(entry, tuple) and len(entry) == 3):
            raise ValueError(
                f"`stream` must give triples (epoch, x, u), got a {type(entry).__name__}"
            )
        epoch, x, u = entry
        own_rng = rng(epoch) if callable(rng) else rng
        codes = None if u is None else latent_codes(u)
        selection = select_features(x, codes, num_features, rng=own_rng, **settings)
        chosen = selection.features.tolist()
        patterns = patterns_if_any(x, chosen, num_patterns, settings.get("names"))
        yield Checkpoint(epoch, selection, patterns)
