import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
import scipy.sparse

import loglin
from experiments.explore import coding
from experiments.explore.coding import as_codes
from experiments.explore.files import read_cells
from experiments.explore.files.cells import make_cells
from experiments.explore.settings import Input
from tests.experiments.explore.made_files import write_annotated

RNG = np.random.default_rng(0)
COUNTS = RNG.negative_binomial(2, 0.2, (200, 6)) + 1
SPARSE_COUNTS = RNG.poisson(0.3, (200, 6)) * RNG.integers(1, 30, (200, 6)) + np.eye(
    200, 6, dtype=int
)
LOGS = np.log(COUNTS)


def cells_of(values):
    num_cells, num_genes = values.shape
    genes = [f"g{i}" for i in range(num_genes)]
    return make_cells("made", values, np.arange(num_cells), genes)


@pytest.fixture(params=[np.asarray, scipy.sparse.csr_matrix, scipy.sparse.csc_matrix])
def make(request, monkeypatch):
    """Return an array or a sparse matrix, of which two columns are dense at the same time."""
    monkeypatch.setattr("loglin.containers._BLOCK", 400)
    return request.param


@pytest.mark.parametrize(
    ("values", "source", "codes", "how"),
    [
        (SPARSE_COUNTS, Input(), SPARSE_COUNTS > 0, "above 0"),
        (COUNTS - 1, Input(cut="detected"), COUNTS > 1, "above 0"),
        (
            COUNTS,
            Input(),
            loglin.dichotomize(loglin.normalize(COUNTS, "positive-counts")),
            "Counts were divided by size factors of the cells, then a feature is on (1) in a cell "
            "if its value is above the median",
        ),
        (
            COUNTS,
            Input(cut="0.75"),
            loglin.dichotomize(loglin.normalize(COUNTS, "positive-counts"), 0.75),
            "above the 0.75 quantile",
        ),
        (
            LOGS,
            Input(),
            loglin.dichotomize(LOGS),
            "A feature is on (1) in a cell if",
        ),
        (
            LOGS - 2,
            Input(levels=3),
            loglin.categorize(LOGS, 3),
            "Each feature was cut at",
        ),
        (
            COUNTS,
            Input(levels=4),
            loglin.categorize(loglin.normalize(COUNTS, "positive-counts"), 4),
            "size factors of the cells, then each feature was cut at its quantiles into 4",
        ),
        (COUNTS > 4, Input(), COUNTS > 4, "codes already"),
        (COUNTS > 4, Input(cut="median"), COUNTS > 4, "codes already"),
        (COUNTS % 4, Input(), COUNTS % 4, "codes already"),
        (COUNTS % 4, Input(levels=5), COUNTS % 4, "codes already"),
        (COUNTS % 4.0, Input(cut="detected"), COUNTS % 4 > 0, "above 0"),
        (COUNTS % 4, Input(cut="0.25"), loglin.dichotomize(COUNTS % 4, 0.25), "A feature is on"),
        (COUNTS % 4, Input(levels=3), loglin.categorize(COUNTS % 4, 3), "Each feature was cut"),
    ],
)
def test_codes(values, source, codes, how, make):
    coded = as_codes(cells_of(make(values)), source)
    np.testing.assert_array_equal(coded.x, codes)
    assert coded.x.dtype == np.int8
    assert coded.x.flags.c_contiguous
    assert coded.features.tolist() == [f"g{i}" for i in range(6)]
    assert coded.left_out == {}
    assert how in coded.how
    assert coded.how.endswith(".")
    assert "\n" not in coded.how


def test_size_factors_are_those_of_loglin(make):
    factors = (
        coding._size_factors(
            cells_of(make(SPARSE_COUNTS[:6])),
        )
        if False
        else None
    )
    counts = np.r_[SPARSE_COUNTS, COUNTS].astype(np.int16)
    counts = counts[counts.sum(axis=1) > 0]
    factors = coding._size_factors(cells_of(make(counts)))
    np.testing.assert_allclose(factors, loglin.size_factors(counts, "positive-counts"), rtol=1e-12)


def test_zeros_that_are_stored_are_zeros():
    counts = scipy.sparse.csr_matrix(COUNTS)
    counts.data[::7] = 0
    np.testing.assert_allclose(
        coding._size_factors(cells_of(counts)),
        loglin.size_factors(counts.toarray(), "positive-counts"),
    )
    np.testing.assert_array_equal(
        as_codes(cells_of(counts), Input(cut="detected")).x, counts.toarray() > 0
    )


