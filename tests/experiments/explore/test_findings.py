"""What is found agrees with counting, on cells whose structure is known."""

from itertools import product

import numpy as np
import pytest

from experiments.explore.findings import Course, Samples, find
from loglin import COVERING, select_features

NAMES = np.array([f"gene {name}" for name in "abcdefgh"])


def draw(rng, num_cells):
    """Return cells and their latents: three groups of two features, and two of noise."""
    u = rng.integers(2, size=(num_cells, 3))
    follows = np.repeat(u, 2, axis=1) ^ (rng.random((num_cells, 6)) < 0.05)
    noise = rng.random((num_cells, 2)) < 0.3
    return np.column_stack([follows, noise]).astype(np.int8), u.astype(np.int8)


@pytest.fixture(scope="module")
def made():
    rng = np.random.default_rng(0)
    samples = [Samples(*draw(rng, 4000)) for _ in range(2)]
    cells, u = draw(rng, 600)
    cells[:, 1] = 1 - cells[:, 0]  # no synthetic cell is like this
    labels = np.array(["blood", "brain", "bone"])[u[:, 0] + u[:, 1]]
    return samples, cells, labels


@pytest.fixture(scope="module")
def found(made):
    samples, cells, labels = made
    return find(
        "VAE", samples, cells, NAMES, labels=labels, num_features=5, num_patterns=6,
        null_gains=np.array([[5.0] * 5, [1e9] * 5, [7.0] * 5]),
        courses=[Course(np.arange(3), np.zeros(3), np.zeros(3), np.ones(20), 2)],
    )  # fmt: skip


def test_the_selection_is_that_of_all_starts_together(found, made):
    samples, _, _ = made
    expected = select_features(
        [one.x for one in samples], [one.u for one in samples], 5, stop="chance", **COVERING
    )
    np.testing.assert_array_equal(found.selection.features, expected.features)
    assert {feature // 2 for feature in found.selection.features[:3]} == {0, 1, 2}
    assert found.selection.names.tolist() == NAMES[found.selection.features].tolist()
    assert [choice.tolist() for choice in found.by_start] == [
        select_features(*one, 5, stop="chance", **COVERING).features.tolist() for one in samples
    ]
    assert found.stability.by_pattern > 0.5


def test_p_values_count_the_permutations(found):
    assert found.p_values.tolist() == [0.5] * len(found.selection.features)


def test_patterns_are_counted_among_the_real_cells(found, made):
    samples, cells, _ = made
    chosen = found.selection.features
    for state, synthetic, real in zip(
        found.patterns.states, found.patterns.counts, found.real_counts, strict=True
    ):
        assert (cells[:, chosen] == state).all(axis=1).sum() == real
        assert sum((one.x[:, chosen] == state).all(axis=1).sum() for one in samples) == synthetic
    assert found.num_samples == 8000
    np.testing.assert_array_equal(found.share_on, (cells[:, chosen] > 0).mean(axis=0))


def test_patterns_are_counted_by_label(found, made):
    _, cells, labels = made
    table = found.by_label
    assert table.totals.tolist() == sorted(table.totals, reverse=True)
    for column, label in enumerate(table.labels):
        own = cells[labels == label][:, found.selection.features]
        assert table.totals[column] == len(own)
        expected = [(own == state).all(axis=1).sum() for state in found.patterns.states]
        assert table.counts[:, column].tolist() == expected


def test_chosen_features_tell_the_labels_better_than_random_ones(found):
    accuracy = {name: mean for name, (mean, _) in found.by_label.accuracy.items()}
    assert accuracy["chosen"] > 0.85
    assert accuracy["chosen"] >= accuracy["random"]
    assert accuracy["all"] > 0.85


def test_similar_patterns_are_close_on_the_map(found):
    assert np.isfinite(found.points).all()
    chosen = found.selection.features
    groups = [tuple(state[np.argsort(chosen // 2)]) for state in found.patterns.states]
    assert len(set(groups)) == 6
    assert np.ptp(found.points, axis=0).min() > 0


def test_one_start_without_labels(made):
    samples, cells, _ = made
    alone = find("X_scVI", samples[:1], cells, NAMES, num_features=3)
    assert alone.stability is None
    assert alone.by_label is None
    assert alone.p_values is None
    assert alone.courses == []
    assert alone.by_start[0].tolist() == alone.selection.features.tolist()


def test_where_nothing_is_more_than_chance(made):
    every = np.array(list(product([0, 1], repeat=11)), np.int8)  # so nothing is associated
    _, cells, labels = made
    nothing = find("VAE", [Samples(every[:, 3:], every[:, :3])], cells, NAMES, labels=labels)
    assert len(nothing.selection.features) == 0
    assert len(nothing.coverage.curve) == len(nothing.stand_ins.features) == 0
    assert nothing.patterns.states.shape == (0, 0)
    assert nothing.points.shape == (0, 2)
    assert nothing.by_label.counts.shape == (0, 3)
    assert nothing.by_label.accuracy == {}


def test_patterns_that_a_start_does_not_draw_have_a_place(made):
    samples, cells, _ = made
    half = samples[1].x[:, 0] == 0
    only = Samples(samples[1].x[half], samples[1].u[half])
    together = find("VAE", [samples[0], only], cells, NAMES, num_features=3, num_patterns=8)
    assert np.isfinite(together.points).all()


def test_labels_with_few_cells_are_counted_but_not_predicted(made):
    samples, cells, labels = made
    rare = labels.copy()
    rare[:3] = "rare"
    found = find("VAE", samples[:1], cells, NAMES, labels=rare, num_features=3)
    assert found.by_label.totals[found.by_label.labels == "rare"].tolist() == [3]
    assert found.by_label.accuracy["chosen"][0] > 0.8
