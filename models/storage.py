"""Keep trained models in files that are safe to open, whoever wrote them.

A file is a numpy archive of plain arrays and one text: the kind of model, its settings, a schema
version and a hash of all of it. Nothing in it is executed, and there is no pickle.
"""

import hashlib
import json
import os
import zipfile
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import IO, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from models.base import GenerativeModel
from models.boltzmann.dbm import DBMConfig, dbm
from models.boltzmann.pretraining import pretraining
from models.boltzmann.rbm import RBMConfig, rbm
from models.training import outline
from models.vae import VAEConfig, vae

SCHEMA = 1
KINDS: dict[str, tuple[Any, Callable[[Any], GenerativeModel]]] = {
    "VAE": (VAEConfig, vae),
    "RBM": (RBMConfig, rbm),
    "DBM": (DBMConfig, dbm),
    "DBM in pretraining": (DBMConfig, pretraining),
}
DAMAGE = (
    ValueError, KeyError, TypeError, AttributeError, EOFError, NotImplementedError,
    zipfile.BadZipFile, OverflowError, MemoryError,
)  # fmt: skip
"""What reading a file that is not ours can come to; zipfile says that it does not know a way of
compression with a NotImplementedError."""


class Saved(NamedTuple):
    """A trained model."""

    config: Any
    """`VAEConfig`, `RBMConfig` or `DBMConfig`; `vae`, `rbm` or `dbm` of it is the model."""
    state: Any
    """What it has learned."""


def save_state(path: str | Path, config: Any, state: Any) -> None:
    """Write a trained model to a file, which is complete or not there.

    Parameters
    ----------
    path : path
        An existing file is replaced.
    config : VAEConfig, RBMConfig or DBMConfig
    state
        As of the model of this config, trained with its own optimiser; for a DBM also as of
        `pretraining`.

    Raises
    ------
    ValueError
        If the config is none, or the state is not one of its model's.
    OSError
        If the file cannot be written.
    """
    kinds = [kind for kind, (config_type, _) in KINDS.items() if type(config) is config_type]
    if not kinds:
        raise ValueError(f"`config` must be a VAEConfig, RBMConfig or DBMConfig, got {config!r}")
    kinds = [kind for kind in kinds if outline(state) == outline(_blank(kind, config))]
    if not kinds:
        raise ValueError(
            "`state` must be one of the model that `config` describes, with its own optimiser, "
            f"got {type(state).__name__}"
        )
    arrays = {f"array_{i}": np.asarray(leaf) for i, leaf in enumerate(jax.tree.leaves(state))}
    header = {"schema": SCHEMA, "kind": kinds[0], "settings": asdict(config)}
    header["sha256"] = _digest(header, arrays)
    text = json.dumps(header)
    replace_file(Path(path), lambda file: np.savez(file, allow_pickle=False, header=text, **arrays))


def load_state(path: str | Path) -> Saved:
    """Read a trained model; training can go on from it, see `snapshots`.

    Raises
    ------
    ValueError
        If the file is not one of `save_state`, is of a newer schema, or has been changed.
    OSError
        If the file cannot be read.
    """
    try:
        with open(Path(path), "rb") as opened, np.load(opened, allow_pickle=False) as file:
            header = json.loads(str(file["header"]))
            arrays = {name: file[name] for name in file.files if name != "header"}
        expected = header.pop("sha256")
        schema, kind, settings = header["schema"], str(header["kind"]), header["settings"]
    except DAMAGE:
        raise ValueError(f"`path` must be a file written by `save_state`, got {path}") from None
    if schema != SCHEMA:
        raise ValueError(f"`path` must be a file of schema {SCHEMA}, got schema {schema!r}: {path}")
    if _digest(header, arrays) != expected:
        raise ValueError(f"`path` must be a file as it was written, got a changed one: {path}")
    if kind not in KINDS:
        raise ValueError(f"`path` must hold one of {', '.join(KINDS)}, got {kind!r}: {path}")
    # The hash keeps out accidents, not authors: what follows is checked as well.
    try:
        as_tuples = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in settings.items()
        }
        config = KINDS[kind][0](**as_tuples)
        blank = _blank(kind, config)
        leaves = [jnp.asarray(arrays[f"array_{i}"]) for i in range(len(arrays))]
        fits = outline(leaves)[1] == outline(blank)[1]
    except DAMAGE as error:
        raise ValueError(f"`path` must hold the settings of a {kind}: {error}: {path}") from None
    if not fits:
        raise ValueError(f"`path` must hold the arrays of a {kind} with its settings: {path}")
    return Saved(config, jax.tree.unflatten(jax.tree.structure(blank), leaves))


def replace_file(path: Path, write: Callable[[IO[bytes]], Any]) -> None:
    """Write a file under another name, and give it its own once it is complete on the disk."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with open(part, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _blank(kind: str, config: Any) -> Any:
    """Return shapes and types of a model's state, without computing it."""
    _, model = KINDS[kind]
    is_deep = isinstance(config, DBMConfig)
    num_features = config.layer_sizes[0] if is_deep else config.num_features
    # One cell will do: batches do not show in the state.
    single = {"batch_size": 1} | ({"fine_batch_size": 1} if is_deep else {})
    config, x = replace(config, **single), np.zeros((1, num_features), np.int8)
    return jax.eval_shape(lambda key: model(config).init(key, x), jax.random.key(0))


def _digest(header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> str:
    """Return a hash of the header and of names, types, shapes and bytes of the arrays."""
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
