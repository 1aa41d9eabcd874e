"""Counts of samples in memory against numpy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loglin import COVERING, contingency_table, select_features
from loglin.selection import memory, scoring
from loglin.selection.memory import in_memory
from tests.loglin.selection.samples import binary_source, partition_by, rngs


@settings(deadline=None)
@given(rngs, st.integers(1, 200), st.integers(1, 3))
def test_refining_is_sorting(rng, n, num_features):
    x = rng.integers([2, 3, 2], size=(n, 3)).astype(np.int8)
    source = in_memory(x, np.zeros((n, 1), np.int8), [2, 3, 2], [1])
    ours = partition_by(source, range(num_features))
    keys = tuple(x[:, feature] for feature in reversed(range(num_features)))
    np.testing.assert_array_equal(ours.order, np.lexsort(keys))
    _, counts = np.unique(x[:, :num_features], axis=0, return_counts=True)
    np.testing.assert_array_equal(np.diff(ours.starts), counts)


@settings(deadline=None, max_examples=30)
@given(rngs, st.integers(1, 300), st.integers(1, 140), st.integers(1, 4))
def test_packed_counts_are_those_of_numpy(rng, n, p, r):
    source = binary_source(rng, n, p, r)
    partition = partition_by(source, rng.permutation(p)[:2])
    slot = 0
    for counts in source.packed_counts(partition):
        for size, ones, both in zip(*counts, strict=True):
            members = partition.order[partition.starts[slot] : partition.starts[slot + 1]]
            x, u = source.x[members].astype(int), source.u[members].astype(int)
            assert size == len(members)
            np.testing.assert_array_equal(ones[: p + r], [*x.sum(axis=0), *u.sum(axis=0)])
            np.testing.assert_array_equal(both[:, :p], u.T @ x)
            slot += 1
    assert slot == partition.num_patterns


def test_counts_do_not_depend_on_the_number_of_threads(rng, monkeypatch):
    monkeypatch.setattr(memory, "_WORK_OF_A_THREAD", 1)
    x, u = rng.integers(2, size=(500, 70)), rng.integers(2, size=(500, 3))
    alone = in_memory(x.astype(np.int8), u.astype(np.int8), [2] * 70, [2] * 3)
    for num_threads in (2, 5):
        ours = in_memory(alone.x, alone.u, [2] * 70, [2] * 3, num_threads)
        np.testing.assert_array_equal(ours.rows, alone.rows)
        for num_chosen in (0, 1, 4):
            partition = partition_by(alone, range(num_chosen))
            for found, expected in zip(
                ours.packed_counts(partition), alone.packed_counts(partition), strict=True
            ):
                for one, other in zip(found, expected, strict=True):
                    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("num_levels", [2, 4])
@pytest.mark.parametrize("settings", [{}, COVERING], ids=["Eq. 1", "covering"])
def test_selections_do_not_depend_on_the_number_of_threads(rng, monkeypatch, num_levels, settings):
    for module, name in (
        (memory, "_WORK_OF_A_THREAD"), (memory, "_SAMPLES_OF_A_THREAD"),
        (scoring, "_WORK_OF_A_THREAD"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, 1)
    x, u = rng.integers(num_levels, size=(300, 9)), rng.integers(num_levels, size=(300, 3))
    alone = select_features(x, u, 5, num_threads=1, **settings)
    for num_threads in (2, 7):
        ours = select_features(x, u, 5, num_threads=num_threads, **settings)
        for found, expected in zip(ours, alone, strict=True):
            np.testing.assert_array_equal(found, expected)


def test_pair_tables_are_contingency_tables(rng):
    x, u = rng.integers(3, size=(100, 2)), rng.integers(4, size=(100, 1))
    source = in_memory(x.astype(np.int8), u.astype(np.int8), [3, 3], [4])
    (table,) = source.pair_tables(partition_by(source, [0]), [(1, 0)])
    expected = contingency_table(np.column_stack([x[:, 0], u, x[:, 1]]), [3, 4, 3])
    np.testing.assert_array_equal(table, expected)
