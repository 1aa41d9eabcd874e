import re
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from experiments import cortex_selection, runtime, training_progress
from experiments.__main__ import main
from experiments.cortex import panel_genes
from experiments.cortex_models import Trained, tuning_units
from experiments.course import Course
from experiments.runs import Done
from experiments.stairs import StairConfig, StairGenes, stair_genes
from experiments.studies import STUDIES
from experiments.training_progress import chosen_pairs, share_of_stair_patterns

TINY = [
    *("--num-epochs", "4", "--every", "2", "--num-samples", "300"),
    *("--num-selected", "3", "--num-patterns", "4"),
]
TINY_STAIRS = [*TINY, "--num-cells", "40", "--num-stages", "3", "--num-noise", "4"]


def run(capsys, *arguments):
    main(list(arguments))
    return capsys.readouterr().out


def test_training_progress_from_data_to_page(tmp_path, capsys):
    out = run(capsys, "training-progress", *TINY_STAIRS, "--seeds", "2", "--out", str(tmp_path))
    page = tmp_path / "index.html"
    assert f"results page: {page}" in out
    html = page.read_text()
    assert "At the beginning of training mostly noise genes are selected." in html
    assert "training stopped at epoch 4" in html
    assert html.count("data:image/png;base64") == 2
    assert "http" not in html.replace("http-equiv", "")  # needs no other file
    for figure in ("patterns", "roles"):
        assert (tmp_path / "training-progress" / f"{figure}.png").stat().st_size > 5000
    # A second run takes the results from their files and gives the same page.
    run(capsys, "training-progress", *TINY_STAIRS, "--seeds", "2", "--out", str(tmp_path))
    assert page.read_text() == html


def test_vae_and_dbm_have_sections_of_their_own(tmp_path, capsys):
    for study in ("training-progress-dbm", "training-progress"):
        run(capsys, study, *TINY_STAIRS, "--seeds", "1", "--out", str(tmp_path))
    html = (tmp_path / "index.html").read_text()
    assert html.index('id="training-progress"') < html.index('id="training-progress-dbm"')
    assert "Training progress of a DBM" in html
    assert "in 2 epochs of pretraining and then in fine-tuning" in html
    assert html.count("data:image/png;base64") == 4


ONE_VAE = ["--models", "vae", "--num-starts", "1"]
TINY_CORTEX = [*TINY, "--batch-size", "50", "--num-starts", "2", "--seeds", "1"]


@pytest.mark.usefixtures("cortex_data")
def test_cortex_selection_from_data_to_page(tmp_path, capsys):
    run(capsys, "training-progress", *TINY_STAIRS, "--seeds", "1", "--out", str(tmp_path))
    out = run(capsys, "cortex-selection", *TINY_CORTEX, "--out", str(tmp_path))
    assert "4 units" in out  # two models from two starts each
    html = (tmp_path / "index.html").read_text()
    for gene in cortex_selection.PAPER_DBM:
        assert f"<td>{gene}</td>" in html
    assert "of the 11 that the paper names for it" in html
    assert html.index('id="training-progress"') < html.index('id="cortex-selection"')
    # The annotation stands on the same units: nothing is trained again.
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npz")}
    more = ["--num-genes", "2", "3", "--num-random-genes", "2", "--num-random-sets", "3"]
    run(capsys, "cortex-annotation", *TINY_CORTEX, *more, "--out", str(tmp_path))
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npz")} == files
    assert "always higher for 100 random sets" in (tmp_path / "index.html").read_text()


@pytest.mark.usefixtures("cortex_data")
def test_the_receptor_panel_runs_as_well(tmp_path, capsys):
    arguments = [*TINY_CORTEX, "--models", "vae", "--panel", "receptors", "--out", str(tmp_path)]
    out = run(capsys, "cortex-selection", *arguments)
    assert "not measured" in out


def test_pattern_map_from_data_to_page(tmp_path, capsys):
    settings = "--epochs 1 2 --more-epochs --num-samples 400 --num-cells 60 --num-stages 3"
    more = "--num-noise 4 --batch-size 20 --num-permutations 19 --seeds 1"
    arguments = [*settings.split(), *more.split(), "--out", str(tmp_path)]
    out = run(capsys, "pattern-map", *arguments)
    assert "training stopped at 2" in " ".join(out.split())
    assert (tmp_path / "pattern-map" / "maps.png").stat().st_size > 5000


