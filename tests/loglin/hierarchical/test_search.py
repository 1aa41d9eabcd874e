import numpy as np
import pytest

from loglin import compare, fit, stepwise
from tests.references import R_TABLES, reference

NAMES = {
    table["name"]: table["axis_names"] for table in reference("loglin/r_loglin.json")["tables"]
}
SEQUENCES = reference("loglin/r_extra.json")["sequences"]
SEARCHES = [key for key in SEQUENCES if key.startswith("step")]
TABLE = R_TABLES["HairEyeColor"]


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


@pytest.mark.parametrize(("direction", "with_zeros"), [("backward", True), ("both", False)])
def test_a_search_of_a_sparse_table_fits_as_alone(rng, direction, with_zeros):
    table = rng.poisson(rng.gamma(0.5, 2.0, (2,) * 5)).astype(float)
    start = (rng.random(table.shape) < 0.9) | (table > 0) if with_zeros else None
    search = stepwise(table, "(A+B+C+D+E)^4", direction=direction, start=start)
    assert len(search.path) > 5
    for step in search.path:
        alone = fit(table, step.fit.generators, start=start)
        np.testing.assert_array_equal(step.fit.facial_set, alone.facial_set)
        np.testing.assert_allclose(step.fit.expected, alone.expected, atol=1e-6)
    assert any(not step.fit.mle_exists for step in search.path)


def test_rounding_does_not_choose_between_equal_changes(rng):
    # Where zeros leave parameters open, dropping any of several interactions leaves G2 at zero.
    table = rng.poisson(rng.gamma(0.5, 2.0, (2,) * 5)).astype(float)
    path = stepwise(table, "(A+B+C+D+E)^4").path
    one = frozenset(path[0].fit.interactions)
    tied = []
    for axes in (axes for axes in path[0].fit.interactions if len(axes) == 4):
        tied.append((fit(table, one - {axes}).aic, ":".join("ABCDE"[axis] for axis in axes)))
    lowest = min(tied)[0]
    equal = [name for aic, name in tied if aic < lowest + 1e-6]
    assert len(equal) > 1
    assert path[1].change == f"- {equal[0]}"


def test_a_search_prints_its_path():
    text = str(stepwise(R_TABLES["housing"], names=NAMES["housing"]))
    assert len(text.splitlines()) == 6
    assert "- Infl:Type:Cont" in text
    assert "[Sat Infl][Sat Type Cont][Infl Type][Infl Cont]" in text


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: stepwise(TABLE, direction="up"), "`direction` must be one of .*got 'up'"),
        (lambda: stepwise(TABLE, criterion="g2"), "`criterion` must be one of .*got 'g2'"),
        (
            lambda: stepwise(TABLE, direction="both", criterion="p"),
            "`criterion` must be 'aic' or 'bic' where `direction` is 'both'",
        ),
        (lambda: stepwise(TABLE, alpha=2), "`alpha` must be between 0 and 1, got 2"),
        (lambda: stepwise(TABLE, "A", lower="B"), "`model` must contain `lower`"),
        (lambda: stepwise(TABLE, upper="A*B"), "`model` must contain `lower`"),
    ],
)
def test_bad_input_gets_one_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("model", "lower", "upper", "is_within"),
    [
        ("[A][B]", "[A][B]", "[A B]", True),
        ("[A B]", "[A][B]", "[A B]", True),
        ("[A][B]", "[A][B]", "[A][B]", True),
        ("[A][C]", "[A][B]", "[A B C]", False),
        ("[B C]", "[A]", "[A B C]", False),
        ("[A B]", "[A]", "[A][B]", False),
        ("[A B][C]", "[C]", "[A B]", False),
        ("[A]", "[A B]", "[A][B]", False),
    ],
)
def test_a_search_begins_within_its_bounds(rng, model, lower, upper, is_within):
    table = rng.integers(5, 30, size=(2, 2, 2))
    if is_within:
        search = stepwise(table, model, lower=lower, upper=upper)
        assert search.path[0].fit.generators == fit(table, model).generators
        return
    with pytest.raises(ValueError, match="`model` must contain `lower` and be contained in"):
        stepwise(table, model, lower=lower, upper=upper)
