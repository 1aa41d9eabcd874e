import sys
from itertools import product

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.datasets import load_digits

from experiments.explore.files import NO_LABEL, annotated, read_cells
from experiments.explore.files.numbers import kind_of
from experiments.explore.settings import Input
from tests.experiments.explore.made_files import (
    CLASSES,
    GENES,
    NAMES,
    NUM_CELLS,
    made_counts,
    made_logs,
    write_annotated,
    write_csv,
)

COUNTS = made_counts()


def dense(values):
    return values.toarray() if scipy.sparse.issparse(values) else values


def assert_cells(cells, values, genes=GENES, names=NAMES):
    np.testing.assert_array_equal(dense(cells.values), values)
    assert cells.features.tolist() == list(genes)
    assert cells.names.tolist() == list(names)
    assert cells.features.dtype.kind == cells.names.dtype.kind == "U"


# .h5ad


@pytest.mark.parametrize("make", [np.asarray, scipy.sparse.csr_matrix, scipy.sparse.csc_matrix])
@pytest.mark.parametrize("genes", [None, "var:chosen"])
def test_annotated_matrices_stay_as_they_are(tmp_path, monkeypatch, make, genes):
    monkeypatch.setattr(annotated, "_PIECE", 40)  # ten rows are read at the same time
    path = write_annotated(tmp_path / "a.h5ad", make(COUNTS.astype(np.float32)))
    cells = read_cells(path, Input(labels="type", genes=genes))
    chosen = slice(None) if genes is None else slice(1, None, 2)
    assert_cells(cells, COUNTS[:, chosen], GENES[chosen])
    assert cells.kind == "counts"
    assert cells.labels.tolist() == CLASSES.tolist()
    assert cells.latents is None
    assert getattr(cells.values, "format", None) == getattr(make(COUNTS), "format", None)


@pytest.mark.parametrize(
    ("dtype", "is_sparse"),
    [
        *product(["int8", "uint16", "int64", "float64"], [False, True]),
        # The sparse matrices of scipy know none of these.
        *product([">i4", "float16", ">f4"], [False]),
    ],
)
def test_numbers_of_any_type(tmp_path, dtype, is_sparse):
    path = write_annotated(tmp_path / "a.h5ad", COUNTS.astype(np.float32))
    with h5py.File(path, "a") as file:
        del file["X"]
        if is_sparse:
            stored = scipy.sparse.csr_matrix(COUNTS)
            group = file.create_group("X")
            group.attrs.update(
                {"encoding-type": "csr_matrix", "encoding-version": "0.1.0", "shape": COUNTS.shape}
            )
            group["data"] = stored.data.astype(dtype)
            group["indices"], group["indptr"] = stored.indices, stored.indptr
        else:
            file["X"] = COUNTS.astype(dtype)
    cells = read_cells(path, Input())
    assert_cells(cells, COUNTS)
    assert cells.kind == "counts"
    assert cells.values.dtype.isnative


def test_layers_raw_and_latents(tmp_path):
    latents = np.random.default_rng(1).normal(size=(NUM_CELLS, 2))
    more = np.arange(NUM_CELLS * 5).reshape(NUM_CELLS, 5)
    raw = anndata.AnnData(
        scipy.sparse.csr_matrix(more.astype(float)),
        obs=pd.DataFrame(index=list(NAMES)),
        var=pd.DataFrame(index=list("abcde")),
    )
    path = write_annotated(
        tmp_path / "a.h5ad",
        made_logs(),
        layers={"counts": scipy.sparse.csc_matrix(COUNTS)},
        obsm={"X_scVI": latents, "frame": pd.DataFrame(latents, list(NAMES), ["u", "v"])},
        raw=raw,
    )
    cells = read_cells(path, Input(), use_rep="X_scVI")
    assert_cells(cells, made_logs())
    assert cells.kind == "continuous"
    np.testing.assert_array_equal(cells.latents, latents)
    np.testing.assert_array_equal(read_cells(path, Input(), "frame").latents, latents)
    assert_cells(read_cells(path, Input(layer="counts")), COUNTS)
    assert_cells(read_cells(path, Input(use_raw=True)), more, "abcde")


def test_a_file_with_layers_only(tmp_path):
    path = write_annotated(tmp_path / "a.h5ad", None, layers={"counts": COUNTS})
    assert_cells(read_cells(path, Input(layer="counts")), COUNTS)


