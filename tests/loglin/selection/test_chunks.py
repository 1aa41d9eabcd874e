"""Chunks give what the whole gives, and are checked."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loglin import COVERING, select_features
from tests.depth import usual_or_deep
from tests.loglin.selection.samples import rngs


def assert_same(ours, expected, rtol=0.0):
    for name in ("features", "latents", "gains", "scores", "feature_gains", "latent_gains", "df"):
        np.testing.assert_allclose(
            getattr(ours, name), getattr(expected, name), rtol=rtol, atol=1e3 * rtol, err_msg=name
        )


def cut(rng, n):
    """Random chunk limits."""
    inner = np.sort(rng.choice(np.arange(1, n), size=rng.integers(0, 6), replace=False))
    return list(zip([0, *inner], [*inner, n], strict=True))


@settings(deadline=None, max_examples=usual_or_deep(8, 20))
@given(
    rngs,
    st.integers(20, 200),
    st.sampled_from([{}, {"null_model": "conditional"}, COVERING]),
    st.booleans(),
)
def test_chunks_give_the_same(rng, n, objective, is_binary):
    """To the bit if all columns are binary; otherwise sums are taken in another order."""
    x = rng.integers(2 if is_binary else [2, 2, 3, 2, 5, 2], size=(n, 6))
    u = rng.integers(2 if is_binary else [2, 3], size=(n, 2))
    u[:, 0] ^= x[:, 3]
    limits = cut(rng, n)
    for latents in (u, u[:, :1], None)[: 3 if not objective else 2]:
        for start in ("empty", "best-pair"):
            arguments = {"num_features": 4, "start": start} | objective
            whole = select_features(x, latents, **arguments)

            def read(latents=latents):
                for a, b in limits:
                    yield x[a:b], None if latents is None else latents[a:b]

            for chunks in (read, list(read())):
                ours = select_features(chunks, None, **arguments)
                assert_same(ours, whole, rtol=0.0 if is_binary else 1e-11)


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
        ([(x_ok, u_ok[:, :1]), (x_ok, None)], {}, "`x` must be chunks that all have latents or"),
        ([(x_ok, u_ok[:3])], {}, "`u` must have as many rows as `x`: expected 4, got 3"),
        ([(x_ok - 1, u_ok)], {}, "`x` must hold codes 0..L-1, got -1"),
        ([(x_ok, u_ok)], {"num_features": 5}, "`num_features` must be from 1 to 4, got 5"),
        ([(x_ok, u_ok)], {"num_shuffles": 3, "rng": np.random.default_rng(0)},
         "`x` must be one array, not chunks or several models, where features are shuffled"),
        ([(x_ok, u_ok)], {"null_model": lambda k: [range(k)]},
         "`x` must be arrays, not chunks, where `null_model` is callable"),
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
