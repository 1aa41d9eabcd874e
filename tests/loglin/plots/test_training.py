import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex

from loglin.plots import (
    course_plot,
)
from tests.loglin.plots.examples import (
    EPOCHS,
    HELD_OUT,
)


def test_the_course_of_a_training_marks_the_epoch_that_was_taken(ax):
    assert course_plot(EPOCHS, HELD_OUT, training=[-8, -5, -4, -3], chosen=2, ax=ax) is ax
    training, held_out, mark = ax.lines
    np.testing.assert_array_equal(training.get_xydata().T, [EPOCHS, [-8, -5, -4, -3]])
    np.testing.assert_array_equal(held_out.get_xydata().T, [EPOCHS, HELD_OUT])
    assert mark.get_xydata().tolist() == [[2, -5]]
    assert to_hex(mark.get_color()) == to_hex(held_out.get_color()) != to_hex(training.get_color())
    words = [text.get_text() for text in ax.get_legend().get_texts()]
    assert words == ["training", "held out", "chosen"]


def test_a_training_that_diverged_is_drawn_up_to_there(ax):
    course_plot(EPOCHS, [-9.0, -5, -np.inf, np.inf], legend=False, ax=ax)
    (line,) = ax.lines
    np.testing.assert_array_equal(line.get_ydata(), [-9, -5, np.nan, np.nan])
    assert ax.get_legend() is None
    ax.figure.canvas.draw()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: course_plot([[1]], [1]),
            r"`epochs` must have one dimension, at least one epoch, got shape \(1, 1\)",
        ),
        (lambda: course_plot([], []), "`epochs` must have one dimension, at least one"),
        (
            lambda: course_plot(EPOCHS, [1, 2]),
            r"`held_out` must be 4, one per epoch, got shape \(2,\)",
        ),
        (
            lambda: course_plot(EPOCHS, HELD_OUT, training=[1]),
            r"`training` must be 4, one per epoch, got shape \(1,\)",
        ),
        (
            lambda: course_plot(EPOCHS, HELD_OUT, chosen=5),
            "`chosen` must be one of `epochs`, got 5",
        ),
    ],
)
def test_bad_input_gets_one_sentence_and_no_figure(call, message):
    with pytest.raises(ValueError, match=message):
        call()
    assert plt.get_fignums() == []