def test_files_of_early_versions(tmp_path):
    # As anndata wrote them before 0.7: frames as records, sparse groups with other attributes.
    stored = scipy.sparse.csr_matrix(COUNTS.astype(np.float32))
    with h5py.File(tmp_path / "a.h5ad", "w") as file:
        group = file.create_group("X")
        group.attrs["h5sparse_format"], group.attrs["h5sparse_shape"] = b"csr", COUNTS.shape
        group["data"], group["indices"], group["indptr"] = (
            stored.data,
            stored.indices,
            stored.indptr,
        )
        file["obs"] = np.array(
            list(zip(NAMES.astype("S"), np.arange(NUM_CELLS) % 3, strict=True)),
            [("index", "S10"), ("type", "i1")],
        )
        file["uns/type_categories"] = CLASSES[:3].astype("S")
        file["var"] = np.array([(gene,) for gene in GENES.astype("S")], [("index", "S10")])
        file["obsm"] = np.array([((i, -i),) for i in range(NUM_CELLS)], [("X_pca", "f8", (2,))])
    cells = read_cells(tmp_path / "a.h5ad", Input(labels="type"), "X_pca")
    assert_cells(cells, COUNTS)
    assert cells.labels.tolist() == CLASSES.tolist()
    assert cells.latents[3].tolist() == [3, -3]
    assert scipy.sparse.issparse(cells.values)


def test_entries_that_are_stored_twice_are_added(tmp_path):
    path = write_annotated(tmp_path / "a.h5ad", scipy.sparse.csr_matrix(COUNTS))
    with h5py.File(path, "a") as file:
        for name in ("data", "indices"):
            twice = np.repeat(file["X"][name][:], 2) / (2 if name == "data" else 1)
            del file["X"][name]
            file["X"][name] = twice if name == "data" else twice.astype(np.int32)
        file["X/indptr"][:] *= 2
    cells = read_cells(path, Input())
    assert_cells(cells, COUNTS)
    assert cells.kind == "counts"


# Tables


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".csv.gz", ".tsv.gz", ".CSV"])
@pytest.mark.parametrize("values", [COUNTS, made_logs(), COUNTS > 0, made_logs().astype("f4")])
def test_text(tmp_path, suffix, values):
    sep = "\t" if "tsv" in suffix else ","
    path = write_csv(tmp_path / f"table{suffix}", values, labels=CLASSES, sep=sep)
    cells = read_cells(path, Input(labels="type"))
    assert_cells(cells, values.astype(str).astype(float) if values.dtype == "f4" else values)
    assert cells.kind == {"i": "counts", "f": "continuous", "b": "codes"}[values.dtype.kind]
    assert cells.labels.tolist() == CLASSES.tolist()


def test_names_of_cells_in_a_table(tmp_path):
    numbers = np.arange(NUM_CELLS).astype(str)
    without = write_csv(tmp_path / "without.csv", COUNTS, names=None)
    assert_cells(read_cells(without, Input()), COUNTS, names=numbers)
    unnamed = write_csv(tmp_path / "unnamed.csv", COUNTS, names=range(NUM_CELLS))
    assert_cells(read_cells(unnamed, Input()), COUNTS, names=numbers)
    # The first column is the names if it is text, but not if it holds the labels.
    (tmp_path / "named.csv").write_text("barcode" + unnamed.with_name("unnamed.csv").read_text())
    frame = pd.DataFrame(COUNTS, columns=GENES)
    frame.insert(0, "type", CLASSES)
    frame.to_csv(tmp_path / "labelled.csv", index=False)
    cells = read_cells(tmp_path / "labelled.csv", Input(labels="type"))
    assert_cells(cells, COUNTS, names=numbers)
    assert cells.labels.tolist() == CLASSES.tolist()
    # A first column of numbers with a name is a feature.
    cells = read_cells(tmp_path / "named.csv", Input())
    assert_cells(cells, np.c_[np.arange(NUM_CELLS), COUNTS], ["barcode", *GENES], numbers)


def test_a_table_as_r_writes_it(tmp_path):
    lines = write_csv(tmp_path / "table.csv", COUNTS).read_text()
    assert lines.startswith(",")
    (tmp_path / "table.csv").write_text(lines[1:])
    assert_cells(read_cells(tmp_path / "table.csv", Input()), COUNTS)


