"""The paper's statements about the maps, and what was measured."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import jensenshannon

from experiments.analysis.map_order import (
    circular_order,
    walk_p_value,
)
from experiments.analysis.statements import count_of, grade, mean_of_known, mean_with_range
from experiments.data.stairs import (
    stage_posterior,
    stair_genes,
)
from experiments.runs.page import Section, Statement, Table
from experiments.runs.units import Done
from experiments.studies.pattern_map.experiment import (
    Config,
    Result,
    center_of,
    stair_order,
)
from experiments.studies.pattern_map.figures import draw_figures
from loglin import (
    embed,
)


class Measured(NamedTuple):
    """All repetitions, with the quantities that the statements are about."""

    config: Config
    results: Sequence[Result]
    epochs: NDArray[np.int64]
    """(t,)"""
    circular: NDArray[np.float64]
    """(n, t) absolute value of the circular order."""
    is_circular: NDArray[np.bool_]
    """(n, t) whether its p-value is below 5 %."""
    plain: NDArray[np.float64]
    """(n, t) mean distance between patterns."""
    corrected: NDArray[np.float64]
    """(n, t) the same, corrected for chance."""

    @property
    def how_often(self) -> str:
        """The number of repetitions in words."""
        return count_of(len(self.results), "repetition")

    @property
    def ends(self) -> tuple[int, int]:
        """Indices of the first and the last of `config.epochs`."""
        first, last = np.searchsorted(
            self.epochs, [min(self.config.epochs), max(self.config.epochs)]
        )
        return int(first), int(last)


def summarize(config: Config, done: Sequence[Done]) -> Section:
    """Compare the paper's statements with what was measured."""
    results: list[Result] = [unit.result for unit in done]
    measured = Measured(
        config,
        results,
        results[0].epochs,
        np.abs([result.circular for result in results]),
        np.array([result.p_value for result in results]) < 0.05,
        np.array([[_mean_distance(d) for d in result.distances] for result in results]),
        np.array([[_mean_distance(d) for d in result.corrected] for result in results]),
    )
    later = np.flatnonzero(measured.epochs >= 20).tolist()
    statements = [
        _sizes(measured),
        _ones(measured),
        _clustered(measured),
        *(_structure(measured, at) for at, e in enumerate(measured.epochs) if e in (5, 10, 20)),
    ]
    if later:
        statements += [
            _maintained(measured, later),
            _spiral(measured, later),
            _rotation(measured, later),
            _walk(measured, later),
        ]
    else:
        stopped = f"training stopped at {measured.epochs[-1]}"
        paper = "From 20 epochs on this structure is stable."
        statements.append(Statement(paper, stopped, "not measured"))
    introduction = (
        f"{config.model_settings.name}s with {config.model_settings.num_latents} units in their "
        f"highest layer are trained on {config.stairs.num_cells} simulated cells with "
        f"{config.stairs.num_genes} genes. There is one model for each number of epochs: it is "
        f"pretrained for so many epochs and fine-tuned for as many. {config.num_selected} genes "
        f"are selected from each model. The {config.num_patterns} most frequent patterns of each "
        "model in the union of these genes are pooled, and mapped by the root Jensen-Shannon "
        "distances between the distributions of their latents. The circular order (Fisher & Lee "
        "1982) measures how consistently triples of patterns go round the pattern of zeros in the "
        f"order of the stair; it is compared with {config.num_permutations} random orders. Results "
        f"are from {measured.how_often}."
    )
    return Section(
        "Dissimilarity of patterns (Section 3.1.3, Fig. 4)",
        introduction,
        statements,
        draw_figures(config, results),
        [_table(measured)],
    )


def _sizes(measured: Measured) -> Statement:
    sizes = np.array([(len(result.features), len(result.states)) for result in measured.results])
    genes, patterns = (mean_with_range(column, 1) for column in sizes.T)
    is_close = np.abs(sizes - [11, 12]).max(axis=1) <= 4
    return Statement(
        "The union of the selected genes has 11 genes, that of the patterns 12 patterns.",
        f"{genes} genes and {patterns} patterns",
        grade(float(is_close.mean()), reproduced=0.7, partly=0.3),
    )


def _ones(measured: Measured) -> Statement:
    num_on = [result.states.sum(axis=1) for result in measured.results]
    share = np.mean(np.concatenate(num_on) <= 1)
    return Statement(
        "In each pattern at most one gene has value 1.",
        f"true of {share:.0%} of the patterns, and of all patterns in "
        f"{np.mean([on.max() <= 1 for on in num_on]):.0%} of the repetitions",
        grade(float(share), reproduced=0.9, partly=0.6),
    )


def _clustered(measured: Measured) -> Statement:
    first, last = measured.ends
    (at_first, at_last), epochs = measured.corrected[:, [first, last]].T, measured.epochs
    is_smaller, is_half = np.mean(at_first < at_last), np.mean(at_first < at_last / 2)
    return Statement(
        "At the beginning of training all patterns are clustered together.",
        f"mean distance between patterns {measured.plain[:, first].mean():.2f} at epoch "
        f"{epochs[first]} and {measured.plain[:, last].mean():.2f} at epoch {epochs[last]}; "
        f"corrected for the sizes of the groups {at_first.mean():.2f} and {at_last.mean():.2f}, "
        f"smaller at the beginning in {is_smaller:.0%} of the repetitions",
        grade(float(is_half), reproduced=0.9, partly=0.5 if is_smaller >= 0.9 else None),
    )


