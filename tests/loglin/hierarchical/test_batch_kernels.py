import numpy as np
import pytest

from loglin import fit, fit_tables


@pytest.mark.parametrize(
    ("shape", "model"),
    [
        ((2, 3, 2, 2), "A*B + B*C + A*C + C*D"),
        ((2, 2, 2), "(A+B+C)^2"),
        ((3, 5), "A + B"),
        ((7,), "1"),
    ],
)
def test_many_tables_side_by_side_are_each_fitted_as_alone(rng, shape, model):
    # More than one batch, the last one incomplete; with zeros some tables take all cycles.
    tables = rng.poisson(rng.choice([0.7, 20.0], (45, *[1] * len(shape))), (45, *shape))
    for most in (1, 3, 200):
        together = fit_tables(tables, model, max_iterations=most)
        for t, table in enumerate(tables):
            alone = fit_tables(table[None], model, max_iterations=most)
            for name in ("expected", "iterations", "deviation", "converged"):
                np.testing.assert_array_equal(getattr(together, name)[t], getattr(alone, name)[0])
    np.testing.assert_allclose(
        together.g2[-1], fit(tables[-1], model, method="ipf").g2, rtol=1e-6, atol=1e-6
    )
