from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from loglin import permutation_test, select_features
from tests.depth import usual_or_deep


def itself(x, rng):
    """No model: the data are the samples, and there are no latents."""
    return x, None


def noisy(x, rng):
    """Samples that depend on the data and on the generator: some cells, and a latent."""
    rows = rng.integers(len(x), size=80)
    return x[rows], (x[rows, :2] + rng.integers(2, size=(80, 2))) % 2


def test_p_value_of_a_pair_is_that_of_all_permutations():
    x = np.array([[0, 0], [0, 0], [0, 1], [1, 1], [1, 1], [0, 1], [1, 1]], np.int8)

    def gain(second):
        return select_features(np.column_stack([x[:, 0], second]), None, 2).gains[1]

    # All permutations of a column that differ, and each as often as any other.
    choices = combinations(range(7), int(x[:, 1].sum()))
    columns = [np.isin(range(7), ones).astype(np.int8) for ones in choices]
    exact = np.mean([gain(column) >= gain(x[:, 1]) - 1e-9 for column in columns])
    # Enough to tell the exact p-value from that of larger gains only.
    number = usual_or_deep(499, 1999)
    found = permutation_test(x, itself, 2, num_permutations=number, rng=np.random.default_rng(0))
    error = np.sqrt(exact * (1 - exact) / number)
    larger = np.mean([gain(column) > gain(x[:, 1]) + 1e-9 for column in columns])
    assert exact - larger > 8 * error
    assert 0.05 < exact < 0.5
    assert abs(found.p_values[1] - exact) < 4 * error + 1 / (1 + number)
    assert np.isnan(found.p_values[0])


@pytest.mark.parametrize("max_exceedances", [None, 4])
def test_p_values_are_uniform_without_structure(max_exceedances):
    rng = np.random.default_rng(1)
    # A share of 0.2 where it should be 0.1, or of 0.65 for 0.5, is seen nine times out of ten.
    num_tests, num_permutations = usual_or_deep((250, 9), (400, 19))
    p_values = np.array(
        [
            permutation_test(
                rng.integers(2, size=(50, 4)), noisy, 3, num_permutations=num_permutations,
                max_exceedances=max_exceedances, rng=rng,
            ).p_values[1:]
            for _ in range(num_tests)
        ]
    )  # fmt: skip
    for step in p_values.T:
        for level in (0.1, 0.2, 0.5):  # all of them can be reached, with and without the early end
            share = (step <= level + 1e-12).sum()
            assert stats.binomtest(int(share), num_tests, level).pvalue > 0.001


def test_the_early_end_counts_the_same_permutations(rng):
    x = rng.integers(3, size=(80, 5))
    x[:, 1] = x[:, 0]
    whole, short = (
        permutation_test(
            x, noisy, 4, num_permutations=60, max_exceedances=most,
            rng=np.random.default_rng(3),
        )
        for most in (None, 5)
    )  # fmt: skip
    np.testing.assert_array_equal(whole.null_gains[: len(short.null_gains)], short.null_gains)
    np.testing.assert_array_equal(whole.selection.features, short.selection.features)
    reached = whole.null_gains[:, 1:] >= whole.selection.gains[1:] - 1e-6
    assert (whole.num_permutations[1:] == 60).all()
    np.testing.assert_array_equal(whole.exceedances[1:], reached.sum(axis=0))
    np.testing.assert_array_equal(whole.p_values[1:], (1 + reached.sum(axis=0)) / 61)
    for step, column in enumerate(reached.T, start=1):
        fifth = np.flatnonzero(column.cumsum() == 5)
        p_value = 5 / (1 + fifth[0]) if len(fifth) else (1 + column.sum()) / 61
        assert short.p_values[step] == p_value
    assert (short.p_values[1:] > 0.08).any()  # so that the early end is seen


def test_features_are_permuted_each_by_itself(rng):
    x = rng.integers(3, size=(60, 4)).astype(np.int8)
    x[:, 1] = x[:, 0]
    seen = []

    def keep(data, own):
        seen.append(data.copy())
        return data, None

    permutation_test(x, keep, 2, num_permutations=3, rng=rng)
    np.testing.assert_array_equal(seen[0], x)
    for data in seen[1:]:
        np.testing.assert_array_equal(np.sort(data, axis=0), np.sort(x, axis=0))
        assert (data[:, 0] != data[:, 1]).any()
    assert (seen[1] != seen[2]).any()


