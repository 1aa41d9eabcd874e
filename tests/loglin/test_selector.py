import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_estimator

import loglin
from loglin import (
    COVERING,
    LogLinearSelector,
    categorize,
    dichotomize,
    latent_codes,
    select_features,
)

EQ1 = {"null_model": "joint", "across": "max", "corrected": False}
ALL_KEPT = "`n_features_to_select` is 10, but X has only"


@pytest.fixture
def values(rng):
    """Return (400, 30) values; features 3, 8 and 21 make three latents, the others are noise."""
    return rng.normal(size=(400, 30))


@pytest.fixture
def latents(values, rng):
    return values[:, [8, 21, 3]] + rng.normal(size=(400, 3)) * [0.2, 0.4, 0.6]


@pytest.fixture
def codes(values):
    """Return codes of two, three and four levels."""
    return np.hstack([categorize(values[:, start::3], start + 2) for start in range(3)])


def chosen(x, y, **settings):
    return LogLinearSelector(5, **settings).fit(x, y).features_.tolist()


@pytest.mark.filterwarnings(f"ignore:{ALL_KEPT}")
@pytest.mark.parametrize("settings", [{}, {"n_features_to_select": 1}])
def test_it_keeps_the_conventions_of_scikit_learn(settings):
    results = check_estimator(LogLinearSelector(**settings), on_skip=None)
    assert len(results) > 40
    others = {result["check_name"] for result in results if result["status"] != "passed"}
    assert others <= {"check_array_api_input"}  # it runs only where SCIPY_ARRAY_API is set


@pytest.mark.parametrize("settings", [COVERING, EQ1, COVERING | {"stop": "chance"}])
def test_it_selects_as_select_features_does(codes, latents, rng, settings):
    labels = rng.permutation(4)[categorize(latents[:, :1], 4)[:, 0]]
    for y, u in [
        (labels, labels[:, None]),
        (np.array(["T", "B", "NK", "mast"])[labels], labels[:, None]),  # text in any order
        (latents[:, 0], dichotomize(latents[:, :1])),
        (latents, latent_codes(latents)),
    ]:
        ours = LogLinearSelector(7, **settings).fit(codes, y)
        expected = select_features(codes, u, 7, **settings)
        np.testing.assert_array_equal(ours.features_, expected.features)
        np.testing.assert_allclose(ours.selection_.gains, expected.gains, rtol=1e-12)


def test_the_paper_is_not_the_default(codes, latents):
    assert chosen(codes, latents) != chosen(codes, latents, **EQ1)


def test_it_finds_the_planted_features_and_no_others(values, latents):
    selector = LogLinearSelector(40, stop="chance").fit(values, latents)
    assert selector.features_.tolist() == [8, 21, 3]  # the clearest first
    assert selector.n_features_ == 3
    np.testing.assert_array_equal(np.flatnonzero(selector.support_), [3, 8, 21])
    np.testing.assert_array_equal(selector.transform(values), values[:, [3, 8, 21]])


def test_it_may_find_nothing(values, rng):
    selector = LogLinearSelector(5, stop="chance").fit(values, rng.integers(2, size=400))
    assert not selector.support_.any()
    with pytest.warns(UserWarning, match="No features were selected"):
        assert selector.transform(values).shape == (400, 0)


def test_permuted_columns_give_the_same_features(values, latents, rng):
    order = rng.permutation(30)
    assert order[chosen(values[:, order], latents)].tolist() == chosen(values, latents)


@pytest.mark.parametrize("num_levels", [2, 3])
def test_only_columns_that_are_no_codes_are_cut(latents, rng, num_levels):
    kind = dichotomize(latents[:, 0][:, None])[:, 0]
    often = (rng.random(400) < 0.5) | (kind == 1)  # its median is its larger value
    assert often.mean() > 0.6
    counts = rng.poisson(20 * (1 + kind))
    x = np.column_stack([
        counts, counts - 10, 10 * counts, 0.5 * counts, np.where(often, 1, -1),
        np.where(often, 0.7, 0.1), 1.5 * often, np.ones(400), np.full(400, -3.5),
    ])  # fmt: skip
    expected = np.column_stack([
        counts, *categorize(x[:, 1:4], num_levels).T, often, often, often, np.ones(400),
        np.zeros(400),
    ])  # fmt: skip
    ours = LogLinearSelector(7, num_levels=num_levels).fit(x, kind).selection_
    theirs = select_features(expected, kind[:, None], 7, **COVERING)
    np.testing.assert_array_equal(ours.features, theirs.features)
    np.testing.assert_allclose(ours.scores, theirs.scores, rtol=1e-12)


def test_whole_numbers_up_to_126_are_codes(rng):
    codes = np.append(rng.integers(127, size=399), 126)
    more = np.append(codes[:-1], 127)
    kind = codes[:, None] > 60
    ours = LogLinearSelector(2).fit(np.column_stack([codes, more]).astype(float), kind)
    theirs = select_features(
        np.column_stack([codes, categorize(more[:, None], 2)]), kind, 2, **COVERING
    )
    np.testing.assert_array_equal(ours.selection_.scores, theirs.scores)


