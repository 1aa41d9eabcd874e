import pytest

from tests.experiments.tiny import run

pytestmark = pytest.mark.xdist_group("stairs")  # they train the same models


def test_from_data_to_page(tmp_path, capsys):
    settings = "--epochs 1 2 --more-epochs --num-samples 300 --num-cells 40 --num-stages 3"
    more = "--num-noise 4 --batch-size 10 --num-permutations 19 --seeds 1"
    as_others = "--learning-rate None --fine-learning-rate None --no-centered-pretraining"
    out, _ = run(capsys, "pattern-map", f"{settings} {more} {as_others}", tmp_path)
    assert "training stopped at 2" in out
    assert (tmp_path / "pattern-map" / "maps.png").exists()
