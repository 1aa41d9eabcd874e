import numpy as np
import pytest

from experiments.studies.scalability import entropy_of_latents
from tests.depth import usual_or_deep
from tests.experiments.tiny import run


@pytest.mark.deep  # two more models to compile
def test_from_data_to_page(tmp_path, capsys):
    # What is compiled for two DBMs would take half a minute; other studies train them.
    model = usual_or_deep("vae", "dbm")
    settings = "--num-noise 4 8 --num-cells 40 --num-epochs 2 --every 2 --num-samples 300"
    more = f"--num-selected 3 --batch-size 10 --seeds 2 --model {model}"
    out, html = run(capsys, "scalability", f"{settings} {more}", tmp_path)
    assert "4 units" in out
    assert "36 genes: " in html
    assert "40 genes: " in html


def test_entropy_is_one_bit_for_a_fair_latent_and_none_for_an_idle_one():
    fair, idle = np.tile([0, 1], 50), np.ones(100)
    seldom = np.arange(100) < 10
    bits = -0.1 * np.log2(0.1) - 0.9 * np.log2(0.9)
    assert entropy_of_latents(np.column_stack([fair])) == pytest.approx(1)
    assert entropy_of_latents(np.column_stack([idle])) == 0
    found = entropy_of_latents(np.column_stack([fair, idle, seldom]))
    assert found == pytest.approx((1 + bits) / 3)
