import math

import numpy as np
import pytest

from loglin import fit, fit_tables, g_squared, pearson_x2
from loglin.hierarchical import _statistics_kernels as kernels
from loglin.hierarchical.goodness_of_fit import deviances, statistics


def by_definition(n, m):
    """G2 and X2 in plain numpy."""
    n, m = n.ravel(), m.ravel()
    some = n > 0
    apart = n != m
    g2 = 2 * (n[some] * np.log(n[some] / m[some])).sum()
    return g2, ((n - m)[apart] ** 2 / m[apart]).sum()


def test_the_compiled_logarithm(rng):
    values = np.concatenate(
        [np.exp(rng.uniform(-700, 700, 500)), 1 + rng.normal(0, 1e-3, 500), 2.0 ** np.arange(-9, 9)]
    )
    values = np.concatenate([values, np.sqrt(values[:50])])
    for x in values:
        np.testing.assert_allclose(kernels.log(x, x - 1.0), math.log(x), rtol=5e-16)
    for excess in rng.normal(0, 1e-9, 50):  # more digits than 1 + excess has
        got = kernels.log(1.0 + excess, excess)
        np.testing.assert_allclose(got, math.log1p(excess), rtol=1e-15)


@pytest.mark.parametrize("size", [1, 7, 63, 64, 65, 1000, 2**16 - 1, 2**16 + 1, 3 * 2**16 + 129])
def test_statistics_of_odd_sizes_with_zeros(rng, size):
    n = rng.poisson(2.0, size).astype(float)
    m = np.where(rng.random(size) < 0.1, n, rng.gamma(2.0, 1.0, size))  # 0 and 0 among them
    m *= n.sum() / m.sum() if m.sum() > 0 else 1.0
    found = statistics(n, m)
    expected = by_definition(n, m)
    np.testing.assert_allclose([found.deviance, found.x2], expected, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(found.deviance, deviances(n, m).sum(), rtol=1e-12)
    # Where the totals differ, G2 is not the deviance.
    np.testing.assert_allclose(g_squared(n, 1.5 * m), by_definition(n, 1.5 * m)[0], rtol=1e-10)


@pytest.mark.parametrize("unit", [1e-308, 1e-290, 1e-160, 1.0, 1e150, 1e290])
def test_statistics_at_the_ends_of_the_range_of_floats(unit):
    n, m = np.array([3.0, 1.0, 0.0, 2.0]) * unit, np.array([1.0, 2.0, 2.0, 1.0]) * unit
    g2 = 6 * np.log(3) - 2 * np.log(2) + 4 * np.log(2)
    np.testing.assert_allclose(g_squared(n, m) / unit, g2, rtol=1e-12)
    if 1e-150 < unit < 1e150:  # its square is a float
        np.testing.assert_allclose(pearson_x2(n, m) / unit, 4 + 0.5 + 2 + 1, rtol=1e-12)
    far = g_squared([1e200, 1.0], [1e-200, 1.0])
    assert far == np.inf


def test_what_a_good_fit_lacks_is_not_lost_in_rounding():
    # Terms of G2 are 1e-9 of counts, of which 1e-16 would be lost: more than G2 itself.
    n = np.array([1e6, 1e6])
    m = n + np.array([1e-3, -1e-3])
    np.testing.assert_allclose(statistics(n, m).deviance, 2e-12, rtol=1e-6)
    np.testing.assert_allclose(deviances(n, m), 1e-12, rtol=1e-3)


def test_statistics_of_many_tables_are_those_of_each(rng):
    tables = rng.poisson(1.0, (30, 3, 7)).astype(float)
    fits = fit_tables(tables, "A + B")
    for t, (n, m) in enumerate(zip(tables, fits.expected, strict=True)):
        np.testing.assert_allclose([fits.g2[t], fits.x2[t]], by_definition(n, m), atol=1e-9)
    # One far out of range, where the plain definition takes over.
    fits = fit_tables([[[1e-310, 2e-310]], [[1.0, 3.0]]], "1")
    np.testing.assert_allclose(fits.g2[1], by_definition(np.array([1.0, 3]), np.array([2.0, 2]))[0])
    np.testing.assert_allclose(
        fits.g2[0] / 1e-310, 2 * np.log(1 / 1.5) + 4 * np.log(2 / 1.5), rtol=1e-9
    )


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


def test_cells_that_are_not_expected_are_infinitely_far_off_however_rare():
    assert pearson_x2([1e-200, 1.0], [0.0, 1.0]) == np.inf
    assert g_squared([1e-200, 1.0], [0.0, 1.0]) == np.inf
    np.testing.assert_allclose(pearson_x2([2e200], [1e200]), 1e200)
