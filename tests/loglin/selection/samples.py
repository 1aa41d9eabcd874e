"""Samples that several files draw, and what they do with them."""

import numpy as np
from hypothesis import strategies as st

from loglin.selection.memory import in_memory
from loglin.selection.scoring import as_statistic, score

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
    return score(source, source, [], partition, as_statistic(null_model, empty, n)).values


def rare_and_real(rng, n=10_000):
    """Six features of one latent each, noise, and one rare feature that nothing is related to."""
    u = rng.integers(2, size=(n, 6))
    real = u & (rng.random(u.shape) < 0.25)
    noise = rng.random((n, 5)) < 0.1
    rare = rng.random((n, 1)) < 0.005
    return np.column_stack([real, noise, rare]), u
