import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_examples_of_the_readme_run_and_print_what_it_shows(capsys):
    readme = (ROOT / "README.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    assert len(blocks) == 3
    names = {}
    for block in blocks:
        exec(block, names)
    assert len(names["selection"].features) == 7
    assert names["points"].shape == (len(names["patterns"].states), 2)
    (shown,) = re.findall(r"```text\n(.*?)```", readme, re.DOTALL)
    assert shown in capsys.readouterr().out
