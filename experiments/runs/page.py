"""The results page: figures, numbers, and each statement of the paper beside what was measured.

A study hands over a `Section`. It is written to the study's folder, and `index.html` is put
together from the sections of all studies that have been run: one file that needs no other. Both
are made from the templates beside this file.
"""

import base64
import io
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.figure import Figure

from models.storage import replace_file

Verdict = Literal["reproduced", "partly", "not reproduced", "not measured"]


class Statement(NamedTuple):
    """What the paper says, in our words, and what we found."""

    paper: str
    measured: str
    verdict: Verdict


class Table(NamedTuple):
    """Numbers under a header."""

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[Any]]


class Section(NamedTuple):
    """What a study has to show."""

    title: str
    introduction: str
    statements: Sequence[Statement]
    figures: Mapping[str, tuple[Figure, str]]
    """File name (without ending) -> figure and caption."""
    tables: Sequence[Table]


def write_section(
    name: str,
    section: Section,
    provenance: Mapping[str, Any],
    out: Path,
    order: Sequence[str],
) -> Path:
    """Write a study's figures and section under `out`/`name`; return the path of the page.

    Parameters
    ----------
    name : str
        Of the study.
    section : Section
    provenance : mapping
        Where the numbers come from: what to show, by name.
    out : Path
        The results folder; the page is `out`/index.html.
    order : sequence of str
        The studies in the order in which the page shows those that have been run.
    """
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    images = []
    for file_name, (figure, caption) in section.figures.items():
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=160, metadata={"Software": None})
        _write(folder / f"{file_name}.png", buffer.getvalue())
        images.append((caption, base64.b64encode(buffer.getvalue()).decode()))
    text = _template("section").render(
        name=name, section=section, images=images, provenance=provenance
    )
    _write(folder / "section.html", text.encode())
    paths = [out / study / "section.html" for study in order]
    sections = [path.read_text() for path in paths if path.exists()]
    page = out / "index.html"
    _write(page, _template("page").render(sections=sections).encode())
    return page


def _template(name: str) -> Any:
    return _environment().get_template(f"{name}.html.jinja")


@cache
def _environment() -> Environment:
    folder = Path(__file__).with_name("templates")
    return Environment(
        loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip


def _write(path: Path, content: bytes) -> None:
    replace_file(path, lambda file: file.write(content))
