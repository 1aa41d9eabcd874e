"""One sentence for whatever is wrong with a file."""

import importlib
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from types import ModuleType
from typing import Any

_LONGEST = 60
"""Characters of a name that are shown; names are text of strangers."""
_LONGEST_LIST = 110
"""Characters of a list of names."""
_IRRELEVANT = (FutureWarning, DeprecationWarning, PendingDeprecationWarning, UserWarning)
"""Warnings of readers; those of anndata on old formats and on changed types are UserWarnings."""


def shown(text: Any, longest: int = _LONGEST) -> str:
    r"""Return text in quotes, without control characters and not too long.

    >>> print(shown("a\tb"), shown("x" * 100, 10))
    'a\tb' 'xxxxxxx…'
    """
    quoted = repr(str(text))
    return quoted if len(quoted) <= longest + 2 else f"{quoted[: longest - 2]}…{quoted[-1]}"


def listed(words: Iterable[Any], most: int = 10) -> str:
    """Return the first words in quotes, and how many others there are; "none" if there are none.

    >>> print(listed(["a", "b", "c", "d"], 2))
    'a', 'b' and 2 others
    """
    quoted = [shown(word, 30) for word in words]
    count, length = 0, 0
    while count < min(most, len(quoted)) and length <= _LONGEST_LIST:
        length += len(quoted[count])
        count += 1
    others = len(quoted) - count
    return (", ".join(quoted[:count]) or "none") + (
        f" and {others} other{'s' * (others > 1)}" if others else ""
    )


def no_such(argument: str, what: str, asked: str, there: Sequence[Any]) -> ValueError:
    """Return the error for something that is not in the file, with what is there instead."""
    names = [str(name) for name in there]
    close = get_close_matches(asked, names, n=1)
    nearest = f"; the closest is {shown(close[0])}" if close and len(names) > 1 else ""
    return ValueError(
        f"`{argument}` must be {what}, got {shown(asked)} (found {listed(names)}{nearest})"
    )


@contextmanager
def reader(file: str, what: str) -> Iterator[None]:
    """Turn whatever a reader raises into one sentence, and keep its warnings to ourselves.

    A damaged file may make a reader raise anything, and its message may have many lines.

    Raises
    ------
    OSError
        If anything is raised inside.
    """
    try:
        with warnings.catch_warnings():
            for category in _IRRELEVANT:
                warnings.simplefilter("ignore", category)
            yield
    except MemoryError:
        raise OSError(f"{file} does not fit in the memory of this machine") from None
    except Exception as error:
        # What pandas puts before the reason is a sentence of its own.
        reason = " ".join(str(error).split()).split("C error: ")[-1] or type(error).__name__
        raise OSError(f"{file} cannot be read as {what}: {shown(reason, 130)}") from error


def needed(package: str, what: str) -> ModuleType:
    """Import a package that is not always installed.

    Raises
    ------
    OSError
        If it is not installed.
    """
    try:
        return importlib.import_module(package)
    except ImportError:
        raise OSError(f"{what} needs {package}: install the extra `cells`") from None
