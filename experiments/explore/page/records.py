"""The tables behind the page, as they are written to files: numbers in full, names as they came.

Text of the data stands in cells only, never in the names of columns or files.
"""

import csv
import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from experiments.explore.findings import About, Findings
from experiments.explore.page import numbers

Records = list[dict[str, Any]]


def as_csv(records: Records, header: Sequence[str]) -> bytes:
    """Return records as CSV, in UTF-8.

    All text is quoted, so that names may hold commas, quotes and line breaks; what is not known is
    empty. Names are left as they are: a spreadsheet may take one that begins with =, +, - or @ for
    a formula.
    """
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, header, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writeheader()
    for record in records:
        writer.writerow({key: _cell(value) for key, value in record.items()})
    return text.getvalue().encode("utf-8", errors="backslashreplace")


def _cell(value: Any) -> Any:
    """Return numbers of numpy as Python's, truth as 0 or 1, and nothing for NaN."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool):
        return int(value)
    return None if isinstance(value, float) and np.isnan(value) else value


def tables(about: About, found: Findings) -> dict[str, bytes]:
    """Return the tables by the names of their files, without ending."""
    made = {
        "genes": (genes(about, found), GENES),
        "stand-ins": (stand_ins(about, found), STAND_INS),
        "patterns": (patterns(about, found), _pattern_columns(found)),
        "latents": (latents(found), LATENTS),
    }
    if found.by_label is not None:
        made["labels"] = (labels(found), LABELS)
        made["accuracy"] = (accuracy(found), ACCURACY)
    if found.courses:
        made["training"] = (training(found), TRAINING)
    return {name: as_csv(*content) for name, content in made.items()}


GENES = (
    "rank", "name", "column", "gain", "chance_mean", "chance_sd", "exceedance", "p_value",
    "by_chance", "share_on", "coverage", "latent", "starts", "stand_ins",
)  # fmt: skip
"""`rank` is empty for features that only some start selects alone, `starts` is how many do;
`coverage` is of the features up to this rank; `latent` is numbered through all starts, from 1."""
STAND_INS = ("rank", "name", "stand_in", "column", "gain", "z", "shared")
LATENTS = ("latent", "entropy", "of_all", "of_chosen", "share")
LABELS = ("pattern", "label", "cells", "cells_with_label")
ACCURACY = ("features", "balanced_accuracy", "sd")
TRAINING = ("start", "epoch", "training", "held_out", "chosen")


def genes(about: About, found: Findings) -> Records:
    """Return the chosen features, and then those that only some start selects alone."""
    selection, p_values = found.selection, found.p_values
    curve = found.coverage.curve
    chosen: Records = [
        {
            "rank": step + 1,
            "name": name,
            "column": selection.features[step],
            "gain": selection.gains[step],
            "chance_mean": selection.chance.mean[step],
            "chance_sd": selection.chance.sd[step],
            "exceedance": selection.chance.exceedance[step],
            "p_value": None if p_values is None else p_values[step],
            "by_chance": selection.by_chance[step],
            "share_on": found.share_on[step],
            "coverage": curve[step],
            "latent": selection.latents[step] + 1 if selection.latents[step] >= 0 else None,
            "starts": numbers.times_selected(found, int(selection.features[step])),
            "stand_ins": len(found.stand_ins.of(step)),
        }
        for step, name in enumerate(numbers.chosen_names(about, found))
    ]
    return chosen + [
        {
            "name": str(about.names[column]),
            "column": column,
            "starts": numbers.times_selected(found, column),
        }
        for column in numbers.only_from_starts(found)
    ]


def stand_ins(about: About, found: Findings) -> Records:
    """Return the stand-ins of each chosen feature."""
    names = numbers.chosen_names(about, found)
    return [
        {
            "rank": step + 1,
            "name": names[step],
            "stand_in": str(about.names[column]),
            "column": column,
            "gain": gain,
            "z": z,
            "shared": shared,
        }
        for step, column, gain, z, shared in zip(*found.stand_ins[:5], strict=True)
    ]


def _pattern_columns(found: Findings) -> tuple[str, ...]:
    states = tuple(f"state_{rank + 1}" for rank in range(found.patterns.states.shape[1]))
    return (
        "pattern", "on", *states, "synthetic", "synthetic_share", "real", "real_share",
        "hardly_real", "x", "y", "label", "label_share",
    )  # fmt: skip


def patterns(about: About, found: Findings) -> Records:
    """Return the patterns; `state_3` is the level of the feature with rank 3 in genes.csv."""
    synthetic, real = numbers.shares(found)
    on, is_fault = numbers.on_in_patterns(about, found), numbers.hardly_real(found)
    tops = numbers.most_frequent_labels(found)
    records = []
    for k, state in enumerate(found.patterns.states):
        label, label_share = tops[k] or (None, None)
        records.append(
            {
                "pattern": k + 1,
                "on": ", ".join(on[k]),
                **{f"state_{rank}": int(level) for rank, level in enumerate(state, 1)},
                "synthetic": found.patterns.counts[k],
                "synthetic_share": synthetic[k],
                "real": found.real_counts[k],
                "real_share": real[k],
                "hardly_real": is_fault[k],
                "x": found.points[k, 0],
                "y": found.points[k, 1],
                "label": label,
                "label_share": label_share,
            }
        )
    return records


def latents(found: Findings) -> Records:
    """Return what is said about each latent of the first start, in nats."""
    coverage, none = found.coverage, np.full(len(found.coverage.entropy), np.nan)
    is_any = len(coverage.information) > 0
    chosen = coverage.information[-1] if is_any else none
    share = coverage.shares[-1] if is_any else none
    columns = (coverage.entropy, coverage.of_all, chosen, share)
    return [
        dict(zip(LATENTS, (latent, *row), strict=True))
        for latent, row in enumerate(zip(*columns, strict=True), 1)
    ]


def labels(found: Findings) -> Records:
    """Return the number of real cells with each pattern and label."""
    by_label = found.by_label
    if by_label is None:
        return []
    return [
        {
            "pattern": k + 1,
            "label": str(label),
            "cells": by_label.counts[k, c],
            "cells_with_label": by_label.totals[c],
        }
        for k in range(len(by_label.counts))
        for c, label in enumerate(by_label.labels)
    ]


def accuracy(found: Findings) -> Records:
    """Return how well some features tell the labels."""
    known = {} if found.by_label is None else found.by_label.accuracy
    return [dict(zip(ACCURACY, (key, *values), strict=True)) for key, values in known.items()]


def training(found: Findings) -> Records:
    """Return the bounds of each start at each epoch; `chosen` is 1 at the epoch that was taken."""
    return [
        dict(zip(TRAINING, (start, *row, row[0] == course.chosen), strict=True))
        for start, course in enumerate(found.courses, 1)
        for row in zip(course.epochs, course.training, course.held_out, strict=True)
    ]
