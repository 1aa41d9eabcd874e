from itertools import combinations

import numpy as np
import pytest

from loglin import degrees_of_freedom
from loglin.hierarchical.parameters import _num_parameters
from tests.loglin.hierarchical.small_models import models_of_four_variables
from tests.references import reference


def test_degrees_of_freedom_equal_r():
    data = reference("loglin/r_loglin.json")
    shapes = {table["name"]: table["shape"] for table in data["tables"]}
    for model in data["models"]:
        df = degrees_of_freedom(model["margins"], shapes[model["table"]])
        assert df == model["df"], (model["table"], model["model"])


def test_degrees_of_freedom_are_cells_less_the_rank_of_the_design(rng):
    levels = (2, 3, 2, 2)
    cells = np.array(list(np.ndindex(*levels)))
    for generators in [[(0, 1), (1, 2)], [(0, 1), (1, 2), (0, 2)], [(0, 1, 2), (3,)], [(1,)], []]:
        columns = [np.ones(len(cells))]
        for generator in generators:
            for state in np.ndindex(*(levels[axis] for axis in generator)):
                columns.append((cells[:, generator] == state).all(axis=1).astype(float))
        rank = np.linalg.matrix_rank(np.column_stack(columns))
        assert degrees_of_freedom(generators, levels) == len(cells) - rank


def test_parameters_are_counted_with_and_without_a_list(monkeypatch):
    levels = (2, 3, 2, 4)
    models = models_of_four_variables()
    _num_parameters.cache_clear()  # what is kept would hide the other way of counting
    listed = [degrees_of_freedom(generators, levels) for generators in models]
    monkeypatch.setattr("loglin.hierarchical.parameters._MOST_INTERACTIONS", 0)
    _num_parameters.cache_clear()
    assert [degrees_of_freedom(generators, levels) for generators in models] == listed
    _num_parameters.cache_clear()


def test_parameters_of_tables_beyond_64_bits():
    # All pairs of 40 axes of 100 levels: the table has 10^80 cells.
    pairs = list(combinations(range(40), 2))
    assert degrees_of_freedom(pairs, [100] * 40) == 100**40 - (1 + 40 * 99 + 780 * 99**2)


def test_parameters_of_an_interaction_of_40_axes_are_counted_without_a_list_of_its_subsets():
    model = [range(40), (40, 41), (41, 42), (40, 42)]
    assert degrees_of_freedom(model, [2] * 43) == 2**43 - (2**40 + 3 + 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: degrees_of_freedom([(0, 2)], [2, 2]), "`generators` must be from 0 to 1, got 2"),
        (lambda: degrees_of_freedom([(0,)], [0, 2]), "`levels` must be at least 1, got 0"),
    ],
)
def test_bad_input_gets_one_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()
