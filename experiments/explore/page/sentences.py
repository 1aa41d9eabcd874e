"""The answers of the page on what was found: a few sentences each, which follow from the numbers.

Those on how far it can be relied upon are in `certainty`.
"""

from collections.abc import Sequence

import numpy as np

from experiments.explore.findings import About, Findings
from experiments.explore.page import numbers
from experiments.explore.page.words import (
    NBSP,
    all_of,
    counted,
    listing,
    none_or,
    percent,
    plain,
    spelled,
    start_of,
)

_ARTICLE = {"VAE": "a VAE", "DBM": "a DBM"}


def title(about: About, findings: Sequence[Findings]) -> str:
    """Return the title of the page."""
    models = [_ARTICLE.get(found.model, f"a model ({plain(found.model)})") for found in findings]
    verb = "has" if len(models) == 1 else "have"
    return f"What {listing(models)} {verb} learned of {plain(about.title)}"


def lead(about: About, findings: Sequence[Findings]) -> str:
    """Say in plain words what was done."""
    one, noun = len(findings) == 1, about.noun
    models = "A generative model" if one else "Generative models"
    numbers_drawn = [f"{found.num_samples:,}" for found in findings]
    drawn = f"{listing(numbers_drawn)} synthetic cells"
    if not one and len(set(numbers_drawn)) == 1:
        drawn = f"{numbers_drawn[0]} synthetic cells each"
    starts = max(len(found.by_start) for found in findings)
    if any(found.courses for found in findings):
        again = f", from {spelled(starts)} random starts," if starts > 1 else ""
        verb = "was" if one else "were"
        made = f"{models} {verb} trained on {about.num_cells:,} cells{again} and drew {drawn}."
    else:
        made = f"{models}, trained elsewhere, drew {drawn} beside {about.num_cells:,} real cells."
    who, keep = ("It", "it keeps") if one else ("They", "they keep")
    verb = "draws" if one else "draw"
    return (
        f"{made} {who} {verb} the {len(about.names):,} {noun}s of each cell from a few hidden "
        f"variables, the latents, in which {keep} what was learned. Log-linear models of counts of "
        f"synthetic cells tell which {noun}s say most about the latents; the patterns of these "
        f"{noun}s are the kinds of cells that the model knows."
    )


def which_features(about: About, found: Findings) -> str:
    """Say which features were chosen, and whether each is more than chance."""
    noun, selection = about.noun, found.selection
    names = numbers.chosen_names(about, found)
    if not names:
        return (
            f"No {noun} is more than chance: whatever the {noun}s of the synthetic cells say about "
            "the latents could be there by chance alone."
        )
    answer = (
        f"{start_of(spelled(len(names)))} of {len(about.names):,} {noun}s "
        f"{'says' if len(names) == 1 else 'say'} what the model has learned: {listing(names)}."
    )
    by_chance = [name for name, is_so in zip(names, selection.by_chance, strict=True) if is_so]
    if not np.isfinite(selection.chance.exceedance).any():
        answer += " What chance would give was not measured."
    elif not by_chance:
        answer += (
            f" Among the synthetic cells {'it' if len(names) == 1 else 'each of them'} is more "
            "than chance."
        )
    elif len(by_chance) == len(names):
        answer += f" Chance alone explains {'it' if len(names) == 1 else 'all of them'}."
    else:
        answer += f" Chance alone explains {listing(by_chance)}; the others are more than chance."
    if found.courses and not numbers.is_worth_a_model(found):
        answer += (
            f" But held-out cells are not described clearly better than if no {noun} depended on "
            "another, so all this may be chance in the cells that the model was trained on."
        )
    if found.p_values is not None:
        below = int((found.p_values <= 0.05).sum())
        answer += (
            f" Beside models that were trained on permuted cells, {none_or(below)} of "
            f"{spelled(len(names))} {'is' if below == 1 else 'are'} significant at 5{NBSP}%."
        )
    return answer


def how_many(about: About, found: Findings) -> str:
    """Say how many of the chosen features are enough."""
    noun, everything = about.noun, f"all {len(about.names):,} {about.noun}s"
    curve, enough = found.coverage.curve, numbers.num_enough(found)
    if not len(curve):
        return f"None is, since no {noun} is more than chance.{_idle(about, found)}"
    if not np.isfinite(curve).any():
        return f"Even {everything} say next to nothing about the latents, so no number is enough."
    of_all = f"of what {everything} say about the latents"
    verb = "says" if (enough or len(curve)) == 1 else "say"
    if enough is None:
        who = f"{all_of(len(curve), noun)} together" if len(curve) > 1 else f"one {noun}"
        answer = (
            f"{start_of(who)} {verb} {percent(curve[-1])} {of_all}; the rest is spread over others."
        )
    else:
        answer = f"{start_of(counted(enough, noun))} {verb} {percent(curve[enough - 1])} {of_all}"
        if enough < len(curve):
            answer += f"; {all_of(len(curve))} that were chosen say {percent(curve[-1])}"
        answer += "."
    return answer + _idle(about, found)


