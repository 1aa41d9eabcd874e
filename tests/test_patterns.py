import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import procrustes
from scipy.spatial.distance import jensenshannon, pdist, squareform

from loglin import embed, frequent_patterns, pattern_distances
from tests.conftest import REFERENCE, reference

CASES = sorted(path.stem for path in (REFERENCE / "patterns").glob("*.json"))
SCALING = {k: v for k, v in reference("auxiliary/r_auxiliary.json")["mds"].items() if "D" in v}


def case(name):
    expected = reference(f"patterns/{name}.json")
    with np.load(REFERENCE / "patterns" / f"{name}.npz") as file:
        return file["X"], file["H"], expected


@pytest.mark.parametrize("name", CASES)
def test_patterns_are_the_authors_most_frequent(name):
    x, _, expected = case(name)
    ours = frequent_patterns(x, expected["features"], expected["patternno"])
    # Theirs hold more than were asked for where the last tie, and patterns that never occur.
    theirs = {
        tuple(s): c for s, c in zip(expected["patterns"], expected["counts"], strict=True) if c
    }
    k = min(expected["patternno"], len(theirs))
    assert ours.counts.tolist() == sorted(theirs.values(), reverse=True)[:k]
    for state, count in zip(ours.states.tolist(), ours.counts, strict=True):
        assert theirs[tuple(state)] == count


@pytest.mark.parametrize("name", CASES)
def test_distances_equal_the_authors(name):
    x, u, expected = case(name)
    ours = pattern_distances(x, u, expected["features"], expected["patterns"])
    theirs = np.array(expected["dist"], dtype=float)
    seen = np.array(expected["counts"]) > 0
    np.testing.assert_allclose(ours[np.ix_(seen, seen)], theirs[np.ix_(seen, seen)], atol=1e-9)
    assert np.isnan(ours[~seen]).all()
    assert np.isnan(ours[:, ~seen]).all()


def test_patterns_that_tie_stand_in_order_of_their_states():
    x = np.array([[1, 1], [0, 1], [1, 0], [0, 1], [0, 0]])
    ours = frequent_patterns(x, [1, 0], 3)
    assert ours.states.tolist() == [[1, 0], [0, 0], [0, 1]]
    assert ours.counts.tolist() == [2, 1, 1]


rngs = st.integers(0, 2**32 - 1).map(np.random.default_rng)


@given(rngs, st.integers(1, 60))
def test_pattern_counts_add_up(rng, num_samples):
    x = rng.integers(3, size=(num_samples, 4))
    all_there_are = frequent_patterns(x, [2, 0], 100)
    assert all_there_are.counts.sum() == num_samples
    assert (np.diff(all_there_are.counts) <= 0).all()
    shuffled = frequent_patterns(rng.permutation(x), [2, 0], 100)
    np.testing.assert_array_equal(all_there_are.states, shuffled.states)


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


x_ok, u_ok = np.eye(4, dtype=int), np.eye(4, dtype=int)
d_ok = 1.0 - np.eye(3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: frequent_patterns(x_ok, [4]), "`features` must be from 0 to 3, got 4"),
        (lambda: frequent_patterns(x_ok, []), "`features` must be different columns.*got"),
        (lambda: frequent_patterns(x_ok, [1, 1]), "`features` must be different columns.*got"),
        (lambda: frequent_patterns(x_ok, 1), "`features` must be a sequence of columns, got 1"),
        (lambda: frequent_patterns(x_ok, [0], 0), "`num_patterns` must be at least 1, got 0"),
        (lambda: frequent_patterns(x_ok - 1, [0]), "`x` must hold codes 0..L-1, got -1"),
        (
            lambda: pattern_distances(x_ok, u_ok[:2], [0], [[0]]),
            "`u` must have as many rows as `x`: expected 4, got 2",
        ),
        (
            lambda: pattern_distances(x_ok, u_ok, [0], [[0, 1]]),
            "`states` must have one column a feature: expected 1, got 2",
        ),
        (lambda: embed([[0.0, 1.0]]), "`distances` must be a square matrix"),
        (lambda: embed(d_ok * np.nan), "`distances` must be finite.*got nan"),
        (lambda: embed(np.triu(d_ok)), "`distances` must be symmetric"),
        (lambda: embed(-d_ok), "`distances` must be symmetric, not negative"),
        (lambda: embed(d_ok, 3), "`num_dims` must be from 1 to 2, got 3"),
        (lambda: embed(d_ok, 2, "tsne"), "`method` must be one of .*got 'tsne'"),
    ],
)
def test_bad_input_gets_one_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()
