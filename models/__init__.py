"""Deep generative models as pure functions in JAX (Sections 2.1 and 2.4 of the paper).

A model is a `GenerativeModel`: the functions `init`, `epoch` and `sample`, and for most models
`bound`. What a model has learned is in its state, which the functions take and return. All numbers
are float32.
"""

from models.base import GenerativeModel, Samples
from models.boltzmann.pretraining import pretraining
from models.boltzmann.rbm import RBMConfig, rbm
from models.boltzmann.sampling import effective_number
from models.dbm import DBMConfig, dbm, snapshots_with_pretraining
from models.stopping import Stopped, stop_early
from models.storage import load_state, save_state
from models.training import (
    DivergedError,
    Drawn,
    IdleLatentsWarning,
    sample_at,
    snapshots,
    train,
    train_starts,
)
from models.vae import VAEConfig, vae

__all__ = [
    "DBMConfig",
    "DivergedError",
    "Drawn",
    "GenerativeModel",
    "IdleLatentsWarning",
    "RBMConfig",
    "Samples",
    "Stopped",
    "VAEConfig",
    "dbm",
    "effective_number",
    "load_state",
    "pretraining",
    "rbm",
    "sample_at",
    "save_state",
    "snapshots",
    "snapshots_with_pretraining",
    "stop_early",
    "train",
    "train_starts",
    "vae",
]
