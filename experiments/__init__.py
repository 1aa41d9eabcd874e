"""Studies of the paper (Section 3): units of work compute numbers, figures are drawn from them."""

from importlib.util import find_spec
from pathlib import Path


def _check_neighbours() -> None:
    """Raise an ImportError if another package hides our `loglin` or `models`."""
    root = Path(__file__).parents[1]
    for name in ("loglin", "models"):
        found = find_spec(name)
        place = None if found is None else found.origin
        if place is None or Path(place).resolve().parents[1] != root.resolve():
            raise ImportError(
                f"`experiments` needs the package `{name}` that lies beside it in {root}, and "
                f"Python finds {place or 'none'} first: rename that one, or start Python elsewhere"
            )


_check_neighbours()
