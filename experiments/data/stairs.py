"""Simulated cells whose genes form a stair of stages (Section 3.1.1, Fig. 2)."""

import sys
from collections import Counter
from dataclasses import dataclass
from math import comb
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from loglin.validation import as_count, as_number

ROLES = ("stage", "overlap", "noise")


@dataclass(frozen=True)
class StairConfig:
    """Settings of the simulation; the defaults are the paper's for Figs. 2 and 3."""

    num_cells: int = 1000
    """Number of cells, spread evenly over the stages."""
    num_stages: int = 10
    """Number of stages of the differentiation."""
    genes_per_stage: int = 5
    """Number of genes of each stage, which are on more often in its cells."""
    overlap: int = 2
    """Number of genes that a stage shares with the next one."""
    num_noise: int = 18
    """Number of genes that belong to no stage."""
    probability_on: float = 0.6
    """Probability that a gene is on in a cell of its stages."""
    probability_off: float = 0.1
    """Probability that a gene is on in any other cell; also the probability of noise genes."""

    def __post_init__(self) -> None:
        """Check the settings."""
        for name, smallest in (
            ("num_cells", 1),
            ("num_stages", 1),
            ("genes_per_stage", 1),
            ("overlap", 0),
            ("num_noise", 0),
        ):
            as_count(getattr(self, name), name, smallest)
        if self.overlap >= self.genes_per_stage:
            raise ValueError(
                "`overlap` must be smaller than `genes_per_stage`: "
                f"expected less than {self.genes_per_stage}, got {self.overlap}"
            )
        for name in ("probability_on", "probability_off"):
            as_number(getattr(self, name), name, 0, 1)

    @property
    def num_informative(self) -> int:
        """Genes of all stages; genes that two stages share count once."""
        step = self.genes_per_stage - self.overlap
        return step * (self.num_stages - 1) + self.genes_per_stage

    @property
    def num_genes(self) -> int:
        """Number of genes: those of all stages, shared ones counted once, and noise genes."""
        return self.num_informative + self.num_noise


class StairGenes(NamedTuple):
    """The ground truth about the simulated genes."""

    role: NDArray[np.str_]
    """(p,) "stage" for genes of one stage, "overlap" for genes of more, "noise" for the rest."""
    first_stage: NDArray[np.int64]
    """(p,) the first stage that the gene belongs to; -1 for noise. It is the same for all genes of
    an overlap."""

    @property
    def is_informative(self) -> NDArray[np.bool_]:
        """(p,) whether the gene belongs to a stage."""
        informative: NDArray[np.bool_] = self.role != "noise"
        return informative


class Stairs(NamedTuple):
    """Simulated cells."""

    x: NDArray[np.int8]
    """(n, p) 1 where a gene is on; cells are in the order of their stages."""
    stage: NDArray[np.int64]
    """(n,) the stage of each cell."""
    genes: StairGenes


def gene_names(genes: StairGenes) -> list[str]:
    """Return names that tell what a gene is, such as "stage 3 #2", "stages 3-4 #1" or "noise #7".

    >>> gene_names(stair_genes(StairConfig()))[:5]
    ['stage 1 #1', 'stage 1 #2', 'stage 1 #3', 'stages 1-2 #1', 'stages 1-2 #2']
    """
    names, seen = [], Counter[str]()
    for role, first in zip(genes.role.tolist(), genes.first_stage.tolist(), strict=True):
        group = {
            "stage": f"stage {first + 1}",
            "overlap": f"stages {first + 1}-{first + 2}",
            "noise": "noise",
        }[role]
        seen[group] += 1
        names.append(f"{group} #{seen[group]}")
    return names


def write_stairs(path: Path) -> None:
    """Write the cells of the paper's simulation as .h5ad, to try `loglin explore` on."""
    import anndata
    import pandas as pd

    cells = simulate_stairs(StairConfig(), np.random.default_rng(0))
    names = [f"cell {number}" for number in range(1, len(cells.x) + 1)]
    stage = [f"stage {number + 1}" for number in cells.stage]
    adata = anndata.AnnData(
        cells.x.astype(np.float32),
        pd.DataFrame({"stage": pd.Categorical(stage)}, names),
        pd.DataFrame({"role": pd.Categorical(cells.genes.role)}, gene_names(cells.genes)),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    adata.write_h5ad(path)


def stair_genes(config: StairConfig) -> StairGenes:
    """Return the role and the first stage of each gene."""
    high = _high(config)
    num_stages = high.sum(axis=0)
    role = np.select([num_stages == 0, num_stages == 1], ["noise", "stage"], "overlap")
    return StairGenes(role, np.where(num_stages > 0, high.argmax(axis=0), -1))


def gene_places(config: StairConfig) -> NDArray[np.float64]:
    """Return the place of each gene on the stair, (p,): the mean of its stages, NaN without one.

    >>> gene_places(StairConfig(num_stages=2, num_noise=1))
    array([0. , 0. , 0. , 0.5, 0.5, 1. , 1. , 1. , nan])
    """
    high = _high(config)
    total, number = (np.arange(config.num_stages)[:, None] * high).sum(axis=0), high.sum(axis=0)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)


