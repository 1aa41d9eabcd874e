"""Factorizations and DBMs of the same cells, and a comparison of their genes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.analysis.cortex_models import TuningConfig, tuned, tuning_units
from experiments.analysis.evaluation import (
    annotate,
    most_loaded,
    nmf_loadings,
    principal_components,
    separation,
)
from experiments.data.cortex import (
    MAJOR_TYPES,
    PANEL_SIZES,
    Cells,
    CortexConfig,
    Panel,
    load_cortex,
)
from experiments.runs.options import Unprefixed
from experiments.runs.progress import Track, without_bar
from experiments.runs.units import Done, Unit
from loglin.validation import as_count

PAPER_SHARED = ["Calb2", "Car4", "Cdh13", "Parm1", "Penk", "Pvalb", "Rorb", "Sst", "Vip"]
"""The genes that the paper selects both by NMF and from the DBM."""
INPUTS = ("expression", "codes")
"""Data to factorize: the paper does not say whether expression was cut into codes before."""
PANELS: tuple[Panel, ...] = ("markers", "receptors")
NUM_LABELLINGS = 25
"""How often random labels are drawn for the held-out cells without a match. There are many such
cells, and a single draw would decide which factorization is best, so the median index is used."""


@dataclass(frozen=True)
class Config:
    """Settings of the study; the defaults are the paper's."""

    tuning: Unprefixed[TuningConfig] = field(default_factory=lambda: TuningConfig(models=("dbm",)))
    num_receptors: int = 8
    """Number of genes to select from the receptor panel."""
    num_factors: int = 10
    """Maximum number of factors; 1, 2, ... up to this number are tried."""
    num_factor_starts: int = 10
    """Number of random starts for each number of factors."""
    num_random_sets: int = 100
    """Number of random sets of genes, for comparison."""

    def __post_init__(self) -> None:
        """Check the settings."""
        for name in ("num_factors", "num_factor_starts", "num_random_sets"):
            as_count(getattr(self, name), name, 1)
        as_count(self.num_receptors, "num_receptors", 1, PANEL_SIZES["receptors"])
        if self.tuning.cells.panel != "markers" or self.tuning.models != ("dbm",):
            raise ValueError("`panel` and `models` cannot be chosen: this is of DBMs, both panels")

    def panel(self, panel: Panel) -> TuningConfig:
        """Return the settings of the DBMs of a panel."""
        if panel == PANELS[0]:
            return self.tuning
        return replace(
            self.tuning,
            cells=replace(self.tuning.cells, panel=panel),
            trajectory=replace(self.tuning.trajectory, num_selected=self.num_receptors),
        )


@dataclass(frozen=True)
class Factorizations:
    """Settings of a unit; its seed is that of the split."""

    cells: CortexConfig
    num_selected: int
    num_factors: int
    num_starts: int


class Factorized(NamedTuple):
    """The genes of the best factorization: the one whose genes cluster the held-out cells best."""

    features: NDArray[np.int64]
    """(inputs, q) the genes with the highest loadings in the best factorization of each input."""
    num_factors: NDArray[np.int64]
    """(inputs,) its number of factors."""
    davies_bouldin: NDArray[np.float64]
    """(inputs, k, starts) index of the held-out cells, labelled by the genes of each factorization;
    the median over draws of the random labels, NaN with fewer than two types."""


def units(config: Config, seeds: Iterable[int]) -> list[Unit]:
    """Return the units of the tuned DBMs and of the factorizations, of both panels."""
    splits = list(seeds)
    found = []
    for panel in PANELS:
        tuning = config.panel(panel)
        settings = Factorizations(
            tuning.cells,
            tuning.trajectory.num_selected,
            config.num_factors,
            config.num_factor_starts,
        )
        found += tuning_units(tuning, splits) + [Unit(compute, settings, seed) for seed in splits]
    return found


