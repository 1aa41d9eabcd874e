import numpy as np
import pytest

from experiments.studies import runtime
from tests.experiments.tiny import RUNTIME, run


def test_from_data_to_page(tmp_path, capsys):
    _, html = run(capsys, "runtime", RUNTIME, tmp_path)
    assert "plain / ours" in html


def test_growth_is_found_again():
    sizes = np.array([2, 4, 8, 9])
    assert runtime.power(sizes, 3.0 * sizes**1.5) == pytest.approx(1.5)
    assert runtime.growth(sizes, 3.0 * 1.7**sizes) == pytest.approx(1.7)
