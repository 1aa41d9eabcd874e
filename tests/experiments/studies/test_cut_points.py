import numpy as np
import pytest

from experiments.analysis.evaluation import last_of_each_pattern
from experiments.studies import cut_points


def quality(index, splits=(0, 0, 0)):
    number = len(splits)
    values = np.broadcast_to(index, number)
    return cut_points.Quality(
        values, np.full(number, 0.5), np.ones(number), values, np.array(splits, float)
    )


def test_ranking_of_cuts():
    found = {cut: quality(index) for cut, index in ((0.3, 1.0), (0.4, 1.5), (0.5, 2.0))}
    statement = cut_points._ranking(found)
    assert statement.verdict == "reproduced"
    assert list(statement.holds) == [True]
    assert "with probability 1;" in statement.reason
    assert "if all cuts were equal it would be 0.17" in statement.reason.lower()
    assert cut_points._ranking({0.3: found[0.3], 0.5: found[0.5]}).verdict == "not measured"
    found[0.3] = quality(5.0)
    statement = cut_points._ranking(found)
    assert statement.verdict == "not reproduced"
    assert list(statement.holds) == [False]
    assert "by the index: 0.4, 0.5, 0.3" in statement.measured


def test_a_ranking_that_chance_decides_has_the_probability_of_chance():
    rng = np.random.default_rng(0)
    splits = np.repeat(np.arange(400), 2)
    found = {cut: quality(rng.normal(size=800), splits) for cut in (0.1, 0.3, 0.5, 0.7)}
    index = {cut: of_cut.davies_bouldin for cut, of_cut in found.items()}
    held = cut_points._in_splits(found, index)
    error = np.sqrt(1 / 12 * 11 / 12 / 400)
    assert np.mean(held) == pytest.approx(1 / 12, abs=4 * error)
    # A split with one kind of index that does not exist is the worst, not the best.
    found[0.3] = found[0.3]._replace(davies_bouldin=np.full(800, np.nan))
    index = {cut: of_cut.davies_bouldin for cut, of_cut in found.items()}
    assert not any(cut_points._in_splits(found, index))


def test_in_the_authors_code_the_last_cell_with_a_pattern_gives_its_label():
    rng = np.random.default_rng(0)
    x = rng.integers(2, size=(200, 5)).astype(np.int8)
    last = last_of_each_pattern(x, [1, 3, 4])
    expected = {tuple(row): at for at, row in enumerate(x[:, [1, 3, 4]].tolist())}  # later ones win
    assert sorted(expected.values()) == last.tolist()
