import inspect

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex, to_rgb
from matplotlib.patches import Rectangle

from loglin import COVERING, Patterns, coverage, fit, select_features
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
    course_plot,
    coverage_plot,
    gain_plot,
    label_plot,
    map_plot,
    mosaic_plot,
    pattern_plot,
    shade,
)

TABLE = np.array([[[30.0, 5], [4, 28]], [[12, 0], [9, 40]]])


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


def test_shades_follow_the_residuals(ax):
    model = fit(TABLE, "A + B + C", names={"A": ["a", "b"], "B": ["c", "d"], "C": ["e", "f"]})
    assert mosaic_plot(model, ax=ax) is ax
    patches = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    residuals = model.residuals().ravel()[TABLE.ravel() > 0]
    assert len(patches) == 7  # the empty cell is a circle
    assert len(ax.lines) == 1
    colors = [to_hex(patch.get_facecolor()).upper() for patch in patches]
    for color, residual in zip(colors, residuals, strict=True):
        assert (color == BLUE) == (residual > 4)
        assert (color == ORANGE) == (residual < -4)
        assert (color == "#FFFFFF") == (abs(residual) < 2)
    assert BLUE in colors
    assert {text.get_text() for text in ax.texts} == set("ABCabcdef")
    assert all(not text.get_parse_math() for text in ax.texts if text.get_text().islower())
    shades = [text.get_text() for text in ax.get_legend().get_texts()]
    assert shades == ["> 4", "2 to 4", "-2 to 2", "-4 to -2", "< -4"]


def test_a_table_with_too_many_axes():
    with pytest.raises(ValueError, match="at most 4 axes, got 5 axes"):
        mosaic_plot(fit(np.ones((2,) * 5), "A"))
    with pytest.raises(ValueError, match="`fit` must be a Fit, got ndarray"):
        mosaic_plot(TABLE)
    with pytest.raises(ValueError, match="got 2 axes and a total of 0"):
        mosaic_plot(fit(np.zeros((2, 2)), "A"))


PATTERNS = Patterns(np.array([[0, 1, 0], [1, 0, 2], [0, 0, 1]], np.int8), np.array([1200, 30, 4]))
ODD_NAMES = ["$a$", "<b", "c_1^2", "$d", "e", "f", "g"]
"""Names that would be set as formulas, or end in an error, if they were read as such."""


def tones_of(ax):
    """The colours of the tiles, (rows, columns, 3)."""
    (image,) = ax.images
    return np.asarray(image.get_array())


