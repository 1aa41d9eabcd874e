import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_example_of_the_readme_runs():
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert blocks
    names = {}
    for block in blocks:
        exec(block, names)
    assert len(names["selection"].features) == 7
    assert names["points"].shape == (len(names["patterns"].states), 2)
