from dataclasses import replace

import numpy as np
import pytest

from experiments.analysis.cortex_models import Trained, tuning_units
from experiments.data.cortex import load_cortex
from experiments.runs.units import Done
from experiments.studies import nmf
from experiments.studies.nmf.experiment import Factorizations, Factorized, compare
from tests.experiments.studies.made import samples, trajectory
from tests.experiments.tiny import CORTEX, run

pytestmark = pytest.mark.xdist_group("cortex")  # they train the same models


@pytest.mark.deep  # more models of 80 and 100 genes to compile
@pytest.mark.usefixtures("cortex_data")
def test_from_data_to_page_and_cut_points_on_the_same_models(tmp_path, capsys):
    more = "--num-receptors 2 --num-factors 2 --num-factor-starts 2 --num-random-sets 3"
    _, html = run(capsys, "nmf", f"{CORTEX} {more}", tmp_path)
    assert "Only NMF selects Gria3 and Enpp2" in html
    files = set(tmp_path.rglob("cortex-models/*/*.npz"))
    assert len(files) == 2  # one DBM a panel
    _, html = run(capsys, "cut-points", f"{CORTEX} --cuts 0.3 0.5", tmp_path)
    assert "too few cuts, or too few models at a cut" in html
    # The DBM at the median is the one of the other study.
    assert len(set(tmp_path.rglob("cortex-models/*/*.npz")) - files) == 1


@pytest.mark.usefixtures("cortex_data")
def test_genes_that_mark_the_classes_separate_them_better():
    config = nmf.Config(num_random_sets=20)
    done = []
    for panel, marking in (("markers", ["Pvalb", "Rorb"]), ("receptors", ["Gria3", "Gad1"])):
        cells = load_cortex(panel)
        tuning = config.panel(panel)
        mark = np.flatnonzero(np.isin(cells.genes, marking))
        size = tuning.trajectory.num_selected
        others = np.setdiff1d(np.arange(len(cells.genes)), mark)
        best, rest = np.append(mark, others)[:size], others[-size:]
        (unit,) = tuning_units(replace(tuning, num_starts=1), [0])
        found = Trained(trajectory(best, [0]), np.ones(1), *samples(best, len(cells.genes)))
        done.append(Done(unit.settings, 0, found, {}))
        (factorized,) = [
            u for u in nmf.units(config, [0])
            if isinstance(u.settings, Factorizations) and u.settings.cells.panel == panel
        ]  # fmt: skip
        result = Factorized(np.stack([best, rest]), np.ones(2), np.ones((2, 1, 1)))
        done.append(Done(factorized.settings, 0, result, {}))
    found = compare(config, "markers", done, load_cortex("markers"))
    assert found.separation["DBM"] == found.separation["NMF of expression"]
    assert found.separation["DBM"] > found.separation["NMF of codes"]
    section = nmf.summarize(config, done)
    assert "NMF of expression 12.0 (12.0 to 12.0) of 12" in section.statements[0].measured
    assert section.statements[3].verdict == "not reproduced"  # all receptors are shared
    markers_only = [unit for unit in done if unit.settings.cells.panel == "markers"]
    (statement,) = nmf.summarize(config, markers_only).statements
    assert statement.measured == "only markers done"
