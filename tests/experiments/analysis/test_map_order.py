import numpy as np
import pytest

from experiments.analysis.map_order import (
    circular_order,
    circular_order_null,
    swept_turns,
    walk_p_value,
)


def test_a_circle_passed_in_order_is_circular_wherever_it_begins():
    angles = np.linspace(0, 2 * np.pi, 9)[:-1] + 0.3
    circle = np.column_stack([np.cos(angles), np.sin(angles)])
    for start in range(8):
        assert circular_order(np.roll(circle, start, axis=0), [0, 0]) == 1
        assert circular_order(np.roll(circle, start, axis=0)[::-1], [0, 0]) == -1
    spiral = circle * np.linspace(0.5, 2, 8)[:, None] + 7
    assert circular_order(spiral, [7, 7]) == 1
    assert swept_turns(spiral, [7, 7]) == pytest.approx(7 / 8)
    assert swept_turns(spiral[::-1], [7, 7]) == pytest.approx(-7 / 8)


def test_an_order_at_random_is_circular_only_by_chance(rng):
    points = rng.normal(size=(8, 2))
    null = circular_order_null(points, [0, 0], 4000, rng)
    assert abs(null.mean()) < 5 * null.std() / np.sqrt(4000)
    # Of 7! / 1 circular orders of eight points one is all counter-clockwise, one all clockwise.
    assert (np.abs(null) == 1).mean() == pytest.approx(2 / 5040, abs=5 * np.sqrt(2 / 5040 / 4000))
    one = circular_order(points[[2, 0, 1, 3, 4, 5, 6, 7]], [0, 0])
    assert -1 <= one <= 1


def test_two_points_have_no_order():
    with pytest.raises(ValueError, match="`points` must be at least three to have an order, got 2"):
        circular_order([[0, 1], [1, 0]], [0, 0])


def test_a_walk_along_a_line_is_short(rng):
    line = np.column_stack([np.arange(8), np.zeros(8)])
    assert walk_p_value(line, 999, rng) < 0.01
    # Of the 4! orders of four points on a line two are as short as the way along it.
    exact = 2 / 24
    error = np.sqrt(exact * (1 - exact) / 9999)
    assert abs(walk_p_value(line[:4], 9999, rng) - exact) < 4 * error
    assert walk_p_value(line[[0, 4, 1, 5, 2, 6, 3, 7]], 999, rng) > 0.5