def test_scalability_from_data_to_page(tmp_path, capsys):
    settings = "--num-noise 4 8 --num-cells 60 --num-epochs 2 --every 2 --num-samples 300"
    more = "--num-selected 3 --batch-size 20 --seeds 2"
    out = run(capsys, "scalability", *settings.split(), *more.split(), "--out", str(tmp_path))
    assert "4 units" in out
    html = (tmp_path / "index.html").read_text()
    assert "36 genes: " in html
    assert "40 genes: " in html


def test_runtime_from_data_to_page(tmp_path, capsys):
    settings = "--num-features 32 40 --num-selected 1 2 --fixed-features 32 --fixed-selected 1"
    more = "--num-samples 200 --num-latents 2 --repeats 1 --seeds 1"
    run(capsys, "runtime", *settings.split(), *more.split(), "--out", str(tmp_path))
    assert "plain / ours" in (tmp_path / "index.html").read_text()


def test_growth_is_found_again():
    sizes = np.array([2, 4, 8, 9])
    assert runtime.power(sizes, 3.0 * sizes**1.5) == pytest.approx(1.5)
    assert runtime.growth(sizes, 3.0 * 1.7**sizes) == pytest.approx(1.7)


def test_missing_data_are_told_in_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LOGLIN_DATA_DIR", str(tmp_path))
    (tmp_path / "single_cell_mat.txt").write_text("1\t2\n")
    with pytest.raises(SystemExit, match="error: 1 units failed"):
        main(["cortex-selection", *TINY_CORTEX, *ONE_VAE, "--out", str(tmp_path)])
    assert re.search("1 units failed: .*is not the published file", " ".join(capsys.readouterr()))


def test_help_lists_studies_and_settings(capsys):
    for arguments, words in [
        (["--help"], STUDIES),
        (["training-progress", "--help"], ["--batch-size", "(default: 7)", "--seeds"]),
        (["cortex-selection", "--help"], ["--panel", "(default: 12)", "--out"]),
    ]:
        with pytest.raises(SystemExit, match="0"):
            main(arguments)
        out = capsys.readouterr().out
        for word in words:
            assert word in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("training-progress --num-selected 51", "`num_selected` must be at most.*50, got 51"),
        ("training-progress --batch-size 2000", "`batch_size` must be at most.*1000, got 2000"),
        ("training-progress --num-epochs 0", "`num_epochs` must be at least 1, got 0"),
        ("training-progress --seed -1 --seeds 1", "`seed` must be from 0 to 4294967295, got -1"),
        ("training-progress --num-latents 0", "`num_latents` must be an integer of at least 1"),
        ("cortex-selection --share-for-training 0", "`share_for_training` must leave cells"),
        ("cortex-selection --share-for-training 1", "`share_for_training` must leave cells"),
        ("cortex-selection --models vae vae", "`models` must be different, at least one"),
        ("pattern-map --epochs 5", "`epochs` must be at least two, got \\(5,\\)"),
        ("training-progress --workers 2 --scheduler tcp://x:1", "`workers` and `scheduler` cannot"),
        ("training-progress --workers -1", "`workers` must be from 0 to 1000, got -1"),
        ("cortex-selection --batch-size 965", "`batch_size` must be at most.*964, got 965"),
    ],
)
def test_bad_settings_get_one_sentence(arguments, message):
    with pytest.raises(SystemExit, match=f"^error: {message}"):
        main(arguments.split())


