"""The command from a file to a page: what it writes, and that it overwrites nothing."""

from itertools import product

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest

from experiments.__main__ import main
from experiments.explore import command
from experiments.explore.adata import check_keys
from experiments.explore.settings import Input
from experiments.explore.training import compute
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


def test_large_networks_are_announced(explored, cells, capsys, monkeypatch):
    for most in (len(GENES), len(GENES) - 1):
        monkeypatch.setattr(command, "MANY_FEATURES", most)
        run(
            cells, *QUICK.split(), "--labels", "kind", "--out", explored
        )  # nothing is trained again
        assert ("networks are as wide" in capsys.readouterr().err) == (most < len(GENES))
    command._say_if_large(20_000)
    assert "each training needs 12.8 GB" in capsys.readouterr().err


def test_a_folder_that_is_named_in_another_way_is_the_same(explored, cells, monkeypatch):
    before = {path: path.stat().st_mtime_ns for path in explored.rglob("seed-*.npz")}
    monkeypatch.chdir(explored)
    run(cells, *QUICK.split(), "--labels", "kind", "--out", ".")
    assert {path: path.stat().st_mtime_ns for path in explored.rglob("seed-*.npz")} == before


LATENTS = "--use-rep X_model --num-features 3"


def test_nothing_is_overwritten_without_force(explored, cells, tmp_path):
    settings = (explored / "settings.json").read_bytes()
    with pytest.raises(SystemExit, match="error: `out` .* other settings .`seed` is not the same"):
        run(cells, *QUICK.split(), "--labels", "kind", "--seed", 1, "--out", explored)
    with pytest.raises(SystemExit, match="error: `out` .* holds the page of another file or other"):
        run(cells, *QUICK.split(), "--out", explored)
    assert (explored / "settings.json").read_bytes() == settings
    mine = tmp_path / "mine"
    mine.mkdir()
    for name in ("genes.csv", "index.html", "notes.txt"):
        (mine / name).write_text("mine")
        with pytest.raises(SystemExit, match="error: `out` must be a new or empty folder"):
            run(cells, *LATENTS.split(), "--out", mine)
        assert [(path.name, path.read_text()) for path in mine.iterdir()] == [(name, "mine")]
        (mine / name).unlink()
    (mine / "file").write_text("")
    with pytest.raises(SystemExit, match="error: `out` must be a folder, got a file"):
        run(cells, *LATENTS.split(), "--out", mine / "file")
    with pytest.raises(SystemExit, match="error: `out` must be in a folder that can be made"):
        run(cells, *LATENTS.split(), "--out", "/proc/none/out")


def test_the_file_that_is_written_is_new(cells, tmp_path):
    before = cells.read_bytes()
    mine = tmp_path / "mine.h5ad"
    mine.write_text("mine")
    out = tmp_path / "out"
    for target, message in [
        (cells, "`write` must be a file of its own, got the file that is read"),
        (mine, "`write` .*mine.h5ad exists: name another file, or pass --force"),
        (out / "index.html", "`write` must be the name of an .h5ad file"),
        (mine / "x.h5ad", "`write` must be in a folder that can be made"),
    ]:
        with pytest.raises(SystemExit, match=f"error: {message}"):
            run(cells, *LATENTS.split(), "--out", out, "--write", target)
        assert not out.exists()
    run(cells, *LATENTS.split(), "--out", out)
    with pytest.raises(SystemExit, match="error: `write` .*mine.h5ad exists"):
        run(cells, *LATENTS.split(), "--out", out, "--write", mine)
    assert mine.read_text() == "mine"
    run(cells, *LATENTS.split(), "--out", out, "--write", mine, "--force")
    run(cells, *LATENTS.split(), "--out", out, "--write", mine)  # it is ours now
    assert "loglin" in anndata.read_h5ad(mine).uns
    with pytest.raises(SystemExit, match="error: `write` must be a file of its own"):
        run(cells, *LATENTS.split(), "--out", out, "--write", cells, "--force")
    assert cells.read_bytes() == before


