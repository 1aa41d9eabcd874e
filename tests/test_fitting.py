import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from loglin import fit, g_squared, is_decomposable, pearson_x2
from tests.conftest import reference

DATA = reference("loglin/r_loglin.json")
TABLES = {t["name"]: np.reshape(t["counts"], t["shape"]).astype(float) for t in DATA["tables"]}


def number(value):
    """R's NaN and Inf come as strings."""
    return float(value)


@pytest.mark.parametrize("method", ["auto", "ipf"])
def test_every_model_equals_r(method):
    for model in DATA["models"]:
        name = (model["table"], model["model"])
        table = TABLES[model["table"]]
        # R's rule, deviation in counts below 1e-10, as far as float64 can tell; 1000 cycles.
        tolerance = max(1e-10 / max(1, table.sum()), 1e-14)
        ours = fit(table, model["margins"], method=method, tolerance=tolerance)
        expected = np.reshape([number(v) for v in model["fit"]], table.shape)
        if not ours.converged:
            # Without an estimate IPF creeps towards the boundary, one step at a time: after as
            # many cycles R and we are equally far, up to the order of the margins.
            assert model["iterations"] == 1000 or model["warning"], name
            assert not model["mle"]["exists"], name
            np.testing.assert_allclose(ours.expected, expected, atol=1e-3, err_msg=str(name))
            continue
        np.testing.assert_allclose(
            ours.expected, expected, rtol=1e-8, atol=1e-8 * table.max(), err_msg=str(name)
        )
        assert ours.df == model["df"], name
        np.testing.assert_allclose(ours.g2, model["lrt"], rtol=1e-8, atol=1e-7, err_msg=str(name))
        if number(model["pearson"]) < 1e8:  # R gives NaN or worse where fitted cells are empty
            np.testing.assert_allclose(
                ours.x2, model["pearson"], rtol=1e-6, atol=1e-7, err_msg=str(name)
            )


frequencies = hnp.arrays(
    np.float64,
    hnp.array_shapes(min_dims=3, max_dims=4, min_side=2, max_side=3),
    elements=st.integers(0, 9).map(float),
)


@settings(deadline=None)
@given(frequencies)
def test_closed_form_equals_ipf(table):
    for generators in ([(0, 1), (1, 2)], [(0, 1), (2,)], [(0,), (1,)], [(2,)], []):
        assert is_decomposable(generators)
        closed = fit(table, generators, method="closed-form")
        iterated = fit(table, generators, method="ipf")
        np.testing.assert_allclose(closed.expected, iterated.expected, atol=1e-9)
        assert closed.converged


@settings(deadline=None)
@given(frequencies)
def test_fitted_margins_are_those_of_the_table(table):
    generators = [(0, 1), (1, 2), (0, 2)]
    fitted = fit(table + 0.5, generators)
    assert fitted.converged
    for axes in generators:
        others = tuple(set(range(table.ndim)) - set(axes))
        np.testing.assert_allclose(
            fitted.expected.sum(axis=others), (table + 0.5).sum(axis=others), atol=1e-5
        )


def test_structural_zeros_stay_zero(rng):
    table = rng.integers(1, 20, size=(4, 4)).astype(float)
    np.fill_diagonal(table, 0)
    fitted = fit(table, [(0,), (1,)], start=1 - np.eye(4))
    assert (np.diag(fitted.expected) == 0).all()
    np.testing.assert_allclose(fitted.expected.sum(axis=0), table.sum(axis=0), rtol=1e-6)
    # Off the diagonal the odds ratios of quasi-independence are one.
    e = fitted.expected
    np.testing.assert_allclose(e[0, 2] * e[1, 3] / (e[0, 3] * e[1, 2]), 1, rtol=1e-6)


def test_start_is_not_changed():
    start = np.ones((2, 2))
    fit([[1, 2], [3, 4]], [(0,), (1,)], start=start)
    np.testing.assert_array_equal(start, np.ones((2, 2)))


def test_not_converging_is_told():
    table = np.arange(1.0, 9).reshape(2, 2, 2)
    fitted = fit(table, [(0, 1), (1, 2), (0, 2)], max_iterations=1, tolerance=1e-12)
    assert not fitted.converged
    assert fitted.iterations == 1
    assert fitted.deviation > 0


def test_statistics_by_hand():
    # Agresti's textbook formulas on a 2 x 2 table.
    table = np.array([[10.0, 20.0], [30.0, 40.0]])
    independent = np.outer(table.sum(1), table.sum(0)) / table.sum()
    fitted = fit(table, [(0,), (1,)])
    np.testing.assert_allclose(fitted.expected, independent)
    np.testing.assert_allclose(fitted.g2, 2 * (table * np.log(table / independent)).sum())
    np.testing.assert_allclose(fitted.x2, ((table - independent) ** 2 / independent).sum())
    assert fitted.df == 1
    assert fit(table, [(0, 1)]).p_value == 1.0


def test_statistics_with_zeros():
    assert g_squared([0.0, 2.0], [0.0, 2.0]) == 0
    assert pearson_x2([0.0, 2.0], [0.0, 2.0]) == 0
    assert g_squared([1.0], [0.0]) == np.inf
    assert pearson_x2([1.0], [0.0]) == np.inf


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fit([[1, np.nan]], [(0,)]), "`table` must hold finite counts.*got nan"),
        (lambda: fit([[1, -1]], [(0,)]), "`table` must hold finite counts of at least 0, got -1"),
        (lambda: fit([], [(0,)]), "`table` must have at least one cell"),
        (lambda: fit([["a"]], [(0,)]), "`table` must hold real numbers, got dtype"),
        (lambda: fit([[1, 2]], [(0, 2)]), "`generators` must be from 0 to 1, got 2"),
        (lambda: fit([[1, 2]], 3), "`generators` must be an iterable of iterables"),
        (lambda: fit([[1, 2]], [(0,)], method="newton"), "`method` must be one of .*got 'newton'"),
        (lambda: fit([[1, 2]], [(0,)], tolerance=-1), "`tolerance` must be a finite number of at"),
        (lambda: fit([[1, 2]], [(0,)], tolerance=np.inf), "`tolerance` must be a finite number"),
        (lambda: fit([[1, 2]], [(0,)], max_iterations=0), "`max_iterations` must be from 1 to"),
        (lambda: g_squared([1.0], [1.0, 2.0]), "`expected` must have the shape of `observed`"),
        (lambda: pearson_x2([1.0], [-1.0]), "`expected` must hold finite counts of at least 0"),
        (lambda: fit([[1, 2]], [(0,)], start=[[1]]), r"`start` must have the shape of `table`"),
        (
            lambda: fit(np.ones((2, 2, 2)), [(0, 1), (1, 2), (0, 2)], method="closed-form"),
            "`method` 'closed-form' needs a decomposable model",
        ),
    ],
)
def test_bad_input_gets_one_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()
