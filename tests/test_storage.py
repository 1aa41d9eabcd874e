import json
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from models import (
    DBMConfig,
    RBMConfig,
    VAEConfig,
    dbm,
    load_state,
    pretraining,
    rbm,
    save_state,
    snapshots,
    train,
    vae,
)

X = np.eye(6, dtype=np.int8).repeat(4, axis=0)
MODELS = {
    "pretraining": (DBMConfig((6, 4, 2), pretrain_epochs=4), pretraining),
    "VAE": (VAEConfig(6, 2, encoder_hidden=(4, 3), levels=(2, 2, 2, 2, 2, 3)), vae),
    "RBM": (RBMConfig(6, 3, num_chains=5, momentum=0.5), rbm),
    "CD": (RBMConfig(6, 3, halving_updates=10.0), rbm),
    "DBM": (DBMConfig((6, 4, 2), pretrain_epochs=1, num_chains=7, blocks=(0, 0, 0, 1, 1, 1)), dbm),
}


@pytest.fixture
def saved(tmp_path):
    config, factory = MODELS["DBM"]
    state = train(jax.random.key(0), factory(config), X, 1)
    save_state(tmp_path / "model.npz", config, state)
    return tmp_path / "model.npz", config, state


@pytest.mark.parametrize("name", MODELS)
def test_what_is_saved_comes_back_and_trains_on(tmp_path, name):
    config, factory = MODELS[name]
    state = train(jax.random.key(0), factory(config), X, 2)
    save_state(tmp_path / "model.npz", config, state)
    loaded = load_state(str(tmp_path / "model.npz"))
    assert loaded.config == config
    assert factory(loaded.config) is factory(config)
    assert jax.tree.structure(loaded.state) == jax.tree.structure(state)
    jax.tree.map(np.testing.assert_array_equal, loaded.state, state)
    whole = train(jax.random.key(0), factory(config), X, 4)
    looks = snapshots(jax.random.key(0), factory(config), X, [4], resume=(2, loaded.state))
    jax.tree.map(np.testing.assert_array_equal, next(looks)[1], whole)
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
        (lambda header, arrays: header["settings"].update(num_chains=8), "got a changed one"),
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
    np.savez(path, header=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="`path` must be a file written by `save_state`"):
        load_state(path)
    with pytest.raises(FileNotFoundError):
        load_state(tmp_path / "none.npz")


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
        {"settings": {"layer_sizes": [6, 4, 2], "unknown": 1}},
        {"settings": []},
        {"settings": {"layer_sizes": [6, 10**12]}},
        {"settings": {"layer_sizes": [6, 4], "batch_size": 10**12}},
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
        save_state(path, config, train(jax.random.key(0), other, X, 0))
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
