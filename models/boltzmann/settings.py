"""Settings of the deep Boltzmann machine."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.settings import (
    check_flags,
    validate_counts,
    validate_levels,
    validate_numbers,
    validate_optimization,
    validate_tuples,
)


@dataclass(frozen=True)
class DBMConfig:
    """Settings of a DBM; learning rate and batch size are the paper's."""

    layer_sizes: tuple[int, ...]
    """Features, then the units of each hidden layer; the paper has (p, p, fewer)."""
    learning_rate: float = 1e-3
    """Of pretraining, for the mean gradient of a batch."""
    batch_size: int = 1
    """Cells per update in pretraining."""
    pretrain_epochs: int = 20
    """Epochs of each RBM."""
    num_chains: int = 100
    """Persistent chains of fine-tuning."""
    levels: tuple[int, ...] | None = None
    """Levels of each feature; None: all binary."""
    pretrain_in_turn: bool = False
    """Whether the RBMs take turns epoch by epoch; else each is trained to its end before the one
    above it begins. In turn, all layers have learned something at any time."""
    num_steps: int = 1
    """Gibbs steps per update in pretraining, the k of CD-k."""
    blocks: tuple[int, ...] | None = None
    """Block of each feature, to pretrain the lowest RBM in parts that do not see each other, with
    hidden units in proportion (Hess et al. 2017); None: one block."""
    fine_learning_rate: float = 1e-3
    """Of fine-tuning."""
    fine_batch_size: int | None = 10
    """Cells per update in fine-tuning; None: all cells."""
    sweeps_per_update: int = 1
    """Gibbs sweeps of the chains before each update."""
    centered: bool = True
    """Whether fine-tuning centres its gradient, which keeps the upper layers in use."""
    mean_field_tolerance: float = 1e-3
    """Largest move of a mean at which mean field has settled, in fine-tuning."""
    momentum: float = 0.0
    """Share of the last step that is made again, in both phases."""
    weight_decay: float = 0.0
    """Pull of the weights, not of the biases, towards 0, in both phases."""
    halving_updates: float | None = None
    """Updates after which the rate of fine-tuning has halved, falling as 1 / (1 + t / this). The
    authors' package has 11, with all cells in each update; None: the rate stays."""
    sample_sweeps: int = 200
    """Gibbs sweeps of each chain before it is taken as a sample. On the paper's two data sets
    energies, latents and correlations of features no longer change after 200."""

    def __post_init__(self) -> None:
        """Check the settings."""
        sizes = self.layer_sizes
        if not (isinstance(sizes, tuple) and len(sizes) >= 2):
            raise ValueError(f"`layer_sizes` must be a tuple of at least two sizes, got {sizes!r}")
        validate_tuples(self, "layer_sizes")
        validate_counts(self, "batch_size", "num_steps", "num_chains", "sweeps_per_update")
        validate_counts(self, "sample_sweeps")
        validate_counts(self, "pretrain_epochs", smallest=0)
        validate_counts(self, "fine_batch_size", optional=True)
        validate_levels(self, sizes[0])
        check_flags(self, "pretrain_in_turn", "centered")
        validate_tuples(self, "blocks", length=sizes[0], smallest=0)
        validate_numbers(self, "mean_field_tolerance", "fine_learning_rate")
        validate_optimization(self)
        empty = set(self.blocks or ()).difference(hidden_blocks(self))
        if empty:
            raise ValueError(
                f"`blocks` must be large enough for a hidden unit each, of {sizes[1]} in all: "
                f"block {min(empty)} has none"
            )

    @property
    def num_pretraining_epochs(self) -> int:
        """Epochs of `pretraining` that make up all of it."""
        return self.pretrain_epochs * (1 if self.pretrain_in_turn else len(self.layer_sizes) - 1)


def hidden_blocks(config: DBMConfig) -> NDArray[np.int_]:
    """Return the block of each unit of the lowest hidden layer, in proportion to the features."""
    num_features, num_hidden = config.layer_sizes[:2]
    blocks = np.sort(config.blocks or np.zeros(num_features, int))
    return blocks[np.arange(num_hidden) * num_features // num_hidden]