def test_a_byte_order_mark_is_no_name(tmp_path):
    text = write_csv(tmp_path / "table.csv", COUNTS, names=None).read_text()
    (tmp_path / "table.csv").write_text("\ufeff" + text)
    cells = read_cells(tmp_path / "table.csv", Input())
    assert cells.features.tolist() == GENES.tolist()


def test_strange_names_are_kept(tmp_path):
    genes = ["<b>", "a,b", 'q"q', "a.1"]
    path = write_csv(tmp_path / "table.csv", COUNTS, genes, [f"Zelle № {i}" for i in range(60)])
    cells = read_cells(path, Input())
    assert cells.features.tolist() == genes
    assert cells.names[3] == "Zelle № 3"


def test_digits_are_counts(tmp_path):
    digits = load_digits()
    frame = pd.DataFrame(digits.data)
    frame["digit"] = digits.target
    frame.to_csv(tmp_path / "digits.csv")
    cells = read_cells(tmp_path / "digits.csv", Input(labels="digit"))
    assert cells.kind == "counts"
    np.testing.assert_array_equal(cells.values, digits.data)
    assert cells.features.tolist() == [str(i) for i in range(64)]
    assert cells.labels.tolist() == digits.target.astype(str).tolist()


@pytest.mark.parametrize("names", [None, NAMES])
def test_parquet(tmp_path, names):
    frame = pd.DataFrame(made_logs(), columns=GENES, index=names)
    frame["Vip"] = frame["Vip"].astype("Float32")
    frame["on"] = COUNTS[:, 0] > 0
    frame["type"] = pd.Categorical(CLASSES)
    folder = tmp_path / "type=glia"
    folder.mkdir()
    frame.to_parquet(folder / "table.parquet")
    cells = read_cells(folder / "table.parquet", Input(labels="type"))
    expected = frame.drop(columns="type").astype(float)
    numbers = np.arange(NUM_CELLS).astype(str)
    assert_cells(cells, expected, [*GENES, "on"], numbers if names is None else names)
    assert cells.labels.tolist() == CLASSES.tolist()


def test_columns_that_are_not_asked_for_may_be_text(tmp_path):
    path = write_csv(tmp_path / "table.csv", COUNTS, labels=CLASSES)
    (tmp_path / "genes.txt").write_text("Vip\r\n\n Gad1 \nVip\n")
    cells = read_cells(path, Input(genes=str(tmp_path / "genes.txt")))
    assert_cells(cells, COUNTS[:, [0, 2]], ["Gad1", "Vip"])


# Arrays


@pytest.mark.parametrize("dtype", ["U", "S"])
def test_npz(tmp_path, dtype):
    np.savez(
        tmp_path / "a.npz",
        x=COUNTS,
        features=GENES.astype(dtype),
        cells=NAMES.astype(dtype),
        type=CLASSES.astype(dtype),
    )
    cells = read_cells(tmp_path / "a.npz", Input(labels="type"))
    assert_cells(cells, COUNTS)
    assert cells.labels.tolist() == CLASSES.tolist()


def test_npz_without_names(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", x=COUNTS > 0)
    cells = read_cells(tmp_path / "a.npz", Input())
    assert_cells(cells, COUNTS > 0, "0123", np.arange(NUM_CELLS).astype(str))
    assert cells.kind == "codes"


@pytest.mark.parametrize("make", [scipy.sparse.csr_matrix, scipy.sparse.csc_array])
def test_npz_of_a_sparse_matrix(tmp_path, make):
    scipy.sparse.save_npz(tmp_path / "a.npz", make(COUNTS))
    cells = read_cells(tmp_path / "a.npz", Input())
    assert scipy.sparse.issparse(cells.values)
    assert_cells(cells, COUNTS, "0123", np.arange(NUM_CELLS).astype(str))


# Labels and kinds


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (pd.Categorical(CLASSES), CLASSES),
        (CLASSES.astype(object), CLASSES),
        (np.arange(60) % 3, (np.arange(60) % 3).astype(str)),
        (np.arange(60) % 2 == 0, np.tile(["True", "False"], 30)),
        ([None, "a", "b"] * 20, [NO_LABEL, "a", "b"] * 20),
        (pd.Categorical([None, "a", "b"] * 20), [NO_LABEL, "a", "b"] * 20),
        ([np.nan, 1.0, 2.0] * 20, [NO_LABEL, "1", "2"] * 20),
        (pd.array([None, 1, 2] * 20, "Int64"), [NO_LABEL, "1", "2"] * 20),
        (["01", "02"] * 30, ["01", "02"] * 30),
        (["", "a", "b"] * 20, [NO_LABEL, "a", "b"] * 20),
    ],
)
def test_labels(tmp_path, labels, expected):
    annotated = write_annotated(tmp_path / "a.h5ad", COUNTS, labels=labels)
    assert read_cells(annotated, Input(labels="type")).labels.tolist() == list(expected)
    table = write_csv(tmp_path / "a.csv", COUNTS, labels=pd.array(labels))
    if np.asarray(labels).dtype.kind != "f":  # these are written as 1.0, which is kept as text
        assert read_cells(table, Input(labels="type")).labels.tolist() == list(expected)


