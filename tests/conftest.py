import json
import os
from pathlib import Path

import jax
import numpy as np
import pytest

# A key that is used twice is an error in every test.
jax.config.update("jax_debug_key_reuse", True)

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


@pytest.fixture
def rng():
    return np.random.default_rng(20200702)


@pytest.fixture
def cortex_data():
    """Skip where the published cells are not at hand: they are not ours to ship."""
    folder = os.environ.get("LOGLIN_DATA_DIR")
    if not folder or not (Path(folder) / "single_cell_mat.txt").exists():
        pytest.skip("the cortex data are not in LOGLIN_DATA_DIR")
