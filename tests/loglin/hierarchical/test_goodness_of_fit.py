import numpy as np
import pytest

from loglin import fit, g_squared, pearson_x2


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
        (lambda: g_squared([1.0], [1.0, 2.0]), "`expected` must have the shape of `observed`"),
        (lambda: pearson_x2([1.0], [-1.0]), "`expected` must hold finite counts of at least 0"),
    ],
)
def test_bad_input_gets_one_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()
