import os
import re

from tests.depth import DEEP

# Before JAX computes: one core each for the processes that run tests, and the bits of one core.
os.environ["NPROC"] = "1"
if not DEEP:
    # Most of the time goes into compiling. The usual tests leave out LLVM's optimisations; the deep
    # ones run the code that users run.
    os.environ["XLA_FLAGS"] = (
        os.environ.get("XLA_FLAGS", "") + " --xla_backend_optimization_level=0"
    )

from pathlib import Path

import jax
import numpy as np
import pytest

# A key that is used twice is an error in every test.
jax.config.update("jax_debug_key_reuse", True)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Leave out what is marked `deep`, unless that runs; keep together what compiles alike.

    Tests of a file run in one process, where they share fixtures and compiled code, and so do those
    of one room of `loglin` with the examples of its docstrings. Files that train the same models
    name a group of their own: ``pytestmark = pytest.mark.xdist_group("stairs")``.
    """
    deep = [item for item in items if item.get_closest_marker("deep")]
    if deep and not DEEP:
        config.hook.pytest_deselected(items=deep)
        items[:] = [item for item in items if item not in deep]
    items.sort(key=lambda item: "test_pages" not in item.nodeid)  # the longest first
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            path = item.location[0].removeprefix("tests/")
            room = re.match(r"loglin/(hierarchical|selection)/", path)
            item.add_marker(pytest.mark.xdist_group(room[0] if room else path))


@pytest.fixture
def rng():
    return np.random.default_rng(20200702)


@pytest.fixture
def cortex_data():
    """Skip where the published cells are not at hand: they are not ours to ship."""
    folder = os.environ.get("LOGLIN_DATA_DIR")
    if not folder or not (Path(folder) / "single_cell_mat.txt").exists():
        pytest.skip("the cortex data are not in LOGLIN_DATA_DIR")