def test_a_folder_that_cannot_be_made_is_told_at_once(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")

    def not_reached(*_, **__):
        raise AssertionError

    monkeypatch.setattr(training_progress, "compute", not_reached)
    with pytest.raises(SystemExit, match="error: .*file"):
        main(["training-progress", *TINY_STAIRS, "--out", str(tmp_path / "file")])


def test_training_that_diverges_is_told_in_one_sentence(tmp_path, capsys):
    arguments = [*TINY_STAIRS, "--learning-rate", "1e30", "--seeds", "1", "--out", str(tmp_path)]
    with pytest.raises(SystemExit, match="^error: 1 units failed; run the same command again"):
        main(["training-progress", *arguments])
    assert "1 units failed: training diverged in epoch 1" in capsys.readouterr().out


def test_ctrl_c_says_how_to_go_on(tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(training_progress, "compute", interrupted)
    with pytest.raises(SystemExit, match="run the same command again to go on"):
        main(["training-progress", *TINY_STAIRS, "--out", str(tmp_path)])


def test_the_last_epoch_is_looked_at(tmp_path, capsys):
    arguments = ["--num-epochs", "3", "--every", "2", *TINY_STAIRS[4:], "--out", str(tmp_path)]
    run(capsys, "training-progress", *arguments)
    assert "training stopped at epoch 3" in (tmp_path / "index.html").read_text()


def test_receptors_are_no_neural_markers():
    config = cortex_selection.Config(panel="both")
    _, classes = panel_genes("both")
    receptors = np.flatnonzero(classes == "neurotransmitter")[:12]
    section = cortex_selection.summarize(config, trained(course(receptors, list(range(0, 55, 5)))))
    assert section.statements[2].verdict == "not reproduced"


def test_pairs_by_chance_are_those_of_all_subsets():
    genes = StairGenes(np.array(["overlap"] * 6 + ["noise"]), np.array([0, 0, 1, 1, 2, 2, -1]))
    complete = [chosen_pairs(np.array([*c, 6]), genes)[0] for c in combinations(range(6), 3)]
    observed, expected = chosen_pairs(np.array([0, 1, 4, 6]), genes)
    assert observed == 1
    np.testing.assert_allclose(expected, np.mean(complete))
    assert chosen_pairs(np.array([0, 2, 4]), genes)[0] == 0


def test_stair_patterns():
    genes = stair_genes(StairConfig())
    features = np.array([3, 4, 6, 9, 0])  # overlaps 0, 0, 1, 2 and a stage gene
    states = [[0, 0, 0, 0, 0], [1, 1, 0, 0, 0], [1, 0, 1, 0, 0], [1, 0, 0, 1, 0], [0, 0, 0, 0, 1]]
    fits = [True, True, True, False, False]
    for state, fit in zip(states, fits, strict=True):
        assert share_of_stair_patterns(features, np.array([state]), genes) == fit
    padded = np.array([*states, [-1] * 5])
    assert share_of_stair_patterns(features, padded, genes) == 3 / 5


def course(features, epochs):
    """A course in which the same genes are chosen at each epoch, always off."""
    features = np.broadcast_to(features, (len(epochs), np.shape(features)[-1]))
    return Course(
        epochs=np.array(epochs),
        features=features,
        gains=np.ones(features.shape),
        shuffled=np.zeros(features.shape),
        by_chance=np.zeros(features.shape, bool),
        states=np.zeros((len(epochs), 1, features.shape[1]), np.int8),
        counts=np.ones((len(epochs), 1), np.int64),
        reconstruction=np.ones(len(epochs)),
    )


def done(*courses):
    """Units with these courses."""
    return [Done(None, seed, result, {}) for seed, result in enumerate(courses)]


def trained(result):
    """Units of both models, one start on one split, tuned at the last look."""
    cramer = -np.arange(len(result.epochs)) + 1000.0
    found = Trained(result, cramer, np.zeros((1, 1), np.int8), np.zeros((1, 1), np.int8))
    config = cortex_selection.Config()
    units = tuning_units(replace(config, num_starts=1), [0])
    return [Done(unit.settings, unit.seed, found, {}) for unit in units]


def verdicts(section):
    return [statement.verdict for statement in section.statements]


def test_verdicts_of_training_progress_follow_the_numbers():
    config, epochs = training_progress.Config(), list(range(0, 105, 5))
    genes = stair_genes(config.stairs)
    noise, overlap = (np.flatnonzero(genes.role == role)[:7] for role in ("noise", "overlap"))
    # As in the paper: noise genes at first, overlap genes from epoch 20 on.
    good = course([noise if epoch < 20 else overlap for epoch in epochs], epochs)
    assert verdicts(training_progress.summarize(config, done(*[good] * 3))) == ["reproduced"] * 7
    # The other way round.
    bad = course([overlap if epoch < 20 else noise for epoch in epochs], epochs)
    found = verdicts(training_progress.summarize(config, done(*[bad] * 3)))
    assert found[:5] == ["not reproduced"] * 5
    assert found[6] == "not reproduced"
    # Too short to tell.
    short = course(noise, [0, 5, 10])
    assert verdicts(training_progress.summarize(config, done(short)))[1:] == ["not measured"] * 6


def test_verdicts_of_cortex_selection_follow_the_numbers():
    config, epochs = cortex_selection.Config(), list(range(0, 105, 5))
    names, classes = panel_genes("markers")
    paper = np.flatnonzero(np.isin(names, [*cortex_selection.PAPER_DBM, "Cxcl14"]))
    non_neural = np.flatnonzero(classes == "non-neural")[:12]
    good = course([non_neural if epoch < 20 else paper for epoch in epochs], epochs)
    section = cortex_selection.summarize(config, trained(good))
    assert verdicts(section) == ["reproduced"] * 7
    assert "8.0 of the 8" in section.statements[0].measured
    bad = course([paper if epoch < 20 else non_neural for epoch in epochs], epochs)
    assert verdicts(cortex_selection.summarize(config, trained(bad))) == ["not reproduced"] * 7
