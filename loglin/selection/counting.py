"""Samples grouped by the pattern of the chosen features, and counted.

A `SampleSource` holds the samples, in memory (`memory.Memory`) or as chunks that are read again
whenever they are counted (`chunks.Chunks`). Its partition groups them by the pattern of the chosen
features. Only patterns that occur have a place. Binary columns, packed into 64-bit words, are
counted all at once, columns with more levels pair by pair. Both sources give the same counts in the
same order.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from loglin.validation import as_codes, check_rows


class Variables(NamedTuple):
    """What is known of features and latents without the samples."""

    x_levels: NDArray[np.int64]
    """(p,)"""
    u_levels: NDArray[np.int64]
    """(r,); without latents there is one that never changes, with one level."""
    binary_x: NDArray[np.intp]
    """Columns of x with two levels."""
    binary_u: NDArray[np.intp]
    """Columns of u with two levels, or one."""
    other_pairs: list[tuple[int, int]]
    """Feature and latent of all pairs that are not both binary."""

    @property
    def num_bits(self) -> int:
        """Bits of a packed row: one a binary column, in words of 64."""
        return 64 * -(-(len(self.binary_x) + len(self.binary_u)) // 64)


class BinaryCounts(NamedTuple):
    """Counts of some patterns; bits are those of the packed rows, features first."""

    sizes: NDArray[np.integer]
    """(patterns,) samples."""
    ones: NDArray[np.integer]
    """(patterns, bits) samples with a one."""
    both: NDArray[np.integer]
    """(patterns, latents, bits) samples with a one that are in state 1 of the latent."""


class Partition(Protocol):
    """Samples grouped by the pattern of the chosen features."""

    @property
    def num_possible(self) -> float:
        """Patterns that could occur."""

    @property
    def num_patterns(self) -> int:
        """Patterns that occur."""


P = TypeVar("P", bound=Partition)


class SampleSource(Protocol[P]):
    """Samples that can be counted, with partitions of a kind of their own."""

    @property
    def variables(self) -> Variables:
        """Levels of features and latents."""

    @property
    def num_samples(self) -> int:
        """Samples."""

    def start(self) -> P:
        """Return the partition before any feature is chosen: one pattern, of nothing."""

    def refine(self, partition: P, feature: int) -> P:
        """Split every pattern by one more feature."""

    def binary_counts(self, partition: P) -> Iterator[BinaryCounts]:
        """Count the binary columns, some patterns at a time; each is valid until the next."""

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
    """Check features and latents at the door; return their codes and numbers of levels."""
    features, x_levels = as_codes(x, "x", levels)
    # A latent that never changes adds nothing to any table.
    latents = np.zeros((len(features), 1), np.int8)
    u_levels: tuple[int, ...] = (1,)
    if u is not None:
        latents, u_levels = as_codes(u, "u", latent_levels, "latent_levels")
    check_rows(latents, features)
    return features, latents, x_levels, u_levels


def num_possible_patterns(num_possible: float, num_levels: int) -> float:
    """Return how many patterns could occur, but no more than leaves room for sums of them."""
    return min(num_possible * num_levels, 1e250)


def empty_pair_table(
    variables: Variables, partition: Partition, feature: int, latent: int
) -> NDArray[np.int64]:
    """Return zeros (patterns, u, j) to count a pair of feature j and latent u in."""
    levels = variables.u_levels[latent], variables.x_levels[feature]
    return np.zeros((partition.num_patterns, *levels), np.int64)


def describe_variables(x_levels: ArrayLike, u_levels: ArrayLike) -> Variables:
    """Tell binary columns from those with more levels."""
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
    """Return the binary columns, without a copy where all are."""
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
