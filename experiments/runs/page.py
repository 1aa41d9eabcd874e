"""The results page: figures, numbers, and each statement of the paper beside what was measured.

A study provides a `Section`, which is written to the study's folder. `index.html` combines the
sections of all studies that have been run in one self-contained file. Both are rendered from the
templates in `templates/`.
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
    """A statement of the paper in our words, what we measured, and the verdict."""

    paper: str
    measured: str
    verdict: Verdict


class Table(NamedTuple):
    """Numbers under a header."""

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[Any]]


class Section(NamedTuple):
    """The part of the results page that shows one study."""

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
        Name of the study.
    section : Section
    provenance : mapping
        Where the numbers come from; each item is shown with its key.
    out : Path
        The results folder; the page is `out`/index.html.
    order : sequence of str
        Names of all studies in the order of the page, which shows those that have been run.
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
