"""Save trained models to files that are safe to open, whoever wrote them.

A file is a numpy archive of plain arrays and one text: the kind of model, its settings, a schema
version and a hash of all of these. It contains no pickle, and nothing in it is executed.
"""

import hashlib
import json
import os
import zipfile
import zlib
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
from models.validation import shown

SCHEMA = 1
KINDS: dict[str, tuple[Any, Callable[[Any], GenerativeModel]]] = {
    "VAE": (VAEConfig, vae),
    "RBM": (RBMConfig, rbm),
    "DBM": (DBMConfig, dbm),
    "DBM in pretraining": (DBMConfig, pretraining),
}
DAMAGE = (
    ValueError, KeyError, TypeError, AttributeError, EOFError, RuntimeError, OverflowError,
    MemoryError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""Errors that reading a damaged or foreign file can raise; zipfile raises a RuntimeError where a
file claims to be encrypted, or its child NotImplementedError for an unknown compression."""


class Saved(NamedTuple):
    """A trained model, as read from a file."""

    config: Any
    """`VAEConfig`, `RBMConfig` or `DBMConfig`; make the model with `vae`, `rbm` or `dbm`."""
    state: Any
    """State of the model."""


def save_state(path: str | Path, config: Any, state: Any) -> None:
    """Save a trained model to a file; if this fails, no incomplete file is left.

    Parameters
    ----------
    path : path
        An existing file is replaced.
    config : VAEConfig, RBMConfig or DBMConfig
        Settings of the model.
    state : NamedTuple
        State of the model with these settings and its default optimiser; for a DBM also a state of
        `pretraining`.

    Raises
    ------
    ValueError
        If `config` is not one of these, or `state` is not a state of its model.
    OSError
        If the file cannot be written.

    See Also
    --------
    load_state : Reads the file.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> config = VAEConfig(num_features=4, num_latents=2, batch_size=2)
    >>> state = vae(config).init(jax.random.key(0), np.array([[0, 0, 1, 1], [1, 1, 0, 0]] * 4))
    >>> with TemporaryDirectory() as folder:
    ...     save_state(Path(folder, "state.npz"), config, state)
    ...     os.listdir(folder)
    ['state.npz']
    """
    kinds = [kind for kind, (config_type, _) in KINDS.items() if type(config) is config_type]
    if not kinds:
        raise ValueError(
            f"`config` must be a VAEConfig, RBMConfig or DBMConfig, got {shown(config)}"
        )
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
    """Read a trained model from a file; to continue its training see `resume` in `snapshots`.

    Parameters
    ----------
    path : path
        A file that `save_state` wrote.

    Returns
    -------
    Saved
        Settings and state, (config, state).

    Raises
    ------
    ValueError
        If the file was not written by `save_state`, has another schema version, or was changed.
    OSError
        If the file cannot be read.

    See Also
    --------
    save_state : Writes the file.
    snapshots : Goes on with the training.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> config = VAEConfig(num_features=4, num_latents=2, batch_size=2)
    >>> state = vae(config).init(jax.random.key(0), np.array([[0, 0, 1, 1], [1, 1, 0, 0]] * 4))
    >>> with TemporaryDirectory() as folder:
    ...     save_state(Path(folder, "state.npz"), config, state)
    ...     load_state(Path(folder, "state.npz")).config == config
    True
    """
    try:
        with open(Path(path), "rb") as opened, np.load(opened, allow_pickle=False) as file:
            header = json.loads(str(file["header"]))
            arrays = {name: file[name] for name in file.files if name != "header"}
        expected = header.pop("sha256")
        schema, kind, settings = header["schema"], str(header["kind"]), header["settings"]
    except OSError as error:
        reason = error.strerror or str(error)
        raise type(error)(
            f"`path` must be a file written by `save_state`, got {path}: {reason}"
        ) from None
    except DAMAGE:
        raise ValueError(f"`path` must be a file written by `save_state`, got {path}") from None
    if schema != SCHEMA:
        raise ValueError(
            f"`path` must be a file of schema {SCHEMA}, got schema {shown(schema)}: {path}"
        )
    if _digest(header, arrays) != expected:
        raise ValueError(f"`path` must be a file as it was written, got a changed one: {path}")
    if kind not in KINDS:
        raise ValueError(f"`path` must hold one of {', '.join(KINDS)}, got {shown(kind)}: {path}")
    # The hash detects accidental damage, but anyone can compute it, so check the contents as well.
    try:
        as_tuples = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in settings.items()
        }
        config = KINDS[kind][0](**as_tuples)
        # Every feature has a parameter; making the shapes of far more would take all memory.
        if _num_features(config) > sum(array.size for array in arrays.values()):
            raise ValueError(f"too many features, {_num_features(config)}, for its arrays")
        blank = _blank(kind, config)
        leaves = [jnp.asarray(arrays[f"array_{i}"]) for i in range(len(arrays))]
        fits = outline(leaves)[1] == outline(blank)[1]
    except DAMAGE as error:
        raise ValueError(f"`path` must hold the settings of a {kind}: {error}: {path}") from None
    if not fits:
        raise ValueError(f"`path` must hold the arrays of a {kind} with its settings: {path}")
    return Saved(config, jax.tree.unflatten(jax.tree.structure(blank), leaves))


def replace_file(path: Path, write: Callable[[IO[bytes]], Any]) -> None:
    """Write a file under a temporary name, and rename it when it is complete on the disk."""
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
    """Return the shapes and types of a model's state, without computing the state."""
    _, model = KINDS[kind]
    # One cell is enough, since the state does not depend on the batch size.
    single = {"batch_size": 1} | ({"fine_batch_size": 1} if isinstance(config, DBMConfig) else {})
    config, x = replace(config, **single), np.zeros((1, _num_features(config)), np.int8)
    return jax.eval_shape(lambda key: model(config).init(key, x), jax.random.key(0))


def _num_features(config: Any) -> int:
    return config.layer_sizes[0] if isinstance(config, DBMConfig) else config.num_features


def _digest(header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> str:
    """Return a hash of the header and of the names, types, shapes and bytes of the arrays."""
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
