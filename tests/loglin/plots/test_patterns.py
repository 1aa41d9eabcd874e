import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex, to_rgb

from loglin import Patterns
from loglin.plots import (
    BLUE,
    GREEN,
    GREY,
    HIGHEST,
    INK,
    LINE,
    LOWEST,
    NOT_SELECTED,
    ORANGE,
    label_plot,
    map_plot,
    pattern_plot,
    shade,
)
from tests.loglin.plots.examples import (
    COUNTS,
    ODD_NAMES,
    PATTERNS,
    PLACES,
    TOTALS,
    tones_of,
    words_on,
)


def test_the_lowest_level_of_a_feature_is_medium_and_the_highest_dark(ax):
    assert pattern_plot(PATTERNS, ax=ax) is ax
    image = tones_of(ax)
    assert image.shape == (3, 3, 3)
    np.testing.assert_allclose(image[0], [shade(BLUE, tone) for tone in (LOWEST, HIGHEST, LOWEST)])
    # Of three levels the middle one is half way.
    np.testing.assert_allclose(image[:, 2], [shade(BLUE, tone) for tone in (LOWEST, HIGHEST, 0.5)])
    brightness = [shade(BLUE, tone).sum() for tone in (NOT_SELECTED, LOWEST, 0.5, HIGHEST)]
    assert (np.diff(brightness) < 0).all()
    assert words_on(ax.yaxis) == ["1,200", "30", "4"]
    assert ax.get_ylabel() == "samples"
    assert words_on(ax.xaxis) == []
    # The first pattern is on top.
    assert ax.get_ylim()[0] > ax.get_ylim()[1]


def test_among_all_features_those_that_are_not_selected_are_bright(ax):
    colors = [BLUE, BLUE, GREEN, GREY, ORANGE]
    pattern_plot(PATTERNS, features=[4, 2, 0], colors=colors, names=ODD_NAMES[:5], ax=ax)
    image = tones_of(ax)
    tones = np.full((3, 5), NOT_SELECTED)
    tones[:, [4, 2, 0]] = PATTERNS.states / [1, 1, 2]
    for row, column in np.ndindex(tones.shape):
        np.testing.assert_allclose(image[row, column], shade(colors[column], tones[row, column]))
    assert words_on(ax.xaxis) == ODD_NAMES[:5]


def test_a_pattern_of_negative_states_is_a_blank_row(ax):
    states = np.array([[0, 1], [-1, -1], [1, 1]], np.int8)
    pattern_plot(Patterns(states, np.array([3, 0, 1])), colors=[BLUE, ORANGE], ax=ax)
    image = tones_of(ax)
    assert (image[1] == 1).all()
    np.testing.assert_allclose(image[2], [shade(BLUE, HIGHEST), shade(ORANGE, HIGHEST)])


def test_patterns_on_a_map_are_written_as_marks(ax):
    assert map_plot(PLACES, PATTERNS.states, ax=ax) is ax
    assert [text.get_text() for text in ax.texts] == ["-|-", "|-2", "--|"]
    assert [text.xy for text in ax.texts] == [tuple(place) for place in PLACES]
    (dots,) = ax.collections
    np.testing.assert_array_equal(dots.get_offsets(), PLACES)
    assert to_hex(dots.get_facecolor()[0]).upper() == BLUE
    assert len(set(dots.get_sizes())) <= 1
    # A map has a scale, the same in both directions, but no numbers.
    assert ax.get_aspect() == 1
    assert words_on(ax.xaxis) == words_on(ax.yaxis) == []


def test_dots_on_a_map_have_areas_in_proportion_to_counts(ax):
    map_plot(PLACES, PATTERNS.states, counts=PATTERNS.counts, color=GREEN, ax=ax)
    (dots,) = ax.collections
    sizes = dots.get_sizes()
    np.testing.assert_allclose(sizes / sizes[0], PATTERNS.counts / PATTERNS.counts[0])
    assert to_rgb(dots.get_facecolor()[0][:3]) == to_rgb(GREEN)


