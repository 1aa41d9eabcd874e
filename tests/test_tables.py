import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from loglin import categorize, contingency_table, dichotomize, tables

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


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint8, np.int16, np.uint64, np.float32])
@pytest.mark.parametrize("order", ["C", "F"])
def test_contingency_table_takes_any_codes(rng, dtype, order):
    codes = rng.integers(2, size=(50, 3))
    expected = contingency_table(codes)
    np.testing.assert_array_equal(contingency_table(codes.astype(dtype, order=order)), expected)


def test_levels_that_never_occur_have_cells():
    assert contingency_table([[0], [0]]).tolist() == [2, 0]
    assert contingency_table([[0], [2]], [5]).tolist() == [1, 0, 1, 0, 0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: contingency_table([[0.5]]), "`codes` must hold whole numbers 0..L-1, got 0.5"),
        (lambda: contingency_table([[np.nan]]), "`codes` must hold codes 0..L-1, got NaN"),
        (lambda: contingency_table([[-1]]), "`codes` must hold codes 0..L-1, got -1"),
        (lambda: contingency_table([[127]]), "`codes` must hold codes below 127.*got 127"),
        (lambda: contingency_table([["a"]]), "`codes` must hold real numbers, got dtype <U1"),
        (lambda: contingency_table([]), r"`codes` must have two dimensions.*got shape \(0,\)"),
        (lambda: contingency_table([[1]], [1]), "`levels` must be from 2 to 127, got 1"),
        (lambda: contingency_table([[2]], [2]), "column 0 has 2 levels and the code 2"),
        (lambda: contingency_table([[0]], [2, 2]), "`levels` must be 1, one a variable, got 2"),
        (lambda: dichotomize([[np.nan]]), "`values` must be finite.*, got nan"),
        (lambda: dichotomize([[-np.inf], [1.0]]), "`values` must be finite.*, got -inf"),
        (lambda: dichotomize([[1.0], [1.0, 2.0]]), "`values` must have rows of equal length"),
        (lambda: dichotomize([[1.0]], "half"), "`quantile` must be a number, got 'half'"),
        (
            lambda: dichotomize(np.ma.masked_array([[1.0], [2.0]], mask=[[1], [0]])),
            "`values` must not be masked, got 1 masked",
        ),
        (lambda: contingency_table([[0]], 5), "`levels` must be integers, one a variable, got 5"),
        (lambda: dichotomize([1.0]), r"`values` must have two dimensions.*got shape \(1,\)"),
        (lambda: dichotomize([[1.0]], 1.5), "`quantile` must be between 0 and 1, got 1.5"),
        (lambda: dichotomize([["a"]]), "`values` must hold real numbers, got dtype"),
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
