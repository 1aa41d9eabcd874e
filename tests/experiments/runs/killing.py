"""Kill runs at random moments, resume them, and compare with a run that was left alone.

    python -m tests.experiments.runs.killing --units 100 --kills 50 --where processes

SIGKILL goes to the run itself or to one of its two workers; on a Dask cluster (`--where dask`) to
the run, to a worker of the cluster or, once, to its scheduler. The same command is repeated until
all units are there. A byte that differs is an error, and so is a run that hangs.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from experiments.runs.executors import executor
from experiments.runs.units import Unit, run_units
from tests.experiments.runs.toy_study import Settings, compute

ROOT = Path(__file__).parents[3]
LONGEST = 120
"""Seconds without a new file after which a run counts as hung."""
PAUSE = 0.2
"""Seconds that a unit takes, and at most from a new file to the next kill."""


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--units", type=int, default=100)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--where", choices=["processes", "in-process", "dask"], default="processes")
    parser.add_argument("--seed", type=int, default=0)
    settings = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        killed = kill_and_resume(Path(folder), settings.units, settings.kills, settings.where,
                                 settings.seed)  # fmt: skip
    print(f"{settings.units} units with the bytes of a run left alone; killed: {dict(killed)}")


def kill_and_resume(
    folder: Path, num_units: int, num_kills: int, where: str, seed: int
) -> Counter[str]:
    """Return how often what was killed until all units were there, at most `num_kills` in all.

    Raises
    ------
    AssertionError
        If the results are not those of a run that was left alone.
    TimeoutError
        If a run hangs.
    """
    out, draw, killed = folder / "killed", random.Random(seed), Counter[str]()
    victims = ["run"] if where == "in-process" else ["run", "worker"]
    cluster = Cluster(folder) if where == "dask" else None
    try:
        status = None
        while status != 0:
            process = start(out, num_units, where, cluster)
            while killed.total() < num_kills and process.poll() is None:
                wait_until(has_news, process, out, num_files(out))
                time.sleep(draw.uniform(0, PAUSE))
                victim = draw.choice(victims)
                if cluster and not killed["scheduler"] and killed.total() >= num_kills // 2:
                    victim = "scheduler"
                killed[victim] += 1
                if victim == "run":
                    kill(process)
                elif cluster is None:
                    kill_a_child(process, draw)
                elif victim == "worker":
                    cluster.kill_a_worker(draw)
                else:  # all of the cluster: its workers end with the scheduler
                    cluster.close()
                    wait_until(is_over, process)
                    cluster = Cluster(folder)
            wait_until(is_over, process)
            status = process.returncode
    finally:
        if cluster:
            cluster.close()
    alone = folder / "alone"
    if start(alone, num_units).wait() != 0 or len(numbers(alone)) != num_units:
        raise AssertionError("the run that was left alone failed")
    if numbers(out) != numbers(alone):
        raise AssertionError(f"{len(numbers(out))} of {num_units} units, or other bytes in them")
    return killed


class Cluster:
    """A Dask scheduler and two workers, each in a process of its own."""

    def __init__(self, folder: Path) -> None:
        """Start them."""
        self._file = folder / f"scheduler-{time.monotonic_ns()}.json"
        self.scheduler = self._start("scheduler", "--port", "0")
        wait_until(self._file.exists)
        self.address = json.loads(self._file.read_text())["address"]
        self.workers = [self._worker() for _ in range(2)]

    def _start(self, role: str, *options: str) -> subprocess.Popen[bytes]:
        where = "--host", "127.0.0.1", "--scheduler-file", str(self._file), "--no-dashboard"
        return popen("-m", "dask", role, *where, *options)

    def _worker(self) -> subprocess.Popen[bytes]:
        return self._start("worker", "--nthreads", "1", "--no-nanny")

    def kill_a_worker(self, draw: random.Random) -> None:
        """Kill one of the workers and start another, as a queueing system would."""
        at = draw.randrange(len(self.workers))
        kill(self.workers[at])
        self.workers[at] = self._worker()

    def close(self) -> None:
        """Kill all of them."""
        for process in (*self.workers, self.scheduler):
            kill(process)


def start(
    out: Path, num_units: int, where: str = "in-process", cluster: Cluster | None = None
) -> subprocess.Popen[bytes]:
    """Start a run of the units that are missing; it ends with status 1 if one fails."""
    code = "import sys; from tests.experiments.runs.killing import run; run(*sys.argv[1:])"
    workers, address = 2 * (where == "processes"), cluster.address if cluster else ""
    return popen("-c", code, str(out), str(num_units), str(workers), address)


def run(out: str, num_units: str, workers: str, scheduler: str) -> None:
    """Run the units that are missing, in the process that `start` started."""
    units = [Unit(compute, Settings(pause=PAUSE), seed) for seed in range(int(num_units))]
    with executor(int(workers), scheduler or None) as where:
        _, failed = run_units(units, Path(out), where)
    sys.exit(bool(failed))


def popen(*arguments: str) -> subprocess.Popen[bytes]:
    """Start Python with the packages of this checkout, in silence."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and wait for its end."""
    process.send_signal(signal.SIGKILL)
    process.wait()


def kill_a_child(process: subprocess.Popen[bytes], draw: random.Random) -> None:
    """Kill a worker process of a run, if there is one."""
    if workers := psutil.Process(process.pid).children():
        draw.choice(workers).kill()


def wait_until(condition: Callable[..., bool], *arguments: Any) -> None:
    """Wait for something that happens within `LONGEST` seconds."""
    deadline = time.monotonic() + LONGEST
    while not condition(*arguments):
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing happened for {LONGEST} s")
        time.sleep(0.01)


def is_over(process: subprocess.Popen[bytes]) -> bool:
    """Return whether a run has ended."""
    return process.poll() is not None


def has_news(process: subprocess.Popen[bytes], out: Path, number: int) -> bool:
    """Return whether a run has ended, or there are more results than this number."""
    return is_over(process) or num_files(out) > number


def num_files(out: Path) -> int:
    """Return how many results there are."""
    return len(list(out.rglob("seed-*.npz")))


def numbers(out: Path) -> dict[str, bytes]:
    """Return the bytes of all arrays by file, what they come from aside."""
    found = {}
    for path in sorted(out.rglob("seed-*.npz")):
        with np.load(path) as file:
            names = [name for name in file.files if name != "provenance"]
            found[path.name] = b"".join(file[name].tobytes() for name in names)
    return found


if __name__ == "__main__":
    main()
