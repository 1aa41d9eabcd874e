"""Bad files and settings, each with the sentence that it gets."""

import gzip
import pickle
from datetime import datetime
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse

from experiments.explore.coding import as_codes
from experiments.explore.files import numbers, read_cells
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


def changed(values, row, column, value):
    values = np.array(values, np.result_type(values, type(value)))
    values[row, column] = value
    return values


def annotated(x=COUNTS, **parts):
    return lambda path: write_annotated(path, x, **parts)


def csv(x=COUNTS, **parts):
    return lambda path: write_csv(path, x, **parts)


def text(change):
    """Write a good table after changing its text."""

    def write(path):
        write_csv(path, COUNTS)
        path.write_bytes(change(path.read_text()).encode("utf-8", "surrogateescape"))

    return write


def hdf5(change):
    """Write a good .h5ad, then change it in place."""

    def write(path):
        write_annotated(path, COUNTS)
        with h5py.File(path, "a") as file:
            change(file)

    return write


def sparse_hdf5(change):
    def write(path):
        write_annotated(path, scipy.sparse.csr_matrix(COUNTS))
        with h5py.File(path, "a") as file:
            change(file["X"])

    return write


def replaced(name, value):
    def change(file):
        del file[name]
        file[name] = value

    return change


def npz(**arrays):
    return lambda path: np.savez(path, **arrays)


def parquet(**columns):
    frame = pd.DataFrame(COUNTS, columns=GENES)
    return lambda path: frame.assign(**columns).to_parquet(path)


def half(write):
    """Cut the second half of a file."""

    def write_half(path):
        write(path)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    return write_half


def gzipped(change):
    def write(path):
        good = write_csv(path.with_name("good.csv"), COUNTS).read_bytes()
        path.write_bytes(change(gzip.compress(good)))

    return write


def outside(group):
    group["indices"][:] = 9


def linked(file):
    del file["X"]
    file["X"] = h5py.ExternalLink("other.h5ad", "X")


def softly_linked(file):
    file["layers/again"] = h5py.SoftLink("/X")


def stored_elsewhere(file):
    del file["X"]
    Path(file.filename).with_name("secret").write_bytes(bytes(8 * COUNTS.size))
    file.create_dataset("X", COUNTS.shape, "i8", external=[("secret", 0, 8 * COUNTS.size)])


def virtual(file):
    layout = h5py.VirtualLayout(COUNTS.shape, "i8")
    layout[:] = h5py.VirtualSource("other.h5ad", "X", COUNTS.shape)
    del file["X"]
    file.create_virtual_dataset("X", layout)


def genes_file(content):
    """Write a good table, and a file of gene names beside it."""

    def write(path):
        write_csv(path, COUNTS)
        path.with_name("genes.txt").write_bytes(content)

    return write


def nothing(path):
    pass


