import numpy as np
import pandas as pd
import pytest
from scipy import stats

from loglin import transfer_labels


def test_labels_go_by_perfect_match(rng):
    reference = np.array([[0, 0], [0, 1], [0, 1], [0, 1], [1, 0], [1, 0]])
    labels = np.array(["none", "b", "c", "c", "z", "a"])
    x = np.array([[0, 1, 5], [1, 0, 5], [1, 1, 5], [0, 0, 5]])
    padded = np.column_stack([reference, np.zeros(6, int)])
    ours, matched = transfer_labels(padded, labels, x, [0, 1], rng=rng)
    # The majority is "c"; "z" and "a" tie, and "z" was seen first.
    assert ours[[0, 1, 3]].tolist() == ["c", "z", "none"]
    assert matched.tolist() == [True, True, False, True]


def test_columns_in_another_order_are_refused(rng):
    frame = pd.DataFrame(np.eye(3, dtype=int), columns=["a", "b", "c"])
    same = transfer_labels(frame, [1, 2, 3], frame.to_numpy(), ["a", "b"], rng=rng)[0]
    assert same.tolist() == [1, 2, 3]
    with pytest.raises(ValueError, match="`x_reference` in their order: expected 'a', got 'c'"):
        transfer_labels(frame, [1, 2, 3], frame[["c", "b", "a"]], ["a", "b"], rng=rng)


def test_unmatched_labels_are_drawn_like_those_of_the_reference(rng):
    reference, labels = np.zeros((4, 1), int), np.array([7, 7, 7, 1])
    ours, matched = transfer_labels(reference, labels, np.ones((4000, 1), int), [0], rng=rng)
    assert not matched.any()
    assert stats.binomtest(int((ours == 7).sum()), 4000, 0.75).pvalue > 1e-3


x_ok = np.eye(4, dtype=int)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: transfer_labels(x_ok, [None, 1, 2, 3], x_ok, [0], rng=np.random.default_rng(0)),
            "`labels` must all be text or all numbers",
        ),
        (
            lambda: transfer_labels(x_ok, [1, 2], x_ok, [0], rng=np.random.default_rng(0)),
            "`labels` must be one per row of `x_reference`: expected 4, got shape",
        ),
        (
            lambda: transfer_labels(x_ok, [1] * 4, x_ok[:, :2], [0], rng=np.random.default_rng(0)),
            "`x` must have the columns of `x_reference`: expected 4, got 2",
        ),
        (
            lambda: transfer_labels(x_ok, [1] * 4, x_ok, [0], rng=0),
            "`rng` must be a numpy Generator, got 0",
        ),
    ],
)
def test_bad_input_gets_one_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()
