"""The command ``loglin explore``: from a file to a page with an answer, one step after another."""

import json
import sys
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, field
from hashlib import file_digest
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from numpy.typing import NDArray

from experiments.explore.adata import write_adata
from experiments.explore.coding import Coded, as_codes
from experiments.explore.files import Cells, read_cells
from experiments.explore.findings import About, Course, Findings, Samples, find
from experiments.explore.page import write_page
from experiments.explore.settings import Input, KindOfModel, Learning, Output
from experiments.explore.training import (
    Task,
    batch_size,
    compute,
    compute_permuted,
    num_epochs,
    permuted,
    store_codes,
)
from experiments.runs.executors import executor
from experiments.runs.options import Unprefixed
from experiments.runs.provenance import revision, versions
from experiments.runs.units import Done, Unit, run_units
from loglin import latent_codes
from loglin.validation import as_codes as as_table_of_codes
from models.storage import replace_file

LEARNING_RATE = 0.001
PRETRAINING_STEPS, MOST_STEPS, PATIENT_STEPS = 5000, 40_000, 1000
"""Gradient steps: of pretraining (each layer of a DBM, at least 20 epochs), the most in all, and
those without a better bound (at least 10 epochs)."""
MODEL_NAMES: dict[KindOfModel, str] = {"vae": "VAE", "dbm": "DBM"}
SETTINGS = "settings.json"
"""File in the folder of the page that tells which file and settings it shows."""


@dataclass(frozen=True)
class Exploration:
    """A file of one's own, and what is to be done with it."""

    file: tyro.conf.Positional[Path]
    """Cells in rows and features in columns: .h5ad, or .csv, .tsv, .parquet with a header (also
    .csv.gz), or .npz with x and features."""
    input: Unprefixed[Input] = field(default_factory=Input)
    learning: Unprefixed[Learning] = field(default_factory=Learning)
    output: Unprefixed[Output] = field(default_factory=Output)

    @property
    def folder(self) -> Path:
        """The folder of the page."""
        name = self.file.name.split(".")[0] or "cells"
        return self.output.out or Path("results") / "explore" / name


def explore(exploration: Exploration) -> Path:
    """Read, train, select and describe; return the path of the page.

    Raises
    ------
    ValueError, OSError
        If a setting or the file is not what it should be, in one sentence.
    RuntimeError
        If no model could be trained.
    """
    source, learning, output = exploration.input, exploration.learning, exploration.output
    cells = read_cells(exploration.file, source, learning.use_rep)
    coded = as_codes(cells, source)
    given = _given_samples(cells, coded, learning)
    _say(f"{len(coded.x):,} cells, {len(coded.features):,} features. {coded.how}")
    _claim(exploration)
    seconds: dict[str, str] = {}
    if given is not None:
        findings = [_find(exploration, cells, coded, given[0], [given[1]], [], None)]
    else:
        with executor(output.workers, None) as where:
            findings = [
                _learn(exploration, cells, coded, model, where, seconds) for model in learning.model
            ]
    about = About(
        title=exploration.file.name,
        names=coded.features,
        num_cells=len(coded.x),
        kind=cells.kind,
        coding=coded.how,
        left_out=coded.left_out,
        provenance=_provenance(exploration) | seconds,
        noun="gene" if exploration.file.name.endswith(".h5ad") else "feature",
    )
    page = write_page(exploration.folder, about, findings)
    if output.write is not None:
        write_adata(
            output.write, exploration.file, source, cells, coded, findings[0],
            _settings(exploration), output.key_added,
        )  # fmt: skip
    return page


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _given_samples(cells: Cells, coded: Coded, learning: Learning) -> tuple[str, Samples] | None:
    """Return the samples that take the place of training, with their name on the page."""
    if learning.use_rep is not None and cells.latents is not None:
        return learning.use_rep, Samples(coded.x, latent_codes(cells.latents).astype(np.int8))
    if learning.samples is None:
        return None
    x, u = (_read_array(path) for path in learning.samples)
    if x.ndim != 2 or x.shape[1] != len(cells.features):
        raise ValueError(
            f"`samples` must have a column for each feature of the file in {learning.samples[0]}: "
            f"expected {len(cells.features)}, got shape {x.shape}"
        )
    if u.ndim != 2 or len(u) != len(x):
        raise ValueError(
            f"`samples` must have a row of latents for each of {len(x)} samples in "
            f"{learning.samples[1]}, got shape {u.shape}"
        )
    kept = np.isin(cells.features, coded.features)
    codes, _ = as_table_of_codes(x, "samples")
    latents, _ = as_table_of_codes(latent_codes(u), "samples")
    return "samples", Samples(codes[:, kept], latents)


