"""The command from a file to a page: what it writes, and that it overwrites nothing."""

import json
from itertools import product

import anndata
import numpy as np
import pandas as pd
import pytest

from experiments.__main__ import main
from loglin import get

RNG = np.random.default_rng(0)
KIND = RNG.integers(2, size=(120, 3))
ON = np.repeat(KIND, 3, axis=1) ^ (RNG.random((120, 9)) < 0.05)
GENES = [f"gene {name}" for name in "abcdefghi"]
QUICK = "--max-epochs 4 --patience 2 --num-samples 500 --num-features 3 --starts 1 --workers 0"


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    """Return a file of 120 cells in three modules of three genes."""
    path = tmp_path_factory.mktemp("cells") / "cells.h5ad"
    obs = pd.DataFrame({"kind": np.where(KIND[:, 0], "neuron", "glia")})
    obs.index = [f"cell {number}" for number in range(120)]
    adata = anndata.AnnData(
        ON.astype(np.float32), obs, pd.DataFrame(index=GENES),
        obsm={"X_model": KIND + RNG.normal(0, 0.1, KIND.shape)},
    )  # fmt: skip
    adata.write_h5ad(path)
    return path


def run(*arguments):
    main(["explore", *map(str, arguments)])


@pytest.fixture(scope="module")
def explored(cells, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    run(cells, *QUICK.split(), "--labels", "kind", "--out", out, "--write", out / "found.h5ad")
    return out


def test_a_page_and_its_tables(explored):
    page = (explored / "index.html").read_text()
    assert "cells.h5ad" in page
    genes = pd.read_csv(explored / "genes.csv")
    assert set(GENES) >= set(genes["name"])
    assert {path.suffix for path in (explored / "figures").iterdir()} == {".png", ".svg"}


def test_the_cells_are_written_with_what_was_found(explored, cells):
    found = anndata.read_h5ad(explored / "found.h5ad")
    genes = pd.read_csv(explored / "genes.csv")
    assert get.selection_df(found)["name"].tolist() == genes["name"].tolist()
    assert found.uns["loglin"]["settings"]["labels"] == "kind"
    before = anndata.read_h5ad(cells)
    np.testing.assert_array_equal(found.X, before.X)
    assert set(before.obs) == set(found.obs) - {"loglin_pattern"}


def test_the_same_command_goes_on_and_changes_nothing(explored, cells, capsys):
    before = {path: path.read_bytes() for path in explored.rglob("*.npz")}
    page = (explored / "genes.csv").read_bytes()
    run(cells, *QUICK.split(), "--labels", "kind", "--out", explored)
    assert {path: path.read_bytes() for path in explored.rglob("*.npz")} == before
    assert (explored / "genes.csv").read_bytes() == page
    assert str(explored / "index.html") in capsys.readouterr().out


def test_nothing_is_overwritten_without_force(explored, cells, tmp_path):
    settings = json.loads((explored / "settings.json").read_text())
    with pytest.raises(SystemExit, match="error: `out` .* holds the page of another file or other"):
        run(cells, *QUICK.split(), "--out", explored)  # without labels
    assert json.loads((explored / "settings.json").read_text()) == settings
    other = tmp_path / "out"
    other.mkdir()
    (other / "index.html").write_text("mine")
    with pytest.raises(SystemExit, match="error: `out` .* holds a page that is not ours"):
        run(cells, *QUICK.split(), "--out", other)
    assert (other / "index.html").read_text() == "mine"
    with pytest.raises(SystemExit, match="error: `write` .*cells.h5ad exists: name another file"):
        run(cells, *QUICK.split(), "--out", tmp_path / "new", "--write", cells)
    assert not (tmp_path / "new").exists()


def test_latents_of_the_cells_take_the_place_of_training(cells, tmp_path):
    run(cells, "--use-rep", "X_model", "--num-features", 3, "--out", tmp_path / "out")
    genes = pd.read_csv(tmp_path / "out" / "genes.csv")
    assert sorted(GENES.index(name) // 3 for name in genes["name"]) == [0, 1, 2]
    assert not list((tmp_path / "out").rglob("*.npz"))


def test_samples_of_another_model_take_the_place_of_training(cells, tmp_path):
    every = np.array(list(product([0, 1], repeat=3)) * 100)
    np.save(tmp_path / "x.npy", np.repeat(every, 3, axis=1) ^ (RNG.random((800, 9)) < 0.02))
    np.save(tmp_path / "u.npy", every + RNG.normal(0, 0.1, every.shape))
    samples = ["--samples", tmp_path / "x.npy", tmp_path / "u.npy"]
    run(cells, *samples, "--num-features", 3, "--out", tmp_path / "out")
    genes = pd.read_csv(tmp_path / "out" / "genes.csv")
    assert sorted(GENES.index(name) // 3 for name in genes["name"]) == [0, 1, 2]


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        (
            "x",
            np.zeros((50, 8), int),
            "`samples` must have a column for each feature .* expected 9",
        ),
        ("x", np.full((50, 9), 0.5), "`samples` must hold whole numbers"),
        ("u", np.zeros((49, 2)), "`samples` must have a row of latents for each of 50 samples"),
        ("u", np.array([{}], object), "`samples` must be .npy files of numbers, got"),
        ("u", np.full((50, 2), np.nan), "`u` must be finite"),
    ],
)
def test_samples_that_do_not_fit(name, array, message, cells, tmp_path):
    arrays = {"x": np.zeros((50, 9), int), "u": np.zeros((50, 2))} | {name: array}
    for part, values in arrays.items():
        np.save(tmp_path / f"{part}.npy", values)
    out = tmp_path / "out"
    with pytest.raises(SystemExit, match=f"^error: {message}"):
        run(cells, "--samples", tmp_path / "x.npy", tmp_path / "u.npy", "--out", out)
    assert not out.exists()


def test_permutations_give_p_values(cells, tmp_path):
    run(cells, *QUICK.split(), "--permutations", 3, "--out", tmp_path)
    genes = pd.read_csv(tmp_path / "genes.csv")
    assert set(genes["p_value"] * 4) <= {1, 2, 3, 4}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("--model vae vae", "`model` must be vae, dbm or both, each once"),
        ("--starts 0", "`starts` must be from 1"),
        ("--cut most", r"`cut` must be one of \('auto', 'detected', 'median'\) or a quantile"),
        ("--levels 3 --cut detected", "`cut` must be left out with more than 2 `levels`"),
        ("--layer counts --use-raw", "`layer` and `use_raw` cannot be given together"),
        ("--samples a.npy b.npy --use-rep X", "`samples` and `use_rep` cannot be given together"),
        ("--samples a.npy b.npy", ".*No such file.*a.npy"),
        ("--use-rep X_pca", ".*X_model"),
        ("--labels type", ".*kind"),
        ("--num-features 0", "`num_features` must be from 1 to 100, got 0"),
        ("--seed -1", "`seed` must be from 0"),
    ],
)
def test_bad_settings_get_one_sentence(settings, message, cells, tmp_path):
    with pytest.raises(SystemExit, match=f"^error: {message}") as stopped:
        run(cells, *settings.split(), "--out", tmp_path / "out")
    assert "\n" not in str(stopped.value)
    assert not (tmp_path / "out").exists()
