import jax
import numpy as np
import pytest

from experiments.architecture import ArchitectureConfig, look_at
from models.dbm import DBMState
from models.pretraining import StackState

X = np.random.default_rng(0).integers(2, size=(30, 6)).astype(np.int8)


def looks(config, epochs):
    return list(look_at(jax.random.key(1), config, X, epochs))


def weights(look):
    return np.asarray(look.state.params.weights[1])


def test_a_dbm_is_pretrained_and_then_fine_tuned():
    config = ArchitectureConfig(model="dbm", num_latents=2)
    seen = looks(config, [0, 2, 4, 6, 8])
    assert [look.epoch for look in seen] == [0, 2, 4, 6, 8]
    assert [type(look.state) for look in seen] == [StackState] * 3 + [DBMState] * 2
    assert np.isnan(seen[0].reconstruction)
    assert all(look.reconstruction > 0 for look in seen[1:])
    samples = seen[-1].model.sample(jax.random.key(2), seen[-1].state, 5)
    assert (samples.x.shape, samples.u.shape) == ((5, 6), (5, 2))
    # What is seen does not depend on how often one looks, nor on when pretraining ended.
    rarely = looks(config, [3, 8])
    np.testing.assert_array_equal(weights(rarely[-1]), weights(seen[-1]))
    early = looks(ArchitectureConfig(model="dbm", num_latents=2, pretrain_share=1.0), [2, 8])
    np.testing.assert_array_equal(weights(early[0]), weights(seen[1]))
    assert isinstance(early[-1].state, StackState)


def test_a_vae_is_looked_at_as_by_snapshots():
    seen = looks(ArchitectureConfig(num_latents=2), [0, 3])
    assert [look.epoch for look in seen] == [0, 3]
    assert np.isnan(seen[0].reconstruction)
    samples = seen[-1].model.sample(jax.random.key(2), seen[-1].state, 5)
    assert (samples.x.shape, samples.u.shape) == ((5, 6), (5, 2))


def test_rates_are_the_papers_unless_one_is_named():
    assert ArchitectureConfig().vae(50).learning_rate == 1e-4
    config = ArchitectureConfig(model="dbm").dbm(50, 100)
    assert (config.learning_rate, config.fine_learning_rate) == (1e-3, 1e-3)
    assert config.layer_sizes == (50, 50, 10)
    assert ArchitectureConfig(model="dbm", learning_rate=0.01).dbm(50, 100).learning_rate == 0.01


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": "gan"}, r"`model` must be one of \('vae', 'dbm'\), got 'gan'"),
        ({"model": "dbm", "pretrain_share": 1.5}, "`pretrain_share` must be from 0 to 1, got 1.5"),
        ({"pretrain_share": 0.9}, "`pretrain_share` is for the DBM: a VAE has no pretraining"),
        ({"batch_size": 31}, "`batch_size` must be at most the number of cells.*30, got 31"),
        ({"num_latents": 0}, "`num_latents` must be an integer of at least 1, got 0"),
    ],
)
def test_bad_settings_get_one_sentence(settings, message):
    with pytest.raises(ValueError, match=message):
        ArchitectureConfig(**settings).check(6, 30)
