"""The paper's statements about the test, and what was measured."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from experiments.analysis.statements import count_of, grade
from experiments.data.stairs import stair_genes
from experiments.runs.page import Section, Statement, Table
from experiments.runs.units import Done
from experiments.studies.significance.experiment import Config, Result
from experiments.studies.significance.figures import plot_gains, plot_null

LEVELS = (0.05, 0.1, 0.25, 0.5)
"""Significance levels at which the p-values are checked."""
ENOUGH = 50
"""Number of data sets that a verdict on shares of p-values requires."""


def summarize(config: Config, done: Sequence[Done]) -> Section:
    """Check whether the test holds its level, and how many steps it finds significant."""
    null = [unit.result for unit in done if unit.settings.is_permuted]
    of_stairs = [unit for unit in done if not unit.settings.is_permuted]
    stairs = [unit.result for unit in of_stairs]
    statements, rows = [], []
    levels = [level for level in LEVELS if level * (1 + config.test.num_permutations) >= 1]
    if null:
        p_values = np.stack([result.p_values for result in null])[:, 1:]
        of_samples = np.stack([result.of_samples for result in null])[:, 1:]
        statements += [_is_valid(p_values, levels), _overlooks(p_values, of_samples)]
        for name, values in (
            ("models retrained", p_values),
            ("synthetic cells permuted", of_samples),
        ):
            rows += [
                [name, step, *(f"{(column <= level).mean():.0%}" for level in levels)]
                for step, column in enumerate(values.T, start=2)
            ]
    informative = stair_genes(config.stair.stairs).is_informative
    if stairs:
        statements.append(_criterion(stairs, informative))
    introduction = (
        f"Each gene is permuted independently, a {config.model_settings.name} is retrained and the "
        f"selection is repeated, at most {config.test.num_permutations} times. A step is tested no "
        f"further once {config.test.max_exceedances} permutations have reached its gain. The "
        "selection starts from the best pair. Results are from "
        f"{count_of(len(null), 'data set')} without structure ({config.null.stairs.num_cells} "
        f"cells, {config.null.stairs.num_genes} genes) and {count_of(len(stairs), 'data set')} of "
        f"the stair ({config.stair.stairs.num_cells} cells, {config.stair.stairs.num_genes} genes)."
    )
    return Section(
        "Significance of the steps (Section 2.2)",
        introduction,
        statements,
        {
            "p-values": (
                plot_null(null),
                "Data without structure: share of data sets with a p-value up to each level. On "
                "the diagonal, a test holds its level. Left: models retrained for every "
                "permutation; right: only the synthetic cells permuted.",
            ),
            "gains": (
                plot_gains(stairs, informative),
                "Stair: gains of the selected genes, and those of models trained on permuted "
                "genes (first data set).",
            ),
        },
        [
            Table(
                "Share of data sets without structure with a p-value up to each level",
                ["null distribution", "step", *map(str, levels)],
                rows,
            ),
            _p_value_table(of_stairs, informative),
        ],
    )


def _p_value_table(done: Sequence[Done], informative: NDArray[np.bool_]) -> Table:
    num_selected = done[0].settings.task.num_selected if done else 1
    rows = [
        [
            unit.seed,
            *(
                f"{p:.2f} ({'informative' if informative[gene] else 'noise'})"
                for p, gene in zip(unit.result.p_values[1:], unit.result.features[1:], strict=True)
            ),
        ]
        for unit in done
    ]
    return Table("Stair: p-values", ["seed", *map(str, range(2, num_selected + 1))], rows)


def _is_valid(p_values: NDArray[np.float64], levels: Sequence[float]) -> Statement:
    """Test whether small p-values are more frequent than a valid test allows."""
    number, num_steps = p_values.shape
    counts = {level: (p_values <= level).sum(axis=0) for level in levels}
    chances = [
        binomtest(int(count), number, level, alternative="greater").pvalue
        for level, of_steps in counts.items()
        for count in of_steps
    ]
    text = "; ".join(
        f"p up to {level:g} in {', '.join(f'{count / number:.0%}' for count in of_steps)}"
        for level, of_steps in counts.items()
    )
    return Statement(
        "Training on permuted features gives a valid null distribution.",
        f"of {number} data sets without structure, at steps 2 to {num_steps + 1}: {text}. The "
        f"smallest probability of such a large share under a valid test, among these "
        f"{len(chances)} shares, is {min(chances):.2g}",
        # All shares together are tested at 5 % (Bonferroni).
        grade(min(chances) * len(chances), reproduced=0.05, partly=0.005)
        if number >= ENOUGH
        else "not measured",
    )


def _overlooks(p_values: NDArray[np.float64], of_samples: NDArray[np.float64]) -> Statement:
    level = LEVELS[0]
    ours, naive = ((values <= level).mean() for values in (p_values, of_samples))
    return Statement(
        "It accounts for overfitting, which requires that the model is retrained.",
        f"in data without structure, {naive:.0%} of the p-values from permuted synthetic cells of "
        f"one model are up to {level:g}, and {ours:.0%} of those from retrained models",
        grade(float(naive - ours), reproduced=0.2, partly=0.05)
        if len(p_values) >= ENOUGH
        else "not measured",
    )


def _criterion(stairs: Sequence[Result], informative: NDArray[np.bool_]) -> Statement:
    """Check whether the genes before the first step that is not significant are informative."""
    paper = "It is an objective criterion of how many features to select."
    num_steps = [int(result.num_significant) for result in stairs]
    pairs = list(zip(stairs, num_steps, strict=True))
    chosen = np.concatenate([result.features[:number] for result, number in pairs])
    rest = np.concatenate([result.features[number:] for result, number in pairs])
    measured = (
        f"of {len(stairs[0].features)} genes, {np.mean(num_steps):.1f} are significant at 5 % "
        f"(from {min(num_steps)} to {max(num_steps)} over data sets)"
    )
    if not len(chosen):
        return Statement(paper, measured, "not reproduced")
    share = float(informative[chosen].mean())
    others = f"and {1 - informative[rest].mean():.0%} of the others" if len(rest) else "(all genes)"
    return Statement(
        paper,
        f"{measured}; noise genes are {1 - share:.0%} of these {others}",
        # If all genes are significant, the criterion never had to stop a selection.
        grade(share, reproduced=0.9 if len(rest) else None, partly=0.7),
        [bool(informative[r.features[:n]].mean() >= 0.9) if n else False for r, n in pairs],
    )
