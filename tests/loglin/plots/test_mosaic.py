import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from loglin import fit
from loglin.plots import (
    BLUE,
    ORANGE,
    mosaic_plot,
)
from tests.loglin.plots.examples import (
    TABLE,
)


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
    assert {text.get_text() for text in ax.texts} == set("ABCabcdef")
    assert all(not text.get_parse_math() for text in ax.texts if text.get_text().islower())
    shades = [text.get_text() for text in ax.get_legend().get_texts()]
    assert shades == ["> 4", "2 to 4", "-2 to 2", "-4 to -2", "< -4"]


def test_a_table_with_too_many_axes():
    with pytest.raises(ValueError, match="at most 4 axes, got 5 axes"):
        mosaic_plot(fit(np.ones((2,) * 5), "A"))
    with pytest.raises(ValueError, match="`fit` must be a Fit, got ndarray"):
        mosaic_plot(TABLE)
    with pytest.raises(ValueError, match="got 2 axes and a total of 0"):
        mosaic_plot(fit(np.zeros((2, 2)), "A"))
