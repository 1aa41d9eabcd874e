from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from loglin import NotConvergedError, fit, fit_tables, is_decomposable
from tests.depth import usual_or_deep
from tests.references import R_MODELS, R_TABLES, reference


@pytest.mark.parametrize("method", ["auto", "ipf"])
def test_every_model_equals_r(method):
    for model in R_MODELS:
        name, mle = (model["table"], model["model"]), model["mle"]
        table = R_TABLES[model["table"]]
        # R's rule, deviation in counts below 1e-10, as far as float64 can tell.
        ours = fit(
            table, model["margins"], method=method, tolerance=max(1e-10 / table.sum(), 1e-14)
        )
        assert ours.converged, name
        # Degrees of freedom, existence and X2 are those of exact linear programming, where R errs.
        assert ours.df == model["df"], name
        assert ours.mle_exists == mle["exists"], name
        assert ours.df_adjusted == mle["df_facial"], name
        assert ours.facial_set.sum() == mle["n_facial"], name
        if "facial_set" in mle:
            np.testing.assert_array_equal(ours.facial_set.ravel(), np.array(mle["facial_set"]) > 0)
        if model["iterations"] == 1000 and not mle["exists"]:
            # Cells that are forced to zero sink as 1 / cycles: R is still on the way.
            tolerances, atol = {"rtol": 0, "atol": 3e-3}, 1e-2
        else:
            tolerances, atol = {"rtol": 1e-8, "atol": 1e-8 * table.max()}, 1e-7
        expected = np.reshape([float(value) for value in model["fit"]], table.shape)
        np.testing.assert_allclose(ours.expected, expected, err_msg=str(name), **tolerances)
        np.testing.assert_allclose(ours.g2, model["lrt"], rtol=1e-8, atol=atol, err_msg=str(name))
        np.testing.assert_allclose(
            ours.x2, model["pearson_facial"], rtol=1e-7, atol=1e-5 * atol / 1e-7, err_msg=str(name)
        )


def test_structural_zeros_and_starts_equal_r():
    for case in reference("loglin/r_extra.json")["structural"]:
        table, start = (np.reshape(case[key], case["shape"]) for key in ("counts", "start"))
        ours = fit(table, case["margins"], start=start, tolerance=1e-14)
        np.testing.assert_allclose(ours.expected.ravel(), case["fit"], rtol=1e-8, atol=1e-9)
        np.testing.assert_allclose([ours.g2, ours.x2], [case["lrt"], case["pearson"]], rtol=1e-9)
        assert ours.df == case["df_loglin"]
        # loglm takes off the structural zeros, but not a parameter that only they would determine:
        # no child of the crew, so none of Class:Age there.
        lost = int(case["name"] == "titanic_no_child_crew_all_two_way")
        assert ours.df_adjusted == case["df_loglm"] + lost
        assert ours.mle_exists


frequencies = hnp.arrays(
    np.float64,
    hnp.array_shapes(min_dims=3, max_dims=4, min_side=2, max_side=3),
    elements=st.integers(0, 9).map(float),
)


@settings(deadline=None, max_examples=usual_or_deep(40, 100))
@given(frequencies)
def test_closed_form_equals_ipf(table):
    for generators in ([(0, 1), (1, 2)], [(0, 1), (2,)], [(0,), (1,)], [(2,)], []):
        assert is_decomposable(generators)
        closed = fit(table, generators, method="closed-form")
        iterated = fit(table, generators, method="ipf")
        np.testing.assert_allclose(closed.expected, iterated.expected, atol=1e-9)
        assert closed.converged


@settings(deadline=None, max_examples=usual_or_deep(40, 100))
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


@settings(deadline=None, max_examples=usual_or_deep(40, 100))
@given(frequencies, st.permutations(range(3)), st.floats(0.01, 1e6))
def test_order_and_unit_of_counts_do_not_matter(table, order, unit):
    table = table.reshape(*table.shape[:2], -1) + 0.1
    pairs = list(combinations(range(3), 2))
    ours = fit(table, pairs, tolerance=1e-12)
    turned = [tuple(order.index(axis) for axis in axes) for axes in pairs]
    other = fit(unit * table.transpose(order), turned, tolerance=1e-12)
    np.testing.assert_allclose(
        other.expected / unit, ours.expected.transpose(order), rtol=1e-6, atol=1e-9
    )
    np.testing.assert_allclose(other.g2 / unit, ours.g2, rtol=1e-6, atol=1e-8)


@settings(deadline=None, max_examples=usual_or_deep(40, 100))
@given(frequencies)
def test_odds_ratios_do_not_depend_on_an_axis_that_does_not_interact(table):
    table = table.reshape(*table.shape[:2], -1) + 0.5
    m = fit(table, [(0, 1), (1, 2), (0, 2)], tolerance=1e-12).expected
    odds = m[0, 0] * m[1, 1] / (m[0, 1] * m[1, 0])
    np.testing.assert_allclose(odds, odds[0], rtol=1e-5)


