from contextlib import nullcontext
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import procrustes
from scipy.spatial.distance import jensenshannon, pdist, squareform

from loglin import embed, frequent_patterns, kruskal_stress, pattern_distances
from loglin.distances import _divergence_by_chance
from tests.conftest import PATTERN_CASES, pattern_case, reference

SCALING = {k: v for k, v in reference("auxiliary/r_auxiliary.json")["mds"].items() if "D" in v}


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


@settings(deadline=None)
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


def test_corrected_distance_of_two_halves_of_one_group_is_zero_on_average(rng):
    states = [[0], [1]]
    plain, corrected, excess = [], [], []
    for _ in range(300):
        u = rng.random((400, 10)) < 0.3
        x = rng.permutation(np.repeat([[0], [1]], 200, axis=0))
        plain.append(pattern_distances(x, u, [0], states)[0, 1])
        corrected.append(pattern_distances(x, u, [0], states, corrected=True)[0, 1])
        _, configuration = np.unique(u, axis=0, return_inverse=True)
        counts = [np.bincount(configuration[x[:, 0] == v], minlength=300) for v in (0, 1)]
        excess.append(plain[-1] ** 2 - _divergence_by_chance(*counts))
    assert np.mean(plain) > 0.5
    assert np.median(corrected) < 0.05
    assert abs(np.mean(excess)) < 5 * np.std(excess) / np.sqrt(300)


def test_corrected_distances_keep_what_is_there(rng):
    # Far more samples than configurations: nothing to correct.
    x = np.repeat([[0], [1]], 20_000, axis=0)
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


@pytest.mark.parametrize("name", SCALING)
def test_stress_equals_r(name):
    data = SCALING[name]
    has_ties = len(np.unique(data["D"])) < len(pdist(np.zeros((len(data["D"]), 1)))) + 1
    for points, percent in [
        (data["isoMDS_tight"]["points"], data["isoMDS_tight"]["stress_percent"]),
        (data["cmdscale"]["points"], data["stress1_of_start_percent"]),
    ]:
        ours = 100 * kruskal_stress(data["D"], points)
        if has_ties:
            # R takes tied distances in the order of the data, which can only fit worse.
            assert 0.99 * percent < ours <= percent * (1 + 1e-6)
        else:
            np.testing.assert_allclose(ours, percent, rtol=1e-6)


@pytest.mark.parametrize("name", SCALING)
def test_classical_scaling_equals_r(name):
    data = SCALING[name]
    expected = np.array(data["cmdscale"]["points"])
    ours = embed(data["D"], data["k"])
    signs = np.sign((ours * expected).sum(axis=0))  # arbitrary in R
    np.testing.assert_allclose(
        ours * signs, expected, rtol=1e-8, atol=1e-8 * np.abs(expected).max()
    )


@pytest.mark.parametrize("name", SCALING)
def test_kruskal_scaling_equals_r(name):
    data = SCALING[name]
    ours = embed(data["D"], data["k"], "kruskal")
    # Non-metric maps agree up to rotation and scale.
    assert procrustes(data["isoMDS_tight"]["points"], ours)[2] < 1e-5


def test_distances_in_the_plane_are_recovered(rng):
    points = rng.normal(size=(12, 2))
    distances = squareform(pdist(points))
    for method in ("classical", "kruskal"):
        ours = embed(distances, 2, method)
        assert procrustes(points, ours)[2] < 1e-6
        np.testing.assert_allclose(ours.mean(axis=0), 0, atol=1e-9)
        largest = np.abs(ours).argmax(axis=0)
        assert (ours[largest, [0, 1]] > 0).all()


def test_distances_that_no_points_have_are_mapped_all_the_same():
    # 0.1 + 0.1 < 0.5 breaks the triangle inequality, which corrected distances may.
    bent = [[0, 0.1, 0.5], [0.1, 0, 0.1], [0.5, 0.1, 0]]
    for method in ("classical", "kruskal"):
        ours = embed(bent, 2, method)
        assert np.isfinite(ours).all()
        assert np.ptp(ours[:, 0]) > 0
    np.testing.assert_array_equal(embed(bent, 2)[:, 1], 0)


def test_equal_objects_are_mapped_to_one_point():
    for method in ("classical", "kruskal"):
        assert (embed(np.zeros((3, 3)), 2, method) == 0).all()
    assert kruskal_stress(np.zeros((3, 3)), np.zeros((3, 2))) == 0
    assert kruskal_stress(d_ok, np.zeros((3, 2))) == 1


x_ok, u_ok = np.eye(4, dtype=int), np.eye(4, dtype=int)
d_ok = 1.0 - np.eye(3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: pattern_distances(x_ok, u_ok[:2], [0], [[0]]),
            "`u` must have as many rows as `x`: expected 4, got 2",
        ),
        (
            lambda: pattern_distances(x_ok, u_ok, [0], [[0, 1]]),
            "`states` must have one column a feature: expected 1, got 2",
        ),
        (lambda: kruskal_stress(d_ok * np.nan, np.zeros((3, 2))), "`distances` must be finite"),
        (lambda: kruskal_stress(d_ok, np.zeros((2, 2))), "`points` must be finite and one a row"),
        (lambda: embed([[0.0, 1.0]]), "`distances` must be a square matrix"),
        (lambda: embed(d_ok * np.nan), "`distances` must be finite.*got nan"),
        (lambda: embed([["a", "b"]] * 2), "`distances` must hold real numbers, got dtype"),
        (lambda: embed(np.triu(d_ok)), "`distances` must be symmetric"),
        (lambda: embed(-d_ok), "`distances` must be symmetric, not negative"),
        (lambda: embed(d_ok, 3), "`num_dims` must be from 1 to 2, got 3"),
        (lambda: embed(d_ok, 2, "tsne"), "`method` must be one of .*got 'tsne'"),
    ],
)
def test_bad_input_gets_one_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()
