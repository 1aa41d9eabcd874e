"""The paper's statements about the selected genes, and what was measured."""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from experiments.analysis.cortex_models import Trained, tuned
from experiments.analysis.model_settings import MODEL_NAMES, ModelName
from experiments.analysis.statements import epochs_in_words, grade
from experiments.analysis.trajectory import Trajectory
from experiments.data.cortex import (
    MARKED_GENES,
    NUM_CELLS,
    PAPER_COMMON_GENES,
    PAPER_DBM_GENES,
    gene_columns,
    panel_genes,
)
from experiments.runs.page import Section, Statement, Table
from experiments.runs.units import Done
from experiments.studies.cortex_selection.experiment import Config, class_counts
from experiments.studies.cortex_selection.figures import (
    count_splits,
    draw_figures,
)
from loglin import select_features


def summarize(config: Config, done: Sequence[Done]) -> Section:
    """Compare the paper's genes and statements with what was selected here."""
    genes, gene_class = panel_genes(config.cells.panel)
    by_split = tuned(done)
    results = {model: list(found.values()) for model, found in by_split.items()}
    num_selected = config.trajectory.num_selected
    if config.cells.panel == "receptors":
        aside = "The statements are about the marker panel."
        statements = [Statement(aside, "see the tables", "not measured")]
    else:
        statements = [_common_genes(by_split, genes)]
        for model, found in results.items():
            trajectories = [trained.trajectory for trained in found]
            statements += [
                _first_epochs(MODEL_NAMES[model], trajectories, gene_class),
                _later_epochs(MODEL_NAMES[model], trajectories, gene_class),
                _marked_genes(MODEL_NAMES[model], trajectories, genes),
            ]
    introduction = (
        f"Models ({', '.join(MODEL_NAMES[model] for model in results)}) with {config.num_latents} "
        f"latents are trained on {config.cells.share_for_training:.1%} of the {NUM_CELLS} cells of "
        f"the mouse visual cortex, with {len(genes)} genes cut at their quantile "
        f"{config.cells.cut:g}, in "
        f"{count_splits(results)} and from {config.num_starts} starts each. Every "
        f"{config.trajectory.every} epochs, {config.trajectory.num_samples} synthetic cells are "
        f"drawn and {num_selected} genes are selected. The tuned model is the start and the epoch "
        "with the smallest Cramer statistic between synthetic and held-out cells. Half of a DBM's "
        "epochs are pretraining and half fine-tuning. Late steps should be interpreted with care: "
        "an empty cell of the contingency table counts as 0.5, which favours rare genes once the "
        "table is sparse. The tables below therefore also give the gain of each gene after "
        "shuffling."
    )
    return Section(
        "Marker genes of the cortex (Section 3.2.1, Fig. 5)",
        introduction,
        statements,
        draw_figures(config, results),
        [
            _gene_table(MODEL_NAMES[model], found, genes, gene_class)
            for model, found in results.items()
        ],
    )


def _gene_table(
    name: str,
    results: Sequence[Trained],
    genes: NDArray[np.str_],
    gene_class: NDArray[np.str_],
) -> Table:
    """List the genes of the first split in order, then those of other splits and of the paper."""
    first, best = results[0].trajectory, results[0].best
    selected = genes[results[0].selected].tolist()
    frequency = Counter(gene for trained in results for gene in genes[trained.selected].tolist())
    elsewhere = [gene for gene, _ in frequency.most_common() if gene not in selected]
    never = [gene for gene in PAPER_DBM_GENES if gene in genes and gene not in frequency]
    rows = []
    for step, gene in enumerate([*selected, *elsewhere, *never]):
        number, gain, shuffled = "", "", ""
        if step < len(selected):
            number, gain = str(step + 1), f"{first.gains[best][step]:.0f}"
            mark = " !" if first.by_chance[best][step] else ""
            shuffled = f"{first.shuffled[best][step]:.0f}{mark}"
        (column,) = gene_columns(genes, [gene])
        splits = f"{frequency[gene]} of {len(results)}"
        rows.append([number, gene, gene_class[column], gain, shuffled, splits, _in_paper(gene)])
    epochs = ", ".join(str(trained.trajectory.epochs[trained.best]) for trained in results)
    return Table(
        f"{name}: the genes selected from the tuned models (epochs of the splits: {epochs})",
        [
            "step (first split)",
            "gene",
            "class",
            "G2 gain",
            "gain after shuffling (! explained by chance)",
            "splits that select it",
            "selected in the paper",
        ],
        rows,
    )


def _in_paper(gene: str) -> str:
    if gene in PAPER_COMMON_GENES:
        return "VAE and DBM"
    return "DBM" if gene in PAPER_DBM_GENES else ""


