"""The page that answers what a model has learned: one file that needs no other."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from experiments.explore.findings import About, Findings
from experiments.explore.page import certainty, sentences, svg, tables
from experiments.explore.page.figures import Picture, pictures
from experiments.explore.page.tables import Table
from experiments.explore.page.words import NBSP, plain, printable

Sentence = Callable[[About, Findings], str]


class Question(NamedTuple):
    """A part of the page: a question, how it is answered, and how to read that."""

    key: str
    title: str
    answer: Sentence
    reading: str
    """One or a few sentences on how to read figure and tables; {noun} is the word for a feature."""
    figures: Sequence[str] = ()
    tables: Sequence[Callable[[About, Findings], Table]] = ()
    without: bool = False
    """Whether there is an answer without chosen features."""


QUESTIONS = (
    Question(
        "which", "Which {noun}s, and is each more than chance?", sentences.which_features,
        "The gain of a {noun} is how much better the latents are known with it than with the "
        "{noun}s above it alone (G², twice a log-likelihood ratio), summed over the latents, less "
        "what chance would give. The points with whiskers are gains by chance, with their standard "
        "deviation; p is the probability of so large a gain by chance, with allowance for the "
        "choice among all {noun}s. All this is about the synthetic cells: whether the model took "
        "chance in the real ones for structure, only models trained on permuted cells can tell "
        "(option --permutations).",
        ["gains"], [tables.features], without=True,
    ),
    Question(
        "enough", "How many are enough?", sentences.how_many,
        "The curve rises with each {noun} towards what all {noun}s together say about the "
        f"latents (100{NBSP}%); the dotted line is at 90{NBSP}%. Thin lines are single latents. "
        "All values are corrected for chance.",
        ["coverage"], [tables.coverage, tables.latents], without=True,
    ),
    Question(
        "patterns", "Which patterns do they form?", sentences.which_patterns,
        "A row is a pattern: which chosen {noun}s are on (filled) and which are off (faint). "
        "The bars say how many of the cells have it. A pattern is called hardly real if at most a "
        "fifth as many real cells have it as the synthetic ones let expect, and at least ten were "
        "to be expected.",
        ["patterns"], [tables.patterns],
    ),
    Question(
        "map", "How do the patterns relate?", sentences.how_related,
        "Each dot is a pattern, with its number from above and an area in proportion to its "
        "synthetic cells. Dots are close if the model draws their cells from similar latents, "
        "whichever {noun}s differ. The axes have no meaning, only distances do. A red dot "
        "with a star is a pattern that hardly any real cell has.",
        ["map"], [tables.on_map],
    ),
    Question(
        "labels", "Where are they among the labels?", sentences.which_labels,
        "The model has never seen the labels. A column is a label, and a tile the percentage of "
        "its cells that have the pattern. Labels are predicted by a random forest, and what is "
        "correct is the balanced accuracy, cross-validated: the mean over the labels of the share "
        "of their cells that are recognised.",
        ["labels", "accuracy"], [tables.labels, tables.accuracy],
    ),
    Question(
        "training", "What had the model learned, and why was it taken then?",
        certainty.why_this_epoch,
        "Higher is better: the bound says how probable the model finds a cell. Cells held out "
        "(solid) were not trained on; where they no longer gain while the training cells (dashed) "
        "do, the model begins to learn single cells by heart. Unless its epochs end before, "
        "training goes on for twice as long as it takes to the highest bound on held-out cells, "
        "since the {noun}s that a model relates to its latents settle later than the bound. One "
        "pair of lines for each start.",
        ["training"], [tables.courses], without=True,
    ),
    Question(
        "instead", "What could have been chosen instead?", certainty.what_instead,
        "A stand-in is a {noun} whose gain in the same place is not significantly smaller: z says "
        "by how many standard errors. If both share all of the gain, either can be used; if they "
        "share little, it weighs as much but says something else, and is often chosen next.",
        ["stand-ins"], [tables.stand_ins],
    ),
    Question(
        "sure", "How sure is this?", certainty.how_sure,
        "Each column is a selection: from the models of all starts together, and from each start "
        "alone. The numbers are ranks. {Noun}s that can stand in for each other change places "
        "between starts, so the agreement of the groups says more than that of the names.",
        ["starts"], [tables.starts],
    ),
)  # fmt: skip


class Part(NamedTuple):
    """The answer to one question, as it is shown."""

    key: str
    title: str
    answer: str
    reading: str
    figures: Sequence[Markup]
    tables: Sequence[Table]


def render(about: About, findings: Sequence[Findings]) -> str:
    """Return the page.

    Parameters
    ----------
    about : About
    findings : sequence of Findings
        What was found for each kind of model, at least one.

    Returns
    -------
    str
        HTML with all figures inside. It loads nothing and runs nothing.

    Raises
    ------
    ValueError
        If there are no findings.
    """
    return render_with(about, findings, [pictures(about, found) for found in findings])


def render_with(
    about: About, findings: Sequence[Findings], drawn: Sequence[Mapping[str, Picture]]
) -> str:
    """Return the page with figures that are drawn already, those of each findings."""
    if not findings:
        raise ValueError("`findings` must be at least one, got none")
    models = []
    for number, (found, figures) in enumerate(zip(findings, drawn, strict=True), 1):
        prefix = f"m{number}-" if len(findings) > 1 else ""
        models.append((found, prefix, _parts(about, found, figures, prefix)))
    return (
        _environment()
        .get_template("page.html.jinja")
        .render(
            about=about,
            title=sentences.title(about, findings),
            lead=sentences.lead(about, findings),
            origin=certainty.where_from(about),
            models=models,
            several=len(models) > 1,
        )
    )


def _parts(about: About, found: Findings, drawn: Mapping[str, Picture], prefix: str) -> list[Part]:
    words = {"noun": about.noun, "Noun": about.noun.capitalize()}
    parts = []
    for question in QUESTIONS:
        if not _is_asked(question, found):
            continue
        made = [table(about, found) for table in question.tables if _is_there(question, found)]
        figures = [
            Markup(svg.for_page(svg.as_svg(figure, name), alt, f"{prefix}{name}"))
            for name, (figure, alt) in drawn.items()
            if name in question.figures
        ]
        parts.append(
            Part(
                prefix + question.key, question.title.format(**words),
                question.answer(about, found), question.reading.format(**words), figures,
                [table for table in made if table.rows],
            )
        )  # fmt: skip
    return parts


def _is_asked(question: Question, found: Findings) -> bool:
    """Tell whether the findings have an answer."""
    if question.key == "labels" and found.by_label is None:
        return False
    return question.without or len(found.selection.features) > 0


def _is_there(question: Question, found: Findings) -> bool:
    """Tell whether there is anything to show beside the answer."""
    return question.key != "sure" or len(found.by_start) > 1


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")), autoescape=True,
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {"plain": plain, "printable": printable}
    return environment
