import numpy as np
import pytest

from experiments.preprocessing import normalize, size_factors
from loglin import dichotomize
from tests.conftest import reference

R = reference("auxiliary/r_auxiliary.json")["deseq"]
COUNTS = np.array(R["counts_genes_by_samples"]).T
SPARSE = np.array(R["sparse_counts"]).T


def test_size_factors_are_those_of_deseq2():
    np.testing.assert_allclose(size_factors(COUNTS), R["ratio_formula"], rtol=1e-12)
    np.testing.assert_allclose(normalize(COUNTS), np.array(R["normalized"]).T, rtol=1e-12)
    np.testing.assert_allclose(
        size_factors(COUNTS[:, 1:9]), R["control_genes_1_8"], rtol=1e-12
    )  # fmt: skip


def test_size_factors_of_sparse_counts_are_those_of_deseq2():
    for counts, expected in [(COUNTS, R["poscounts"]), (SPARSE, R["sparse_poscounts"])]:
        np.testing.assert_allclose(size_factors(counts, "positive-counts"), expected, rtol=1e-12)


def test_between_an_even_number_of_genes_the_median_is_of_logarithms():
    counts = np.array([[1, 100], [1, 1]])
    np.testing.assert_allclose(size_factors(counts), [np.sqrt(10), 1 / np.sqrt(10)])


def test_depth_does_not_matter_after_normalizing(rng):
    rates = rng.gamma(2, 50, size=(1, 40))
    counts = rng.poisson(rates * np.array([1, 2, 5, 10])[:, None]) + 1
    assert size_factors(counts * 7) == pytest.approx(size_factors(counts))
    np.testing.assert_allclose(size_factors(counts) / size_factors(counts)[0], [1, 2, 5, 10],
                               rtol=0.1)  # fmt: skip
    assert dichotomize(normalize(counts)).shape == counts.shape


@pytest.mark.parametrize(
    ("counts", "rule", "message"),
    [
        ([[1, -1]], "all-positive", "`counts` must be finite and not negative"),
        ([[1, np.nan]], "all-positive", "`counts` must be finite and not negative"),
        ([[0, 0], [1, 2]], "positive-counts", "a read in every cell, got none in cell 0"),
        (SPARSE, "all-positive", "no gene that is positive in all cells: `rule` 'positive-counts'"),
        ([[1, 2]], "median", "`rule` must be one of"),
        ([1, 2], "all-positive", "`counts`"),
    ],
)
def test_counts_that_have_no_size_factors(counts, rule, message):
    with pytest.raises(ValueError, match=message):
        size_factors(counts, rule)
