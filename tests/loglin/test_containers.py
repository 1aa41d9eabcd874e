"""Names of cells and features go along from data frames and AnnData to every result."""

import re

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from loglin import (
    categorize,
    coverage,
    dichotomize,
    follow,
    frequent_patterns,
    normalize,
    pattern_distances,
    select_features,
    size_factors,
    stability,
    stand_ins,
    transfer_labels,
)
from models import Samples
from tests.loglin.fresh_interpreter import run

RNG = np.random.default_rng(0)
COUNTS = RNG.poisson(0.7, (60, 7)) * (1 + np.arange(7))
GENES = [f"gene {column}" for column in "abcdefg"]
CELLS = [f"cell {row}" for row in range(60)]
FRAME = pd.DataFrame(COUNTS, CELLS, GENES)


def as_adata(matrix):
    adata = anndata.AnnData(sp.csr_matrix(np.zeros((60, 7), np.float32)))
    adata.obs_names, adata.var_names = CELLS, GENES
    adata.layers["counts"] = matrix
    return adata


MATRICES = {
    "rows": sp.csr_matrix(COUNTS),
    "columns": sp.csc_array(COUNTS),
    "single precision": COUNTS.astype(np.float32),
    "Fortran order": np.asfortranarray(COUNTS),
}


@pytest.mark.parametrize("matrix", MATRICES.values(), ids=MATRICES)
@pytest.mark.parametrize(
    "settings", [{}, {"quantile": 0.8}, {"threshold": 0}, {"threshold": 2.5}], ids=str
)
def test_codes_do_not_depend_on_the_container(matrix, settings):
    cut = settings.get("threshold", np.quantile(COUNTS, settings.get("quantile", 0.5), axis=0))
    expected = (cut < COUNTS).astype(np.int8)
    codes = dichotomize(matrix, **settings)
    assert isinstance(codes, np.ndarray)
    np.testing.assert_array_equal(codes, expected)
    named = pd.DataFrame(expected, CELLS, GENES)
    pd.testing.assert_frame_equal(dichotomize(FRAME, **settings), named)
    pd.testing.assert_frame_equal(dichotomize(as_adata(matrix), layer="counts", **settings), named)


def test_matrices_are_cut_in_blocks(monkeypatch):
    whole = categorize(COUNTS, 3)
    monkeypatch.setattr("loglin.containers._BLOCK", 150)  # two columns
    np.testing.assert_array_equal(categorize(sp.csr_array(COUNTS), 3), whole)
    pd.testing.assert_frame_equal(categorize(FRAME, 3), pd.DataFrame(whole, CELLS, GENES))


@pytest.mark.parametrize("dtype", ["Int64", "Float64", "boolean"])
def test_nullable_columns_are_numbers_too(dtype):
    plain = FRAME > 0 if dtype == "boolean" else FRAME
    nullable = plain.astype(dtype)
    pd.testing.assert_frame_equal(dichotomize(nullable), dichotomize(plain.astype(float)))
    nullable.iloc[4, 1] = pd.NA
    with pytest.raises(ValueError, match="`values` must be finite.* got nan in column 'gene b'"):
        dichotomize(nullable)


@pytest.mark.parametrize("as_matrix", [np.asarray, sp.csr_matrix, sp.csc_matrix])
def test_a_backed_file_gives_the_same(as_matrix, tmp_path):
    adata = as_adata(as_matrix(COUNTS.astype(np.float32)))
    adata.X = adata.layers["counts"]
    adata.write_h5ad(tmp_path / "cells.h5ad")
    backed = anndata.read_h5ad(tmp_path / "cells.h5ad", backed="r")
    pd.testing.assert_frame_equal(dichotomize(backed), dichotomize(FRAME))
    backed.file.close()


def test_normalized_counts_keep_their_names():
    counts = FRAME + 1
    expected = normalize(counts.to_numpy())
    pd.testing.assert_frame_equal(normalize(counts), pd.DataFrame(expected, CELLS, GENES))
    np.testing.assert_array_equal(size_factors(sp.csr_matrix(COUNTS + 1)), size_factors(counts))


@pytest.fixture(scope="module")
def samples():
    """Latents, and features that follow them in pairs."""
    u = np.random.default_rng(1).integers(2, size=(400, 3))
    wrong = np.random.default_rng(2).random((400, 6)) < 0.1
    return pd.DataFrame((np.repeat(u, 2, axis=1) ^ wrong).astype(np.int8), columns=GENES[:6]), u


def test_names_go_along(samples):
    x, u = samples
    plain = select_features(x.to_numpy(), u, 3)
    named = select_features(x, u, 3)
    assert plain.names is None
    np.testing.assert_array_equal(named.features, plain.features)
    assert named.names.tolist() == [GENES[feature] for feature in plain.features]
    assert named.names[0] in str(named)
    frame = named.to_frame()
    assert frame["name"].tolist() == named.names.tolist()
    assert frame.index.tolist() == [1, 2, 3]
    np.testing.assert_array_equal(frame["gain"], plain.gains)
    assert "name" not in plain.to_frame()
    given = select_features(x.to_numpy(), u, 3, names=GENES[:6])
    assert given.names.tolist() == named.names.tolist()