def _read_array(path: Path) -> NDArray[Any]:
    try:
        with open(path, "rb") as file:
            array = np.load(file, allow_pickle=False)
    except (ValueError, EOFError):
        raise ValueError(f"`samples` must be .npy files of numbers, got {path}") from None
    if not isinstance(array, np.ndarray):
        raise ValueError(f"`samples` must be .npy files, got an .npz: {path}")
    return array


def _claim(exploration: Exploration) -> None:
    """Make the folder ours, unless it holds something else.

    Raises
    ------
    ValueError
        If it does, or the file to write is there, and `force` is not set.
    """
    folder, output = exploration.folder, exploration.output
    with open(exploration.file, "rb") as file:
        identity = {"content": file_digest(file, "sha256").hexdigest(), **_settings(exploration)}
    text = json.dumps(identity, indent=1)
    path = folder / SETTINGS
    if not output.force:
        if path.exists() and path.read_text() != text:
            raise ValueError(
                f"`out` {folder} holds the page of another file or other settings: name another "
                "folder, or pass --force"
            )
        if (folder / "index.html").exists() and not path.exists():
            raise ValueError(f"`out` {folder} holds a page that is not ours: name another folder")
        if output.write is not None and output.write.exists() and not path.exists():
            raise ValueError(f"`write` {output.write} exists: name another file, or pass --force")
    folder.mkdir(parents=True, exist_ok=True)
    replace_file(path, lambda file: file.write(text.encode()))


def _settings(exploration: Exploration) -> dict[str, str]:
    """Return the settings that the numbers depend on, as text."""
    parts = exploration.input, exploration.learning, exploration.output
    everything = {name: value for part in parts for name, value in asdict(part).items()}
    for name in ("out", "write", "key_added", "force", "workers"):
        del everything[name]
    return {name: _as_text(value) for name, value in everything.items() if value is not None}


def _as_text(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _provenance(exploration: Exploration) -> dict[str, str]:
    return {
        "file": str(exploration.file),
        **_settings(exploration),
        "revision": revision(),
        "versions": ", ".join(f"{name} {version}" for name, version in versions().items()),
    }


def _learn(
    exploration: Exploration,
    cells: Cells,
    coded: Coded,
    model: KindOfModel,
    where: Executor,
    seconds: dict[str, str],
) -> Findings:
    """Train the starts of one kind of model, and find what they have learned."""
    learning, output, num_cells = exploration.learning, exploration.output, len(coded.x)
    task = Task(
        str(store_codes(coded.x, exploration.folder)),
        model,
        learning.latents,
        max(20, num_epochs(PRETRAINING_STEPS, num_cells)),
        learning.max_epochs or num_epochs(MOST_STEPS, num_cells),
        learning.patience or max(10, num_epochs(PATIENT_STEPS, num_cells)),
        learning.num_samples,
        batch_size(num_cells),
        LEARNING_RATE,
    )
    name = MODEL_NAMES[model]
    units = [Unit(compute, task, output.seed + start) for start in range(learning.starts)]
    done = _run(units, exploration, where, f"{name}: training")
    samples = [Samples(unit.result.x, unit.result.u) for unit in done]
    courses = [
        Course(r.epochs, r.training, r.held_out, int(r.chosen)) for r in (u.result for u in done)
    ]
    seconds[f"{name}, seconds of training"] = _seconds(done)
    null_gains = None
    if output.permutations:
        number = min(output.num_features, coded.x.shape[1])
        settings = permuted(task, number, learning.starts)
        rounds = [Unit(compute_permuted, settings, 1 + k) for k in range(output.permutations)]
        finished = _run(rounds, exploration, where, f"{name}: permutations")
        null_gains = np.array([unit.result.gains for unit in finished])
        seconds[f"{name}, seconds of permutations"] = _seconds(finished)
    return _find(exploration, cells, coded, name, samples, courses, null_gains)


def _run(units: list[Unit], exploration: Exploration, where: Executor, label: str) -> list[Done]:
    """Run units, or read those that are done; tell which failed."""
    done, failed = run_units(
        units, exploration.folder, where, force=exploration.output.force, label=label
    )
    for failure in failed:
        _say(f"{failure.details}{label}, seed {failure.unit.seed}, failed: {failure.reason}")
    if not done:
        raise RuntimeError(f"{label} failed for every seed")
    return done


def _seconds(done: Sequence[Done]) -> str:
    total = sum(unit.provenance["seconds"] for unit in done)
    return f"{total:.0f} (seeds {done[0].seed} to {done[-1].seed})"


def _find(
    exploration: Exploration,
    cells: Cells,
    coded: Coded,
    name: str,
    samples: Sequence[Samples],
    courses: Sequence[Course],
    null_gains: NDArray[np.float64] | None,
) -> Findings:
    output = exploration.output
    return find(
        name, samples, coded.x, coded.features,
        labels=cells.labels, label_name=exploration.input.labels or "label", courses=courses,
        num_features=output.num_features, num_patterns=output.num_patterns,
        null_gains=null_gains, seed=output.seed,
    )  # fmt: skip