def role_counts(features: NDArray[np.int64], genes: StairGenes) -> NDArray[np.int64]:
    """Return how many of the genes selected at each checkpoint (t, q) have each role, (t, 3)."""
    roles = genes.role[features]
    return np.stack([(roles == role).sum(axis=1) for role in ROLES], axis=1)


def chosen_pairs(features: NDArray[np.int64], genes: StairGenes) -> tuple[int, float]:
    """Return how many overlaps have all their genes selected, and how many would by chance.

    By chance means that as many overlap genes are drawn at random from all overlap genes. Then an
    overlap of size s is complete among m of M genes with probability C(M - s, m - s) / C(M, m).
    """
    overlap_stage = genes.first_stage[genes.role == "overlap"]
    chosen_stage = genes.first_stage[features[genes.role[features] == "overlap"]]
    num_all, num_chosen = len(overlap_stage), len(chosen_stage)
    complete, expected = 0, 0.0
    for stage, size in zip(*np.unique(overlap_stage, return_counts=True), strict=True):
        complete += int((chosen_stage == stage).sum() == size)
        if num_chosen >= size:
            expected += comb(num_all - size, num_chosen - size) / comb(num_all, num_chosen)
    return complete, expected


def share_of_stair_patterns(
    features: NDArray[np.int64], states: NDArray[np.int8], genes: StairGenes
) -> float:
    """Return the share of patterns whose ones lie in one overlap or in two neighbouring ones."""
    roles, stages = genes.role[features], genes.first_stage[features]
    fits = []
    for state in states[(states >= 0).all(axis=1)]:
        on = state == 1
        spread = np.ptp(stages[on]) if on.any() else 0
        fits.append(bool((roles[on] == "overlap").all() and spread <= 1))
    return float(np.mean(fits))


def simulate_stairs(config: StairConfig, rng: np.random.Generator) -> Stairs:
    """Draw cells from the stair-like structure of Section 3.1.1.

    >>> simulate_stairs(StairConfig(num_cells=20), np.random.default_rng(0)).x.shape
    (20, 50)
    """
    stage = np.arange(config.num_cells) * config.num_stages // config.num_cells
    probability = np.where(_high(config)[stage], config.probability_on, config.probability_off)
    x = rng.random(probability.shape) < probability
    return Stairs(x.astype(np.int8), stage, stair_genes(config))


def stage_probabilities(config: StairConfig) -> NDArray[np.float64]:
    """Return the probability that a gene is on in cells of each stage, (stages, p)."""
    return np.where(_high(config), config.probability_on, config.probability_off)


def stage_posterior(
    config: StairConfig, features: NDArray[np.int64], states: NDArray[np.int8]
) -> NDArray[np.float64]:
    """Return the probability of each stage given the pattern of a cell in some genes.

    Parameters
    ----------
    config : StairConfig
    features : (q,) int array
        The genes.
    states : (k, q) int array
        The patterns.

    Returns
    -------
    (k, stages) array
        By Bayes' rule, with equally frequent stages.
    """
    on = stage_probabilities(config)[:, features]
    likelihood = np.where(states[:, None] == 1, on, 1 - on).prod(axis=2)
    return likelihood / likelihood.sum(axis=1, keepdims=True)


def _high(config: StairConfig) -> NDArray[np.bool_]:
    """Return whether each gene belongs to each stage, (stages, p)."""
    first = np.arange(config.num_stages)[:, None] * (config.genes_per_stage - config.overlap)
    gene = np.arange(config.num_genes)
    return (gene >= first) & (gene < first + config.genes_per_stage)


if __name__ == "__main__":  # python -m experiments.data.stairs FILE.h5ad
    write_stairs(Path(sys.argv[1]))
