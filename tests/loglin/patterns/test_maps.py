import numpy as np
import pytest
from scipy.spatial import procrustes
from scipy.spatial.distance import pdist, squareform

from loglin import embed, kruskal_stress
from tests.references import reference

SCALING = {k: v for k, v in reference("auxiliary/r_auxiliary.json")["mds"].items() if "D" in v}
EQUALLY_FAR = 1.0 - np.eye(3)


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
    assert kruskal_stress(EQUALLY_FAR, np.zeros((3, 2))) == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: kruskal_stress(EQUALLY_FAR * np.nan, np.zeros((3, 2))),
            "`distances` must be finite",
        ),
        (
            lambda: kruskal_stress(EQUALLY_FAR, np.zeros((2, 2))),
            "`points` must be finite and one per row",
        ),
        (lambda: embed([[0.0, 1.0]]), "`distances` must be a square matrix"),
        (lambda: embed(EQUALLY_FAR * np.nan), "`distances` must be finite.*got nan"),
        (lambda: embed([["a", "b"]] * 2), "`distances` must hold real numbers, got dtype"),
        (lambda: embed(np.triu(EQUALLY_FAR)), "`distances` must be symmetric"),
        (lambda: embed(-EQUALLY_FAR), "`distances` must be symmetric, not negative"),
        (lambda: embed(EQUALLY_FAR, 3), "`num_dims` must be from 1 to 2, got 3"),
        (lambda: embed(EQUALLY_FAR, 2, "tsne"), "`method` must be one of .*got 'tsne'"),
    ],
)
def test_bad_input_gets_one_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("unit", [2.0**-1000, 2.0**-600, 2.0**1000])
def test_the_unit_of_distances_and_points_does_not_matter(rng, unit):
    points = rng.normal(size=(6, 2))
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)
    for method in ("classical", "kruskal"):
        plain = embed(distances, 2, method)
        np.testing.assert_array_equal(embed(unit * distances, 2, method), unit * plain)
    other = rng.normal(size=(6, 2))
    expected = kruskal_stress(distances, other)
    assert expected > 0.01
    assert kruskal_stress(unit * distances, other) == expected
    assert kruskal_stress(distances, unit * other) == expected


def test_a_large_matrix_that_is_not_symmetric_is_shown_in_part(rng):
    with pytest.raises(ValueError, match="`distances` must be symmetric.*[.]{3}$") as raised:
        embed(rng.random((20, 20)))
    assert len(str(raised.value)) < 300
