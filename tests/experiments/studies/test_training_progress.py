import numpy as np
import pytest

from experiments.data.stairs import stair_genes
from experiments.studies import training_progress
from experiments.studies.catalogue import STUDIES
from tests.experiments.studies.made import done, trajectory, verdicts
from tests.experiments.tiny import STAIRS, run

pytestmark = pytest.mark.xdist_group("stairs")  # they train the same models


def test_from_data_to_page(tmp_path, capsys):
    out, html = run(capsys, "training-progress", f"{STAIRS} --seeds 2", tmp_path)
    assert f"results page: {tmp_path / 'index.html'}" in out
    assert "At the beginning of training mostly noise genes are selected." in html
    assert "training stopped at epoch 4" in html
    assert html.count("data:image/png;base64") == 2
    assert "http" not in html.replace("http-equiv", "")  # needs no other file
    assert len(list((tmp_path / "training-progress").glob("*.png"))) == 2
    # A second run takes the results from their files and gives the same page.
    assert run(capsys, "training-progress", f"{STAIRS} --seeds 2", tmp_path)[1] == html


def test_vae_and_dbm_have_sections_of_their_own(tmp_path, capsys):
    for study in ("training-progress-dbm", "training-progress"):
        _, html = run(capsys, study, f"{STAIRS} --seeds 1", tmp_path)
    assert html.index('id="training-progress"') < html.index('id="training-progress-dbm"')
    assert "Training progress of a DBM" in html
    assert "(2 epochs of pretraining, then fine-tuning) is trained on 40 simulated cells" in html
    assert html.count("data:image/png;base64") == 4


def test_the_last_epoch_is_a_checkpoint(tmp_path, capsys):
    arguments = STAIRS.replace("--num-epochs 4", "--num-epochs 3")
    _, html = run(capsys, "training-progress", f"{arguments} --seeds 1", tmp_path)
    assert "training stopped at epoch 3" in html


def test_verdicts_follow_the_numbers():
    config, epochs = training_progress.Config(), list(range(0, 105, 5))
    genes = stair_genes(config.stairs)
    noise, overlap = (np.flatnonzero(genes.role == role)[:7] for role in ("noise", "overlap"))
    # As in the paper: noise genes at first, overlap genes from epoch 20 on.
    good = trajectory([noise if epoch < 20 else overlap for epoch in epochs], epochs)
    assert verdicts(training_progress.summarize(config, done([good] * 3))) == ["reproduced"] * 7
    # The other way round.
    bad = trajectory([overlap if epoch < 20 else noise for epoch in epochs], epochs)
    found = verdicts(training_progress.summarize(config, done([bad] * 3)))
    assert found[:5] == ["not reproduced"] * 5
    assert found[6] == "not reproduced"
    # Too short to tell.
    short = trajectory(noise, [0, 5, 10])
    found = verdicts(training_progress.summarize(config, done([short])))
    assert found[1:] == ["not measured"] * 6


def test_a_dbm_is_expected_to_follow_once_it_is_fine_tuned():
    config = STUDIES["training-progress-dbm"].paper
    epochs, genes = list(range(0, 205, 5)), stair_genes(config.stairs)
    noise, overlap, stage = (
        np.flatnonzero(genes.role == role)[:7] for role in ("noise", "overlap", "stage")
    )
    good = trajectory([noise if epoch < 100 else overlap for epoch in epochs], epochs)
    assert verdicts(training_progress.summarize(config, done([good] * 3))) == ["reproduced"] * 6
    late = trajectory([noise if epoch < 150 else stage for epoch in epochs], epochs)
    section = training_progress.summarize(config, done([late] * 3))
    assert verdicts(section)[1:3] == ["not reproduced"] * 2
    # None of the genes that the true stages would choose is noise.
    assert "and 0.0 noise genes would be selected" in section.statements[1].reason


def test_when_overlap_genes_lead_for_good():
    config, epochs = training_progress.Config(), list(range(0, 105, 5))
    genes = stair_genes(config.stairs)
    noise, overlap = (np.flatnonzero(genes.role == role)[:7] for role in ("noise", "overlap"))
    # They lead at epoch 5, and again from 25 in one seed, from 35 in the other two.
    results = [
        trajectory([overlap if e == 5 or e >= first else noise for e in epochs], epochs)
        for first in (25, 35, 35)
    ]
    section = training_progress.summarize(config, done(results))
    assert "for good from epoch 35 on (median of 3 seeds, 25 to 35)" in section.statements[1].reason
    never = training_progress.summarize(config, done([trajectory(noise, epochs)]))
    assert never.statements[1].reason == "Overlap genes lead at the end in no seed."
