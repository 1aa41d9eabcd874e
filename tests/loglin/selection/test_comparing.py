"""Gains from samples compared code by code: against numpy, tables, and packed counts."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loglin import select_features
from loglin.selection import _comparing_kernels, _kernels, _packing_kernels, scoring
from loglin.selection._information_kernels import table_g2
from loglin.selection.chunks import in_chunks
from loglin.selection.memory import in_memory
from loglin.selection.scoring import as_statistic, score
from tests.loglin.selection.samples import partition_by, rngs

CONDITIONAL = {"null_model": "conditional", "empty": 0.0}


def mutual_information_g2(x, u):
    """2 N I(x; u), by its definition."""
    table = np.zeros((u.max() + 1, x.max() + 1))
    np.add.at(table, (u, x), 1)
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / len(x)
    filled = table > 0
    return 2 * (table[filled] * np.log(table[filled] / expected[filled])).sum()


def compared(add, starts, x, u):
    """The result of a kernel, (latents, features); x (m, p) may have any number of columns."""
    padded = np.zeros((len(x), -(-x.shape[1] // _kernels.LANES) * _kernels.LANES), np.int8)
    padded[:, : x.shape[1]] = x
    g2 = np.zeros((u.shape[1], padded.shape[1] // _kernels.LANES, _kernels.LANES))
    cell = as_statistic("conditional", 0.0, len(x)).cell
    blocks = padded.reshape(len(x), -1, _kernels.LANES)
    add(starts, blocks, u, int(u.max()) + 1, int(x.max()) + 1, cell, g2)
    return g2.reshape(u.shape[1], -1)[:, : x.shape[1]]


# Sizes about five, where pairs are compared, and about 255, as many as a byte can count.
@settings(deadline=None, max_examples=30)
@given(
    rngs,
    st.lists(st.sampled_from([1, 2, 3, 4, 5, 6, 17, 64, 255]), min_size=1, max_size=6),
    st.sampled_from([1, 3, 64, 65]),
    st.integers(2, 16),
    st.integers(2, 16),
)
def test_few_and_many_samples_give_the_mutual_information_of_each_pattern(
    rng, sizes, p, width, height
):
    starts = np.append(0, np.cumsum(sizes))
    x = rng.integers(width, size=(starts[-1], p), dtype=np.int8)
    u = rng.integers(height, size=(starts[-1], 2), dtype=np.int8)
    u[: starts[1], 0] = 0  # a constant latent
    x[:, 0] = u[:, 1] % width
    expected = np.zeros((2, p))
    for begin, end in pairwise(starts):
        for latent, feature in np.ndindex(expected.shape):
            expected[latent, feature] += mutual_information_g2(
                x[begin:end, feature], u[begin:end, latent]
            )
    for add in (_comparing_kernels.add_few_information, _comparing_kernels.add_many_information):
        np.testing.assert_allclose(compared(add, starts, x, u), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("n", [1, 2, 255, 256, 511, 1000])
@pytest.mark.parametrize(("width", "height"), [(2, 2), (2, 16), (5, 3), (16, 16)])
def test_many_samples_give_the_g2_of_their_table_to_the_bit(rng, n, width, height):
    x = rng.integers(width, size=(n, 70), dtype=np.int8)
    u = (x[:, :1] * rng.integers(2, size=(n, 1), dtype=np.int8)) % height
    x[0, 0], u[0, 0] = width - 1, height - 1
    ours = compared(_comparing_kernels.add_many_information, np.array([0, n]), x, u)
    cell = as_statistic("conditional", 0.0, n).cell
    for feature in range(x.shape[1]):
        table = np.zeros((height, width), np.int64)
        np.add.at(table, (u[:, 0], x[:, feature]), 1)
        assert ours[0, feature] == table_g2(table, cell)


@settings(deadline=None, max_examples=20)
@given(rngs, st.sampled_from([1, 63, 64, 65, 700, 2000]))
def test_compared_and_packed_samples_have_the_same_scores(rng, n):
    x_levels, u_levels = rng.integers(2, 19, size=70), rng.integers(2, 18, size=3)
    x_levels[0], u_levels[:2] = 3, (2, 5)
    u = rng.integers(u_levels, size=(n, 3)).astype(np.int8)
    x = rng.integers(x_levels, size=(n, 70)).astype(np.int8)
    x[:, 1:5] = u[:, :1] % x_levels[1:5]
    memory = in_memory(x, u, x_levels, u_levels)
    chunks = in_chunks(
        lambda: [(x[i : i + 400], u[i : i + 400]) for i in range(0, n, 400)], x_levels, u_levels
    )
    statistic = as_statistic("conditional", 0.0, n)
    for num_chosen in range(3):
        compared, packed = (
            score(source, source, [], partition_by(source, range(num_chosen)), statistic)
            for source in (memory, chunks)
        )
        for ours, theirs in zip(compared, packed, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-8)


def test_many_samples_are_packed_where_the_table_of_logarithms_is_too_short(rng, monkeypatch):
    u = rng.integers(5, size=(3000, 1), dtype=np.int8)
    x = rng.integers(7, size=(3000, 20), dtype=np.int8)
    x[:1000, 3:6] = u[:1000]
    expected = select_features(x, u, 3, **CONDITIONAL)
    monkeypatch.setattr(scoring, "_TABLE_SIZE", _kernels.FEW)
    packed = select_features(x, u, 3, **CONDITIONAL)
    np.testing.assert_array_equal(packed.features, expected.features)
    np.testing.assert_allclose(packed.scores, expected.scores, rtol=1e-9, atol=1e-8)


def layouts_of(codes):
    """The same codes in memory in different ways, and as other types."""
    yield np.asfortranarray(codes)
    yield np.repeat(codes, 2, axis=1)[:, ::2]
    yield np.repeat(codes, 3, axis=0)[::3]
    yield codes[::-1].copy()[::-1]
    for dtype in (np.int16, np.int64, np.uint8, np.float64):
        yield codes.astype(dtype)


@pytest.mark.parametrize("most_levels", [2, 3, 16, 30])
def test_layout_and_type_of_the_codes_do_not_matter(rng, most_levels):
    x_levels, u_levels = rng.integers(2, most_levels + 1, size=30), [most_levels]
    u = rng.integers(most_levels, size=(333, 1), dtype=np.int8)
    x = rng.integers(x_levels, size=(333, 30)).astype(np.int8)
    x[:, :6] = u % x_levels[:6]
    settings = CONDITIONAL | {"levels": x_levels.tolist(), "latent_levels": u_levels}
    expected = select_features(x, u, 4, **settings)
    for other_x, other_u in zip(layouts_of(x), layouts_of(u), strict=True):
        ours = select_features(other_x, other_u, 4, **settings)
        np.testing.assert_array_equal(ours.features, expected.features)
        np.testing.assert_array_equal(ours.scores, expected.scores)
        np.testing.assert_array_equal(ours.feature_gains, expected.feature_gains)


@settings(deadline=None, max_examples=30)
@given(rngs, st.integers(1, 300), st.integers(0, 4), st.integers(0, 100))
def test_patterns_are_kept_by_their_number_of_samples(rng, n, smallest, more):
    order = rng.permutation(n)
    starts = np.unique(np.append(rng.integers(n, size=n // 5), [0, n]))
    kept, kept_starts = _packing_kernels.samples_in_patterns(
        order, starts, smallest, smallest + more
    )
    runs = [order[a:b] for a, b in pairwise(starts)]
    expected = [run for run in runs if smallest <= len(run) < smallest + more]
    np.testing.assert_array_equal(kept, np.concatenate([*expected, order[:0]]))
    np.testing.assert_array_equal(np.diff(kept_starts), [len(run) for run in expected])


@pytest.mark.parametrize("columns", [[0, 1, 2, 3, 4], [0, 1], [3, 0, 4], [1]])
@pytest.mark.parametrize("order", ["C", "F"])
def test_rows_and_columns_are_taken(rng, columns, order):
    codes = np.array(rng.integers(16, size=(70, 5)), np.int8, order=order)
    samples, taken = rng.integers(70, size=33), np.zeros((33, 64), np.int8)
    _packing_kernels.take(codes, samples, np.array(columns), taken)
    np.testing.assert_array_equal(taken[:, : len(columns)], codes[samples][:, columns])
    assert not taken[:, len(columns) :].any()


@settings(deadline=None, max_examples=20)
@given(rngs, st.sampled_from([1, 65, 300]), st.sampled_from([2, 3, 16, 20]))
def test_splitting_counts_the_values_in_each_pattern(rng, n, width):
    x = rng.integers([3, width], size=(n, 2)).astype(np.int8)
    u = rng.integers(2, size=(n, 1), dtype=np.int8)
    expected = np.zeros((3, width), int)
    np.add.at(expected, (x[:, 0], x[:, 1]), 1)
    expected = expected[expected.any(axis=1)]
    memory = in_memory(x, u, [3, width], [2])
    chunks = in_chunks(
        lambda: [(x[i : i + 40], u[i : i + 40]) for i in range(0, n, 40)], [3, width], [2]
    )
    for source in (memory, chunks):
        refined, counts = source.split(partition_by(source, [0]), 1)
        np.testing.assert_array_equal(counts, expected)
        assert refined.num_patterns == (expected > 0).sum()
