"""The kernels against numpy, the packed path against the general one, chunks against the whole."""

from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loglin import _kernels, contingency_table, scoring, select_features, sources
from loglin.scoring import as_statistic, score
from loglin.sources import in_memory

rngs = st.integers(0, 2**32 - 1).map(np.random.default_rng)


def binary_source(rng, n, p, r):
    x = (rng.random((n, p)) < rng.random(p)).astype(np.int8)
    u = rng.integers(2, size=(n, r), dtype=np.int8)
    return in_memory(x, u, [2] * p, [2] * r)


def partition_by(source, features):
    partition = source.start()
    for feature in features:
        partition = source.refine(partition, feature)
    return partition


def scores_of(source, partition, null_model, empty, n):
    return score(source, source, [], partition, as_statistic(null_model, empty, n))


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
    for counts in source.binary_counts(partition):
        for size, ones, both in zip(*counts, strict=True):
            members = partition.order[partition.starts[slot] : partition.starts[slot + 1]]
            x, u = source.x[members].astype(int), source.u[members].astype(int)
            assert size == len(members)
            np.testing.assert_array_equal(ones[: p + r], [*x.sum(axis=0), *u.sum(axis=0)])
            np.testing.assert_array_equal(both[:, :p], u.T @ x)
            slot += 1
    assert slot == partition.num_patterns


def test_pair_tables_are_contingency_tables(rng):
    x, u = rng.integers(3, size=(100, 2)), rng.integers(4, size=(100, 1))
    source = in_memory(x.astype(np.int8), u.astype(np.int8), [3, 3], [4])
    (table,) = source.pair_tables(partition_by(source, [0]), [(1, 0)])
    expected = contingency_table(np.column_stack([x[:, 0], u, x[:, 1]]), [3, 4, 3])
    np.testing.assert_array_equal(table, expected)


def exact_g2(table, num_possible, empty):
    """G2 of both null models with fifty digits, from counts (patterns that occur, u, j)."""
    with localcontext() as context:
        context.prec = 50
        height, width = table.shape[1:]
        unseen = Decimal(int(num_possible)) - len(table)
        full = [[[Decimal(int(c)) or Decimal(empty) for c in row] for row in g] for g in table]

        def plogp(value):
            return value * value.ln() if value else Decimal(0)

        def terms(sums, cells_of_unseen, number):
            """Sum of T log(T / T+) over rows of T, and over rows of patterns without samples."""
            blank = [Decimal(empty) * cells_of_unseen] * width
            rows = [(row, 1) for row in sums] + [(blank, unseen * number)]
            return sum(n * (sum(map(plogp, row)) - plogp(sum(row))) for row, n in rows)

        given_us = terms([row for g in full for row in g], 1, height)
        by_value = [[sum(row[v] for row in g) for v in range(width)] for g in full]
        given_s = terms(by_value, height, 1)
        margin = [sum(row[v] for row in by_value) for v in range(width)]
        margin = [m + unseen * height * Decimal(empty) for m in margin]
        alone = sum(map(plogp, margin)) - plogp(sum(margin))
        return float(2 * (given_us - alone)), float(2 * (given_us - given_s))


@pytest.mark.parametrize("num_possible", [5, 8, 2.0**20, 2.0**70])
@pytest.mark.parametrize("empty", [0.0, 0.5, 2.0])
def test_g2_is_exact_however_many_patterns_could_occur(rng, num_possible, empty):
    for width in (2, 3):
        table = rng.poisson(1.5, size=(5, 3, width))
        table[:, 0, 0] += 1
        ours = _kernels.pair_g2(table, float(num_possible), empty)
        np.testing.assert_allclose(ours, exact_g2(table, num_possible, empty), rtol=1e-12)


@settings(deadline=None, max_examples=30)
@given(
    rngs,
    st.integers(2, 300),
    st.sampled_from(["joint", "conditional"]),
    st.sampled_from([0, 0.5, 2]),
)
def test_packed_and_general_kernel_agree(rng, n, null_model, empty):
    source = binary_source(rng, n, 8, 3)
    for num_chosen in range(6):
        partition = partition_by(source, range(num_chosen))
        packed = scores_of(source, partition, null_model, empty, n)
        for latent, feature in np.ndindex(packed.shape):
            if feature >= num_chosen:
                (table,) = source.pair_tables(partition, [(feature, latent)])
                general = _kernels.pair_g2(table, partition.num_possible, empty)
                np.testing.assert_allclose(
                    packed[latent, feature], general[null_model == "conditional"], atol=1e-9
                )


