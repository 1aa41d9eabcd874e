from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from scipy.special import expit, logsumexp, xlog1py, xlogy

from models import IdleLatentsWarning, VAEConfig, snapshots, train, vae
from tests.models import toy
from tests.models.chance import assert_drawn_from
from tests.models.integrals import log_likelihood_by_grid, tanh_layers

GRID = np.linspace(-8, 8, 2001)
# Draws cost little: a probability of 1/12 that is off by 0.005 adds 15 to the chi-square.
NUM_SAMPLES = 50_000
LOG_PRIOR = stats.norm.logpdf(GRID) + np.log(GRID[1] - GRID[0])


SMALL = VAEConfig(num_features=3, num_latents=1, encoder_hidden=(4, 2), learning_rate=1e-30)
SMALL_X = np.array([[1, 1, 0], [0, 0, 1], [1, 1, 1], [0, 0, 0], [1, 1, 0], [0, 0, 1]])


@pytest.fixture(scope="module")
def small():
    """A VAE with one latent, small enough for integrals on a grid, with weights that matter."""
    rng = np.random.default_rng(1)
    state = toy.blank_state(vae(SMALL), SMALL_X)
    params = jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape)), state.params)
    return SMALL, SMALL_X, state._replace(params=params)


def encode(state, x):
    """Run the encoder in numpy."""
    layers = state.params["encoder"]["params"]
    return tuple(tanh_layers(layers, x.astype(float), name) for name in ("mean", "log_variance"))


def log_likelihood_given(state, x, u):
    """log P(x | u) in numpy, (len(x), len(u)), for u (m, r)."""
    p = expit(tanh_layers(state.params["decoder"]["params"], u, "logits"))
    x = x[:, None, :]
    return (xlogy(x, p) + xlog1py(1 - x, -p)).sum(axis=-1)


def test_the_loss_is_the_negative_evidence_lower_bound(small):
    config, x, state = small
    # With a rate of almost nothing an epoch measures the bound and leaves the weights alone.
    keys = jax.random.split(jax.random.key(2), 2000)
    infos = jax.vmap(lambda key: vae(config).epoch(key, state, x)[1])(keys)

    mean, log_variance = encode(state, x)
    divergence = np.mean((np.exp(log_variance) + mean**2 - 1 - log_variance) / 2)
    np.testing.assert_allclose(infos.divergence, divergence, rtol=1e-4)

    log_q = stats.norm.logpdf(GRID, mean, np.exp(log_variance / 2))
    weights = np.exp(log_q) / np.exp(log_q).sum(axis=1, keepdims=True)
    given = log_likelihood_given(state, x, GRID[:, None])
    reconstruction = -(weights * given).sum(axis=1).mean()
    drawn = np.asarray(infos.reconstruction, float)
    error = drawn.std() / np.sqrt(len(drawn))
    assert abs(drawn.mean() - reconstruction) < 5 * error
    np.testing.assert_allclose(infos.loss, infos.reconstruction + infos.divergence, rtol=1e-5)

    exact = logsumexp(given + LOG_PRIOR, axis=1).mean()
    assert -(reconstruction + divergence) < exact


def test_samples_follow_the_prior_and_the_decoder(small):
    config, x, state = small
    samples = vae(config).sample(jax.random.key(3), state, 40_000)
    assert samples.x.shape == (40_000, 3)
    assert samples.x.dtype == jnp.int8
    assert stats.kstest(np.asarray(samples.u[:, 0], float), "norm").pvalue > 1e-3

    # Joint frequencies of (cut latent, x) against integrals on the grid.
    states = np.array(list(np.ndindex(2, 2, 2)))
    joint = np.exp(log_likelihood_given(state, states, GRID[:, None]) + LOG_PRIOR)
    expected = np.stack([joint[:, GRID < 0].sum(axis=1), joint[:, GRID > 0].sum(axis=1)])
    codes = np.asarray(samples.x) @ [4, 2, 1] + 8 * (np.asarray(samples.u[:, 0]) > 0)
    observed = np.bincount(codes, minlength=16)
    expected = expected.ravel() / expected.sum() * 40_000
    assert stats.chisquare(observed, expected).pvalue > 1e-3


def test_samples_of_mixed_features_follow_the_integral():
    state, _ = toy.trained_vae()[-1]
    samples = vae(toy.VAE).sample(jax.random.key(5), state, NUM_SAMPLES)
    codes = np.array(list(np.ndindex(2, 2, 3)))
    expected = np.exp(log_likelihood_by_grid(toy.VAE, state, codes))
    np.testing.assert_allclose(expected.sum(), 1, rtol=1e-4)
    drawn = np.ravel_multi_index(np.asarray(samples.x).T, (2, 2, 3))
    assert_drawn_from(drawn, expected / expected.sum())


def test_warm_up_brings_the_divergence_in_bit_by_bit():
    warm_config = replace(toy.VAE, warm_up_epochs=20)
    plain, warm = toy.trained_vae(), toy.trained_vae(warm_config)
    assert warm[10][1].divergence[0] > 1.2 * plain[10][1].divergence[0]
    # Once it is over there is no difference, and before there is.
    for epoch, is_over in ((20, True), (19, False)):
        state, _ = warm[epoch]
        ours, other = (
            toy.epoch_by_epoch(
                jax.random.key(4), vae(config), toy.MIXED, epoch + 1, resume=(epoch, state)
            )[-1]
            for config in (warm_config, toy.VAE)
        )
        same = jax.tree.map(np.array_equal, ours[0], other[0])
        assert jax.tree.all(same) == is_over


# Two trainings of one shape: 2000 cells of five features.
THREE_LATENTS = VAEConfig(num_features=5, num_latents=3, learning_rate=0.001, batch_size=20)