@settings(deadline=None, max_examples=usual_or_deep(40, 100))
@given(st.integers(0, 2**32), st.integers(1, 5))
def test_many_tables_at_once_are_each_fitted_as_alone(seed, num_tables):
    tables = np.random.default_rng(seed).integers(1, 30, size=(num_tables, 2, 3, 2, 2))
    model = "A*B + B*C + A*C + C*D"
    together = fit_tables(tables, model)
    for i, table in enumerate(tables):
        alone = fit(table, model)
        np.testing.assert_array_equal(together.expected[i], alone.expected)
        np.testing.assert_allclose(together.g2[i], alone.g2, atol=1e-10)
        np.testing.assert_allclose(together.x2[i], alone.x2, atol=1e-10)
        assert together.iterations[i] == alone.iterations
        assert together.deviation[i] == alone.deviation
        assert together.converged[i]
    assert together.df == alone.df


@settings(deadline=None, max_examples=usual_or_deep(30, 100))
@given(frequencies, st.randoms(use_true_random=False))
def test_order_of_levels_does_not_matter(table, random):
    levels = [random.sample(range(size), size) for size in table.shape]
    model = [(0, 1), (1, 2), (0, 2)]
    ours = fit(table + 0.5, model, tolerance=1e-12)
    other = fit((table + 0.5)[np.ix_(*levels)], model, tolerance=1e-12)
    np.testing.assert_allclose(other.expected, ours.expected[np.ix_(*levels)], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose([other.g2, other.x2], [ours.g2, ours.x2], rtol=1e-6, atol=1e-8)


@settings(deadline=None, max_examples=usual_or_deep(30, 100))
@given(frequencies, st.sampled_from([[(0, 1), (1, 2), (0, 2)], [(0, 1), (2,)]]))
def test_twice_the_counts_have_twice_the_g2(table, model):
    # A power of two: all roundings are the same.
    ours, twice = fit(table + 1, model), fit(2 * (table + 1), model)
    np.testing.assert_array_equal(twice.expected, 2 * ours.expected)
    assert (twice.g2, twice.x2) == (2 * ours.g2, 2 * ours.x2)
    assert twice.df == ours.df


DTYPES = [bool, np.int8, np.uint8, np.int16, np.uint32, np.int64, np.uint64, np.float32]


@settings(deadline=None, max_examples=usual_or_deep(30, 100))
@given(frequencies, st.sampled_from(DTYPES), st.sampled_from(["C", "F", "reversed", "every other"]))
def test_counts_of_any_type_order_and_stride_have_the_same_bits(table, dtype, order):
    if dtype is bool:
        table = table > 3
    given = np.asarray(table.astype(dtype), order=order if len(order) == 1 else "C")
    if order == "reversed":
        given = np.ascontiguousarray(given[::-1])[::-1]
    if order == "every other":
        wide = np.zeros((*given.shape[:-1], 2 * given.shape[-1]), dtype)
        wide[..., ::2] = given
        given = wide[..., ::2]
    model = [(0, 1), (1, 2), (0, 2)]
    ours, other = fit(table.astype(float), model), fit(given, model)
    for name in ("table", "expected", "g2", "x2", "deviation"):
        np.testing.assert_array_equal(getattr(other, name), getattr(ours, name))


def test_start_gives_a_shape_that_is_not_fitted(rng):
    # Odds ratios of the fit are those of the start where the model has no interaction.
    start = rng.uniform(0.5, 2, size=(2, 3))
    m = fit(rng.integers(5, 30, size=(2, 3)), "A + B", start=start, tolerance=1e-13).expected
    for k in (1, 2):
        np.testing.assert_allclose(
            m[0, 0] * m[1, k] / (m[0, k] * m[1, 0]),
            start[0, 0] * start[1, k] / (start[0, k] * start[1, 0]),
        )


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
    with pytest.raises(NotConvergedError, match="did not converge: after 1 cycles"):
        fit(table, "(A + B + C)^2", max_iterations=1, tolerance=1e-12, strict=True)


def test_cells_of_huge_and_tiny_tables():
    for scale in (1e-200, 1e-12, 1e12, 1e200):
        closed = fit(scale * np.array([[1.0, 2], [3, 6]]), "A + B")
        np.testing.assert_allclose(closed.expected, scale * np.array([[1, 2], [3, 6]]))
    for scale in (1e-12, 1e12):
        fitted = fit(scale * np.arange(1.0, 9).reshape(2, 2, 2), "(A + B + C)^2")
        np.testing.assert_allclose(fitted.expected.sum(), scale * 36, rtol=1e-6)


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
        (lambda: fit([[1, 2]], [(0,)], start=[[1]]), r"`start` must have the shape of `table`"),
        (lambda: fit([1e308] * 3, [(0,)]), "`table` must hold finite counts.*got a total of inf"),
        (lambda: fit([[1, 2]], "A", names=["A"]), "`names` must be 2, one per axis, got 1"),
        (lambda: fit_tables([1, 2], []), r"`tables` must have at least two axes, got shape \(2,\)"),
        (lambda: fit_tables([[[1, -2]]], []), "`tables` must hold finite counts of at least 0"),
        (
            lambda: fit(np.ones((2, 2, 2)), [(0, 1), (1, 2), (0, 2)], method="closed-form"),
            "`method` 'closed-form' needs a decomposable model",
        ),
    ],
)
def test_bad_input_gets_one_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()