def _common_genes(
    by_split: dict[ModelName, dict[int, Trained]], genes: NDArray[np.str_]
) -> Statement:
    both = set(PAPER_COMMON_GENES)
    parts, least = [], 1.0
    in_split: dict[int, list[int]] = {}
    for model, found in by_split.items():
        selected = [set(genes[trained.selected].tolist()) for trained in found.values()]
        common = [len(chosen & both) for chosen in selected]
        least = min(least, float(np.mean(common)) / len(both))
        for split, number in zip(found, common, strict=True):
            in_split.setdefault(split, []).append(number)
        parts.append(
            f"{MODEL_NAMES[model]}: {np.mean(common):.1f} of the 8 (from {min(common)} to "
            f"{max(common)} over {len(found)} splits)"
        )
        if model == "dbm":
            of_dbm = np.mean([len(chosen & set(PAPER_DBM_GENES)) for chosen in selected])
            parts[-1] += (
                f" and {of_dbm:.1f} of the {len(PAPER_DBM_GENES)} that the paper names for it"
            )
    pairs = _pairs(by_split)
    if pairs:
        shared = [len(np.intersect1d(a.selected, b.selected)) for a, b in pairs]
        parts.append(
            f"of the {len(pairs[0][0].selected)} genes of a split, both models select "
            f"{np.mean(shared):.1f} (from {min(shared)} to {max(shared)}), in the paper 8"
        )
    return Statement(
        f"Eight genes are selected from both VAE and DBM samples: {', '.join(PAPER_COMMON_GENES)}.",
        "; ".join(parts),
        grade(least, reproduced=0.85, partly=0.5) if len(by_split) == 2 else "not measured",
        [min(numbers) >= 0.85 * len(both) for numbers in in_split.values() if len(numbers) == 2],
        f"{_who_takes_the_place(by_split, genes)} {_without_half_samples(by_split, genes)}",
        f"genes-{next(iter(by_split))}",
    )


def _who_takes_the_place(
    by_split: dict[ModelName, dict[int, Trained]], genes: NDArray[np.str_]
) -> str:
    """Say which of the common genes are missed, and how many of the others a split has instead."""
    sets = [
        set(genes[trained.selected].tolist())
        for found in by_split.values()
        for trained in found.values()
    ]
    missed = Counter(gene for chosen in sets for gene in PAPER_COMMON_GENES if gene not in chosen)
    if not missed:
        return ""
    named = set(PAPER_DBM_GENES) | set(PAPER_COMMON_GENES)
    instead = Counter(gene for chosen in sets for gene in chosen - named)
    names = ", ".join(f"{gene} ({number} of {len(sets)})" for gene, number in missed.most_common(3))
    others = ", ".join(f"{gene} ({number})" for gene, number in instead.most_common(3)) or "none"
    stable = np.mean(
        [
            len(a & b) / len(a)
            for found in by_split.values()
            for a, b in combinations([set(t.selected.tolist()) for t in found.values()], 2)
        ]
        or [np.nan]
    )
    return (
        f"Missing most often: {names}; selected most often of the genes that the paper does not "
        f"name: {others}. Two splits of one model share {stable:.0%} of their genes on average, so "
        "that a list of eight is as stable as that: genes of one class of cells stand for each "
        "other."
    )


def _without_half_samples(
    by_split: dict[ModelName, dict[int, Trained]], genes: NDArray[np.str_]
) -> str:
    """Say how many of the common genes the same samples give if empty cells count as empty."""
    shared = [
        len(set(genes[plain.features]) & set(PAPER_COMMON_GENES))
        for found in by_split.values()
        for trained in found.values()
        for plain in [select_features(trained.x, trained.u, len(trained.selected), empty=0.0)]
    ]
    return (
        "The half sample that the authors count in each empty cell of a table favours rare genes "
        f"in the last steps: without it the same synthetic cells give {np.mean(shared):.1f} of the "
        "8."
    )


def _pairs(by_split: dict[ModelName, dict[int, Trained]]) -> list[tuple[Trained, Trained]]:
    """Return VAE and DBM of each split that has both."""
    of_vae, of_dbm = by_split.get("vae", {}), by_split.get("dbm", {})
    return [(of_vae[split], of_dbm[split]) for split in sorted(of_vae.keys() & of_dbm.keys())]


