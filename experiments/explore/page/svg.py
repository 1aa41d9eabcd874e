"""Figures as files, and as part of a page whose colours they take on."""

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from xml.etree import ElementTree

from matplotlib import rc_context
from matplotlib.figure import Figure

from loglin.plots import BLUE, GREY, INK, LINE, ORANGE, RED

_VARIABLES = {
    "#000000": "--ink", INK: "--ink", LINE: "--line", GREY: "--grey",
    BLUE: "--blue", ORANGE: "--orange", RED: "--red",
}  # fmt: skip
"""Colours of the figures that the page sets anew, in the dark and in print."""
_COLOR = re.compile("|".join(_VARIABLES), re.IGNORECASE)
_BY_LOWER = {color.lower(): variable for color, variable in _VARIABLES.items()}
_REFERENCE = re.compile(r"url\(#([^)]+)\)")
_STYLE: dict[Any, Any] = {
    "font.size": 10, "text.color": INK, "axes.labelcolor": INK, "xtick.labelcolor": INK,
    "ytick.labelcolor": INK, "svg.fonttype": "none", "axes.facecolor": "none",
}  # fmt: skip
_LEAST_SCALE = 0.75
"""Figures shrink with the page to this part of their size; beyond that they are scrolled."""


@contextmanager
def style() -> Iterator[None]:
    """Set the style in which the figures are drawn and written.

    Names may have signs that matplotlib's font lacks. It needs no warning: text stays text in SVG,
    and is written in a font of the reader.
    """
    with rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def fix_layout(figure: Figure) -> None:
    """Lay out a figure for good; otherwise it is done again, and differs a little, each time."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")


def as_png(figure: Figure) -> bytes:
    """Return a figure as PNG, on white."""
    buffer = io.BytesIO()
    with style():
        figure.savefig(buffer, format="png", dpi=200, metadata={"Software": None})
    return buffer.getvalue()


def as_svg(figure: Figure, salt: str) -> bytes:
    """Return a figure as SVG, on white, the same for equal figures; ids follow from `salt`."""
    buffer = io.BytesIO()
    with style(), rc_context({"svg.hashsalt": salt}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def for_page(svg: bytes, alt: str, salt: str) -> str:
    """Return a figure as an element of an HTML page.

    It has no background, the page's colours, no ids but those that it needs itself, which begin
    with `salt`, and a text for those who do not see it. All text was escaped by matplotlib, and is
    again when the tree is written.

    Parameters
    ----------
    svg : bytes
        From `as_svg`.
    alt : str
    salt : str
        A word that no other figure of the page has.
    """
    root = ElementTree.fromstring(svg)
    used = {name for element in root.iter() for name in _references(element)}
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        for key, value in list(element.attrib.items()):
            del element.attrib[key]
            name = key.rpartition("}")[2]
            if name == "id":
                # Matplotlib names each axis, patch and line; a second figure does so again.
                if value in used:
                    element.set("id", f"{salt}-{value}")
            elif name == "href":
                element.set("href", f"#{salt}-{value.removeprefix('#')}")
            else:
                value = _REFERENCE.sub(rf"url(#{salt}-\1)", value)
                element.set(name, _COLOR.sub(_as_variable, value) if name == "style" else value)
    for parent in list(root.iter()):
        for child in list(parent):
            is_page_wide = child.tag == "metadata" or child.tag == "style"
            if is_page_wide or (child.tag == "defs" and all(c.tag == "style" for c in child)):
                parent.remove(child)
    _remove_background(root)
    width = float(root.attrib["width"].removesuffix("pt")) * 96 / 72
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.set("style", f"width: {width:.0f}px; max-width: max(100%, {_LEAST_SCALE * width:.0f}px)")
    root.set("role", "img")
    root.set("aria-label", alt)
    return ElementTree.tostring(root, encoding="unicode")


def _references(element: ElementTree.Element) -> list[str]:
    """Return the ids that an element refers to."""
    found = [name for value in element.attrib.values() for name in _REFERENCE.findall(value)]
    return found + [
        value.removeprefix("#") for key, value in element.items() if key.endswith("href")
    ]


def _as_variable(match: re.Match[str]) -> str:
    return f"var({_BY_LOWER[match[0].lower()]})"


def _remove_background(root: ElementTree.Element) -> None:
    """Remove the first path, the white rectangle behind everything."""
    for parent in root.iter():
        for child in parent:
            if child.tag == "path":
                parent.remove(child)
                return