@pytest.mark.parametrize("null_model", ["joint", "conditional"])
def test_sizes_of_blocks_and_lookup_tables_do_not_matter(rng, monkeypatch, null_model):
    source = binary_source(rng, 2000, 70, 5)
    partition = partition_by(source, range(6))
    expected = scores_of(source, partition, null_model, 0.5, 2000)
    monkeypatch.setattr(sources, "_BLOCK_SIZE", 1)
    blocked = scores_of(source, partition, null_model, 0.5, 2000)
    np.testing.assert_array_equal(blocked, expected)
    for size in (1, 2, 7):
        monkeypatch.setattr(scoring, "_TABLE_SIZE", size)
        ours = scores_of(source, partition, null_model, 0.5, 2000)
        np.testing.assert_allclose(ours[:, 6:], expected[:, 6:], rtol=1e-10, atol=1e-9)


def assert_same(ours, expected):
    for name in ("features", "latents", "gains", "scores", "feature_gains", "latent_gains", "df"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(expected, name), err_msg=name)


def cut(rng, n):
    """Random chunk limits."""
    inner = np.sort(rng.choice(np.arange(1, n), size=rng.integers(0, 6), replace=False))
    return list(zip([0, *inner], [*inner, n], strict=True))


@settings(deadline=None, max_examples=20)
@given(rngs, st.integers(20, 200), st.sampled_from(["joint", "conditional"]))
def test_chunks_give_the_same_to_the_bit(rng, n, null_model):
    x = rng.integers([2, 2, 3, 2, 5, 2], size=(n, 6))
    u = rng.integers([2, 3], size=(n, 2))
    u[:, 0] ^= x[:, 3]
    limits = cut(rng, n)
    for latents in (u, u[:, :1], None)[: 3 if null_model == "joint" else 2]:
        for start in ("empty", "best-pair"):
            arguments = {"num_features": 4, "null_model": null_model, "start": start}
            whole = select_features(x, latents, **arguments)

            def read(latents=latents):
                for a, b in limits:
                    yield x[a:b], None if latents is None else latents[a:b]

            assert_same(select_features(read, None, **arguments), whole)
            assert_same(select_features(list(read()), None, **arguments), whole)


def test_chunks_of_binary_samples_with_candidates(rng):
    x, u = rng.integers(2, size=(1000, 80)), rng.integers(2, size=(1000, 3))
    candidates = [3, 8, 9, 70]
    chunks = [(x[a:b], u[a:b]) for a, b in cut(rng, 1000)]
    whole = select_features(x, u, 4, candidates=candidates)
    assert_same(select_features(tuple(chunks), None, 4, candidates=candidates), whole)
    assert set(whole.features) == set(candidates)
    assert np.isnan(whole.scores[0][:, 4:8]).all()


x_ok, u_ok = np.eye(4, dtype=int), np.eye(4, dtype=int)[:, :2]


@pytest.mark.parametrize(
    ("chunks", "arguments", "message"),
    [
        ([(x_ok, u_ok)], {"u": u_ok}, "`u` must be None where `x` is chunks"),
        (lambda: iter([]), {}, "`x` must be chunks with samples, got none"),
        ([(x_ok, u_ok), (x_ok[:, 1:], u_ok)], {}, "same columns: expected 4 features and 2 lat"),
        ([(x_ok, u_ok[:, :1]), (x_ok, None)], {}, "`x` must be chunks with the same columns"),
        ([(x_ok, u_ok[:3])], {}, "`u` must have as many rows as `x`: expected 4, got 3"),
        ([(x_ok - 1, u_ok)], {}, "`x` must hold codes 0..L-1, got -1"),
        ([(x_ok, u_ok)], {"num_features": 5}, "`num_features` must be from 1 to 4, got 5"),
        ([(x_ok, u_ok)], {"num_shuffles": 3, "rng": np.random.default_rng(0)},
         "`x` must be an array, not chunks, where features are shuffled"),
        ([(x_ok, u_ok)], {"null_model": lambda k: [range(k)]},
         "`x` must be an array, not chunks, where .* or `null_model` is callable"),
        (lambda: 5, {}, "`x` must return an iterator over pairs"),
        (lambda: iter([x_ok]), {}, "`x` must return an iterator over pairs"),
    ],
)  # fmt: skip
def test_bad_chunks_get_one_sentence(chunks, arguments, message):
    with pytest.raises(ValueError, match=message):
        select_features(chunks, **({"u": None, "num_features": 2} | arguments))


def test_chunks_that_change_are_noticed(rng):
    reads = []

    def fewer_each_time():
        reads.append(1)
        yield x_ok.repeat(10, axis=0)[len(reads) :], u_ok.repeat(10, axis=0)[len(reads) :]

    with pytest.raises(ValueError, match="`x` must give the same chunks each time it is read"):
        select_features(fewer_each_time, None, 3)

    def latents_come_late():
        reads.append(1)
        yield x_ok, None if len(reads) % 2 else u_ok

    reads.clear()
    with pytest.raises(ValueError, match="got latents where there were none, or none"):
        select_features(latents_come_late, None, 3)

    def drawn_anew():
        yield rng.integers(2, size=(30, 12)), rng.integers(2, size=(30, 2))

    with pytest.raises(ValueError, match="a pattern that was not there before"):
        select_features(drawn_anew, None, 12)
