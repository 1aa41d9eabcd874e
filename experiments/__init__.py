"""The studies of the paper (Section 3) and what runs them: numbers first, pictures from numbers."""

from importlib.util import find_spec
from pathlib import Path


def _check_neighbours() -> None:
    """Refuse to work beside another package that hides one of ours."""
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
