"""The results page: figures, numbers, and each statement of the paper beside what was measured.

A study provides a `Section`, which is written to the study's folder, with what the overview at the
top of the page says about it. `index.html` combines all studies that have been run in one
self-contained file. It is rendered from the templates in `templates/`.
"""

import base64
import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.figure import Figure
from scipy.stats import binomtest

from models.storage import replace_file

Verdict = Literal["reproduced", "partly", "not reproduced", "not measured"]
VERDICTS: tuple[Verdict, ...] = ("reproduced", "partly", "not reproduced", "not measured")
Size = Literal["paper", "reduced", "other"]
SIZES: dict[Size, str] = {
    "paper": "the paper's settings",
    "reduced": "reduced settings",
    "other": "settings of your own",
}
"""At which size a study was run, in words."""
UNREADABLE = "written by another version: run this study again"
_OPEN = ("paper", "measured", "verdict", "reason", "figure")


class Statement(NamedTuple):
    """A statement of the paper in our words, what we measured, and the verdict."""

    paper: str
    measured: str
    verdict: Verdict
    holds: Sequence[bool] = ()
    """Whether it holds in each seed; none if it is not about single seeds."""
    reason: str = ""
    """If it does not hold, or only partly: why, in two or three sentences."""
    figure: str = ""
    """Name of the figure that shows it, among those of the section."""


class Share(NamedTuple):
    """In how many of some seeds a statement holds, with a 95 % interval by Wilson's method."""

    held: int
    number: int
    low: float
    high: float


def share_of(holds: Sequence[bool]) -> Share | None:
    """Return in how many seeds a statement holds; None if it is not about single seeds.

    >>> share_of([True] * 9 + [False])
    Share(held=9, number=10, low=0.596, high=0.982)
    """
    if not len(holds):
        return None
    held, number = sum(map(bool, holds)), len(holds)
    low, high = binomtest(held, number).proportion_ci(method="wilson")
    return Share(held, number, round(float(low), 3), round(float(high), 3))


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
    *,
    size: Size,
    num_seeds: int,
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
    size : "paper", "reduced" or "other"
        At which size the study was run. Its verdicts are about the paper only at the paper's.
    num_seeds : int
        With how many seeds it was run.
    """
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    images = {}
    for file_name, (figure, caption) in section.figures.items():
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=160, metadata={"Software": None})
        _write(folder / f"{file_name}.png", buffer.getvalue())
        images[file_name] = (caption, base64.b64encode(buffer.getvalue()).decode())
    text = _template("section").render(
        name=name, section=section, images=images, provenance=provenance, size=size, sizes=SIZES
    )
    _write(folder / "section.html", text.encode())
    summary = _summary(section, size, num_seeds)
    _write(folder / "section.json", json.dumps(summary, indent=1).encode())
    return _write_page(out, order)


def _summary(section: Section, size: Size, num_seeds: int) -> dict[str, Any]:
    """Return what the top of the page says about a study."""
    counts = Counter(statement.verdict for statement in section.statements)
    return {
        "title": section.title,
        "size": size,
        "num_seeds": num_seeds,
        "verdicts": {verdict: counts[verdict] for verdict in VERDICTS},
        "open": [
            {
                **{part: getattr(statement, part) for part in _OPEN},
                "caption": section.figures[statement.figure][1] if statement.figure else "",
            }
            for statement in section.statements
            if statement.verdict in ("partly", "not reproduced")
        ],
    }


def _write_page(out: Path, order: Sequence[str]) -> Path:
    """Combine the studies that have been run to a page."""
    names = [study for study in order if (out / study / "section.html").exists()]
    summaries = {study: _read_summary(out / study / "section.json") for study in names}
    page = out / "index.html"
    text = _template("page").render(
        sections=[(out / study / "section.html").read_text() for study in names],
        summaries=summaries,
        failing=[
            (study, statement)
            for study, summary in summaries.items()
            if summary is not None and summary["size"] == "paper"
            for statement in summary["open"]
        ],
        image=lambda study, figure: _image(out / study / f"{figure}.png"),
        verdicts=VERDICTS,
        sizes=SIZES,
        unreadable=UNREADABLE,
    )
    _write(page, text.encode())
    return page


def _read_summary(path: Path) -> dict[str, Any] | None:
    """Return the summary of a study; None if it was written by another version."""
    try:
        summary = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    known = {"title", "size", "num_seeds", "verdicts", "open"}
    is_ours = isinstance(summary, dict) and known <= summary.keys()
    return summary if is_ours and summary["size"] in list(SIZES) else None


def _image(path: Path) -> str:
    """Return a figure for the page; "" if its file is not there any more."""
    return base64.b64encode(path.read_bytes()).decode() if path.exists() else ""


def _template(name: str) -> Any:
    return _environment().get_template(f"{name}.html.jinja")


@cache
def _environment() -> Environment:
    folder = Path(__file__).with_name("templates")
    environment = Environment(
        loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.globals["share_of"] = share_of
    return environment


def _write(path: Path, content: bytes) -> None:
    replace_file(path, lambda file: file.write(content))
