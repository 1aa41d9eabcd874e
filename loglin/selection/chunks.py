"""Samples that are read chunk by chunk whenever they are counted, as a `SampleSource`."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from loglin.selection import _kernels, _packing_kernels
from loglin.selection.counting import (
    PackedCounts,
    SortedSamples,
    Variables,
    as_samples,
    describe_variables,
    empty_pair_table,
    num_possible_patterns,
    pack_rows,
)
from loglin.tables import distinct_rows
from loglin.validation import is_iterable, shown

ReadChunks = Callable[[], Iterable[tuple[ArrayLike, ArrayLike | None]]]


_MOST_SAMPLES = 2**32 - 1
"""Samples are counted in 32 bits."""


class ChunkPartition(NamedTuple):
    """The patterns of the chosen features that occur in any chunk."""

    features: list[int]
    """The chosen features."""
    slots: dict[bytes, int]
    """Position of each pattern, in the order of `MemoryPartition`; keys are the codes as bytes."""
    num_possible: float
    """Number of patterns that could occur."""

    @property
    def num_patterns(self) -> int:
        """Number of patterns that occur."""
        return len(self.slots)


class Chunks(NamedTuple):
    """Samples that are read, chunk by chunk, whenever they are counted."""

    read: Callable[[], Iterator[tuple[NDArray[np.int8], NDArray[np.int8]]]]
    """Reads and checks all chunks once."""
    variables: Variables
    num_samples: int
    num_threads: int = 1

    def only(self, columns: NDArray[np.intp]) -> "Chunks":
        """Return the same chunks with these features only."""
        kept = describe_variables(self.variables.x_levels[columns], self.variables.u_levels)
        return Chunks(lambda: ((x[:, columns], u) for x, u in self.read()), kept, self.num_samples)

    def start(self) -> ChunkPartition:
        """Return the partition before any feature is chosen: one pattern without features."""
        return ChunkPartition([], {b"": 0}, 1.0)

    def refine(self, partition: ChunkPartition, feature: int) -> ChunkPartition:
        """Split every pattern by one more feature."""
        return self.split(partition, feature)[0]

    def split(
        self, partition: ChunkPartition, feature: int
    ) -> tuple[ChunkPartition, NDArray[np.int64]]:
        """Split every pattern by one more feature, and count (patterns, values of the feature)."""
        (table,) = self.pair_tables(partition, [(feature, 0)])
        counts: NDArray[np.int64] = table.sum(axis=1)
        patterns = list(partition.slots)
        # Codes are below 128, so bytes sort as the codes do.
        slots = {
            patterns[slot] + bytes([value]): place
            for place, (slot, value) in enumerate(np.argwhere(counts).tolist())
        }
        num_possible = num_possible_patterns(partition.num_possible, counts.shape[1])
        return ChunkPartition([*partition.features, feature], slots, num_possible), counts

    @property
    def few(self) -> int:
        """None: a pattern with few samples in one chunk may have many in all."""
        return 0

    def sorted_samples(
        self, partition: ChunkPartition, smallest: int, largest: int
    ) -> Iterator[SortedSamples]:
        """Return nothing."""
        return iter(())

    def packed_counts(self, partition: ChunkPartition) -> Iterator[PackedCounts]:
        """Count the packed columns of all patterns, chunk by chunk."""
        num_x_bits, num_u_bits = self.variables.x_planes.num_bits, self.variables.u_planes.num_bits
        num_patterns, num_bits = partition.num_patterns, self.variables.num_bits
        counts = PackedCounts(
            np.zeros(num_patterns, np.uint32),
            np.zeros((num_patterns, num_bits), np.uint32),
            np.zeros((num_patterns, num_u_bits, num_bits), np.uint32),
        )
        for x, u, order, starts, slots in self._grouped(partition):
            rows = np.empty((len(x), num_bits // 64), np.uint64)
            pack_rows(x, u, self.variables, rows)
            counts.sizes[slots] += np.diff(starts).astype(np.uint32)
            _packing_kernels.count_packed(
                rows, order, starts, slots, num_x_bits, counts.ones, counts.both
            )
        yield counts

    def pair_tables(
        self, partition: ChunkPartition, pairs: Iterable[tuple[int, int]]
    ) -> Iterator[NDArray[np.int64]]:
        """Count (patterns, u, j) for all pairs of feature j and latent u while reading once."""
        pairs = list(pairs)
        tables = [empty_pair_table(self.variables, partition, *pair) for pair in pairs]
        for x, u, order, starts, slots in self._grouped(partition) if pairs else ():
            for (feature, latent), table in zip(pairs, tables, strict=True):
                j, state = (np.ascontiguousarray(c) for c in (x[:, feature], u[:, latent]))
                _kernels.count_pair(j, state, order, starts, slots, table)
        return iter(tables)

    def _grouped(self, partition: ChunkPartition) -> Iterator[tuple[NDArray[Any], ...]]:
        """Read the chunks; yield x, u, order and starts as in `MemoryPartition`, and the slots."""
        num_samples = 0
        for x, u in self.read():
            patterns, members, sizes = distinct_rows(x[:, partition.features])
            try:
                slots = np.array([partition.slots[pattern.tobytes()] for pattern in patterns])
            except KeyError:
                raise ValueError(_CHANGED.format("a pattern that was not there before")) from None
            order = np.argsort(members, kind="stable")
            yield x, u, order, np.append(0, np.cumsum(sizes)), slots
            num_samples += len(x)
        if num_samples != self.num_samples:
            raise ValueError(
                _CHANGED.format(f"{num_samples} samples, where there were {self.num_samples}")
            )


_CHANGED = "`x` must give the same chunks each time it is read, got {}"


def in_chunks(
    read: ReadChunks, x_levels: Sequence[int] | None, u_levels: Sequence[int] | None
) -> Chunks:
    """Return a source of the chunks (x, u) that `read` returns, after checking all of them once.

    Raises
    ------
    ValueError
        If the chunks are not codes, or do not fit each other or the levels.
    """

    def checked(
        x_levels: Sequence[int] | None, u_levels: Sequence[int] | None
    ) -> Iterator[tuple[NDArray[np.int8], NDArray[np.int8], tuple[int, ...], tuple[int, ...]]]:
        chunks = read()
        if not is_iterable(chunks):
            raise ValueError(f"`x` must return an iterator over pairs (x, u), got {shown(chunks)}")
        for chunk in chunks:
            if not (isinstance(chunk, tuple | list) and len(chunk) == 2):
                raise ValueError(
                    f"`x` must return an iterator over pairs (x, u), got a {type(chunk).__name__}"
                )
            x, u = chunk
            yield as_samples(x, u, x_levels, u_levels)

    num_samples = 0
    shape, x_most, u_most = None, np.zeros(0), np.zeros(0)
    for x, u, x_found, u_found in checked(x_levels, u_levels):
        if shape is None:
            shape = x.shape[1], u.shape[1]
            x_most, u_most = np.array(x_found), np.array(u_found)
        # Without latents there is one column with a single level.
        if (max(u_found) == 1) != (u_most.max() == 1):
            raise ValueError("`x` must be chunks that all have latents or all have none, got both")
        if shape != (x.shape[1], u.shape[1]):
            raise ValueError(
                f"`x` must be chunks with the same columns: expected {shape[0]} features and "
                f"{shape[1]} latents, got {x.shape[1]} and {u.shape[1]}"
            )
        x_most, u_most = np.maximum(x_most, x_found), np.maximum(u_most, u_found)
        num_samples += len(x)
    if shape is None:
        raise ValueError("`x` must be chunks with samples, got none")
    if num_samples > _MOST_SAMPLES:
        raise ValueError(f"`x` must be at most {_MOST_SAMPLES} samples, got {num_samples}")
    x_final = [int(level) for level in x_most]
    u_final = [int(level) for level in u_most] if u_most.max() > 1 else None

    def read_checked() -> Iterator[tuple[NDArray[np.int8], NDArray[np.int8]]]:
        for x, u, _, u_levels in checked(x_final, u_final):
            if (max(u_levels) == 1) != (u_final is None):
                raise ValueError(
                    _CHANGED.format("latents where there were none, or none where there were some")
                )
            yield x, u

    return Chunks(read_checked, describe_variables(x_most, u_most), num_samples)
