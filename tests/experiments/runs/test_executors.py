import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest

from experiments.runs.executors import InProcess, Workers, executor
from experiments.runs.units import run_units
from tests.experiments.runs import toy_study
from tests.experiments.runs.killing import kill_and_resume, numbers
from tests.experiments.runs.toy_study import toy_units


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


@pytest.mark.deep
@pytest.mark.parametrize(
    ("where", "units", "kills"), [("in-process", 4, 2), ("processes", 12, 6), ("dask", 6, 3)]
)
def test_a_run_that_is_killed_at_any_moment_ends_with_the_same_numbers(
    tmp_path, where, units, kills
):
    killed = kill_and_resume(tmp_path, units, kills, where, seed=len(where))
    assert killed.total() >= 2
    assert killed["scheduler"] == (where == "dask")
