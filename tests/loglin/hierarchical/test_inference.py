import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loglin import fit
from loglin.hierarchical.design_matrix import blocks, columns
from loglin.hierarchical.inference import RESIDUALS
from tests.depth import usual_or_deep
from tests.loglin.hierarchical.glm_cases import GLM, table_of
from tests.references import R_MODELS, R_TABLES

PAIRS = [(0, 1), (0, 2), (1, 2)]


@pytest.fixture(params=GLM, ids=lambda case: f"{case['table']}-{case['model']}")
def case(request):
    return request.param


def test_residuals_and_leverages_equal_r(case):
    ours = fit(table_of(case), case["margins"], tolerance=1e-14)
    for kind in RESIDUALS:
        theirs = case[f"resid_{kind.replace('-', '_')}"]
        np.testing.assert_allclose(
            ours.residuals(kind).ravel(), theirs, rtol=1e-7, atol=1e-7, err_msg=kind
        )
    np.testing.assert_allclose(ours.leverages.ravel(), case["leverage"], rtol=1e-7)


def test_effects_and_standard_errors_equal_r(case):
    effects = fit(table_of(case), case["margins"], tolerance=1e-14).effects()
    for name, value, error in zip(case["coef_names"], case["coef"], case["se"], strict=True):
        # "v02:v11" is level 2 of axis 0 with level 1 of axis 1, counted from 1.
        parts = [] if name == "(Intercept)" else sorted(name.split(":"))
        axes = tuple(int(part[1]) for part in parts)
        level = tuple(int(part[2:]) - 1 for part in parts)
        np.testing.assert_allclose(effects[axes].estimate[level], value, rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(effects[axes].standard_error[level], error, rtol=1e-7)
        np.testing.assert_allclose(effects[axes].z[level], value / error, rtol=1e-6, atol=1e-8)


def test_u_terms_equal_r():
    compared = 0
    for model in R_MODELS:
        if "param" not in model or not model["mle"]["exists"]:
            continue
        effects = fit(R_TABLES[model["table"]], model["margins"], tolerance=1e-14).effects()
        for key, values in model["param"].items():
            axes = () if key == "()" else tuple(map(int, key.split(",")))
            np.testing.assert_allclose(
                effects[axes].estimate.ravel(),
                values,
                rtol=1e-6,
                atol=1e-8,
                err_msg=str((model["table"], model["model"], key)),
            )
            compared += 1
    assert compared > 500


@settings(deadline=None, max_examples=usual_or_deep(40, 100))
@given(st.integers(0, 2**32))
def test_effects_sum_to_zero_and_make_up_the_fit(seed):
    table = np.random.default_rng(seed).poisson(10.0, (3, 2, 4)) + 1.0
    fitted = fit(table, PAIRS, tolerance=1e-12)
    logs = np.zeros(table.shape)
    for axes, effect in fitted.effects().items():
        for part in (effect.estimate, effect.standard_error):
            assert part.shape == tuple(table.shape[axis] for axis in axes)
        for position in range(len(axes)):
            np.testing.assert_allclose(effect.estimate.sum(axis=position), 0, atol=1e-9)
        logs += effect.estimate[
            tuple(slice(None) if a in axes else None for a in range(3))
        ]  # axes are sorted
    np.testing.assert_allclose(np.exp(logs), fitted.expected, rtol=1e-7)
    assert (fitted.leverages > 0).all()
    assert (fitted.leverages <= 1 + 1e-9).all()
    np.testing.assert_allclose(fitted.leverages.sum(), fitted.num_parameters)


def test_factors_of_the_start_are_no_effects(rng):
    start = rng.uniform(0.5, 2.0, (2, 3))
    table = rng.poisson(20.0, (2, 3)) + 1.0
    fitted = fit(table, "A + B", start=start, tolerance=1e-13)
    effects = fitted.effects()
    logs = effects[()].estimate + effects[(0,)].estimate[:, None] + effects[(1,)].estimate
    np.testing.assert_allclose(start * np.exp(logs), fitted.expected, rtol=1e-9)


def test_effects_where_there_is_no_estimate(rng):
    # What the facial set determines is the same in every solution there, and the rest is not.
    table = rng.poisson(8.0, (2, 3, 2)) + 1.0
    table[:, 0, 0] = 0
    fitted = fit(table, PAIRS, tolerance=1e-13)
    assert not fitted.mle_exists
    where = columns(tuple(PAIRS), table.shape)
    cells = np.flatnonzero(fitted.facial_set)
    ((_, design),) = blocks(tuple(PAIRS), table.shape, cells)
    parameters = np.linalg.lstsq(design, np.log(fitted.expected.ravel()[cells]), rcond=None)[0]
    _, sizes, vectors = np.linalg.svd(design)
    null = vectors[(sizes > 1e-9).sum() :]
    assert len(null) > 0
    other = parameters + rng.normal(size=len(null)) @ null
    effects = fitted.effects()
    same = [np.allclose(parameters[place], other[place]) for place in where.values()]
    known = [bool(np.isfinite(effects[axes].estimate).all()) for axes in where]
    assert known == same
    assert 0 < sum(known) < len(known)
    # The first levels are the free parameters.
    for axes, place in where.items():
        if np.isfinite(effects[axes].estimate).all():
            free = effects[axes].estimate[tuple(slice(table.shape[a] - 1) for a in axes)]
            np.testing.assert_allclose(free.ravel(), parameters[place], atol=1e-9)
    # On the cells that are left, leverages sum to the parameters that these determine.
    np.testing.assert_allclose(fitted.leverages.sum(), len(cells) - fitted.df_adjusted)
    for kind in RESIDUALS:
        assert (fitted.residuals(kind)[:, 0, 0] == 0).all()


def test_standard_errors_are_those_of_repeated_sampling(rng):
    truth = np.array([[40.0, 20.0, 30.0], [10.0, 25.0, 50.0]])
    # The spread of so many is known to a fortieth: errors wrong by a sixth are seen.
    estimates = [
        fit(rng.poisson(truth), "A*B").effects()[(0, 1)].estimate[0, 0]
        for _ in range(usual_or_deep(800, 2000))
    ]
    error = fit(truth, "A*B").effects()[(0, 1)].standard_error[0, 0]
    np.testing.assert_allclose(np.std(estimates), error, rtol=0.1)


def test_adjusted_residuals_are_standard_normal_under_the_model(rng):
    truth = np.outer([60.0, 30.0, 10.0], [0.2, 0.3, 0.5])
    drawn = [fit(rng.poisson(truth), "A + B").residuals("adjusted") for _ in range(1000)]
    np.testing.assert_allclose(np.std(drawn, axis=0), 1, atol=0.12)


def test_residuals_of_a_saturated_model_are_zero():
    for kind in RESIDUALS:
        expected = 0
        if kind == "freeman-tukey":  # which is not centred at small counts
            n = np.array([[3.0, 5.0], [7.0, 0.0]])
            expected = np.sqrt(n) + np.sqrt(n + 1) - np.sqrt(4 * n + 1)
        np.testing.assert_allclose(
            fit([[3, 5], [7, 0]], "A*B").residuals(kind), expected, atol=1e-12
        )


def test_deviance_residuals_of_cells_that_are_fitted_exactly():
    # What such a cell adds to G2 is rounded to less than zero.
    fitted = fit([[[4, 9], [7, 5]], [[0, 0], [2, 6]]], PAIRS)
    deviance = fitted.residuals("deviance")
    assert np.isfinite(deviance).all()
    np.testing.assert_allclose((deviance**2).sum(), fitted.g2, rtol=1e-6)


def test_counts_too_far_apart_for_standard_errors():
    # Matrices cannot be inverted there; a closed form has no such limit.
    counts = [[1e-300, 1], [1, 1]]
    fitted = fit(counts, "A*B", start=np.ones((2, 2)))
    with pytest.raises(ValueError, match="must be nearer to each other .* got 1e-300 to 1"):
        fitted.effects()
    assert "no effects: the expected counts must be nearer" in fitted.summary()
    error = fit(counts, "A*B").effects()[(0, 1)].standard_error
    np.testing.assert_allclose(error, np.sqrt(1e300) / 4)


def test_a_residual_of_no_kind():
    with pytest.raises(ValueError, match="`kind` must be one of .*got 'raw'"):
        fit([[1, 2], [3, 4]], "A + B").residuals("raw")


@pytest.mark.parametrize("unit", [2.0**-1040, 2.0**-500, 2.0**900])
def test_effects_and_leverages_of_tables_in_any_unit(unit):
    counts = np.array([[3.0, 5.0], [8.0, 2.0], [4.0, 4.0]])
    for model in ("[A][B]", "[A B]"):
        ours, plain = fit(unit * counts, model), fit(counts, model)
        np.testing.assert_allclose(ours.leverages, plain.leverages, rtol=1e-6)
        with np.errstate(over="raise"):
            effects = ours.effects()
        for axes, effect in plain.effects().items():
            shift = np.log(unit) if axes == () else 0
            np.testing.assert_allclose(effects[axes].estimate - shift, effect.estimate, atol=1e-6)
        error = effects[(0,)].standard_error
        expected = plain.effects()[(0,)].standard_error / np.sqrt(unit)
        if unit > 1e-300:
            np.testing.assert_allclose(error, expected, rtol=1e-12)
        else:  # its square is beyond all floats
            assert np.isinf(error).all()
