"""Samples grouped by the pattern of the chosen features, and counted.

A source holds the samples, in memory (`Memory`) or as chunks that are read again whenever they are
counted (`Chunks`). Its partition groups them by the pattern of the chosen features; `start` has
one pattern, of nothing, and `refine` splits all patterns by one more feature. Only patterns that
occur have a place. Binary columns, packed into 64-bit words, are counted all at once
(`binary_counts`), columns with more levels pair by pair (`pair_tables`). Both sources give the
same counts in the same order.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from loglin import _kernels
from loglin.tables import as_codes, check_rows

Source = Any
"""`Memory` or `Chunks`, each with partitions of its own kind."""

ReadChunks = Callable[[], Iterable[tuple[ArrayLike, ArrayLike | None]]]

_BLOCK_SIZE = 2**16
"""Patterns are counted in blocks of about this many numbers."""


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


class Partition(NamedTuple):
    """Samples in memory, grouped by the pattern of the chosen features."""

    order: NDArray[np.intp]
    """(n,) the samples, pattern by pattern."""
    starts: NDArray[np.intp]
    """(patterns + 1,) where each pattern starts in `order`."""
    num_possible: float
    """Patterns that could occur."""

    @property
    def num_patterns(self) -> int:
        """Patterns that occur."""
        return len(self.starts) - 1


class Memory(NamedTuple):
    """Samples held in memory."""

    x: NDArray[np.int8]
    """(n, p) codes."""
    u: NDArray[np.int8]
    """(n, r) codes."""
    variables: Variables
    rows: NDArray[np.uint64]
    """(n, words) bits of the binary features, then of the binary latents."""

    @property
    def num_samples(self) -> int:
        """Samples."""
        return len(self.x)

    def start(self) -> Partition:
        """Return the partition before any feature is chosen: one pattern, of nothing."""
        return Partition(np.arange(len(self.x)), np.array([0, len(self.x)]), 1.0)

    def refine(self, partition: Partition, feature: int) -> Partition:
        """Split every pattern by one more feature."""
        num_levels = int(self.variables.x_levels[feature])
        codes = np.ascontiguousarray(self.x[:, feature])
        order, starts = _kernels.refine(partition.order, partition.starts, codes, num_levels)
        return Partition(order, starts, _times(partition.num_possible, num_levels))

    def binary_counts(self, partition: Partition) -> Iterator[BinaryCounts]:
        """Count the binary columns, a block of patterns at a time; each is valid until the next."""
        num_latents, num_bits = len(self.variables.binary_u), self.variables.num_bits
        block = min(partition.num_patterns, max(1, _BLOCK_SIZE // (num_bits * num_latents)))
        slots = np.arange(block)
        ones = np.empty((block, num_bits), np.uint32)
        both = np.empty((block, num_latents, num_bits), np.uint32)
        for first in range(0, partition.num_patterns, block):
            starts = partition.starts[first : first + block + 1]
            sizes = np.diff(starts).astype(np.uint32)
            counts = BinaryCounts(sizes, ones[: len(sizes)], both[: len(sizes)])
            counts.ones.fill(0)
            counts.both.fill(0)
            _kernels.count_binary(
                self.rows, partition.order, starts, slots, len(self.variables.binary_x),
                counts.ones, counts.both,
            )  # fmt: skip
            yield counts

    def pair_tables(
        self, partition: Partition, pairs: Iterable[tuple[int, int]]
    ) -> Iterator[NDArray[np.int64]]:
        """Count (patterns, u, j) for each pair of feature j and latent u, one after the other."""
        slots = np.arange(partition.num_patterns)
        for feature, latent in pairs:
            table = _empty_pair_table(self.variables, partition, feature, latent)
            x, u = (np.ascontiguousarray(c) for c in (self.x[:, feature], self.u[:, latent]))
            _kernels.count_pair(x, u, partition.order, partition.starts, slots, table)
            yield table


def in_memory(
    x: NDArray[np.int8], u: NDArray[np.int8], x_levels: Sequence[int], u_levels: Sequence[int]
) -> Memory:
    """Take checked codes x (n, p) and u (n, r) as a source."""
    variables = _variables(x_levels, u_levels)
    return Memory(x, u, variables, _pack(x, u, variables))


class ChunkPartition(NamedTuple):
    """The patterns of the chosen features that occur in any chunk."""

    features: list[int]
    """The chosen features."""
    slots: dict[bytes, int]
    """Position of each pattern, in the order of `Partition`; the keys are the codes."""
    num_possible: float
    """Patterns that could occur."""

    @property
    def num_patterns(self) -> int:
        """Patterns that occur."""
        return len(self.slots)


class Chunks(NamedTuple):
    """Samples that are read, chunk by chunk, whenever they are counted."""

    read: Callable[[], Iterator[tuple[NDArray[np.int8], NDArray[np.int8]]]]
    """Reads all chunks once, checked."""
    variables: Variables
    num_samples: int

    def only(self, columns: NDArray[np.intp]) -> "Chunks":
        """Return the same chunks with these features only."""
        kept = _variables(self.variables.x_levels[columns], self.variables.u_levels)
        return Chunks(lambda: ((x[:, columns], u) for x, u in self.read()), kept, self.num_samples)

    def start(self) -> ChunkPartition:
        """Return the partition before any feature is chosen: one pattern, of nothing."""
        return ChunkPartition([], {b"": 0}, 1.0)

    def refine(self, partition: ChunkPartition, feature: int) -> ChunkPartition:
        """Split every pattern by one more feature."""
        features = [*partition.features, feature]
        patterns = {
            pattern.tobytes()
            for x, _ in self.read()
            for pattern in np.unique(x[:, features], axis=0)
        }
        # Codes are below 128, so bytes sort as the codes do.
        return ChunkPartition(
            features,
            {pattern: slot for slot, pattern in enumerate(sorted(patterns))},
            _times(partition.num_possible, int(self.variables.x_levels[feature])),
        )

    def binary_counts(self, partition: ChunkPartition) -> Iterator[BinaryCounts]:
        """Count the binary columns of all patterns, chunk by chunk."""
        num_x, num_latents = len(self.variables.binary_x), len(self.variables.binary_u)
        num_patterns, num_bits = partition.num_patterns, self.variables.num_bits
        counts = BinaryCounts(
            np.zeros(num_patterns, np.int64),
            np.zeros((num_patterns, num_bits), np.int64),
            np.zeros((num_patterns, num_latents, num_bits), np.int64),
        )
        for x, u, order, starts, slots in self._grouped(partition):
            rows = _pack(x, u, self.variables)
            counts.sizes[slots] += np.diff(starts)
            _kernels.count_binary(rows, order, starts, slots, num_x, counts.ones, counts.both)
        yield counts

    def pair_tables(
        self, partition: ChunkPartition, pairs: Iterable[tuple[int, int]]
    ) -> Iterator[NDArray[np.int64]]:
        """Count (patterns, u, j) for all pairs of feature j and latent u while reading once."""
        pairs = list(pairs)
        tables = [_empty_pair_table(self.variables, partition, *pair) for pair in pairs]
        for x, u, order, starts, slots in self._grouped(partition) if pairs else ():
            for (feature, latent), table in zip(pairs, tables, strict=True):
                j, state = (np.ascontiguousarray(c) for c in (x[:, feature], u[:, latent]))
                _kernels.count_pair(j, state, order, starts, slots, table)
        return iter(tables)

    def _grouped(self, partition: ChunkPartition) -> Iterator[tuple[NDArray[Any], ...]]:
        """Read the chunks: x, u, their samples pattern by pattern, and the patterns' slots."""
        num_samples = 0
        for x, u in self.read():
            patterns, members = np.unique(x[:, partition.features], axis=0, return_inverse=True)
            try:
                slots = np.array([partition.slots[pattern.tobytes()] for pattern in patterns])
            except KeyError:
                raise ValueError(_CHANGED.format("a pattern that was not there before")) from None
            order = np.argsort(members, kind="stable")
            yield x, u, order, np.append(0, np.cumsum(np.bincount(members))), slots
            num_samples += len(x)
        if num_samples != self.num_samples:
            raise ValueError(_CHANGED.format(f"{num_samples} samples, before {self.num_samples}"))


