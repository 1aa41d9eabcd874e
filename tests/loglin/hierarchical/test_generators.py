import pytest

from loglin import (
    all_interactions,
    conditional_independence,
    independence,
    joint_independence,
    saturated,
)
from loglin.hierarchical.generators import as_generators, interactions


def test_generators_are_reduced_to_sorted_maximal_ones():
    assert as_generators([(2, 1), (1,), (1, 2), [0]], 3) == ((0,), (1, 2))


def test_named_families():
    assert joint_independence(3) == ((0, 1), (2,))
    assert joint_independence(1) == ((0,),)
    assert conditional_independence(3) == ((0, 1), (1, 2))
    assert conditional_independence(2) == ((0,), (1,))
    assert all_interactions(3, 3) == saturated(3) == ((0, 1, 2),)
    assert all_interactions(3, 1) == independence(3) == ((0,), (1,), (2,))
    assert interactions(((0, 1),)) == ((), (0,), (1,), (0, 1))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: all_interactions(3, 4), "`order` must be from 1 to 3, got 4"),
        (lambda: joint_independence(0), "`num_variables` must be from 1 to 10000, got 0"),
    ],
)
def test_bad_input_gets_one_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    "make", [independence, saturated, joint_independence, conditional_independence]
)
def test_models_of_too_many_variables_are_not_begun(make):
    for number in (10_001, 2**63, 2**64):
        with pytest.raises(ValueError, match="`num_variables` must be from . to 10000, got"):
            make(number)


def test_models_of_too_many_interactions_are_not_begun():
    assert len(all_interactions(20, 10)) == 184_756
    with pytest.raises(ValueError, match="`order` must give at most 1,048,576 interactions of 40"):
        all_interactions(40, 20)
