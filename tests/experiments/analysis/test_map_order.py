from itertools import permutations

import numpy as np
import pytest

from experiments.analysis.map_order import (
    circular_order,
    circular_order_null,
    num_places,
    swept_turns,
    walk_p_value,
)


def on_circle(turns):
    angles = 2 * np.pi * np.asarray(turns)
    return np.column_stack([np.cos(angles), np.sin(angles)])


def test_a_circle_passed_in_order_is_circular_wherever_it_begins():
    circle = on_circle(np.arange(8) / 8 + 0.05)
    for start in range(8):
        assert circular_order(np.roll(circle, start, axis=0), [0, 0]) == 1
        assert circular_order(np.roll(circle, start, axis=0)[::-1], [0, 0]) == -1
    spiral = circle * np.linspace(0.5, 2, 8)[:, None] + 7
    assert circular_order(spiral, [7, 7]) == 1
    assert swept_turns(spiral, [7, 7]) == pytest.approx(7 / 8)
    assert swept_turns(spiral[::-1], [7, 7]) == pytest.approx(-7 / 8)


def test_points_at_one_place_have_no_order_among_themselves():
    # Two genes an overlap, in either order: a perfect circle all the same.
    circle, places = on_circle(np.arange(8) / 8), np.array([0, 0, 1, 1, 2, 2, 3, 3]) / 2
    swapped = circle[[1, 0, 3, 2, 4, 5, 7, 6]]
    for points in (circle, swapped):
        assert circular_order(points, [0, 0], places) == 1
    assert circular_order(swapped, [0, 0]) < 1
    # The points may come in any order, with their places.
    shuffled = np.random.default_rng(0).permutation(8)
    assert circular_order(circle[shuffled], [0, 0], places[shuffled]) == 1
    assert swept_turns(circle[shuffled], [0, 0], places[shuffled]) == pytest.approx(6 / 8)
    # Without ties it is the order without places.
    rng = np.random.default_rng(1)
    points = rng.normal(size=(7, 2))
    assert circular_order(points, [0, 0], range(7)) == circular_order(points, [0, 0])


def test_triples_count_if_their_places_differ():
    # By hand: of the four triples of places 0, 1, 1, 2 only (0, first 1, 2) and (0, second 1, 2)
    # count; the first goes round counter-clockwise, the second clockwise.
    points = on_circle([0, 0.25, 0.75, 0.5])
    assert circular_order(points, [0, 0], [0, 1, 1, 2]) == 0
    assert circular_order(points[[0, 1, 3]], [0, 0]) == 1
    assert circular_order(points[[0, 2, 3]], [0, 0]) == -1


def test_an_order_at_random_is_circular_only_by_chance(rng):
    points = rng.normal(size=(8, 2))
    null = circular_order_null(points, [0, 0], 4000, rng)
    assert abs(null.mean()) < 5 * null.std() / np.sqrt(4000)
    # Of 7! / 1 circular orders of eight points one is all counter-clockwise, one all clockwise.
    assert (np.abs(null) == 1).mean() == pytest.approx(2 / 5040, abs=5 * np.sqrt(2 / 5040 / 4000))
    one = circular_order(points[[2, 0, 1, 3, 4, 5, 6, 7]], [0, 0])
    assert -1 <= one <= 1


def test_random_orders_with_ties_are_those_of_all_permutations(rng):
    points, places = on_circle([0, 0.1, 0.3, 0.5, 0.8]), [0, 0, 1, 1, 2]
    exact = [
        abs(circular_order(points[list(order)], [0, 0], places)) for order in permutations(range(5))
    ]
    null = np.abs(circular_order_null(points, [0, 0], 4000, rng, places))
    for value in np.unique(exact):
        share = np.mean(np.isclose(exact, value))
        error = np.sqrt(share * (1 - share) / 4000)
        assert np.isclose(null, value).mean() == pytest.approx(share, abs=5 * error + 1e-12)


def test_fewer_than_three_places_have_no_order(rng):
    sentence = "`points` must be at three different places at least to have an order, got 2"
    with pytest.raises(ValueError, match=sentence):
        circular_order([[0, 1], [1, 0]], [0, 0])
    with pytest.raises(ValueError, match=sentence):
        walk_p_value([[0, 1], [1, 0], [1, 1]], 9, rng, [0, 3, 0])
    with pytest.raises(ValueError, match="`places` must have a number for each point: expected 3"):
        swept_turns([[0, 1], [1, 0], [1, 1]], [0, 0], [0, 3])
    assert num_places([0, 3, 0]) == 2


def test_a_walk_along_a_line_is_short(rng):
    line = np.column_stack([np.arange(8), np.zeros(8)])
    assert walk_p_value(line, 999, rng) < 0.01
    # Of the 4! orders of four points on a line two are as short as the way along it.
    exact = 2 / 24
    error = np.sqrt(exact * (1 - exact) / 9999)
    assert abs(walk_p_value(line[:4], 9999, rng) - exact) < 4 * error
    # If the two in the middle are at one place, four are: these two may change places.
    exact = 4 / 24
    error = np.sqrt(exact * (1 - exact) / 9999)
    assert abs(walk_p_value(line[:4], 9999, rng, [0, 1, 1, 2]) - exact) < 4 * error
    assert walk_p_value(line[[0, 4, 1, 5, 2, 6, 3, 7]], 999, rng) > 0.5