def test_features_that_say_nothing_are_left_out_and_named(make):
    x = np.zeros((100, 8), np.int8)
    x[:, 1] = 1
    x[:4, 2] = 1
    x[4:, 3] = 1
    x[:5, 4] = 1
    x[5:, 5] = 1
    x[:50, 7] = 1
    coded = as_codes(cells_of(make(x)), Input())
    assert coded.features.tolist() == ["g4", "g5", "g7"]
    np.testing.assert_array_equal(coded.x, x[:, [4, 5, 7]])
    assert coded.left_out == {
        "never on": ["g0", "g6"],
        "always on": ["g1"],
        "on in fewer than 5 cells": ["g2"],
        "off in fewer than 5 cells": ["g3"],
    }


def test_features_of_more_levels_that_say_nothing_are_left_out(make):
    x = np.arange(100)[:, None] % 3 + np.zeros((1, 7), int)
    x[:, 0], x[:, 1], x[:, 2] = 2, 2, 0
    x[:2, 1], x[2:4, 1] = 0, 1
    coded = as_codes(cells_of(make(x)), Input())
    assert coded.features.tolist() == ["g3", "g4", "g5", "g6"]
    assert coded.left_out == {
        "constant": ["g0"],
        "differs in fewer than 5 cells": ["g1"],
        "never on": ["g2"],
    }


@pytest.mark.parametrize("num_left", [0, 1])
def test_too_few_features_are_left(num_left):
    x = np.zeros((60, 3), int)
    x[:30, :num_left] = 1
    with pytest.raises(ValueError, match=f"at least two features .* got {num_left}; never on: 'g"):
        as_codes(cells_of(x), Input())
    with pytest.raises(ValueError, match=r"at least two features .* got 1$"):
        as_codes(cells_of(np.arange(60)[:, None] % 2), Input())


def test_cells_without_counts_have_no_size_factor(make):
    counts = COUNTS - 1
    counts[[3, 8]] = 0
    with pytest.raises(ValueError, match="must have counts .* got none in 2, such as '3': leave"):
        as_codes(cells_of(make(counts)), Input(cut="median"))
    assert as_codes(cells_of(make(counts)), Input(cut="detected")).x[[3, 8]].sum() == 0


def sparse_counts(num_cells, num_genes):
    """Return counts of which almost 5 % are positive."""
    rows = np.repeat(np.arange(num_cells), num_genes // 20)
    columns = RNG.integers(0, num_genes, len(rows))
    counts = (RNG.geometric(0.2, len(rows)).astype(np.float32), (rows, columns))
    return scipy.sparse.csr_matrix(counts, (num_cells, num_genes))


@pytest.mark.parametrize("make", [scipy.sparse.csr_matrix, scipy.sparse.csc_matrix])
@pytest.mark.parametrize("cut", ["auto", "median"])
def test_sparse_counts_stay_sparse(tmp_path, monkeypatch, make, cut):
    shape = (4000, 1000)
    monkeypatch.setattr("loglin.containers._BLOCK", 2**16)
    path = tmp_path / "cells.h5ad"
    names = np.arange(4000).astype(str)
    write_annotated(path, make(sparse_counts(*shape)), names[:1000], names, labels="none")
    tracemalloc.start()
    try:
        coded = as_codes(read_cells(path, Input()), Input(cut=cut))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert coded.x.shape == shape
    # The codes take a byte each, and the sparse values as much; dense ones would take 4 or 8.
    assert peak < 3.5 * np.prod(shape)


LARGE = """
import re, sys
from pathlib import Path
from experiments.explore.coding import as_codes
from experiments.explore.files import read_cells
from experiments.explore.settings import Input
source = Input(cut=sys.argv[2])
coded = as_codes(read_cells(Path(sys.argv[1]), source), source)
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]
print(coded.x.shape[1], peak)
"""
"""The peak is of this program alone; `ru_maxrss` begins with that of the process it comes from."""


@pytest.mark.deep
@pytest.mark.parametrize("cut", ["auto", "median"])
def test_a_hundred_thousand_cells_of_2000_genes_take_less_than_a_gibibyte(tmp_path, cut):
    names = np.arange(100_000).astype(str)
    path = tmp_path / "cells.h5ad"
    write_annotated(path, sparse_counts(100_000, 2000), names[:2000], names, labels="none")
    command = [sys.executable, "-c", LARGE, str(path), cut]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    num_features, kibibytes = map(int, done.stdout.split())
    assert num_features == 2000
    assert kibibytes < 2**20
