"""The answers follow from the numbers, and are English whatever these are."""

import numpy as np
import pytest

from experiments.explore.findings import Course
from experiments.explore.page import certainty, sentences
from experiments.explore.page.words import NBSP
from loglin import Coverage, Patterns, Stability
from loglin.selection import StandIns
from tests.experiments.explore.page import made


def say(answer, found, about=None):
    return answer(about or made.about(), found).replace(NBSP, " ")


def chosen(found, number):
    """Return the findings with the first features only."""
    selection, coverage = found.selection, found.coverage
    chance = selection.chance
    return found._replace(
        selection=selection._replace(
            features=selection.features[:number], gains=selection.gains[:number],
            by_chance=selection.by_chance[:number], latents=selection.latents[:number],
            chance=type(chance)(*(values[:number] for values in chance)),
        ),
        share_on=found.share_on[:number],
        coverage=coverage._replace(information=coverage.information[:number]),
    )  # fmt: skip


@pytest.fixture(scope="module")
def found():
    return made.findings()


def test_each_chosen_feature_is_named_and_more_than_chance(found):
    names = ", ".join(made.NAMES[found.selection.features[:-1]])
    last = made.NAMES[found.selection.features[-1]]
    assert say(sentences.which_features, found) == (
        f"Six of 20 genes say what the model has learned: {names} and {last}. Among the synthetic "
        "cells each of them is more than chance."
    )
    assert say(sentences.which_features, chosen(found, 1)).startswith("One of 20 genes says what")
    assert say(sentences.which_features, chosen(found, 1)).endswith(" it is more than chance.")
    assert say(sentences.which_features, found, made.about(noun="feature")).startswith(
        "Six of 20 features say"
    )


def test_models_that_know_nothing_of_other_cells_are_named(found):
    def answer(*advantages):
        courses = [found.courses[0]._replace(advantage=np.array(nats)) for nats in advantages]
        return say(sentences.which_features, found._replace(courses=courses))

    why = "But held-out cells are not described clearly better than if no gene depended on another"
    assert why not in answer([1.0, 1.1, 0.9], [0.5, 0.4])
    # A mean of 0.5 with a standard error of 0.29, of 0.6 with one of 0.29, and worse than nothing.
    assert why in answer([0, 1], [0, 1])
    assert why not in answer([0.1, 1.1], [0.1, 1.1])
    assert why in answer([-1.0, -1.1])
    assert why in answer([1.0])  # a single cell tells nothing


def test_chance_is_named_where_it_explains_features(found):
    def by_chance(which):
        return found._replace(selection=found.selection._replace(by_chance=np.array(which)))

    name = made.NAMES[found.selection.features[4]]
    assert f" Chance alone explains {name}; the others" in say(
        sentences.which_features, by_chance([False] * 4 + [True, False])
    )
    assert say(sentences.which_features, by_chance([True] * 6)).endswith("explains all of them.")
    nothing = say(sentences.which_features, made.nothing_found())
    assert nothing.startswith("No gene is more than chance: ")
    unknown = found.selection.chance._replace(exceedance=np.full(6, np.nan))
    unmeasured = found._replace(selection=found.selection._replace(chance=unknown))
    assert say(sentences.which_features, unmeasured).endswith("chance would give was not measured.")


@pytest.mark.parametrize(("below", "words"), [(0, "none of six are"), (1, "one of six is")])
def test_p_values_of_permuted_cells_are_counted(found, below, words):
    p_values = np.where(np.arange(6) < below, 0.01, 0.2)
    assert f"{words} significant at 5 %." in say(
        sentences.which_features, found._replace(p_values=p_values)
    )


def covering(found, curve, of_all=(1.0,)):
    information = np.outer(curve, of_all)
    return chosen(found, len(curve))._replace(
        coverage=Coverage(information, np.array(of_all), np.ones(len(of_all)))
    )


@pytest.mark.parametrize(
    ("curve", "of_all", "answer"),
    [
        ([0.5, 0.89, 0.93, 0.95], [1], "Three genes say 93 % of what all 20 genes say about the "
         "latents; all four that were chosen say 95 %."),
        ([0.5, 0.92], [1], "Two genes say 92 % of what all 20 genes say about the latents."),
        ([0.91, 0.95], [1], "One gene says 91 % of what all 20 genes say about the latents; both "
         "that were chosen say 95 %."),
        ([0.5, 0.7], [1], "Both genes together say 70 % of what all 20 genes say about the "
         "latents; the rest is spread over others."),
        ([0.6], [1], "One gene says 60 % of what all 20 genes say about the latents; the rest is "
         "spread over others."),
        ([0.95], [1, 0], "One gene says 95 % of what all 20 genes say about the latents. One of "
         "two latents is idle: the genes say next to nothing about it."),
        ([0.95], [1, 0, 0], "One gene says 95 % of what all 20 genes say about the latents. Two "
         "of three latents are idle: the genes say next to nothing about them."),
        ([0.5], [0.0], "Even all 20 genes say next to nothing about the latents, so no number is "
         "enough."),
    ],
)  # fmt: skip
def test_as_many_are_enough_as_say_nine_tenths(found, curve, of_all, answer):
    assert say(sentences.how_many, covering(found, curve, of_all)) == answer


