"""The command ``loglin explore``: from a file to a page with an answer, one step after another."""

import sys
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from numpy.typing import NDArray

from experiments.explore.adata import check_keys, write_adata
from experiments.explore.coding import Coded, as_codes
from experiments.explore.files import Cells, read_cells
from experiments.explore.files.messages import shown
from experiments.explore.findings import About, Course, Findings, Samples, find
from experiments.explore.folder import check_target, claim, digest
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

LEARNING_RATE = 0.001
PRETRAINING_STEPS, MOST_STEPS, PATIENT_STEPS = 5000, 40_000, 1000
"""Gradient steps: of pretraining (each layer of a DBM, at least 20 epochs), the most in all, and
those without a better bound (at least 10 epochs)."""
MANY_FEATURES = 2000
"""With more, a note says how large the networks become."""
MODEL_NAMES: dict[KindOfModel, str] = {"vae": "VAE", "dbm": "DBM"}
FAILED = ", failed"
"""End of the note that trainings failed."""


@dataclass(frozen=True)
class Exploration:
    """A file of one's own, and what is to be done with it.

    See Also
    --------
    explore : Does it.
    """

    file: tyro.conf.Positional[Path]
    """Cells in rows and features in columns: .h5ad, or .csv, .tsv, .parquet with a header (also
    .csv.gz), or .npz with x and features."""
    input: Unprefixed[Input] = field(default_factory=Input)
    """Which values of the file are used."""
    learning: Unprefixed[Learning] = field(default_factory=Learning)
    """Which models are trained."""
    output: Unprefixed[Output] = field(default_factory=Output)
    """What is selected, and where it is written."""

    @property
    def folder(self) -> Path:
        """The folder of the page."""
        name = self.file.name.split(".")[0] or "cells"
        return self.output.out or Path("results") / "explore" / name


def explore(exploration: Exploration) -> Path:
    """Read, train, select and describe; return the path of the page.

    Parameters
    ----------
    exploration : Exploration
        The file, and what is to be done with it.

    Returns
    -------
    Path
        Of the page, an HTML file.

    Raises
    ------
    ValueError, OSError
        If a setting or the file is not what it should be, in one sentence.
    RuntimeError
        If a training failed; the page is there if another start did not.

    See Also
    --------
    loglin.explain : Latents that are there already, without training.
    loglin.select_features : The selection alone.

    Examples
    --------
    Latents that are there already need no training:

    >>> from tempfile import TemporaryDirectory
    >>> import anndata
    >>> import numpy as np
    >>> u = np.repeat([[0.0], [1.0]], 50, axis=0)
    >>> cells = anndata.AnnData(np.column_stack([np.arange(100) % 2, u]), obsm={"X_model": u})
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "cells.h5ad")
    ...     cells.write_h5ad(file)
    ...     output = Output(out=Path(folder, "found"), workers=0)
    ...     page = explore(Exploration(file, learning=Learning(use_rep="X_model"), output=output))
    ...     print(page.name)
    index.html
    """
    source, learning, output = exploration.input, exploration.learning, exploration.output
    _check_elsewhere(learning, output)
    cells = read_cells(exploration.file, source, learning.use_rep)
    coded = as_codes(cells, source)
    given = _given_samples(cells, coded, learning)
    _say(f"{len(coded.x):,} cells, {len(coded.features):,} features. {coded.how}")
    if given is None:
        _say_if_large(len(coded.features))
    check_target(output, exploration.file)
    if output.write is not None:
        check_keys(exploration.file, source, output.key_added)
    claim(exploration.folder, output, _identity(exploration))
    notes: dict[str, str] = {}
    if given is not None:
        findings = [_find(exploration, cells, coded, given[0], [given[1]], [], None)]
    else:
        with executor(output.workers, None) as where:
            findings = [
                _learn(exploration, cells, coded, model, where, notes) for model in learning.model
            ]
    about = About(
        title=exploration.file.name,
        names=coded.features,
        num_cells=len(coded.x),
        kind=cells.kind,
        coding=coded.how,
        left_out=coded.left_out,
        provenance=_provenance(exploration) | notes,
        noun="gene" if exploration.file.suffix.lower() == ".h5ad" else "feature",
    )
    page = write_page(exploration.folder, about, findings)
    if output.write is not None:
        write_adata(
            output.write, exploration.file, source, cells, coded, findings[0],
            _settings(exploration), output.key_added,
        )  # fmt: skip
    failures = [f"{name} {reason}" for name, reason in notes.items() if name.endswith(FAILED)]
    if failures:
        raise RuntimeError(
            f"{'; '.join(failures)}; the page {page} is of the others: run the same command again "
            "to try again"
        )
    return page


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _say_if_large(num_features: int) -> None:
    """Warn of networks that are large: nearly all of their weights are two square matrices."""
    if num_features > MANY_FEATURES:
        # Of each weight also the gradient and two moments are kept, with four bytes each.
        gigabytes = 2 * num_features**2 * 4 * 4 / 1e9
        _say(
            f"The networks are as wide as the features: each training needs {gigabytes:.1f} GB, "
            "and time in proportion. --genes 500 takes the 500 most variable ones."
        )