@pytest.mark.parametrize("part", ["obs", "var", "uns"])
def test_names_that_are_taken_are_refused_before_any_work(part, cells, tmp_path):
    adata = anndata.read_h5ad(cells)
    taken = {"obs": "mine_pattern", "var": "mine_rank", "uns": "mine"}[part]
    getattr(adata, part)[taken] = "there" if part == "uns" else 1.0
    adata.write_h5ad(tmp_path / "cells.h5ad")
    target = ["--write", tmp_path / "new.h5ad", "--key-added", "mine"]
    with pytest.raises(SystemExit, match=f"error: `key_added` must be new.* '{taken}' in .{part}"):
        run(tmp_path / "cells.h5ad", *LATENTS.split(), "--out", tmp_path / "out", *target)
    assert not (tmp_path / "out").exists()


def test_names_that_are_taken_in_files_of_old_versions(tmp_path):
    with h5py.File(tmp_path / "old.h5ad", "w") as file:
        for part, column in (("obs", "loglin_pattern"), ("raw/var", "loglin_gain")):
            file[part] = np.zeros(3, [("index", "S5"), (column, "f4")])
    check_keys(tmp_path / "old.h5ad", Input(use_raw=True), "new")
    with pytest.raises(ValueError, match="got 'loglin': there is 'loglin_pattern' in .obs"):
        check_keys(tmp_path / "old.h5ad", Input(), "loglin")


def test_tables_of_other_settings_do_not_stay(cells, tmp_path):
    run(cells, *LATENTS.split(), "--labels", "kind", "--out", tmp_path)
    assert (tmp_path / "labels.csv").exists()
    assert (tmp_path / "figures" / "labels.svg").exists()
    run(cells, *LATENTS.split(), "--out", tmp_path, "--force")
    assert not list(tmp_path.rglob("labels.*")) + list(tmp_path.rglob("accuracy.*"))


def test_a_change_of_anything_that_is_read_is_noticed(cells, tmp_path):
    genes = tmp_path / "genes.txt"
    genes.write_text("\n".join(GENES[:8]))
    command = [cells, *LATENTS.split(), "--genes", genes, "--out", tmp_path / "out"]
    run(*command)
    genes.write_text("\n".join(GENES[1:]))
    with pytest.raises(SystemExit, match="`content of genes` is not the same"):
        run(*command)


def test_a_failed_start_is_told_and_the_others_are_shown(cells, tmp_path, monkeypatch):
    def fail_sometimes(settings, seed, track):
        if seed == 1:
            raise OSError("no luck")
        return compute(settings, seed, track)

    fail_sometimes.__annotations__ = compute.__annotations__
    fail_sometimes.__module__ = compute.__module__
    monkeypatch.setattr("experiments.explore.command.compute", fail_sometimes)
    with pytest.raises(SystemExit, match="error: VAE: training, failed 1 of 2: no luck; the page"):
        run(cells, *QUICK.replace("--starts 1", "--starts 2").split(), "--out", tmp_path)
    assert "1 of 2: no luck" in (tmp_path / "index.html").read_text()
    monkeypatch.undo()
    run(cells, *QUICK.replace("--starts 1", "--starts 2").split(), "--out", tmp_path)
    assert "no luck" not in (tmp_path / "index.html").read_text()


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
        (
            "x",
            np.full((50, 9), 2),
            "`samples` must hold codes that the cells have: .* to 1 for 'gen",
        ),
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
        ("--samples a.npy b.npy", "`samples` must be files, got No such file.*: a.npy"),
        ("--use-rep X_model --permutations 9", "`permutations` needs models that are trained here"),
        ("--use-rep X_model --model dbm", "`model` must be left out where `use_rep` takes its"),
        ("--key-added a/b", "`key_added` must be a word without slashes"),
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
