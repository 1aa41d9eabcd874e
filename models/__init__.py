"""Deep generative models as pure functions in JAX (Sections 2.1 and 2.4 of the paper).

A model is a `GenerativeModel`: three functions `init`, `epoch` and `sample`. What it learns is
carried in its state, which the functions take and return. float32 throughout.
"""

from models.base import GenerativeModel, Samples
from models.training import snapshots, train
from models.vae import VAEConfig, vae

__all__ = ["GenerativeModel", "Samples", "VAEConfig", "snapshots", "train", "vae"]
