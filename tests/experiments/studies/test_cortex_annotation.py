import numpy as np
import pytest

from experiments.analysis.evaluation import Annotation
from experiments.data.cortex import MAJOR_TYPES
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


def test_the_reason_compares_the_rarest_type_where_random_sets_are_better():
    places = np.zeros((200, 2))

    def made(num_rare, index):
        rest = np.repeat(MAJOR_TYPES[:4], 40)
        labels = np.concatenate([rest, np.repeat(MAJOR_TYPES[4], 40)])
        # Labels of cells without a match are random, and do not count.
        chosen = Annotation(labels, np.arange(200) < 160 + num_rare, index)
        return Annotated(places, places, {8: chosen}, chosen, [annotation(2.0)])

    beaten, ahead = made(1, 2.5), made(20, 1.5)
    reason = cortex_annotation._random("dbm", [beaten, ahead, ahead]).reason
    assert "rarest type gets 0.5% of the synthetic cells in the splits" in reason
    assert "better, 10.0% in the others" in reason
    assert "rarest" not in cortex_annotation._random("dbm", [beaten, beaten]).reason
