"""What R's loglin and loglm do on 56 odd inputs, and what is done here.

`r_edge_cases.json` lists the inputs by a label and R's answers: wrong ones given in silence, and
errors that do not name their cause. Every label has a case below: the error that names it, or the
answer that is right.
"""

import numpy as np
import pytest

from loglin import NotConvergedError, fit
from tests.references import reference

R = {case["label"]: case for case in reference("loglin/r_edge_cases.json")}

T2 = np.array([[10.0, 20.0], [30.0, 40.0]])
T3 = np.fromfunction(lambda i, j, k: 1 + i + 2 * j + 6 * k, (2, 3, 4))
NAMES = ("A", "B")
PAIRS = [(0, 1), (0, 2), (1, 2)]
OFF_DIAGONAL = 1 - np.eye(3)


def changed(table, value, at=(0, 0)):
    table = table.copy()
    table[at] = value
    return table


ERRORS = {
    "margin index out of range (>ndim)": (
        lambda: fit(T2, [(0,), (2,)]),
        "`generators` must be from 0 to 1, got 2",
    ),
    # Axes are counted from 0 here, so R's 0 has no counterpart but one below the first.
    "margin index 0": (lambda: fit(T2, [(-1,), (0,)]), "`generators` must be from 0 to 1, got -1"),
    "margin index negative": (
        lambda: fit(T2, [(-2,), (1,)]),
        "`generators` must be from 0 to 1, got -2",
    ),
    "margin unknown name": (
        lambda: fit(T2, [("A",), ("Z",)], names=NAMES),
        "`generators` must use the names of axes, A, B, got 'Z'",
    ),
    "margin non-integer 1.5": (
        lambda: fit(T2, [(1.5,), (0,)]),
        "`generators` must be an integer, got 1.5",
    ),
    "margin list(NULL)": (
        lambda: fit(T2, [None]),
        "`generators` must be an iterable of iterables",
    ),
    "margin vector not list c(1,2)": (
        lambda: fit(T2, (0, 1)),
        "`generators` must be an iterable of iterables",
    ),
    "margin vector 1:2 saturated?": (
        lambda: fit(T2, range(2)),
        "`generators` must be an iterable of iterables",
    ),
    "negative count": (
        lambda: fit(changed(T2, -1), "A + B"),
        "`table` must hold finite counts of at least 0, got -1",
    ),
    "NA count": (
        lambda: fit([[None, 20], [30, 40]], "A + B"),
        "`table` must hold real numbers, got dtype object",
    ),
    "NaN count": (
        lambda: fit(changed(T2, np.nan), "A + B"),
        "`table` must hold finite counts of at least 0, got nan",
    ),
    "Inf count": (
        lambda: fit(changed(T2, np.inf), "A + B"),
        "`table` must hold finite counts of at least 0, got inf",
    ),
    "all-zero start": (
        lambda: fit(T2, "A + B", start=0 * T2),
        "`start` must be positive where `table` is",
    ),
    "start wrong length": (
        lambda: fit(T2, "A + B", start=np.ones(3)),
        r"`start` must have the shape of `table`: expected \(2, 2\), got \(3,\)",
    ),
    "negative start": (
        lambda: fit(T2, "A + B", start=changed(np.ones((2, 2)), -1)),
        "`start` must hold finite counts of at least 0, got -1",
    ),
    "iter=0": (
        lambda: fit(T2, "A + B", max_iterations=0),
        "`max_iterations` must be from 1 to",
    ),
    # R fits margins that no table with these zeros has: G2 is -373 there.
    "structural zeros quasi-independence: start=0 on diagonal, table keeps diagonal counts": (
        lambda: fit(np.arange(1.0, 10).reshape(3, 3), "A + B", start=OFF_DIAGONAL),
        "`start` must be positive where `table` is: it holds 3 cells at zero, one of them with",
    ),
    "loglm NA data.frame": (
        lambda: fit(np.ma.masked_array(T2, T2 == 10), "A + B"),
        "`table` must not be masked, got 1 masked",
    ),
    "loglm numbered formula ~1+2": (
        lambda: fit(T2, "~ 1 + 2"),
        "`generators` must be a model: expected the name of an axis, got '2'",
    ),
    "loglm non-hierarchical ~A:B silently hierarchical": (
        lambda: fit(T2, "~ A:B", names=NAMES),
        r"`generators` must be a hierarchical model: A:B without B is not \(write A\*B\)",
    ),
}


