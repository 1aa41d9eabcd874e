"""Read and write models as text: brackets such as [U A][B] and formulas such as U*A + B."""

import re
from collections.abc import Iterable, Mapping, Sequence, Set
from functools import lru_cache
from itertools import chain, combinations
from typing import Any

from loglin.validation import as_count, is_iterable, shown

Axes = frozenset[int]

MOST_AXES = 10_000
"""Largest number of an axis that `bracket` accepts, since it makes names for all axes before it."""
_MOST_PARENTHESES = 100
"""Largest number of parentheses in a formula: the parser recurses once for each."""

_NAME = re.compile(r"[^\W\d][\w.]*")
_TOKEN = re.compile(r"\s*(?:([^\W\d][\w.]*)|(\d+)|(\S))")


@lru_cache(maxsize=128)
def default_names(num_axes: int) -> tuple[str, ...]:
    """Return the default names of axes: A, B, ..., Z, A1, B1, ...

    >>> default_names(3)
    ('A', 'B', 'C')
    """
    return tuple(
        chr(ord("A") + i % 26) + (str(i // 26) if i >= 26 else "") for i in range(num_axes)
    )


def as_names(
    names: Any, shape: Sequence[int]
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Check the names of axes; return them with the labels of their levels.

    `names` is None, a sequence of names, or a mapping from names to labels. The default labels are
    0, 1, ...
    """
    if names is None:
        return default_names(len(shape)), _default_labels(shape)
    if isinstance(names, str | Set) or not is_iterable(names):
        raise ValueError(
            f"`names` must be a sequence of names or a mapping from names to labels, "
            f"got {shown(names)}"
        )
    axes = tuple(names)
    if len(axes) != len(shape):
        raise ValueError(f"`names` must be {len(shape)}, one per axis, got {len(axes)}")
    for axis in axes:
        if not (isinstance(axis, str) and _NAME.fullmatch(axis)):
            raise ValueError(
                "`names` must begin with a letter and continue with letters, digits, _ or ., "
                f"got {shown(axis)}"
            )
    if len(set(axes)) < len(axes):
        raise ValueError(f"`names` must differ from each other, got {list(axes)}")
    if not isinstance(names, Mapping):
        return axes, _default_labels(shape)
    for axis in axes:
        if isinstance(names[axis], Set) or not is_iterable(names[axis]):
            raise ValueError(f"`names` must have labels for {axis}, got {shown(names[axis])}")
    labels = tuple(tuple(map(str, names[axis])) for axis in axes)
    for axis, given, levels in zip(axes, labels, shape, strict=True):
        if len(given) != levels:
            raise ValueError(
                f"`names` must have a label for each level: {axis} has {levels} levels and "
                f"{len(given)} labels"
            )
    return axes, labels


def _default_labels(shape: Sequence[int]) -> tuple[tuple[str, ...], ...]:
    """Return the labels 0, 1, ... of the levels of each axis."""
    return tuple(map(_labels_of, shape))


@lru_cache(maxsize=128)
def _labels_of(levels: int) -> tuple[str, ...]:
    return tuple(map(str, range(levels)))


def bracket(generators: Iterable[Iterable[int]], names: Sequence[str] | None = None) -> str:
    """Return a model in bracket notation.

    Parameters
    ----------
    generators : iterable of iterables of int
        The model, by the axes of each of its highest interactions.
    names : sequence of str, optional
        Names of the axes; A, B, C, ... by default.

    Returns
    -------
    str
        The model as `fit` takes it.

    Raises
    ------
    ValueError
        If an axis has no name.

    See Also
    --------
    fit : Takes a model in this notation, or as a formula.

    Examples
    --------
    >>> bracket([(0, 1), (2,)])
    '[A B][C]'
    """
    if isinstance(generators, str):
        raise ValueError(f"`generators` must be sets of axes, got the text {shown(generators)}")
    try:
        sets = [tuple(generator) for generator in generators]
    except TypeError:
        raise ValueError(f"`generators` must be sets of axes, got {shown(generators)}") from None
    for axis in chain.from_iterable(sets):
        as_count(axis, "generators", 0, MOST_AXES)
    if names is not None and not is_iterable(names):
        raise ValueError(f"`names` must be a sequence of names, got {shown(names)}")
    most = max((axis for axes in sets for axis in axes), default=-1)
    names = default_names(most + 1) if names is None else [str(name) for name in names]
    if most >= len(names):
        raise ValueError(f"`names` must name axis {most}, got {len(names)} names")
    return "".join(f"[{' '.join(names[axis] for axis in axes)}]" for axes in sets) or "[]"


def term(axes: Iterable[int], names: Sequence[str]) -> str:
    """Return an interaction as text, such as A:B; the constant is 1.

    >>> term((0, 2), "ABC")
    'A:C'
    """
    return ":".join(names[axis] for axis in axes) or "1"


def parse(text: str, names: Sequence[str]) -> list[Axes]:
    """Return the interactions (at least the maximal ones) of a model in text, as sets of axes.

    In brackets, names are separated by spaces or commas; names that are single letters may also be
    written together. A formula joins terms with ``+``: ``A:B`` is an interaction, ``A*B`` is
    ``A + B + A:B``, ``(A + B + C)^2`` has all interactions of up to two variables, ``.`` is the sum
    of all axes and ``1`` is the constant.

    Raises
    ------
    ValueError
        If the text is not a model, uses an unknown name, or the model is not hierarchical.
    """
    if "[" in text:
        return _parse_brackets(text, names)
    if text.count("(") > _MOST_PARENTHESES:
        raise ValueError(f"`generators` must have at most {_MOST_PARENTHESES} parentheses")
    reader = _Reader(text, names)
    terms = reader.sum()
    reader.expect_end()
    known: set[Axes] = terms | {frozenset()}
    for axes in sorted(terms, key=len):
        for axis in axes:
            lower = axes - {axis}
            if lower not in known:
                full = "*".join(names[i] for i in sorted(axes))
                raise ValueError(
                    f"`generators` must be a hierarchical model: {term(sorted(axes), names)} "
                    f"without {term(sorted(lower), names)} is not (write {full}), got {shown(text)}"
                )
    return list(terms)


def _parse_brackets(text: str, names: Sequence[str]) -> list[Axes]:
    if not re.fullmatch(r"\s*(\[[^\[\]]*\]\s*)+", text):
        raise ValueError(f"`generators` must be brackets like [A B][C], got {shown(text)}")
    sets = []
    for inside in re.findall(r"\[([^\[\]]*)\]", text):
        words = re.findall(r"[^\s,:]+", inside)
        axes = [
            letter
            for word in words
            for letter in ([word] if word in names or set(word) - set(names) else word)
        ]
        sets.append(frozenset(axis_of(name, names) for name in axes))
    return sets


def axis_of(name: str, names: Sequence[str]) -> int:
    """Return the number of the axis with this name."""
    if name not in names:
        raise ValueError(
            f"`generators` must use the names of axes, {', '.join(names)}, got {shown(name)}"
        )
    return list(names).index(name)


class _Reader:
    """Recursive-descent parser: a formula is a sum of products of interactions of powers."""

    def __init__(self, text: str, names: Sequence[str]) -> None:
        self.text, self.names = text, names
        self.tokens = ["".join(groups) for groups in _TOKEN.findall(text)]
        if self.tokens[:1] == ["~"]:
            self.tokens.pop(0)

    def error(self, expected: str) -> ValueError:
        got = repr(self.tokens[0]) if self.tokens else "the end"
        return ValueError(
            f"`generators` must be a model: expected {expected}, got {got} in {self.text!r}"
        )

    def take(self, *wanted: str) -> str | None:
        """Remove and return the next token if it is one of those wanted; otherwise return None."""
        return self.tokens.pop(0) if self.tokens and self.tokens[0] in wanted else None

    def expect_end(self) -> None:
        if self.tokens:
            raise self.error("+, *, : or ^")

    def sum(self) -> set[Axes]:
        terms = self.product()
        while self.take("+"):
            terms |= self.product()
        return terms

    def product(self) -> set[Axes]:
        terms = self.interaction()
        while self.take("*"):
            other = self.interaction()
            terms = terms | other | {a | b for a in terms for b in other}
        return terms

    def interaction(self) -> set[Axes]:
        terms = self.power()
        while self.take(":"):
            terms = {a | b for a in terms for b in self.power()}
        return terms

    def power(self) -> set[Axes]:
        terms = self.atom()
        if self.take("^"):
            power = self.tokens[0] if self.tokens else ""
            if not (power.isdecimal() and len(power) < 10 and int(power) > 0):
                raise self.error("a power of at least 1")
            order = int(self.tokens.pop(0))
            terms = {
                frozenset().union(*chosen)
                for size in range(1, min(order, len(terms)) + 1)
                for chosen in combinations(terms, size)
            }
        return terms

    def atom(self) -> set[Axes]:
        if self.take("("):
            terms = self.sum()
            if not self.take(")"):
                raise self.error("a closing parenthesis")
            return terms
        if self.take("1"):
            return {frozenset()}
        if self.take("."):
            return {frozenset([axis]) for axis in range(len(self.names))}
        if not (self.tokens and _NAME.fullmatch(self.tokens[0])):
            raise self.error("the name of an axis")
        return {frozenset([axis_of(self.tokens.pop(0), self.names)])}