def test_nothing_is_enough_where_nothing_is_chosen():
    assert say(sentences.how_many, made.nothing_found()) == (
        "None is, since no gene is more than chance. All four latents are idle: the genes say next "
        "to nothing about them."
    )


def with_patterns(found, synthetic, real):
    states = np.arange(len(synthetic))[:, None].astype(np.int8)
    return found._replace(
        patterns=Patterns(states, np.array(synthetic)), num_samples=1000,
        real_counts=np.array(real), num_cells=500,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("synthetic", "real", "answer"),
    [
        ([500, 200], [250, 100], "The two most frequent patterns are in 70 % of the synthetic "
         "cells and in 70 % of the real ones. Each of them is among the real cells."),
        ([500, 200], [250, 20], "The two most frequent patterns are in 70 % of the synthetic cells "
         "and in 54 % of the real ones. The model draws pattern 2, which hardly any real cell has: "
         "a fault of the model."),
        ([500, 200], [250, 21], "The two most frequent patterns are in 70 % of the synthetic cells "
         "and in 54 % of the real ones. Each of them is among the real cells."),
        ([500, 20], [0, 0], "The two most frequent patterns are in 52 % of the synthetic cells and "
         "in 0 % of the real ones. The model draws patterns 1 and 2, which hardly any real cell "
         "has: faults of the model."),
        ([500, 19], [250, 0], "The two most frequent patterns are in 52 % of the synthetic cells "
         "and in 50 % of the real ones. One of them is in no real cell, but in so few synthetic "
         "ones that this may be chance."),
        ([500], [250], "One pattern is in 50 % of the synthetic cells and in 50 % of the real "
         "ones."),
        ([], [], "Without chosen genes there are no patterns."),
    ],
)  # fmt: skip
def test_patterns_that_no_real_cell_has_are_faults_if_some_were_to_be_expected(
    found, synthetic, real, answer
):
    assert say(sentences.which_patterns, with_patterns(found, synthetic, real)) == answer


def test_the_map_names_the_nearest_and_the_most_distant_pair(found):
    points = np.array([[0, 0], [9, 0], [1, 2], [2, 2], [np.nan, np.nan]])
    placed = found._replace(points=points)
    assert say(sentences.how_related, placed) == (
        "To the model, patterns 3 and 4 are the most alike; 1 and 2 are the furthest apart."
    )
    few = found._replace(points=np.where(np.arange(5)[:, None] < 2, points, np.nan))
    assert "needs at least three patterns" in say(sentences.how_related, few)
    same = found._replace(points=np.zeros((5, 2)))
    assert "all these patterns are the same" in say(sentences.how_related, same)


def test_labels_are_told_beside_other_choices(found):
    assert say(sentences.which_labels, found).startswith(
        "From the six chosen genes 91 % of the labels are predicted correctly (column cell_type), "
        "62 % from as many at random, 70 % from as many with the largest variance and 95 % from "
        "all 20. In "
    )
    assert say(sentences.which_labels, made.nothing_found()).startswith("There are no patterns")


@pytest.mark.parametrize(
    ("counts", "answer"),
    [
        (
            [[90, 10], [10, 90], [1, 8]],
            "In both patterns with at least ten real cells, 90 % or more",
        ),
        ([[90, 10], [20, 80]], "In one of two patterns with at least ten real cells, 90 % or more"),
        (
            [[80, 20], [20, 80]],
            "In none of two patterns with at least ten real cells, 90 % or more",
        ),
        ([[90, 10], [2, 2]], "In the only pattern with at least ten real cells, 90 % or more"),
        ([[80, 20], [2, 2]], "In the only pattern with at least ten real cells, fewer than 90 %"),
    ],
)
def test_patterns_of_one_label_are_counted(found, counts, answer):
    counts = np.array(counts)
    labelled = found._replace(
        real_counts=counts.sum(axis=1),
        by_label=found.by_label._replace(counts=counts, labels=np.array(["a", "b"]), accuracy={}),
    )
    assert say(sentences.which_labels, labelled) == f"{answer} of these share one label."


