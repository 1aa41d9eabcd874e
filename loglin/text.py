"""Text in columns."""

from __future__ import annotations

from collections.abc import Sequence


def as_columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Set text in columns: the first two to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if i < 2 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
