"""Plain text in aligned columns."""

from collections.abc import Sequence
from math import isnan


def as_columns(rows: Sequence[Sequence[str]], num_left: int = 2) -> list[str]:
    """Return rows of text as lines with aligned columns.

    The first `num_left` columns are flush left, the others flush right.

    >>> as_columns([("model", "df"), ("[A]", "10")], num_left=1)
    ['model  df', '[A]    10']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if i < num_left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def if_known(value: float, form: str) -> str:
    """Return a number as text, and no text for NaN.

    >>> if_known(2.5, ".2f"), if_known(float("nan"), ".2f")
    ('2.50', '')
    """
    return "" if isnan(value) else f"{value:{form}}"
