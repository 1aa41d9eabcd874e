"""The simulated cells with a stair of stages (Section 3.1.1, Fig. 2)."""

from dataclasses import dataclass
from math import comb
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from loglin.validation import as_count, as_number

ROLES = ("stage", "overlap", "noise")


@dataclass(frozen=True)
class StairConfig:
    """Settings of the simulation; the defaults are the paper's for Figs. 2 and 3."""

    num_cells: int = 1000
    """Cells, spread evenly over the stages."""
    num_stages: int = 10
    """Stages of the differentiation."""
    genes_per_stage: int = 5
    """Genes that are high in a stage."""
    overlap: int = 2
    """Genes that a stage shares with the next one."""
    num_noise: int = 18
    """Genes that belong to no stage."""
    probability_on: float = 0.6
    """Probability that a gene is present in a cell of its stages."""
    probability_off: float = 0.1
    """Probability that it is present in any other cell; also that of noise genes."""

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
    def num_genes(self) -> int:
        """Genes of all stages, shared ones once, and noise genes."""
        step = self.genes_per_stage - self.overlap
        return step * (self.num_stages - 1) + self.genes_per_stage + self.num_noise


class StairGenes(NamedTuple):
    """What is true of the simulated genes."""

    role: NDArray[np.str_]
    """(p,) "stage" for genes of one stage, "overlap" for genes of more, "noise" for the rest."""
    first_stage: NDArray[np.int64]
    """(p,) the first stage in which the gene is high; -1 for noise. The genes that together
    form an overlap share it."""


class Stairs(NamedTuple):
    """Simulated cells."""

    x: NDArray[np.int8]
    """(n, p) 1 where a gene is present; cells in the order of their stages."""
    stage: NDArray[np.int64]
    """(n,) the stage of each cell."""
    genes: StairGenes


def stair_genes(config: StairConfig) -> StairGenes:
    """Return role and stage of each gene."""
    high = _high(config)
    num_stages = high.sum(axis=0)
    role = np.select([num_stages == 0, num_stages == 1], ["noise", "stage"], "overlap")
    return StairGenes(role, np.where(num_stages > 0, high.argmax(axis=0), -1))


def role_counts(features: NDArray[np.int64], genes: StairGenes) -> NDArray[np.int64]:
    """How many of the genes chosen at each look (t, q) have each of `ROLES`, (t, 3)."""
    roles = genes.role[features]
    return np.stack([(roles == role).sum(axis=1) for role in ROLES], axis=1)


def chosen_pairs(features: NDArray[np.int64], genes: StairGenes) -> tuple[int, float]:
    """How many overlaps have all their genes chosen, and how many would by chance.

    Chance is as many overlap genes drawn at random from all overlap genes: an overlap of size
    s is complete among m of M with probability C(M - s, m - s) / C(M, m).
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
    """Share of the patterns whose ones lie in one overlap or in two neighbouring ones."""
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
    """Return the probability of each gene in cells of each stage, (stages, p)."""
    return np.where(_high(config), config.probability_on, config.probability_off)


def stage_posterior(
    config: StairConfig, features: NDArray[np.int64], states: NDArray[np.int8]
) -> NDArray[np.float64]:
    """Return how probable each stage is in cells that carry a pattern in some genes.

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
        By Bayes' rule; stages are equally frequent.
    """
    on = stage_probabilities(config)[:, features]
    likelihood = np.where(states[:, None] == 1, on, 1 - on).prod(axis=2)
    return likelihood / likelihood.sum(axis=1, keepdims=True)


def _high(config: StairConfig) -> NDArray[np.bool_]:
    """(stages, genes): whether the gene is high in the stage."""
    first = np.arange(config.num_stages)[:, None] * (config.genes_per_stage - config.overlap)
    gene = np.arange(config.num_genes)
    return (gene >= first) & (gene < first + config.genes_per_stage)
