"""Run a study seed by seed, keep each result in a file of its own, and take up where it stopped.

One seed is one unit of work. Its result is written to a temporary file that is renamed when it
is complete, under a folder named after the settings, versions and source it was computed with, so
results of different settings or code never mix. A file that is there is not computed again.
"""

import dataclasses
import hashlib
import importlib.metadata
import inspect
import json
import platform
import subprocess
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar

import numpy as np
import tyro
from rich.progress import track

from models.storage import DAMAGE, replace_file

T = TypeVar("T")
Flat = Annotated[T, tyro.conf.arg(name="")]
"""Settings inside other settings, shown on the command line as if they were not nested."""

PACKAGES = (
    "loglin",
    "jax",
    "jaxlib",
    "flax",
    "optax",
    "numpy",
    "numba",
    "scipy",
    "scikit-learn",
)
"""What the numbers depend on."""


class Unit(NamedTuple):
    """One seed's result and where it comes from."""

    result: Any
    """The study's `Result`, a NamedTuple of arrays."""
    provenance: dict[str, Any]
    """Study, settings, seed, versions, source, git revision and seconds."""


def run_seeds(
    name: str, study: Any, config: Any, seeds: Iterable[int], out: Path, force: bool = False
) -> list[Unit]:
    """Return the study's results for all seeds, from their files where these exist.

    Parameters
    ----------
    name : str
        Of the study; its results go to `out`/`name`.
    study : module
        With `Config`, `Result` and `compute`.
    config : study.Config
    seeds : iterable of ints
    out : Path
    force : bool
        Compute also what is there.
    """
    identity = {
        "study": name,
        "settings": dataclasses.asdict(config),
        "versions": versions(),
        "source": source_digest(study),
    }
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:12]
    folder = out / name / digest
    folder.mkdir(parents=True, exist_ok=True)  # fails now, and not when a seed is finished
    units = []
    for seed in seeds:
        path = folder / f"seed-{seed}.npz"
        if force or not path.exists():
            label = f"{name}, seed {seed}"

            def bar(items: Iterable[Any], length: int, label: str = label) -> Iterator[Any]:
                return iter(track(items, description=label, total=length))

            began = time.perf_counter()
            result = study.compute(config, seed, track=bar)
            seconds = round(time.perf_counter() - began, 2)
            provenance = identity | {"seed": seed, "revision": revision(), "seconds": seconds}
            save(path, result, provenance)
        units.append(load(path, study.Result))
    return units


def save(path: Path, result: Any, provenance: dict[str, Any]) -> None:
    """Write a result so that the file is either complete or not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fields = result._asdict() | {"provenance": json.dumps(provenance)}
    replace_file(path, lambda file: np.savez_compressed(file, allow_pickle=False, **fields))


def load(path: Path, result_type: Any) -> Unit:
    """Read a result; nothing in the file is executed."""
    try:
        with open(path, "rb") as opened, np.load(opened, allow_pickle=False) as file:
            fields = {field: file[field] for field in result_type._fields}
            return Unit(result_type(**fields), json.loads(str(file["provenance"])))
    except DAMAGE:
        raise OSError(f"{path} is damaged: remove it to compute this seed again") from None


def source_digest(study: Any) -> str:
    """Return a hash of the source that the numbers come from.

    That is all of `loglin` and `models`, the shared files of `experiments` that hold data and
    training, and the study's `Config` and `compute`; figures and words may change without a new
    computation.
    """
    here = Path(__file__).parent
    shared = "architecture.py", "cortex.py", "cortex_genes.tsv", "course.py", "stairs.py"
    files = [here / name for name in shared]
    for package in ("loglin", "models"):
        files += sorted((here.parent / package).glob("*.py"))
    sources = [file.read_bytes() for file in files]
    sources += [inspect.getsource(part).encode() for part in (study.Config, study.compute)]
    return hashlib.sha256(b"\0".join(sources)).hexdigest()[:12]


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that the numbers depend on."""
    packages = {package: importlib.metadata.version(package) for package in PACKAGES}
    return {"python": platform.python_version(), **packages}


def revision() -> str:
    """Return the git revision of the source, marked where it is changed; "unknown" without git."""
    try:
        answer = subprocess.run(
            ["git", "describe", "--always", "--abbrev=12", "--dirty", "--exclude=*"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return answer.stdout.strip()
