import inspect

import pytest
from matplotlib import pyplot as plt

from loglin import coverage, fit
from loglin.plots import (
    course_plot,
    coverage_plot,
    gain_plot,
    label_plot,
    map_plot,
    mosaic_plot,
    pattern_plot,
)
from tests.loglin.plots.examples import (
    COUNTS,
    EPOCHS,
    HELD_OUT,
    ODD_NAMES,
    PATTERNS,
    PLACES,
    TABLE,
    TOTALS,
    words_inside,
)


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
