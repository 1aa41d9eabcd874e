import numpy as np
import pytest

from experiments.data.stairs import StairConfig, simulate_stairs
from experiments.studies import pattern_map
from experiments.studies.pattern_map.experiment import (
    Maps,
    Result,
    one_gene_each,
    pattern_places,
    stair_order,
)
from tests.experiments.studies.made import done, verdicts
from tests.experiments.tiny import run

pytestmark = pytest.mark.xdist_group("stairs")  # they train the same models


def test_from_data_to_page(tmp_path, capsys):
    settings = "--epochs 1 2 --more-epochs --num-samples 300 --num-cells 40 --num-stages 3"
    more = "--num-noise 4 --batch-size 10 --num-permutations 19 --seeds 1"
    as_others = "--learning-rate None --fine-learning-rate None --no-centered-pretraining"
    out, _ = run(capsys, "pattern-map", f"{settings} {more} {as_others}", tmp_path)
    assert "training stopped at 2" in out
    assert (tmp_path / "pattern-map" / "maps.png").exists()


def test_the_place_of_a_pattern_is_where_its_cells_are():
    config = StairConfig(num_cells=200_000, num_noise=2)
    cells = simulate_stairs(config, np.random.default_rng(0))
    features, states = one_gene_each(config)
    assert (states.sum(axis=1) == [0] + [1] * 9).all()
    places = pattern_places(config, features, states)
    assert np.isnan(places[0])
    # Cells with one of these genes on are in the two stages of the gene, with the same numbers of
    # other cells before and after where the stair does not end.
    for state, place in zip(states[4:7], places[4:7], strict=True):
        stages = cells.stage[(cells.x[:, features] == state).all(axis=1)]
        common = np.sort(np.bincount(stages).argsort()[-2:])
        assert common.mean() == place
    # Two genes of an overlap are at one place; noise has none.
    pair = np.array([3, 4, 32])
    found = pattern_places(config, pair, np.eye(3, dtype=np.int8))
    np.testing.assert_array_equal(found, [0.5, 0.5, np.nan])
    assert stair_order(np.array([np.nan, 2.0, 0.5])).tolist() == [2, 1]


def maps_on(config, angles, p_value, num_epochs):
    """Maps of one gene of each overlap, at these angles round the pattern of zeros."""
    features, states = one_gene_each(config)
    number = len(states)
    points = np.vstack([[0, 0], np.column_stack([np.cos(angles), np.sin(angles)])])
    return Maps(
        features=features,
        states=states,
        counts=np.full((num_epochs, number), 100),
        distances=np.full((num_epochs, number, number), 0.5),
        corrected=np.full((num_epochs, number, number), 0.4)
        * np.linspace(0.1, 1, num_epochs)[:, None, None],
        points=np.tile(points, (num_epochs, 1, 1)),
        stress=np.zeros(num_epochs),
        circular=np.full(num_epochs, 1.0),
        p_value=np.full(num_epochs, p_value),
        turns=np.full(num_epochs, np.ptp(angles) / (2 * np.pi)),
    )


@pytest.mark.parametrize(
    ("turns", "p_value", "structure", "spiral"),
    [
        (1.3, 0.001, "reproduced", "reproduced"),
        (0.7, 0.001, "reproduced", "partly"),
        (0.7, 0.3, "not reproduced", "not reproduced"),
    ],
)
def test_verdicts_follow_the_maps(turns, p_value, structure, spiral):
    config = pattern_map.Config()
    epochs = np.array(sorted({*config.epochs, *config.more_epochs}))
    maps = maps_on(config.stairs, 2 * np.pi * turns * np.arange(9) / 8, p_value, len(epochs))
    result = Result(epochs, np.zeros((7, 4), np.int64), np.full(7, 9e4), maps, maps)
    section = pattern_map.summarize(config, done([result] * 2))
    found = verdicts(section)
    assert found[:3] == ["reproduced"] * 3  # sizes, ones, clustered
    assert found[3:7] == [structure] * 4
    assert found[7] == spiral
    assert list(section.statements[3].holds) == [structure == "reproduced"] * 2
    # With the truth as latent, an arc: what the reason says is computed, for every run.
    assert "would make 0.75 turns" in section.statements[7].reason
