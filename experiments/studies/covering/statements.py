"""What the features of each method tell about the classes, in sentences and a table."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from experiments.analysis.statements import count_of
from experiments.data.labelled import DESCRIPTIONS, why_missing
from experiments.runs.page import Section, Statement, Table, Verdict
from experiments.runs.units import Done
from experiments.studies.covering.experiment import Config, Result, Task, by_task
from experiments.studies.covering.figures import draw_accuracy
from experiments.studies.covering.methods import METHODS, RECOMMENDED, SIMPLER, WITH_LABELS


def summarize(config: Config, done: Sequence[Done]) -> Section:
    """Compare the methods."""
    found = by_task(config, done)
    number = count_of(len({unit.seed for unit in done}), "seed")
    missing = [
        f"{name}: {reason}" for name in config.data if (reason := why_missing(name)) is not None
    ]
    introduction = (
        "Does the paper's rule find what there is to find in other data? Models with "
        f"{config.num_latents} latents are trained on two thirds of the samples (VAE in batches of "
        f"{config.batch_size}, DBM one by one, {config.num_epochs} epochs, learning rate "
        f"{config.learning_rate:g}), and features selected from {config.num_samples:,} samples of "
        "the model. A random forest then learns the classes from the selected features alone, and "
        "is asked about the samples held out: the share told right is averaged over the classes. "
        "Neither the model nor the selection knows the classes, except where a method says so. "
        f"Results are from {number}, each with its own split. "
        + " ".join(f"{name.capitalize()}: {DESCRIPTIONS[name]}." for name in config.data)
        + (f" Not run: {'; '.join(missing)}." if missing else "")
    )
    middle = config.numbers.index(10) if 10 in config.numbers else len(config.numbers) - 1
    return Section(
        "Features that cover what is known of real data (beyond the paper)",
        introduction,
        _statements(found, middle),
        {
            "accuracy": (
                draw_accuracy(found, config.numbers),
                "Share of classes told right from the first features that each method selects, "
                "mean over seeds. Dashed: with the labels. Dotted: all features.",
            )
        },
        [_table(found, config.numbers, middle)],
    )


def _statements(found: dict[Task, list[Result]], middle: int) -> list[Statement]:
    accuracy = {
        task: np.array([result.accuracy[:, middle] for result in results])
        for task, results in found.items()
    }
    return [
        Statement(
            "Not in the paper: conditional gains, summed and corrected, find more than Eq. 1.",
            *_lead(accuracy, RECOMMENDED, ["Eq. 1"]),
        ),
        Statement(
            "Not in the paper: they find more than variance, mutual information and NMF.",
            *_lead(accuracy, RECOMMENDED, SIMPLER),
        ),
        Statement(
            "Not in the paper: they find no less than the maximum over the latents.",
            *_lead(accuracy, RECOMMENDED, ["conditional, maximum"], at_least=True),
        ),
        Statement(
            "Not in the paper: with VAE samples, they reach 92 % of a selection that is given the "
            "classes.",
            *_share_of_reference(accuracy),
        ),
    ]


def _lead(
    accuracy: dict[Task, NDArray[np.float64]],
    method: str,
    others: Sequence[str],
    *,
    at_least: bool = False,
) -> tuple[str, Verdict, list[bool]]:
    """Compare a method with the best of others, by two standard errors of the difference."""
    texts, ahead, behind = [], 0, 0
    holds: list[bool] = []
    for task, of_seeds in accuracy.items():
        rows = [METHODS.index(other) for other in others]
        best = max(rows, key=lambda row: of_seeds[:, row].mean())
        differences = of_seeds[:, METHODS.index(method)] - of_seeds[:, best]
        if len(differences) < 2:
            return "one seed says nothing about the error", "not measured", []
        mean, error = differences.mean(), differences.std(ddof=1) / np.sqrt(len(differences))
        name = f" ({METHODS[best]})" if len(others) > 1 else ""
        texts.append(f"{task.name}: {100 * mean:+.1f} ± {100 * error:.1f} points{name}")
        holds += (differences >= 0 if at_least else differences > 0).tolist()
        ahead += mean > 2 * error
        behind += mean < -(1 if at_least else 2) * error
    good = len(accuracy) - behind if at_least else ahead
    verdict: Verdict = "partly"
    if good == len(accuracy):
        verdict = "reproduced"
    elif behind == len(accuracy):
        verdict = "not reproduced"
    return "; ".join(texts) + " (± standard error over seeds)", verdict, holds


def _share_of_reference(
    accuracy: dict[Task, NDArray[np.float64]],
) -> tuple[str, Verdict, list[bool]]:
    shares = {
        task: float(of_seeds[:, METHODS.index(RECOMMENDED)].mean()
                    / of_seeds[:, METHODS.index(WITH_LABELS[0])].mean())
        for task, of_seeds in accuracy.items() if task.model == "vae"
    }  # fmt: skip
    if not shares:
        return "no VAE was trained", "not measured", []
    text = "; ".join(f"{task.data}: {share:.0%}" for task, share in shares.items())
    num_good = sum(share >= 0.92 for share in shares.values())
    rows = METHODS.index(RECOMMENDED), METHODS.index(WITH_LABELS[0])
    holds = [
        bool(seed[rows[0]] >= 0.92 * seed[rows[1]]) for task in shares for seed in accuracy[task]
    ]
    if num_good == len(shares):
        return text, "reproduced", holds
    return text, "partly" if num_good else "not reproduced", holds


def _table(found: dict[Task, list[Result]], numbers: Sequence[int], middle: int) -> Table:
    """Return accuracy, neighbours and coverage of every method with ten features."""
    rows = []
    for row, method in enumerate(METHODS):
        cells = [method]
        for results in found.values():
            values = np.array([result.accuracy[row, middle] for result in results])
            error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
            neighbours = np.mean([result.neighbours[row] for result in results])
            covered = np.mean([result.coverage[row] for result in results])
            cells.append(f"{values.mean():.3f} ± {error:.3f}; {neighbours:.2f}; {covered:.2f}")
        rows.append(cells)
    agreement = [
        "{:.2f} by name; {:.2f} by pattern".format(*np.mean([r.agreement for r in results], axis=0))
        for results in found.values()
    ]
    rows.append([f"stability over starts of: {RECOMMENDED}", *agreement])
    return Table(
        f"With {numbers[middle]} features: classes told right ± standard error; neighbours kept; "
        "coverage of the latents",
        ["method", *(task.name for task in found)],
        rows,
    )
