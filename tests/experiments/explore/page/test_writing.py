import csv

import numpy as np
import pandas as pd
import pytest

from experiments.explore.page import writing
from experiments.explore.page.rendering import render
from experiments.explore.page.writing import write_page
from tests.experiments.explore.page import made
from tests.experiments.explore.page.test_figures import ALL, odd_about


@pytest.fixture(scope="module")
def found():
    return made.findings()


@pytest.fixture(scope="module")
def out(found, tmp_path_factory):
    folder = tmp_path_factory.mktemp("page") / "new"
    assert write_page(folder, made.about(), [found]) == folder / "index.html"
    return folder


def names_in(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def read(path):
    """Read a table to the last bit, with names such as "NA" as they are."""
    return pd.read_csv(path, float_precision="round_trip", keep_default_na=False, na_values=[""])


TABLES = {"genes", "stand-ins", "patterns", "latents", "labels", "accuracy", "training"}


def test_page_tables_and_figures_are_written_and_nothing_else(out, found):
    expected = {"index.html"} | {f"{name}.csv" for name in TABLES}
    expected |= {f"figures/{name}.{ending}" for name in ALL for ending in ("png", "svg")}
    assert names_in(out) == expected
    assert (out / "index.html").read_text() == render(made.about(), [found])


def test_genes_read_back_equal(out, found):
    table = read(out / "genes.csv")
    chosen = table[table["rank"].notna()]
    selection = found.selection
    assert chosen["rank"].tolist() == [1, 2, 3, 4, 5, 6]
    assert chosen["name"].tolist() == made.NAMES[selection.features].tolist()
    np.testing.assert_array_equal(chosen["column"], selection.features)
    np.testing.assert_array_equal(chosen["gain"], selection.gains)
    np.testing.assert_array_equal(chosen["chance_mean"], selection.chance.mean)
    np.testing.assert_array_equal(chosen["exceedance"], selection.chance.exceedance)
    np.testing.assert_array_equal(chosen["share_on"], found.share_on)
    np.testing.assert_array_equal(chosen["coverage"], found.coverage.curve)
    assert chosen["p_value"].isna().all()
    assert chosen["by_chance"].tolist() == [0] * 6
    others = table[table["rank"].isna()]
    together = {int(column) for features in found.by_start for column in features}
    assert set(others["column"]) == together - set(selection.features.tolist())
    starts = [sum(column in f for f in found.by_start) for column in table["column"]]
    assert table["starts"].tolist() == starts


def test_patterns_read_back_equal(out, found):
    table = read(out / "patterns.csv")
    states = table[[f"state_{rank}" for rank in range(1, 7)]].to_numpy()
    np.testing.assert_array_equal(states, found.patterns.states)
    np.testing.assert_array_equal(table["synthetic"], found.patterns.counts)
    np.testing.assert_array_equal(table["real"], found.real_counts)
    np.testing.assert_array_equal(table["real_share"], found.real_counts / found.num_cells)
    np.testing.assert_array_equal(table[["x", "y"]], found.points)
    for row, counts in zip(table.itertuples(), found.by_label.counts, strict=True):
        if counts.any():
            assert row.label == found.by_label.labels[counts.argmax()]
        else:
            assert pd.isna(row.label)


def test_latents_stand_ins_labels_and_training_read_back_equal(out, found):
    latents = read(out / "latents.csv")
    np.testing.assert_array_equal(latents["entropy"], found.coverage.entropy)
    np.testing.assert_array_equal(latents["share"], found.coverage.shares[-1])
    assert latents["share"].isna().sum() == 1  # the idle one
    stand_ins = read(out / "stand-ins.csv")
    np.testing.assert_array_equal(stand_ins["rank"] - 1, found.stand_ins.steps)
    np.testing.assert_array_equal(stand_ins["shared"], found.stand_ins.shared)
    assert stand_ins["stand_in"].tolist() == made.NAMES[found.stand_ins.features].tolist()
    labels = read(out / "labels.csv")
    np.testing.assert_array_equal(labels["cells"], found.by_label.counts.ravel())
    accuracy = read(out / "accuracy.csv").set_index("features")
    assert accuracy.loc["random", "balanced_accuracy"] == found.by_label.accuracy["random"][0]
    training = read(out / "training.csv")
    for start, course in enumerate(found.courses, 1):
        own = training[training["start"] == start]
        np.testing.assert_array_equal(own["held_out"], course.held_out)
        assert own[own["chosen"] == 1]["epoch"].tolist() == [course.chosen]


def test_names_are_left_as_they_are(found, tmp_path, monkeypatch):
    monkeypatch.setattr(writing.svg, "as_png", lambda figure: b"png")  # to be quick
    about = odd_about(found)
    write_page(tmp_path, about, [found])
    with open(tmp_path / "genes.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    chosen = [row["name"] for row in rows if row["rank"]]
    assert chosen == about.names[found.selection.features].tolist()
    assert "=1+1" in chosen
    assert '"=1+1"' in (tmp_path / "genes.csv").read_text()  # quoted
    assert names_in(tmp_path) == {"index.html"} | {f"{name}.csv" for name in TABLES} | {
        f"figures/{name}.{ending}" for name in ALL for ending in ("png", "svg")
    }


def test_several_models_have_files_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr(writing.svg, "as_png", lambda figure: b"png")  # to be quick
    nothing = made.nothing_found()
    write_page(tmp_path / "kinds", made.about(), [nothing, nothing._replace(model="DBM")])
    assert {"genes-vae.csv", "genes-dbm.csv", "figures/training-dbm.svg"} <= names_in(
        tmp_path / "kinds"
    )
    assert "genes.csv" not in names_in(tmp_path / "kinds")
    # The key of latents is a word of the data, and may be any.
    write_page(tmp_path / "keys", made.about(), [nothing._replace(model="../../x"), nothing])
    assert {"genes-1.csv", "genes-2.csv"} <= names_in(tmp_path / "keys")
    assert names_in(tmp_path) == {
        f"{folder}/{name}" for folder in ("kinds", "keys") for name in names_in(tmp_path / folder)
    }


def test_nothing_is_written_if_something_fails(found, tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "render_with", lambda *_: 1 / 0)
    monkeypatch.setattr(writing.svg, "as_png", lambda figure: b"png")
    with pytest.raises(ZeroDivisionError):
        write_page(tmp_path / "new", made.about(), [found])
    assert not (tmp_path / "new").exists()


def test_the_page_comes_last_and_nothing_half_written_remains(tmp_path, monkeypatch):
    written = []
    replace_file = writing.replace_file

    def fail_at_the_page(path, write):
        written.append(path.name)
        if path.name == "index.html":
            raise OSError("disk full")
        replace_file(path, write)

    monkeypatch.setattr(writing, "replace_file", fail_at_the_page)
    with pytest.raises(OSError, match="disk full"):
        write_page(tmp_path, made.about(), [made.nothing_found()])
    assert written[-1] == "index.html"
    assert len(names_in(tmp_path)) == len(written) - 1
    assert not [name for name in names_in(tmp_path) if name.endswith((".part", ".html"))]
