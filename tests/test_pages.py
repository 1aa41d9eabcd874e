import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

CHECKS = {
    "docs/quickstart.md": """
assert (cells.genes.role[selection.features] == "overlap").sum() >= 4
assert epoch == 75
""",
    "docs/selection.md": """
assert len(selection.features) == 7
assert points.shape == (len(patterns.states), 2)
""",
    "docs/models.md": """
assert (cells.genes.role[selection.features] == "overlap").sum() >= 3
assert epoch == 15
""",
    "docs/own-data.md": """
assert page.stat().st_size > 50_000
assert patterns.names.tolist() == selection.names.tolist()
assert cells.obs["loglin_pattern"].nunique() > 2
""",
    "docs/log-linear-models.md": """
from pathlib import Path
assert Path("hair-eye-sex.png").stat().st_size > 10_000
""",
}
"""What must hold when all examples of a page have run."""


def page(*names, num_blocks, marks=(), group=None):
    """Pages whose examples go on from each other."""
    marks = [pytest.mark.xdist_group(group or names[0]), *marks]
    return pytest.param(names, num_blocks, marks=marks, id=names[-1])


@pytest.mark.parametrize(
    ("names", "num_blocks"),
    [
        page("README.md", "docs/quickstart.md", num_blocks=3),
        page(
            "README.md",
            "docs/quickstart.md",
            "docs/selection.md",
            num_blocks=9,
            marks=[pytest.mark.deep],
        ),
        # Six models to compile; then two models, and all figures.
        page("docs/models.md", num_blocks=7, marks=[pytest.mark.deep]),
        page("docs/own-data.md", num_blocks=5, marks=[pytest.mark.deep]),
        # The same kernels as this room.
        page("docs/log-linear-models.md", num_blocks=10, group="loglin/hierarchical/"),
    ],
)
def test_the_examples_run_and_print_what_is_shown(names, num_blocks, tmp_path):
    text = "\n".join((ROOT / name).read_text() for name in names)
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == num_blocks
    # In a fresh interpreter, as a reader would run them.
    script = tmp_path / "page.py"
    script.write_text("\n".join([*blocks, CHECKS[names[-1]]]))
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "MPLBACKEND": "agg",
        "JAX_DEBUG_KEY_REUSE": "1",
        "XLA_FLAGS": "",
    }
    answer = subprocess.run(
        [sys.executable, "-W", "error", script],
        cwd=tmp_path, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    for shown in re.findall(r"```text\n(.*?)```", text, re.DOTALL):
        assert shown in answer.stdout