@pytest.mark.parametrize("label", ERRORS)
def test_errors_name_their_cause(label):
    call, message = ERRORS[label]
    with pytest.raises(ValueError, match=message):
        call()


# Where R is right: the same inputs, the same answers.
AS_R = {
    "baseline indep": lambda: fit(T2, [(0,), (1,)]),
    "names baseline": lambda: fit(T2, [("A",), ("B",)], names=NAMES),
    "duplicate margins": lambda: fit(T2, [(0,), (0,), (1,)]),
    "redundant sub-margin": lambda: fit(T2, [(0, 1), (0,)]),
    "empty margin list list()": lambda: fit(T2, []),
    "empty margin list print=FALSE": lambda: fit(T2, ()),
    "margin list(integer(0))": lambda: fit(T2, [()]),
    "margin list(integer(0)) print=FALSE": lambda: fit(T2, "[]"),
    "margin list(1, integer(0))": lambda: fit(T2, [(0,), ()]),
    "noncomprehensive margins list(1)": lambda: fit(T2, [(0,)]),
    "non-integer counts": lambda: fit(T2 * 0.37, "A + B"),
    "1-D array": lambda: fit([1, 2, 3], [(0,)]),
    "1-D array empty model": lambda: fit([1, 2, 3], []),
    "vector without dim": lambda: fit([1, 2, 3], [(0,)]),
    "axis of length 1": lambda: fit(
        np.fromfunction(lambda i, j, k: 1 + i + j + 2 * k, (2, 1, 3)), "A + B + C"
    ),
    "general start (IPF of seed)": lambda: fit(
        T2, "A + B", start=[[1, 2], [3, 5]], tolerance=1e-13
    ),
    "single sampling zero, all two way": lambda: fit(
        changed(T3, 0, (0, 0, 0)), PAIRS, tolerance=1e-13
    ),
    "zero two-way margin, independence (margin not in model)": lambda: fit(
        changed(T3, 0, (slice(None), 0, 0)), "A + B + C"
    ),
    "loglm saturated formula": lambda: fit(T2, "~A * B", names=NAMES),
}


