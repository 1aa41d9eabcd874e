"""Samples held in memory, as a `SampleSource`."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from loglin._threads import equal_parts, in_threads
from loglin.selection import _kernels, _packing_kernels
from loglin.selection.counting import (
    PackedCounts,
    SortedSamples,
    Variables,
    describe_variables,
    empty_pair_table,
    num_possible_patterns,
    pack_rows,
)

_BLOCK_SIZE = 2**16
"""Patterns are counted in blocks of about this many counts."""
_SAMPLES = 2**12
"""Samples are compared in blocks of about this many, or of one pattern."""
_SAMPLES_OF_A_THREAD = 2**17
"""Another thread is started for each so many codes of one feature."""
_WORK_OF_A_THREAD = 2**26
"""Another thread is started for each so many samples times pairs of a bit of a feature and one of a
latent, or for each so many codes to pack."""


class MemoryPartition(NamedTuple):
    """Samples in memory, grouped by the pattern of the chosen features."""

    order: NDArray[np.intp]
    """(n,) indices of the samples, sorted by pattern."""
    starts: NDArray[np.intp]
    """(patterns + 1,) where each pattern starts in `order`."""
    num_possible: float
    """Number of patterns that could occur."""

    @property
    def num_patterns(self) -> int:
        """Number of patterns that occur."""
        return len(self.starts) - 1


@dataclass(frozen=True)
class Memory:
    """Samples held in memory."""

    x: NDArray[np.int8]
    """(n, p) codes."""
    u: NDArray[np.int8]
    """(n, r) codes."""
    variables: Variables
    num_threads: int = 1
    """Largest number of threads that work at the same time."""

    @cached_property
    def rows(self) -> NDArray[np.uint64]:
        """(n, words) packed bits of the features, then of the latents; packed when first needed."""
        rows = np.empty((len(self.x), self.variables.num_bits // 64), np.uint64)
        parts = equal_parts(len(rows), min(self.num_threads, self.x.size // _WORK_OF_A_THREAD))
        in_threads(
            pack_rows, [(self.x[part], self.u[part], self.variables, rows[part]) for part in parts]
        )
        return rows

    @property
    def num_samples(self) -> int:
        """Number of samples."""
        return len(self.x)

    def only(self, columns: NDArray[np.intp]) -> "Memory":
        """Return the same samples with these features only."""
        levels = self.variables.x_levels[columns].tolist(), self.variables.u_levels.tolist()
        return in_memory(self.x[:, columns], self.u, *levels, self.num_threads)

    def start(self) -> MemoryPartition:
        """Return the partition before any feature is chosen: one pattern without features."""
        return MemoryPartition(np.arange(len(self.x)), np.array([0, len(self.x)]), 1.0)

    def refine(self, partition: MemoryPartition, feature: int) -> MemoryPartition:
        """Split every pattern by one more feature."""
        return self.split(partition, feature)[0]

    def split(
        self, partition: MemoryPartition, feature: int
    ) -> tuple[MemoryPartition, NDArray[np.int64]]:
        """Split every pattern by one more feature, and count (patterns, values of the feature)."""
        num_levels = int(self.variables.x_levels[feature])
        codes = self._column(self.x, feature)
        order, starts, counts = _kernels.refine(
            partition.order, partition.starts, codes, num_levels
        )
        num_possible = num_possible_patterns(partition.num_possible, num_levels)
        return MemoryPartition(order, starts, num_possible), counts

    @property
    def few(self) -> int:
        """Pairs of packed columns are not counted as bits in patterns with fewer samples."""
        return _kernels.FEW if len(self.variables.packed_pairs.layout) else 0

    def packed_counts(self, partition: MemoryPartition) -> Iterator[PackedCounts]:
        """Count the packed columns by blocks of patterns; each block is valid until the next."""
        num_u_bits, num_bits = self.variables.u_planes.num_bits, self.variables.num_bits
        if not self.variables.has_binary_pairs:
            order, starts = _packing_kernels.samples_in_patterns(
                partition.order, partition.starts, self.few, self.num_samples + 1
            )
            partition = MemoryPartition(order, starts, partition.num_possible)
        # Threads get larger blocks, so that they wait for each other less often.
        is_large = self.num_threads > 1 and len(partition.order) > 4 * _SAMPLES_OF_A_THREAD
        most = (8 if is_large else 1) * _BLOCK_SIZE // max(1, num_bits * num_u_bits)
        block = max(1, min(partition.num_patterns, most))
        ones = np.empty((block, num_bits), np.uint32)
        both = np.empty((block, num_u_bits, num_bits), np.uint32)
        for first in range(0, partition.num_patterns, block):
            starts = partition.starts[first : first + block + 1]
            sizes = np.diff(starts).astype(np.uint32)
            counts = PackedCounts(sizes, ones[: len(sizes)], both[: len(sizes)])
            counts.ones.fill(0)
            counts.both.fill(0)
            self._count(partition.order, starts, counts)
            yield counts

    def sorted_samples(
        self, partition: MemoryPartition, smallest: int, largest: int
    ) -> Iterator[SortedSamples]:
        """Return the codes in patterns with `smallest` to `largest` - 1 samples.

        Some patterns at a time; the codes are valid until the next.
        """
        samples, starts = _packing_kernels.samples_in_patterns(
            partition.order, partition.starts, smallest, largest
        )
        x_columns, u_columns = self.variables.x_planes.columns, self.variables.u_planes.columns
        width = _kernels.LANES * -(-len(x_columns) // _kernels.LANES)
        ends = [0]
        while ends[-1] < len(starts) - 1:
            last = np.searchsorted(starts, starts[ends[-1]] + _SAMPLES, "right") - 1
            ends.append(max(ends[-1] + 1, int(last)))
        most = max(np.diff(starts[ends]), default=0)
        x, u = np.zeros((most, width), np.int8), np.empty((most, len(u_columns)), np.int8)
        for first, last in pairwise(ends):
            block = samples[starts[first] : starts[last]]
            _packing_kernels.take(self.x, block, x_columns, x)
            _packing_kernels.take(self.u, block, u_columns, u)
            yield SortedSamples(
                starts[first : last + 1] - starts[first], x[: len(block)], u[: len(block)]
            )

    def _count(
        self, order: NDArray[np.intp], starts: NDArray[np.intp], counts: PackedCounts
    ) -> None:
        """Add the samples order[starts[0]] to order[starts[-1] - 1] to the counts.

        Each thread counts an equal share of the samples.
        """
        work = int(starts[-1] - starts[0]) * counts.both[0].size
        shares = _shares(starts, min(self.num_threads, work // _WORK_OF_A_THREAD))
        ones, both = _own_counts(counts.ones, shares), _own_counts(counts.both, shares)
        in_threads(
            _packing_kernels.count_packed,
            [
                (self.rows, order, *share.samples, self.variables.x_planes.num_bits, *own)
                for share, *own in zip(shares, ones, both, strict=True)
            ],
        )
        _add_up(counts.ones, ones, shares)
        _add_up(counts.both, both, shares)

    def pair_tables(
        self, partition: MemoryPartition, pairs: Iterable[tuple[int, int]]
    ) -> Iterator[NDArray[np.int64]]:
        """Count (patterns, u, j) for each pair of feature j and latent u, one after the other."""
        shares = _shares(partition.starts, self._threads_for_codes)
        for feature, latent in pairs:
            table = empty_pair_table(self.variables, partition, feature, latent)
            x, u = self._column(self.x, feature), self._column(self.u, latent)
            tables = _own_counts(table, shares)
            in_threads(
                _kernels.count_pair,
                [
                    (x, u, partition.order, *share.samples, own)
                    for share, own in zip(shares, tables, strict=True)
                ],
            )
            _add_up(table, tables, shares)
            yield table

    @property
    def _threads_for_codes(self) -> int:
        """Number of threads that look at the codes of one feature."""
        return min(self.num_threads, len(self.x) // _SAMPLES_OF_A_THREAD)

    def _column(self, codes: NDArray[np.int8], number: int) -> NDArray[np.int8]:
        """Return the codes of a column side by side; each costs a line of the cache to fetch."""
        column = np.empty(len(codes), np.int8)
        parts = equal_parts(len(column), self._threads_for_codes)
        in_threads(np.copyto, [(column[part], codes[part, number]) for part in parts])
        return column


class _Share(NamedTuple):
    """The samples that one thread counts."""

    patterns: slice
    """The patterns that it has samples of; the first and the last may be shared with others."""
    samples: tuple[NDArray[np.intp], NDArray[np.intp]]
    """Where the samples of each pattern start, and the number of each pattern within the share."""


def _shares(starts: NDArray[np.intp], num_threads: int) -> list[_Share]:
    """Divide the samples starts[0] to starts[-1] - 1 into equal shares, one for each thread."""
    if num_threads < 2:
        return [_Share(slice(None), (starts, np.arange(len(starts) - 1)))]
    shares = []
    for part in equal_parts(int(starts[-1] - starts[0]), num_threads):
        first, last = starts[0] + part.start, starts[0] + part.stop
        begin = np.searchsorted(starts, first, side="right") - 1
        end = np.searchsorted(starts, last, side="left")
        own_starts = np.clip(starts[begin : end + 1], first, last)
        shares.append(_Share(slice(begin, end), (own_starts, np.arange(len(own_starts) - 1))))
    return shares


def _own_counts(counts: NDArray[Any], shares: list[_Share]) -> list[NDArray[Any]]:
    """Return the counts of each share's patterns: those given for the first, zeros for others."""
    first, *others = (counts[share.patterns] for share in shares)
    return [first, *map(np.zeros_like, others)]


def _add_up(counts: NDArray[Any], own: list[NDArray[Any]], shares: list[_Share]) -> None:
    """Add to the counts those of all shares but the first, which were added directly."""
    for share, part in zip(shares[1:], own[1:], strict=True):
        counts[share.patterns] += part


def in_memory(
    x: NDArray[np.int8],
    u: NDArray[np.int8],
    x_levels: Sequence[int],
    u_levels: Sequence[int],
    num_threads: int = 1,
) -> Memory:
    """Return a source of codes x (n, p) and u (n, r) that have been checked."""
    return Memory(x, u, describe_variables(x_levels, u_levels), num_threads)
