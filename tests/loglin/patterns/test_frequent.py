import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loglin import frequent_patterns, union_of_features, union_of_patterns
from tests.references import PATTERN_CASES, pattern_case


@pytest.mark.parametrize("name", PATTERN_CASES)
def test_patterns_are_the_authors_most_frequent(name):
    x, _, expected = pattern_case(name)
    ours = frequent_patterns(x, expected["features"], expected["patternno"])
    # Theirs hold more than were asked for where the last tie, and patterns that never occur.
    theirs = {
        tuple(s): c for s, c in zip(expected["patterns"], expected["counts"], strict=True) if c
    }
    k = min(expected["patternno"], len(theirs))
    assert ours.counts.tolist() == sorted(theirs.values(), reverse=True)[:k]
    for state, count in zip(ours.states.tolist(), ours.counts, strict=True):
        assert theirs[tuple(state)] == count


def test_patterns_that_tie_stand_in_order_of_their_states():
    x = np.array([[1, 1], [0, 1], [1, 0], [0, 1], [0, 0]])
    ours = frequent_patterns(x, [1, 0], 3)
    assert ours.states.tolist() == [[1, 0], [0, 0], [0, 1]]
    assert ours.counts.tolist() == [2, 1, 1]


rngs = st.integers(0, 2**32 - 1).map(np.random.default_rng)


@given(rngs, st.integers(1, 60))
def test_pattern_counts_add_up(rng, num_samples):
    x = rng.integers(3, size=(num_samples, 4))
    all_there_are = frequent_patterns(x, [2, 0], 100)
    assert all_there_are.counts.sum() == num_samples
    assert (np.diff(all_there_are.counts) <= 0).all()
    shuffled = frequent_patterns(rng.permutation(x), [2, 0], 100)
    np.testing.assert_array_equal(all_there_are.states, shuffled.states)


def test_unions():
    assert union_of_features([np.array([9, 2]), [2, 3]]).tolist() == [2, 3, 9]
    x = np.array([[0, 0], [0, 0], [0, 1], [1, 1], [1, 1], [1, 1]])
    early, late = (frequent_patterns(part, [0, 1], 2) for part in (x[:4], x))
    assert early.states.tolist() == [[0, 0], [0, 1]]
    assert late.states.tolist() == [[1, 1], [0, 0]]
    assert union_of_patterns([early, late]).tolist() == [[0, 0], [0, 1], [1, 1]]


x_ok = np.eye(4, dtype=int)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: frequent_patterns(x_ok, [4]), "`features` must be from 0 to 3, got 4"),
        (lambda: frequent_patterns(x_ok, []), "`features` must be different columns.*got"),
        (lambda: frequent_patterns(x_ok, [1, 1]), "`features` must be different columns.*got"),
        (lambda: frequent_patterns(x_ok, 1), "`features` must be a sequence of columns, got 1"),
        (lambda: frequent_patterns(x_ok, [0], 0), "`num_patterns` must be at least 1, got 0"),
        (lambda: frequent_patterns(x_ok - 1, [0]), "`x` must hold codes 0..L-1, got -1"),
        (lambda: union_of_features([]), "`choices` must hold at least one feature, got none"),
        (lambda: union_of_features(3), "`choices` must hold sequences of features"),
        (lambda: union_of_patterns([]), "`patterns` must be of the same number of features"),
        (lambda: union_of_patterns([[0, 1]]), "`patterns` must hold Patterns, one per state"),
    ],
)
def test_bad_input_gets_one_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()
