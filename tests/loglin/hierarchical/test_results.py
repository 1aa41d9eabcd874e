import numpy as np
import pytest

from loglin import fit
from tests.loglin.hierarchical.glm_cases import GLM, table_of


@pytest.mark.parametrize("case", GLM, ids=lambda case: f"{case['table']}-{case['model']}")
def test_likelihood_and_criteria_equal_r(case):
    ours = fit(table_of(case), case["margins"], tolerance=1e-14)
    np.testing.assert_allclose(ours.g2, case["deviance"], rtol=1e-10)
    np.testing.assert_allclose(ours.log_likelihood, case["logLik"], rtol=1e-10)
    assert ours.num_parameters == case["rank"]
    assert ours.df == case["df_residual"]
    np.testing.assert_allclose([ours.num_parameters, ours.aic], case["loglm_extractAIC"])
    np.testing.assert_allclose(ours.bic, case["loglm_AIC_k_logn"][1])
    # R's glm counts the likelihood's constant, and for BIC the cells instead of the counts.
    k, cells = ours.num_parameters, ours.table.size
    np.testing.assert_allclose(2 * k - 2 * ours.log_likelihood, case["AIC"])
    np.testing.assert_allclose(np.log(cells) * k - 2 * ours.log_likelihood, case["BIC"])


def test_a_summary_says_how_well_the_model_fits_and_lists_its_effects():
    labels = {"Sex": ["m", "f"], "Yes.no": ["y", "n"]}
    fitted = fit([[10, 20], [30, 40]], [("Yes.no",), ("Sex",)], names=labels)
    first, how, test, criteria, header, *rows = fitted.summary().splitlines()
    assert first == "[Sex][Yes.no]: a count of 100 in 4 cells"
    assert how.startswith("converged in one cycle, margins within ")
    assert test == "G2 0.8043, X2 0.7937, df 1, p 0.3698"
    assert criteria == "AIC 6.80, BIC 14.62 with 3 parameters"
    assert header.split() == ["effect", "level", "estimate", "std.", "error", "z"]
    assert [row.split()[:-3] for row in rows] == [
        ["1"], ["Sex", "m"], ["Sex", "f"], ["Yes.no", "y"], ["Yes.no", "n"],
    ]  # fmt: skip
    values = [float(row.split()[-3]) for row in rows]
    effects = fitted.effects()
    written = [effects[()].estimate, *effects[(0,)].estimate, *effects[(1,)].estimate]
    np.testing.assert_allclose(values, written, atol=5.1e-5)
    assert str(fitted) == fitted.summary()


def test_a_summary_tells_what_is_zero_and_what_that_does():
    text = fit(
        [[0, 6, 4], [8, 0, 7], [5, 3, 0]], "A + B", start=1 - np.eye(3)
    ).summary()  # fmt: skip
    assert "structural zeros: 3" in text
    assert "df 1 (not 4, as all cells and parameters would give)" in text
    haberman = np.reshape([0, 6, 4, 8, 3, 7, 5, 0], (2, 2, 2))
    assert "force 2 of the expected frequencies to zero" in fit(haberman, "(A+B+C)^2").summary()


def test_a_summary_leaves_out_the_effects_of_large_models():
    text = fit(np.ones((8, 9)), "A*B").summary()
    assert text.splitlines()[-1] == "72 parameters: see `effects()`"
    assert len(text.splitlines()) == 5


def test_a_fit_shows_itself_in_one_line():
    assert repr(fit([[10, 20], [30, 40]], "A + B")) == "Fit([A][B]: g2=0.804349, df=1, p=0.37)"
    table = np.arange(1.0, 9).reshape(2, 2, 2)
    unfinished = fit(table, "(A + B + C)^2", max_iterations=1, tolerance=1e-12)
    assert repr(unfinished).endswith(", not converged)")


def test_a_line_of_text_never_waits_for_degrees_of_freedom():
    # Where cells are forced to zero in a large model, counting what they determine takes long.
    table = np.ones((30, 30, 2))
    table[0, 0] = 0
    large = fit(table, "A*B + A*C + B*C")
    assert large.num_parameters > 500
    assert not large.mle_exists
    assert repr(large) == f"Fit([A B][A C][B C]: g2={large.g2:.6g})"


def test_the_log_likelihood_of_large_counts():
    """By Stirling's formula: half the deviance, and half the logarithm of 2 pi n of each cell."""
    for counts in (np.array([1e7, 4e9]), np.array([3e300, 1e307]), np.array([0.0, 1e12])):
        ours = fit(counts, [(0,)])
        expected = -np.log(2 * np.pi * counts[counts > 0]).sum() / 2
        np.testing.assert_allclose(ours.log_likelihood, expected, rtol=1e-6)
    ours, expected = fit([4e9, 1e9], []), np.log(2 * np.pi * np.array([4e9, 1e9])).sum() / 2
    np.testing.assert_allclose(ours.log_likelihood, -ours.g2 / 2 - expected, rtol=1e-12)
