"""The answers of the page on how far the findings can be relied upon."""

import numpy as np

from experiments.explore.findings import About, Course, Findings
from experiments.explore.page import numbers
from experiments.explore.page.words import (
    all_of,
    counted,
    listing,
    none_or,
    percent,
    plain,
    signed,
    spelled,
    start_of,
)


def why_this_epoch(about: About, found: Findings) -> str:
    """Say which epochs were taken and why."""
    courses = found.courses
    if not courses:
        return "The model was trained elsewhere, so its course is not known here."
    epochs = [course.chosen for course in courses]
    at_best = [_best(course) == course.chosen for course in courses]
    if len(courses) == 1:
        who = f"The model was taken at epoch {epochs[0]}"
    elif len(set(epochs)) == 1:
        who = f"The models of {all_of(len(courses), 'start')} were taken at epoch {epochs[0]}"
    else:
        who = (
            f"The models of the {spelled(len(courses))} starts were taken at epochs "
            f"{listing([str(epoch) for epoch in epochs])}"
        )
    if all(at_best):
        answer = f"{who}, where cells that had been held out are described best."
        if all(course.chosen == course.epochs[-1] for course in courses):
            answer = (
                f"{who}, the last one. Held-out cells were still described better from epoch to "
                "epoch: with more epochs the model may learn more."
            )
    else:
        best = listing([str(_best(course)) for course in courses])
        answer = (
            f"{who}; held-out cells are described best at epoch{'s' if len(courses) > 1 else ''} "
            f"{best}."
        )
    first = courses[0]
    start, end = first.held_out[0], first.held_out[first.epochs == first.chosen]
    if first.chosen != first.epochs[0] and end.size and np.isfinite([start, end[0]]).all():
        answer += (
            f" {'By then the' if len(courses) == 1 else 'In the first start, the'} bound on their "
            f"log-likelihood had gone from {signed(start, 1)} to {signed(end[0], 1)} nats per cell."
        )
    mean, error = numbers.advantage(found)
    if np.isfinite([mean, error]).all():
        answer += (
            f" At best they are described better by {signed(mean)} ± {error:.2f} nats than if no "
            f"{about.noun} depended on another."
        )
    return answer


def _best(course: Course) -> int:
    """Return the epoch with the highest bound on held-out cells."""
    bound = np.where(np.isfinite(course.held_out), course.held_out, -np.inf)
    return int(course.epochs[bound.argmax()])


def what_instead(about: About, found: Findings) -> str:
    """Say which features would have done as well."""
    number, noun = len(found.selection.features), about.noun
    if not number:
        return f"Without chosen {noun}s there is nothing to stand in for."
    steps = np.unique(found.stand_ins.steps)
    if not len(steps):
        which = f"any of the {counted(number, 'chosen ' + noun)}"
        if number == 1:
            which = f"the chosen {noun}"
        return f"Nothing would have done as well as {which}."
    verb = "has" if len(steps) == 1 else "have"
    if number == 1:
        answer = f"The chosen {noun} has stand-ins."
    else:
        who = f"{spelled(len(steps))} of {counted(number, 'chosen ' + noun)}"
        if len(steps) == number:
            who = all_of(number, f"chosen {noun}")
        answer = f"{start_of(who)} {verb} stand-ins."
    alike = np.flatnonzero(found.stand_ins.shared >= numbers.EXCHANGEABLE)
    if len(alike):
        best = alike[found.stand_ins.shared[alike].argmax()]
        chosen = found.selection.features[found.stand_ins.steps[best]]
        other, one = numbers.names_of(about, [found.stand_ins.features[best], chosen])
        answer += (
            f" {plain(other)} says most nearly the same as the chosen {plain(one)}: they share "
            f"{percent(found.stand_ins.shared[best])} of its gain."
        )
    else:
        answer += " They weigh as much, but say something else: none shares half of the gain."
    return answer


def how_sure(about: About, found: Findings) -> str:
    """Say how far the starts agree."""
    starts, number = len(found.by_start), len(found.selection.features)
    if starts <= 1:
        return (
            "There is one trained model, so it is not known how much depends on its random start: "
            "train more to find out."
        )
    if found.stability is None:
        return f"How far the {spelled(starts)} starts agree was not measured."
    everywhere = sum(
        numbers.times_selected(found, int(column)) == starts for column in found.selection.features
    )
    alone = f"selected from each of the {spelled(starts)} starts alone."
    if number == 1:
        answer = f"The chosen {about.noun} is {'also' if everywhere else 'not'} {alone}"
    else:
        verb = "is" if everywhere == 1 else "are"
        chosen = counted(number, f"chosen {about.noun}")
        answer = f"Of {chosen}, {none_or(everywhere)} {verb} also {alone}"
    by_name, by_pattern = found.stability
    return (
        f"{answer} Where 1 is perfect agreement and 0 chance, the starts agree to "
        f"{signed(by_name)} by the names, and to {signed(by_pattern)} by the groups into which "
        "these divide the cells."
    )


def where_from(about: About) -> str:
    """Say what the numbers were computed from."""
    left_out = sum(len(names) for names in about.left_out.values())
    more = f"; {spelled(left_out)} more {'was' if left_out == 1 else 'were'} left out"
    return (
        f"From {about.num_cells:,} cells with {counted(len(about.names), about.noun)}"
        f"{more if left_out else ''}."
    )
