"""Which model a study trains: the VAE or the DBM of Section 2.4."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import jax
import numpy as np
from numpy.typing import NDArray

from models import (
    DBMConfig,
    GenerativeModel,
    VAEConfig,
    dbm,
    snapshots,
    snapshots_with_pretraining,
    vae,
)

ModelName = Literal["vae", "dbm"]
MODEL_NAMES: dict[ModelName, str] = {"vae": "VAE", "dbm": "DBM"}
PAPER_LEARNING_RATE: dict[ModelName, float] = {"vae": 1e-4, "dbm": 1e-3}
_OF_THE_DBM = (
    "fine_learning_rate", "centered_pretraining", "num_chains", "draws_per_chain",
    "sweeps_between_draws",
)  # fmt: skip


@dataclass(frozen=True)
class ModelSettings:
    """Settings of the model; the defaults are the paper's."""

    model: ModelName = "vae"
    """Variational autoencoder or deep Boltzmann machine."""
    num_latents: int = 10
    """Latents of the VAE, or units in the highest layer of the DBM."""
    batch_size: int = 1
    """Cells per gradient step (of the DBM: in pretraining). With more cells per step, everything
    happens at later epochs."""
    learning_rate: float | None = None
    """Learning rate: of Adam for the VAE (None: 0.0001), of gradient descent for the DBM (None:
    0.001)."""
    pretrain_share: float = 0.5
    """Share of the epochs in which a DBM is pretrained; in the others it is fine-tuned."""
    encoder_hidden: tuple[int, ...] | None = None
    """Widths of the hidden layers of the VAE's encoder; None: one as wide as the data."""
    fine_learning_rate: float | None = None
    """Learning rate of a DBM's fine-tuning, in batches of 10 cells; None: as in pretraining."""
    centered_pretraining: bool = False
    """Whether a DBM's pretraining uses centred gradients, as its fine-tuning does."""
    num_chains: int = 100
    """Persistent chains in a DBM's fine-tuning."""
    draws_per_chain: int = 1
    """Synthetic cells taken from each Gibbs chain of a DBM."""
    sweeps_between_draws: int = 20
    """Gibbs sweeps from one cell of a chain to the next."""

    @property
    def name(self) -> str:
        """The name of the model in texts."""
        return MODEL_NAMES[self.model]

    def describe(self, num_epochs: int) -> str:
        """Return a description of the model as the subject of a sentence."""
        if self.model == "vae":
            return f"A VAE with {self.num_latents} latents"
        return (
            f"A DBM with {self.num_latents} units in its highest layer "
            f"({self.num_pretraining(num_epochs)} epochs of pretraining, then fine-tuning)"
        )

    def num_pretraining(self, num_epochs: int) -> int:
        """Return how many of the epochs are pretraining of a DBM."""
        return round(self.pretrain_share * num_epochs)

    def check(self, num_genes: int, num_cells: int) -> None:
        """Check the settings for data of this size."""
        if self.model not in MODEL_NAMES:
            raise ValueError(f"`model` must be one of {tuple(MODEL_NAMES)}, got {self.model!r}")
        if not 0 <= self.pretrain_share <= 1:
            raise ValueError(f"`pretrain_share` must be from 0 to 1, got {self.pretrain_share!r}")
        if self.model == "vae" and self.pretrain_share != 0.5:
            raise ValueError("`pretrain_share` is for the DBM: a VAE has no pretraining")
        if self.model == "dbm" and self.encoder_hidden is not None:
            raise ValueError("`encoder_hidden` is for the VAE: a DBM has no encoder")
        if self.model == "vae":
            for name in _OF_THE_DBM:
                if getattr(self, name) != getattr(ModelSettings, name):
                    raise ValueError(
                        f"`{name}` is for the DBM and must be {getattr(ModelSettings, name)} for a "
                        f"VAE, got {getattr(self, name)}"
                    )
        self.vae(num_genes)
        if self.model == "dbm":
            self.dbm(num_genes, num_cells)
        if self.batch_size > num_cells:
            raise ValueError(
                "`batch_size` must be at most the number of cells for training: "
                f"expected up to {num_cells}, got {self.batch_size}"
            )

    def rate(self) -> float:
        """Return the learning rate."""
        return PAPER_LEARNING_RATE[self.model] if self.learning_rate is None else self.learning_rate

    def vae(self, num_genes: int) -> VAEConfig:
        """Return the settings of the VAE."""
        return VAEConfig(
            num_features=num_genes,
            num_latents=self.num_latents,
            encoder_hidden=self.encoder_hidden,
            batch_size=self.batch_size,
            learning_rate=self.rate(),
        )

    def dbm(self, num_genes: int, num_cells: int) -> DBMConfig:
        """Return the settings of the DBM: a hidden layer with a unit per gene, then the latents.

        `train` determines how long it is pretrained.
        """
        return DBMConfig(
            layer_sizes=(num_genes, num_genes, self.num_latents),
            batch_size=self.batch_size,
            learning_rate=self.rate(),
            fine_learning_rate=(
                self.rate() if self.fine_learning_rate is None else self.fine_learning_rate
            ),
            fine_batch_size=min(10, num_cells),
            pretrain_in_turn=True,
            centered_pretraining=self.centered_pretraining,
            num_chains=self.num_chains,
            draws_per_chain=self.draws_per_chain,
            sweeps_between_draws=self.sweeps_between_draws,
        )

    def build(self, x: NDArray[np.int8]) -> GenerativeModel:
        """Return the model for data like x (n, p).

        A DBM can draw samples and bound the likelihood in both phases of its training.
        """
        num_cells, num_genes = x.shape
        if self.model == "vae":
            return vae(self.vae(num_genes))
        return dbm(self.dbm(num_genes, num_cells))

    def train(
        self, key: jax.Array, x: NDArray[np.int8], epochs: Sequence[int]
    ) -> Iterator[tuple[int, Any, Any]]:
        """Train on x (n, p) up to the last epoch given; yield (epoch, state, info) at each of them.

        The epochs of a DBM start with pretraining, where every layer passes through the data once
        per epoch; the remaining epochs are fine-tuning.
        """
        if self.model == "vae":
            return snapshots(key, self.build(x), x, epochs)
        num_cells, num_genes = x.shape
        num_pretraining = self.num_pretraining(epochs[-1])
        config = self.dbm(num_genes, num_cells)
        return snapshots_with_pretraining(key, config, x, epochs, num_pretraining=num_pretraining)


CENTERED_DBM = ModelSettings(
    "dbm",
    batch_size=10,
    learning_rate=0.01,
    fine_learning_rate=0.001,
    centered_pretraining=True,
    draws_per_chain=10,
)
"""A DBM pretrained with centred gradients, in batches of ten at ten times the paper's rate: the
same rate a cell. Its top units stay in use with a thousand genes too."""


def check_models(models: Sequence[ModelName]) -> None:
    """Check that there is at least one model, and none twice."""
    if not models or len(set(models)) < len(models):
        raise ValueError(f"`models` must be different, at least one, got {models}")
