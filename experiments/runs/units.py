"""Run the units of a study, keep each result in its own file, and resume after an interruption.

A unit is a function with its settings and a seed, which alone determine its result. The result is
written to a temporary file that is renamed once it is complete. Its folder is named after a hash of
the settings, the versions and the source code, so results of different settings or code never mix.
An existing result is not computed again, whichever study needs it.
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
    """A piece of work that does not depend on other units."""

    compute: Callable[..., Any]
    """compute(settings, seed, track) -> result: a module-level function. Its module gives the
    folder its name. Its return annotation is the NamedTuple of arrays that it returns."""
    settings: Any
    """A frozen dataclass of plain values."""
    seed: int

    @property
    def name(self) -> str:
        """The kind of the unit, such as `cortex-models`: the module or folder of its function."""
        names = self.compute.__module__.split(".")
        is_ours = names[0] == "experiments"  # experiments.FOLDER.NAME, or with .PART
        return (names[2] if is_ours else names[-1]).replace("_", "-")

    @property
    def identity(self) -> dict[str, Any]:
        """Everything that the result depends on, except the seed.

        Settings that do not count where two are compared do not count here.
        """
        settings = dataclasses.asdict(self.settings)
        for field in dataclasses.fields(self.settings):
            if not field.compare:
                del settings[field.name]
        return {
            "study": self.name,
            "settings": settings,
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
    """A NamedTuple of arrays or of further NamedTuples of arrays."""
    provenance: dict[str, Any]
    """Kind, settings, seed, versions, source, git revision and wall seconds."""


class Failed(NamedTuple):
    """A unit that failed."""

    unit: Unit
    reason: str
    """One sentence."""
    details: str = ""
    """The traceback, if the error was not one of the expected ones."""


class _Outcome(NamedTuple):
    """What running a unit gives: a result, or a reason (not empty) why there is none."""

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
    """Return the results of all units; read them from their files where these exist.

    Each file is written as soon as its unit is done. A unit whose worker is killed is tried once
    more. If a unit fails, it is listed and the others still run.

    Parameters
    ----------
    units : sequence of Unit
    out : Path
        Folder of all results.
    executor : concurrent.futures.Executor, optional
        Where the units run; by default in this process. The numbers are the same.
    force : bool
        Also compute units whose files exist.
    label : str
        Label of the progress bar.

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
        folder.mkdir(parents=True, exist_ok=True)  # fail now and not after a unit is finished
    missing = [unit for unit, path in paths.items() if force or not path.exists()]
    failed = []
    source = revision()  # taken now: a commit while units run does not change the imported code
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
    """Yield each unit with its outcome, in the order in which they finish."""
    waiting: dict[Future[_Outcome], Unit] = {}
    tried_again: set[Unit] = set()

    def submit(unit: Unit) -> None:
        # Only a unit that runs in this process can show its own progress bar.
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
            except Exception as error:  # Dask has its own errors for lost workers
                yield unit, _Outcome(None, f"{type(error).__name__}: {error}", "", 0.0)

    try:
        for unit in units:
            submit(unit)
            yield from collect(timeout=0)
        while waiting:
            yield from collect(timeout=None)
    except BaseException:  # mainly Ctrl-C
        executor.shutdown(wait=False, cancel_futures=True)
        raise


def run_unit(unit: Unit, track: Track = without_bar) -> _Outcome:
    """Compute a unit on one thread; an error is returned as the reason why there is no result."""
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
