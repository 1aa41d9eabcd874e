import numpy as np

from loglin.hierarchical.mosaic import label_places, tiles

TABLE = np.array([[[30.0, 5], [4, 28]], [[12, 0], [9, 40]]])


def test_areas_are_proportional_to_counts_along_each_axis():
    for table in (TABLE[0, 0], TABLE[0], TABLE, TABLE[None] + np.zeros((2, 1, 1, 1))):
        _, _, width, height = tiles(table).T
        area = (width * height).reshape(table.shape)
        assert (area[table == 0] == 0).all()
        # Within the last axis there is one gap, whatever the counts.
        positive = (table > 0).all(axis=-1)
        area, counts = area[positive], table[positive]
        np.testing.assert_allclose(area[..., 0] * counts[..., 1], area[..., 1] * counts[..., 0])


def test_tiles_do_not_overlap_and_stay_inside():
    left, bottom, width, height = tiles(TABLE).T
    assert left.min() >= -1e-12
    assert bottom.min() >= -1e-12
    assert (left + width).max() <= 1 + 1e-12
    assert (bottom + height).max() <= 1 + 1e-12
    for i in range(TABLE.size):
        for j in range(i):
            across = min(left[i] + width[i], left[j] + width[j]) - max(left[i], left[j])
            up = min(bottom[i] + height[i], bottom[j] + height[j]) - max(bottom[i], bottom[j])
            assert min(across, up) <= 1e-12


def test_levels_are_written_beside_their_tiles_and_apart_where_these_are_thin():
    table = np.array([[10.0, 10.0], [10.0, 10.0]])
    left, _, width, _ = tiles(table).T
    middles = (left + width / 2).reshape(2, 2)[0]
    np.testing.assert_allclose(label_places(table, 1), middles)
    thin = np.array([[1000.0, 1.0, 1.0, 1000.0]])
    places = label_places(thin, 1)
    assert np.diff(places).min() >= 0.08 - 1e-12
    # The first axis goes down the page.
    assert (np.diff(label_places(TABLE, 0)) < 0).all()
