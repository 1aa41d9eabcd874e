import numpy as np
import pytest

from experiments.analysis.evaluation import Annotation
from experiments.studies import cortex_annotation
from experiments.studies.cortex_annotation import Annotated


def annotation(index):
    return Annotation(np.array(["Vip"]), np.array([True]), index)


@pytest.mark.parametrize(
    ("chosen", "random", "verdict"),
    [
        (1.0, [2.0, 3.0], "reproduced"),
        (2.5, [2.0, 3.0], "not reproduced"),
        (np.nan, [2.0, 3.0], "not reproduced"),  # with one type only there is no index
        (1.0, [np.nan, np.nan], "reproduced"),
    ],
)
def test_an_index_that_does_not_exist_is_no_better_than_any(chosen, random, verdict):
    places = np.zeros((1, 2))
    sets = [annotation(index) for index in random]
    found = [Annotated(places, places, {8: annotation(chosen)}, annotation(chosen), sets)]
    assert cortex_annotation._random("dbm", found).verdict == verdict
    figure = cortex_annotation._plot_random({"dbm": found})
    figure.canvas.draw()
