import numpy as np
import pytest

from experiments.data.stairs import stair_genes
from experiments.runs.units import Done
from experiments.studies import baselines
from tests.experiments.tiny import run


@pytest.mark.deep  # another model to compile
def test_from_data_to_page(tmp_path, capsys):
    sizes = "--num-cells 40 --num-noise 5 --probability-noise 0.1 0.2 --num-presented 80"
    more = "--num-selected 3 --num-samples 300 --num-factors 2 --seeds 2 --batch-size 10"
    _, html = run(capsys, "baselines", f"{sizes} {more} --num-starts 2", tmp_path)
    for method in baselines.METHODS:
        assert f"<th>{method}</th>" in html


def test_hits_are_stair_genes_among_the_first():
    (size,) = baselines.Config(
        num_cells=(50,),
        num_noise=(5,),
        probability_noise=(0.1,),
        task=baselines.Task(num_selected=3),
    ).sizes()
    noise = np.flatnonzero(stair_genes(size.stairs).role == "noise")
    features = np.array([[0, noise[0], 1], [noise[0], noise[1], noise[2]]])
    found = baselines.hits(size, [Done(size, 0, baselines.Result(features), {})])
    np.testing.assert_array_equal(found[0], [[1, 1, 2], [0, 0, 0]])


def test_a_lead_counts_from_two_standard_errors_on():
    leads = [(0.21, 0.1), (0.19, 0.1), (-0.19, 0.1), (-0.21, 0.1), (0.0, 0.0), (0.1, np.nan)]
    found = [baselines._compare(*lead) for lead in leads]
    assert found == [
        "reproduced", "partly", "partly", "not reproduced", "partly", "not measured",
    ]  # fmt: skip


def test_several_starts_are_compared_with_the_data_alone_where_one_start_is_worst():
    config = baselines.Config(num_cells=(200, 1000), num_noise=(18,), probability_noise=(0.1,))
    few, many = config.sizes()
    names, q = list(baselines.METHODS), 10
    rng = np.random.default_rng(0)

    def hits(one, vote, alone):
        found = np.full((8, len(names)), 5)
        for name, number in ((names[0], one), (baselines.VOTE, vote), (baselines.ALONE, alone)):
            found[:, names.index(name)] = number + rng.integers(-1, 2, size=8)
        return found

    statement = baselines._several_starts({few: hits(3, 9, 6), many: hits(9, 9, 9)}, q)
    assert statement.verdict == "reproduced"
    assert "200 cells" in statement.measured
    assert sum(statement.holds) >= 7
    statement = baselines._several_starts({few: hits(3, 3, 6), many: hits(9, 9, 9)}, q)
    assert statement.verdict == "not reproduced"
