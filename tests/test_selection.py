import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loglin import (
    all_interactions,
    conditional_independence,
    contingency_table,
    fit,
    g_squared,
    joint_independence,
    select_features,
)
from tests.conftest import REFERENCE, reference

CASES = sorted(path.stem for path in (REFERENCE / "selection").glob("g*.json"))
EVOLUTION_CASES = sorted(path.stem for path in (REFERENCE / "selection").glob("evol_*.json"))


def inputs(name):
    with np.load(REFERENCE / "selection" / f"{name}.npz") as file:
        arrays = dict(file)
    if "H" not in arrays:
        return {"x": arrays["X"], "u": None, "levels": arrays["xlev"]}
    return {
        "x": arrays["X"],
        "u": arrays["H"],
        "levels": arrays["xlev"],
        "latent_levels": arrays["hlev"],
    }


def assert_scores(ours, theirs):
    """Compare (r, p) scores with the authors' (p, r), null where chosen."""
    theirs = np.array(theirs, dtype=float).T
    np.testing.assert_array_equal(np.isnan(ours), np.isnan(theirs))
    # G2 near zero is a difference of large sums, in their code as in ours.
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-7)


@pytest.mark.parametrize("name", CASES)
def test_selection_equals_the_authors(name):
    expected = reference(f"selection/{name}.json")
    from_pair = expected["startsize"] == 2
    ours = select_features(
        **inputs(name), num_features=expected["q"], start="best-pair" if from_pair else "empty"
    )
    assert ours.features.tolist() == expected["order"]
    # A pair has one gain, that of its second feature.
    gains = ours.gains[1:] if from_pair else ours.gains
    np.testing.assert_allclose(gains, expected["gain"], rtol=1e-9, atol=1e-9)
    for step, candidates in enumerate(expected.get("candidates", []), start=int(from_pair)):
        assert candidates["selected_before"] == ours.features[:step].tolist()
        assert_scores(ours.scores[step], candidates["G2"])


@pytest.mark.parametrize("name", EVOLUTION_CASES)
def test_conditional_selection_equals_the_authors(name):
    expected = reference(f"selection/{name}.json")
    data = inputs(expected["name"])
    ours = select_features(
        **data, num_features=len(expected["evolution_order"]), null_model="conditional"
    )
    assert ours.features.tolist() == expected["evolution_order"]
    np.testing.assert_allclose(ours.gains, expected["evolution_gain"], rtol=1e-9)
    if "evolution_scores" in expected:
        assert_scores(ours.scores[0], expected["evolution_scores"][0])


def plain_score(x, u, chosen, candidate, x_levels, u_levels, empty, null_model):
    """G2 from the dense table of (u, S, j), by its definition."""
    columns = [x[:, f] for f in (*chosen, candidate)]
    levels = [x_levels[f] for f in (*chosen, candidate)]
    table = contingency_table(np.column_stack([u, *columns]), [u_levels, *levels])
    table[table == 0] = empty
    us = table.sum(axis=-1, keepdims=True)
    if null_model == "joint":
        everything_but_j = tuple(range(table.ndim - 1))
        expected = us * table.sum(axis=everything_but_j, keepdims=True) / table.sum()
    else:
        sj, s = table.sum(axis=0, keepdims=True), us.sum(axis=0, keepdims=True)
        with np.errstate(invalid="ignore"):
            expected = us * sj / s
    return g_squared(table, np.nan_to_num(expected))


codes = st.integers(0, 2**32 - 1).map(np.random.default_rng)


