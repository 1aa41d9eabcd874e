from itertools import combinations

import anndata
import numpy as np
import pytest
from scipy import stats

from experiments.data.stairs import (
    StairConfig,
    StairGenes,
    chosen_pairs,
    gene_names,
    share_of_stair_patterns,
    simulate_stairs,
    stage_posterior,
    stage_probabilities,
    stair_genes,
    write_stairs,
)


def test_genes_are_those_of_the_paper():
    genes = stair_genes(StairConfig())
    assert len(genes.role) == 50
    # "the first 5 genes are highly expressed in the first cell type, while genes 4 and 5 are also
    # highly expressed in the second, together with genes 6, 7 and 8" (1-based)
    assert genes.role[:8].tolist() == ["stage"] * 3 + ["overlap"] * 2 + ["stage"] + ["overlap"] * 2
    assert genes.first_stage[:8].tolist() == [0, 0, 0, 0, 0, 1, 1, 1]
    counts = {role: int((genes.role == role).sum()) for role in ("stage", "overlap", "noise")}
    assert counts == {"stage": 14, "overlap": 18, "noise": 18}
    assert (genes.first_stage[genes.role == "noise"] == -1).all()
    assert (
        np.unique(genes.first_stage[genes.role == "overlap"], return_counts=True)[1].tolist()
        == [2] * 9
    )


def test_every_gene_has_a_name_of_its_own():
    genes = stair_genes(StairConfig())
    names = gene_names(genes)
    assert len(set(names)) == 50
    for name, role, first in zip(names, genes.role, genes.first_stage, strict=True):
        group = {"stage": f"stage {first + 1}", "overlap": f"stages {first + 1}-{first + 2}"}
        assert name.split(" #")[0] == group.get(role, "noise")


def test_the_cells_as_a_file(tmp_path):
    write_stairs(tmp_path / "folder" / "cells.h5ad")
    adata = anndata.read_h5ad(tmp_path / "folder" / "cells.h5ad")
    cells = simulate_stairs(StairConfig(), np.random.default_rng(0))
    np.testing.assert_array_equal(adata.X, cells.x)
    assert adata.obs["stage"].tolist() == [f"stage {stage + 1}" for stage in cells.stage]
    assert adata.var_names.tolist() == gene_names(cells.genes)


@pytest.mark.parametrize("num_noise", [168, 468, 968])
def test_sizes_of_the_larger_studies(num_noise):
    assert StairConfig(num_noise=num_noise).num_genes == 32 + num_noise


def test_cells_are_on_as_often_as_they_should():
    config = StairConfig(num_cells=20_000, probability_on=0.7, probability_off=0.2)
    cells = simulate_stairs(config, np.random.default_rng(1))
    assert np.bincount(cells.stage).tolist() == [2000] * 10
    for stage in range(10):
        for gene in range(config.num_genes):
            high = 3 * stage <= gene < 3 * stage + 5
            on = int(cells.x[cells.stage == stage, gene].sum())
            # 10 x 50 tests: a bound that chance breaks once in 20 000 runs of this test.
            assert stats.binomtest(on, 2000, 0.7 if high else 0.2).pvalue > 1e-7


def test_stages_may_share_nothing_or_almost_all():
    apart = stair_genes(StairConfig(overlap=0, num_noise=0, num_stages=3))
    assert (apart.role == "stage").all()
    assert len(apart.role) == 15
    dense = stair_genes(StairConfig(overlap=4, num_noise=1, num_stages=4))
    assert dense.role.tolist() == ["stage", *["overlap"] * 6, "stage", "noise"]


def test_same_seed_same_cells():
    first, again = (simulate_stairs(StairConfig(), np.random.default_rng(7)).x for _ in range(2))
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_cells": 0}, "`num_cells` must be at least 1, got 0"),
        ({"num_noise": -1}, "`num_noise` must be at least 0, got -1"),
        ({"overlap": 5}, "`overlap` must be smaller than `genes_per_stage`.*less than 5, got 5"),
        ({"probability_on": 1.2}, "`probability_on` must be between 0 and 1, got 1.2"),
        ({"probability_off": float("nan")}, "`probability_off` must be between 0 and 1, got nan"),
    ],
)
def test_bad_settings_get_one_sentence(settings, message):
    with pytest.raises(ValueError, match=message):
        StairConfig(**settings)


def test_posterior_of_the_stage_is_that_of_many_cells(rng):
    config = StairConfig(num_cells=200_000, num_stages=4)
    cells = simulate_stairs(config, rng)
    features = np.array([0, 3, 4, 7])
    states = np.array([[0, 1, 1, 0], [0, 0, 0, 0], [1, 1, 0, 0]])
    posterior = stage_posterior(config, features, states)
    np.testing.assert_allclose(posterior.sum(axis=1), 1)
    for state, expected in zip(states, posterior, strict=True):
        carries = (cells.x[:, features] == state).all(axis=1)
        shares = np.bincount(cells.stage[carries], minlength=4) / carries.sum()
        np.testing.assert_allclose(shares, expected, atol=4 / np.sqrt(carries.sum()))


def test_pairs_by_chance_are_those_of_all_subsets():
    genes = StairGenes(np.array(["overlap"] * 6 + ["noise"]), np.array([0, 0, 1, 1, 2, 2, -1]))
    complete = [chosen_pairs(np.array([*c, 6]), genes)[0] for c in combinations(range(6), 3)]
    observed, expected = chosen_pairs(np.array([0, 1, 4, 6]), genes)
    assert observed == 1
    np.testing.assert_allclose(expected, np.mean(complete))
    assert chosen_pairs(np.array([0, 2, 4]), genes)[0] == 0


def test_stair_patterns():
    genes = stair_genes(StairConfig())
    features = np.array([3, 4, 6, 9, 0])  # overlaps 0, 0, 1, 2 and a stage gene
    states = [[0, 0, 0, 0, 0], [1, 1, 0, 0, 0], [1, 0, 1, 0, 0], [1, 0, 0, 1, 0], [0, 0, 0, 0, 1]]
    fits = [True, True, True, False, False]
    for state, fit in zip(states, fits, strict=True):
        assert share_of_stair_patterns(features, np.array([state]), genes) == fit
    padded = np.array([*states, [-1] * 5])
    assert share_of_stair_patterns(features, padded, genes) == 3 / 5


def test_stage_probabilities_are_those_that_draw_the_cells(rng):
    config = StairConfig(num_cells=40_000, num_stages=4, num_noise=2)
    cells = simulate_stairs(config, rng)
    frequencies = [cells.x[cells.stage == stage].mean(axis=0) for stage in range(4)]
    np.testing.assert_allclose(stage_probabilities(config), frequencies, atol=0.03)
