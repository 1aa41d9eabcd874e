import json
import pickle
import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from models import dbm, load_state, pretraining, rbm, save_state, train, vae
from tests.models import toy
from tests.models.toy import assert_same, epoch_by_epoch

# With tuples and numbers among the settings, and chains and the optimiser's memory in the state.
MODELS = {
    "pretraining": (toy.BLOCKS, pretraining, toy.cells_of(toy.BLOCKS)[0]),
    "VAE": (toy.VAE, vae, toy.MIXED),
    "RBM": (toy.rbm_config(num_chains=30, momentum=0.5), rbm, toy.PAIRS),
    "CD": (
        toy.rbm_config(num_steps=3, weight_decay=1e-3, halving_updates=5000.0),
        rbm,
        toy.PAIRS,
    ),
    "DBM": (toy.DBM, dbm, toy.CELLS),
}


@pytest.fixture(scope="module")
def trained():
    """Return the DBM's settings, and its state after one epoch."""
    return toy.DBM, train(jax.random.key(0), dbm(toy.DBM), toy.CELLS, 1)


@pytest.fixture
def saved(trained, tmp_path):
    save_state(tmp_path / "model.npz", *trained)
    return tmp_path / "model.npz", *trained


@pytest.mark.parametrize("name", MODELS)
def test_what_is_saved_comes_back_and_trains_on(tmp_path, name):
    config, factory, x = MODELS[name]
    *_, (state, _), (whole, _) = epoch_by_epoch(jax.random.key(0), factory(config), x, 3)
    save_state(tmp_path / "model.npz", config, state)
    loaded = load_state(str(tmp_path / "model.npz"))
    assert loaded.config == config
    assert factory(loaded.config) is factory(config)
    assert_same(loaded.state, state)
    resume = 2, loaded.state
    *_, (last, _) = epoch_by_epoch(jax.random.key(0), factory(config), x, 3, resume=resume)
    assert_same(last, whole)
    assert [path.name for path in tmp_path.iterdir()] == ["model.npz"]


def rewrite(path, change):
    """Change the parts of a saved file, but not its hash."""
    with np.load(path) as file:
        parts = {name: file[name] for name in file.files}
    header = json.loads(str(parts.pop("header")))
    change(header, parts)
    np.savez(path, header=json.dumps(header), **parts)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda header, arrays: arrays["array_0"].__iadd__(1), "got a changed one"),
        (lambda header, arrays: header["settings"].update(num_chains=51), "got a changed one"),
        (
            lambda header, arrays: header.update(schema=2),
            "must be a file of schema 1, got schema 2",
        ),
        (lambda header, arrays: arrays.pop("array_3"), "got a changed one"),
        (lambda header, arrays: header.pop("kind"), "must be a file written by `save_state`"),
    ],
)
def test_a_changed_file_is_refused(saved, change, message):
    path, _, _ = saved
    rewrite(path, change)
    with pytest.raises(ValueError, match=message):
        load_state(path)


def test_other_files_are_refused(saved, tmp_path):
    path, _, _ = saved
    whole = path.read_bytes()
    for content in (b"", b"hello", whole[: len(whole) // 2], pickle.dumps({"header": 1})):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="`path` must be a file written by `save_state`"):
            load_state(path)
    for at in (whole.rindex(b"PK\x01\x02") + 8, whole.rindex(b"PK\x01\x02") + 10):
        # A file in the archive that claims to be encrypted, or compressed in an unknown way.
        path.write_bytes(whole[:at] + bytes([whole[at] | 1]) + whole[at + 1 :])
        with pytest.raises(ValueError, match="`path` must be a file written by `save_state`"):
            load_state(path)
    np.savez(path, header=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="`path` must be a file written by `save_state`"):
        load_state(path)


@pytest.mark.parametrize(
    ("name", "error", "reason"),
    [
        ("none.npz", FileNotFoundError, "No such file or directory"),
        ("", IsADirectoryError, "Is a directory"),
    ],
)
def test_a_missing_file_gets_one_sentence_that_says_what_was_expected(
    tmp_path, name, error, reason
):
    path = tmp_path / name
    expected = f"`path` must be a file written by `save_state`, got {path}: {reason}"
    with pytest.raises(error, match=f"^{re.escape(expected)}$"):
        load_state(path)


def test_a_file_with_a_valid_hash_and_wrong_arrays_is_refused(saved, monkeypatch):
    path, _, _ = saved

    def change(header, arrays):
        arrays["array_0"] = np.zeros(3, np.float32)

    rewrite(path, change)
    with np.load(path) as file:
        expected = json.loads(str(file["header"]))["sha256"]
    monkeypatch.setattr("models.storage._digest", lambda header, arrays: expected)
    with pytest.raises(ValueError, match="`path` must hold the arrays of a DBM"):
        load_state(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"settings": {"layer_sizes": [3, 6, 3], "unknown": 1}},
        {"settings": []},
        {"settings": {"layer_sizes": [3, 10**12]}},
        {"settings": {"layer_sizes": [3, 6], "batch_size": 10**12}},
        {"kind": ["DBM"]},
    ],
)
def test_a_file_made_up_with_a_valid_hash_is_refused(saved, monkeypatch, changes):
    path, _, _ = saved
    rewrite(path, lambda header, arrays: header.update(changes))
    with np.load(path) as file:
        expected = json.loads(str(file["header"]))["sha256"]
    monkeypatch.setattr("models.storage._digest", lambda header, arrays: expected)
    with pytest.raises(ValueError, match="`path` must hold"):
        load_state(path)


def test_a_file_made_up_for_more_features_than_it_has_numbers_costs_no_memory(saved, monkeypatch):
    path, _, _ = saved
    rewrite(
        path,
        lambda header, arrays: header["settings"].update(layer_sizes=[2**31, 6, 3], levels=None),
    )
    with np.load(path) as file:
        expected = json.loads(str(file["header"]))["sha256"]
    monkeypatch.setattr("models.storage._digest", lambda header, arrays: expected)

    def never(kind, config):
        raise AssertionError

    monkeypatch.setattr("models.storage._blank", never)
    with pytest.raises(ValueError, match="`path` must hold .*too many features, 2147483648, for"):
        load_state(path)


def test_files_can_be_read_as_others_of_this_user_can(saved):
    path, _, _ = saved
    other = path.with_name("other")
    other.touch()
    assert path.stat().st_mode == other.stat().st_mode


def test_a_state_of_another_model_is_refused(saved):
    path, config, state = saved
    before = path.read_bytes()
    with pytest.raises(ValueError, match="`state` must be one of the model that `config`"):
        save_state(path, MODELS["RBM"][0], state)
    other = dbm(config, fine_optimizer=optax.adam(1e-3))
    with pytest.raises(ValueError, match="with its own optimiser"):
        save_state(path, config, train(jax.random.key(0), other, toy.CELLS, 0))
    with pytest.raises(ValueError, match="`config` must be a VAEConfig, RBMConfig or DBMConfig"):
        save_state(path, {"num_features": 6}, state)
    assert path.read_bytes() == before


def test_nothing_half_written_is_left(saved, monkeypatch):
    path, config, state = saved
    before = path.read_bytes()

    def full(*_):
        raise OSError("disk full")

    monkeypatch.setattr("models.storage.os.fsync", full)
    with pytest.raises(OSError, match="disk full"):
        save_state(path, config, jax.tree.map(jnp.zeros_like, state))
    assert path.read_bytes() == before
    assert [found.name for found in path.parent.iterdir()] == ["model.npz"]