def _structure(measured: Measured, at: int) -> Statement:
    epoch, share = measured.epochs[at], measured.is_circular[:, at].mean()
    return Statement(
        "After only 5 to 10 epochs the patterns lie in a circle or spiral, in the order of the "
        "genes."
        if epoch < 20
        else "After 20 epochs the patterns form such a structure.",
        f"at epoch {epoch} the order is more circular than 95 % of random orders in {share:.0%} of "
        f"{measured.how_often}; mean circular order {mean_of_known(measured.circular[:, at]):.2f}",
        grade(share, reproduced=0.9, partly=0.5),
    )


def _maintained(measured: Measured, later: list[int]) -> Statement:
    is_circular = measured.is_circular[:, later]
    return Statement(
        "From 20 epochs on this structure is stable, in 100 repetitions.",
        "significantly circular at every number of epochs from 20 on in "
        f"{is_circular.all(axis=1).mean():.0%} of {measured.how_often}, and in "
        f"{is_circular.mean():.0%} of all maps from 20 epochs on; mean circular order "
        f"{mean_of_known(measured.circular[:, later]):.2f}",
        grade(float(is_circular.mean()), reproduced=0.9, partly=0.6),
    )


def _is_mostly_circular(measured: Measured, later: list[int]) -> bool:
    return bool(measured.is_circular[:, later].mean() > 0.5)


def _spiral(measured: Measured, later: list[int]) -> Statement:
    turns = mean_of_known(np.abs([result.turns[later] for result in measured.results]))
    is_circular = _is_mostly_circular(measured, later)
    return Statement(
        "The patterns form a spiral that winds outward from the pattern of zeros.",
        f"from epoch 20 on the patterns make {turns:.2f} turns around the centre on average"
        + (
            (": a spiral" if turns >= 1 else ": an arc around the zeros, not a spiral")
            if is_circular
            else ", but in most maps their order is no more circular than by chance"
        ),
        grade(turns if is_circular else 0.0, reproduced=1, partly=0.5),
    )


def _rotation(measured: Measured, later: list[int]) -> Statement:
    signs = [np.sign(result.circular[later]) for result in measured.results]
    flips = np.mean([(np.diff(sign) != 0).any() for sign in signs])
    is_circular = _is_mostly_circular(measured, later)
    return Statement(
        "The direction of rotation changes during training.",
        f"it changes in {flips:.0%} of the repetitions. However, the orientation of a map is "
        "arbitrary: its mirror image shows the same distances"
        + ("" if is_circular else ", and a random order has a direction as well"),
        grade(float(flips), reproduced=0.3, partly=0.1) if is_circular else "not measured",
    )


def _walk(measured: Measured, later: list[int]) -> Statement:
    walks = np.array([_walk_p_values(measured.config, result) for result in measured.results])
    exact = np.abs([_exact_circular_order(measured.config, r) for r in measured.results])
    shares = ", ".join(f"{measured.epochs[at]}: {(walks[:, at] < 0.05).mean():.0%}" for at in later)
    return Statement(
        "Not in the paper: the map shows the order of the stair, whether as a circle or not.",
        f"share of {measured.how_often} in which the path through the patterns along the stair is "
        f"shorter than 95 % of paths in random order, by epoch: {shares}. If the latent were the "
        f"true stage of a cell, the circular order would be {mean_of_known(exact):.2f}, so much of "
        "what these patterns do not show cannot be learned",
        grade(float((walks[:, measured.ends[1]] < 0.05).mean()), reproduced=0.9, partly=0.5),
    )


def _table(measured: Measured) -> Table:
    roles = stair_genes(measured.config.stairs).role
    rows = []
    for at, epoch in enumerate(measured.epochs):
        noise = [(roles[result.chosen[at]] == "noise").sum() for result in measured.results]
        numbers = (
            measured.circular[:, at],
            measured.is_circular[:, at],
            np.abs([result.turns[at] for result in measured.results]),
            measured.plain[:, at],
            measured.corrected[:, at],
            [result.stress[at] for result in measured.results],
        )
        rows.append(
            [
                epoch,
                f"{np.mean(noise):.1f} of {measured.config.num_selected}",
                *(f"{mean_of_known(values):.2f}" for values in numbers),
            ]
        )
    header = ["epochs", "noise genes selected", "circular order", "share with p < 0.05",
              "turns", "mean distance", "corrected distance", "stress of the map"]  # fmt: skip
    return Table(f"Mean over {measured.how_often}, for each number of epochs", header, rows)


def _walk_p_values(config: Config, result: Result) -> list[float]:
    """Return the p-value of the path along the stair on each map, (t,); NaN if it is too short."""
    order = stair_order(result.features, result.states, stair_genes(config.stairs))
    walks = [points[order][np.isfinite(points[order, 0])] for points in result.points]
    rng = np.random.default_rng(0)
    return [walk_p_value(w, 999, rng) if len(w) > 2 else np.nan for w in walks]


def _exact_circular_order(config: Config, result: Result) -> float:
    """Return the circular order with the stage as latent; NaN with fewer than three patterns."""
    features, states = result.features, result.states
    order = stair_order(features, states, stair_genes(config.stairs))
    if len(order) < 3:
        return np.nan
    posterior = stage_posterior(config.stairs, features, states)
    with np.errstate(invalid="ignore"):  # between equal distributions it may round below 0
        distances = jensenshannon(posterior[:, None], posterior[None], axis=2)
    points = embed(np.nan_to_num((distances + distances.T) / 2))
    return circular_order(points[order], center_of(points, states))


def _mean_distance(distances: NDArray[np.float64]) -> float:
    """Return the mean distance over all pairs of patterns that both occur."""
    return mean_of_known(distances[np.triu_indices(len(distances), 1)])
