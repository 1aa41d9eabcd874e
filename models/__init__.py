"""Deep generative models as pure functions in JAX (Sections 2.1 and 2.4 of the paper).

A model is a `GenerativeModel`: the functions `init`, `epoch` and `sample`, and for most `bound`.
What it learns is carried in its state, which the functions take and return. float32 throughout.
"""

from models.base import GenerativeModel, Samples
from models.dbm import DBMConfig, dbm
from models.pretraining import pretraining
from models.rbm import RBMConfig, rbm
from models.storage import load_state, save_state
from models.training import DivergedError, snapshots, train, train_starts
from models.vae import VAEConfig, vae

__all__ = [
    "DBMConfig",
    "DivergedError",
    "GenerativeModel",
    "RBMConfig",
    "Samples",
    "VAEConfig",
    "dbm",
    "load_state",
    "pretraining",
    "rbm",
    "save_state",
    "snapshots",
    "train",
    "train_starts",
    "vae",
]
