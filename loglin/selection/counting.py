"""Count samples, grouped by the pattern of the chosen features.

A `SampleSource` holds the samples, in memory (`memory.Memory`) or as chunks that are read again
whenever they are counted (`chunks.Chunks`). A partition of it groups the samples by their pattern,
that is, by the values of the chosen features; only patterns that occur are stored. Columns with few
levels are packed into 64-bit words and counted all at once, others pair by pair. Both sources give
the same counts in the same order.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from loglin.selection import _kernels, _packing_kernels
from loglin.validation import as_codes, check_rows


class Planes(NamedTuple):
    """Packed columns of the features, or of the latents.

    A column takes one bit for each of its levels but the lowest: bit v - 1 says whether the code is
    v. So a binary column is its own bit.
    """

    columns: NDArray[np.intp]
    """(k,) the packed columns; those with at most two levels come first."""
    levels: NDArray[np.int64]
    """(k,) number of levels of each."""
    first: NDArray[np.intp]
    """(k,) first bit of each, counted from the first bit of the features or of the latents."""
    num_binary: int
    """Number of columns with at most two levels."""
    num_bits: int
    """Number of bits of all columns."""


class PackedPairs(NamedTuple):
    """The pairs of packed columns in which at least one is not binary."""

    latents: NDArray[np.intp]
    features: NDArray[np.intp]
    places: NDArray[np.intp]
    """(pairs, 2) positions of the latent and the feature among the packed columns."""
    layout: NDArray[np.int64]
    """(pairs, 4) first bit and levels of the latent, then of the feature."""


class Variables(NamedTuple):
    """Levels of the features and latents, and how they are packed."""

    x_levels: NDArray[np.int64]
    """(p,) number of levels of each feature."""
    u_levels: NDArray[np.int64]
    """(r,) number of levels of each latent; without latents, one constant latent with one level."""
    x_planes: Planes
    u_planes: Planes
    packed_pairs: PackedPairs
    """The pairs of packed columns in which at least one is not binary."""
    wide_pairs: list[tuple[int, int]]
    """Feature and latent of all pairs in which at least one is not packed."""

    @property
    def all_binary(self) -> bool:
        """Whether all columns have at most two levels."""
        num_binary = self.x_planes.num_binary, self.u_planes.num_binary
        return num_binary == (len(self.x_levels), len(self.u_levels))

    @property
    def has_binary_pairs(self) -> bool:
        """Whether at least one feature and at least one latent have at most two levels."""
        return self.x_planes.num_binary > 0 and self.u_planes.num_binary > 0

    @property
    def num_bits(self) -> int:
        """Bits of a packed row: those of the features, then of the latents, in words of 64."""
        return 64 * -(-(self.x_planes.num_bits + self.u_planes.num_bits) // 64)


class PackedCounts(NamedTuple):
    """Counts of packed columns in some patterns; bits as in the packed rows, features first."""

    sizes: NDArray[np.integer]
    """(patterns,) number of samples."""
    ones: NDArray[np.integer]
    """(patterns, bits) number of samples in which the bit is 1."""
    both: NDArray[np.integer]
    """(patterns, bits of the latents, bits) number of samples in which both bits are 1."""


class SortedSamples(NamedTuple):
    """Codes of the packed columns in some patterns, sorted by pattern."""

    starts: NDArray[np.intp]
    """(patterns + 1,) where each pattern starts."""
    x: NDArray[np.int8]
    """(m, k) codes of the packed features, and columns of zeros up to a multiple of `LANES`."""
    u: NDArray[np.int8]
    """(m, l) codes of the packed latents."""


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

    @property
    def num_threads(self) -> int:
        """Largest number of threads that work at the same time."""

    def only(self, columns: NDArray[np.intp]) -> "SampleSource[P]":
        """Return the same samples with these features only."""

    def start(self) -> P:
        """Return the partition before any feature is chosen: one pattern without features."""

    def refine(self, partition: P, feature: int) -> P:
        """Split every pattern by one more feature."""

    def split(self, partition: P, feature: int) -> tuple[P, NDArray[np.int64]]:
        """Split every pattern by one more feature, and count (patterns, values of the feature)."""

    @property
    def few(self) -> int:
        """Pairs of packed columns are not counted as bits in patterns with fewer samples."""

    def packed_counts(self, partition: P) -> Iterator[PackedCounts]:
        """Count the packed columns, some patterns at a time; each item is valid until the next.

        Patterns with fewer than `few` samples may be left out if there are no binary pairs.
        """

    def sorted_samples(self, partition: P, smallest: int, largest: int) -> Iterator[SortedSamples]:
        """Return the codes in patterns with at least `smallest` and fewer than `largest` samples.

        Some patterns at a time, valid until the next; only sources with `few` above 0 can.
        """

    def pair_tables(
        self, partition: P, pairs: Iterable[tuple[int, int]]
    ) -> Iterator[NDArray[np.int64]]:
        """Count (patterns, u, j) for each pair of feature j and latent u, in their order."""


def as_samples(
    x: ArrayLike,
    u: ArrayLike | None,
    levels: Sequence[int] | None,
    latent_levels: Sequence[int] | None,
    num_threads: int | None = None,
) -> tuple[NDArray[np.int8], NDArray[np.int8], tuple[int, ...], tuple[int, ...]]:
    """Check features and latents; return their codes and numbers of levels."""
    features, x_levels = as_codes(x, "x", levels, num_threads=num_threads)
    # Without latents, a constant latent is used, which changes no table.
    latents = np.zeros((len(features), 1), np.int8)
    u_levels: tuple[int, ...] = (1,)
    if u is not None:
        latents, u_levels = as_codes(
            u, "u", latent_levels, "latent_levels", num_threads=num_threads
        )
    check_rows(latents if u is None else u, x)
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
    """Return the numbers of levels, and how the columns are packed."""
    x_array, u_array = np.array(x_levels, np.int64), np.array(u_levels, np.int64)
    wide = np.zeros((0, 2), np.intp)
    if max(x_array.max(), u_array.max()) > _kernels.MOST:
        wide = np.argwhere((x_array > _kernels.MOST)[:, None] | (u_array > _kernels.MOST))
    x_planes, u_planes = _as_planes(x_array), _as_planes(u_array)
    return Variables(
        x_array,
        u_array,
        x_planes,
        u_planes,
        _as_pairs(u_planes, x_planes),
        [(feature, latent) for feature, latent in wide.tolist()],
    )


def _as_planes(levels: NDArray[np.int64]) -> Planes:
    """Lay out the columns that are packed."""
    binary, others = (
        (levels <= 2).nonzero()[0],
        ((levels > 2) & (levels <= _kernels.MOST)).nonzero()[0],
    )
    columns = np.concatenate([binary, others])
    num_bits = np.maximum(levels[columns] - 1, 1)
    ends = num_bits.cumsum()
    return Planes(columns, levels[columns], ends - num_bits, len(binary), int(num_bits.sum()))


def _as_pairs(u_planes: Planes, x_planes: Planes) -> PackedPairs:
    """Return the pairs of packed columns in which at least one is not binary."""
    latent, feature = np.nonzero((u_planes.levels[:, None] > 2) | (x_planes.levels > 2))
    layout = [
        u_planes.first[latent], u_planes.levels[latent],
        x_planes.first[feature], x_planes.levels[feature],
    ]  # fmt: skip
    return PackedPairs(
        u_planes.columns[latent], x_planes.columns[feature], np.column_stack([latent, feature]),
        np.column_stack(layout),
    )  # fmt: skip


def pack_rows(
    x: NDArray[np.int8], u: NDArray[np.int8], variables: Variables, rows: NDArray[np.uint64]
) -> None:
    """Pack the columns, features first, into `rows` (n, words), lowest bit first."""
    num_x_bits, num_words = variables.x_planes.num_bits, rows.shape[1]
    # A thousand samples at a time, so that the unpacked copy stays small.
    bits = np.zeros((min(len(x), 1024), 64 * num_words), np.uint8)
    for first in range(0, len(x), 1024):
        block = slice(first, min(first + 1024, len(x)))
        unpacked = bits[: len(x[block])]
        unpacked[:, : variables.x_planes.num_binary] = _binary(x[block], variables.x_planes)
        binary_u = slice(num_x_bits, num_x_bits + variables.u_planes.num_binary)
        unpacked[:, binary_u] = _binary(u[block], variables.u_planes)
        packed = np.packbits(unpacked, bitorder="little").view("<u8")
        rows[block] = packed.reshape(len(unpacked), num_words)
    for codes, planes, first_bit in (
        (x, variables.x_planes, 0),
        (u, variables.u_planes, num_x_bits),
    ):
        others = slice(planes.num_binary, None)
        if len(planes.columns[others]):
            first_bits = planes.first[others] + first_bit
            _packing_kernels.set_bits(codes, planes.columns[others], first_bits, rows)


def _binary(codes: NDArray[np.int8], planes: Planes) -> NDArray[np.int8]:
    """Return the binary columns, without a copy if all columns are binary."""
    all_binary = planes.num_binary == codes.shape[1]
    return codes if all_binary else codes[:, planes.columns[: planes.num_binary]]
