from dataclasses import replace

import numpy as np
import pytest

from experiments.analysis.cortex_models import TuningConfig
from experiments.data.cortex import PAPER_DBM_GENES, CortexConfig, panel_genes
from experiments.studies import cortex_selection
from tests.experiments.studies.made import trajectory, tuned_units, verdicts
from tests.experiments.tiny import CORTEX, run

pytestmark = pytest.mark.xdist_group("cortex")  # they train the same models


@pytest.mark.deep  # a VAE and a DBM of 100 genes to compile
@pytest.mark.usefixtures("cortex_data")
def test_from_data_to_page_and_annotation_on_the_same_models(tmp_path, capsys):
    two_starts = CORTEX.replace("--num-starts 1", "--num-starts 2")
    out, html = run(capsys, "cortex-selection", two_starts, tmp_path)
    assert "4 units" in out  # two models from two starts each
    for gene in PAPER_DBM_GENES:
        assert f"<td>{gene}</td>" in html
    assert "of the 11 that the paper names for it" in html
    # The annotation stands on the same units: nothing is trained again.
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npz")}
    more = "--num-genes 2 3 --num-random-genes 2 --num-random-sets 3"
    _, html = run(capsys, "cortex-annotation", f"{two_starts} {more}", tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npz")} == files
    assert "always higher for 100 random sets" in html
    assert html.index('id="cortex-selection"') < html.index('id="cortex-annotation"')


@pytest.mark.deep  # more models of 80 and 100 genes to compile
@pytest.mark.usefixtures("cortex_data")
def test_the_receptor_panel_runs_as_well(tmp_path, capsys):
    settings = f"{CORTEX} --models vae --panel receptors"
    out, _ = run(capsys, "cortex-selection", settings, tmp_path)
    assert "not measured" in out


def test_receptors_are_no_neural_markers():
    config = TuningConfig(cells=CortexConfig("both"))
    _, classes = panel_genes("both")
    receptors = np.flatnonzero(classes == "neurotransmitter")[:12]
    found = tuned_units(trajectory(receptors, list(range(0, 55, 5))), config)
    section = cortex_selection.summarize(config, found)
    assert section.statements[2].verdict == "not reproduced"


def test_verdicts_follow_the_numbers():
    config, epochs = cortex_selection.Config(), list(range(0, 105, 5))
    names, classes = panel_genes("markers")
    paper = np.flatnonzero(np.isin(names, [*PAPER_DBM_GENES, "Cxcl14"]))
    non_neural = np.flatnonzero(classes == "non-neural")[:12]
    good = trajectory([non_neural if epoch < 20 else paper for epoch in epochs], epochs)
    section = cortex_selection.summarize(config, tuned_units(good))
    assert verdicts(section) == ["reproduced"] * 7
    assert "8.0 of the 8" in section.statements[0].measured
    assert "without it the same synthetic cells give 8.0 of the 8" in section.statements[0].reason
    bad = trajectory([paper if epoch < 20 else non_neural for epoch in epochs], epochs)
    section = cortex_selection.summarize(config, tuned_units(bad))
    assert verdicts(section) == ["not reproduced"] * 7
    assert "without it the same synthetic cells give 0.0 of the 8" in section.statements[0].reason


def test_models_are_compared_on_the_splits_that_both_have():
    names, _ = panel_genes("markers")
    paper = np.flatnonzero(np.isin(names, [*PAPER_DBM_GENES, "Cxcl14"]))
    others = np.setdiff1d(np.arange(100), paper)[:12]
    first, second = tuned_units(trajectory(paper, [0])), tuned_units(trajectory(others, [0]))
    second = [unit._replace(settings=replace(unit.settings, split=1)) for unit in second]
    without = [unit for unit in [*first, *second] if unit not in first[:1]]  # a VAE that failed
    section = cortex_selection.summarize(cortex_selection.Config(), without)
    assert "both models select 12.0 (from 12 to 12)" in section.statements[0].measured
