"""Reference values from R, Julia and enumeration, as they lie in `tests/reference`."""

import json
from pathlib import Path

import numpy as np

REFERENCE = Path(__file__).parent / "reference"


def reference(name):
    """Read a JSON file of reference values."""
    return json.loads((REFERENCE / name).read_text())


def _r_tables():
    return {
        table["name"]: np.reshape(table["counts"], table["shape"]).astype(float)
        for table in reference("loglin/r_loglin.json")["tables"]
    }


R_TABLES = _r_tables()
"""Contingency tables by name."""
R_MODELS = reference("loglin/r_loglin.json")["models"]
"""R's fits of log-linear models to them."""

PATTERN_CASES = sorted(path.stem for path in (REFERENCE / "patterns").glob("*.json"))


def pattern_case(name):
    """Read features, latents and what the authors' code made of them."""
    with np.load(REFERENCE / "patterns" / f"{name}.npz") as file:
        return file["X"], file["H"], reference(f"patterns/{name}.json")