@pytest.mark.parametrize("label", AS_R)
def test_where_r_is_right_we_are_equal(label):
    ours, theirs = AS_R[label](), R[label]
    assert ours.converged
    if "fit" not in theirs:  # R takes no vector without dimensions; a 1-D array is the same here
        theirs = R["1-D array"]
    np.testing.assert_allclose(ours.expected.ravel(), theirs["fit"], rtol=1e-9)
    np.testing.assert_allclose(ours.g2, theirs["lrt"], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(ours.x2, theirs["pearson"], rtol=1e-9, atol=1e-12)
    assert ours.df == ours.df_adjusted == theirs["df"]
    for name, values in theirs.get("param", {}).items():
        axes = [] if name == "(Intercept)" else name.split(".")
        numbers = tuple(NAMES.index(a) if a in NAMES else int(a) - 1 for a in axes)
        np.testing.assert_allclose(
            ours.effects()[numbers].estimate.ravel(), values, rtol=1e-9, atol=1e-12
        )


def test_duplicate_axis_within_a_margin():
    assert "this should not happen" in R["duplicate axis within a margin"]["error"]
    np.testing.assert_allclose(fit(T2, [(0, 0), (1,)]).expected, [[12, 18], [28, 42]])


def test_empty_margin_first():
    # R ends its list at the zero and fits nothing, with 2 degrees of freedom.
    assert R["margin list(integer(0), 1) [zero ends list]"]["fit"] == [25, 25, 25, 25]
    ours = fit(T2, [(), (0,)])
    np.testing.assert_allclose(ours.expected, [[15, 15], [35, 35]])
    assert ours.df == 2


def test_intercept_only():
    # R's ~1 is taken for the first axis.
    assert R["loglm ~1 (intercept only)"]["fit"] == [15, 15, 35, 35]
    ours = fit(T2, "~1", names=NAMES)
    np.testing.assert_allclose(ours.expected, 25)
    assert ours.df == 3


def test_all_zero_table():
    assert R["all-zero table"]["pearson"] == "NaN"
    ours = fit(0 * T2, "A + B")
    assert (ours.g2, ours.x2, ours.df, ours.df_adjusted, ours.p_value) == (0, 0, 1, 0, 1)
    assert ours.converged
    assert not ours.mle_exists
    assert (ours.expected == 0).all()
    assert np.isnan(ours.effects()[(0,)].estimate).all()
    assert "does not exist" in ours.summary()


def test_one_iteration():
    # R stops there and gives no warning.
    assert R["iter=1"]["warnings"] == []
    ours = fit(T3, PAIRS, max_iterations=1)
    assert not ours.converged
    assert ours.iterations == 1
    # The count of the last level of [A B], where the start of ones has 4.
    np.testing.assert_allclose(ours.deviation, 6 + 12 + 18 + 24 - 4)
    np.testing.assert_allclose(ours.expected.ravel(), R["iter=1"]["fit"])
    assert "NOT CONVERGED after one cycle" in ours.summary()


def test_two_iterations():
    label = "iter=2 no convergence"
    ours = fit(T3**3, PAIRS, max_iterations=2)
    assert not ours.converged
    np.testing.assert_allclose(ours.deviation, 44.14718, rtol=1e-6)
    np.testing.assert_allclose(ours.expected.ravel(), R[label]["fit"])
    with pytest.raises(NotConvergedError, match=r"\[A B\]\[A C\]\[B C\].*after 2 cycles.*44.1"):
        fit(T3**3, PAIRS, max_iterations=2, strict=True)


def test_tolerance_of_zero():
    # Below rounding nothing converges: that is told, and the fit is as good as it gets.
    ours = fit(T3, PAIRS, tolerance=0, max_iterations=50)
    assert ours.converged == (ours.deviation == 0)
    assert ours.deviation < 1e-13
    np.testing.assert_allclose(ours.expected.ravel(), R["eps=0"]["fit"], rtol=1e-12)


def test_zero_two_way_margin():
    # R gives NaN for X2, NaN for every parameter, and 6 degrees of freedom.
    theirs = R["zero two-way margin, all two way"]
    assert (theirs["pearson"], theirs["df"]) == ("NaN", 6)
    table = changed(T3, 0, (slice(None), 0, 0))
    ours = fit(table, PAIRS, tolerance=1e-13)
    np.testing.assert_allclose(ours.expected.ravel(), theirs["fit"], rtol=1e-9)
    np.testing.assert_allclose(ours.g2, theirs["lrt"], rtol=1e-9)
    keep = table > 0
    np.testing.assert_allclose(
        ours.x2, ((table - ours.expected)[keep] ** 2 / ours.expected[keep]).sum(), rtol=1e-9
    )
    # 22 cells are left and one of 18 parameters, [B C] of the empty margin, is not determined.
    assert (ours.df, ours.df_adjusted) == (6, 5)
    assert not ours.mle_exists
    assert np.isnan(ours.effects()[(1, 2)].estimate).any()
    assert np.isfinite(ours.effects()[(0, 1)].estimate).all()


def test_empty_level():
    theirs = R["zero one-way margin (empty level)"]
    assert (theirs["pearson"], theirs["df"]) == ("NaN", 17)
    table = changed(T3, 0, (slice(None), 0))
    ours = fit(table, "A + B + C")
    np.testing.assert_allclose(ours.expected.ravel(), theirs["fit"], rtol=1e-9)
    # As in the table without that level.
    smaller = fit(table[:, 1:], "A + B + C")
    assert ours.df_adjusted == smaller.df == 10
    np.testing.assert_allclose([ours.g2, ours.x2], [smaller.g2, smaller.x2])
    for axis in (0, 2):
        for got, expected in zip(ours.effects()[(axis,)], smaller.effects()[(axis,)], strict=True):
            np.testing.assert_allclose(got, expected)


HABERMAN = np.array([0.0, 6, 4, 8, 3, 7, 5, 0]).reshape(2, 2, 2)


@pytest.mark.parametrize(
    ("label", "settings"),
    [
        (
            "Haberman 2x2x2 zeros at (1,1,1),(2,2,2), no zero margin, all two-way: "
            "MLE does not exist",
            {"tolerance": 1e-12},
        ),
        ("Haberman iter=20 eps=.1", {"tolerance": 0.1 / 33, "max_iterations": 20}),
        ("Haberman iter=1e5", {"tolerance": 1e-12, "max_iterations": 10**5}),
    ],
)
def test_haberman(label, settings):
    # R creeps towards the zeros and says that it did not converge, whatever the cycles.
    assert R[label]["warnings"]
    assert R[label]["df"] == 1
    ours = fit(HABERMAN, PAIRS, **settings)
    assert ours.converged
    assert not ours.mle_exists
    np.testing.assert_allclose(ours.expected, HABERMAN, atol=33 * settings["tolerance"])
    assert (ours.expected[HABERMAN == 0] == 0).all()
    assert (ours.df, ours.df_adjusted, ours.p_value) == (1, 0, 1)
    assert "force 2 of the expected frequencies to zero" in ours.summary()


@pytest.mark.parametrize(
    ("label", "df"),
    [
        # loglin counts 4 degrees of freedom, loglm 1.
        ("structural zeros quasi-independence: start=0 and table=0 on diagonal", 4),
        ("same with MASS::loglm (df adjusts)", 1),
    ],
)
def test_quasi_independence(label, df):
    theirs = R[label]
    assert theirs["df"] == df
    # The table is not in the file; its margins are those of the fit, and G2 tells one from the
    # others with these margins.
    margins = np.reshape(theirs["fit"], (3, 3))
    rows, columns = margins.sum(axis=1).round(), margins.sum(axis=0).round()
    found = []
    for a in range(1, int(rows[0])):
        table = np.zeros((3, 3))
        table[0, 1], table[0, 2] = a, rows[0] - a
        table[1, 2] = columns[2] - table[0, 2]
        table[1, 0] = rows[1] - table[1, 2]
        table[2, 0] = columns[0] - table[1, 0]
        table[2, 1] = rows[2] - table[2, 0]
        if (table >= 0).all():
            ours = fit(table, "A + B", start=OFF_DIAGONAL, tolerance=1e-13)
            if abs(ours.g2 - theirs["lrt"]) < 1e-6:
                found.append(ours)
    assert len(found) == 1
    ours = found[0]
    np.testing.assert_allclose(ours.expected.ravel(), theirs["fit"], rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(ours.x2, theirs["pearson"], rtol=1e-8)
    assert (ours.df, ours.df_adjusted) == (4, 1)
    # R has NaN for every parameter, though all are determined.
    assert ours.mle_exists
    assert np.isfinite(ours.effects()[(0,)].standard_error).all()


def test_missing_cells_are_structural_zeros():
    # R does not quite get there; no degree of freedom is left, so the fit is exact.
    theirs = R["loglm cells missing from the data.frame are structural zeros"]
    assert theirs["lrt"] > 1e-6
    ours = fit(changed(T2, 0), "A + B", start=[[0, 1], [1, 1]], tolerance=1e-13)
    np.testing.assert_allclose(ours.expected, changed(T2, 0), rtol=1e-9)
    assert ours.df_adjusted == 0
    assert ours.g2 < 1e-9


def test_large_counts():
    # An absolute tolerance cannot be met by counts of 10^9; ours is relative.
    label = "large counts: absolute eps 1e-10 unreachable"
    assert R[label]["warnings"] == "algorithm did not converge"
    ours = fit((T3 * 1e8) ** 1.01, PAIRS)
    assert ours.converged
    np.testing.assert_allclose(ours.expected.sum(), ((T3 * 1e8) ** 1.01).sum())


def test_probabilities():
    # With an absolute tolerance of 0.1 R stops at once, and G2 is off by 4 in 100 000.
    label = "small weights (probabilities): default eps=0.1 stops at once"
    total = (T3**3).sum()
    exact = fit(T3**3, PAIRS, tolerance=1e-14)
    ours = fit(T3**3 / total, PAIRS)
    np.testing.assert_allclose(ours.expected * total, exact.expected, rtol=1e-6)
    np.testing.assert_allclose(ours.g2 * total, exact.g2, rtol=1e-9)
    assert abs(R[label]["lrt"] * total / exact.g2 - 1) > 1e-5


ELSEWHERE = {
    "duplicate axis within a margin",
    "margin list(integer(0), 1) [zero ends list]",
    "loglm ~1 (intercept only)",
    "all-zero table",
    "iter=1",
    "iter=2 no convergence",
    "eps=0",
    "zero two-way margin, all two way",
    "zero one-way margin (empty level)",
    "Haberman 2x2x2 zeros at (1,1,1),(2,2,2), no zero margin, all two-way: MLE does not exist",
    "Haberman iter=20 eps=.1",
    "Haberman iter=1e5",
    "structural zeros quasi-independence: start=0 and table=0 on diagonal",
    "same with MASS::loglm (df adjusts)",
    "loglm cells missing from the data.frame are structural zeros",
    "large counts: absolute eps 1e-10 unreachable",
    "small weights (probabilities): default eps=0.1 stops at once",
}


def test_every_input_has_its_case():
    assert len(R) == 56
    assert set(ERRORS) | set(AS_R) | ELSEWHERE == set(R)
