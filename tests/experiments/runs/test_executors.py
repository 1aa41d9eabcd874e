import os
import random
import signal
import subprocess
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from experiments.runs.executors import InProcess, Workers, executor
from experiments.runs.units import run_units
from tests.depth import usual_or_deep
from tests.experiments.runs import toy_study
from tests.experiments.runs.toy_study import toy_units


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
from experiments.runs.executors import executor
from experiments.runs.units import run_units
from tests.experiments.runs.toy_study import toy_units
if __name__ == "__main__":
    with executor(int(sys.argv[2]), None) as where:
        run_units(toy_units(pause=0.05), Path(sys.argv[1]), where)
"""


@pytest.mark.parametrize("workers", usual_or_deep([2], [0, 2]))
def test_a_run_that_is_killed_at_any_moment_ends_with_the_same_numbers(tmp_path, workers):
    script, out = tmp_path / "run.py", tmp_path / "out"
    script.write_text(RUN)
    root = Path(__file__).parents[3]
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
