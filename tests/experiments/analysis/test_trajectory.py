from dataclasses import replace

import jax
import numpy as np
import pytest

from experiments.analysis.model_settings import ModelSettings
from experiments.analysis.trajectory import (
    TrajectoryConfig,
    as_trajectory,
    checkpoints,
    split_keys,
    synthetic_cells,
)
from loglin import dichotomize, frequent_patterns, select_features
from tests.experiments.tiny import CELLS as X

VAE = ModelSettings(batch_size=10)
CONFIG = TrajectoryConfig(4, 2, every=2, num_samples=300, num_patterns=8, num_shuffles=3)

pytestmark = pytest.mark.xdist_group("stairs")  # they train the same models


def seen(config=CONFIG, settings=VAE):
    return list(checkpoints(split_keys(jax.random.key(1)), settings, X, config))


def test_epochs_end_with_the_last_one():
    assert TrajectoryConfig(4, 2, every=2).epochs == [0, 2, 4]
    assert TrajectoryConfig(5, 2, every=2).epochs == [0, 2, 4, 5]
    assert TrajectoryConfig(4, 2, every=2, more_epochs=(1, 9)).epochs == [0, 1, 2, 4]
    with pytest.raises(ValueError, match="`more_epochs` must be at least 1, got 0"):
        TrajectoryConfig(4, 2, more_epochs=(0,))


def test_a_checkpoint_shows_what_its_samples_show():
    for checkpoint in seen():
        key = jax.random.fold_in(split_keys(jax.random.key(1)).sample, checkpoint.epoch)
        samples = VAE.build(X).sample(key, checkpoint.model_state, 300)
        np.testing.assert_array_equal(checkpoint.x, samples.x)
        np.testing.assert_array_equal(checkpoint.u, dichotomize(samples.u))
        expected = select_features(checkpoint.x, checkpoint.u, 2)
        np.testing.assert_array_equal(checkpoint.selection.gains, expected.gains)
        patterns = frequent_patterns(checkpoint.x, expected.features.tolist(), 8)
        np.testing.assert_array_equal(checkpoint.patterns.states, patterns.states)
        assert checkpoint.selection.chance.mean.shape == (2,)


def test_what_is_seen_at_an_epoch_does_not_depend_on_the_others():
    often, seldom = seen(), seen(replace(CONFIG, every=4))
    assert [checkpoint.epoch for checkpoint in seldom] == [0, 4]
    for a, b in zip(often[::2], seldom, strict=True):
        np.testing.assert_array_equal(a.x, b.x)
        np.testing.assert_array_equal(a.selection.chance.mean, b.selection.chance.mean)


def test_a_trajectory_holds_all_checkpoints_and_leaves_blank_what_is_not_there():
    found = seen()
    trajectory = as_trajectory(found, CONFIG)
    assert trajectory.epochs.tolist() == [0, 2, 4]
    assert np.isnan(trajectory.reconstruction[0])
    assert (trajectory.reconstruction[1:] > 0).all()
    for at, checkpoint in enumerate(found):
        states, counts = trajectory.patterns(at)[:2]
        num_patterns = len(checkpoint.patterns.states)  # two genes have four patterns at most
        np.testing.assert_array_equal(states[:num_patterns], checkpoint.patterns.states)
        assert (states[num_patterns:] == -1).all()
        assert counts.sum() == 300
        np.testing.assert_array_equal(trajectory.gains[at], checkpoint.selection.gains)
    assert (trajectory.first_from(1), trajectory.first_from(4)) == (1, 2)
    assert trajectory.first_from(5) is None


def test_synthetic_cells_come_with_codes_of_their_latents():
    _, drawn = synthetic_cells(jax.random.key(1), VAE, X, [2, 4], 300)
    assert (drawn.epoch, drawn.x.shape, drawn.u.shape) == (4, (300, 15), (300, 10))
    assert set(np.unique(drawn.u)) == {0, 1}
    # The keys of training and sampling are those of a trajectory without its shuffles.
    draw_key, _ = jax.random.split(jax.random.key(1))
    _, same = synthetic_cells(draw_key, VAE, X, [2, 4], 300)
    np.testing.assert_array_equal(same.x, seen()[-1].x)


def test_bad_settings_get_one_sentence():
    with pytest.raises(ValueError, match="`num_epochs` must be at least 1, got 0"):
        TrajectoryConfig(0, 2)
    with pytest.raises(ValueError, match="`num_selected` must be at most the number of genes"):
        CONFIG.check_panel(1)