H, C, Z, P = "cells.h5ad", "table.csv", "arrays.npz", "table.parquet"
STRANGE = ["g\n\x1b[1m" + 400 * "x", "b", "c", "d"]
NAN, INF = float("nan"), float("inf")
BAD = [
    # The file
    (H, nothing, {}, "there is no file '.*cells.h5ad'"),
    (H, Path.mkdir, {}, "'.*cells.h5ad' must be a file, got something else, such as a folder"),
    (H, Path.touch, {}, "'cells.h5ad' must hold cells, got an empty file"),
    (C, Path.touch, {}, "'table.csv' must hold cells, got an empty file"),
    ("cells.loom", csv(), {}, "must end in one of .h5ad, .csv, .* got 'cells.loom'"),
    ("cells", csv(), {}, "must end in one of .*, got 'cells'"),
    (H, csv(), {}, "'cells.h5ad' must be an HDF5 file as AnnData writes it, got something else"),
    (H, half(annotated()), {}, "'cells.h5ad' cannot be read as HDF5: .*truncated"),
    (P, csv(), {}, "'table.parquet' cannot be read as .parquet: "),
    (P, half(parquet()), {}, "'table.parquet' cannot be read as .parquet: "),
    (Z, half(npz(x=COUNTS)), {}, "'arrays.npz' cannot be read as .npz of arrays without pickles"),
    ("t.csv.gz", gzipped(lambda data: data[:-20]), {}, "'t.csv.gz' cannot be read as text"),
    (
        "t.csv.gz",
        gzipped(lambda data: data[:30] + bytes(9) + data[39:]),
        {},
        "'t.csv.gz' cannot be read as",
    ),
    (
        "t.csv.gz",
        gzipped(gzip.decompress),
        {},
        "'t.csv.gz' cannot be read as text .*Not a gzip",
    ),
    # References to other files
    (H, hdf5(linked), {}, "'cells.h5ad' must not refer to other files, got a link at 'X'"),
    (H, hdf5(softly_linked), {}, "must not refer to other files, got a link at 'layers/again'"),
    (H, hdf5(stored_elsewhere), {}, "not refer to other files, got values from elsewhere at 'X'"),
    (H, hdf5(virtual), {}, "must not refer to other files, got values from elsewhere at 'X'"),
    # Parts of an .h5ad
    (H, hdf5(lambda file: file.clear()), {}, "'cells.h5ad' must hold .obs and .var of an AnnData"),
    (H, hdf5(replaced("obs", 3)), {}, "must hold .obs and .var of an AnnData, got 'X', '"),
    (H, annotated(layers={"raw": COUNTS}), {"layer": "row"}, "got 'row' .found 'raw'."),
    (H, annotated(), {"layer": "counts"}, "`layer` must be one of the layers .* .found none."),
    (H, annotated(), {"layer": "../X"}, "`layer` must be one of the layers .* got '../X'"),
    (H, annotated(None), {}, "'cells.h5ad' must have .X unless `layer`"),
    (H, annotated(), {"use_raw": True}, "`use_raw` needs .raw, which 'cells.h5ad' does not have"),
    (H, annotated(), {"use_rep": "X_pca"}, "`use_rep` must be a key of .obsm, got 'X_pca'"),
    (
        H,
        annotated(obsm={"u": changed(np.ones((60, 2)), 7, 0, NAN)}),
        {"use_rep": "u"},
        "`use_rep` must be finite, got NaN or inf in cell 'cell 7'",
    ),
    (H, hdf5(replaced("X", COUNTS[:, :3])), {}, "must be 60 cells by 4 genes .* shape .60, 3"),
    (H, hdf5(replaced("X", COUNTS[:, :, None])), {}, "have two dimensions, got shape .60, 4, 1"),
    (H, hdf5(replaced("X", COUNTS * 1j)), {}, "must be real numbers, got dtype complex128"),
    (H, hdf5(replaced("X", COUNTS.astype("S"))), {}, "must be real numbers, got dtype"),
    (H, sparse_hdf5(outside), {}, "read as .h5ad: 'indices must be <"),
    (H, sparse_hdf5(outside), {"genes": "var:chosen"}, "'indices must be < 4'"),
    (H, sparse_hdf5(replaced("indptr", np.arange(61) * 10**9)), {}, "cannot be read as .h5ad: "),
    # Values
    (H, annotated(changed(COUNTS, 3, 1, NAN)), {}, "got nan in gene 'Sst' of cell 'cell 3'"),
    (
        H,
        annotated(scipy.sparse.csc_matrix(changed(COUNTS, 3, 1, -INF))),
        {},
        "must be finite and not missing, got -inf in gene 'Sst' of cell 'cell 3'",
    ),
    (C, csv(changed(made_logs(), 9, 2, INF)), {}, "got inf in gene 'Vip' of cell 'cell 9'"),
    (C, text(lambda t: t.replace("cell 5,0", "cell 5,")), {}, "got nan in gene 'Gad1' of cell 'c"),
    (Z, npz(x=changed(COUNTS, 3, 1, -2)), {}, "not be negative, got -2 in gene '1' of cell '3'"),
    (
        H,
        annotated(scipy.sparse.csr_matrix(changed(COUNTS, 3, 1, -2.0))),
        {},
        "codes of 'cells.h5ad' must not be negative, got -2.0 in gene 'Sst' of cell 'cell 3'",
    ),
    # Names
    (
        H,
        annotated(genes=["a", "b", "a", "d"]),
        {},
        "genes in 'cells.h5ad' must differ, got 'a' 2 times: `adata.var_names_make_unique",
    ),
    (H, annotated(names=["c"] * NUM_CELLS), {}, "got 'c' 60 times: `adata.obs_names_make_unique"),
    (C, csv(genes=["a", "b", "a", "d"]), {}, "genes in 'table.csv' must differ, got 'a' 2 times"),
    (C, csv(names=CLASSES), {}, "cells .* got 'neuron' 20 times .if they are classes .* `labels`"),
    (Z, npz(x=COUNTS, features=["a"] * 4), {}, "genes in 'arrays.npz' must differ, got 'a' 4"),
    (C, csv(genes=["a", "b", "", "d"]), {}, "every gene of 'table.csv' must have a name"),
    (C, csv(names=["NA", *NAMES[1:]]), {}, "every cell .* must have a name, got none for cell 0"),
    (C, csv(genes=["a", "b", "c" * 501, "d"]), {}, "must have at most 500 characters .* got 'ccc"),
    (C, csv(changed(COUNTS, 0, 0, NAN), genes=STRANGE), {}, r"in gene 'g\\n\\x1b\[1mxx.*…'"),
    (H, annotated(np.ones((60, 0)), genes=[]), {}, "'cells.h5ad' must have at least one gene, got"),
    (C, csv(COUNTS[:49], names=NAMES[:49]), {}, "'table.csv' must have at least 50 cells, got 49"),
    (C, text(lambda t: t.split("\n")[0] + "\n"), {}, "must have at least 50 cells, got 0"),
    # Labels
    (
        H,
        annotated(),
        {"labels": "typ"},
        "`labels` must be a column of .obs, got 'typ' .found 'type'.",
    ),
    (C, csv(), {"labels": "cell_type"}, "column of the table, got 'cell_type' .found 'Gad1'"),
    (Z, npz(x=COUNTS, type=CLASSES), {"labels": "typo"}, "must be an array .* .found 'type'."),
    (C, csv(labels=["a"] * 60), {"labels": "type"}, "at least two values, got only 'a'"),
    (H, annotated(labels=[None, "a"] * 30), {"labels": "type"}, "two values, got only 'a'"),
    (C, csv(labels=[None] * 60), {"labels": "type"}, "at least two values, got only missing ones"),
    (H, annotated(labels=NAMES), {"labels": "type"}, "got a different one for each: 'cell 0'"),
    (Z, npz(x=COUNTS, type=CLASSES[:9]), {"labels": "type"}, r"have shape \(60,\), got \(9,\)"),
    # Tables
    (C, csv(labels=CLASSES), {}, "column 'type' .* must hold numbers, got 'neuron': .* `labels`"),
    (
        C,
        text(lambda t: t + "more,1,2,3,4,5,6\n"),
        {},
        "commas: 'Expected 5 fields in line 62, saw 7'",
    ),
    (C, text(lambda t: t + "less,1,2\n"), {}, "got nan in gene 'Vip' of cell 'less'"),
    (C, text(lambda t: t.replace(",Gad1,Sst,", "")), {}, "got 2 names and rows of 5 fields"),
    (C, text(lambda t: t.split("\n", 1)[1]), {}, "must have the names of the features"),
    (C, text(lambda t: t.replace(",", ";")), {}, "must have a column of numbers with a name"),
    (C, text(lambda t: t.replace("Vip", "V\udce4p")), {}, "cannot be read as text in UTF-8, .*0xe"),
    (C, text(lambda t: "\n \n\n"), {}, "'table.csv' "),
    (C, text(lambda t: t.replace("cell 7,", 'cell 7,"')), {}, "'table.csv' cannot be read as text"),
    (C, csv(COUNTS * 1j), {}, "column 'Gad1' of 'table.csv' must hold numbers, got '"),
    (P, parquet(day=datetime(2020, 1, 1)), {}, "column 'day' .* must hold numbers, got "),
    (P, parquet(Vip=pd.array([None] + [1] * 59, "Int64")), {}, "got nan in gene 'Vip' of cell '0'"),
    # Arrays
    (Z, npz(y=COUNTS), {}, "'arrays.npz' must hold an array `x` .n, p., got 'y'"),
    (Z, npz(x=COUNTS.astype(object)), {}, "cannot be read as .npz of arrays without pickles: 'Obj"),
    (Z, npz(x=COUNTS, cells=NAMES.astype(object)), {}, "read as .npz of arrays without pickles"),
    (Z, lambda path: path.write_bytes(pickle.dumps(COUNTS)), {}, "of arrays without pickles: '"),
    (Z, npz(x=COUNTS[:, :, None]), {}, "must have two dimensions, got shape .60, 4, 1."),
    (Z, npz(x=COUNTS * 1j), {}, "'arrays.npz' must be real numbers, got dtype complex128"),
    (Z, npz(x=np.full((60, 4), "2020-01-01", "M8[D]")), {}, r"numbers, got dtype datetime64\[D\]"),
    (Z, npz(x=COUNTS, features=GENES[:3]), {}, r"`features` .* must have shape \(4,\), got \(3,\)"),
    # Which genes
    (
        C,
        csv(),
        {"genes": "genes.tsv"},
        "`genes` must be a number, var:COLUMN, or a text file .* 'g",
    ),
    (C, genes_file(b"Sst\nX1\nX2\nX3\nX4\nX5\nX6\n"), {"genes": "genes.txt"}, "'X5' and 1 other"),
    (C, genes_file(b"\n \n"), {"genes": "genes.txt"}, "must name at least one gene, got none from"),
    (C, genes_file(b"\xff\xfe"), {"genes": "genes.txt"}, "which cannot be read as text"),
    (C, csv(), {"genes": "var:chosen"}, "`genes` can be a column of .var in .h5ad files only"),
    (
        H,
        annotated(),
        {"genes": "var:chose"},
        "must be a column of .var, .* 'length'; the closest is 'chosen'",
    ),
    (H, annotated(), {"genes": "var:length"}, "is true or false, got dtype int64 in 'length'"),
    (C, csv(), {"genes": "0"}, "`genes` must be from 1 to 4, the number of genes, got 0"),
    (C, csv(), {"genes": "9"}, "`genes` must be from 1 to 4, the number of genes, got 9"),
    (C, csv(made_logs()), {"genes": "2"}, "`genes` = 2 needs counts or .* negative value"),
    # Settings that do not fit
    (C, csv(), {"layer": "counts"}, "`layer` is for .h5ad files, got 'table.csv'"),
    (C, csv(), {"use_raw": True}, "`use_raw` is for .h5ad files, got 'table.csv'"),
    (Z, npz(x=COUNTS), {"use_rep": "u"}, "`use_rep` is for .h5ad files, got 'arrays.npz'"),
    (C, csv(), {"layer": "a", "use_raw": True}, "`layer` and `use_raw` cannot be given together"),
    (C, csv(), {"cut": "most"}, "`cut` must be one of .* between 0 and 1, got 'most'"),
    (C, csv(), {"cut": "1.5"}, "`cut` must be one of .* or a quantile between 0 and 1, got '1.5'"),
    (C, csv(), {"levels": 1}, "`levels` must be from 2 to 16, got 1"),
    (C, csv(), {"levels": 3, "cut": "detected"}, "`cut` must be left out with more than"),
    # Codes
    (C, csv(np.zeros((60, 4))), {}, "at least two features must differ .* never on: 'Gad1', 'Sst'"),
    (C, csv(COUNTS * (np.arange(60) > 0)[:, None]), {"cut": "median"}, "none .* as 'cell 0'"),
]


def explore(path, use_rep=None, **settings):
    source = Input(**settings)
    return as_codes(read_cells(path, source, use_rep), source)


@pytest.mark.parametrize(
    ("name", "write", "settings", "sentence"), BAD, ids=[row[3] for row in BAD]
)
def test_bad_input_gets_a_sentence(tmp_path, monkeypatch, name, write, settings, sentence):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(numbers, "_PIECE", 8)  # two rows are looked at at the same time
    write(tmp_path / name)
    with pytest.raises((ValueError, OSError), match=sentence) as raised:
        explore(tmp_path / name, **settings)
    assert type(raised.value) in (ValueError, OSError)
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) <= 300
    assert not str(raised.value).endswith((".", " "))
