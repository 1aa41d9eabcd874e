"""Cases for files of models, files of cells, and command lines."""

import contextlib
import io
import json
import shlex
import tempfile
from functools import cache
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from experiments.__main__ import main
from experiments.studies.catalogue import STUDIES
from models import load_state, save_state, storage
from tests.experiments.explore.made_files import made_counts, made_logs, write_annotated, write_csv
from tests.fuzz.contract import ViolationError, check_sentence
from tests.fuzz.values import anything, one_of, some
from tests.models import toy

_OWN = tempfile.TemporaryDirectory(prefix="loglin-fuzz-")
FOLDER = Path(_OWN.name)


def damaged(rng, content):
    """Change, remove, repeat or insert some bytes."""
    content = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        place = rng.integers(0, len(content) + 1)
        kind = rng.integers(4)
        if kind == 0 and place < len(content):
            content[place] = rng.integers(256)
        elif kind == 1:
            del content[place:]
        elif kind == 2:
            content[place:place] = (
                rng.integers(256, size=rng.integers(1, 20)).astype(np.uint8).tobytes()
            )
        else:
            del content[place : place + rng.integers(1, 50)]
    return bytes(content)


@cache
def saved_models():
    files = []
    configs = [("VAE", toy.VAE), ("RBM", toy.rbm_config(num_chains=30)), ("DBM", toy.DBM)]
    for kind, config in configs:
        blank = storage._blank(kind, config)
        state = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), blank)
        save_state(FOLDER / f"{kind}.npz", config, state)
        files.append((FOLDER / f"{kind}.npz").read_bytes())
    return files


def states(rng):
    """Read a model whose file is damaged, or whose settings were changed with a correct hash."""
    content = one_of(rng, saved_models())
    path = FOLDER / "state.npz"
    if rng.random() < 0.5:
        path.write_bytes(damaged(rng, content))
        load_state(path)
        return
    with np.load(io.BytesIO(content)) as file:
        arrays = {name: file[name] for name in file.files}
    header = json.loads(str(arrays.pop("header")))
    header.pop("sha256")
    for _ in range(rng.integers(1, 3)):
        part = one_of(rng, ["settings", "settings", "settings", "arrays", "header"])
        value = one_of(rng, [_plain(anything(rng)), int(10 ** rng.integers(1, 12)), [10**9] * 3])
        if part == "settings" and isinstance(header.get("settings"), dict):
            header["settings"][one_of(rng, [*header["settings"], "other"])] = value
        elif part == "arrays":
            name = one_of(rng, list(arrays))
            arrays[name] = one_of(
                rng, [arrays[name][..., None], arrays[name].astype("f2"), np.zeros(0)]
            )
        else:
            header[one_of(rng, [*header, "other"])] = value
    header["sha256"] = storage._digest(header, arrays)
    np.savez(path, header=json.dumps(header), **arrays)
    load_state(path)


def _plain(value):
    """Return what JSON can hold."""
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return 10**9
    return value


@cache
def files_of_cells():
    np.savez(FOLDER / "a.npz", x=made_counts(), features=list("abcd"))
    write_annotated(FOLDER / "a.h5ad", made_logs())
    write_csv(FOLDER / "a.csv", made_counts(), labels=["a", "b"] * 30)
    write_csv(FOLDER / "a.tsv", made_logs(), sep="\t")
    return {
        suffix: (FOLDER / f"a{suffix}").read_bytes() for suffix in (".npz", ".h5ad", ".csv", ".tsv")
    }


EXPLORING = {
    "--labels": ["type", "none", ""],
    "--layer": ["x"],
    "--genes": ["2", "0", "var:chosen", "var:length", "/", "-1"],
    "--cut": ["detected", "median", "0.3", "1", "nan", "x"],
    "--levels": ["2", "3", "17", "x"],
    "--model": ["dbm", "vae dbm", "vae vae", ""],
    "--latents": ["1", "0", "1e3"],
    "--max-epochs": ["1", "-1"],
    "--num-samples": ["100", "99", "2.5"],
    "--use-rep": ["X_pca"],
    "--num-features": ["1", "0", "101"],
    "--permutations": ["1", "-1"],
    "--seed": ["0", "-1", "4294967296"],
    "--write": ["/dev/null/x.h5ad", "x.csv", ""],
    "--force": [""],
    "--unknown": ["3"],
}
STUDYING = {
    "--seed": ["0", "-1", "4294967295", "x"],
    "--seeds": ["0", "1", "-3"],
    "--num-epochs": ["0", "1", "1e9", "99999999999999999999"],
    "--num-selected": ["0", "3", "51", "-1"],
    "--batch-size": ["0", "7", "100000"],
    "--num-latents": ["0", "3", "x"],
    "--learning-rate": ["nan", "-1", "0", "inf", "1e-3"],
    "--models": ["vae", "vae vae", "dbm vae", "none"],
    "--workers": ["-1", "0", "1001", "x"],
    "--scheduler": ["tcp://x", "x"],
    "--small": [""],
    "--force": [""],
    "--out": ["/dev/null", "/dev/null/x"],
    "--cuts": ["0.5", "0.5 0.6", "", "x"],
    "--unknown": [""],
}


class ReachedError(Exception):
    """The command line and the files were right; what would follow is hours of work."""


def _stop(*_, **__):
    raise ReachedError


def _nowhere(*_):
    return contextlib.nullcontext()


def commands(rng):
    """Call the command line up to the point where training would begin."""
    if rng.random() < 0.4:
        words = [one_of(rng, [*STUDIES, "paper", "nothing", "--help", ""])]
        options = some(rng, STUDYING)
    else:
        suffix, content = one_of(rng, list(files_of_cells().items()))
        path = FOLDER / f"cells{one_of(rng, [suffix, suffix, suffix, '.csv', '.npz', '.gz', ''])}"
        path.write_bytes(content if rng.random() < 0.3 else damaged(rng, content))
        words = ["explore", str(one_of(rng, [path, path, path, path, FOLDER, FOLDER / "no.csv"]))]
        options = some(rng, EXPLORING) if rng.random() < 0.7 else {}
    for name, value in options.items():
        words += [name, *value.split()]
    _run(words)


def _run(words):
    from unittest import mock

    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        contextlib.chdir(FOLDER),
        mock.patch("experiments.command_line.run_study", _stop),
        mock.patch("experiments.command_line.executor", _nowhere),
        mock.patch("experiments.explore.command.claim", _stop),
    ):
        try:
            main(list(words))
        except ReachedError:
            return
        except SystemExit as error:
            told = error.code
    if told in (0, None):
        return
    if told == 2:  # the parser has told what is wrong with an option
        text = " ".join(err.getvalue().split())
        if not text or "Traceback" in text:
            raise ViolationError(f"loglin {shlex.join(words)}: {text!r}")
        return
    text = str(told)
    if not text.startswith("error: ") or "Error" in text.split(":")[1]:
        raise ViolationError(f"loglin {shlex.join(words)}: {text!r}")
    check_sentence(text.replace(str(FOLDER), "`").replace("cells", "`"))


KINDS = {"states": states, "commands": commands}
