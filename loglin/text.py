"""Plain text in aligned columns."""

from collections.abc import Sequence


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
