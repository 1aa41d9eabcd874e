"""Numbers and names in sentences, with spaces that do not break."""

from collections.abc import Sequence

import numpy as np

NBSP = "\N{NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"
_SMALL = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
          "eleven", "twelve")  # fmt: skip


def spelled(number: int) -> str:
    """Return "seven" or "1,200".

    >>> spelled(7), spelled(1200)
    ('seven', '1,200')
    """
    return _SMALL[number] if 0 <= number < len(_SMALL) else f"{number:,}"


def none_or(number: int) -> str:
    """Return "none" or "seven", for "none of seven".

    >>> none_or(0), none_or(1)
    ('none', 'one')
    """
    return spelled(number) if number else "none"


def counted(number: int, noun: str) -> str:
    """Return "no genes", "one gene", "seven genes" or "1,200 genes".

    >>> counted(1, "gene").replace(NBSP, " ")
    'one gene'
    """
    return f"{spelled(number)}{NBSP}{noun}{'' if number == 1 else 's'}"


def all_of(number: int, noun: str = "") -> str:
    """Return "both genes" or "all six genes"; without a noun, "both" or "all six".

    >>> all_of(2), all_of(6)
    ('both', 'all six')
    """
    words = "both" if number == 2 else f"all {spelled(number)}"
    return f"{words}{NBSP}{noun}s" if noun else words


def start_of(sentence: str) -> str:
    """Return a sentence with a capital letter.

    >>> start_of("ten LYZ")
    'Ten LYZ'
    """
    return sentence[:1].upper() + sentence[1:]


def percent(share: float) -> str:
    """Return a share as "90 %", "0.3 %", "< 0.1 %", or a dash if it is not known.

    >>> [percent(share).replace(NBSP, " ") for share in (0.9, 0.0034, 1e-5, 0)]
    ['90 %', '0.3 %', '< 0.1 %', '0 %']
    """
    if not np.isfinite(share):
        return "–"
    if 0 < share < 0.001:
        return f"<{NBSP}0.1{NBSP}%"
    decimals = 1 if 0 < abs(share) < 0.0995 else 0
    return f"{signed(100 * share, decimals)}{NBSP}%"


def signed(value: float, decimals: int = 2) -> str:
    """Return a number with thousands separated and a true minus, or a dash if it is not known.

    >>> signed(1234.5, 1)
    '1,234.5'
    """
    if not np.isfinite(value):
        return "–"
    text = f"{value:,.{decimals}f}"
    if float(text.replace(",", "")) == 0:
        text = text.lstrip("-")
    return text.replace("-", MINUS)


def probability(value: float) -> str:
    """Return a p-value as "0.04" or "< 0.001".

    >>> probability(0.0421), probability(1e-9).replace(NBSP, " ")
    ('0.042', '< 0.001')
    """
    if not np.isfinite(value):
        return "–"
    return f"<{NBSP}0.001" if value < 0.001 else f"{value:.2g}"


def listing(names: Sequence[str], most: int = 12) -> str:
    """Return "a, b and c", or "a, b and 7 others" if there are more than `most`.

    >>> listing(["a", "b", "c"]), listing(list("abcde"), most=3)
    ('a, b and c', 'a, b, c and two others')
    """
    shown = [plain(name) for name in names]
    if len(shown) > most + 1:
        shown = [*shown[:most], f"{spelled(len(names) - most)} others"]
    if len(shown) < 2:
        return "".join(shown)
    return ", ".join(shown[:-1]) + f" and {shown[-1]}"


def printable(text: str) -> str:
    r"""Return text with what cannot be printed replaced.

    Control characters are no part of XML, and those that turn the direction of writing would
    garble what follows.

    >>> printable("two\nlines")
    'two�lines'
    """
    unknown = "\N{REPLACEMENT CHARACTER}"
    return "".join(s if s.isprintable() or s == NBSP else unknown for s in str(text))


def plain(name: str, most: int = 60) -> str:
    """Return a name for the page: printable, and cut if it is very long.

    >>> plain("a" * 100, 5), plain(" ")
    ('aaaa…', '(no name)')
    """
    shown = printable(name).strip() or "(no name)"
    return shown if len(shown) <= most else shown[: most - 1] + "…"
