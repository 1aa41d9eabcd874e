from contextlib import nullcontext
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.special import rel_entr
from scipy.stats import hypergeom

from loglin import frequent_patterns, pattern_distances
from loglin.patterns.distances import _divergence_by_chance
from tests.depth import usual_or_deep
from tests.references import PATTERN_CASES, pattern_case


@pytest.mark.parametrize("name", PATTERN_CASES)
def test_distances_equal_the_authors(name):
    x, u, expected = pattern_case(name)
    seen = np.array(expected["counts"]) > 0
    with nullcontext() if seen.all() else pytest.warns(UserWarning, match="no sample carries"):
        ours = pattern_distances(x, u, expected["features"], expected["patterns"])
    theirs = np.array(expected["dist"], dtype=float)
    np.testing.assert_allclose(ours[np.ix_(seen, seen)], theirs[np.ix_(seen, seen)], atol=1e-9)
    assert np.isnan(ours[~seen]).all()
    assert np.isnan(ours[:, ~seen]).all()


rngs = st.integers(0, 2**32 - 1).map(np.random.default_rng)


@settings(deadline=None, max_examples=usual_or_deep(40, 100))
@given(rngs)
def test_distances_are_scipys_on_full_histograms(rng):
    x, u = rng.integers(2, size=(150, 3)), rng.integers(3, size=(150, 2))
    states = frequent_patterns(x, [0, 2], 4).states
    histograms = [
        np.bincount(u[(x[:, [0, 2]] == state).all(axis=1)] @ [3, 1], minlength=9)
        for state in states
    ]
    expected = [[jensenshannon(p, q) for q in histograms] for p in histograms]
    ours = pattern_distances(x, u, [0, 2], states)
    np.testing.assert_allclose(ours, expected, atol=1e-7)
    np.testing.assert_array_equal(ours, ours.T)
    assert (np.diag(ours) == 0).all()
    assert (ours <= np.sqrt(np.log(2)) + 1e-12).all()


def test_many_latents_build_no_huge_histogram(rng):
    x, u = rng.integers(2, size=(500, 2)), rng.integers(2, size=(500, 100))
    states = frequent_patterns(x, [0, 1]).states
    ours = pattern_distances(x, u, [0, 1], states)
    # No two samples share a configuration, so all patterns are as far apart as can be.
    np.testing.assert_allclose(ours[~np.eye(4, dtype=bool)], np.sqrt(np.log(2)))


def divergence(first, second):
    return jensenshannon(first, second) ** 2


@settings(deadline=None, max_examples=30)
@given(rngs)
def test_divergence_by_chance_is_the_mean_over_all_deals(rng):
    first, second = rng.integers(0, 4, size=(2, 3)) + np.array([[1, 0, 0], [0, 1, 0]])
    pool = np.repeat(np.arange(3), first + second)[:9]
    size = max(1, len(pool) // 3)
    deals = [
        divergence(
            np.bincount(pool[list(dealt)], minlength=3),
            np.bincount(np.delete(pool, list(dealt)), minlength=3),
        )
        for dealt in combinations(range(len(pool)), size)
    ]
    dealt = np.bincount(pool[:size], minlength=3)
    rest = np.bincount(pool[size:], minlength=3)
    # scipy takes the root of what rounding may leave below zero.
    np.testing.assert_allclose(_divergence_by_chance(dealt, rest), np.nanmean(deals), atol=1e-9)


@pytest.mark.parametrize(("first", "second"), [(3000, 200), (40, 7000), (2500, 2500)])
def test_divergence_by_chance_of_large_groups_is_a_hypergeometric_mean(first, second, rng):
    shares = rng.dirichlet(np.full(12, 0.3))
    counts = rng.multinomial(first, shares), rng.multinomial(second, shares)
    expected = 0.0
    for total in sum(counts):
        dealt = np.arange(total + 1)
        p, q = dealt / first, (total - dealt) / second
        middle = (p + q) / 2
        parts = (rel_entr(p, middle) + rel_entr(q, middle)) / 2
        expected += hypergeom(first + second, first, total).pmf(dealt) @ parts
    np.testing.assert_allclose(_divergence_by_chance(*counts), expected, rtol=1e-8)


def test_corrected_distance_of_two_halves_of_one_group_is_zero_on_average(rng):
    states = [[0], [1]]
    plain, corrected, excess = [], [], []
    # An excess of half its standard deviation would be seen.
    num_splits = usual_or_deep(100, 300)
    for _ in range(num_splits):
        u = rng.random((400, 10)) < 0.3
        x = rng.permutation(np.repeat([[0], [1]], 200, axis=0))
        plain.append(pattern_distances(x, u, [0], states)[0, 1])
        corrected.append(pattern_distances(x, u, [0], states, corrected=True)[0, 1])
        _, configuration = np.unique(u, axis=0, return_inverse=True)
        counts = [np.bincount(configuration[x[:, 0] == v], minlength=300) for v in (0, 1)]
        excess.append(plain[-1] ** 2 - _divergence_by_chance(*counts))
    assert np.mean(plain) > 0.5
    assert np.median(corrected) < 0.05
    assert abs(np.mean(excess)) < 5 * np.std(excess) / np.sqrt(num_splits)


def test_corrected_distances_keep_what_is_there(rng):
    # Far more samples than configurations: nothing to correct.
    x = np.repeat([[0], [1]], usual_or_deep(2000, 20_000), axis=0)
    u = np.where(x == 0, rng.random(x.shape) < 0.3, rng.random(x.shape) < 0.6)
    plain, corrected = (
        pattern_distances(x, u, [0], [[0], [1]], corrected=flag)[0, 1] for flag in (False, True)
    )
    np.testing.assert_allclose(corrected, plain, rtol=0.01)
    # Groups that share no configuration are as far apart as can be.
    apart = pattern_distances(x, x, [0], [[0], [1]], corrected=True)
    np.testing.assert_allclose(apart[0, 1], np.sqrt(np.log(2)))
    assert apart[0, 0] == 0


def test_corrected_distances_of_unique_configurations_are_unknown():
    u = np.array(list(np.ndindex(2, 2, 2)))
    ours = pattern_distances(u[:, :1], u, [0], [[0], [1]], corrected=True)
    assert np.isnan(ours[0, 1])
    assert ours[0, 0] == 0


x_ok, u_ok = np.eye(4, dtype=int), np.eye(4, dtype=int)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: pattern_distances(x_ok, u_ok[:2], [0], [[0]]),
            "`u` must have as many rows as `x`: expected 4, got 2",
        ),
        (
            lambda: pattern_distances(x_ok, u_ok, [0], [[0, 1]]),
            "`states` must have one column per feature: expected 1, got 2",
        ),
    ],
)
def test_bad_input_gets_one_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()
