import numpy as np
import pytest

from experiments.studies.scalability import entropy_of_latents
from tests.experiments.tiny import run


@pytest.mark.deep  # two DBMs to compile
def test_from_data_to_page(tmp_path, capsys):
    settings = "--num-noise 4 8 --num-cells 40 --num-epochs 2 --every 2 --num-samples 300"
    out, html = run(capsys, "scalability", f"{settings} --num-selected 3 --seeds 2", tmp_path)
    assert "4 units" in out
    assert "36 genes: " in html
    assert "40 genes: " in html


def test_entropy_is_one_bit_for_a_fair_latent_and_none_for_an_idle_one():
    fair, idle = np.tile([0, 1], 50), np.ones(100)
    seldom = np.arange(100) < 10
    bits = -0.1 * np.log2(0.1) - 0.9 * np.log2(0.9)
    found = entropy_of_latents(np.column_stack([fair, idle, seldom]))
    assert found == pytest.approx([1, 0, bits])
