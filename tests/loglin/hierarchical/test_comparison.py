import numpy as np
import pytest

from loglin import compare, fit, k_way_tests
from tests.references import R_TABLES, reference

ROWS = reference("loglin/r_extra.json")["sequences"]["anova_HairEyeColor"]["rows"]
TABLE = R_TABLES["HairEyeColor"]


def test_comparisons_equal_r():
    texts = ["A + B + C", "A*B + C", "A*B + A*C", "(A + B + C)^2", "A*B*C"]
    fits = [fit(TABLE, text) for text in texts]
    for model, row in zip(fits, ROWS, strict=True):
        np.testing.assert_allclose([model.g2, model.df], row[:2], rtol=1e-8, atol=1e-10)
    for smaller, larger, row in zip(fits[:-1], fits[1:], ROWS[1:], strict=True):
        test = compare(smaller, larger)
        np.testing.assert_allclose([test.g2, test.df], row[2:4], rtol=1e-8)
        np.testing.assert_allclose(test.p_value, row[4], rtol=1e-7, atol=1e-20)


def test_k_way_tests():
    tests = k_way_tests(TABLE)
    orders = [fit(TABLE, text) for text in ("1", "A + B + C", "(A + B + C)^2", "A*B*C")]
    for k, test in enumerate(tests, start=1):
        assert test.order == k
        np.testing.assert_allclose(test.and_higher.g2, orders[k - 1].g2)
        assert test.and_higher.df == orders[k - 1].df
        np.testing.assert_allclose(test.alone.g2, orders[k - 1].g2 - orders[k].g2)
        assert test.alone.df == orders[k - 1].df - orders[k].df


def test_p_values_are_uniform_under_the_smaller_model(rng):
    truth = np.einsum("i,j,k->ijk", [30.0, 50.0], [0.4, 0.6], [0.3, 0.7]) * 5
    values = []
    for _ in range(400):
        table = rng.poisson(truth)
        values.append(compare(fit(table, "A + B + C"), fit(table, "(A + B + C)^2")).p_value)
    assert abs(np.mean(values) - 0.5) < 0.06
    assert abs(np.mean(np.array(values) < 0.05) - 0.05) < 0.04


def test_where_there_is_no_estimate_degrees_of_freedom_still_add_up():
    table = np.array([0.0, 6, 4, 8, 3, 7, 5, 0]).reshape(2, 2, 2)
    first, second, last = (fit(table, text) for text in ("A + B + C", "(A + B + C)^2", "A*B*C"))
    # Neither larger model has a degree of freedom on its six cells.
    assert (second.df_adjusted, last.df_adjusted) == (0, 0)
    assert compare(first, second).df == compare(first, last).df == 4
    assert compare(second, last).p_value == 1


OTHER = fit(2 * TABLE, "A + B + C")
SMALL = fit(TABLE, "A*B + C")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: compare(SMALL, fit(TABLE, "A*C + B*C")),
            r"`smaller` must be nested in `larger`: \[A C\]\[B C\] does not contain \[A B\]",
        ),
        (lambda: compare(fit(TABLE, "A*B*C"), SMALL), "must be nested"),
        (lambda: compare(OTHER, fit(TABLE, "A*B*C")), "must be fits of the same table"),
        (
            lambda: compare(SMALL, fit(TABLE, "A*B*C", start=TABLE)),
            "must have the same `start`",
        ),
        (lambda: compare(1, SMALL), "`smaller` must be a Fit, got 1"),
        (lambda: k_way_tests([[-1]]), "`table` must hold finite counts"),
    ],
)
def test_bad_input_gets_one_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()