@pytest.mark.parametrize("make", [np.asarray, scipy.sparse.csr_matrix])
@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([[0, 1], [1, 1]], "codes"),
        ([[0.0, 0.0], [0.0, 0.0]], "codes"),
        ([[0, 1, 2, 0], [2, 2, 0, 0], [1, 0, 2, 0]], "codes"),
        ([[0, 15], [15, 0]], "codes"),
        ([[0, 0, 0, 2], [0, 0, 0, 1], [0, 0, 0, 0]], "codes"),
        ([[0, 16], [16, 0]], "counts"),
        ([[0, 1, 2], [2, 1, 0], [9, 0, 3]], "counts"),
        ([[0.0, 1e20], [3.0, 0.0]], "counts"),
        ([[0.0, 1.5], [3.0, 0.0]], "continuous"),
        ([[0.0, -1.5], [3.0, 0.0]], "continuous"),
    ],
)
def test_kinds(values, kind, make):
    assert kind_of(make(values * 5)) == kind


def test_counts_of_genes_of_which_few_are_frequent_are_no_codes():
    rng = np.random.default_rng(0)
    for largest_mean in (0.2, 1.0, 3.0):
        means = largest_mean * rng.random(100) ** 4
        counts = rng.negative_binomial(2, 2 / (2 + means), (1000, 100))
        assert counts.max() > 1
        assert kind_of(counts) == "counts"
        assert kind_of(rng.poisson(largest_mean, (1000, 2))) == "counts"
    levels = rng.binomial(2, rng.uniform(0.1, 0.5, 100), (1000, 100))  # of genotypes
    assert kind_of(levels) == "codes"


# Variable genes


def test_the_most_variable_genes(tmp_path):
    scanpy = pytest.importorskip("scanpy", reason="scanpy, which finds them, is not in the lock")
    rng = np.random.default_rng(0)
    counts = rng.negative_binomial(1, 1 / (1 + 5 * rng.random(100)), (80, 100))
    genes = np.array([f"g{i}" for i in range(100)])
    names = np.array([f"c{i}" for i in range(80)])
    adata = anndata.AnnData(counts.astype(np.float32), var=pd.DataFrame(index=list(genes)))
    scanpy.pp.normalize_total(adata)
    scanpy.pp.log1p(adata)
    scanpy.pp.highly_variable_genes(adata, n_top_genes=20)
    chosen = adata.var["highly_variable"].to_numpy()
    for x in (counts, scipy.sparse.csr_matrix(counts), adata.X):
        path = write_annotated(tmp_path / "a.h5ad", x, genes, names, labels="none")
        cells = read_cells(path, Input(genes="20"))
        assert_cells(cells, dense(x)[:, chosen], genes[chosen], names)


# What is not installed


@pytest.mark.parametrize(
    ("package", "suffix", "what"),
    [
        ("anndata", "h5ad", ".h5ad needs anndata"),
        ("pandas", "csv", "pandas"),
        ("pyarrow", "parquet", "pyarrow"),
    ],
)
def test_a_package_that_is_missing_is_named(tmp_path, monkeypatch, package, suffix, what):
    (tmp_path / f"a.{suffix}").write_text("x")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(OSError, match=f"{what}.*install the extra `cells`"):
        read_cells(tmp_path / f"a.{suffix}", Input())


def test_variable_genes_need_scanpy(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "scanpy", None)
    path = write_csv(tmp_path / "a.csv", COUNTS)
    with pytest.raises(ValueError, match="`genes` = 2, the most variable ones, needs scanpy"):
        read_cells(path, Input(genes="2"))
    assert len(read_cells(path, Input(genes="4")).features) == 4
