"""Run the units of a study, keep each result in a file of its own, and take up where it stopped.

A unit is a function, its settings and a seed; from these alone follows its result. The result is
written to a temporary file that is renamed when it is complete, under a folder named after the
settings, versions and source it was computed with, so results of different settings or code
never mix. A file that is there is not computed again, whichever study asks for it.
"""

import dataclasses
import hashlib
import json
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from pathlib import Path
from typing import Any, NamedTuple

from rich.progress import Progress
from threadpoolctl import threadpool_limits

from experiments.runs.executors import InProcess
from experiments.runs.progress import Track, bar_within, progress_bars, without_bar
from experiments.runs.provenance import revision, source_digest, versions
from experiments.runs.results import load, save
from models import DivergedError


class Unit(NamedTuple):
    """A piece of work that depends on no other."""

    compute: Callable[..., Any]
    """compute(settings, seed, track) -> result: a function of a module, whose name names the
    folder. It says by its annotation which NamedTuple of arrays it returns."""
    settings: Any
    """A frozen dataclass of plain values."""
    seed: int

    @property
    def name(self) -> str:
        """The unit's kind, as in `cortex-models`: the module of its function, or the folder."""
        names = self.compute.__module__.split(".")
        is_ours = names[0] == "experiments"  # experiments.ROOM.NAME or experiments.ROOM.NAME.PART
        return (names[2] if is_ours else names[-1]).replace("_", "-")

    @property
    def identity(self) -> dict[str, Any]:
        """All that the result depends on, the seed aside."""
        return {
            "study": self.name,
            "settings": dataclasses.asdict(self.settings),
            "versions": versions(),
            "source": source_digest(self.compute),
        }

    def path(self, out: Path) -> Path:
        """Return the file of the result."""
        identity = json.dumps(self.identity, sort_keys=True)
        digest = hashlib.sha256(identity.encode()).hexdigest()[:12]
        return out / self.name / digest / f"seed-{self.seed}.npz"


class Done(NamedTuple):
    """A unit's result and where it comes from."""

    settings: Any
    seed: int
    result: Any
    """A NamedTuple of arrays and of such NamedTuples."""
    provenance: dict[str, Any]
    """Kind, settings, seed, versions, source, git revision and wall seconds."""


class Failed(NamedTuple):
    """A unit that has no result."""

    unit: Unit
    reason: str
    """One sentence."""
    details: str = ""
    """The traceback, where the reason is none that was foreseen."""


class _Outcome(NamedTuple):
    """What comes back from wherever the unit ran."""

    result: Any
    reason: str
    details: str
    seconds: float


def run_units(
    units: Sequence[Unit],
    out: Path,
    executor: Executor | None = None,
    *,
    force: bool = False,
    label: str = "",
) -> tuple[list[Done], list[Failed]]:
    """Return the results of all units, from their files where these exist.

    Each file is written as soon as its unit is done. A unit whose worker is killed is tried once
    more. One that fails is listed, and the others go on.

    Parameters
    ----------
    units : sequence of Unit
    out : Path
        Folder of all results.
    executor : concurrent.futures.Executor, optional
        Where they run; by default in this process. The numbers are the same.
    force : bool
        Compute also what is there.
    label : str
        Of the progress bar.

    Returns
    -------
    done : list of Done
        In the order of the units.
    failed : list of Failed

    Raises
    ------
    OSError
        If a file cannot be written, or is damaged.
    """
    paths = {unit: unit.path(out) for unit in units}
    for folder in {path.parent for path in paths.values()}:
        folder.mkdir(parents=True, exist_ok=True)  # fails now, and not when a unit is finished
    missing = [unit for unit, path in paths.items() if force or not path.exists()]
    failed = []
    source = revision()  # of now: a commit while units run does not change what is imported
    with progress_bars() as progress:
        bar = progress.add_task(label, total=len(paths), completed=len(paths) - len(missing))
        for unit, outcome in _outcomes(missing, executor or InProcess(), progress):
            if outcome.reason:
                failed.append(Failed(unit, outcome.reason, outcome.details))
            else:
                facts = {"seed": unit.seed, "revision": source, "seconds": outcome.seconds}
                save(paths[unit], outcome.result, unit.identity | facts)
            progress.advance(bar)
    without = {failure.unit for failure in failed}
    return [_read(unit, path) for unit, path in paths.items() if unit not in without], failed


def _read(unit: Unit, path: Path) -> Done:
    return Done(unit.settings, unit.seed, *load(path, unit.compute.__annotations__["return"]))


def _outcomes(
    units: Iterable[Unit], executor: Executor, progress: Progress
) -> Iterator[tuple[Unit, _Outcome]]:
    """Yield each unit with what became of it, as they come."""
    waiting: dict[Future[_Outcome], Unit] = {}
    tried_again: set[Unit] = set()

    def submit(unit: Unit) -> None:
        # A bar of the unit's own can be shown only from here.
        own = (
            (bar_within(progress, f"  seed {unit.seed}"),)
            if isinstance(executor, InProcess)
            else ()
        )
        waiting[executor.submit(run_unit, unit, *own)] = unit

    def collect(timeout: float | None) -> Iterator[tuple[Unit, _Outcome]]:
        for future in wait(waiting, timeout, return_when=FIRST_COMPLETED).done:
            unit = waiting.pop(future)
            try:
                yield unit, future.result()
            except BrokenExecutor as error:
                if unit in tried_again:
                    yield unit, _Outcome(None, f"{error}, twice", "", 0.0)
                else:
                    tried_again.add(unit)
                    submit(unit)
            except Exception as error:  # Dask has errors of its own for workers that are lost
                yield unit, _Outcome(None, f"{type(error).__name__}: {error}", "", 0.0)

    try:
        for unit in units:
            submit(unit)
            yield from collect(timeout=0)
        while waiting:
            yield from collect(timeout=None)
    except BaseException:  # above all Ctrl-C
        executor.shutdown(wait=False, cancel_futures=True)
        raise


def run_unit(unit: Unit, track: Track = without_bar) -> _Outcome:
    """Compute a unit with one thread; an error becomes the reason why there is no result."""
    began = time.perf_counter()
    result, reason, details = None, "", ""
    try:
        with threadpool_limits(1):
            result = unit.compute(unit.settings, unit.seed, track=track)
    except (OSError, DivergedError) as error:
        reason = str(error)
    except Exception as error:
        reason, details = f"{type(error).__name__}: {error}", traceback.format_exc()
    return _Outcome(result, reason, details, round(time.perf_counter() - began, 2))
