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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar

import numpy as np
import tyro
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from threadpoolctl import threadpool_limits

from experiments.executors import InProcess
from experiments.provenance import revision, source_digest, versions
from models import DivergedError
from models.storage import DAMAGE, replace_file

T = TypeVar("T")
Flat = Annotated[T, tyro.conf.arg(name="")]
"""Settings inside other settings, shown on the command line as if they were not nested."""

Track = Callable[[Iterable[Any], int], Iterator[Any]]
"""track(iterable, length) passes the items on while it shows a progress bar."""


def without_bar(iterable: Iterable[Any], length: int) -> Iterator[Any]:
    """Pass the items on and show nothing."""
    return iter(iterable)


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
        """The unit's kind, as in `cortex-model`."""
        return self.compute.__module__.rpartition(".")[2].replace("_", "-")

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
    with _progress() as progress:
        bar = progress.add_task(label, total=len(paths), completed=len(paths) - len(missing))
        for unit, outcome in _outcomes(missing, executor or InProcess(), progress):
            if outcome.reason:
                failed.append(Failed(unit, outcome.reason, outcome.details))
            else:
                facts = {"seed": unit.seed, "revision": source, "seconds": outcome.seconds}
                save(paths[unit], outcome.result, unit.identity | facts)
            progress.advance(bar)
    without = {failure.unit for failure in failed}
    return [load(unit, path) for unit, path in paths.items() if unit not in without], failed


def _outcomes(
    units: Iterable[Unit], executor: Executor, progress: Progress
) -> Iterator[tuple[Unit, _Outcome]]:
    """Yield each unit with what became of it, as they come."""
    waiting: dict[Future[_Outcome], Unit] = {}
    tried_again: set[Unit] = set()

    def submit(unit: Unit) -> None:
        # A bar of the unit's own can be shown only from here.
        own = (_bar_of_unit(progress, unit),) if isinstance(executor, InProcess) else ()
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
    """Compute a unit on one core; an error becomes the reason why there is no result."""
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


def save(path: Path, result: Any, provenance: dict[str, Any]) -> None:
    """Write a result so that the file is either complete or not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fields = _flat(result) | {"provenance": json.dumps(provenance)}
    replace_file(path, lambda file: np.savez_compressed(file, allow_pickle=False, **fields))


def load(unit: Unit, path: Path) -> Done:
    """Read a unit's result; nothing in the file is executed."""
    try:
        with open(path, "rb") as opened, np.load(opened, allow_pickle=False) as file:
            result = _nested(unit.compute.__annotations__["return"], file)
            provenance = json.loads(str(file["provenance"]))
    except DAMAGE:
        raise OSError(f"{path} is damaged: remove it to compute this unit again") from None
    return Done(unit.settings, unit.seed, result, provenance)


def _flat(result: Any, prefix: str = "") -> dict[str, Any]:
    """Return the arrays of a NamedTuple by name; "a.b" are those of one inside it."""
    arrays: dict[str, Any] = {}
    for field, value in result._asdict().items():
        is_nested = hasattr(value, "_asdict")
        arrays |= _flat(value, f"{prefix}{field}.") if is_nested else {prefix + field: value}
    return arrays


def _nested(result_type: Any, file: Mapping[str, Any], prefix: str = "") -> Any:
    """Return the NamedTuple whose arrays are in a file."""
    return result_type(
        *(
            _nested(kind, file, f"{prefix}{field}.")
            if hasattr(kind, "_fields")
            else file[prefix + field]
            for field, kind in result_type.__annotations__.items()
        )
    )


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )


def _bar_of_unit(progress: Progress, unit: Unit) -> Track:
    """Show a second bar while a unit runs."""

    def track(iterable: Iterable[Any], length: int) -> Iterator[Any]:
        task = progress.add_task(f"  seed {unit.seed}", total=length)
        try:
            yield from progress.track(iterable, task_id=task, total=length)
        finally:
            progress.remove_task(task)

    return track