def _check_elsewhere(learning: Learning, output: Output) -> None:
    """Check that nothing is asked of training if the model was trained elsewhere."""
    elsewhere = "samples" if learning.samples is not None else "use_rep"
    if getattr(learning, elsewhere) is None:
        return
    if output.permutations:
        raise ValueError(f"`permutations` needs models that are trained here, got `{elsewhere}`")
    if learning.model != Learning().model:
        raise ValueError(f"`model` must be left out where `{elsewhere}` takes its place")


def _given_samples(cells: Cells, coded: Coded, learning: Learning) -> tuple[str, Samples] | None:
    """Return the samples that take the place of training, with their name on the page."""
    if learning.use_rep is not None and cells.latents is not None:
        latents, _ = as_table_of_codes(latent_codes(cells.latents), "use_rep")
        return learning.use_rep, Samples(coded.x, latents)
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
    codes, _ = as_table_of_codes(x, "samples")
    codes = codes[:, np.isin(cells.features, coded.features)]
    highest = coded.x.max(axis=0)
    too_high = np.flatnonzero(codes.max(axis=0) > highest)
    if too_high.size:
        column = too_high[0]
        raise ValueError(
            f"`samples` must hold codes that the cells have: expected up to {highest[column]} for "
            f"{shown(coded.features[column])}, got {codes[:, column].max()}"
        )
    latents, _ = as_table_of_codes(latent_codes(u), "samples")
    return "samples", Samples(codes, latents)


def _read_array(path: Path) -> NDArray[Any]:
    try:
        with open(path, "rb") as file:
            array = np.load(file, allow_pickle=False)
    except OSError as error:
        raise ValueError(f"`samples` must be files, got {error.strerror}: {path}") from None
    except (ValueError, EOFError):
        raise ValueError(f"`samples` must be .npy files of numbers, got {path}") from None
    if not isinstance(array, np.ndarray):
        raise ValueError(f"`samples` must be .npy files, got an .npz: {path}")
    return array


def _identity(exploration: Exploration) -> dict[str, str]:
    """Return all that the page depends on: the settings, and the content of what is read."""
    identity = {"content": digest(exploration.file), **_settings(exploration)}
    genes = exploration.input.genes
    if genes is not None and Path(genes).is_file():
        identity["content of genes"] = digest(Path(genes))
    for name, path in zip(("x", "u"), exploration.learning.samples or (), strict=False):
        identity[f"content of {name}"] = digest(path)
    return identity


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
    notes: dict[str, str],
) -> Findings:
    """Train the starts of one kind of model, and find what they have learned."""
    learning, output, num_cells = exploration.learning, exploration.output, len(coded.x)
    task = Task(
        str(exploration.folder),
        store_codes(coded.x, exploration.folder),
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
    done = _run(units, exploration, where, f"{name}: training", notes)
    samples = [Samples(unit.result.x, unit.result.u) for unit in done]
    courses = [
        Course(r.epochs, r.training, r.held_out, r.advantage, int(r.chosen))
        for r in (unit.result for unit in done)
    ]
    null_gains = None
    if output.permutations:
        number = min(output.num_features, coded.x.shape[1])
        settings = permuted(task, number, learning.starts, output.seed)
        rounds = [Unit(compute_permuted, settings, 1 + k) for k in range(output.permutations)]
        finished = _run(rounds, exploration, where, f"{name}: permutations", notes)
        null_gains = np.array([unit.result.gains for unit in finished])
    return _find(exploration, cells, coded, name, samples, courses, null_gains)


def _run(
    units: list[Unit], exploration: Exploration, where: Executor, label: str, notes: dict[str, str]
) -> list[Done]:
    """Run units, or read those that are done; note how long they took, and which failed.

    Raises
    ------
    RuntimeError
        If all failed.
    """
    done, failed = run_units(
        units, exploration.folder, where, force=exploration.output.force, label=label
    )
    reason = f"{len(failed)} of {len(units)}: {failed[0].reason}" if failed else ""
    if not done:
        raise RuntimeError(f"{label}{FAILED} {reason}")
    total = sum(unit.provenance["seconds"] for unit in done)
    notes[f"{label}, seconds"] = f"{total:.0f} (seeds {done[0].seed} to {done[-1].seed})"
    if failed:
        notes[label + FAILED] = reason
    return done


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
