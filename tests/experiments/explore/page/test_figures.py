import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex

from experiments.explore.page import numbers
from experiments.explore.page.figures import pictures
from experiments.explore.page.svg import as_png, as_svg
from loglin.plots import BLUE, GREY, RED
from tests.experiments.explore.page import made

ALL = {
    "gains", "coverage", "patterns", "map", "labels", "accuracy", "training", "stand-ins", "starts",
}  # fmt: skip


@pytest.fixture(scope="module")
def found():
    return made.findings()


@pytest.fixture(scope="module")
def drawn(found):
    return pictures(made.about(), found)


def odd_about(found, title="blood.h5ad"):
    """Give the first chosen features the names that are worst."""
    names = made.NAMES.astype(object)
    rows = [*found.selection.features, *numbers.only_from_starts(found)]
    for column, name in zip(rows, made.ODD_NAMES, strict=False):
        names[column] = name
    return made.about(names=names.astype(str), title=title)


def words_on(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def test_all_figures_are_drawn_and_none_is_left_open(drawn):
    assert set(drawn) == ALL
    assert plt.get_fignums() == []
    for name, (figure, alt) in drawn.items():
        assert as_png(figure).startswith(b"\x89PNG")
        assert as_svg(figure, name) == as_svg(figure, name)
        assert 40 < len(alt) < 700
        assert alt.endswith(".")
        assert figure.get_size_inches()[0] <= 5


def test_what_is_not_there_is_not_drawn(found):
    about = made.about()
    assert set(pictures(about, made.nothing_found())) == {"training"}
    bare = found._replace(
        by_label=None, courses=[], by_start=found.by_start[:1], points=found.points * np.nan,
        stand_ins=type(found.stand_ins)(*(column[:0] for column in found.stand_ins[:5])),
    )  # fmt: skip
    assert set(pictures(about, bare)) == {"gains", "coverage", "patterns"}


def test_gains_that_chance_explains_are_grey(found):
    by_chance = np.array([False] * 5 + [True])
    changed = found._replace(selection=found.selection._replace(by_chance=by_chance))
    (ax,) = pictures(made.about(), changed)["gains"].figure.axes
    bars = ax.containers[0]
    np.testing.assert_allclose([bar.get_height() for bar in bars], found.selection.gains)
    colors = [to_hex(bar.get_facecolor()).upper() for bar in bars]
    assert colors == [BLUE] * 5 + [GREY]
    assert "explained by chance" in [text.get_text() for text in ax.get_legend().get_texts()]
    assert words_on(ax.xaxis) == list(made.NAMES[found.selection.features])


def test_patterns_are_tiles_beside_their_shares(drawn, found):
    tiles, bars = drawn["patterns"].figure.axes
    shades = np.zeros(found.patterns.states.shape)
    for patch in tiles.patches:
        shades[round(patch.get_y() + 0.46), round(patch.get_x() + 0.46)] = patch.get_facecolor()[3]
    on = found.patterns.states == 1
    assert shades[on].min() > 0.9
    assert shades[~on].max() < 0.3
    assert words_on(tiles.yaxis) == [str(k + 1) for k in range(8)]
    synthetic, faulty, real = bars.containers
    is_fault = numbers.hardly_real(found)
    assert is_fault.any()
    assert not is_fault.all()
    by_row = {round(bar.get_y() + 0.38): bar for bar in [*synthetic, *faulty]}
    widths = np.array([by_row[row].get_width() for row in range(8)])
    np.testing.assert_allclose(widths, found.patterns.counts / found.num_samples)
    np.testing.assert_allclose([bar.get_width() for bar in real], found.real_counts / 900)
    colors = [to_hex(by_row[row].get_facecolor()).upper() for row in range(8)]
    assert colors == [RED if fault else BLUE for fault in is_fault]
    assert len(bars.texts) == is_fault.sum()  # not by colour alone
    for row in np.flatnonzero(is_fault):
        assert str(row + 1) in drawn["patterns"].alt


def test_dots_of_the_map_are_numbered_without_overlap(drawn, found):
    figure, alt = drawn["map"]
    (ax,) = figure.axes
    figure.draw_without_rendering()
    assert {text.get_text().rstrip("*") for text in ax.texts} == {str(k + 1) for k in range(8)}
    starred = {int(text.get_text()[:-1]) for text in ax.texts if text.get_text().endswith("*")}
    assert starred == set(np.flatnonzero(numbers.hardly_real(found)) + 1)
    boxes = [text.get_window_extent() for text in ax.texts]
    for row, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:row])
    (closest, _) = numbers.extremes_on_map(found)
    assert f"Closest are {closest[0] + 1} and {closest[1] + 1}." in alt


def test_a_pattern_without_a_place_has_no_number_on_the_map(found):
    points = found.points.copy()
    points[2] = np.nan
    (ax,) = pictures(made.about(), found._replace(points=points))["map"].figure.axes
    assert "3" not in {text.get_text().rstrip("*") for text in ax.texts}


def test_accuracy_and_starts_and_training_show_the_numbers(drawn, found):
    (ax,) = drawn["accuracy"].figure.axes
    widths = [bar.get_width() for bar in ax.containers[0]]
    assert widths == [mean for mean, _ in found.by_label.accuracy.values()]
    assert words_on(ax.yaxis) == ["chosen", "at random", "largest variance", "all"]
    (ax,) = drawn["starts"].figure.axes
    ranks = {(round(text.get_position()[0]), round(text.get_position()[1])): text.get_text()
             for text in ax.texts}  # fmt: skip
    assert [ranks[0, row] for row in range(6)] == list("123456")
    first = found.by_start[0].tolist()
    chosen = found.selection.features.tolist()
    for row, column in enumerate(chosen):
        expected = str(first.index(column) + 1) if column in first else None
        assert ranks.get((1, row)) == expected
    (ax,) = drawn["training"].figure.axes
    marks = [line.get_xydata()[0] for line in ax.lines if line.get_marker() == "o"]
    assert [mark[0] for mark in marks] == [course.chosen for course in found.courses]


def test_stand_ins_of_every_feature_come_before_second_ones(found):
    m = 60
    many = found._replace(
        stand_ins=type(found.stand_ins)(
            np.repeat(np.arange(6), 10), np.tile(np.arange(10, 20), 6), np.ones(m), np.zeros(m),
            np.linspace(-0.1, 1.1, m),
        )
    )  # fmt: skip
    (ax,) = pictures(made.about(), many)["stand-ins"].figure.axes
    words = words_on(ax.yaxis)
    assert len(words) == 20
    for name in made.NAMES[found.selection.features]:
        assert sum(word.endswith(f" for {name}") for word in words) >= 3
    assert ax.lines[0].get_xdata().min() == 0  # less than nothing is nothing


def test_odd_names_are_drawn_as_text(found, recwarn):
    drawn = pictures(odd_about(found), found)
    for name, (figure, _) in drawn.items():
        as_png(figure)
        svg = as_svg(figure, name).decode()
        assert "<script" not in svg
        assert "<img" not in svg
    assert r"$\frac" in as_svg(drawn["gains"].figure, "gains").decode()
    assert not recwarn.list
