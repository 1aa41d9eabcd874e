import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex

from loglin import COVERING, coverage, select_features
from loglin.plots import (
    BLUE,
    LINE,
    coverage_plot,
    gain_plot,
)
from tests.loglin.plots.examples import (
    ODD_NAMES,
    words_on,
)


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


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda _: gain_plot([1, 2]), "`selection` must be a Selection, got list"),
        (lambda _: coverage_plot([1, 2]), "`coverage` must be a Coverage, got list"),
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
