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
from models.validation import shown


@dataclass(frozen=True)
class DBMConfig:
    """Settings of a DBM; the defaults of learning rate and batch size are the paper's.

    See Also
    --------
    dbm : Makes the model.
    """

    layer_sizes: tuple[int, ...]
    """Number of features, then of units in each hidden layer; the paper uses (p, p, fewer)."""
    learning_rate: float = 1e-3
    """Learning rate of pretraining, for the mean gradient of a batch."""
    batch_size: int = 1
    """Cells per update in pretraining."""
    pretrain_epochs: int = 20
    """Epochs of pretraining for each RBM."""
    num_chains: int = 100
    """Number of persistent chains in fine-tuning."""
    levels: tuple[int, ...] | None = None
    """Number of levels of each feature; None: all binary."""
    pretrain_in_turn: bool = False
    """Whether every epoch of pretraining trains all RBMs, one after the other, so that all layers
    have learned something at any time. Otherwise each RBM is trained to the end before the one
    above it starts."""
    num_steps: int = 1
    """Gibbs steps per update in pretraining, the k of CD-k."""
    blocks: tuple[int, ...] | None = None
    """Block of each feature, to pretrain the lowest RBM in separate blocks, whose numbers of hidden
    units are proportional to their features (Hess et al. 2017); None: one block."""
    centered_pretraining: bool = False
    """Whether pretraining uses centred gradients as well. With hundreds of features the top units
    stay in use only if it does."""
    fine_learning_rate: float = 1e-3
    """Learning rate of fine-tuning."""
    fine_batch_size: int | None = 10
    """Cells per update in fine-tuning; None: all cells."""
    sweeps_per_update: int = 1
    """Gibbs sweeps of the chains before each update."""
    centered: bool = True
    """Whether fine-tuning uses centred gradients, which keep the upper layers in use."""
    mean_field_tolerance: float = 1e-3
    """Mean field in fine-tuning has converged when no mean changes by more than this."""
    momentum: float = 0.0
    """Share of the last update that is added to the next one, in both phases."""
    weight_decay: float = 0.0
    """Coefficient of the decay of the weights (not of the biases) towards 0, in both phases."""
    halving_updates: float | None = None
    """Updates after which the learning rate of fine-tuning has halved, falling as
    1 / (1 + t / this). The authors' package uses 11, with all cells in each update; None: the rate
    is constant."""
    sample_sweeps: int = 200
    """Gibbs sweeps of each chain before it is taken as a sample. On the paper's two data sets
    energies, latents and correlations of features no longer change after 200."""
    draws_per_chain: int = 1
    """Samples taken from each chain. With more than one, samples of the same chain are correlated,
    but take only `sweeps_between_draws` sweeps each: see `effective_number`."""
    sweeps_between_draws: int = 20
    """Gibbs sweeps from one sample of a chain to the next."""

    def __post_init__(self) -> None:
        """Check the settings."""
        sizes = self.layer_sizes
        if not (isinstance(sizes, tuple) and len(sizes) >= 2):
            raise ValueError(
                f"`layer_sizes` must be a tuple of at least two sizes, got {shown(sizes)}"
            )
        validate_tuples(self, "layer_sizes")
        validate_counts(self, "batch_size", "num_steps", "num_chains", "sweeps_per_update")
        validate_counts(self, "sample_sweeps", "draws_per_chain", "sweeps_between_draws")
        validate_counts(self, "pretrain_epochs", smallest=0)
        validate_counts(self, "fine_batch_size", optional=True)
        validate_levels(self, sizes[0])
        check_flags(self, "pretrain_in_turn", "centered", "centered_pretraining")
        validate_tuples(self, "blocks", length=sizes[0], smallest=0)
        validate_numbers(self, "mean_field_tolerance", "fine_learning_rate")
        validate_optimization(self)
        if self.centered_pretraining and self.blocks is not None:
            raise ValueError(
                "`centered_pretraining` must be False where `blocks` are given, since offsets "
                "connect the blocks"
            )
        # Without blocks nothing is made, however many features a file claims.
        empty = set(self.blocks).difference(hidden_blocks(self)) if self.blocks else set()
        if empty:
            raise ValueError(
                f"`blocks` must be large enough for a hidden unit each, of {sizes[1]} in all: "
                f"block {min(empty)} has none"
            )

    @property
    def num_pretraining_epochs(self) -> int:
        """Number of epochs of `pretraining` until it is complete."""
        return self.pretrain_epochs * (1 if self.pretrain_in_turn else len(self.layer_sizes) - 1)


def hidden_blocks(config: DBMConfig) -> NDArray[np.int_]:
    """Return the block of each unit of the lowest hidden layer, in proportion to the features."""
    num_features, num_hidden = config.layer_sizes[:2]
    blocks = np.sort(config.blocks or np.zeros(num_features, int))
    return blocks[np.arange(num_hidden) * num_features // num_hidden]