def _first_epochs(
    name: str, trajectories: Sequence[Trajectory], gene_class: NDArray[np.str_]
) -> Statement:
    paper = f"{name}: in the first epochs a large share of the selected genes are non-neural."
    epochs = trajectories[0].epochs
    checkpoints = np.flatnonzero((epochs >= 5) & (epochs <= 10))
    if not len(checkpoints):
        return Statement(paper, "no checkpoint at epochs 5 to 10", "not measured")
    counts = np.stack(
        [class_counts(c, gene_class, "non-neural")[checkpoints] for c in trajectories]
    )
    num_selected = trajectories[0].features.shape[1]
    base = (gene_class == "non-neural").mean() * num_selected
    return Statement(
        paper,
        f"{counts.mean():.1f} of {num_selected} at {epochs_in_words(epochs[checkpoints])} (from "
        f"{counts.min()} to {counts.max()}); {base:.1f} are expected by chance",
        grade(counts.mean() / num_selected, reproduced=0.5, partly=base / num_selected),
        (counts.mean(axis=1) / num_selected >= 0.5).tolist(),
    )


def _later_epochs(
    name: str, trajectories: Sequence[Trajectory], gene_class: NDArray[np.str_]
) -> Statement:
    paper = f"{name}: from epoch 20 on mostly GABAergic and glutamatergic markers are selected."
    epochs = trajectories[0].epochs
    checkpoint = trajectories[0].first_from(20)
    if checkpoint is None:
        return Statement(paper, f"training stopped at epoch {epochs[-1]}", "not measured")
    num_selected = trajectories[0].features.shape[1]
    is_neural = np.isin(gene_class, ["gabaergic", "glutamatergic"])
    neural = np.stack([is_neural[c.features[checkpoint:]].sum(axis=1) for c in trajectories])
    majority = neural > num_selected / 2
    return Statement(
        paper,
        f"{neural[:, 0].mean():.1f} of {num_selected} at epoch {epochs[checkpoint]}, "
        f"{neural.mean():.1f} on average from then on; they are the majority in "
        f"{majority[:, 0].mean():.0%} of splits at that epoch and in {majority.mean():.0%} of the "
        "checkpoints from then on",
        # "From epoch 20 on" holds if it holds at epoch 20 too.
        grade(min(majority[:, 0].mean(), majority.mean()), reproduced=0.9, partly=0.4),
        [bool(row[0] and row.mean() >= 0.9) for row in majority],
        "From which epoch on they are the majority in 90 % of the splits, and stay it: "
        f"{_first_lasting(epochs[checkpoint:], majority)}. The epochs of a model depend on the "
        "size of its batches and on its learning rate, and a checkpoint is seen every "
        f"{int(np.diff(epochs).max(initial=0))} epochs.",
        "classes",
    )


def _marked_genes(
    name: str, trajectories: Sequence[Trajectory], genes: NDArray[np.str_]
) -> Statement:
    paper = f"{name}: among them are Pvalb, Sst and Vip, which distinguish three GABAergic groups."
    checkpoint = trajectories[0].first_from(50)
    if checkpoint is None:
        measured = f"training stopped at epoch {trajectories[0].epochs[-1]}"
        return Statement(paper, measured, "not measured")
    columns = gene_columns(genes, MARKED_GENES)
    share = [
        float(np.mean([(c.features[checkpoint:] == column).any(axis=1) for c in trajectories]))
        for column in columns
    ]
    text = ", ".join(f"{gene} {s:.0%}" for gene, s in zip(MARKED_GENES, share, strict=True))
    return Statement(
        paper,
        f"selected at checkpoints from epoch {trajectories[0].epochs[checkpoint]} on: {text}",
        grade(min(share), reproduced=0.9, partly=0.5),
        [
            min((c.features[checkpoint:] == column).any(axis=1).mean() for column in columns) >= 0.9
            for c in trajectories
        ],
        "The gene that is missing most often is "
        f"{MARKED_GENES[int(np.argmin(share))]}. In the checkpoints without it the selection has "
        + _stand_ins(trajectories, checkpoint, columns[int(np.argmin(share))], genes)
        + " more often than in those with it.",
    )


def _first_lasting(epochs: NDArray[np.int64], majority: NDArray[np.bool_]) -> str:
    """Return the first epoch from which on the majority (splits, t) holds in 90 % of splits."""
    holds = majority.mean(axis=0) >= 0.9
    lasting = np.flatnonzero(np.cumprod(holds[::-1])[::-1])
    return f"epoch {epochs[lasting[0]]}" if len(lasting) else "none"


def _stand_ins(
    trajectories: Sequence[Trajectory], checkpoint: int, column: int, genes: NDArray[np.str_]
) -> str:
    """Name the two genes that most often stand where a gene is not selected."""
    rows = np.concatenate([c.features[checkpoint:] for c in trajectories])
    has = (rows == column).any(axis=1)
    if has.all() or not has.any():
        return "no others"
    chosen = (rows[:, :, None] == np.arange(len(genes))).any(axis=1)
    more = chosen[~has].mean(axis=0) - chosen[has].mean(axis=0)
    return " and ".join(genes[np.argsort(-more)[:2]])
