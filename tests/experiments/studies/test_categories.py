import numpy as np
import pytest

from experiments.data.cortex import CortexConfig, load_cortex
from experiments.runs.units import Done
from experiments.studies import categories
from tests.experiments.tiny import run

pytestmark = pytest.mark.xdist_group("cortex")  # they train the same models


@pytest.mark.deep  # more models of 80 and 100 genes to compile
@pytest.mark.usefixtures("cortex_data")
def test_from_data_to_page(tmp_path, capsys):
    settings = "--num-epochs 1 --every 1 --num-samples 300 --num-selected 2 --seeds 1"
    stairs = "--num-cortex-selected 2 --num-cells 40 --num-stages 3 --num-noise 4"
    _, html = run(capsys, "categories", f"{settings} {stairs}", tmp_path)
    assert "training stopped at epoch 1" in html
    assert "<th>4 categories</th>" in html


@pytest.mark.usefixtures("cortex_data")
def test_genes_that_predict_types_count_as_better():
    config = categories.Config(num_categories=(2, 3))
    cells = load_cortex("markers")
    (settings,) = [s for s in config.settings() if isinstance(s.data, CortexConfig)]
    good = np.flatnonzero(np.isin(cells.genes, ["Pvalb", "Sst", "Vip", "Rorb"]))
    bad = np.arange(4)
    done = [
        Done(settings, seed, categories.Result(np.array([100]), np.array([[bad, good]])), {})
        for seed in range(3)
    ]
    types = categories.qualities(settings, done)[categories.ACCURACY]
    assert (types[:, 0, 1] > types[:, 0, 0] + 0.1).all()
    assert categories.summarize(config, done).statements[0].verdict == "not reproduced"
    same = np.array([[good, good]])
    done = [unit._replace(result=categories.Result(np.array([100]), same)) for unit in done]
    assert categories.summarize(config, done).statements[0].verdict == "reproduced"
    assert categories.summarize(config, done[:2]).statements[0].verdict == "not measured"
