"""The paper's statements about NMF and the DBM, and what was measured."""

from collections.abc import Sequence

import numpy as np

from experiments.analysis.statements import count_of, grade, mean_with_range
from experiments.data.cortex import (
    Panel,
    load_cortex,
)
from experiments.runs.page import Section, Statement, Table
from experiments.runs.units import Done
from experiments.studies.nmf.experiment import (
    EXPRESSION,
    METHODS,
    NUM_LABELLINGS,
    PANELS,
    PAPER_SHARED,
    Config,
    Panels,
    compare,
)
from experiments.studies.nmf.figures import plot_cells, plot_separation

CONSIDERABLE = 0.1
"""Relative lead in separation that counts as considerable."""


def summarize(config: Config, done: Sequence[Done]) -> Section:
    """Compare the paper's statements with what was measured."""
    cells = {panel: load_cortex(panel) for panel in PANELS}
    compared = {panel: compare(config, panel, done, cells[panel]) for panel in PANELS}
    found = {panel: of for panel, of in compared.items() if of is not None}
    number = count_of(max((len(of.splits) for of in found.values()), default=0), "split")
    introduction = (
        "The training cells are factorized by multiplicative updates for the Kullback-Leibler "
        f"divergence into 1 to {config.num_factors} factors, from {config.num_factor_starts} "
        "starts each. The genes with the highest loading on any factor are selected from each "
        "factorization. The factorization whose genes give the lowest Davies-Bouldin index of the "
        f"held-out cells is used, where the index is the median over {NUM_LABELLINGS} draws of "
        "random labels for cells without a match. The paper does not say whether expression or its "
        "codes were factorized, so both are. Separation is the mean distance between GABAergic and "
        "glutamatergic held-out cells divided by the mean distance within the two classes, in the "
        f"codes of the selected genes. Results are from {number}."
    )
    return Section(
        "Comparison with NMF (Section 3.2.4)",
        introduction,
        _statements(found),
        {}
        if not found
        else {
            "separation": (
                plot_separation(found),
                "Separation of GABAergic and glutamatergic cells in the selected genes (lines: "
                "splits); grey: random sets of genes, all splits.",
            ),
            "cells": (
                plot_cells(config, found, cells),
                "Held-out cells (first split) on the first two principal components of the genes "
                "selected by each method.",
            ),
        },
        [_set_table(found), _gene_table(found)],
    )


def _statements(found: dict[Panel, Panels]) -> list[Statement]:
    if len(found) < len(PANELS):
        aside = "The statements compare the markers with the receptors."
        return [Statement(aside, f"only {', '.join(found) or 'none'} done", "not measured")]
    markers, receptors = found["markers"], found["receptors"]
    return [
        _shared_markers(markers),
        _only_one(markers),
        _separated(markers, "slightly better", "markers"),
        _shared_receptors(receptors, markers),
        _more_pronounced(found),
    ]


def _describe_shared(found: Panels) -> str:
    """Say how many genes each NMF shares with the DBM."""
    size = found.sets["DBM"].shape[1]
    return ", ".join(
        f"{method} {mean_with_range(size * found.share_shared(method), 1)} of {size}"
        for method in METHODS[1:]
    )


def _shared_markers(found: Panels) -> Statement:
    named = [len(genes & set(PAPER_SHARED)) for genes in found.shared(EXPRESSION)]
    return Statement(
        f"NMF and the DBM share nine genes: {', '.join(PAPER_SHARED)}.",
        f"shared with the DBM: {_describe_shared(found)}; of the paper's nine, NMF of expression "
        f"and the DBM both select {np.mean(named):.1f} (from {min(named)} to {max(named)})",
        grade(float(np.mean(named)) / len(PAPER_SHARED), reproduced=0.8, partly=0.5),
        [number >= 0.8 * len(PAPER_SHARED) for number in named],
        _who_misses(found),
        "separation",
    )


def _who_misses(found: Panels) -> str:
    """Say which method misses which of the paper's genes most often."""
    parts = []
    for method in METHODS[:2]:
        chosen = found.genes[found.sets[method]]
        missing = {gene: 1 - (chosen == gene).any(axis=1).mean() for gene in PAPER_SHARED}
        worst = sorted(missing, key=lambda gene: -missing[gene])[:3]
        parts.append(
            f"{method} misses " + ", ".join(f"{gene} in {missing[gene]:.0%}" for gene in worst)
        )
    return (
        f"Of the paper's nine, {'; '.join(parts)} of the splits. A gene counts only if both have "
        "it, so what either misses is missing."
    )


