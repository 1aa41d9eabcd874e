import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from experiments import cortex, cortex_models, provenance, training_progress
from experiments.executors import InProcess, Workers, executor
from experiments.provenance import source_digest
from experiments.runs import Unit, load, run_units, save, without_bar
from models import DivergedError
from tests import toy_study
from tests.toy_study import Settings, Toy, compute

COUNTED = []
SETTINGS = Settings(3)


class Pair(NamedTuple):
    values: np.ndarray
    names: np.ndarray


def counted(settings: Settings, seed: int, track=without_bar) -> Pair:
    COUNTED.append(seed)
    if seed == 13:
        raise KeyboardInterrupt
    if seed == 14:
        raise DivergedError(3, None)
    if seed == 15:
        raise ZeroDivisionError("a bug")
    values = np.array([seed * i for i in track(range(settings.size), settings.size)])
    return Pair(values, np.array(["a", "b"]))


def units(seeds, settings=SETTINGS):
    return [Unit(counted, settings, seed) for seed in seeds]


@pytest.fixture(autouse=True)
def _nothing_counted():
    COUNTED.clear()


def files_in(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_what_is_there_is_not_computed_again(tmp_path):
    first, _ = run_units(units(range(3)), tmp_path)
    again, _ = run_units(units(range(4)), tmp_path)
    assert COUNTED == [0, 1, 2, 3]
    for a, b in zip(first, again, strict=False):
        np.testing.assert_array_equal(a.result.values, b.result.values)
        assert a.provenance == b.provenance
    run_units(units(range(2)), tmp_path, force=True)
    assert COUNTED == [0, 1, 2, 3, 0, 1]


def test_other_settings_do_not_mix(tmp_path):
    run_units(units([1]), tmp_path)
    ((other,), _) = run_units(units([1], Settings(5)), tmp_path)
    assert len(other.result.values) == 5
    assert COUNTED == [1, 1]


def test_an_interrupted_run_keeps_what_is_finished(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run_units(units([12, 13]), tmp_path)
    assert files_in(tmp_path) == ["seed-12.npz"]
    run_units(units([12]), tmp_path)
    assert COUNTED == [12, 13]


def test_a_unit_that_fails_is_listed_and_the_others_finish(tmp_path):
    done, failed = run_units(units([14, 1, 15]), tmp_path)
    assert [unit.seed for unit in done] == [1]
    assert [failure.unit.seed for failure in failed] == [14, 15]
    assert failed[0].reason.startswith("training diverged before its first epoch")
    assert failed[1].reason == "ZeroDivisionError: a bug"
    assert "in counted" in failed[1].details
    assert files_in(tmp_path) == ["seed-1.npz"]


def test_a_result_says_where_it_comes_from(tmp_path):
    ((unit,), _) = run_units(units([4]), tmp_path)
    assert unit.provenance["study"] == "test-runs"
    assert unit.provenance["settings"] == {"size": 3, "pause": 0.0}
    assert unit.provenance["seed"] == 4
    assert {"python", "jax", "numpy", "loglin"} <= set(unit.provenance["versions"])
    assert unit.provenance["revision"]
    assert unit.provenance["seconds"] >= 0


def test_a_damaged_result_is_told_in_one_sentence(tmp_path):
    run_units(units([3]), tmp_path)
    (path,) = tmp_path.rglob("seed-3.npz")
    for content in (b"", path.read_bytes()[:100]):
        path.write_bytes(content)
        with pytest.raises(OSError, match=r"seed-3.npz is damaged: remove it to compute"):
            run_units(units([3]), tmp_path)


def test_nothing_is_half_written(tmp_path):
    path = tmp_path / "unit.npz"
    broken = Pair(np.zeros(2), np.array([object()]))
    save(path, Pair(np.ones(2), np.array(["a"])), {})
    before = path.read_bytes()
    with pytest.raises(ValueError, match="allow_pickle"):
        save(path, broken, {})
    assert path.read_bytes() == before
    assert files_in(tmp_path) == ["unit.npz"]


def test_files_hold_no_pickles(tmp_path):
    path = tmp_path / "unit.npz"
    np.savez(path, provenance=json.dumps({}), values=np.zeros(1), names=np.array([{}], object))
    with pytest.raises(OSError, match="unit.npz is damaged"):
        load(units([0])[0], path)


def test_results_within_results_are_kept(tmp_path):
    unit = Unit(compute, Settings(3), 1)
    ((done,), _) = run_units([unit], tmp_path)
    expected = compute(unit.settings, 1)
    assert type(done.result) is Toy
    np.testing.assert_array_equal(done.result.inner.draws, expected.inner.draws)


def toy_units(**settings):
    return [Unit(compute, Settings(**settings), seed) for seed in range(4)]


def numbers(out):
    """Bytes of all arrays by file, what they come from aside."""
    found = {}
    for path in sorted(out.rglob("*.npz")):
        with np.load(path) as file:
            names = [name for name in file.files if name != "provenance"]
            found[path.name] = b"".join(file[name].tobytes() for name in names)
    return found


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    out = tmp_path_factory.mktemp("in-process")
    run_units(toy_units(), out, InProcess())
    return numbers(out)


def test_every_executor_gives_the_same_numbers(tmp_path, expected):
    assert len(expected) == 4
    for name, where in [("threads", ThreadPoolExecutor(2)), ("processes", Workers(2))]:
        with where:
            _, failed = run_units(toy_units(), tmp_path / name, where)
        assert not failed
        assert numbers(tmp_path / name) == expected


def test_a_dask_cluster_gives_the_same_numbers(tmp_path, expected):
    distributed = pytest.importorskip("distributed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cluster = distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
        )
        with cluster, executor(0, cluster.scheduler_address) as where:
            _, failed = run_units(toy_units(), tmp_path, where)
    assert not failed
    assert numbers(tmp_path) == expected


def test_a_scheduler_that_is_not_there_is_told_in_one_sentence(monkeypatch):
    distributed = pytest.importorskip("distributed")

    def unreachable(*_, **__):
        raise OSError("timed out")

    monkeypatch.setattr(distributed, "Client", unreachable)
    with pytest.raises(OSError, match="`scheduler` tcp://nowhere:1 cannot be reached: timed out"):
        executor(0, "tcp://nowhere:1").__enter__()


def test_a_killed_worker_costs_its_unit_one_more_try(tmp_path):
    kill_once = tmp_path / "kill-once"
    kill_once.touch()
    with Workers(2) as where:
        done, failed = run_units(toy_study.deadly(kill_once), tmp_path, where)
    assert [unit.seed for unit in done] == [0, 1, 3]
    (failure,) = failed
    assert (failure.unit.seed, failure.reason) == (2, "its worker was killed, twice")
    assert not kill_once.exists()


RUN = """
import sys
from pathlib import Path
from experiments.executors import executor
from experiments.runs import run_units
from tests.test_runs import toy_units
if __name__ == "__main__":
    with executor(int(sys.argv[2]), None) as where:
        run_units(toy_units(pause=0.05), Path(sys.argv[1]), where)
"""


@pytest.mark.parametrize("workers", [0, 2])
def test_a_run_that_is_killed_at_any_moment_ends_with_the_same_numbers(tmp_path, workers):
    script, out = tmp_path / "run.py", tmp_path / "out"
    script.write_text(RUN)
    root = Path(__file__).parents[1]
    environment = os.environ | {"PYTHONPATH": str(root)}
    command = [sys.executable, str(script), str(out), str(workers)]
    draw = random.Random(workers)
    for _ in range(3):
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        # The first file may take seconds, the next ones a fraction of one.
        before, deadline = len(list(out.rglob("*.npz"))), time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            if len(list(out.rglob("*.npz"))) > before:
                break
            time.sleep(0.01)
        time.sleep(draw.uniform(0, 0.2))
        process.send_signal(signal.SIGKILL)
        process.wait()
    subprocess.run(command, env=environment, check=True, capture_output=True)
    run_units(toy_units(pause=0.05), tmp_path / "whole")
    assert numbers(out) == numbers(tmp_path / "whole")
    assert len(numbers(out)) == 4


def test_the_digest_follows_what_a_study_names(monkeypatch):
    source_digest.cache_clear()
    before = source_digest(training_progress.compute)
    monkeypatch.setattr(training_progress, "FOR_ANOTHER_MODEL", "other words")
    source_digest.cache_clear()
    assert source_digest(training_progress.compute) == before  # words are not numbers
    monkeypatch.setattr(training_progress, "simulate_stairs", training_progress.stair_genes)
    source_digest.cache_clear()
    assert source_digest(training_progress.compute) != before
    source_digest.cache_clear()


def test_the_digest_reads_all_folders_of_the_libraries_but_not_their_plots(tmp_path, monkeypatch):
    root = Path(__file__).parents[1]
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
        ("loglin/plots.py", False),
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
