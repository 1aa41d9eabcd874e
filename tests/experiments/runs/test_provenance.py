import shutil
from pathlib import Path

from experiments.analysis import cortex_models
from experiments.data import cortex
from experiments.runs import provenance
from experiments.runs.provenance import source_digest
from experiments.studies import training_progress


def test_the_digest_follows_what_a_study_names(monkeypatch):
    source_digest.cache_clear()
    before = source_digest(training_progress.compute)
    monkeypatch.setattr(training_progress, "OF_A_DBM", "other words")
    source_digest.cache_clear()
    assert source_digest(training_progress.compute) == before  # words are not numbers
    monkeypatch.setattr(training_progress, "simulate_stairs", training_progress.stair_genes)
    source_digest.cache_clear()
    assert source_digest(training_progress.compute) != before
    source_digest.cache_clear()


def test_the_digest_reads_all_folders_of_the_libraries_but_not_their_plots(tmp_path, monkeypatch):
    root = Path(__file__).parents[3]
    for package in ("loglin", "models", "experiments"):
        shutil.copytree(root / package, tmp_path / package)
    monkeypatch.setattr(provenance, "_ROOT", tmp_path)
    digest_of = source_digest.__wrapped__
    digests = [digest_of(training_progress.compute)]
    for name, is_read in [
        ("loglin/tables.py", True),
        ("loglin/deep/er/kernels.py", True),
        ("models/deep/energy.py", True),
        ("experiments/deep/genes.tsv", True),
        ("loglin/plots/patterns.py", False),
        ("experiments/deep/unused.py", False),
    ]:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a") as opened:
            opened.write("# changed\n")
        digests.append(digest_of(training_progress.compute))
        assert (digests[-1] != digests[-2]) is is_read, name


def test_results_do_not_depend_on_where_the_source_lies(tmp_path, monkeypatch):
    source_digest.cache_clear()
    before = source_digest(cortex_models.compute)
    monkeypatch.setattr(cortex, "__file__", str(tmp_path / "cortex.py"))
    source_digest.cache_clear()
    assert source_digest(cortex_models.compute) == before
    source_digest.cache_clear()
