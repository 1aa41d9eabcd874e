import numpy as np
import pytest

from models import DBMConfig, RBMConfig
from models.boltzmann.settings import hidden_blocks


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"layer_sizes": (6,)}, r"`layer_sizes` must be a tuple of at least two sizes, got \(6,\)"),
        ({"layer_sizes": [6, 3]}, "`layer_sizes` must be a tuple of at least two sizes"),
        ({"layer_sizes": (6, 0)}, "`layer_sizes` must be an integer of at least 1, got 0"),
        ({"pretrain_epochs": -1}, "`pretrain_epochs` must be an integer of at least 0, got -1"),
        ({"blocks": (0, 1)}, r"`blocks` must be None or a tuple with one entry.*got \(0, 1\)"),
        ({"fine_batch_size": 0}, "`fine_batch_size` must be an integer of at least 1, got 0"),
        ({"fine_learning_rate": 0.0}, "`fine_learning_rate` must be a positive number, got 0.0"),
        ({"levels": 2}, "`levels` must be None or a tuple"),
        ({"levels": (2,) * 5 + (128,)}, "`levels` must be at most 127, got 128"),
        ({"centered": "False"}, "`centered` must be True or False, got 'False'"),
        ({"blocks": (0, 0, 0, 0, 0, 1)}, "`blocks` must be large enough.*block 1 has none"),
        ({"centered_pretraining": 1}, "`centered_pretraining` must be True or False, got 1"),
        (
            {"blocks": (0, 0, 0, 1, 1, 1), "centered_pretraining": True},
            "`centered_pretraining` must be False where `blocks` are given",
        ),
        ({"learning_rate": 10**400}, "`learning_rate` must be a positive number"),
    ],
)
def test_bad_settings_get_one_sentence(settings, message):
    with pytest.raises(ValueError, match=message):
        DBMConfig(**({"layer_sizes": (6, 3)} | settings))


def test_numbers_of_numpy_become_plain_ones():
    x = np.array([[0, 2], [1, 1]], np.int8)
    config = DBMConfig((np.int64(2), 3), levels=tuple(x.max(axis=0) + 1), batch_size=np.int64(2))
    assert config == DBMConfig((2, 3), levels=(2, 3), batch_size=2)
    assert all(type(count) is int for count in (*config.layer_sizes, *config.levels))
    assert DBMConfig((2, 3), learning_rate=np.float32(0.5)).learning_rate == 0.5


def test_pretraining_has_as_many_epochs_as_rbms_need():
    assert DBMConfig((6, 4, 2), pretrain_epochs=5).num_pretraining_epochs == 10
    assert (
        DBMConfig((6, 4, 2), pretrain_epochs=5, pretrain_in_turn=True).num_pretraining_epochs == 5
    )


def test_hidden_units_are_dealt_to_blocks_by_their_features():
    config = DBMConfig((6, 3), blocks=(0, 0, 0, 0, 1, 1))
    np.testing.assert_array_equal(hidden_blocks(config), [0, 0, 1])
    np.testing.assert_array_equal(hidden_blocks(DBMConfig((6, 3))), [0, 0, 0])


SHARED = {
    "levels": None, "learning_rate": 1e-3, "batch_size": 1, "num_steps": 1, "momentum": 0.0,
    "weight_decay": 0.0, "halving_updates": None, "sample_sweeps": 200, "draws_per_chain": 1,
    "sweeps_between_draws": 20,
}  # fmt: skip


def test_defaults_are_those_of_the_paper_and_of_all_results_so_far():
    # Who changes one trains other models, and changes the results of all who rely on it.
    assert vars(RBMConfig(5, 3)) == SHARED | {
        "num_features": 5, "num_hidden": 3, "num_chains": None, "centered": False,
    }  # fmt: skip
    assert vars(DBMConfig((5, 3))) == SHARED | {
        "layer_sizes": (5, 3), "blocks": None, "pretrain_epochs": 20, "pretrain_in_turn": False,
        "centered_pretraining": False, "num_chains": 100, "fine_learning_rate": 1e-3,
        "fine_batch_size": 10, "sweeps_per_update": 1, "centered": True,
        "mean_field_tolerance": 1e-3,
    }  # fmt: skip