def test_the_course_says_why_the_epoch_was_taken(found):
    course = found.courses[0]
    one = found._replace(courses=[course])
    best = course.epochs[course.held_out.argmax()]
    start, end = course.held_out[0], course.held_out.max()
    assert say(certainty.why_this_epoch, one) == (
        f"The model was taken at epoch {best}, where cells that had been held out are described "
        f"best. By then the bound on their log-likelihood had gone from −{-start:.1f} to "
        f"−{-end:.1f} nats per cell. At best they are described better by 1.00 ± 0.03 nats than if "
        "no gene depended on another."
    )
    rising = Course(np.arange(3), np.arange(3.0), np.arange(3.0), np.zeros(5), 2)
    assert say(certainty.why_this_epoch, found._replace(courses=[rising])).startswith(
        "The model was taken at epoch 2, the last one. Held-out cells were still described better"
    )
    later = course._replace(chosen=int(course.epochs[-1]))
    assert say(certainty.why_this_epoch, found._replace(courses=[later])).startswith(
        f"The model was taken at epoch 30; held-out cells are described best at epoch {best}."
    )
    same = say(certainty.why_this_epoch, found._replace(courses=[course] * 2))
    assert same.startswith(f"The models of both starts were taken at epoch {best}, where")
    chosen_epochs = [c.chosen for c in found.courses]
    assert len(set(chosen_epochs)) == 3
    assert "at epochs {}, {} and {}, where".format(*chosen_epochs) in say(
        certainty.why_this_epoch, found
    )
    assert "trained elsewhere" in say(certainty.why_this_epoch, found._replace(courses=[]))
    diverged = course._replace(held_out=np.full(30, np.nan))
    assert "nan" not in say(certainty.why_this_epoch, found._replace(courses=[diverged]))


def with_stand_ins(found, steps, columns, shared):
    m = len(steps)
    return found._replace(
        stand_ins=StandIns(np.array(steps, int), np.array(columns, int), np.ones(m), np.zeros(m),
                           np.array(shared, float))
    )  # fmt: skip


def test_stand_ins_are_named_by_what_they_share(found):
    first = made.NAMES[found.selection.features[0]]
    some = with_stand_ins(found, [0, 0, 2], [15, 16, 17], [0.6, 0.9, 0])
    assert say(certainty.what_instead, some) == (
        f"Two of six chosen genes have stand-ins. B2M says most nearly the same as the chosen "
        f"{first}: they share 90 % of its gain."
    )
    weak = say(certainty.what_instead, with_stand_ins(found, [1], [15], [0.1]))
    assert weak.startswith("One of six chosen genes has stand-ins. They weigh as much")
    none = with_stand_ins(found, [], [], [])
    assert say(certainty.what_instead, none) == (
        "Nothing would have done as well as any of the six chosen genes."
    )
    assert say(certainty.what_instead, chosen(none, 1)).endswith("as well as the chosen gene.")


def test_agreement_of_starts_is_counted_by_name_and_given_by_group(found):
    features = found.selection.features
    starts = [features, features[:1], features[:2]]
    sure = found._replace(by_start=starts, stability=Stability(0.5, 0.875))
    assert say(certainty.how_sure, sure) == (
        "Of six chosen genes, one is also selected from each of the three starts alone. Where 1 is "
        "perfect agreement and 0 chance, the starts agree to 0.50 by the names, and to 0.88 by the "
        "groups into which these divide the cells."
    )
    other = sure._replace(by_start=[features, features[:0], features])
    assert "genes, none are also selected" in say(certainty.how_sure, other)
    alone = say(certainty.how_sure, made.findings(starts=1))
    assert alone.startswith("There is one trained model")
    assert "was not measured" in say(certainty.how_sure, sure._replace(stability=None))


def test_the_title_and_the_lead_say_what_was_done(found):
    about = made.about()
    assert sentences.title(about, [found]) == "What a VAE has learned of blood.h5ad"
    both = [found, found._replace(model="DBM")]
    assert sentences.title(about, both) == "What a VAE and a DBM have learned of blood.h5ad"
    other = found._replace(model="X_scVI", courses=[])
    assert sentences.title(about, [other]) == "What a model (X_scVI) has learned of blood.h5ad"
    assert sentences.lead(about, [found]).startswith(
        "A generative model was trained on 900 cells, from three random starts, and drew 3,000 "
        "synthetic cells. It draws the 20 genes of each cell"
    )
    assert sentences.lead(about, [other]).startswith(
        "A generative model, trained elsewhere, drew 3,000 synthetic cells beside 900 real cells."
    )
    assert "Generative models were trained on 900 cells" in sentences.lead(about, both)


def test_what_was_left_out_is_counted():
    assert certainty.where_from(made.about()).replace(NBSP, " ") == (
        "From 900 cells with 20 genes; three more were left out."
    )
    one = made.about(left_out={"never on": ["XIST"]})
    assert certainty.where_from(one).endswith("; one more was left out.")
    assert certainty.where_from(made.about(left_out={})).replace(NBSP, " ") == (
        "From 900 cells with 20 genes."
    )