def _idle(about: About, found: Findings) -> str:
    """Say which latents no feature depends on, if there are any."""
    idle, number = len(numbers.idle_latents(found)), len(found.coverage.of_all)
    if not idle:
        return ""
    who = f"{spelled(idle)} of {counted(number, 'latent')}"
    if idle == number:
        who = all_of(number, "latent") if number > 1 else "the latent"
    verb, them = ("is", "it") if idle == 1 else ("are", "them")
    return f" {start_of(who)} {verb} idle: the {about.noun}s say next to nothing about {them}."


def which_patterns(about: About, found: Findings) -> str:
    """Say how frequent the patterns are, and which of them hardly any real cell has."""
    synthetic, real = numbers.shares(found)
    if not len(synthetic):
        return f"Without chosen {about.noun}s there are no patterns."
    if len(synthetic) == 1:
        answer = f"One pattern is in {percent(synthetic[0])} of the synthetic cells and in "
        answer += f"{percent(real[0])} of the real ones."
    else:
        answer = (
            f"The {spelled(len(synthetic))} most frequent patterns are in "
            f"{percent(synthetic.sum())} of the synthetic cells and in {percent(real.sum())} of "
            "the real ones."
        )
    faults = (np.flatnonzero(numbers.hardly_real(found)) + 1).tolist()
    if faults:
        one = len(faults) == 1
        answer += (
            f" The model draws {'pattern' if one else 'patterns'} "
            f"{listing([str(fault) for fault in faults])}, which hardly any real cell has: "
            f"{'a fault' if one else 'faults'} of the model."
        )
    absent = int(((found.real_counts == 0) & ~numbers.hardly_real(found)).sum())
    if absent:
        who = "Another pattern" if faults else "One of them"
        if absent > 1:
            who = f"{start_of(spelled(absent))} {'others' if faults else 'of them'}"
        answer += (
            f" {who} {'is' if absent == 1 else 'are'} in no real cell, but in so few synthetic "
            "ones that this may be chance."
        )
    elif not faults:
        answer += " Each of them is among the real cells." if len(synthetic) > 1 else ""
    return answer


def how_related(about: About, found: Findings) -> str:
    """Say which patterns the latents tell apart best and least."""
    found_pairs = numbers.extremes_on_map(found)
    if found_pairs is None:
        return "A map needs at least three patterns with a place on it, and there are fewer."
    (a, b), (c, d) = found_pairs
    if numbers.map_distances(found)[c, d] == 0:
        return "To the model, all these patterns are the same: it draws them from the same latents."
    return (
        f"To the model, patterns {a + 1} and {b + 1} are the most alike; {c + 1} and {d + 1} are "
        "the furthest apart."
    )


def which_labels(about: About, found: Findings) -> str:
    """Say where the patterns are among labels, and how well the features tell these."""
    labels = found.by_label
    assert labels is not None  # the page has no such question without labels
    answer, accuracy = "", {key: percent(mean) for key, (mean, _) in labels.accuracy.items()}
    if "chosen" in accuracy:
        number, chosen = len(found.selection.features), f"chosen {about.noun}"
        who = f"the {chosen}" if number == 1 else f"the {counted(number, chosen)}"
        answer = (
            f"From {who} {accuracy['chosen']} of the labels are predicted correctly (column "
            f"{plain(labels.name)})"
        )
        others = [
            f"{accuracy[key]} from {words}"
            for key, words in (
                ("random", "as many at random"),
                ("variance", "as many with the largest variance"),
                ("all", f"all {len(about.names):,}"),
            )
            if key in accuracy
        ]
        answer += f", {listing(others)}." if others else "."
    tops = [
        top
        for top, number in zip(numbers.most_frequent_labels(found), found.real_counts, strict=True)
        if top is not None and number >= numbers.LEAST_EXPECTED
    ]
    if tops:
        pure = sum(share >= numbers.PURE for _, share in tops)
        which = f"{none_or(pure)} of {counted(len(tops), 'pattern')}"
        how_many = f"{percent(numbers.PURE)} or more"
        if len(tops) == 1:
            which = "the only pattern"
            how_many = how_many if pure else f"fewer than {percent(numbers.PURE)}"
        elif pure == len(tops):
            which = all_of(pure, "pattern")
        answer += f" In {which} with at least ten real cells, {how_many} of these share one label."
    return answer.strip() or "There are no patterns to compare with the labels."