@settings(deadline=None, max_examples=25)
@given(codes, st.sampled_from(["joint", "conditional"]), st.sampled_from([0.5, 0.0, 1.0]))
def test_every_score_is_the_plain_statistic_of_the_dense_table(rng, null_model, empty):
    x_levels, u_levels = rng.integers(2, 5, size=5), rng.integers(2, 4, size=2)
    n = int(rng.integers(1, 80))
    x = np.column_stack([rng.integers(level, size=n) for level in x_levels])
    u = np.column_stack([rng.integers(level, size=n) for level in u_levels])
    x[:, 1] = np.minimum(x[:, 0], x_levels[1] - 1)
    ours = select_features(
        x, u, 4, levels=x_levels, latent_levels=u_levels, null_model=null_model, empty=empty
    )
    for step, scores in enumerate(ours.scores):
        chosen = ours.features[:step].tolist()
        for candidate in set(range(5)) - set(chosen):
            for latent in range(2):
                plain = plain_score(
                    x,
                    u[:, latent],
                    chosen,
                    candidate,
                    x_levels,
                    u_levels[latent],
                    empty,
                    null_model,
                )
                np.testing.assert_allclose(scores[latent, candidate], plain, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "family"), [("joint", joint_independence), ("conditional", conditional_independence)]
)
@settings(deadline=None, max_examples=10)
@given(codes, st.sampled_from([0.5, 0.0]))
def test_closed_form_equals_fitted_tables(name, family, rng, empty):
    x, u = rng.integers(3, size=(200, 6)), rng.integers(2, size=(200, 2))
    x[:, 2] = (x[:, 0] + u[:, 1]) % 3
    closed = select_features(x, u, 4, null_model=name, empty=empty)
    fitted = select_features(x, u, 4, null_model=family, empty=empty)
    assert closed.features.tolist() == fitted.features.tolist()
    np.testing.assert_allclose(closed.scores, fitted.scores, rtol=1e-9, atol=1e-9)


def test_null_model_without_closed_form(rng):
    """All interactions but the highest: only joint patterns of all variables count."""

    def all_but_highest(num_variables):
        return all_interactions(num_variables, num_variables - 1)

    # Parity of three features: no smaller set of variables knows anything about the rest.
    x = rng.integers(2, size=(400, 5))
    x[:, 0] = rng.random(400) < 0.9
    u = (x[:, 1] ^ x[:, 2] ^ x[:, 4])[:, None]
    ours = select_features(x, u, 3, null_model=all_but_highest, candidates=[1, 2, 4])
    table = contingency_table(np.column_stack([u, x[:, ours.features]]))
    table[table == 0] = 0.5
    triples = [(0, 1, 2), (0, 1, 3), (0, 2, 3), (1, 2, 3)]
    expected = fit(table, triples, method="ipf", tolerance=1e-12)
    assert expected.iterations > 1
    np.testing.assert_allclose(ours.gains[2], expected.g2, rtol=1e-6)
    assert ours.gains[2] > 100 * ours.gains[:2].max()


def test_callable_null_model_without_latents(rng):
    x = rng.integers(2, size=(100, 4))
    closed = select_features(x, None, 3)
    fitted = select_features(x, None, 3, null_model=joint_independence)
    assert closed.features.tolist() == fitted.features.tolist()
    np.testing.assert_allclose(closed.scores, fitted.scores, rtol=1e-9, atol=1e-9)
    assert closed.latents.tolist() == [-1, -1, -1]


@settings(deadline=None)
@given(codes, st.integers(2, 3))
def test_order_of_samples_and_labels_do_not_matter(rng, num_levels):
    x, u = rng.integers(num_levels, size=(120, 8)), rng.integers(2, size=(120, 3))
    ours = select_features(x, u, 4, levels=[num_levels] * 8)
    order = rng.permutation(120)
    other_x, other_u = (num_levels - 1 - x)[order], (1 - u)[order]
    relabelled = select_features(other_x, other_u, 4, levels=[num_levels] * 8)
    assert ours.features.tolist() == relabelled.features.tolist()
    np.testing.assert_allclose(ours.scores, relabelled.scores, rtol=1e-9, atol=1e-9)


@settings(deadline=None)
@given(codes)
def test_a_duplicated_column_scores_as_the_first_and_comes_after_it(rng):
    x, u = rng.integers(2, size=(100, 5)), rng.integers(2, size=(100, 2))
    twice = np.column_stack([x, x[:, [2]]])
    ours = select_features(twice, u, 3)
    for step, scores in enumerate(ours.scores):
        if 2 not in ours.features[:step]:
            np.testing.assert_array_equal(scores[:, 2], scores[:, 5])
    features = ours.features.tolist()
    assert 5 not in features or features.index(5) > features.index(2)


