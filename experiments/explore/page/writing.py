"""What is written: the tables, the figures, and last the page."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import IO

from experiments.explore.findings import About, Findings
from experiments.explore.page import records, svg
from experiments.explore.page.figures import pictures
from experiments.explore.page.rendering import render_with
from models.storage import replace_file

_SUFFIXES = {"VAE": "-vae", "DBM": "-dbm"}


def write_page(out: Path, about: About, findings: Sequence[Findings]) -> Path:
    """Write the page, its tables and its figures; return the path of the page.

    All is computed before anything is written, each file appears when it is complete, and
    index.html comes last, so that a page is never there without its tables. The names of the files
    do not depend on the data: genes.csv, stand-ins.csv, patterns.csv, latents.csv, with labels
    labels.csv and accuracy.csv, of trained models training.csv, and figures/NAME.png and .svg. If
    there are several models, each name ends in that of its model, as in genes-vae.csv.

    Parameters
    ----------
    out : Path
        A folder, which is made if it is not there. Files of these names are overwritten.
    about : About
    findings : sequence of Findings
        What was found for each kind of model, at least one.

    Returns
    -------
    Path

    Raises
    ------
    ValueError
        If there are no findings.
    """
    drawn = [pictures(about, found) for found in findings]
    files: dict[str, bytes] = {}
    for suffix, found, figures in zip(_suffixes(findings), findings, drawn, strict=True):
        for name, content in records.tables(about, found).items():
            files[f"{name}{suffix}.csv"] = content
        for name, (figure, _) in figures.items():
            files[f"figures/{name}{suffix}.png"] = svg.as_png(figure)
            files[f"figures/{name}{suffix}.svg"] = svg.as_svg(figure, name)
    files["index.html"] = render_with(about, findings, drawn).encode()
    (out / "figures").mkdir(parents=True, exist_ok=True)
    for file, content in files.items():
        replace_file(out / file, partial(_write, content))
    return out / "index.html"


def _write(content: bytes, file: IO[bytes]) -> None:
    file.write(content)


def _suffixes(findings: Sequence[Findings]) -> list[str]:
    """Return what tells the files of several models apart: their kinds, or else their numbers."""
    if len(findings) == 1:
        return [""]
    kinds = [_SUFFIXES.get(found.model, "") for found in findings]
    if all(kinds) and len(set(kinds)) == len(kinds):
        return kinds
    return [f"-{number}" for number in range(1, len(findings) + 1)]