def test_sparse_values_of_many_columns_are_taken(rng):
    x = rng.poisson(0.2, size=(300, 200)) * rng.choice([1.0, 0.5, 50.0], size=200)
    y = x[:, [190, 130, 20]].astype(bool) @ [1, 2, 4]
    dense, sparse = (LogLinearSelector(6).fit(form, y) for form in (x, csr_array(x)))
    assert set(dense.features_[:3]) == {190, 130, 20}
    np.testing.assert_array_equal(sparse.selection_.scores, dense.selection_.scores)
    np.testing.assert_array_equal(sparse.transform(csr_array(x)).toarray(), dense.transform(x))


def test_each_column_of_y_is_taken_by_itself(codes, latents):
    labels = categorize(latents[:, :1], 3)[:, 0] - 1.0  # -1, 0, 1
    together = np.column_stack([labels, latents[:, 1]])
    u = np.column_stack([labels + 1, dichotomize(latents[:, 1:2])])
    expected = select_features(codes, u, 5, **COVERING).features.tolist()
    assert chosen(codes, together) == expected
    assert chosen(codes, pd.DataFrame(u.astype(int).astype(str))) == expected
    assert get_tags(LogLinearSelector()).target_tags.multi_output
    indicators = (u == 1).astype(int)
    assert chosen(codes, csr_array(indicators)) == chosen(codes, indicators)


def test_a_grid_search_finds_the_number_of_features(values):
    y = (values[:, [8, 21, 3]] > 0).sum(axis=1) > 1
    bins = KBinsDiscretizer(2, encode="ordinal", quantile_method="averaged_inverted_cdf")
    pipeline = make_pipeline(bins, LogLinearSelector(), LogisticRegression())
    name = "loglinearselector__n_features_to_select"
    search = GridSearchCV(pipeline, {name: [1, 2, 3]}, cv=3).fit(values, y)
    assert search.best_params_ == {name: 3}
    assert search.best_estimator_[1].get_support(indices=True).tolist() == [3, 8, 21]
    assert search.best_estimator_.score(values, y) > 0.95


def test_names_go_along(values, latents):
    genes = pd.DataFrame(values, [f"cell{row}" for row in range(400)]).add_prefix("gene")
    genes = genes.astype({"gene3": np.float32})
    selector = LogLinearSelector(3).set_output(transform="pandas").fit(genes, latents)
    pd.testing.assert_frame_equal(selector.transform(genes), genes[["gene3", "gene8", "gene21"]])
    assert selector.selection_.names.tolist() == ["gene8", "gene21", "gene3"]
    restored = selector.inverse_transform(genes[["gene3", "gene8", "gene21"]])
    np.testing.assert_array_equal(restored, genes * selector.support_)


def test_more_features_than_there_are_keep_all_with_a_warning(values, latents):
    with pytest.warns(UserWarning, match=f"^{ALL_KEPT} 4 features: all are kept$"):
        selector = LogLinearSelector().fit(values[:, :4], latents)
    assert selector.support_.tolist() == [True] * 4
    assert selector.features_[0] == 3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_features_to_select": 0}, "`n_features_to_select` must be at least 1, got 0"),
        ({"n_features_to_select": 0.5}, "`n_features_to_select` must be an integer, got 0.5"),
        (
            {"null_model": "none"},
            "`null_model` must be one of ('joint', 'conditional') or callable",
        ),
        ({"null_model": "joint"}, "`corrected` needs `null_model` 'conditional', got 'joint'"),
        ({"across": "mean"}, "`across` must be one of ('max', 'sum'), got 'mean'"),
        ({"corrected": 1}, "`corrected` must be True or False, got 1"),
        ({"stop": "early"}, "`stop` must be one of ('chance',), got 'early'"),
        ({"stop": "chance", "corrected": False}, "`stop` 'chance' needs `corrected`"),
        ({"num_levels": 1}, "`num_levels` must be from 2 to 127, got 1"),
        ({"num_threads": 0}, "`num_threads` must be at least 1, got 0"),
    ],
)
def test_wrong_settings_are_refused(values, latents, settings, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}.*$"):
        LogLinearSelector(**settings).fit(values, latents)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (
            None,
            "This LogLinearSelector estimator requires y to be passed, but the target y is None",
        ),
        (np.array(["B", None] * 200), "`y` must hold labels of one type, got NoneType, str"),
        (
            np.arange(400),
            "`y` must hold at most 127 labels, got 400 (`dichotomize` or `categorize`",
        ),
        (np.full(400, np.nan), "Input y contains NaN"),
    ],
)
def test_wrong_labels_are_refused(values, labels, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        LogLinearSelector().fit(values, labels)


@pytest.mark.parametrize(("name", "as_first"), [("X", True), ("y", False)])
def test_an_annotated_table_is_told_to_pass_its_matrix(values, latents, name, as_first):
    cells = SimpleNamespace(obs=None, var=None, X=values)
    message = f"`{name}` must be an array or data frame, got SimpleNamespace: pass its matrix"
    with pytest.raises(ValueError, match=f"^{message}, such as `{name}.X`$"):
        LogLinearSelector().fit(*((cells, latents) if as_first else (values, cells)))


def test_the_package_knows_the_selector_and_no_other_names():
    assert "LogLinearSelector" in dir(loglin)
    with pytest.raises(AttributeError, match="module 'loglin' has no attribute 'Selector'"):
        loglin.Selector  # noqa: B018