_CHANGED = "`x` must give the same chunks each time it is read, got {}"


def in_chunks(
    read: ReadChunks, x_levels: Sequence[int] | None, u_levels: Sequence[int] | None
) -> Chunks:
    """Take chunks (x, u) that `read` reads again each time as a source, after one look at all.

    Raises
    ------
    ValueError
        If the chunks are no codes or do not fit each other or the levels.
    """

    def checked(
        x_levels: Sequence[int] | None, u_levels: Sequence[int] | None
    ) -> Iterator[tuple[NDArray[np.int8], NDArray[np.int8], tuple[int, ...], tuple[int, ...]]]:
        chunks = read()
        if not isinstance(chunks, Iterable):
            raise ValueError(f"`x` must return an iterator over pairs (x, u), got {chunks!r}")
        for chunk in chunks:
            if not (isinstance(chunk, tuple | list) and len(chunk) == 2):
                raise ValueError(
                    f"`x` must return an iterator over pairs (x, u), got a {type(chunk).__name__}"
                )
            yield as_samples(*chunk, x_levels, u_levels)

    num_samples = 0
    shape, x_most, u_most = None, np.zeros(0), np.zeros(0)
    for x, u, x_found, u_found in checked(x_levels, u_levels):
        if shape is None:
            shape = x.shape[1], u.shape[1]
            x_most, u_most = np.array(x_found), np.array(u_found)
        # Without latents there is one column with a single level.
        if shape != (x.shape[1], u.shape[1]) or (max(u_found) == 1) != (u_most.max() == 1):
            raise ValueError(
                f"`x` must be chunks with the same columns: expected {shape[0]} features and "
                f"{shape[1]} latents, got {x.shape[1]} and {u.shape[1]}"
            )
        x_most, u_most = np.maximum(x_most, x_found), np.maximum(u_most, u_found)
        num_samples += len(x)
    if shape is None:
        raise ValueError("`x` must be chunks with samples, got none")
    x_final = [int(level) for level in x_most]
    u_final = [int(level) for level in u_most] if u_most.max() > 1 else None

    def read_checked() -> Iterator[tuple[NDArray[np.int8], NDArray[np.int8]]]:
        for x, u, _, u_levels in checked(x_final, u_final):
            if (max(u_levels) == 1) != (u_final is None):
                raise ValueError(_CHANGED.format("latents where there were none, or none"))
            yield x, u

    return Chunks(read_checked, _variables(x_most, u_most), num_samples)


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


def _times(num_possible: float, num_levels: int) -> float:
    """Return how many patterns could occur, but no more than leaves room for sums of them."""
    return min(num_possible * num_levels, 1e250)


def _empty_pair_table(
    variables: Variables, partition: Partition | ChunkPartition, feature: int, latent: int
) -> NDArray[np.int64]:
    levels = variables.u_levels[latent], variables.x_levels[feature]
    return np.zeros((partition.num_patterns, *levels), np.int64)


def _variables(x_levels: ArrayLike, u_levels: ArrayLike) -> Variables:
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


def _pack(x: NDArray[np.int8], u: NDArray[np.int8], variables: Variables) -> NDArray[np.uint64]:
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
