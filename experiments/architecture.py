"""Which model a study trains: the VAE or the DBM of Section 2.4, and how it is looked at."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray

from models import DBMConfig, GenerativeModel, VAEConfig, dbm, pretraining, snapshots, vae
from models.dbm import start_fine_tuning

ModelName = Literal["vae", "dbm"]
NAMES: dict[ModelName, str] = {"vae": "VAE", "dbm": "DBM"}
PAPER_LEARNING_RATE: dict[ModelName, float] = {"vae": 1e-4, "dbm": 1e-3}


@dataclass(frozen=True)
class ArchitectureConfig:
    """Settings of the model; the defaults are the paper's."""

    model: ModelName = "vae"
    """Variational autoencoder or deep Boltzmann machine."""
    num_latents: int = 10
    """Latents of the VAE, or units in the highest layer of the DBM."""
    batch_size: int = 1
    """Cells per gradient step, of the DBM in pretraining; with more, everything happens at later
    epochs."""
    learning_rate: float | None = None
    """Of Adam for the VAE, of gradient descent for the DBM; None: 0.0001 and 0.001."""
    pretrain_share: float = 0.5
    """Share of the epochs in which a DBM is pretrained; in the others it is fine-tuned."""

    @property
    def name(self) -> str:
        """What to call the model."""
        return NAMES[self.model]

    def describe(self, num_epochs: int) -> str:
        """Return a few words that begin a sentence."""
        if self.model == "vae":
            return f"A VAE with {self.num_latents} latents"
        return (
            f"A DBM with {self.num_latents} units in its highest layer, in "
            f"{self.num_pretraining(num_epochs)} epochs of pretraining and then in fine-tuning,"
        )

    def num_pretraining(self, num_epochs: int) -> int:
        """Return how many of all epochs pretrain a DBM."""
        return round(self.pretrain_share * num_epochs)

    def check(self, num_genes: int, num_cells: int) -> None:
        """Check the settings for data of this size."""
        if self.model not in NAMES:
            raise ValueError(f"`model` must be one of {tuple(NAMES)}, got {self.model!r}")
        if not 0 <= self.pretrain_share <= 1:
            raise ValueError(f"`pretrain_share` must be from 0 to 1, got {self.pretrain_share!r}")
        if self.model == "vae" and self.pretrain_share != 0.5:
            raise ValueError("`pretrain_share` is for the DBM: a VAE has no pretraining")
        self.vae(num_genes)
        if self.batch_size > num_cells:
            raise ValueError(
                "`batch_size` must be at most the number of cells for training: "
                f"expected up to {num_cells}, got {self.batch_size}"
            )

    def rate(self) -> float:
        """Return the learning rate."""
        return PAPER_LEARNING_RATE[self.model] if self.learning_rate is None else self.learning_rate

    def vae(self, num_genes: int, encoder_hidden: tuple[int, ...] | None = None) -> VAEConfig:
        """Return the settings of the VAE."""
        return VAEConfig(
            num_features=num_genes,
            num_latents=self.num_latents,
            encoder_hidden=encoder_hidden,
            batch_size=self.batch_size,
            learning_rate=self.rate(),
        )

    def dbm(self, num_genes: int, num_cells: int) -> DBMConfig:
        """Return the settings of the DBM: as many units as genes, then the latents.

        How long it is pretrained is for `look_at` to say.
        """
        return DBMConfig(
            layer_sizes=(num_genes, num_genes, self.num_latents),
            batch_size=self.batch_size,
            learning_rate=self.rate(),
            fine_learning_rate=self.rate(),
            fine_batch_size=min(10, num_cells),
            pretrain_in_turn=True,
        )


def check_models(models: Sequence[ModelName]) -> None:
    """Check the models that a study trains side by side."""
    if not models or len(set(models)) < len(models):
        raise ValueError(f"`models` must be different, at least one, got {models}")


class Look(NamedTuple):
    """A model at some epoch of its training."""

    epoch: int
    model: GenerativeModel
    state: Any
    reconstruction: float
    """Nats per cell in the epoch; NaN before the first."""


def look_at(
    key: jax.Array,
    config: ArchitectureConfig,
    x: NDArray[np.int8],
    epochs: Sequence[int],
    encoder_hidden: tuple[int, ...] | None = None,
) -> Iterator[Look]:
    """Train a model on x (n, p) and yield it at the epochs, the last of which ends the training.

    The epochs of a DBM are those of pretraining, in each of which every layer passes once through
    the data, and then those of fine-tuning.
    """
    num_genes = x.shape[1]
    if config.model == "vae":
        model = vae(config.vae(num_genes, encoder_hidden))
        yield from _looks(model, snapshots(key, model, x, epochs))
        return
    pretrain_key, start_key, fine_key = jax.random.split(key, 3)
    num_pretraining = config.num_pretraining(epochs[-1])
    settings = config.dbm(num_genes, len(x))
    # One epoch at a time, so that whatever their number only one block is compiled.
    model = pretraining(settings)
    look = None
    for look in _looks(model, snapshots(pretrain_key, model, x, range(num_pretraining + 1))):
        if look.epoch in epochs:
            yield look
    assert look is not None  # there is an epoch 0
    state = start_fine_tuning(start_key, settings, look.state.params, x)
    model = dbm(settings)
    late = range(num_pretraining + 1, epochs[-1] + 1)
    resume = num_pretraining, state
    for look in _looks(model, snapshots(fine_key, model, x, late, resume=resume)):
        if look.epoch in epochs:
            yield look


def _looks(model: GenerativeModel, seen: Iterator[tuple[int, Any, Any]]) -> Iterator[Look]:
    for epoch, state, info in seen:
        errors = info.reconstruction
        yield Look(epoch, model, state, float(errors[-1]) if len(errors) else np.nan)
