"""Provenance of the results: versions, git revision, and the source code that computed them."""

import ast
import hashlib
import importlib.metadata
import inspect
import platform
import subprocess
import sys
import textwrap
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

PACKAGES = (
    "loglin",
    "jax",
    "jaxlib",
    "flax",
    "optax",
    "numpy",
    "numba",
    "scipy",
    "scikit-learn",
)
"""Packages that the numbers depend on."""

_ROOT = Path(__file__).parents[2]
_DRAWING = "loglin/plots/"
"""Folder of the libraries that no number depends on."""


@cache
def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that the numbers depend on."""
    packages = {package: importlib.metadata.version(package) for package in PACKAGES}
    return {"python": platform.python_version(), **packages}


def revision() -> str:
    """Return the git revision, marked as dirty if files are changed; "unknown" without git."""
    try:
        answer = subprocess.run(
            ["git", "describe", "--always", "--abbrev=12", "--dirty", "--exclude=*"],
            cwd=_ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return answer.stdout.strip()


@cache
def source_digest(compute: Callable[..., Any]) -> str:
    """Return a hash of the source code that the numbers of a function depend on.

    It covers all of `loglin` and `models` except plots, the data files of `experiments`, and what
    the function uses of `experiments`: every function, class and constant that it names, and what
    these name in turn, including comments and docstrings. Figures and texts of the results page are
    not covered, so they can be changed without computing the numbers again.
    """
    parts: dict[str, bytes] = {}
    for pattern in ("loglin/**/*.py", "models/**/*.py", "experiments/**/*.tsv"):
        for file in _ROOT.glob(pattern):
            name = file.relative_to(_ROOT).as_posix()
            if not name.startswith(_DRAWING):
                parts[name] = file.read_bytes()
    _collect(compute.__qualname__, compute, parts)
    sources = b"\0".join(name.encode() + b"\0" + parts[name] for name in sorted(parts))
    return hashlib.sha256(sources).hexdigest()[:12]


def _collect(name: str, value: Any, parts: dict[str, bytes]) -> None:
    """Add the source code of an object of `experiments`, and of everything that it names."""
    if isinstance(value, Mapping | tuple | list):
        items = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, item in items:
            _collect(f"{name}[{key!r}]", item, parts)
    elif isinstance(value, ModuleType):
        if value.__name__.startswith("experiments."):
            parts[value.__name__] = inspect.getsource(value).encode()
    elif isinstance(value, FunctionType | type):
        full_name = f"{value.__module__}.{value.__qualname__}"
        if value.__module__.startswith("experiments.") and full_name not in parts:
            source = textwrap.dedent(inspect.getsource(value))
            parts[full_name] = source.encode()
            known = vars(sys.modules[value.__module__])
            nodes = ast.walk(ast.parse(source))
            for word in {node.id for node in nodes if isinstance(node, ast.Name)} & known.keys():
                if word.startswith("__"):  # such as __file__, which is a location and not code
                    continue
                _collect(f"{value.__module__}.{word}", known[word], parts)
    elif isinstance(value, bool | int | float | str | Path):
        parts[name] = repr(value).encode()
