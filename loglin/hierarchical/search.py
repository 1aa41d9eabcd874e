"""Stepwise search for a model, dropping or adding one interaction at a time."""

from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from loglin.hierarchical.comparison import compare
from loglin.hierarchical.existence import Face, face, smaller_face
from loglin.hierarchical.fitting import Model, Names, Problem, as_problem, fit_problem
from loglin.hierarchical.formulas import term
from loglin.hierarchical.generators import (
    Generators,
    as_generators,
    independence,
    interactions,
    saturated,
)
from loglin.hierarchical.results import Fit
from loglin.text import as_columns
from loglin.validation import as_choice, as_number

Terms = frozenset[tuple[int, ...]]
"""All interactions of a model."""

DIRECTIONS = ("backward", "forward", "both")
CRITERIA = ("aic", "bic", "p")
_ROUNDING = 1e-9
"""Scores that differ by this share are taken for equal."""


class Step(NamedTuple):
    """One step on the path of a search."""

    change: str
    """What was dropped or added, such as "- A:B"; empty for the first model."""
    fit: Fit
    """The model after the change."""
    score: float
    """Its AIC or BIC, or the p-value of the change (NaN for the first model)."""


class Search(NamedTuple):
    """A stepwise search for a model.

    See Also
    --------
    stepwise : Makes it.
    """

    fit: Fit
    """The final model."""
    path: tuple[Step, ...]
    """All steps, from the first model to the final one."""

    def __str__(self) -> str:
        """List the steps, one per line."""
        rows = [("change", "model", "G2", "df", "score")] + [
            (s.change, s.fit.model, f"{s.fit.g2:.4f}", str(s.fit.df_adjusted), f"{s.score:.4f}")
            for s in self.path
        ]
        return "\n".join(as_columns(rows))


def stepwise(
    table: ArrayLike,
    model: Model | None = None,
    *,
    direction: str = "backward",
    criterion: str = "aic",
    alpha: float = 0.05,
    lower: Model = (),
    upper: Model | None = None,
    names: Names | None = None,
    start: ArrayLike | None = None,
) -> Search:
    """Search for a model, dropping or adding one interaction at a time.

    An interaction can be dropped if no other interaction of the model contains it, and added if
    the model has all interactions that it contains, so that every model on the path is
    hierarchical. Each step makes the best change, and the search ends when no change is an
    improvement (see `criterion`).

    Parameters
    ----------
    table : array of any shape
        Counts, with one axis per variable.
    model : optional
        First model, as in `fit`. By default the saturated model, or mutual independence if
        `direction` is "forward".
    direction : "backward", "forward" or "both"
        Whether to drop interactions, to add them, or to do whichever is better at each step.
    criterion : "aic", "bic" or "p"
        "aic" and "bic" make the change to the smallest value. "p" drops the interaction with the
        largest p-value above `alpha`, or adds the one with the smallest p-value below it; it cannot
        be used with the direction "both", which has to compare models.
    alpha : float
        Significance level for the criterion "p", between 0 and 1.
    lower, upper : optional
        Smallest and largest model of the search; by default the model of equal probabilities and
        the saturated model.
    names, start : optional
        As in `fit`.

    Returns
    -------
    Search
        The models on the way, and the fit of the last one.

    Raises
    ------
    ValueError
        If an argument is invalid, or `model` is not between `lower` and `upper`.

    See Also
    --------
    compare : Test one model against another.
    k_way_tests : Which orders of interaction does a table need?

    Notes
    -----
    Interactions with an axis of one level have no parameters and are left out. AIC and BIC count
    all parameters of a model, including those that the table does not determine, as R's `step`
    does; p-values use `df_adjusted`. Of several changes whose AIC or BIC differ by rounding only,
    the first is made, by the number of variables and the order of the axes, drops before additions.

    Examples
    --------
    >>> search = stepwise([[[20, 5], [4, 22]], [[18, 6], [7, 19]]])
    >>> [step.change for step in search.path]
    ['', '- A:B:C', '- A:B', '- A:C', '- A']
    """
    problem = as_problem(table, names, start)
    counts, axes = problem.counts, problem.names
    as_choice(direction, "direction", DIRECTIONS)
    as_choice(criterion, "criterion", CRITERIA)
    if direction == "both" and criterion == "p":
        raise ValueError("`criterion` must be 'aic' or 'bic' where `direction` is 'both', got 'p'")
    alpha = as_number(alpha, "alpha", 0, 1)
    if model is None:
        model = independence(counts.ndim) if direction == "forward" else saturated(counts.ndim)
    begin = _all_of(model, counts.ndim, axes)
    smallest = _all_of(lower, counts.ndim, axes)
    largest = _all_of(saturated(counts.ndim) if upper is None else upper, counts.ndim, axes)
    if not smallest <= begin <= largest:
        raise ValueError("`model` must contain `lower` and be contained in `upper`")
    # Interactions with an axis of one level have no parameters, and would only block other changes.
    worth = {t for t in largest if all(counts.shape[axis] > 1 for axis in t)}
    begin, largest = smallest | (begin & worth), smallest | worth

    faces = _Faces(problem)

    def fitted(terms: Terms, now: Generators | None = None) -> Fit:
        model = as_generators(terms, counts.ndim)
        return fit_problem(problem, model, facial=lambda: faces.of(model, now).facial)

    def step_to(change: str, candidate: Fit) -> Step:
        if criterion != "p":
            return Step(change, candidate, float(getattr(candidate, criterion)))
        pair = (candidate, path[-1].fit) if change[0] == "-" else (path[-1].fit, candidate)
        return Step(change, candidate, compare(*pair).p_value)

    def cost(step: Step) -> tuple[float, ...]:
        """Return the sort key of a step: the best step has the smallest."""
        if criterion != "p":
            return (step.score,)
        if direction == "backward":
            return (-step.score, 0.0)
        # If p-values underflow to 0, the larger G2 per degree of freedom is the more significant.
        now = path[-1].fit
        return (step.score, -abs(now.g2 - step.fit.g2) / max(abs(now.df - step.fit.df), 1))

    first = fitted(begin)
    path = [Step("", first, np.nan if criterion == "p" else float(getattr(first, criterion)))]
    while True:
        terms = frozenset(path[-1].fit.interactions)
        steps = [
            step_to(change, fitted(changed, path[-1].fit.generators))
            for change, changed in _neighbours(terms, smallest, largest, direction, axes)
        ]
        best = min(steps, key=cost, default=None)
        if best is not None and criterion != "p":
            best = _first_as_good(steps, best.score)
        to_beat = -alpha if direction == "backward" else alpha
        # Of two tuples with the same first number, the longer one is the larger.
        if best is None or cost(best) >= ((to_beat,) if criterion == "p" else cost(path[-1])):
            return Search(path[-1].fit, tuple(path))
        path.append(best)
        faces.keep([step.fit.generators for step in path])


