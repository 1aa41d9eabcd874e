"""What comes in is checked once, at a public door; here through some of them and by itself."""

import re

import numpy as np
import pytest
from scipy import sparse

from loglin import contingency_table, dichotomize, fit, frequent_patterns, select_features
from loglin.validation import (
    as_candidates,
    as_choice,
    as_codes,
    as_count,
    as_features,
    as_frequencies,
    as_number,
    as_tuple,
    checked_frequencies,
    shown,
)


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint8, np.int16, np.uint64, np.float32])
@pytest.mark.parametrize("order", ["C", "F"])
def test_contingency_table_takes_any_codes(rng, dtype, order):
    codes = rng.integers(2, size=(50, 3))
    expected = contingency_table(codes)
    np.testing.assert_array_equal(contingency_table(codes.astype(dtype, order=order)), expected)


def test_codes_come_with_the_levels_of_their_columns():
    codes, levels = as_codes([[0.0, 4.0], [0.0, 1.0]], "x")
    assert codes.dtype == np.int8
    assert levels == (2, 5)
    assert as_codes([[True], [False]], "x")[1] == (2,)
    assert as_codes([[0], [1]], "x", [7])[1] == (7,)


@pytest.mark.parametrize("size", [1, 5, 2**15, 2**15 + 1, 3 * 2**15 - 1, 2**18 + 3])
def test_frequencies_come_with_their_total_and_minimum(rng, size):
    given = rng.integers(1, 100, size)
    given[-1] = 0
    values, total, smallest = checked_frequencies(given, "table")
    np.testing.assert_array_equal(values, given)
    assert (total, smallest) == (given.sum(), 0)
    for wrong, got in ((-1.0, "got -1"), (np.nan, "got nan"), (np.inf, "got inf")):
        for at in (0, size // 2, size - 1):
            with pytest.raises(ValueError, match=f"`table` must hold finite counts .*{got}"):
                checked_frequencies(np.where(np.arange(size) == at, wrong, given), "table")


def test_frequencies_are_a_copy_in_c_order():
    given = np.asfortranarray([[1.0, 2.0], [3.0, 4.0]])
    ours = as_frequencies(given, "table")
    ours[0, 0] = 9
    assert given[0, 0] == 1
    assert ours.flags.c_contiguous


def test_candidates_are_sorted_and_all_columns_where_none_are_named():
    assert as_candidates(iter([3, 1, 3]), 4).tolist() == [1, 3]
    assert as_candidates(None, 3).tolist() == [0, 1, 2]


def test_only_what_may_run_out_is_turned_into_a_tuple():
    assert as_tuple(iter([2, 3])) == (2, 3)
    assert as_tuple(None) is None


def test_an_array_without_axes_is_no_sequence():
    assert as_tuple(np.array(3)) == np.array(3)
    for call in (
        lambda: as_candidates(np.array(3), 4),
        lambda: select_features(CODES, CODES, 1, candidates=np.array(1)),
        lambda: frequent_patterns(CODES, np.array(1)),
        lambda: contingency_table(CODES, np.array(2)),
        lambda: fit(CODES, "[A]", names=np.array("A")),
    ):
        with pytest.raises(ValueError, match="must be (a sequence of )?(columns|integers|names)"):
            call()


def test_what_was_given_is_shown_in_one_short_line():
    assert shown("a\nb") == "'a\\nb'"
    assert shown(np.eye(2)) == "array([[1., 0.], [0., 1.]])"
    assert "\n" not in shown(SPARSE)
    assert len(shown(list(range(10_000)))) == 200


def test_numbers_of_numpy_become_those_of_python():
    assert type(as_count(np.int8(3), "count", 0)) is int
    assert type(as_number(np.float32(0.5), "number", 0)) is float


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
        (lambda: contingency_table([[0]], [2, 2]), "`levels` must be 1, one per variable, got 2"),
        (lambda: dichotomize([[1.0], [1.0, 2.0]]), "`values` must have rows of equal length"),
        (
            lambda: dichotomize(np.ma.masked_array([[1.0], [2.0]], mask=[[1], [0]])),
            "`values` must not be masked, got 1 masked",
        ),
        (lambda: contingency_table([[0]], 5), "`levels` must be integers, one per variable, got 5"),
        (lambda: dichotomize([1.0]), r"`values` must have two dimensions.*got shape \(1,\)"),
        (lambda: dichotomize([["a"]]), "`values` must hold real numbers, got dtype"),
        (lambda: as_count(True, "n", 0), "`n` must be an integer, got True"),
        (lambda: as_count(2.0, "n", 0), "`n` must be an integer, got 2.0"),
        (lambda: as_count(4, "n", 0, 3), "`n` must be from 0 to 3, got 4"),
        (lambda: as_count(-1, "n", 0), "`n` must be at least 0, got -1"),
        (lambda: as_number(True, "a", 0), "`a` must be a number, got True"),
        (lambda: as_number("1", "a", 0), "`a` must be a number, got '1'"),
        (lambda: as_number(np.nan, "a", 0, 1), "`a` must be between 0 and 1, got nan"),
        (lambda: as_number(np.inf, "a", 0), "`a` must be a finite number of at least 0, got inf"),
        (
            lambda: as_choice(["x"], "c", ("x", "y")),
            r"`c` must be one of .*, got \['x'\]",
        ),
        (lambda: as_candidates(3, 4), "`candidates` must be columns, got 3"),
        (lambda: as_candidates([], 4), "`candidates` must name at least one feature, got none"),
        (lambda: as_candidates([4], 4), "`candidates` must be from 0 to 3, got 4"),
        (
            lambda: as_candidates(np.array([True, False]), 2),
            r"`candidates` must be columns, got True or False: pass `np.flatnonzero\(candidates\)`",
        ),
        (lambda: as_features(1, 4), "`features` must be a sequence of columns, got 1"),
        (lambda: as_features([1, 1], 4), r"must be different columns, at least one, got \[1, 1\]"),
        (lambda: as_features([4], 4), "`features` must be from 0 to 3, got 4"),
    ],
)
def test_bad_input_gets_one_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()


