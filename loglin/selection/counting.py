"""Count samples, grouped by the pattern of the chosen features.

A `SampleSource` holds the samples, in memory (`memory.Memory`) or as chunks that are read again
whenever they are counted (`chunks.Chunks`). A partition of it groups the samples by their pattern,
that is, by the values of the chosen features; only patterns that occur are stored. Binary columns
are packed into 64-bit words and counted all at once, columns with more levels pair by pair. Both
sources give the same counts in the same order.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from loglin.validation import as_codes, check_rows


class Variables(NamedTuple):
    """Levels of the features and latents, and which of them are binary."""

    x_levels: NDArray[np.int64]
    """(p,) number of levels of each feature."""
    u_levels: NDArray[np.int64]
    """(r,) number of levels of each latent; without latents, one constant latent with one level."""
    binary_x: NDArray[np.intp]
    """Columns of x with two levels."""
    binary_u: NDArray[np.intp]
    """Columns of u with one or two levels."""
    other_pairs: list[tuple[int, int]]
    """Feature and latent of all pairs in which at least one is not binary."""

    @property
    def num_bits(self) -> int:
        """Bits of a packed row: one per binary column, rounded up to words of 64."""
        return 64 * -(-(len(self.binary_x) + len(self.binary_u)) // 64)


class BinaryCounts(NamedTuple):
    """Counts of binary columns in some patterns; bits as in the packed rows, features first."""

    sizes: NDArray[np.integer]
    """(patterns,) number of samples."""
    ones: NDArray[np.integer]
    """(patterns, bits) number of samples in which the bit is 1."""
    both: NDArray[np.integer]
    """(patterns, latents, bits) number of samples in which the bit and the latent are 1."""


class Partition(Protocol):
    """Samples grouped by the pattern of the chosen features."""

    @property
    def num_possible(self) -> float:
        """Number of patterns that could occur."""

    @property
    def num_patterns(self) -> int:
        """Number of patterns that occur."""


P = TypeVar("P", bound=Partition)


class SampleSource(Protocol[P]):
    """Samples that can be counted; each kind of source has its own kind of partition."""

    @property
    def variables(self) -> Variables:
        """Levels of features and latents."""

    @property
    def num_samples(self) -> int:
        """Number of samples."""

    def start(self) -> P:
        """Return the partition before any feature is chosen: one pattern without features."""

    def refine(self, partition: P, feature: int) -> P:
        """Split every pattern by one more feature."""

    def binary_counts(self, partition: P) -> Iterator[BinaryCounts]:
        """Count the binary columns, some patterns at a time; each item is valid until the next."""

    def pair_tables(
        self, partition: P, pairs: Iterable[tuple[int, int]]
    ) -> Iterator[NDArray[np.int64]]:
        """Count (patterns, u, j) for each pair of feature j and latent u, in their order."""


def as_samples(
    x: ArrayLike,
    u: ArrayLike | None,
    levels: Sequence[int] | None,
    latent_levels: Sequence[int] | None,
) -> tuple[NDArray[np.int8], NDArray[np.int8], tuple[int, ...], tuple[int, ...]]:
    """Check features and latents; return their codes and numbers of levels."""
    features, x_levels = as_codes(x, "x", levels)
    # Without latents, a constant latent is used, which changes no table.
    latents = np.zeros((len(features), 1), np.int8)
    u_levels: tuple[int, ...] = (1,)
    if u is not None:
        latents, u_levels = as_codes(u, "u", latent_levels, "latent_levels")
    check_rows(latents, features)
    return features, latents, x_levels, u_levels


def num_possible_patterns(num_possible: float, num_levels: int) -> float:
    """Return how many patterns could occur with one more feature; capped to keep sums finite."""
    return min(num_possible * num_levels, 1e250)


def empty_pair_table(
    variables: Variables, partition: Partition, feature: int, latent: int
) -> NDArray[np.int64]:
    """Return a table of zeros (patterns, u, j) for the counts of feature j and latent u."""
    levels = variables.u_levels[latent], variables.x_levels[feature]
    return np.zeros((partition.num_patterns, *levels), np.int64)


def describe_variables(x_levels: ArrayLike, u_levels: ArrayLike) -> Variables:
    """Return the numbers of levels, sorted into binary columns and others."""
    x_array, u_array = np.array(x_levels, np.int64), np.array(u_levels, np.int64)
    others = np.argwhere((x_array > 2)[:, None] | (u_array > 2))
    return Variables(
        x_array,
        u_array,
        np.flatnonzero(x_array == 2),
        np.flatnonzero(u_array <= 2),
        [(feature, latent) for feature, latent in others.tolist()],
    )


def _binary(codes: NDArray[np.int8], columns: NDArray[np.intp]) -> NDArray[np.int8]:
    """Return the binary columns, without a copy if all columns are binary."""
    return codes if len(columns) == codes.shape[1] else codes[:, columns]


def pack_rows(x: NDArray[np.int8], u: NDArray[np.int8], variables: Variables) -> NDArray[np.uint64]:
    """Pack the binary columns, features first, into (n, words) 64-bit words, lowest bit first."""
    num_x, num_u = len(variables.binary_x), len(variables.binary_u)
    num_words = variables.num_bits // 64
    rows = np.empty((len(x), num_words), np.uint64)
    # A thousand samples at a time, so that the unpacked copy stays small.
    bits = np.zeros((min(len(x), 1024), 64 * num_words), np.uint8)
    for first in range(0, len(x), 1024):
        block = slice(first, min(first + 1024, len(x)))
        bits[: len(x[block]), :num_x] = _binary(x[block], variables.binary_x)
        bits[: len(x[block]), num_x : num_x + num_u] = _binary(u[block], variables.binary_u)
        packed = np.packbits(bits, bitorder="little").view("<u8").reshape(len(bits), num_words)
        rows[block] = packed[: len(x[block])]
    return rows
