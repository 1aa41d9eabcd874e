"""Every notebook and every page of the gallery runs, without errors or warnings.

Most of what their text says is checked in cells of their own; here is what a reader need not see.
"""

import re
import shutil
from pathlib import Path

import pytest

from loglin import plots
from tests.references import REFERENCE

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted(
    path.relative_to(DOCS)
    for folder in ("notebooks", "gallery")
    for path in (DOCS / folder).glob("*.md")
    if "{code-cell}" in path.read_text()
)

CHECKS = {
    # The numbers of R that are typed on the page are those that R gave.
    "from-r.md": f"""
import json
from pathlib import Path

folder = Path({str(REFERENCE)!r}) / "loglin"
models = json.loads((folder / "r_loglin.json").read_text())["models"]
by_name = {{(model["table"], model["model"]): model for model in models}}
sequences = json.loads((folder / "r_extra.json").read_text())["sequences"]
model_of_r = by_name["HairEyeColor", "last_indep_of_all"]
pairs_of_r = by_name["Titanic", "all_two_way"]
assert {{name: of_r[name] for name in ("lrt", "pearson", "df")}} == {{
    name: model_of_r[name] for name in ("lrt", "pearson", "df")
}}
assert of_r["eye"] == model_of_r["param"]["1"]
assert of_r["pairs"] == {{name: pairs_of_r[name] for name in ("lrt", "df")}}
assert pairs_of_r["pearson"] == "NaN"
assert of_r["anova"] == [row[2:4] for row in sequences["anova_HairEyeColor"]["rows"][1:4]]
assert of_r["step"] == sequences["step_backward_BIC_Titanic"]["path_aic"]
steps_of_r = sequences["step_backward_BIC_Titanic"]["path_step"]
assert [step.change for step in search.path] == steps_of_r
""",
    # Without scvi-tools, which is not among the dependencies, the stored samples are used.
    "scvi.md": "assert counts.shape == (1000, 50) and latents.shape == (1000, 5)",
}
"""What must hold when all cells of a page have run."""


def test_all_figure_functions_are_in_the_gallery():
    text = "".join(path.read_text() for path in (DOCS / "gallery").glob("*.md"))
    calls = set(re.findall(r"\b(\w+_plot|draw_\w+|shade|bare)\(", text))
    functions = {name for name in plots.__all__ if name.islower()}
    assert functions <= calls, functions - calls


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_figure_has_a_caption_and_a_text_for_those_who_do_not_see_it(page):
    cells = re.findall(r"```\{code-cell\} ipython3\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
    drawing = [cell for cell in cells if "plt.show()" in cell or "show=True" in cell]
    assert drawing or "plots" not in "".join(cells)
    for cell in drawing:
        head = cell.split("---\n")[1]
        assert re.search(r'^    alt: "[A-Z].{20,}\."$', head, re.MULTILINE), cell
        assert re.search(r'^    caption: ".*\bSee .+"$', head, re.MULTILINE), cell


@pytest.mark.deep
@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=pytest.mark.xdist_group(str(page))) for page in PAGES],
    ids=str,
)
@pytest.mark.filterwarnings("default")  # of the libraries that run the kernel
def test_a_notebook_runs(page, tmp_path, monkeypatch):
    import jupytext
    import nbformat
    from nbclient import NotebookClient

    # Beside its files, and where nothing that it writes stays.
    folder = shutil.copytree(DOCS / page.parent, tmp_path / page.parent)
    monkeypatch.setenv("PYTHONPATH", str(DOCS.parent))
    monkeypatch.setenv("JAX_DEBUG_KEY_REUSE", "1")
    monkeypatch.setenv("XLA_FLAGS", "")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = jupytext.read(DOCS / page)
    if page.name in CHECKS:
        notebook.cells.append(nbformat.v4.new_code_cell(CHECKS[page.name]))
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=resources).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    # A warning would be in the stream of errors.
    told = [output.text for output in outputs if output.get("name") == "stderr"]
    assert not told, told
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert pictures