class Annotated:
    """What anndata's AnnData looks like from outside."""

    obs = var = None

    def __init__(self, matrix):
        self.X = matrix


CELLS = Annotated(np.eye(2, dtype=int))
SPARSE = sparse.csr_array(np.eye(2, dtype=int))
CODES = np.eye(2, dtype=int)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((SPARSE, [[0], [1]]), "`x` must be an array, got a sparse csr_array: pass `x.toarray()`"),
        ((CODES, SPARSE), "`u` must be an array, got a sparse csr_array: pass `u.toarray()`"),
        ((CELLS, CODES), "`x` must be an array of codes, got Annotated: pass `dichotomize(x)`"),
        ((CODES, CELLS), "`u` must be an array of codes, got Annotated: pass `dichotomize(u)`"),
        ((CODES, [0, 1]),
         "`u` must have two dimensions, got shape (2,): for a single column pass `u[:, None]`"),
        (((CODES, [0, 1]), None),
         "`x[1]` must have two dimensions, got shape (2,): for a single column pass "
         "`x[1][:, None]`"),
        (((CODES, CODES[:, :1]), None),
         "`x` must hold models of the same features: expected 2 columns, got 1 (latents are the "
         "argument `u`)"),
        (([CELLS, CODES], [CODES, CODES]),
         "`x[0]` must be an array, got Annotated: pass its matrix, such as `x[0].X`"),
        (([CELLS, CELLS], [CODES, CODES]),
         "`x[0]` must be an array, got Annotated: pass its matrix, such as `x[0].X`"),
        (([[0, 1], SPARSE], [CODES, CODES]),
         "`x[0]` must have two dimensions, got shape (2,): for a single column pass "
         "`x[0][:, None]`"),
    ],
)  # fmt: skip
def test_what_is_nearly_an_array_is_told_how_to_become_one(arguments, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        select_features(*arguments, 1)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (CELLS, "`table` must be an array, got Annotated: pass its matrix, such as `table.X`"),
        (Annotated(SPARSE), "`table` must be an array, got Annotated: pass its matrix, such as "
         "`table.X.toarray()`"),
        (SPARSE, "`table` must be an array, got a sparse csr_array: pass `table.toarray()`"),
        ([[1, 2], SPARSE],
         "`table[1]` must be an array, got a sparse csr_array: pass `table[1].toarray()`"),
    ],
)  # fmt: skip
def test_a_table_of_frequencies_in_another_container_too(table, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        fit(table, "[A][B]")
