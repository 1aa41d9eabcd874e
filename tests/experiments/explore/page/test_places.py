import numpy as np
import pytest

from experiments.explore.page.places import free_places

FRAME = (300.0, 300.0)


def overlaps(places, sizes):
    """Count pairs of words that overlap."""
    gaps = np.abs(places[:, None] - places) - (sizes[:, None] + sizes) / 2
    return int((np.triu((gaps < -1e-9).all(axis=2), 1)).sum())


@pytest.mark.parametrize("spread", [0.0, 5.0, 60.0])
def test_words_overlap_neither_each_other_nor_the_frame(spread, rng):
    dots = 150 + spread * rng.normal(size=(20, 2)).clip(-2, 2)
    sizes = np.tile([13.0, 10.0], (20, 1))
    places, is_far = free_places(dots, np.full(20, 4.0), sizes, FRAME)
    assert overlaps(places, sizes) == 0
    assert (places - sizes / 2 >= 0).all()
    assert (places + sizes / 2 <= FRAME).all()
    # A word that is near touches its dot, one that is far leaves a gap.
    gaps = np.abs(places - dots) - sizes / 2
    distance = np.hypot(*gaps.clip(0).T)
    assert (distance[~is_far] <= 4 + 13).all()
    assert is_far.any() == (spread < 60)


def test_a_lone_word_is_above_its_dot_and_below_it_at_the_upper_edge():
    sizes = np.array([[10.0, 10.0]])
    (place,), _ = free_places(np.array([[150.0, 150.0]]), np.array([4.0]), sizes, FRAME)
    assert place.tolist() == pytest.approx([150, 159])
    (place,), _ = free_places(np.array([[150.0, 298.0]]), np.array([4.0]), sizes, FRAME)
    assert place[1] + 5 <= 300
    assert abs(place[0] - 150) > 5  # beside it, at the first place that is inside


def test_words_leave_the_dots_of_others_free():
    dots = np.array([[150.0, 150.0], [150.0, 160.0]])
    places, _ = free_places(dots, np.full(2, 4.0), np.full((2, 2), 8.0), FRAME)
    apart = np.abs(places[0] - dots[1]) - 4
    assert np.hypot(*apart.clip(0)) >= 3.5