def test_ties_go_to_the_lowest_feature_then_latent(rng):
    u = rng.integers(2, size=(500, 1))
    noisy = u[:, 0] ^ (rng.random(500) < 0.1)
    x = np.column_stack([rng.integers(2, size=500), noisy, 1 - noisy, noisy])
    ours = select_features(x, np.column_stack([1 - u, u]), 1)
    assert ours.features.tolist() == [1]
    assert ours.latents.tolist() == [0]


def test_samples_of_no_feature_twice_and_many_steps(rng):
    # Far more patterns (2^20) than samples: only those that occur are visited.
    x, u = rng.integers(2, size=(200, 20)), rng.integers(2, size=(200, 2))
    ours = select_features(x, u, 20)
    assert sorted(ours.features) == list(range(20))
    assert np.isfinite(ours.gains).all()


def test_jax_arrays_and_odd_dtypes_are_taken(rng):
    import jax.numpy as jnp

    x, u = rng.integers(2, size=(100, 5)), rng.integers(2, size=(100, 2))
    expected = select_features(x, u, 3)
    for convert in (
        jnp.asarray,
        lambda a: a.astype(bool),
        np.asfortranarray,
        lambda a: a.astype(float),
    ):
        np.testing.assert_array_equal(
            select_features(convert(x), convert(u), 3).gains, expected.gains
        )


x_ok, u_ok = np.eye(4, dtype=int), np.eye(4, dtype=int)[:, :2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"x": x_ok * np.nan}, "`x` must hold codes 0..L-1, got NaN"),
        ({"x": x_ok - 1}, "`x` must hold codes 0..L-1, got -1"),
        ({"x": x_ok + 0.5}, "`x` must hold whole numbers 0..L-1, got 1.5"),
        ({"x": np.empty((0, 4), int)}, "`x` must have two dimensions.*got shape"),
        ({"u": u_ok[:3]}, "`u` must have as many rows as `x`: expected 4, got 3"),
        ({"u": u_ok * 1.5}, "`u` must hold whole numbers 0..L-1, got 1.5"),
        ({"num_features": 5}, "`num_features` must be from 1 to 4, got 5"),
        ({"num_features": 0}, "`num_features` must be from 1 to 4, got 0"),
        ({"num_features": 1, "start": "best-pair"}, "`num_features` must be from 2 to 4, got 1"),
        ({"num_features": 1, "u": None}, "`num_features` must be from 2 to 4, got 1"),
        ({"num_features": 2, "candidates": [0]}, "`num_features` must be from 1 to 1, got 2"),
        ({"candidates": [4]}, "`candidates` must be from 0 to 3, got 4"),
        ({"candidates": []}, "`candidates` must name at least one feature"),
        ({"levels": [2, 2]}, "`levels` must be 4, one a variable, got 2"),
        ({"latent_levels": [2, 1]}, "`latent_levels` must be from 2 to 127, got 1"),
        ({"null_model": "saturated"}, "`null_model` must be one of .*got 'saturated'"),
        ({"empty": -1}, "`empty` must be a finite number of at least 0, got -1"),
        ({"empty": np.nan}, "`empty` must be a finite number of at least 0, got nan"),
        ({"empty": "half"}, "`empty` must be a number, got 'half'"),
        ({"x": [[0, 1], [1]]}, "`x` must have rows of equal length, got ragged ones"),
        ({"x": (x_ok, u_ok), "u": None}, "`x` must have rows of equal length"),
        ({"candidates": 3}, "`candidates` must be columns, got 3"),
        ({"levels": 2}, "`levels` must be integers, one a variable, got 2"),
        ({"u": None, "null_model": "conditional"}, "`null_model` 'conditional' is about latents"),
        ({"start": "best"}, "`start` must be one of .*got 'best'"),
    ],
)
def test_bad_input_gets_one_sentence(arguments, message):
    with pytest.raises(ValueError, match=message):
        select_features(**({"x": x_ok, "u": u_ok, "num_features": 2} | arguments))