def test_significant_ends_at_the_first_step_above_the_level(rng):
    x = rng.integers(2, size=(300, 6))
    x[:, 2] = x[:, 4]
    test = permutation_test(x, itself, 4, num_permutations=39, rng=rng)
    assert sorted(test.significant().tolist()) == [2, 4]
    given = test._replace(p_values=np.array([np.nan, 0.2, 0.01, 0.01]))
    assert given.significant().tolist() == []
    assert len(given.significant(0.2)) == 4


def test_it_is_printed_as_a_table(rng):
    x = rng.integers(2, size=(60, 4))
    test = permutation_test(x, itself, 3, num_permutations=9, rng=rng)
    header, pair, *further = str(test).splitlines()
    assert header.split()[:4] == ["step", "feature", "gain", "p-value"]
    # The first of the best pair has no gain of its own.
    assert pair.split() == ["1", str(test.selection.features[0])]
    for row, step in zip(further, (1, 2), strict=True):
        _, feature, gain, p_value, reached, _, number = row.split()
        assert int(feature) == test.selection.features[step]
        assert float(gain) == pytest.approx(test.selection.gains[step], abs=0.01)
        assert float(p_value) == pytest.approx(test.p_values[step], rel=0.01)
        assert (int(reached), int(number)) == (test.exceedances[step], test.num_permutations[step])


def test_settings_are_told_before_any_training():
    def never(x, rng):
        raise AssertionError

    for wrong in ({"null_model": "jont"}, {"empty": -1.0}, {"candidates": [0]}, {"levels": [2]}):
        with pytest.raises(ValueError, match=next(iter(wrong)) + "|num_features"):
            permutation_test(np.eye(4, dtype=int), never, 2, rng=np.random.default_rng(0), **wrong)


def test_iterables_serve_all_rounds_and_data_stay_as_they_are(rng):
    x = rng.integers(2, size=(50, 4)).astype(np.int8)
    before = x.copy()

    def careless(data, own):
        drawn = data.copy()
        data[:] = 0
        return drawn, None

    given = {"candidates": iter([0, 2, 3]), "levels": iter([2] * 4)}
    test = permutation_test(x, careless, 2, num_permutations=3, rng=rng, **given)
    np.testing.assert_array_equal(x, before)
    assert 1 not in test.selection.features
    assert (test.null_gains[:, 1] > 0).all()


def test_candidates_can_be_names_of_a_data_frame(rng):
    x = pd.DataFrame(rng.integers(2, size=(50, 4)), columns=list("abcd"))
    test = permutation_test(x, itself, 2, num_permutations=1, candidates=["d", "b"], rng=rng)
    assert sorted(test.selection.features.tolist()) == [1, 3]
    with pytest.raises(ValueError, match="`candidates` must be names of columns.*got 'e'"):
        permutation_test(x, itself, 2, candidates=["e"], rng=rng)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_features": 1}, "`num_features` must be an integer of at least 2|from 2"),
        ({"num_permutations": 0}, "`num_permutations` must be at least 1, got 0"),
        ({"max_exceedances": 0}, "`max_exceedances` must be at least 1, got 0"),
        ({"rng": 1}, "`rng` must be a numpy Generator"),
        ({"draw": None}, "`draw` must be a function"),
        ({"draw": lambda x, rng: x}, "`draw` must return a pair"),
        ({"draw": lambda x, rng: (x[:, :2], None)}, "`draw` must return features in 4 columns"),
        ({"x": [[0.5, 1.0]]}, "`x` must hold whole numbers"),
        ({"null_model": "jont"}, "`null_model` must be"),
        ({"num_features": 3, "candidates": [0, 1]}, "`num_features` must be from 2 to 2, got 3"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    given = {
        "x": np.eye(4, dtype=int),
        "draw": itself,
        "num_features": 2,
        "rng": np.random.default_rng(0),
    }
    with pytest.raises(ValueError, match=message):
        permutation_test(**(given | arguments))
