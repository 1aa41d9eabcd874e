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


def test_the_reason_says_where_all_types_are_told():
    places = np.zeros((200, 2))

    def made(num_rare, index):
        rest = np.repeat(MAJOR_TYPES[:4], 40)
        labels = np.concatenate([rest, np.repeat(MAJOR_TYPES[4], 40)])
        # Labels of cells without a match are random, and do not count.
        chosen = Annotation(labels, np.arange(200) < 160 + num_rare, index)
        return Annotated(places, places, {8: chosen}, chosen, [annotation(2.0)])

    missing, beaten, ahead = made(1, 2.5), made(20, 2.5), made(20, 1.5)
    reason = cortex_annotation._random("dbm", [missing, beaten, ahead, ahead]).reason
    assert (
        "in 3 of 4 splits; no random set is better in 2 of these and in 0 of the others" in reason
    )
    assert "where 98% of the cells with the label of the rarest type have it at random" in reason
    reason = cortex_annotation._random("dbm", [beaten, ahead]).reason
    assert reason.endswith("in 2 of 2 splits; no random set is better in 1 of these.")
