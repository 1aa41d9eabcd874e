"""The tables of the page, as text."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from experiments.explore.findings import About, Findings
from experiments.explore.page import numbers
from experiments.explore.page.words import listing, percent, plain, probability, signed


class Table(NamedTuple):
    """Rows of text under a header; the column `names` heads the rows."""

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    names: int = 0
    words: Sequence[int] = ()
    """Columns of words, which are flush left; those of numbers are flush right."""


_MOST_STAND_INS = 5


def features(about: About, found: Findings) -> Table:
    """Return the chosen features with their gains, and those by chance."""
    selection, noun = found.selection, about.noun
    header = ["rank", noun, "gain", "by chance", "p", "on in", "stand-ins"]
    if found.p_values is not None:
        header.insert(5, "p, retrained")
    rows = []
    for step, name in enumerate(numbers.chosen_names(about, found)):
        mean = 0.0 if selection.corrected else selection.chance.mean[step]
        row = [
            str(step + 1), plain(name), signed(selection.gains[step], 1),
            f"{signed(mean, 0)} ± {signed(selection.chance.sd[step], 1)}",
            probability(selection.chance.exceedance[step]),
            percent(found.share_on[step]), str(len(found.stand_ins.of(step))),
        ]  # fmt: skip
        if found.p_values is not None:
            row.insert(5, probability(found.p_values[step]))
        rows.append(row)
    return Table(f"The chosen {noun}s", header, rows, names=1)


def coverage(about: About, found: Findings) -> Table:
    """Return what the first features say of what all say."""
    header = ["number", f"{about.noun} added", "share"]
    rows = [
        [str(step), plain(name), percent(share)]
        for step, (name, share) in enumerate(
            zip(numbers.chosen_names(about, found), found.coverage.curve, strict=True), 1
        )
    ]
    return Table("All latents together", header, rows, words=[1])


def latents(about: About, found: Findings) -> Table:
    """Return what is said about each latent of the first start."""
    say = f"all {about.noun}s say (nats)"
    header = ["latent", "entropy (nats)", say, "chosen ones say"]
    none = np.full(len(found.coverage.entropy), np.nan)
    chosen = found.coverage.shares[-1] if len(found.coverage.information) else none
    known = found.coverage.of_all > numbers.IDLE
    rows = [
        [str(latent + 1), signed(entropy), signed(of_all) if known[latent] else "idle",
         percent(chosen[latent])]
        for latent, (entropy, of_all) in enumerate(
            zip(found.coverage.entropy, found.coverage.of_all, strict=True)
        )
    ]  # fmt: skip
    of = " of the first start" if len(found.by_start) > 1 else ""
    return Table(f"Each latent{of}", header, rows)


def patterns(about: About, found: Findings) -> Table:
    """Return what is on in each pattern, and how often it is synthetic and real."""
    header = ["pattern", "on", "synthetic", "share", "real", "share", "note"]
    synthetic, real = numbers.shares(found)
    rows = [
        [
            str(k + 1),
            ", ".join(map(plain, on)) or "none",
            f"{found.patterns.counts[k]:,}",
            percent(synthetic[k]),
            f"{found.real_counts[k]:,}",
            percent(real[k]),
            "hardly real" if fault else "",
        ]
        for k, (on, fault) in enumerate(
            zip(numbers.on_in_patterns(about, found), numbers.hardly_real(found), strict=True)
        )
    ]
    if not numbers.hardly_real(found).any():  # nothing to note
        header, rows = header[:-1], [row[:-1] for row in rows]
    return Table("Patterns of synthetic and real cells", header, rows, words=[1, 6])


def on_map(about: About, found: Findings) -> Table:
    """Return the nearest pattern to each on the map."""
    header = ["pattern", "nearest", "distance", f"{about.noun}s that differ"]
    distances, rows = numbers.map_distances(found), []
    names = np.array(numbers.chosen_names(about, found), dtype=object)
    for k, nearest in enumerate(numbers.nearest_on_map(found)):
        if nearest is None:
            rows.append([str(k + 1), "–", "–", "not on the map"])
            continue
        differ = found.patterns.states[k] != found.patterns.states[nearest]
        words = listing([str(name) for name in names[differ]])
        rows.append([str(k + 1), str(nearest + 1), signed(distances[k, nearest]), words])
    return Table("Neighbours on the map", header, rows, words=[3])


def labels(about: About, found: Findings) -> Table:
    """Return the most frequent label of the cells with each pattern."""
    header = ["pattern", "real cells", "most frequent label", "share of these cells"]
    rows = []
    for k, top in enumerate(numbers.most_frequent_labels(found)):
        label, share = ("–", "–") if top is None else (plain(top[0]), percent(top[1]))
        rows.append([str(k + 1), f"{found.real_counts[k]:,}", label, share])
    return Table("Labels of the patterns", header, rows, words=[2])


def accuracy(about: About, found: Findings) -> Table:
    """Return the share of labels that some features tell right."""
    header = [f"{about.noun}s", "told right", "sd"]
    known = {} if found.by_label is None else found.by_label.accuracy
    rows = [
        [numbers.ACCURACY_OF.get(key, plain(key)), percent(mean), percent(error)]
        for key, (mean, error) in known.items()
    ]
    return Table("Labels predicted correctly", header, rows)


def courses(about: About, found: Findings) -> Table:
    """Return the epoch that was taken of each start, and how well it describes the cells."""
    header = ["start", "epochs", "chosen", "held out", "training"]
    rows = []
    for start, course in enumerate(found.courses, 1):
        at = course.epochs == course.chosen
        values = [
            signed(float(bound[at][0]), 2) if at.any() else "–"
            for bound in (course.held_out, course.training)
        ]
        rows.append([str(start), str(course.epochs[-1]), str(course.chosen), *values])
    return Table("Bound at the chosen epoch, in nats per cell", header, rows)


def stand_ins(about: About, found: Findings) -> Table:
    """Return the best stand-ins of each chosen feature."""
    header = [f"chosen {about.noun}", "stand-in", "gain", "z", "gain shared"]
    rows = []
    for step, name in enumerate(numbers.chosen_names(about, found)):
        at = np.flatnonzero(found.stand_ins.steps == step)
        for row in at[:_MOST_STAND_INS]:
            _, column, gain, z, shared = (values[row] for values in found.stand_ins[:5])
            other = plain(str(about.names[column]))
            rows.append([plain(name), other, signed(gain, 1), signed(z), percent(shared)])
        if len(at) > _MOST_STAND_INS:
            rows.append([plain(name), f"and {len(at) - _MOST_STAND_INS} more", "", "", ""])
    return Table("What could have been chosen instead", header, rows, words=[1])


def starts(about: About, found: Findings) -> Table:
    """Return the rank of each feature from all starts together and from each alone."""
    chosen = found.selection.features.tolist()
    lists = [chosen, *(features.tolist() for features in found.by_start)]
    heads = [f"start {start}" for start in range(1, len(lists))]
    rows = [
        [plain(str(about.names[column])),
         *(str(f.index(column) + 1) if column in f else "–" for f in lists)]
        for column in [*chosen, *numbers.only_from_starts(found)]
    ]  # fmt: skip
    return Table("Ranks", [about.noun, "together", *heads], rows)
