"""Result files: NamedTuples of arrays with their provenance, stored without pickle."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from models.storage import DAMAGE, replace_file


def save(path: Path, result: Any, provenance: dict[str, Any]) -> None:
    """Write a result and its provenance; a file that is only partly written never appears."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fields = _flat(result) | {"provenance": json.dumps(provenance)}
    replace_file(path, lambda file: np.savez_compressed(file, allow_pickle=False, **fields))


def load(path: Path, result_type: Any) -> tuple[Any, dict[str, Any]]:
    """Read a result, a NamedTuple of the given type, and its provenance; no code is executed.

    Raises
    ------
    OSError
        If the file is damaged or cannot be read.
    """
    try:
        with open(path, "rb") as opened, np.load(opened, allow_pickle=False) as file:
            return _nested(result_type, file), json.loads(str(file["provenance"]))
    except DAMAGE:
        raise OSError(f"{path} is damaged: remove it to compute this unit again") from None


def _flat(result: Any, prefix: str = "") -> dict[str, Any]:
    """Return the arrays of a NamedTuple by name; "a.b" is field b of the nested NamedTuple a."""
    arrays: dict[str, Any] = {}
    for field, value in result._asdict().items():
        is_nested = hasattr(value, "_asdict")
        arrays |= _flat(value, f"{prefix}{field}.") if is_nested else {prefix + field: value}
    return arrays


def _nested(result_type: Any, file: Mapping[str, Any], prefix: str = "") -> Any:
    """Return the NamedTuple whose arrays are in a file; the inverse of `_flat`."""
    return result_type(
        *(
            _nested(kind, file, f"{prefix}{field}.")
            if hasattr(kind, "_fields")
            else file[prefix + field]
            for field, kind in result_type.__annotations__.items()
        )
    )