def test_text_on_a_map_has_the_size_asked_for_and_stands_above_the_dots(ax):
    map_plot(PLACES, PATTERNS.states, counts=PATTERNS.counts, fontsize=11, ax=ax)
    assert {text.get_fontsize() for text in ax.texts} == {11}
    ax.figure.canvas.draw()
    points = 72 / ax.figure.dpi
    for text, place, area in zip(ax.texts, PLACES, ax.collections[0].get_sizes(), strict=True):
        middle = ax.transData.transform(place)[1]
        # The diameter of a dot is the root of its `size`, in points; the descent of text is below.
        assert text.get_window_extent().y0 * points >= middle * points + np.sqrt(area) / 2 - 0.1


def test_labels_stand_above_the_marks_and_a_path_joins_places_in_its_order(ax):
    map_plot(PLACES, PATTERNS.states, labels=ODD_NAMES[:3], path=[2, 0, 1], ax=ax)
    above = [text.get_text().split("\n")[0] for text in ax.texts]
    assert above == ODD_NAMES[:3]
    (path,) = ax.lines
    np.testing.assert_array_equal(path.get_xydata(), PLACES[[2, 0, 1]])
    assert path.get_color() == LINE


def test_a_pattern_without_a_place_is_left_out(ax):
    places = PLACES.copy()
    places[1] = np.nan
    map_plot(places, PATTERNS.states, counts=PATTERNS.counts, ax=ax)
    assert [text.xy for text in ax.texts] == [(0.0, 0.0), (1.0, 2.0)]
    ax.figure.canvas.draw()


def test_a_map_without_marks_has_labels_only(ax):
    map_plot(PLACES, PATTERNS.states, labels=["a", "b", "c"], marks=False, ax=ax)
    assert [text.get_text() for text in ax.texts] == ["a", "b", "c"]


def test_tiles_of_labels_are_as_opaque_as_the_shares_of_their_samples(ax):
    assert label_plot(COUNTS, TOTALS, ["$T$", "B", "none"], ax=ax) is ax
    tiles = {(round(t.get_x() + 0.46), round(t.get_y() + 0.46)): t for t in ax.patches}
    assert set(tiles) == {(0, 0), (0, 1), (1, 0), (1, 1)}  # a label without samples: blank
    opacity = {place: tile.get_facecolor()[3] for place, tile in tiles.items()}
    assert opacity[0, 0] > opacity[0, 1] > opacity[1, 1] > opacity[1, 0]
    assert (opacity[0, 0] - opacity[1, 0]) / (opacity[0, 1] - opacity[1, 0]) == pytest.approx(9)
    assert {to_hex(tile.get_facecolor()).upper() for tile in tiles.values()} == {BLUE}
    assert {text.get_position(): text.get_text() for text in ax.texts} == {
        (0, 0): "90", (0, 1): "10", (1, 1): "1",
    }  # fmt: skip
    colors = {text.get_text(): text.get_color() for text in ax.texts}
    assert colors == {"90": "white", "10": INK, "1": INK}  # readable on its tile
    assert words_on(ax.xaxis) == ["$T$", "B", "none"]
    assert words_on(ax.yaxis) == ["1", "2"]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]