def words_on(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def words_inside(ax):
    """Draw, and tell of each word whether all of it lies within the figure."""
    figure = ax.figure
    figure.canvas.draw()
    low, high = sorted(ax.get_ylim())  # ticks beyond these are not drawn
    texts = [*ax.texts, *ax.get_xticklabels(), ax.yaxis.label]
    texts += [t for t in ax.get_yticklabels() if low <= t.get_position()[1] <= high]
    if ax.get_legend():
        texts += ax.get_legend().get_texts()
    boxes = [text.get_window_extent() for text in texts if text.get_text()]
    width, height = figure.bbox.size
    return [min(b.x0, b.y0, width - b.x1, height - b.y1) >= 0 for b in boxes]


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


PLACES = np.array([[0.0, 0.0], [3.0, 1.0], [1.0, 2.0]])


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


@pytest.fixture(scope="module")
def selection():
    """Two features that follow latents, and one more; each shuffled."""
    rng = np.random.default_rng(3)
    u = rng.integers(2, size=(300, 2))
    x = rng.integers(2, size=(300, 7))
    x[:, [1, 4]] = np.where(rng.random((300, 2)) < 0.8, u, x[:, [1, 4]])
    return select_features(x, u, 3, num_shuffles=5, rng=rng)


def test_bars_stack_the_two_parts_of_a_gain(ax, selection):
    assert gain_plot(selection, ax=ax) is ax
    before, latent = ax.containers[:2]
    np.testing.assert_allclose([bar.get_height() for bar in before], selection.feature_gains)
    np.testing.assert_allclose([bar.get_y() for bar in latent], selection.feature_gains)
    tops = [bar.get_y() + bar.get_height() for bar in latent]
    np.testing.assert_allclose(tops, selection.gains)
    assert {to_hex(bar.get_facecolor()).upper() for bar in before} == {LINE}
    assert {to_hex(bar.get_facecolor()).upper() for bar in latent} == {BLUE}
    assert words_on(ax.xaxis) == [str(feature) for feature in selection.features]
    assert ax.get_ylabel() == "gain (G2)"


def test_shuffled_gains_are_points_with_their_standard_deviation(ax, selection):
    gain_plot(selection, ax=ax)
    points, _, (bars,) = ax.containers[2]
    np.testing.assert_allclose(points.get_ydata(), selection.chance.mean)
    ends = np.array([segment[:, 1] for segment in bars.get_segments()])
    np.testing.assert_allclose(np.ptp(ends, axis=1), 2 * selection.chance.sd)
    words = [text.get_text() for text in ax.get_legend().get_texts()]
    assert words == ["with the features before", "with the latent, given these", "by chance"]


def test_without_shuffles_there_are_bars_only(ax, selection):
    unknown = selection.chance._replace(mean=np.full(3, np.nan), sd=np.full(3, np.nan))
    gain_plot(selection._replace(chance=unknown), names=ODD_NAMES, ax=ax)
    assert len(ax.containers) == 2
    assert len(ax.get_legend().get_texts()) == 2
    assert words_on(ax.xaxis) == [ODD_NAMES[feature] for feature in selection.features]


def test_under_another_null_model_a_bar_is_the_gain(ax, selection):
    gain_plot(selection._replace(gains=selection.latent_gains), ax=ax)
    np.testing.assert_allclose(
        [bar.get_height() for bar in ax.containers[0]], selection.latent_gains
    )
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["gain", "by chance"]


def test_the_first_of_a_pair_has_no_bar(ax, rng):
    x = rng.integers(2, size=(200, 4))
    gain_plot(select_features(x, None, 3), ax=ax)
    tops = [bar.get_y() + bar.get_height() for bar in ax.containers[1]]
    assert tops[0] == 0
    assert min(tops[1:]) > 0


def test_corrected_gains_are_drawn_beside_what_is_left_of_chance(ax, rng):
    x, u = rng.integers(2, size=(300, 5)), rng.integers(2, size=(300, 2))
    x[:, 3] = u[:, 1]
    found = select_features(x, u, 3, **COVERING)
    gain_plot(found, ax=ax)
    np.testing.assert_allclose([bar.get_height() for bar in ax.containers[0]], found.gains)
    line, _, (bars,) = ax.containers[1].lines
    assert line.get_ydata().tolist() == [0, 0, 0]
    tops = [segment[:, 1].max() for segment in bars.get_segments()]
    np.testing.assert_allclose(tops, found.chance.sd)


def test_coverage_is_a_curve_over_the_latents(ax, rng):
    x, u = rng.integers(2, size=(300, 5)), rng.integers(2, size=(300, 3))
    x[:, 3], u[:, 2] = u[:, 1], 0
    found = coverage(x, u, [3, 0])
    coverage_plot(found, names=["Sst", "a_b$"], ax=ax)
    assert words_on(ax.xaxis) == ["Sst", "a_b$"]
    *latents, total = ax.lines
    np.testing.assert_allclose(total.get_ydata(), found.curve)
    assert len(latents) == np.isfinite(found.shares[0]).sum()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "each latent",
        "all latents",
    ]


def test_an_empty_selection_is_an_empty_plot(ax, rng):
    x, u = rng.integers(2, size=(100, 3)), rng.integers(2, size=(100, 1))
    nothing = select_features(x, u, 2, num_shuffles=99, stop="chance", rng=rng)
    gain_plot(nothing, ax=ax)
    assert words_on(ax.xaxis) == []
    ax.figure.canvas.draw()


def test_a_map_without_marks_has_labels_only(ax):
    map_plot(PLACES, PATTERNS.states, labels=["a", "b", "c"], marks=False, ax=ax)
    assert [text.get_text() for text in ax.texts] == ["a", "b", "c"]


EPOCHS, HELD_OUT = [1, 2, 3, 4], [-9.0, -5.0, -6.0, np.nan]


def test_the_course_of_a_training_marks_the_epoch_that_was_taken(ax):
    assert course_plot(EPOCHS, HELD_OUT, training=[-8, -5, -4, -3], chosen=2, ax=ax) is ax
    training, held_out, mark = ax.lines
    np.testing.assert_array_equal(training.get_xydata().T, [EPOCHS, [-8, -5, -4, -3]])
    np.testing.assert_array_equal(held_out.get_xydata().T, [EPOCHS, HELD_OUT])
    assert mark.get_xydata().tolist() == [[2, -5]]
    assert to_hex(mark.get_color()) == to_hex(held_out.get_color()) != to_hex(training.get_color())
    words = [text.get_text() for text in ax.get_legend().get_texts()]
    assert words == ["training", "held out", "chosen"]


