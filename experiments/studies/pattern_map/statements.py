"""The paper's statements about the maps, and what was measured."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import jensenshannon

from experiments.analysis.map_order import (
    circular_order,
    num_places,
    swept_turns,
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
    Maps,
    Result,
    center_of,
    one_gene_each,
    pattern_places,
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
    one_each: NDArray[np.float64]
    """(n, t) absolute value of the circular order of one gene of each overlap."""
    one_each_is_circular: NDArray[np.bool_]
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
        np.abs([result.union.circular for result in results]),
        np.array([result.union.p_value for result in results]) < 0.05,
        np.abs([result.one_each.circular for result in results]),
        np.array([result.one_each.p_value for result in results]) < 0.05,
        np.array([[_mean_distance(d) for d in result.union.distances] for result in results]),
        np.array([[_mean_distance(d) for d in result.union.corrected] for result in results]),
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
            _one_each(measured, later),
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
        f"pretrained for so many epochs and fine-tuned for as many. From {config.num_samples:,} "
        f"synthetic cells of each model {config.num_selected} genes "
        f"are selected. The {config.num_patterns} most frequent patterns of each "
        "model in the union of these genes are pooled, and mapped by the root Jensen-Shannon "
        "distances between the distributions of their latents. The circular order (Fisher & Lee "
        "1982) measures how consistently triples of patterns go round the pattern of zeros in the "
        "order of the stair; patterns of genes that the same two stages share are at the same "
        "place, and only triples of three places count. It is compared with "
        f"{config.num_permutations} random orders. Results are from {measured.how_often}."
    )
    return Section(
        "Dissimilarity of patterns (Section 3.1.3, Fig. 4)",
        introduction,
        statements,
        draw_figures(config, results),
        [_table(measured)],
    )


def _sizes(measured: Measured) -> Statement:
    sizes = np.array(
        [(len(result.union.features), len(result.union.states)) for result in measured.results]
    )
    genes, patterns = (mean_with_range(column, 1) for column in sizes.T)
    roles = stair_genes(measured.config.stairs).role
    noise = np.array([(roles[r.union.features] == "noise").sum() for r in measured.results])
    is_close = np.abs(sizes - [11, 12]).max(axis=1) <= 4
    return Statement(
        "The union of the selected genes has 11 genes, that of the patterns 12 patterns.",
        f"{genes} genes and {patterns} patterns",
        grade(float(is_close.mean()), reproduced=0.7, partly=0.3),
        is_close.tolist(),
        f"Of the genes in the union {noise.mean():.1f} are noise on average; without them it has "
        f"{(sizes[:, 0] - noise).mean():.1f}. Noise genes selected from each model: "
        f"{_by_epoch(measured, roles)}.",
        "maps",
    )


def _by_epoch(measured: Measured, roles: NDArray[np.str_]) -> str:
    """Say how many noise genes are selected after each number of epochs."""
    return ", ".join(
        f"{np.mean([(roles[r.chosen[at]] == 'noise').sum() for r in measured.results]):.1f} "
        f"at epoch {epoch}"
        for at, epoch in enumerate(measured.epochs)
    )


def _ones(measured: Measured) -> Statement:
    num_on = [result.union.states.sum(axis=1) for result in measured.results]
    share = np.mean(np.concatenate(num_on) <= 1)
    both = np.mean([_has_both_of_an_overlap(measured.config, r.union) for r in measured.results])
    return Statement(
        "In each pattern at most one gene has value 1.",
        f"true of {share:.0%} of the patterns, and of all patterns in "
        f"{np.mean([on.max() <= 1 for on in num_on]):.0%} of the repetitions",
        grade(float(share), reproduced=0.9, partly=0.6),
        [float(np.mean(on <= 1)) >= 0.9 for on in num_on],
        f"In {both:.0%} of the repetitions both genes of an overlap are in the union. They are on "
        "in the same two stages, so cells in which both are on are among the frequent patterns.",
        "maps",
    )


def _has_both_of_an_overlap(config: Config, maps: Maps) -> bool:
    genes = stair_genes(config.stairs)
    shared = maps.features[genes.role[maps.features] == "overlap"]
    stages = genes.first_stage[shared]
    return len(np.unique(stages)) < len(stages)


def _clustered(measured: Measured) -> Statement:
    first, last = measured.ends
    (at_first, at_last), epochs = measured.corrected[:, [first, last]].T, measured.epochs
    is_smaller, is_half = np.mean(at_first < at_last), np.mean(at_first < at_last / 2)
    plain = measured.plain[:, [first, last]].mean(axis=0)
    size = [np.median(np.concatenate([r.union.counts[at] for r in measured.results]))
            for at in (first, last)]  # fmt: skip
    return Statement(
        "At the beginning of training all patterns are clustered together.",
        f"mean distance between patterns {plain[0]:.2f} at epoch "
        f"{epochs[first]} and {plain[1]:.2f} at epoch {epochs[last]}; "
        f"corrected for the sizes of the groups {at_first.mean():.2f} and {at_last.mean():.2f}, "
        f"smaller at the beginning in {is_smaller:.0%} of the repetitions",
        grade(float(is_half), reproduced=0.9, partly=0.5 if is_smaller >= 0.9 else None),
        (at_first < at_last / 2).tolist(),
        "Two groups from the same distribution over 1024 states are apart by their sampling noise, "
        f"the more the smaller they are: half of the patterns have at most {size[0]:.0f} cells at "
        f"epoch {epochs[first]} and {size[1]:.0f} at epoch {epochs[last]}. The distances corrected "
        "for this are what training changes.",
        "maps",
    )


def _structure(measured: Measured, at: int) -> Statement:
    epoch, is_circular = measured.epochs[at], measured.is_circular[:, at]
    share = float(is_circular.mean())
    return Statement(
        "After only 5 to 10 epochs the patterns lie in a circle or spiral, in the order of the "
        f"genes ({epoch} epochs)."
        if epoch < 20
        else "After 20 epochs the patterns form such a structure.",
        f"at epoch {epoch} the order is more circular than 95 % of random orders in {share:.0%} of "
        f"{measured.how_often}; mean circular order {mean_of_known(measured.circular[:, at]):.2f}, "
        f"of one gene of each overlap {mean_of_known(measured.one_each[:, at]):.2f}",
        grade(share, reproduced=0.9, partly=0.5),
        is_circular.tolist(),
        _why_not_circular(measured, [at]),
        "circular",
    )


def _why_not_circular(measured: Measured, which: list[int]) -> str:
    """Say what one gene of each overlap shows that the union of patterns does not."""
    clear = measured.one_each_is_circular[:, which].mean()
    roles = stair_genes(measured.config.stairs).role
    noise = np.mean([roles[result.chosen[which]] == "noise" for result in measured.results])
    exact = [abs(_exact(measured.config, result.union)[0]) for result in measured.results]
    few = np.mean([_num_places(measured.config, result.union) for result in measured.results])
    full = num_places(_one_gene_places(measured.config))
    return (
        f"Of the genes selected from these models {noise:.0%} are noise. The union of patterns has "
        f"{few:.1f} places along the stair on average, of {full} that single genes "
        "of the overlaps have, and so few triples that chance often orders them as well. "
        "Patterns of one gene of each overlap, from the same models and cells, "
        f"are in circular order beyond chance in {clear:.0%} of these maps. With the true stage of "
        f"a cell as its latent the circular order of the union would be "
        f"{mean_with_range(exact)}."
    )


def _one_gene_places(config: Config) -> NDArray[np.float64]:
    places = pattern_places(config.stairs, *one_gene_each(config.stairs))
    return places[np.isfinite(places)]


def _num_places(config: Config, maps: Maps) -> int:
    places = pattern_places(config.stairs, maps.features, maps.states)
    return num_places(places[np.isfinite(places)])


def _maintained(measured: Measured, later: list[int]) -> Statement:
    is_circular = measured.is_circular[:, later]
    return Statement(
        "From 20 epochs on this structure is stable, in 100 repetitions.",
        "significantly circular at every number of epochs from 20 on in "
        f"{is_circular.all(axis=1).mean():.0%} of {measured.how_often}, and in "
        f"{is_circular.mean():.0%} of all maps from 20 epochs on; mean circular order "
        f"{mean_of_known(measured.circular[:, later]):.2f}",
        grade(float(is_circular.mean()), reproduced=0.9, partly=0.6),
        [bool(row.all()) for row in is_circular],
        _why_not_circular(measured, later),
        "circular",
    )


def _is_mostly_circular(measured: Measured, later: list[int]) -> bool:
    return bool(measured.is_circular[:, later].mean() > 0.5)


def _spiral(measured: Measured, later: list[int]) -> Statement:
    of_each = np.array([np.abs(result.union.turns[later]) for result in measured.results])
    turns = mean_of_known(of_each)
    is_circular = _is_mostly_circular(measured, later)
    truth = [abs(_exact(measured.config, result.union)[1]) for result in measured.results]
    return Statement(
        "The patterns form a spiral that winds outward from the pattern of zeros.",
        f"from epoch 20 on the patterns make {turns:.2f} turns around the centre on average"
        + (
            (": a spiral" if turns >= 1 else ": an arc around the zeros, not a spiral")
            if is_circular
            else ", but in most maps their order is no more circular than by chance"
        ),
        grade(turns if is_circular else 0.0, reproduced=1, partly=0.5),
        [bool(mean_of_known(row) >= 1) for row in of_each],
        f"If the latent were the true stage of a cell, the patterns would make "
        f"{mean_of_known(truth):.2f} turns: the ends of the stair have no stage in common, so that "
        "they are as far apart as any, and the map of a stair is an open arc. A model that learns "
        "the truth cannot show a spiral.",
        "maps",
    )


def _rotation(measured: Measured, later: list[int]) -> Statement:
    signs = [np.sign(result.union.circular[later]) for result in measured.results]
    flips = np.array([(np.diff(sign) != 0).any() for sign in signs])
    is_circular = _is_mostly_circular(measured, later)
    return Statement(
        "The direction of rotation changes during training.",
        f"it changes in {flips.mean():.0%} of the repetitions. However, the orientation of a map "
        "is arbitrary: its mirror image shows the same distances"
        + ("" if is_circular else ", and a random order has a direction as well"),
        grade(float(flips.mean()), reproduced=0.3, partly=0.1) if is_circular else "not measured",
        flips.tolist() if is_circular else (),
    )


def _one_each(measured: Measured, later: list[int]) -> Statement:
    is_circular = measured.one_each_is_circular[:, later]
    by_epoch = ", ".join(
        f"{measured.epochs[at]}: {mean_of_known(measured.one_each[:, at]):.2f} "
        f"({measured.one_each_is_circular[:, at].mean():.0%})"
        for at in range(len(measured.epochs))
    )
    return Statement(
        "Not in the paper: patterns of one gene of each overlap lie in a circle from 20 epochs on.",
        "circular order of these patterns, whatever was selected, by epoch, and share of the maps "
        f"beyond chance: {by_epoch}",
        grade(float(is_circular.mean()), reproduced=0.9, partly=0.6),
        [bool(row.all()) for row in is_circular],
        "The higher Kruskal's stress of a map, the less of the distances two dimensions can show: "
        "it is "
        + ", ".join(
            f"{mean_of_known([r.one_each.stress[at] for r in measured.results]):.2f} at "
            f"{measured.epochs[at]}"
            for at in later
        )
        + ".",
        "circular",
    )


def _walk(measured: Measured, later: list[int]) -> Statement:
    walks = np.array([_walk_p_values(measured.config, r.union) for r in measured.results])
    exact = [abs(_exact(measured.config, result.union)[0]) for result in measured.results]
    shares = ", ".join(f"{measured.epochs[at]}: {(walks[:, at] < 0.05).mean():.0%}" for at in later)
    return Statement(
        "Not in the paper: the map shows the order of the stair, whether as a circle or not.",
        f"share of {measured.how_often} in which the walk from place to place along the stair is "
        f"shorter than 95 % of walks in random order, by epoch: {shares}. If the latent were the "
        f"true stage of a cell, the circular order would be {mean_of_known(exact):.2f}",
        grade(float((walks[:, measured.ends[1]] < 0.05).mean()), reproduced=0.9, partly=0.5),
        (walks[:, measured.ends[1]] < 0.05).tolist(),
    )


def _table(measured: Measured) -> Table:
    roles = stair_genes(measured.config.stairs).role
    rows = []
    for at, epoch in enumerate(measured.epochs):
        noise = [(roles[result.chosen[at]] == "noise").sum() for result in measured.results]
        numbers = (
            measured.circular[:, at],
            measured.is_circular[:, at],
            np.abs([result.union.turns[at] for result in measured.results]),
            measured.plain[:, at],
            measured.corrected[:, at],
            [result.union.stress[at] for result in measured.results],
            measured.one_each[:, at],
            measured.one_each_is_circular[:, at],
        )
        rows.append(
            [
                epoch,
                f"{np.mean(noise):.1f} of {measured.config.num_selected}",
                *(f"{mean_of_known(values):.2f}" for values in numbers),
                f"{np.mean([result.effective[at] for result in measured.results]):,.0f}",
            ]
        )
    header = ["epochs", "noise genes selected", "circular order", "share with p < 0.05",
              "turns", "mean distance", "corrected distance", "stress of the map",
              "one gene an overlap: circular order", "share with p < 0.05",
              "independent samples"]  # fmt: skip
    return Table(f"Mean over {measured.how_often}, for each number of epochs", header, rows)


def _walk_p_values(config: Config, maps: Maps) -> list[float]:
    """Return the p-value of the walk along the stair on each map, (t,); NaN if it is too short."""
    places = pattern_places(config.stairs, maps.features, maps.states)
    rng = np.random.default_rng(0)
    values = []
    for points in maps.points:
        along = np.isfinite(places) & np.isfinite(points[:, 0])
        has_order = num_places(places[along]) > 2
        values.append(walk_p_value(points[along], 999, rng, places[along]) if has_order else np.nan)
    return values


def _exact(config: Config, maps: Maps) -> tuple[float, float]:
    """Return circular order and turns with the stage as latent; NaN without three places."""
    places = pattern_places(config.stairs, maps.features, maps.states)
    along = np.isfinite(places)
    if num_places(places[along]) < 3:
        return np.nan, np.nan
    posterior = stage_posterior(config.stairs, maps.features, maps.states)
    with np.errstate(invalid="ignore"):  # between equal distributions it may round below 0
        distances = jensenshannon(posterior[:, None], posterior[None], axis=2)
    points = embed(np.nan_to_num((distances + distances.T) / 2))
    of_stair = points[along], center_of(points, maps.states), places[along]
    return circular_order(*of_stair), swept_turns(*of_stair)


def _mean_distance(distances: NDArray[np.float64]) -> float:
    """Return the mean distance over all pairs of patterns that both occur."""
    return mean_of_known(distances[np.triu_indices(len(distances), 1)])
