import re
from pathlib import Path

import pytest
from matplotlib import pyplot as plt

ROOT = Path(__file__).parents[1]


def page(name, num_blocks):
    return pytest.param(name, num_blocks, marks=pytest.mark.xdist_group(name))


@pytest.mark.parametrize(
    ("page", "num_blocks"),
    [page("README.md", 7), page("docs/models.md", 6), page("docs/log-linear-models.md", 10)],
)
def test_the_examples_run_and_print_what_is_shown(page, num_blocks, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (ROOT / page).read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == num_blocks
    names = {}
    for block in blocks:
        exec(block, names)
    printed = capsys.readouterr().out
    for shown in re.findall(r"```text\n(.*?)```", text, re.DOTALL):
        assert shown in printed
    if page == "README.md":
        assert len(names["selection"].features) == 7
        assert names["points"].shape == (len(names["patterns"].states), 2)
    elif page == "docs/models.md":
        roles = names["cells"].genes.role[names["selection"].features]
        assert (roles == "overlap").sum() >= 3
        assert names["epoch"] == 35
    else:
        assert (tmp_path / "hair-eye-sex.png").stat().st_size > 10_000
        plt.close(names["axes"].figure)