def compute(settings: Factorizations, seed: int, track: Track = without_bar) -> Factorized:
    """Factorize the training cells and keep the genes that label the held-out cells best.

    Raises
    ------
    OSError
        If the cortex data are not available.
    """
    cells = load_cortex(settings.cells.panel)
    x = settings.cells.codes(cells)
    split = settings.cells.split(seed)
    points = principal_components(x, 2, standardize=True)[split.held_out]
    labels = cells.cell_type[split.training]

    def clustering(genes: NDArray[np.int64]) -> float:
        """Return the median index over draws of labels for patterns that no training cell has."""
        found = [
            annotate(
                x[split.held_out], points, x[split.training], labels, genes.tolist(),
                MAJOR_TYPES, np.random.default_rng([seed, 3, number]),
            ).davies_bouldin
            for number in range(NUM_LABELLINGS)
        ]  # fmt: skip
        return float(np.median(found))

    inputs = cells.expression[split.training], x[split.training]
    shape = len(INPUTS), settings.num_factors, settings.num_starts
    features = np.empty((*shape, settings.num_selected), np.int64)
    index = np.empty(shape)
    for place in track(np.ndindex(shape), index.size):
        which, size, start = place
        loadings = nmf_loadings(inputs[which], size + 1, start)
        features[place] = most_loaded(loadings, settings.num_selected)
        index[place] = clustering(features[place])
    flat = np.where(np.isnan(index), np.inf, index).reshape(len(INPUTS), -1)
    sizes, starts = np.unravel_index(flat.argmin(axis=1), shape[1:])
    which = np.arange(len(INPUTS))
    return Factorized(features[which, sizes, starts], sizes + 1, index)


class Panels(NamedTuple):
    """The genes of one panel, with one entry per split."""

    splits: list[int]
    """Seeds of the splits."""
    genes: NDArray[np.str_]
    """(p,) names of all genes of the panel."""
    sets: dict[str, NDArray[np.int64]]
    """The selected genes by method, (splits, q) each."""
    separation: dict[str, NDArray[np.float64]]
    """Separation of the held-out cells by method, (splits,), and by random sets, (splits, sets)."""
    num_factors: dict[str, NDArray[np.int64]]
    """Number of factors of the best factorization by method, (splits,) each."""

    def shared(self, method: str) -> list[set[str]]:
        """Return the genes that a method shares with the DBM, split by split."""
        pairs = zip(self.sets["DBM"], self.sets[method], strict=True)
        return [set(self.genes[np.intersect1d(*pair)].tolist()) for pair in pairs]

    def share_shared(self, method: str) -> NDArray[np.float64]:
        """Return the share of the DBM's genes that a method selects as well, (splits,)."""
        return np.array([len(genes) for genes in self.shared(method)]) / self.sets["DBM"].shape[1]


METHODS = ("DBM", *(f"NMF of {name}" for name in INPUTS))
EXPRESSION = METHODS[1]
"""The NMF with which the paper's statements about shared genes are checked."""
RANDOM = "random genes"


def compare(config: Config, panel: Panel, done: Sequence[Done], cells: Cells) -> Panels | None:
    """Compare the genes of the methods, and how well they separate the classes of cells.

    Returns None if no split has both a DBM and factorizations.
    """
    tuning = config.panel(panel)
    own = [unit for unit in done if unit.settings.cells.panel == panel]
    factorized = {u.seed: u.result for u in own if isinstance(u.settings, Factorizations)}
    trained = tuned([unit for unit in own if not isinstance(unit.settings, Factorizations)])
    found = trained.get("dbm", {})
    splits = sorted(found.keys() & factorized.keys())
    if not splits:
        return None
    chosen = [[found[split].selected, *factorized[split].features] for split in splits]
    sets = dict(zip(METHODS, np.array(chosen).swapaxes(0, 1), strict=True))
    num_factors = np.transpose([factorized[split].num_factors for split in splits])

    x = tuning.cells.codes(cells)
    size, num_genes = tuning.trajectory.num_selected, x.shape[1]

    def separated(split: int, genes: NDArray[np.int64]) -> float:
        held_out = tuning.cells.split(split).held_out
        return separation(x[np.ix_(held_out, genes)], cells.cell_class[held_out])

    of_methods = {
        method: np.array([separated(*pair) for pair in zip(splits, genes, strict=True)])
        for method, genes in sets.items()
    }
    rng = np.random.default_rng(0)
    of_random = [
        [separated(split, rng.permutation(num_genes)[:size]) for _ in range(config.num_random_sets)]
        for split in splits
    ]
    return Panels(
        splits,
        cells.genes,
        sets,
        of_methods | {RANDOM: np.array(of_random)},
        dict(zip(METHODS[1:], num_factors, strict=True)),
    )