def test_a_training_that_diverged_is_drawn_up_to_there(ax):
    course_plot(EPOCHS, [-9.0, -5, -np.inf, np.inf], legend=False, ax=ax)
    (line,) = ax.lines
    np.testing.assert_array_equal(line.get_ydata(), [-9, -5, np.nan, np.nan])
    assert ax.get_legend() is None
    ax.figure.canvas.draw()


COUNTS, TOTALS = np.array([[36, 0, 0], [4, 1, 0]]), np.array([40, 100, 0])


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


def draw_each(selection):
    """One call of every plot, which takes what else it gets."""
    found = coverage([[0], [1]] * 9, [[0], [1]] * 9, [0])
    return [
        lambda **also: mosaic_plot(fit(TABLE, "A + B + C"), **also),
        lambda **also: pattern_plot(PATTERNS, **also),
        lambda **also: map_plot(PLACES, PATTERNS.states, **also),
        lambda **also: label_plot(COUNTS, TOTALS, ["a", "b", "c"], **also),
        lambda **also: gain_plot(selection, **also),
        lambda **also: coverage_plot(found, **also),
        lambda **also: course_plot(EPOCHS, HELD_OUT, **also),
    ]


def test_every_plot_is_saved_and_shown_on_demand(selection, tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(plt, "show", lambda: shown.append(True))
    for number, draw in enumerate(draw_each(selection), start=1):
        path = tmp_path / f"{number}.svg"
        ax = draw(save=path)
        assert path.read_text().count("<svg") == 1
        assert len(shown) == number - 1
        assert draw(ax=ax, show=True) is None
        assert len(shown) == number
        assert draw(ax=ax, show=False) is ax
        for bad, message in [({"show": 1}, "`show` must be"), ({"save": 3}, "`save` must be a")]:
            with pytest.raises(ValueError, match=message):
                draw(**bad)
        plt.close(ax.figure)
    assert plt.get_fignums() == []


def test_the_signature_of_a_plot_is_complete():
    names = list(inspect.signature(course_plot).parameters)
    assert names[:2] == ["epochs", "held_out"]
    assert names[-3:] == ["ax", "show", "save"]


@pytest.mark.parametrize("which", ["patterns", "map", "gains", "labels"])
def test_on_a_figure_of_its_own_no_word_is_cut_off_or_read_as_a_formula(which, selection):
    names = [name + "018Rik" for name in ODD_NAMES]
    if which == "patterns":
        ax = pattern_plot(PATTERNS, names=names[:3])
    elif which == "map":
        ax = map_plot(PLACES, PATTERNS.states, labels=names[:3])
    elif which == "labels":
        ax = label_plot([[0, 0, 0]], [9, 9, 9], names[:3])
    else:
        ax = gain_plot(selection, names=names)
    try:
        inside = words_inside(ax)
        assert len(inside) > 2
        assert all(inside)
        written = [*ax.texts, *ax.get_xticklabels()]
        assert len(written) == 3
        assert all(any(name in text.get_text() for name in names) for text in written)
        assert not any(text.get_parse_math() for text in written)
    finally:
        plt.close(ax.figure)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda _: pattern_plot([[0, 1]]), "`patterns` must be Patterns, got list"),
        (lambda _: pattern_plot(PATTERNS, names=["a"]), "`names` must be 3, one per column, got 1"),
        (
            lambda _: pattern_plot(PATTERNS, colors=[BLUE]),
            "`colors` must be 3, one per column, got 1",
        ),
        (
            lambda _: pattern_plot(PATTERNS, features=[0, 1, 2]),
            "`colors` must be one for each feature where `features` are given",
        ),
        (
            lambda _: pattern_plot(PATTERNS, features=[0, 1], colors=[BLUE] * 4),
            "`features` must be one for each column of the states: expected 3, got 2",
        ),
        (
            lambda _: pattern_plot(PATTERNS, features=[0, 1, 4], colors=[BLUE] * 4),
            "`features` must be from 0 to 3, got 4",
        ),
        (
            lambda _: pattern_plot(PATTERNS, features=[0, 1, 1], colors=[BLUE] * 4),
            "`features` must be different columns",
        ),
        (lambda _: map_plot(3, PATTERNS.states), "`points` must have two dimensions"),
        (lambda _: map_plot(PLACES, 3), "`states` must have two dimensions"),
        (
            lambda _: map_plot(PLACES[:2], PATTERNS.states),
            r"`points` must be two numbers .* expected shape \(3, 2\), got \(2, 2\)",
        ),
        (
            lambda _: map_plot(PLACES[:, :1], PATTERNS.states),
            r"`points` must be two numbers .* expected shape \(3, 2\), got \(3, 1\)",
        ),
        (
            lambda _: map_plot(PLACES, PATTERNS.states, labels=["a"]),
            "`labels` must be 3, one per pattern, got 1",
        ),
        (
            lambda _: map_plot(PLACES, PATTERNS.states, counts=[1, 2]),
            r"`counts` must be 3, one per pattern, got shape \(2,\)",
        ),
        (lambda _: gain_plot([1, 2]), "`selection` must be a Selection, got list"),
        (lambda _: coverage_plot([1, 2]), "`coverage` must be a Coverage, got list"),
        (lambda _: pattern_plot(PATTERNS, names=3), "`names` must be a sequence of names, got 3"),
        (lambda _: pattern_plot(PATTERNS, colors="sand"), "`colors` must be colours.*'sand'"),
        (lambda _: pattern_plot(PATTERNS, ax=3), "`ax` must be matplotlib Axes, got int"),
        (
            lambda _: pattern_plot(PATTERNS._replace(states=PATTERNS.states[:0])),
            "`patterns` must have two dimensions, at least one row",
        ),
        (lambda _: map_plot(PLACES, PATTERNS.states, labels="a"), "`labels` must be a sequence"),
        (lambda _: map_plot(PLACES, PATTERNS.states, fontsize=0), "`fontsize` must be a finite"),
        (lambda _: map_plot(PLACES, PATTERNS.states, path=[0, 3]), "`path` must be from 0 to 2"),
        (lambda _: map_plot(PLACES, PATTERNS.states, path=[0, -1]), "`path` must be from 0 to 2"),
        (lambda _: map_plot(PLACES, PATTERNS.states, path=[0.5]), "`path` must be an integer"),
        (
            lambda _: map_plot(PLACES, PATTERNS.states, path=2),
            "`path` must be a sequence of patterns, got",
        ),
        (
            lambda _: map_plot(PLACES, PATTERNS.states, counts=[-1, 2, 3]),
            "`counts` must hold finite counts of at least 0, got -1",
        ),
        (
            lambda _: map_plot(PLACES, PATTERNS.states, counts=np.ones((3, 1))),
            r"`counts` must be 3, one per pattern, got shape \(3, 1\)",
        ),
        (
            lambda _: map_plot(PLACES, PATTERNS.states + 0.5),
            "`states` must hold whole numbers, got others",
        ),
        (
            lambda _: course_plot([[1]], [1]),
            r"`epochs` must have one dimension, at least one epoch, got shape \(1, 1\)",
        ),
        (lambda _: course_plot([], []), "`epochs` must have one dimension, at least one"),
        (
            lambda _: course_plot(EPOCHS, [1, 2]),
            r"`held_out` must be 4, one per epoch, got shape \(2,\)",
        ),
        (
            lambda _: course_plot(EPOCHS, HELD_OUT, training=[1]),
            r"`training` must be 4, one per epoch, got shape \(1,\)",
        ),
        (
            lambda _: course_plot(EPOCHS, HELD_OUT, chosen=5),
            "`chosen` must be one of `epochs`, got 5",
        ),
        (
            lambda _: label_plot(COUNTS, [1, 2], ["a", "b", "c"]),
            r"`totals` must be 3, one per label, got shape \(2,\)",
        ),
        (
            lambda _: label_plot(COUNTS, [39, 100, 0], ["a", "b", "c"]),
            "`counts` must not exceed `totals` in any column",
        ),
        (
            lambda _: label_plot(COUNTS, TOTALS, ["a"]),
            "`labels` must be 3, one per label, got 1",
        ),
        (
            lambda _: label_plot(COUNTS, TOTALS, ["a", "b", "c"], [[0, 1]]),
            "`states` must be 2, one per pattern, got 1",
        ),
        (
            lambda _: label_plot(COUNTS, TOTALS, ["a", "b", "c"], names=["a"]),
            "`names` must be 2, one per pattern, got 1",
        ),
        (
            lambda chosen: gain_plot(chosen, names=["a"] * 3),
            "`names` must be 7, one per feature, got 3",
        ),
    ],
)
def test_bad_input_gets_one_sentence_and_no_figure(call, message, selection):
    with pytest.raises(ValueError, match=message):
        call(selection)
    assert plt.get_fignums() == []