def _first_as_good(steps: list[Step], lowest: float) -> Step:
    """Return the first step whose score is the lowest up to rounding, which must not decide."""
    return next(step for step in steps if step.score <= lowest + _ROUNDING * max(1.0, abs(lowest)))


class _Faces:
    """The facial sets of the models of a search, each found from that of a larger model."""

    def __init__(self, problem: Problem) -> None:
        self.counts = problem.counts
        self.possible = (
            np.ones(self.counts.shape, np.bool_) if problem.start is None else problem.start > 0
        )
        self.known: dict[Generators, Face] = {}

    def of(self, model: Generators, now: Generators | None = None) -> Face:
        """Return the facial set of a model; `now` is the model of which it is a neighbour."""
        if model not in self.known:
            if now is not None and _contains(now, model):
                self.known[model] = smaller_face(self.of(now), model)
            else:
                self.known[model] = face(self.counts, model, self.possible)
        return self.known[model]

    def keep(self, models: list[Generators]) -> None:
        """Forget all models but these."""
        self.known = {model: self.known[model] for model in models if model in self.known}


def _contains(larger: Generators, smaller: Generators) -> bool:
    return all(any(set(axes) <= set(other) for other in larger) for axes in smaller)


def _all_of(model: Model, num_axes: int, names: tuple[str, ...]) -> Terms:
    return frozenset(interactions(as_generators(model, num_axes, names)))


def _neighbours(
    terms: Terms, smallest: Terms, largest: Terms, direction: str, names: tuple[str, ...]
) -> Iterator[tuple[str, Terms]]:
    """Yield every possible change of one interaction, with the interactions after it."""
    if direction != "forward":
        for axes in sorted(terms - smallest, key=lambda axes: (len(axes), axes)):
            if not any(set(axes) < set(other) for other in terms):
                yield f"- {term(axes, names)}", terms - {axes}
    if direction != "backward":
        for axes in sorted(largest - terms, key=lambda axes: (len(axes), axes)):
            if all(part in terms for part in combinations(axes, len(axes) - 1)):
                yield f"+ {term(axes, names)}", terms | {axes}
