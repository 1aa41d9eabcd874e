from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from loglin import fit
from loglin.hierarchical import existence
from loglin.hierarchical.existence import adjusted_df, face, facial_set, smaller_face
from loglin.hierarchical.generators import as_generators
from tests.depth import usual_or_deep

PAIRS = ((0, 1), (0, 2), (1, 2))


def indicators(generators, levels):
    """One column for each cell of each fitted margin: the textbook's design, rank-deficient."""
    cells = np.array(list(np.ndindex(*levels)))
    columns = [np.ones(len(cells))]
    for axes in generators:
        for state in np.ndindex(*(levels[axis] for axis in axes)):
            columns.append((cells[:, axes] == state).all(axis=1).astype(float))
    return np.column_stack(columns)


def facial_set_cell_by_cell(counts, generators, possible):
    """Ask of each cell whether a table with the same margins has it above zero."""
    design = indicators(generators, counts.shape)[possible.ravel()]
    total = counts.sum()
    answer = counts.ravel() > 0  # the table itself is one with these margins
    for i, cell in enumerate(np.flatnonzero(possible)):
        if answer[cell]:
            continue
        best = linprog(
            -np.eye(len(design))[i], A_eq=design.T, b_eq=design.T @ counts.ravel()[possible.ravel()]
        )
        answer[cell] = -best.fun > 1e-7 * max(total, 1)
    return answer.reshape(counts.shape)


@st.composite
def sparse_tables(draw):
    levels = draw(st.sampled_from([(2, 2, 2), (2, 3, 2), (3, 3, 3), (2, 2, 2, 2), (3, 4)]))
    pairs = list(combinations(range(len(levels)), 2))
    some_pairs = st.lists(st.sampled_from(pairs), min_size=1, max_size=6)
    # With all pairs zeros are most often forced where no margin is empty.
    generators = draw(st.just(pairs) | some_pairs)
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    counts = rng.poisson(draw(st.sampled_from([0.5, 1.0, 2.0])), levels).astype(float)
    possible = np.ones(levels, bool)
    if draw(st.booleans()):
        possible = (rng.random(levels) < 0.8) | (counts > 0)
    return counts, as_generators(generators, len(levels)), possible


@settings(deadline=None, max_examples=150)
@given(sparse_tables())
def test_facial_set_and_degrees_of_freedom(problem):
    counts, generators, possible = problem
    if counts.sum() == 0:
        return
    expected = facial_set_cell_by_cell(counts, generators, possible)
    facial = facial_set(counts, generators, possible)
    np.testing.assert_array_equal(facial, expected)
    rank = np.linalg.matrix_rank(indicators(generators, counts.shape)[facial.ravel()])
    assert adjusted_df(generators, facial) == facial.sum() - rank
    # The fit comes to the same cells, by linear programming or by being sure without it.
    fitted = fit(counts, generators, start=None if possible.all() else possible)
    np.testing.assert_array_equal(fitted.facial_set, expected)
    assert fitted.mle_exists == (expected == possible).all()
    assert fitted.converged
    for axes in generators:
        others = tuple(set(range(counts.ndim)) - set(axes))
        np.testing.assert_allclose(
            fitted.expected.sum(axis=others), counts.sum(axis=others), atol=1e-6
        )


@settings(deadline=None, max_examples=usual_or_deep(60, 300))
@given(sparse_tables())
def test_facial_sets_of_smaller_models_from_those_of_larger_ones(problem):
    counts, generators, possible = problem
    if counts.sum() == 0:
        return
    larger = face(counts, (tuple(range(counts.ndim)),), possible)
    np.testing.assert_array_equal(larger.facial, counts > 0)
    expected = facial_set_cell_by_cell(counts, generators, possible)
    rank = np.linalg.matrix_rank(indicators(generators, counts.shape)[expected.ravel()])
    # At once, by way of a model in between, and from nothing.
    between = as_generators([*generators, (0, 1)], counts.ndim)
    for found in (
        smaller_face(larger, generators),
        smaller_face(smaller_face(larger, between), generators),
        face(counts, generators, possible),
    ):
        np.testing.assert_array_equal(found.facial, expected)
        assert len(found.basis) - found.basis.shape[1] == rank
        np.testing.assert_array_equal(np.sort(found.cells), np.flatnonzero(possible & ~expected))


@settings(deadline=None, max_examples=usual_or_deep(60, 300))
@given(st.integers(0, 2**32))
def test_least_squares_and_the_linear_program_force_the_same_rows(seed):
    # Small whole numbers, so that equal rows, zero rows and ties are frequent.
    rng = np.random.default_rng(seed)
    values = rng.integers(-1, 2, (rng.integers(1, 12), rng.integers(1, 6))).astype(float)
    by_program = np.zeros(len(values), bool)
    some = (values != 0).any(axis=1)
    by_program[some] = existence._forced_by_program(values[some])
    np.testing.assert_array_equal(existence._forced(values), by_program)


def test_where_least_squares_fail_the_linear_program_decides(monkeypatch):
    values = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, -1.0], [1.0, 1.0]])
    assert existence._forced(values).tolist() == [True, False, False, True]
    for wrong in (0.0, 1e15):  # not at the minimum, and weights too large to tell anything
        monkeypatch.setattr(
            existence,
            "_nonnegative_weights",
            lambda columns, target, wrong=wrong: np.full(columns.shape[1], wrong),
        )
        assert existence._forced(values).tolist() == [True, False, False, True]
    monkeypatch.setattr(existence, "_MOST_FOR_LEAST_SQUARES", 3)
    assert existence._forced(values).tolist() == [True, False, False, True]


def test_few_cycles_are_spent_before_zeros_are_found(rng):
    counts = rng.poisson(0.7, (2,) * 6).astype(float)
    fitted = fit(counts, list(combinations(range(6), 3)))
    assert not fitted.mle_exists
    assert fitted.converged
    assert fitted.iterations < 300


def test_the_textbook_case():
    # Haberman 1974: no empty margin, and yet no estimate.
    counts = np.array([0.0, 6, 4, 8, 3, 7, 5, 0]).reshape(2, 2, 2)
    np.testing.assert_array_equal(facial_set(counts, PAIRS, np.ones((2, 2, 2), bool)), counts > 0)
    # With the zeros in another place there is one.
    counts[0, 0, 0], counts[0, 0, 1] = 6, 0
    assert facial_set(counts, PAIRS, np.ones((2, 2, 2), bool)).all()


def test_no_linear_program_where_it_is_not_needed(rng, monkeypatch):
    def refuse(*arguments):
        raise AssertionError("asked for the facial set")

    monkeypatch.setattr("loglin.hierarchical.fitting.facial_set", refuse)
    counts = rng.poisson(4.0, (2, 3, 2, 3)).astype(float)
    counts[0, 1, 1, 2] = 0
    assert (counts == 0).any()
    assert fit(counts, [(0, 1), (1, 2), (0, 2), (2, 3)]).mle_exists
    counts[:, 0] = 0
    fitted = fit(counts, [(0, 1), (1, 2), (0, 2), (2, 3)])
    assert (fitted.facial_set == (fitted.expected > 0)).all()
    assert not fitted.mle_exists


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_the_unit_of_counts_does_not_matter(scale):
    counts = scale * np.array([0.0, 6, 4, 8, 3, 7, 5, 0]).reshape(2, 2, 2)
    assert fit(counts, PAIRS).df_adjusted == 0
