"""What can be set of ``loglin explore``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from experiments.runs.options import MAX_SEED
from loglin.validation import as_count

KindOfModel = Literal["vae", "dbm"]
CUTS = ("auto", "detected", "median")


@dataclass(frozen=True)
class Input:
    """Which values of the file are used, and how they become codes.

    See Also
    --------
    explore : Takes the settings.
    """

    labels: str | None = None
    """Column with a known class of each cell, such as cell_type: of .obs, or of the table. The
    models never see it; the page compares it with what they learned. Cells without one are
    unknown."""
    layer: str | None = None
    """Layer of the .h5ad to use in place of .X."""
    use_raw: bool = False
    """Use .raw of the .h5ad in place of .X."""
    genes: str | None = None
    """Which genes: a number (so many of the most variable ones, which needs scanpy), var:COLUMN (a
    column of .var that is true or false), or a text file with a name in each line. Default: all."""
    cut: str = "auto"
    """Where values are cut: detected (above 0), median, or a quantile such as 0.75, before which
    counts are divided by size factors of the cells. auto: detected if most values are 0, otherwise
    median; codes are left as they are."""
    levels: int = 2
    """Number of levels of each gene, at its quantiles if more than 2."""

    def __post_init__(self) -> None:
        """Check the settings."""
        as_count(self.levels, "levels", 2, 16)
        self.quantile()
        if self.layer is not None and self.use_raw:
            raise ValueError("`layer` and `use_raw` cannot be given together")
        if self.levels > 2 and self.cut not in ("auto", "median"):
            raise ValueError(f"`cut` must be left out with more than 2 `levels`, got {self.cut!r}")

    def quantile(self) -> float | None:
        """Return the quantile at which values are cut; None for "auto" and "detected".

        Raises
        ------
        ValueError
            If `cut` is none of the words, and no number between 0 and 1.
        """
        if self.cut in ("auto", "detected"):
            return None
        if self.cut == "median":
            return 0.5
        try:
            quantile = float(self.cut)
        except ValueError:
            quantile = -1.0
        if not 0 < quantile < 1:
            raise ValueError(
                f"`cut` must be one of {CUTS} or a quantile between 0 and 1, got {self.cut!r}"
            )
        return quantile


@dataclass(frozen=True)
class Learning:
    """Which models are trained, or where samples of a model trained elsewhere are.

    See Also
    --------
    explore : Takes the settings.
    """

    model: tuple[KindOfModel, ...] = ("vae",)
    """Models to train: vae, dbm, or both."""
    starts: int = 3
    """How many models of each kind are trained; features are selected from all of them together."""
    latents: int = 10
    """Latents of the VAE, or units in the highest layer of the DBM."""
    max_epochs: int | None = None
    """Most epochs; training ends earlier, when held-out cells say so. Default: as many as make
    40 000 gradient steps."""
    patience: int | None = None
    """Epochs without a better bound on held-out cells after which it is no longer waited for.
    Default: 10, with few cells as many as make 1000 gradient steps."""
    num_samples: int = 10_000
    """Synthetic cells drawn from each model."""
    samples: tuple[Path, Path] | None = None
    """In place of training: two .npy files with samples of a model trained elsewhere, codes of the
    same genes (n, p) and latents (n, r)."""
    use_rep: str | None = None
    """In place of training: the key in .obsm of the cells' own latents, such as X_scVI."""

    def __post_init__(self) -> None:
        """Check the settings."""
        if not self.model or len(set(self.model)) < len(self.model):
            raise ValueError(f"`model` must be vae, dbm or both, each once, got {self.model}")
        for name in ("starts", "latents", "max_epochs", "patience"):
            if getattr(self, name) is not None:
                as_count(getattr(self, name), name, 1, 100_000)
        as_count(self.num_samples, "num_samples", 100, 10_000_000)
        if self.samples is not None and self.use_rep is not None:
            raise ValueError("`samples` and `use_rep` cannot be given together")


@dataclass(frozen=True)
class Output:
    """What is selected and where it is written.

    See Also
    --------
    explore : Takes the settings.
    """

    num_features: int = 10
    """Most features to select; fewer if chance explains what is left."""
    num_patterns: int = 10
    """Most patterns to show."""
    permutations: int = 0
    """Retrain on so many permutations of the data, for p-values of the whole procedure; 99 say
    whether 1 % is reached, and take so many times as long."""
    out: Path | None = None
    """Folder of the page and its tables; default: results/explore/NAME, after the file."""
    write: Path | None = None
    """Also write the cells with what was found, as .h5ad."""
    key_added: str = "loglin"
    """Prefix of what is written to the .h5ad."""
    force: bool = False
    """Overwrite files of an earlier run with other settings, and train again."""
    workers: int = 2
    """Number of processes that train; 0: this one. The numbers are the same."""
    seed: int = 0
    """Determines training, sampling and the choice of held-out cells."""

    def __post_init__(self) -> None:
        """Check the settings."""
        as_count(self.num_features, "num_features", 1, 100)
        as_count(self.num_patterns, "num_patterns", 2, 100)
        as_count(self.permutations, "permutations", 0, 100_000)
        as_count(self.workers, "workers", 0, 1_000)
        as_count(self.seed, "seed", 0, MAX_SEED)
        if not self.key_added or "/" in self.key_added:
            raise ValueError(f"`key_added` must be a word without slashes, got {self.key_added!r}")
