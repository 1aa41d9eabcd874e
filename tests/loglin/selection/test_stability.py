import numpy as np
import pytest

from loglin import stability


def test_equal_selections_agree_fully_in_any_order(rng):
    x = rng.integers(2, size=(50, 6))
    found = stability(x, [[0, 3], [3, 0], [0, 3]])
    np.testing.assert_allclose(found, 1)


def test_random_selections_agree_by_chance_alone():
    rng = np.random.default_rng(0)
    x = rng.integers(2, size=(200, 30))
    found = [stability(x, [rng.choice(30, 4, replace=False) for _ in range(5)]) for _ in range(100)]
    mean, error = np.mean(found, axis=0), np.std(found, axis=0) / np.sqrt(30)
    assert abs(mean[0]) < 4 * error[0]
    # Sets that share features by chance agree a little in their patterns too.
    assert 0 < mean[1] < 0.2


def test_stand_ins_agree_in_what_their_patterns_tell(rng):
    u = rng.integers(2, size=(500, 3))
    x = np.hstack([u, u, 1 - u])
    found = stability(x, [[0, 1, 2], [3, 4, 5], [6, 7, 8]])
    assert found.by_name < 0
    np.testing.assert_allclose(found.by_pattern, 1)


def test_the_measure_by_name_is_that_of_nogueira_et_al():
    """Their Definition 4 for sets of equal size: Kuncheva's index averaged over pairs."""
    sets, p = [[0, 1, 2], [0, 1, 3], [0, 4, 5]], 10
    overlaps = [2, 1, 1]
    kuncheva = np.mean([(r - 9 / p) / (3 - 9 / p) for r in overlaps])
    x = np.tile(np.eye(p, dtype=int), (2, 1))
    np.testing.assert_allclose(stability(x, sets).by_name, kuncheva)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ([[0]], "`choices` must be at least two selections, got 1"),
        ([[0], [9]], "`choices` must be from 0 to 3, got 9"),
        ([[0], []], "`choices` must be different columns, at least one, got"),
        ([[0], [1, [2]]], "`choices` must be a sequence of columns, got"),
        (3, "`choices` must be selections of features, got 3"),
    ],
)
def test_bad_input_gets_one_sentence(choices, message):
    with pytest.raises(ValueError, match=message):
        stability(np.eye(4, dtype=int), choices)
