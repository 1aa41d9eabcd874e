"""What is found is written to an AnnData, and reads back without this package."""

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from loglin import COVERING, dichotomize, frequent_patterns, get, select_features, stand_ins
from loglin.scverse import annotate, explain, from_scvi

RNG = np.random.default_rng(0)
LATENTS = RNG.normal(size=(300, 3))
ON = np.repeat(np.median(LATENTS, axis=0) < LATENTS, 2, axis=1) ^ (RNG.random((300, 6)) < 0.05)
COUNTS = np.column_stack([ON, RNG.random((300, 2)) < 0.5]) * RNG.integers(1, 9, (300, 8))
GENES = [f"gene {name}" for name in "abcdefgh"]


@pytest.fixture
def adata():
    cells = anndata.AnnData(sp.csr_matrix(COUNTS.astype(np.float32)), obsm={"X_model": LATENTS})
    cells.var_names = GENES
    return cells


def test_what_is_written_is_what_the_functions_return(adata):
    assert explain(adata, "X_model", 5, threshold=0, num_patterns=4) is None
    codes = pd.DataFrame((COUNTS > 0).astype(np.int8), adata.obs_names, GENES)
    u = dichotomize(LATENTS)
    selection = select_features(codes, u, 5, stop="chance", **COVERING)
    chosen = selection.features.tolist()
    assert 3 <= len(chosen) <= 5
    assert {feature // 2 for feature in chosen[:3]} == {0, 1, 2}
    rank = adata.var["loglin_rank"].to_numpy()
    np.testing.assert_array_equal(rank[chosen], np.arange(1, len(chosen) + 1))
    assert np.isnan(np.delete(rank, chosen)).all()
    np.testing.assert_array_equal(adata.var["loglin_gain"].iloc[chosen], selection.gains)
    patterns = frequent_patterns(codes, chosen, 4)
    words = ["".join(map(str, state)) for state in patterns.states]
    counts = adata.obs["loglin_pattern"].value_counts()
    assert counts[words].tolist() == patterns.counts.tolist()
    assert counts["other"] == 300 - patterns.counts.sum()
    alternatives = stand_ins(codes, u, chosen)
    for step, name in enumerate(selection.names):
        replaces = [name in words.split(",") for words in adata.var["loglin_stand_in_for"]]
        assert np.flatnonzero(replaces).tolist() == sorted(alternatives.of(step))


def test_it_reads_back_equal_with_anndata_alone(adata, tmp_path):
    explain(adata, "X_model", 4, threshold=0, key_added="found")
    adata.write_h5ad(tmp_path / "cells.h5ad")
    again = anndata.read_h5ad(tmp_path / "cells.h5ad")
    pd.testing.assert_frame_equal(again.var, adata.var)
    pd.testing.assert_series_equal(again.obs["found_pattern"], adata.obs["found_pattern"])
    for name in ("features", "gains", "patterns", "states", "counts"):
        np.testing.assert_array_equal(again.uns["found"][name], adata.uns["found"][name])
    assert again.uns["found"]["settings"] == adata.uns["found"]["settings"]
    assert again.uns["found"]["settings"]["threshold"] == 0
    pd.testing.assert_frame_equal(
        get.selection_df(again, "found"), get.selection_df(adata, "found")
    )


def test_a_copy_leaves_the_cells_as_they_are(adata):
    changed = explain(adata, "X_model", 2, threshold=0, copy=True)
    assert "loglin" in changed.uns
    assert list(adata.var) == list(adata.obs) == list(adata.uns) == []


def test_the_table_of_the_selection(adata):
    explain(adata, "X_model", 3, threshold=0)
    table = get.selection_df(adata)
    assert table.index.tolist() == [1, 2, 3]
    for name, words in zip(table["name"], table["stand_ins"], strict=True):
        assert GENES[GENES.index(name) ^ 1] in words.split(",")  # the other gene of its pair


def test_only_some_of_the_genes_may_have_codes(adata):
    codes = dichotomize(adata, threshold=0)[["gene h", "gene c", "gene e"]]
    selection = select_features(codes, dichotomize(LATENTS), 2, **COVERING)
    annotate(adata, codes, selection)
    assert adata.var["loglin_rank"].notna().tolist() == [name in "ce" for name in "abcdefgh"]
    assert set(adata.obs["loglin_pattern"]) == {"00", "01", "10", "11"}


def test_what_no_gene_explains_has_no_genes(adata):
    adata.obsm["noise"] = RNG.normal(size=(300, 1))
    adata.obsm["flat"] = np.zeros(300)
    for key in ("noise", "flat"):
        explain(adata, key, threshold=0)
        assert adata.var["loglin_rank"].isna().all()
        assert len(get.selection_df(adata)) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"use_rep": "X_pca"}, r"`use_rep` must be one of \['X_model'\] in .obsm, got 'X_pca'"),
        ({"num_features": 0}, "`num_features` must be at least 1, got 0"),
        ({"layer": "counts"}, r"`layer` must be one of \[\], got 'counts'"),
        ({"key_added": ""}, "`key_added` must be a word, got ''"),
        ({"adata": np.eye(2)}, "`adata` must be an AnnData, got ndarray"),
    ],
    ids=str,
)
def test_messages_of_explain(adata, change, message):
    with pytest.raises(ValueError, match=message):
        explain(**({"adata": adata, "use_rep": "X_model", "threshold": 0} | change))
    assert list(adata.var) == list(adata.uns) == []


