import numpy as np
import pytest

from loglin import compare, fit, k_way_tests, stepwise
from tests.conftest import R_TABLES, reference

DATA = reference("loglin/r_loglin.json")
NAMES = {table["name"]: table["axis_names"] for table in DATA["tables"]}
SEQUENCES = reference("loglin/r_extra.json")["sequences"]
SEARCHES = [key for key in SEQUENCES if key.startswith("step")]
TABLE = R_TABLES["HairEyeColor"]


def test_comparisons_equal_r():
    rows = SEQUENCES["anova_HairEyeColor"]["rows"]
    texts = ["A + B + C", "A*B + C", "A*B + A*C", "(A + B + C)^2", "A*B*C"]
    fits = [fit(TABLE, text) for text in texts]
    for model, row in zip(fits, rows, strict=True):
        np.testing.assert_allclose([model.g2, model.df], row[:2], rtol=1e-8, atol=1e-10)
    for smaller, larger, row in zip(fits[:-1], fits[1:], rows[1:], strict=True):
        test = compare(smaller, larger)
        np.testing.assert_allclose([test.g2, test.df], row[2:4], rtol=1e-8)
        np.testing.assert_allclose(test.p_value, row[4], rtol=1e-7, atol=1e-20)


@pytest.mark.parametrize("key", SEARCHES)
def test_searches_take_rs_path(key):
    _, direction, criterion, name = key.split("_")
    theirs = SEQUENCES[key]
    ours = stepwise(
        R_TABLES[name], direction=direction, criterion=criterion.lower(), names=NAMES[name]
    )

    def parts(change):
        return change[:1], frozenset(change[2:].split(":"))

    assert [parts(s.change) for s in ours.path] == [parts(c) for c in theirs["path_step"]]
    np.testing.assert_allclose([s.score for s in ours.path], theirs["path_aic"], rtol=1e-9)
    np.testing.assert_allclose(ours.fit.g2, theirs["lrt"], rtol=1e-8)
    assert ours.fit.df == theirs["df"]
    assert ours.fit.num_parameters == theirs["aic"][0]
    terms = {t.strip() for t in theirs["formula"].lstrip("~").split("+")}
    as_r = {":".join(NAMES[name][a] for a in axes) for axes in ours.fit.interactions if axes}
    assert {frozenset(t.split(":")) for t in as_r} == {frozenset(t.split(":")) for t in terms}


def best_of_all_changes(table, model, direction, criterion):
    """One step of a search by trying everything, with fits by generators."""
    now = fit(table, model)
    candidates = []
    present = set(now.interactions)
    everything = set(fit(table, [tuple(range(table.ndim))]).interactions)
    for axes in everything:
        changed = present - {axes} if axes in present else present | {axes}
        hierarchical = all(
            other in changed for term in changed for other in everything if set(other) < set(term)
        )
        backward = axes in present
        if not axes or not hierarchical or backward != (direction == "backward"):
            continue
        candidates.append((getattr(fit(table, changed), criterion), axes))
    return min(candidates) if candidates else (np.inf, None)


@pytest.mark.parametrize("criterion", ["aic", "bic"])
@pytest.mark.parametrize("direction", ["backward", "forward"])
def test_every_step_is_the_best_one(rng, direction, criterion):
    table = rng.poisson(8.0, (2, 3, 2, 2)) + 1.0
    search = stepwise(table, direction=direction, criterion=criterion)
    for before, after in zip(search.path[:-1], search.path[1:], strict=True):
        best, _ = best_of_all_changes(table, before.fit.generators, direction, criterion)
        np.testing.assert_allclose(after.score, best)
        assert after.score < before.score
    best, _ = best_of_all_changes(table, search.fit.generators, direction, criterion)
    assert best >= search.path[-1].score


def test_going_both_ways_is_at_least_as_good(rng):
    for _ in range(5):
        table = rng.poisson(rng.gamma(2.0, 4.0, (2, 3, 2, 2)))
        both = stepwise(table, "A*B + C*D", direction="both")
        for direction in ("backward", "forward"):
            one = stepwise(table, "A*B + C*D", direction=direction)
            first = slice(0, 2)
            assert both.path[first][-1].score <= one.path[first][-1].score
        signs = {step.change[:1] for step in both.path}
        assert signs <= {"", "-", "+"}


@pytest.mark.parametrize("direction", ["backward", "forward"])
def test_searches_by_p_values(direction):
    search = stepwise(TABLE, direction=direction, criterion="p", alpha=0.05)
    for before, after in zip(search.path[:-1], search.path[1:], strict=True):
        smaller, larger = (
            (after.fit, before.fit) if direction == "backward" else (before.fit, after.fit)
        )
        assert compare(smaller, larger).p_value == after.score
        assert (after.score > 0.05) == (direction == "backward")
    assert np.isnan(search.path[0].score)
    # Hair and eyes belong together, and both to sex or not at this level: known of these data.
    assert (0, 1) in search.fit.interactions
    assert (0, 1, 2) not in search.fit.interactions


def test_p_values_that_are_all_zero_are_told_apart():
    # A chain A - B - C, so strong that every first step has a p-value of 0.
    link = np.array([[0.9, 0.1], [0.1, 0.9]])
    table = np.round(link[:, :, None] * link[None] * 250_000)
    search = stepwise(table, direction="forward", criterion="p")
    assert search.fit.model == "[A B][B C]"


def test_an_axis_of_one_level_is_never_worth_a_step(rng):
    table = rng.poisson(20.0, (2, 1, 3))
    for direction in ("forward", "backward"):
        for criterion in ("aic", "p"):
            search = stepwise(table, direction=direction, criterion=criterion)
            without = stepwise(table[:, 0], direction=direction, criterion=criterion)
            assert [step.fit.g2 for step in search.path] == pytest.approx(
                [step.fit.g2 for step in without.path]
            )
            assert all(1 not in axes for axes in search.fit.generators)


def test_a_search_stays_within_its_bounds():
    search = stepwise(TABLE, lower="A + B*C", criterion="bic")
    assert {(1, 2), (0,)} <= set(search.fit.interactions)
    search = stepwise(TABLE, direction="forward", upper="A*B + C")
    assert search.fit.model == "[A B][C]"


def test_a_search_prints_its_path():
    text = str(stepwise(R_TABLES["housing"], names=NAMES["housing"]))
    assert len(text.splitlines()) == 6
    assert "- Infl:Type:Cont" in text
    assert "[Sat Infl][Sat Type Cont][Infl Type][Infl Cont]" in text


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
        (lambda: stepwise(TABLE, direction="up"), "`direction` must be one of .*got 'up'"),
        (lambda: stepwise(TABLE, criterion="g2"), "`criterion` must be one of .*got 'g2'"),
        (
            lambda: stepwise(TABLE, direction="both", criterion="p"),
            "`criterion` must be 'aic' or 'bic' where `direction` is 'both'",
        ),
        (lambda: stepwise(TABLE, alpha=2), "`alpha` must be between 0 and 1, got 2"),
        (lambda: stepwise(TABLE, "A", lower="B"), "`model` must contain `lower`"),
        (lambda: stepwise(TABLE, upper="A*B"), "`model` must contain `lower`"),
        (lambda: k_way_tests([[-1]]), "`table` must hold finite counts"),
    ],
)
def test_bad_input_gets_one_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()
