import jax
import numpy as np
import pytest

from experiments.analysis.model_settings import CENTERED_DBM, ModelSettings, check_models
from models import snapshots
from models.boltzmann.dbm import DBMState
from models.boltzmann.pretraining import StackState
from tests.experiments.tiny import CELLS as X

DBM = ModelSettings(model="dbm", batch_size=10)

pytestmark = pytest.mark.xdist_group("stairs")  # they train the same models


def train(settings, epochs):
    return list(settings.train(jax.random.key(1), X, epochs))


def weights(snapshot):
    return np.asarray(snapshot[1].params.weights[1])


def test_a_dbm_is_pretrained_and_then_fine_tuned():
    seen = train(DBM, [0, 2, 4, 6, 8])
    assert [epoch for epoch, _, _ in seen] == [0, 2, 4, 6, 8]
    assert [type(state) for _, state, _ in seen] == [StackState] * 3 + [DBMState] * 2
    assert len(seen[0][2].reconstruction) == 0
    assert all(info.reconstruction[-1] > 0 for _, _, info in seen[1:])
    # One model draws from the states of either phase.
    for _, state, _ in seen[::4]:
        samples = DBM.build(X).sample(jax.random.key(2), state, 300)
        assert (samples.x.shape, samples.u.shape) == ((300, 15), (300, 10))
    # What is seen does not depend on the other epochs, nor on when pretraining ended.
    rarely = train(DBM, [3, 8])
    np.testing.assert_array_equal(weights(rarely[-1]), weights(seen[-1]))
    early = train(ModelSettings("dbm", batch_size=10, pretrain_share=1.0), [2, 8])
    np.testing.assert_array_equal(weights(early[0]), weights(seen[1]))
    assert isinstance(early[-1][1], StackState)


def test_a_vae_is_trained_as_by_snapshots():
    settings = ModelSettings(batch_size=10)
    model = settings.build(X)
    seen, expected = train(settings, [0, 2]), list(snapshots(jax.random.key(1), model, X, [0, 2]))
    assert [epoch for epoch, _, _ in seen] == [0, 2]
    jax.tree.map(np.testing.assert_array_equal, seen, expected)
    samples = model.sample(jax.random.key(2), seen[-1][1], 300)
    assert (samples.x.shape, samples.u.shape) == ((300, 15), (300, 10))


def test_rates_are_the_papers_unless_one_is_named():
    assert ModelSettings().vae(50).learning_rate == 1e-4
    config = ModelSettings(model="dbm").dbm(50, 100)
    assert (config.learning_rate, config.fine_learning_rate) == (1e-3, 1e-3)
    assert config.layer_sizes == (50, 50, 10)
    config = ModelSettings(model="dbm", learning_rate=0.01).dbm(50, 100)
    assert (config.learning_rate, config.fine_learning_rate) == (0.01, 0.01)
    config = CENTERED_DBM.dbm(50, 100)
    assert (config.learning_rate, config.fine_learning_rate) == (0.01, 0.001)
    assert (config.centered_pretraining, config.draws_per_chain) == (True, 10)
    settings = ModelSettings("dbm", num_chains=20, draws_per_chain=40, sweeps_between_draws=10)
    config = settings.dbm(50, 100)
    assert (config.num_chains, config.draws_per_chain, config.sweeps_between_draws) == (20, 40, 10)


def test_the_encoder_may_have_layers_of_its_own():
    assert ModelSettings(encoder_hidden=(50, 25)).vae(50).encoder_hidden == (50, 25)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": "gan"}, r"`model` must be one of \('vae', 'dbm'\), got 'gan'"),
        ({"model": "dbm", "pretrain_share": 1.5}, "`pretrain_share` must be from 0 to 1, got 1.5"),
        ({"pretrain_share": 0.9}, "`pretrain_share` is for the DBM: a VAE has no pretraining"),
        ({"batch_size": 31}, "`batch_size` must be at most the number of cells.*30, got 31"),
        ({"num_latents": 0}, "`num_latents` must be an integer of at least 1, got 0"),
        ({"model": "dbm", "encoder_hidden": (3,)}, "`encoder_hidden` is for the VAE"),
        (
            {"fine_learning_rate": 0.1},
            "`fine_learning_rate` is for the DBM and must be None for a VAE, got 0.1",
        ),
        ({"centered_pretraining": True}, "`centered_pretraining` is for the DBM and must be False"),
        ({"draws_per_chain": 10}, "`draws_per_chain` is for the DBM and must be 1 for a VAE"),
        ({"num_chains": 10}, "`num_chains` is for the DBM and must be 100 for a VAE, got 10"),
        ({"sweeps_between_draws": 5}, "`sweeps_between_draws` is for the DBM and must be 20"),
        ({"model": "dbm", "draws_per_chain": 0}, "`draws_per_chain` must be .* at least 1, got 0"),
        ({"model": "dbm", "fine_learning_rate": -1.0}, "`fine_learning_rate` must be"),
    ],
)
def test_bad_settings_get_one_sentence(settings, message):
    with pytest.raises(ValueError, match=message):
        ModelSettings(**settings).check(6, 30)


def test_models_side_by_side_are_different():
    check_models(("vae", "dbm"))
    with pytest.raises(ValueError, match="`models` must be different, at least one, got"):
        check_models(("vae", "vae"))
