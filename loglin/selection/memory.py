"""Samples held in memory, as a `SampleSource`."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from loglin.selection import _kernels
from loglin.selection.counting import (
    BinaryCounts,
    Variables,
    describe_variables,
    empty_pair_table,
    num_possible_patterns,
    pack_rows,
)

_BLOCK_SIZE = 2**16
"""Patterns are counted in blocks of about this many counts."""


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
        """Number of samples."""
        return len(self.x)

    def start(self) -> MemoryPartition:
        """Return the partition before any feature is chosen: one pattern without features."""
        return MemoryPartition(np.arange(len(self.x)), np.array([0, len(self.x)]), 1.0)

    def refine(self, partition: MemoryPartition, feature: int) -> MemoryPartition:
        """Split every pattern by one more feature."""
        num_levels = int(self.variables.x_levels[feature])
        codes = np.ascontiguousarray(self.x[:, feature])
        order, starts = _kernels.refine(partition.order, partition.starts, codes, num_levels)
        return MemoryPartition(
            order, starts, num_possible_patterns(partition.num_possible, num_levels)
        )

    def binary_counts(self, partition: MemoryPartition) -> Iterator[BinaryCounts]:
        """Count the binary columns by blocks of patterns; each block is valid until the next."""
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
        self, partition: MemoryPartition, pairs: Iterable[tuple[int, int]]
    ) -> Iterator[NDArray[np.int64]]:
        """Count (patterns, u, j) for each pair of feature j and latent u, one after the other."""
        slots = np.arange(partition.num_patterns)
        for feature, latent in pairs:
            table = empty_pair_table(self.variables, partition, feature, latent)
            x, u = (np.ascontiguousarray(c) for c in (self.x[:, feature], self.u[:, latent]))
            _kernels.count_pair(x, u, partition.order, partition.starts, slots, table)
            yield table


def in_memory(
    x: NDArray[np.int8], u: NDArray[np.int8], x_levels: Sequence[int], u_levels: Sequence[int]
) -> Memory:
    """Return a source of codes x (n, p) and u (n, r) that have been checked."""
    variables = describe_variables(x_levels, u_levels)
    return Memory(x, u, variables, pack_rows(x, u, variables))
