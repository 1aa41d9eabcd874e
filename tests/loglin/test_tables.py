import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from loglin import (
    categorize,
    contingency_table,
    dichotomize,
    latent_codes,
    normalize,
    size_factors,
    tables,
)
from loglin.tables import distinct_rows
from tests.references import reference

values = hnp.arrays(
    np.float64, st.tuples(st.integers(1, 30), st.integers(1, 4)), elements=st.floats(-1e6, 1e6)
)


def test_dichotomize_is_strictly_above_the_median():
    sparse = np.array([[0.0], [0.0], [0.0], [1.0], [7.0]])
    assert dichotomize(sparse).ravel().tolist() == [0, 0, 0, 1, 1]
    assert dichotomize(np.arange(5.0)[:, None]).ravel().tolist() == [0, 0, 0, 1, 1]
    assert dichotomize(np.ones((4, 2))).tolist() == [[0, 0]] * 4


@given(values)
def test_dichotomize_leaves_at_most_half_above(x):
    codes = dichotomize(x)
    assert codes.dtype == np.int8
    assert (codes.sum(axis=0) <= len(x) / 2).all()


@given(values, st.integers(2, 10))
def test_categorize_keeps_order_and_equals_dichotomize_at_two(x, num_levels):
    codes = categorize(x, num_levels)
    assert codes.min() >= 0
    assert codes.max() < num_levels
    for column, code in zip(x.T, codes.T, strict=True):
        assert (np.diff(code[np.argsort(column, kind="stable")]) >= 0).all()
    np.testing.assert_array_equal(categorize(x, 2), dichotomize(x))


def test_categorize_makes_equal_bins(rng):
    counts = np.bincount(categorize(rng.normal(size=(1200, 1)), 4).ravel())
    assert counts.tolist() == [300] * 4


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint16, np.int64])
def test_latents_that_are_codes_stay_as_they_are(dtype):
    u = np.array([[0, 1], [1, 1], [1, 0]], dtype)
    ours = latent_codes(u)
    assert ours.dtype == dtype
    np.testing.assert_array_equal(ours, u)
    assert latent_codes([[0, 7], [3, 1]]).tolist() == [[0, 7], [3, 1]]


@given(values, st.sampled_from([np.float32, np.float64]))
def test_real_latents_are_cut_at_their_medians(u, dtype):
    u = u.astype(dtype)
    whole = np.floor(u)
    np.testing.assert_array_equal(latent_codes(whole), whole)  # codes, however they are stored
    u[0, 0] = whole[0, 0] + 0.5
    assume(u[0, 0] != np.floor(u[0, 0]))  # float32 has no halves among large numbers
    np.testing.assert_array_equal(latent_codes(u), dichotomize(u))


@given(
    hnp.arrays(
        np.int64, st.tuples(st.integers(1, 40), st.integers(1, 4)), elements=st.integers(0, 3)
    )
)
def test_contingency_table_counts_every_sample(codes):
    table = contingency_table(codes, [4] * codes.shape[1])
    expected = np.zeros((4,) * codes.shape[1])
    for row in codes:
        expected[tuple(row)] += 1
    np.testing.assert_array_equal(table, expected)


@given(
    hnp.arrays(
        np.int8, st.tuples(st.integers(1, 60), st.integers(0, 70)), elements=st.integers(0, 1)
    ),
    st.sampled_from([1, 2, 127]),
)
def test_distinct_rows_are_numpys(codes, largest):
    # 70 columns, or 10 with 128 levels, are beyond 64 bits.
    codes *= np.int8(largest)
    rows = distinct_rows(codes)
    states, index, counts = np.unique(codes, axis=0, return_inverse=True, return_counts=True)
    np.testing.assert_array_equal(rows.states, states)
    np.testing.assert_array_equal(rows.group, index)
    np.testing.assert_array_equal(rows.counts, counts)


def test_levels_that_never_occur_have_cells():
    assert contingency_table([[0], [0]]).tolist() == [2, 0]
    assert contingency_table([[0], [2]], [5]).tolist() == [1, 0, 1, 0, 0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: dichotomize([[np.nan]]), "`values` must be finite.*, got nan"),
        (lambda: dichotomize([[-np.inf], [1.0]]), "`values` must be finite.*, got -inf"),
        (lambda: dichotomize([[1.0]], "half"), "`quantile` must be a number, got 'half'"),
        (lambda: dichotomize([[1.0]], 1.5), "`quantile` must be between 0 and 1, got 1.5"),
        (lambda: latent_codes([0, 1]), r"`u` must have two dimensions.*got shape \(2,\)"),
        (lambda: latent_codes([["a"]]), "`u` must hold real numbers, got dtype <U1"),
        (lambda: latent_codes([[0.5], [np.inf]]), "must be finite.*got inf"),
        (lambda: categorize([[1.0]], 1), "`num_levels` must be from 2 to 127, got 1"),
        (lambda: categorize([[1.0]], 2.0), "`num_levels` must be an integer, got 2.0"),
    ],
)
def test_bad_input_gets_one_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_table_that_would_not_fit_is_refused_with_its_size():
    codes = np.zeros((1, 40), np.int8)
    with pytest.raises(ValueError, match=f"40 variables with {2**40:,} cells need {2**43:,}"):
        contingency_table(codes)
    assert tables.MAX_TABLE_BYTES < 2**43


DESEQ = reference("auxiliary/r_auxiliary.json")["deseq"]
COUNTS = np.array(DESEQ["counts_genes_by_samples"]).T
SPARSE = np.array(DESEQ["sparse_counts"]).T


def test_size_factors_are_those_of_deseq2():
    np.testing.assert_allclose(size_factors(COUNTS), DESEQ["ratio_formula"], rtol=1e-12)
    np.testing.assert_allclose(normalize(COUNTS), np.array(DESEQ["normalized"]).T, rtol=1e-12)
    np.testing.assert_allclose(
        size_factors(COUNTS[:, 1:9]), DESEQ["control_genes_1_8"], rtol=1e-12
    )  # fmt: skip


def test_size_factors_of_sparse_counts_are_those_of_deseq2():
    for counts, expected in [(COUNTS, DESEQ["poscounts"]), (SPARSE, DESEQ["sparse_poscounts"])]:
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
        (SPARSE, "all-positive", "positive in all cells, got none: `rule` 'positive-counts'"),
        ([[1, 2]], "median", "`rule` must be one of"),
        ([1, 2], "all-positive", "`counts`"),
    ],
)
def test_counts_that_have_no_size_factors(counts, rule, message):
    with pytest.raises(ValueError, match=message):
        size_factors(counts, rule)


@pytest.mark.parametrize("unit", [1e-310, 1.0, 1.7e308])
def test_values_are_cut_in_any_unit(unit):
    values = np.array([[-1.0, 1.0], [-0.5, 0.9], [0.5, -1.0], [1.0, -0.9]])
    np.testing.assert_array_equal(dichotomize(unit * values), dichotomize(values))
    np.testing.assert_array_equal(categorize(unit * values, 4), categorize(values, 4))


def test_the_unit_is_a_power_of_two_that_leaves_all_digits(rng):
    for scale in (1e-310, 1e-5, 1.0, 1e300):
        values = scale * rng.random(5)
        unit = tables.unit_of(values)
        assert np.frexp(unit)[0] == 0.5
        assert 1 <= values.max() / unit < 2
        np.testing.assert_array_equal(values / unit * unit, values)
