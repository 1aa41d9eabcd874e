import hashlib
import logging
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pooch
import pytest

from experiments.data import cortex
from experiments.data.cortex import (
    MARKED_GENES,
    PAPER_COMMON_GENES,
    PAPER_DBM_GENES,
    CortexConfig,
    gene_columns,
    load_cortex,
    locate,
    panel_genes,
)
from loglin import dichotomize

NAME = "celltype.txt"
CONTENT = b"Vip\nSst\n" * 5000


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A server of `CONTENT` in place of the authors' repository, with an empty cache."""
    monkeypatch.delenv("LOGLIN_DATA_DIR", raising=False)
    monkeypatch.setattr(pooch, "os_cache", lambda _: tmp_path)
    monkeypatch.setitem(cortex.SHA256, NAME, hashlib.sha256(CONTENT).hexdigest())
    pooch.get_logger().setLevel(logging.ERROR)
    answers = {"status": 200, "body": CONTENT, "length": len(CONTENT)}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(answers["status"])
            self.send_header("Content-Length", str(answers["length"]))
            self.end_headers()
            self.wfile.write(answers["body"])

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", answers, tmp_path
        server.shutdown()


def files_in(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_file_is_downloaded_once(served):
    url, answers, cache = served
    path = locate(NAME, url)
    assert path.read_bytes() == CONTENT
    answers["status"] = 500
    assert locate(NAME, url) == path
    assert files_in(cache) == [path]


def test_a_changed_file_is_refused(served):
    url, answers, cache = served
    answers["body"] = CONTENT[:-1] + b"x"
    with pytest.raises(OSError, match="what came is not the published file .expected sha256"):
        locate(NAME, url)
    assert files_in(cache) == []


def test_a_truncated_file_is_refused(served):
    url, answers, cache = served
    answers["body"] = CONTENT[:1000]
    with pytest.raises(OSError, match="`celltype.txt` is not in LOGLIN_DATA_DIR .not set.*: "):
        locate(NAME, url)
    assert files_in(cache) == []


def test_a_missing_file_is_told(served):
    url, answers, cache = served
    answers["status"] = 404
    with pytest.raises(OSError, match="could not be downloaded from http.*404"):
        locate(NAME, url)
    assert files_in(cache) == []


def test_a_missing_network_is_told(served):
    *_, cache = served
    with pytest.raises(OSError, match="the server cannot be reached or broke off"):
        locate(NAME, "http://127.0.0.1:9")
    assert files_in(cache) == []


def test_the_folder_of_the_user_comes_first(served, tmp_path, monkeypatch):
    monkeypatch.setenv("LOGLIN_DATA_DIR", str(tmp_path))
    (tmp_path / NAME).write_bytes(CONTENT)
    assert locate(NAME, "http://127.0.0.1:9") == tmp_path / NAME
    (tmp_path / NAME).write_bytes(CONTENT[:100])
    with pytest.raises(OSError, match="celltype.txt` is not the published file: expected sha256"):
        locate(NAME, "http://127.0.0.1:9")


def test_panels():
    names, classes = panel_genes("markers")
    assert len(names) == 100
    assert len(panel_genes("receptors")[0]) == 80
    assert panel_genes("both")[0].tolist() == sorted(panel_genes("both")[0])
    assert set(classes) == {"gabaergic", "glutamatergic", "non-neural"}
    assert set(PAPER_COMMON_GENES) | set(MARKED_GENES) <= set(PAPER_DBM_GENES) <= set(names)


def test_unknown_genes_and_panels_are_named():
    with pytest.raises(ValueError, match="`names` must be genes of the panel, got Nope, Nada"):
        gene_columns(panel_genes("markers")[0], ["Vip", "Nope", "Nada"])
    with pytest.raises(ValueError, match="`panel` must be one of .*got 'marker'"):
        load_cortex("marker")


@pytest.mark.usefixtures("cortex_data")
def test_the_published_cells():
    cells = load_cortex()
    assert cells.expression.shape == (1525, 100)
    assert (cells.expression >= 0).all()
    assert len(cells.cell_type) == len(cells.cell_class) == 1525
    assert len(set(cells.cell_type)) == 15
    assert (cells.cell_class == "GABA").sum() == 761
    assert load_cortex("receptors").expression.shape == (1525, 80)
    # The names of the rows were recovered: the three great markers must be on in their types.
    on = dichotomize(cells.expression)
    for gene in MARKED_GENES:
        column = gene_columns(cells.genes, [gene])[0]
        assert on[cells.cell_type == gene, column].mean() > 0.98
        assert on[cells.cell_type == "L4", column].mean() < 0.2
    both = load_cortex("both")
    vip = gene_columns(both.genes, ["Vip"])[0]
    np.testing.assert_array_equal(
        both.expression[:, vip], cells.expression[:, gene_columns(cells.genes, ["Vip"])[0]]
    )


def test_a_split_deals_out_every_cell_once():
    config = CortexConfig()
    training, held_out = config.split(3)
    assert len(training) == config.num_training == 964
    assert sorted([*training, *held_out]) == list(range(1525))
    assert (config.split(3).training == training).all()
    assert (config.split(4).training != training).any()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"panel": "all"}, "`panel` must be one of"),
        ({"cut": 1.5}, "`cut` must be between 0 and 1, got 1.5"),
        ({"share_for_training": 0.0001}, "`share_for_training` must leave cells for training"),
    ],
)
def test_bad_settings_get_one_sentence(settings, message):
    with pytest.raises(ValueError, match=message):
        CortexConfig(**settings)
