"""Names of cells and genes, and labels of cells."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.explore.files.messages import shown

NO_LABEL = "unknown"
"""Label of cells whose label is missing."""
_LONGEST_NAME = 500
"""Characters; all names of an array take as much memory as the longest."""


def as_names(names: Iterable[Any], kind: str, file: str) -> list[str]:
    """Return names as text.

    Raises
    ------
    ValueError
        If one is empty, or longer than anything that is a name.
    """
    words = [str(name) for name in names]
    for position, word in enumerate(words):
        if not word.strip():
            raise ValueError(
                f"every {kind} of {file} must have a name, got none for {kind} {position}"
            )
        if len(word) > _LONGEST_NAME or "\0" in word:
            raise ValueError(
                f"the name of a {kind} must have at most {_LONGEST_NAME} characters and no NUL, "
                f"got {shown(word)} for {kind} {position} of {file}"
            )
    return words


def check_different(words: Sequence[str], kind: str, file: str, advice: str = "") -> None:
    """Raise a ValueError if a name occurs twice."""
    word, times = Counter(words).most_common(1)[0]
    if times > 1:
        raise ValueError(
            f"the names of {kind}s in {file} must differ, got {shown(word)} {times} times{advice}"
        )


def as_labels(labels: Iterable[Any], num_cells: int) -> NDArray[np.str_]:
    """Return labels as text, `NO_LABEL` for None, NaN and the empty text.

    Raises
    ------
    ValueError
        If there is not one for each cell, they are all the same, or all different.
    """
    words = [_word(label) for label in labels]
    if len(words) != num_cells:
        raise ValueError(f"`labels` must be one for each of {num_cells} cells, got {len(words)}")
    different = set(words) - {NO_LABEL}
    if len(different) < 2:
        got = shown(different.pop()) if different else "missing ones"
        raise ValueError(f"`labels` must have at least two values, got only {got}")
    if len(different) == num_cells:
        raise ValueError(
            f"`labels` must be classes of cells, got a different one for each: {shown(words[0])}"
        )
    return np.array(as_names(words, "label", "`labels`"), np.str_)


def _word(label: Any) -> str:
    if label is None or label != label or not str(label).strip():
        return NO_LABEL
    # Whole numbers become floats where a label is missing.
    return str(int(label)) if isinstance(label, float) and label.is_integer() else str(label)