def test_features_may_be_named_wherever_they_are_indexed(samples):
    x, u = samples
    array, words, columns = x.to_numpy(), ["gene e", "gene b"], [4, 1]
    candidates = select_features(x, u, 2, candidates=words)
    np.testing.assert_array_equal(
        candidates.features, select_features(array, u, 2, candidates=columns).features
    )
    patterns = frequent_patterns(x, words)
    np.testing.assert_array_equal(patterns.states, frequent_patterns(array, columns).states)
    assert patterns.to_frame().columns.tolist() == [*words, "count"]
    np.testing.assert_array_equal(
        pattern_distances(x, u, words, patterns.states),
        pattern_distances(array, u, columns, patterns.states),
    )
    np.testing.assert_array_equal(
        coverage(x, u, words).information, coverage(array, u, columns).information
    )
    found, expected = stand_ins(x, u, words), stand_ins(array, u, columns)
    np.testing.assert_array_equal(found.features, expected.features)
    assert found.names.tolist() == [GENES[feature] for feature in expected.features]
    assert found.to_frame()["name"].tolist() == found.names.tolist()
    assert stability(x, [words, ["gene a"]]) == stability(array, [columns, [0]])
    labels = np.where(u[:, 0], "yes", "no")
    rng = np.random.default_rng
    assert (
        transfer_labels(x, labels, x, words, rng=rng(0))[0]
        == transfer_labels(array, labels, array, columns, rng=rng(0))[0]
    ).all()


def test_samples_of_models_are_taken_as_they_are(samples):
    x, u = samples
    noisy = u + np.random.default_rng(3).normal(0, 0.1, u.shape)
    codes = dichotomize(noisy)
    one = Samples(x.to_numpy(), noisy)
    np.testing.assert_array_equal(
        select_features(one, num_features=3).gains, select_features(x, codes, 3).gains
    )
    np.testing.assert_array_equal(
        select_features([one, one], num_features=3, names=GENES[:6]).names,
        select_features([x, x], [codes, codes], 3).names,
    )
    np.testing.assert_array_equal(
        stand_ins(one, None, [0], names=GENES[:6]).names, stand_ins(x, codes, [0]).names
    )


def test_names_go_along_over_a_training(samples):
    x, u = samples
    (found,) = follow([(3, x.to_numpy(), u)], 2, names=GENES[:6])
    assert found.patterns.names.tolist() == found.selection.names.tolist()
    assert set(found.patterns.names) < set(GENES)


def test_a_data_frame_without_names_has_none(samples):
    x, u = samples
    assert select_features(pd.DataFrame(x.to_numpy()), u, 2).names is None


TEXT = FRAME.astype(object).assign(**{"gene c": "much"})
UNNAMED = FRAME.to_numpy()
NAN = FRAME.astype(float)
NAN.iloc[3, 2] = np.nan
DOUBLE = pd.DataFrame(np.eye(3, dtype=int), columns=["a", "b", "a"])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: dichotomize(TEXT), "`values` must hold real numbers, got object in column 'gene"),
        (lambda: dichotomize(NAN), "`values` must be finite .*, got nan in column 'gene c'"),
        (lambda: dichotomize(UNNAMED, layer="counts"), "`layer` is for AnnData, got `values` "),
        (lambda: dichotomize(as_adata(COUNTS), layer="raw"), r"`layer` must be one of \['counts'"),
        (lambda: dichotomize(anndata.AnnData(obs=FRAME[[]], var=FRAME.T[[]])), "`values` has no"),
        (lambda: dichotomize(sp.csr_matrix((0, 3))), "`values` must hold real numbers in at least"),
        (lambda: dichotomize(sp.csr_matrix(COUNTS * 1j)), "`values` must hold real.*complex128"),
        (lambda: dichotomize(COUNTS, threshold=np.inf), "`threshold` must be a finite number, got"),
        (lambda: select_features(FRAME > 0, (FRAME > 1)[::-1], 1), "`u` must have the rows of `x`"),
        (lambda: coverage(FRAME > 0, (FRAME > 1)[::-1], [0]), "`u` must have the rows of `x`"),
        (
            lambda: pattern_distances(FRAME > 0, (FRAME > 1)[::-1], [0], [[0], [1]]),
            "`u` must have the rows of `x`",
        ),
        (lambda: normalize(NAN), "`counts` must be finite .* nan in column 'gene c' of cell 3"),
        (lambda: frequent_patterns(DOUBLE, ["a"]), "`features` must be unique names, got 'a' of 2"),
        (lambda: frequent_patterns(DOUBLE, "ab"), "`features` must be a sequence of columns, got"),
        (lambda: frequent_patterns(np.eye(3, dtype=int), ["a"]), "`features` must be numbers of"),
        (lambda: frequent_patterns(DOUBLE, [0], names=["a"]), "`names` must be 3, one per column"),
        (lambda: frequent_patterns(DOUBLE, [0], names="abc"), "`names` must be a sequence of"),
        (
            lambda: select_features(FRAME, FRAME, 1, candidates=["genec"]),
            "`candidates` must be names of columns, such as 'gene c', got 'genec'",
        ),
        (
            lambda: select_features([DOUBLE, DOUBLE.rename(columns={"b": "c"})], [DOUBLE] * 2, 1),
            "`x` must hold models of the same features: expected 'b', got 'c'",
        ),
    ],
)  # fmt: skip
def test_messages(call, message):
    with pytest.raises(ValueError, match=message) as raised:
        call()
    assert re.fullmatch(r"[^\n]+", str(raised.value))


def test_no_container_is_imported_unless_it_comes_in():
    heavy = run(
        "import json, sys, numpy as np, scipy.sparse, loglin\n"
        "loglin.dichotomize(scipy.sparse.csr_matrix(np.eye(3)))\n"
        "print(json.dumps(sorted({'pandas', 'anndata'} & set(sys.modules))))"
    )
    assert heavy == []
