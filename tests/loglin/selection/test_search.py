import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loglin import (
    saturated,
    select_features,
)
from tests.depth import usual_or_deep
from tests.loglin.selection.samples import rngs
from tests.references import REFERENCE, reference

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


@settings(deadline=None, max_examples=usual_or_deep(40, 100))
@given(rngs, st.integers(2, 3))
def test_order_of_samples_and_labels_do_not_matter(rng, num_levels):
    x, u = rng.integers(num_levels, size=(120, 8)), rng.integers(2, size=(120, 3))
    ours = select_features(x, u, 4, levels=[num_levels] * 8)
    order = rng.permutation(120)
    other_x, other_u = (num_levels - 1 - x)[order], (1 - u)[order]
    relabelled = select_features(other_x, other_u, 4, levels=[num_levels] * 8)
    assert ours.features.tolist() == relabelled.features.tolist()
    np.testing.assert_allclose(ours.scores, relabelled.scores, rtol=1e-9, atol=1e-9)


@settings(deadline=None, max_examples=usual_or_deep(40, 100))
@given(rngs)
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
        ({"levels": [2, 2]}, "`levels` must be 4, one per variable, got 2"),
        ({"latent_levels": [2, 1]}, "`latent_levels` must be from 2 to 127, got 1"),
        ({"null_model": "saturated"}, "`null_model` must be one of .*got 'saturated'"),
        ({"empty": -1}, "`empty` must be between 0 and 1000000.0, got -1"),
        ({"empty": np.nan}, "`empty` must be between 0 and 1000000.0, got nan"),
        (
            {"empty": 1e-300, "null_model": saturated},
            "`empty` must be 0 or at least 1e-10 where `null_model` is callable, got 1e-300",
        ),
        ({"empty": 1e300}, r"`empty` must be between 0 and 1000000.0, got 1e\+300"),
        ({"empty": "half"}, "`empty` must be a number, got 'half'"),
        ({"x": [[0, 1], [1]]}, "`x` must have rows of equal length, got ragged ones"),
        ({"x": (x_ok, u_ok), "u": None}, "`x` must hold models of the same features: expected 4"),
        ({"x": [x_ok, x_ok]}, "`u` must be a list of 2 arrays, one for each of `x`, got ndarray"),
        ({"x": [x_ok, x_ok], "u": [u_ok]}, "`u` must be a list of 2 arrays, .* got 1"),
        ({"x": [x_ok, x_ok], "u": [u_ok, None]}, "`u` must hold latents for all models or for non"),
        ({"across": "mean"}, "`across` must be one of .*got 'mean'"),
        ({"across": "sum", "u": None}, "`across` 'sum' needs latents, got none"),
        ({"corrected": True}, "`corrected` needs `null_model` 'conditional', got 'joint'"),
        ({"corrected": 1}, "`corrected` must be True or False, got 1"),
        ({"corrected": True, "null_model": "conditional", "empty": 0.5}, "`empty` must be 0 where"),
        ({"stop": "early"}, "`stop` must be one of .*got 'early'"),
        ({"num_threads": 0}, "`num_threads` must be at least 1, got 0"),
        ({"candidates": 3}, "`candidates` must be columns, got 3"),
        ({"levels": 2}, "`levels` must be integers, one per variable, got 2"),
        ({"u": None, "null_model": "conditional"}, "`null_model` 'conditional' needs latents"),
        ({"start": "best"}, "`start` must be one of .*got 'best'"),
    ],
)
def test_bad_input_gets_one_sentence(arguments, message):
    with pytest.raises(ValueError, match=message):
        select_features(**({"x": x_ok, "u": u_ok, "num_features": 2} | arguments))
