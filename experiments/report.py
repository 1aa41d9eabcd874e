"""The results page: figures, numbers, and each statement of the paper beside what was measured.

A study hands over a `Section`. It is written to the study's folder, and `index.html` is put
together from the sections of all studies that have been run: one file that needs no other.
"""

import base64
import io
import os
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

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


def say_number(number: int, noun: str) -> str:
    """Return "1 seed" or "5 seeds"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def say_range(values: ArrayLike, decimals: int = 2) -> str:
    """Return "2.50 (1.00 to 4.00)": the mean and the range of the values that are finite."""
    known = np.asarray(values, float)
    known = known[np.isfinite(known)]
    if not known.size:
        return "none"
    mean, least, most = (f"{v:.{decimals}f}" for v in (known.mean(), known.min(), known.max()))
    return f"{mean} ({least} to {most})"


def judge(share: float, reproduced: float, partly: float) -> Verdict:
    """Return the verdict on a number that the paper says is large."""
    if share >= reproduced:
        return "reproduced"
    return "partly" if share >= partly else "not reproduced"


def write_report(
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
    images = {}
    for file_name, (figure, _) in section.figures.items():
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=160, metadata={"Software": None})
        images[file_name] = buffer.getvalue()
        _write(folder / f"{file_name}.png", images[file_name])
    _write(folder / "section.html", _section_html(name, section, images, provenance).encode())
    paths = [out / study / "section.html" for study in order]
    sections = [path.read_text() for path in paths if path.exists()]
    page = out / "index.html"
    _write(page, _PAGE.replace("{{sections}}", "\n".join(sections)).encode())
    return page


def _write(path: Path, content: bytes) -> None:
    """Replace a file at once, so that a reader never sees half of it."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    os.replace(part, path)


def _section_html(
    name: str,
    section: Section,
    images: Mapping[str, bytes],
    provenance: Mapping[str, Any],
) -> str:
    statements = "".join(
        f"<tr><td>{escape(s.paper)}</td><td>{escape(s.measured)}</td>"
        f'<td class="{s.verdict.replace(" ", "-")}">{s.verdict}</td></tr>'
        for s in section.statements
    )
    figures = "".join(
        f'<figure><img alt="{escape(caption)}" src="data:image/png;base64,'
        f'{base64.b64encode(images[file_name]).decode()}"><figcaption>{escape(caption)}'
        "</figcaption></figure>"
        for file_name, (_, caption) in section.figures.items()
    )
    return (
        f'<section id="{name}"><h2>{escape(section.title)}</h2>'
        f"<p>{escape(section.introduction)}</p>"
        "<h3>What the paper says, and what we measured</h3>"
        '<table class="statements"><tr><th>The paper</th><th>Measured here</th><th>Verdict</th>'
        f"</tr>{statements}</table>{figures}"
        + "".join(_table_html(table) for table in section.tables)
        + _provenance_html(provenance)
        + "</section>"
    )


def _table_html(table: Table) -> str:
    header = "".join(f"<th>{escape(str(cell))}</th>" for cell in table.header)
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>"
        for row in table.rows
    )
    return f"<h3>{escape(table.caption)}</h3><table><tr>{header}</tr>{rows}</table>"


def _provenance_html(provenance: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<dt>{key}</dt><dd>{escape(str(value))}</dd>" for key, value in provenance.items()
    )
    return f"<details><summary>Where these numbers come from</summary><dl>{rows}</dl></details>"


_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>What the generative models have learned</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff;
  max-width: 1100px; margin: 2rem auto; padding: 0 1rem; }
h1, h2, h3 { line-height: 1.2; }
h2 { margin-top: 3rem; border-top: 1px solid #ccc; padding-top: 1.5rem; }
table { border-collapse: collapse; margin: 1rem 0; font-size: 0.92rem; }
th, td { text-align: left; vertical-align: top; padding: 0.35rem 0.8rem 0.35rem 0;
  border-bottom: 1px solid #ddd; }
.statements td:last-child { white-space: nowrap; font-weight: 600; }
.statements th { width: 44%; } .statements th:last-child { width: 12%; }
.reproduced { color: #00664a; } .partly { color: #8a5a00; } .not-reproduced { color: #a3260b; }
.not-measured { color: #666; }
figure { margin: 1.5rem 0; } img { max-width: 100%; height: auto; }
figcaption, details { color: #444; font-size: 0.92rem; }
dd { overflow-wrap: anywhere; }
</style>
<h1>What the generative models have learned</h1>
<p>Studies of Hess, Hackenberg &amp; Binder, <i>Exploring generative deep learning for omics data
using log-linear models</i>, Bioinformatics 2020, run with this software. The left column gives
the paper's statements in our words.</p>
{{sections}}
</html>
"""