def test_messages_of_the_others(adata):
    codes = dichotomize(adata, threshold=0)
    selection = select_features(codes, dichotomize(LATENTS), 2)
    for change, message in [
        ({"codes": codes.to_numpy()}, "`codes` must be a data frame with names"),
        ({"codes": codes.iloc[::-1]}, "`codes` must have the cells of `adata`"),
        ({"codes": codes.rename(columns=str.upper)}, "`codes` must have features of `adata`"),
        ({"codes": codes.iloc[:, 1:]}, "`selection` must be a Selection of 7 features"),
    ]:
        with pytest.raises(ValueError, match=message):
            annotate(**({"adata": adata, "codes": codes, "selection": selection} | change))
    with pytest.raises(ValueError, match="`key` must be the `key_added` of a selection"):
        get.selection_df(adata)


class LikeSCVI:
    """The methods of an scvi-tools model that are used here, as scvi-tools documents them."""

    def __init__(self, adata, kind):
        self.adata, self.kind = adata, kind

    def posterior_predictive_sample(self, n_samples):
        assert n_samples == 1
        return self.kind(COUNTS)

    def get_latent_representation(self):
        return LATENTS


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix, sp.coo_array])
def test_samples_of_a_model_of_scvi_tools(adata, kind):
    counts, latents = from_scvi(LikeSCVI(adata, kind))
    pd.testing.assert_frame_equal(counts, pd.DataFrame(COUNTS, adata.obs_names, GENES))
    selection = select_features(dichotomize(counts, threshold=0), dichotomize(latents), 3)
    assert set(selection.names) <= set(GENES)


def test_models_without_what_it_takes(adata):
    with pytest.raises(ValueError, match="`model` must have the method posterior_predictive"):
        from_scvi(adata)
    with pytest.raises(ValueError, match="`model` must generate counts of 300 cells and 8 genes"):
        from_scvi(LikeSCVI(adata, lambda counts: counts[:, :3]))


def test_a_model_of_scvi_tools():
    scvi = pytest.importorskip("scvi", reason="scvi-tools is heavy and not in the lock")
    cells = anndata.AnnData(COUNTS.astype(np.float32))
    scvi.model.SCVI.setup_anndata(cells)
    model = scvi.model.SCVI(cells, n_latent=2)
    model.train(max_epochs=1)
    counts, latents = from_scvi(model)
    assert counts.shape == COUNTS.shape
    assert latents.shape == (300, 2)
