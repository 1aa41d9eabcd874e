import numpy as np
import pytest
from scipy.stats import chisquare, energy_distance, entropy
from sklearn.metrics import davies_bouldin_score

from experiments.analysis.evaluation import (
    annotate,
    cramer_statistic,
    distance_to_cells,
    independent_log_likelihood,
    label_accuracy,
    most_loaded,
    most_often,
    mutual_information,
    nmf_loadings,
    principal_components,
    separation,
)
from loglin import contingency_table
from tests.references import reference

R = reference("auxiliary/r_auxiliary.json")


def test_cramer_statistic_is_that_of_r():
    found = cramer_statistic(R["cramer"]["x"], R["cramer"]["y"])
    assert found == pytest.approx(R["cramer"]["phiCramer"], rel=1e-12)
    assert found == pytest.approx(R["cramer"]["energy_eqdist_e"] / 2, rel=1e-12)


def test_cramer_statistic_in_one_dimension_is_the_energy_distance_of_scipy(rng):
    x, y = rng.normal(size=30), rng.normal(1, size=50)
    expected = energy_distance(x, y) ** 2 / 2 * 30 * 50 / 80
    assert cramer_statistic(x[:, None], y[:, None]) == pytest.approx(expected, rel=1e-9)


def test_cramer_statistic_refuses_other_columns():
    with pytest.raises(ValueError, match="`second` must have the columns of `first`.*2, got 1"):
        cramer_statistic([[1, 2]], [[1]])


def test_samples_of_the_same_cells_are_closer_than_others(rng):
    probability = rng.random(20)
    cells, same = (rng.random((2, 300, 20)) < probability).astype(np.int8)
    other = (rng.random((300, 20)) < probability[::-1]).astype(np.int8)
    assert distance_to_cells(same, cells) < distance_to_cells(other, cells) / 10


def test_davies_bouldin_of_scikit_learn_is_that_of_r():
    given = R["davies_bouldin"]
    for x, labels, value in [
        ("X", "labels", "clusterCrit"),
        ("X_with_singleton", "labels_with_singleton", "clusterCrit_with_singleton"),
    ]:
        found = davies_bouldin_score(given[x], given[labels])
        assert found == pytest.approx(given[value], rel=1e-12)


def test_components_are_the_eigenvectors_of_the_correlations(rng):
    x = rng.normal(size=(50, 4)) @ rng.normal(size=(4, 4))
    scores = principal_components(x, 2, standardize=True)
    eigenvalues = np.linalg.eigvalsh(np.corrcoef(x.T))[::-1]
    np.testing.assert_allclose(scores.var(axis=0), eigenvalues[:2])
    np.testing.assert_allclose(np.corrcoef(scores.T)[0, 1], 0, atol=1e-12)


def test_annotation_of_cells_that_cluster(rng):
    cells = np.array([[0, 0], [0, 1], [1, 0]] * 20, np.int8)
    labels = np.array(["a", "b", "c"] * 20)
    points = cells + rng.normal(0, 0.01, cells.shape)
    found = annotate(cells, points, cells, labels, [0, 1], ["a", "b", "c"], rng)
    assert (found.labels == labels).all()
    assert found.matched.all()
    assert found.davies_bouldin == pytest.approx(davies_bouldin_score(points, labels))
    # Only half of the difference is seen with one gene.
    assert annotate(cells, points, cells, labels, [0], ["a", "c"], rng).labels[1] == "a"
    assert np.isnan(annotate(cells, points, cells, labels, [0], ["a"], rng).davies_bouldin)


def test_nmf_comes_as_low_as_brunet_in_r():
    v = np.array(R["nmf"]["V"])  # genes by cells
    random = np.array(R["nmf"]["random_20_seeds"]["KL"])
    divergences = []
    for seed in range(3):
        from sklearn.decomposition import NMF

        model = NMF(3, init="random", solver="mu", beta_loss="kullback-leibler", tol=1e-5,
                    max_iter=2000, random_state=seed)  # fmt: skip
        fitted = model.fit_transform(v.T) @ model.components_
        divergences.append((v.T * np.log(v.T / fitted) - v.T + fitted).sum())
        loadings = nmf_loadings(v.T, 3, seed)
        # Scaling leaves the product alone: loadings times cells that average 1.
        np.testing.assert_allclose(loadings.sum(axis=1), fitted.mean(axis=0), rtol=1e-6)
    assert min(divergences) < random.max() * 1.05


def test_most_loaded_features_are_those_with_one_high_loading():
    loadings = np.array([[0.1, 0.9], [0.5, 0.5], [1.0, 0.0], [0.2, 0.2]])
    assert most_loaded(loadings, 2).tolist() == [2, 0]


def test_separation_of_groups_that_do_not_differ_is_1(rng):
    values, groups = rng.normal(size=(400, 3)), rng.integers(2, size=400)
    assert separation(values, groups) == pytest.approx(1, abs=0.02)
    assert separation(values + 10 * groups[:, None], groups) > 5


def test_accuracy_is_the_share_of_labels_that_patterns_predict(rng):
    x = np.array([[0], [1], [1], [0], [1], [1]], np.int8)
    labels = np.array(["a", "b", "b", "a", "b", "a"])
    split = np.array([0, 1, 2]), np.array([3, 4, 5])
    assert label_accuracy(x, labels, split, [0], rng) == pytest.approx(2 / 3)


def test_mutual_information_is_that_of_the_tables(rng):
    u = rng.integers(2, size=(500, 2)).astype(np.int8)
    x = np.column_stack([u[:, 1] ^ (rng.random(500) < 0.1), rng.integers(2, size=500)])
    x = x.astype(np.int8)

    def exact(feature, latent):
        table = contingency_table(np.column_stack([feature, latent])) / 500
        return entropy(table.ravel(), np.outer(table.sum(1), table.sum(0)).ravel())

    expected = [max(exact(feature, latent) for latent in u.T) for feature in x.T]
    np.testing.assert_allclose(mutual_information(x, u), expected, atol=1e-12)


def test_ties_between_selections_do_not_follow_the_columns():
    # Each of twenty features is selected once, at the first step: which come first is chance.
    selections = np.arange(20)[:, None]
    rng = np.random.default_rng(0)
    first = [most_often(selections, 1, rng)[0] for _ in range(2000)]
    counts = np.bincount(first, minlength=20)
    assert chisquare(counts).pvalue > 1e-3
    # More often beats earlier, earlier beats later.
    chosen = most_often(np.array([[4, 9, 2], [5, 9, 2], [6, 1, 3]]), 2, rng)
    assert chosen.tolist() == [9, 2]


def test_independent_features_keep_their_frequencies():
    x = np.array([[0, 2], [1, 0], [0, 0]], np.int8)
    held_out = np.array([[1, 1], [0, 0]], np.int8)
    expected = [np.log(1.5 / 4 * 0.5 / 4.5), np.log(2.5 / 4 * 2.5 / 4.5)]
    np.testing.assert_allclose(independent_log_likelihood(x, held_out, (2, 3)), expected)
