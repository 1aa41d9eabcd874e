import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from experiments.figures import BLUE, ORANGE
from experiments.mosaic_plot import mosaic_plot, tiles
from loglin import fit

TABLE = np.array([[[30.0, 5], [4, 28]], [[12, 0], [9, 40]]])


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


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


def test_shades_follow_the_residuals(ax):
    model = fit(TABLE, "A + B + C", names={"A": ["a", "b"], "B": ["c", "d"], "C": ["e", "f"]})
    assert mosaic_plot(model, ax=ax) is ax
    patches = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    residuals = model.residuals().ravel()[TABLE.ravel() > 0]
    assert len(patches) == 7  # the empty cell is a circle
    assert len(ax.lines) == 1
    colors = [to_hex(patch.get_facecolor()).upper() for patch in patches]
    for color, residual in zip(colors, residuals, strict=True):
        assert (color == BLUE) == (residual > 4)
        assert (color == ORANGE) == (residual < -4)
        assert (color == "#FFFFFF") == (abs(residual) < 2)
    assert BLUE in colors
    words = {text.get_text() for text in ax.texts}
    assert words == set("ABCabcdef")


def test_a_table_with_too_many_axes():
    with pytest.raises(ValueError, match="at most 4 axes, got 5 axes"):
        mosaic_plot(fit(np.ones((2,) * 5), "A"))
    with pytest.raises(ValueError, match="`fit` must be a Fit, got ndarray"):
        mosaic_plot(TABLE)
    with pytest.raises(ValueError, match="got 2 axes and a total of 0"):
        mosaic_plot(fit(np.zeros((2, 2)), "A"))