def test_rows_of_labels_are_named_or_written_as_marks(ax):
    label_plot(COUNTS, TOTALS, ["a", "b", "c"], [[0, 1, 0], [1, 2, 0]], ax=ax)
    assert words_on(ax.yaxis) == ["-|-", "|2-"]
    label_plot(COUNTS, TOTALS, ["a", "b", "c"], names=["$x", "y"], ax=ax)
    assert words_on(ax.yaxis) == ["$x", "y"]
    ax.figure.canvas.draw()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pattern_plot([[0, 1]]), "`patterns` must be Patterns, got list"),
        (lambda: pattern_plot(PATTERNS, names=["a"]), "`names` must be 3, one per column, got 1"),
        (
            lambda: pattern_plot(PATTERNS, colors=[BLUE]),
            "`colors` must be 3, one per column, got 1",
        ),
        (
            lambda: pattern_plot(PATTERNS, features=[0, 1, 2]),
            "`colors` must be one for each feature where `features` are given",
        ),
        (
            lambda: pattern_plot(PATTERNS, features=[0, 1], colors=[BLUE] * 4),
            "`features` must be one for each column of the states: expected 3, got 2",
        ),
        (
            lambda: pattern_plot(PATTERNS, features=[0, 1, 4], colors=[BLUE] * 4),
            "`features` must be from 0 to 3, got 4",
        ),
        (
            lambda: pattern_plot(PATTERNS, features=[0, 1, 1], colors=[BLUE] * 4),
            "`features` must be different columns",
        ),
        (lambda: map_plot(3, PATTERNS.states), "`points` must have two dimensions"),
        (lambda: map_plot(PLACES, 3), "`states` must have two dimensions"),
        (
            lambda: map_plot(PLACES[:2], PATTERNS.states),
            r"`points` must be two numbers .* expected shape \(3, 2\), got \(2, 2\)",
        ),
        (
            lambda: map_plot(PLACES[:, :1], PATTERNS.states),
            r"`points` must be two numbers .* expected shape \(3, 2\), got \(3, 1\)",
        ),
        (
            lambda: map_plot(PLACES, PATTERNS.states, labels=["a"]),
            "`labels` must be 3, one per pattern, got 1",
        ),
        (
            lambda: map_plot(PLACES, PATTERNS.states, counts=[1, 2]),
            r"`counts` must be 3, one per pattern, got shape \(2,\)",
        ),
        (lambda: pattern_plot(PATTERNS, names=3), "`names` must be a sequence of names, got 3"),
        (lambda: pattern_plot(PATTERNS, colors="sand"), "`colors` must be colours.*'sand'"),
        (lambda: pattern_plot(PATTERNS, ax=3), "`ax` must be matplotlib Axes, got int"),
        (
            lambda: pattern_plot(PATTERNS._replace(states=PATTERNS.states[:0])),
            "`patterns` must have two dimensions, at least one row",
        ),
        (lambda: map_plot(PLACES, PATTERNS.states, labels="a"), "`labels` must be a sequence"),
        (lambda: map_plot(PLACES, PATTERNS.states, fontsize=0), "`fontsize` must be a finite"),
        (lambda: map_plot(PLACES, PATTERNS.states, path=[0, 3]), "`path` must be from 0 to 2"),
        (lambda: map_plot(PLACES, PATTERNS.states, path=[0, -1]), "`path` must be from 0 to 2"),
        (lambda: map_plot(PLACES, PATTERNS.states, path=[0.5]), "`path` must be an integer"),
        (
            lambda: map_plot(PLACES, PATTERNS.states, path=2),
            "`path` must be a sequence of patterns, got",
        ),
        (
            lambda: map_plot(PLACES, PATTERNS.states, counts=[-1, 2, 3]),
            "`counts` must hold finite counts of at least 0, got -1",
        ),
        (
            lambda: map_plot(PLACES, PATTERNS.states, counts=np.ones((3, 1))),
            r"`counts` must be 3, one per pattern, got shape \(3, 1\)",
        ),
        (
            lambda: map_plot(PLACES, PATTERNS.states + 0.5),
            "`states` must hold whole numbers, got others",
        ),
        (
            lambda: label_plot(COUNTS, [1, 2], ["a", "b", "c"]),
            r"`totals` must be 3, one per label, got shape \(2,\)",
        ),
        (
            lambda: label_plot(COUNTS, [39, 100, 0], ["a", "b", "c"]),
            "`counts` must not exceed `totals` in any column",
        ),
        (
            lambda: label_plot(COUNTS, TOTALS, ["a"]),
            "`labels` must be 3, one per label, got 1",
        ),
        (
            lambda: label_plot(COUNTS, TOTALS, ["a", "b", "c"], [[0, 1]]),
            "`states` must be 2, one per pattern, got 1",
        ),
        (
            lambda: label_plot(COUNTS, TOTALS, ["a", "b", "c"], names=["a"]),
            "`names` must be 2, one per pattern, got 1",
        ),
    ],
)
def test_bad_input_gets_one_sentence_and_no_figure(call, message):
    with pytest.raises(ValueError, match=message):
        call()
    assert plt.get_fignums() == []
