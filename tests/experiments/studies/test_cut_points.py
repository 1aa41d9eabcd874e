import numpy as np

from experiments.studies import cut_points


def test_ranking_of_cuts():
    found = {
        cut: cut_points.Quality(np.full(3, index), np.full(3, 0.5), np.ones(3))
        for cut, index in ((0.3, 1.0), (0.4, 1.5), (0.5, 2.0))
    }
    assert cut_points._ranking(found).verdict == "reproduced"
    assert cut_points._ranking({0.3: found[0.3], 0.5: found[0.5]}).verdict == "not measured"
    found[0.3] = found[0.3]._replace(davies_bouldin=np.full(3, 5.0))
    statement = cut_points._ranking(found)
    assert statement.verdict == "not reproduced"
    assert "by the index: 0.4, 0.5, 0.3" in statement.measured