def _only_one(found: Panels) -> Statement:
    expected = {"Enpp2": EXPRESSION, "Bcl6": "DBM", "Mybpc1": "DBM"}
    parts, shares = [], []
    in_split = np.ones(len(found.splits), bool)
    for gene, by in expected.items():
        has = {m: (found.genes[found.sets[m]] == gene).any(axis=1) for m in METHODS[:2]}
        in_split &= np.all([has[m] == (m == by) for m in METHODS[:2]], axis=0)
        share = {m: float((found.genes[s] == gene).any(axis=1).mean()) for m, s in
                 found.sets.items() if m in METHODS[:2]}  # fmt: skip
        parts.append(f"{gene}: " + ", ".join(f"{m} {value:.0%}" for m, value in share.items()))
        shares.append(share[by] - sum(v for m, v in share.items() if m != by))
    return Statement(
        "Only NMF selects Gria3 and Enpp2, only the DBM Bcl6 and Mybpc1.",
        f"share of the splits in which a gene is selected: {'; '.join(parts)}. Gria3 is not a "
        "marker but a receptor gene",
        "partly" if min(shares) >= 0.5 else "not reproduced",  # without Gria3
        in_split.tolist(),
        "Gria3 belongs to the panel of receptors, so no selection from the markers can have it. "
        "The dots count splits in which the three other genes are selected as the paper says.",
        "separation",
    )


def _separated(found: Panels, how: str, panel: str) -> Statement:
    ahead = np.array([found.separation["DBM"] > found.separation[m] for m in METHODS[1:]])
    wins = ahead.mean(axis=1)
    return Statement(
        f"GABAergic and glutamatergic cells are {how} separated by the DBM's {panel}.",
        f"separation: {_describe_separation(found)}; the DBM's genes separate better than NMF's in "
        + ", ".join(
            f"{win:.0%} of splits ({m.removeprefix('NMF of ')})"
            for win, m in zip(wins, METHODS[1:], strict=True)
        ),
        grade(float(wins.min()), reproduced=0.8, partly=0.5),
        [bool(split.all()) for split in ahead.T],
    )


def _describe_separation(found: Panels) -> str:
    return ", ".join(f"{m} {values.mean():.2f}" for m, values in found.separation.items())


def _shared_receptors(found: Panels, markers: Panels) -> Statement:
    share, of_markers = (of.share_shared(EXPRESSION).mean() for of in (found, markers))
    is_less = share < of_markers
    return Statement(
        "NMF and the DBM share fewer of the receptor genes, 3 of 8.",
        f"shared with the DBM: {_describe_shared(found)}; NMF of expression shares {share:.0%} of "
        f"the receptors and {of_markers:.0%} of the markers",
        "reproduced" if is_less and share <= 0.5 else "partly" if is_less else "not reproduced",
        _fewer(found, markers),
    )


def _fewer(found: Panels, markers: Panels) -> list[bool]:
    """Return for each split of both panels whether fewer receptors are shared, at most half."""
    of_markers = dict(zip(markers.splits, markers.share_shared(EXPRESSION), strict=True))
    pairs = zip(found.splits, found.share_shared(EXPRESSION), strict=True)
    return [
        bool(share < of_markers[split] and share <= 0.5)
        for split, share in pairs
        if split in of_markers
    ]


def _more_pronounced(found: dict[Panel, Panels]) -> Statement:
    statement = _separated(found["receptors"], "considerably better", "receptors")
    ahead = {
        panel: float((of.separation["DBM"] / of.separation[EXPRESSION]).mean() - 1)
        for panel, of in found.items()
    }
    is_pronounced = ahead["receptors"] > max(ahead["markers"], CONSIDERABLE)
    text = ", ".join(f"{share:+.0%} with {panel}" for panel, share in ahead.items())
    is_too_high = statement.verdict == "reproduced" and not is_pronounced
    return Statement(
        statement.paper,
        f"{statement.measured}; the DBM's lead over NMF of expression is {text}",
        "partly" if is_too_high else statement.verdict,
        statement.holds,
    )


def _set_table(found: dict[Panel, Panels]) -> Table:
    rows = [
        [panel, method, mean_with_range(values, 3),
         ", ".join(map(str, of.num_factors.get(method, []))),
         ", ".join(of.genes[of.sets[method][0]]) if method in of.sets else ""]
        for panel, of in found.items()
        for method, values in of.separation.items()
    ]  # fmt: skip
    header = ["panel", "genes of", "separation", "factors by split", "genes in the first split"]
    return Table("Separation of GABAergic and glutamatergic cells", header, rows)


def _gene_table(found: dict[Panel, Panels]) -> Table:
    rows = []
    for panel, of in found.items():
        frequency = {m: np.bincount(s.ravel(), minlength=len(of.genes)) for m, s in of.sets.items()}
        total = np.sum(list(frequency.values()), axis=0)
        for gene in np.argsort(-total, kind="stable")[: (total > 0).sum()]:
            rows.append([panel, of.genes[gene], *(str(frequency[m][gene]) for m in METHODS)])
    return Table("Number of splits in which a gene is selected", ["panel", "gene", *METHODS], rows)