def three_latents(x):
    return next(snapshots(jax.random.key(0), vae(THREE_LATENTS), x, [80]))


def test_training_learns_the_joint_distribution():
    rng = np.random.default_rng(0)
    first, *others = rng.integers(2, size=(3, 2000))
    _, state, _ = three_latents(np.stack([first, first, 1 - first, *others], axis=1))
    samples = np.asarray(vae(THREE_LATENTS).sample(jax.random.key(1), state, 4000).x)
    correlation = np.corrcoef(samples.T)
    assert correlation[0, 1] > 0.8
    assert correlation[0, 2] < -0.8
    assert abs(correlation[0, 3]) < 0.2


def test_latents_that_tell_nothing_are_flagged():
    rng = np.random.default_rng(0)
    first = rng.integers(2, size=2000)
    structured = np.column_stack([first] * 5)
    found = {}
    with pytest.warns(IdleLatentsWarning, match="all 3 latents have collapsed"):
        infos = {"none": three_latents(rng.integers(2, size=(2000, 5)))[2]}
    infos["one cause"] = three_latents(structured)[2]
    for name, info in infos.items():
        assert info.collapsed.shape == (80, 3)
        found[name] = int(info.collapsed[-1].sum())
        bits = info.information.sum(axis=1)
        np.testing.assert_allclose(bits * np.log(2), info.divergence, rtol=1e-4)
    # One latent carries the cause, which is one bit: it says at least about that much.
    assert infos["one cause"].information[-1].max() > 0.9
    assert found == {"none": 3, "one cause": 2}


def test_default_layers_are_as_wide_as_the_data():
    state = toy.blank_state(vae(VAEConfig(num_features=6)), np.zeros((2, 6)))
    shapes = jax.tree.map(jnp.shape, state.params)
    assert shapes["encoder"]["params"]["Dense_0"]["kernel"] == (6, 6)
    assert shapes["encoder"]["params"]["mean"]["kernel"] == (6, 10)
    assert shapes["decoder"]["params"]["Dense_0"]["kernel"] == (10, 6)
    assert shapes["decoder"]["params"]["logits"]["kernel"] == (6, 6)


def test_an_epoch_leaves_the_rest_of_the_last_batch_out():
    assert len(toy.MIXED) % toy.VAE.batch_size == 1
    _, (_, info), *_ = toy.trained_vae()
    assert np.isfinite(info.loss).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_features": 0}, "`num_features` must be an integer of at least 1, got 0"),
        ({"num_latents": 1.5}, "`num_latents` must be an integer of at least 1, got 1.5"),
        ({"batch_size": -1}, "`batch_size` must be an integer of at least 1, got -1"),
        (
            {"encoder_hidden": [4]},
            r"`encoder_hidden` must be None or a tuple with entries, got \[4\]",
        ),
        ({"decoder_hidden": (0,)}, "`decoder_hidden` must be an integer of at least 1, got 0"),
        ({"learning_rate": float("inf")}, "`learning_rate` must be a positive number, got inf"),
        ({"learning_rate": "fast"}, "`learning_rate` must be a positive number, got 'fast'"),
        ({"learning_rate": 0}, "`learning_rate` must be a positive number, got 0"),
        ({"learning_rate": float("nan")}, "`learning_rate` must be a positive number, got nan"),
    ],
)
def test_bad_settings_get_one_sentence(settings, message):
    with pytest.raises(ValueError, match=message):
        VAEConfig(**({"num_features": 3} | settings))


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((4, 2)), "`x` must have one column for each feature: expected 3, got 2"),
        (np.zeros(3), r"`x` must have two dimensions.*got shape \(3,\)"),
        (np.full((4, 3), np.nan), "`x` must hold codes 0, 1, ..., 126, got nan"),
        (np.full((4, 3), 2), "`x` must hold zeros and ones in column 0, got 2"),
        (np.full((4, 3), 0.5), "`x` must hold codes 0, 1, ..., 126, got 0.5"),
        ([[0, 1, 1], [1]], "`x` must have rows of equal length, got ragged ones"),
        (np.array([["a", "b", "c"]] * 2), "`x` must hold codes, got dtype <U1"),
        (np.zeros((1, 3)), "`x` must have at least `batch_size` rows: expected 2, got 1"),
    ],
)
def test_bad_data_get_one_sentence(x, message):
    with pytest.raises(ValueError, match=message):
        train(jax.random.key(0), vae(VAEConfig(num_features=3, batch_size=2)), x, 1)


def test_a_bad_number_of_samples_gets_one_sentence(small):
    config, _, state = small
    with pytest.raises(ValueError, match="`num_samples` must be an integer of at least 1, got 0"):
        vae(config).sample(jax.random.key(0), state, 0)
    with pytest.raises(ValueError, match="`key` must be one JAX key"):
        vae(config).sample(0, state, 10)
    with pytest.raises(ValueError, match="`key` must be one JAX key"):
        vae(config).init(jax.random.PRNGKey(0), np.zeros((4, 3)))


def test_codes_of_any_type_train_alike():
    def trained(x):
        return train(jax.random.key(0), vae(toy.VAE), x, 1).params

    x = toy.MIXED % 2
    expected = trained(x)
    for dtype in (">i4", bool, np.float64, np.uint8):
        toy.assert_same(trained(x.astype(dtype)), expected)
    toy.assert_same(trained(x.tolist()), expected)


def test_defaults_are_those_of_the_paper():
    assert vars(VAEConfig(5)) == {
        "num_features": 5, "num_latents": 10, "encoder_hidden": None, "decoder_hidden": None,
        "learning_rate": 1e-4, "batch_size": 1, "levels": None, "warm_up_epochs": 0,
    }  # fmt: skip
