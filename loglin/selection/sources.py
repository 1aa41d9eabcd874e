"""The samples of one or more models, in memory or as chunks, checked and as sources."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from loglin.containers import as_names, as_positions, check_same_names, names_of
from loglin.selection.chunks import in_chunks
from loglin.selection.counting import SampleSource, as_samples
from loglin.selection.memory import in_memory
from loglin.tables import latent_codes
from loglin.validation import as_candidates, as_table, as_tuple


class Given(NamedTuple):
    """Samples that are checked, and the features that may be chosen from them."""

    sources: list[SampleSource[Any]]
    """Sources of the candidates, one for each model."""
    candidates: NDArray[np.intp]
    """Columns of the candidates, sorted."""
    num_columns: int
    """Number of features, p."""
    names: list[str] | None
    """Names of all features, if they have names."""


def as_sources(
    x: Any,
    u: Any,
    levels: Sequence[int] | None,
    latent_levels: Sequence[int] | None,
    candidates: Iterable[int | str] | None,
    num_threads: int,
    names: Iterable[str] | None = None,
) -> Given:
    """Check the samples of one or more models."""
    # Chunks check the levels each time they are read, so an iterator will not do.
    levels, latent_levels = as_tuple(levels), as_tuple(latent_levels)
    given = _one_by_one(x, u)
    as_source = partial(_as_source, latent_levels=latent_levels, num_threads=num_threads)
    sources = [as_source(*one, levels=levels) for one in given]
    x_levels = [tuple(source.variables.x_levels.tolist()) for source in sources]
    num_columns = len(x_levels[0])
    for found, source in zip(x_levels, sources, strict=True):
        if len(found) != num_columns:
            hint = " (latents are the argument `u`)" if u is None else ""
            raise ValueError(
                f"`x` must hold models of the same features: expected {num_columns} columns, got "
                f"{len(found)}{hint}"
            )
        if are_without_latents([source]) != are_without_latents(sources[:1]):
            raise ValueError("`u` must hold latents for all models or for none, got both")
    most = tuple(np.max(x_levels, axis=0).tolist())
    names = as_names(names, num_columns) or _common_names([one for one, _ in given])
    allowed = as_candidates(as_positions(candidates, names, "candidates"), num_columns)
    if any(found != most for found in x_levels):  # the codes of one model lack the highest levels
        sources = [as_source(*one, levels=most) for one in given]
    if len(allowed) < num_columns:
        sources = [source.only(allowed) for source in sources]
    return Given(sources, allowed, num_columns, names)


def _common_names(given: Sequence[Any]) -> list[str] | None:
    """Return the names of the features, which data frames of several models must share."""
    found = [names for x in given if (names := names_of(x)) is not None]
    for names in found[1:]:
        check_same_names(names, found[0], "hold models of the same features")
    return found[0] if found else None


def _are_samples(x: Any) -> bool:
    """Tell whether x is a named tuple of features x and latents u, as models return it."""
    return isinstance(x, tuple) and {"x", "u"} <= set(getattr(x, "_fields", ()))


def _one_by_one(x: Any, u: Any) -> list[tuple[Any, Any]]:
    """Return the samples of each model: arrays (x, u), or a function that returns chunks and None.

    Raises
    ------
    ValueError
        If `u` does not have the form that `x` has.
    """
    if u is None and _are_samples(x):
        return [(x.x, latent_codes(x.u))]
    if u is None and isinstance(x, list | tuple) and x and all(map(_are_samples, x)):
        return [(samples.x, latent_codes(samples.u)) for samples in x]
    if callable(x) or _are_chunks(x):
        if u is not None:
            raise ValueError("`u` must be None where `x` is chunks (x, u), got an array")
        return [(x if callable(x) else lambda: x, None)]
    if isinstance(x, list | tuple) and x and all(map(callable, x)):
        if u is not None:
            raise ValueError("`u` must be None where `x` is chunks (x, u), got an array")
        return [(read, None) for read in x]
    if isinstance(x, list | tuple) and any(getattr(one, "ndim", 0) == 2 for one in x):
        for place, one in enumerate(x):
            if getattr(one, "ndim", 0) != 2:
                as_table(one, f"x[{place}]")
        latents = [None] * len(x) if u is None else u
        if not isinstance(latents, list | tuple) or len(latents) != len(x):
            raise ValueError(
                f"`u` must be a list of {len(x)} arrays, one for each of `x`, got "
                + (f"{len(latents)}" if isinstance(latents, list | tuple) else type(u).__name__)
            )
        return list(zip(x, latents, strict=True))
    return [(x, u)]


def _are_chunks(x: Any) -> bool:
    """Tell chunks from a table: the first item of chunks is a pair that begins with a table."""
    return (
        isinstance(x, list | tuple)
        and len(x) > 0
        and isinstance(x[0], list | tuple)
        and len(x[0]) == 2
        and getattr(x[0][0], "ndim", 0) == 2
    )


def _as_source(
    x: Any,
    u: Any,
    *,
    levels: Sequence[int] | None,
    latent_levels: Sequence[int] | None,
    num_threads: int,
) -> SampleSource[Any]:
    """Check the samples of one model."""
    if callable(x):
        return in_chunks(x, levels, latent_levels)
    return in_memory(*as_samples(x, u, levels, latent_levels, num_threads), num_threads)


def are_without_latents(sources: Sequence[SampleSource[Any]]) -> bool:
    """Tell whether the samples have no latents but a constant one."""
    return all(source.variables.u_levels.max() == 1 for source in sources)
