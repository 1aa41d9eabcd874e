import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from scipy.special import expit, logsumexp, xlog1py, xlogy

from models import VAEConfig, snapshots, train, vae

GRID = np.linspace(-8, 8, 2001)
LOG_PRIOR = stats.norm.logpdf(GRID) + np.log(GRID[1] - GRID[0])


@pytest.fixture
def small():
    """A VAE with one latent, small enough for integrals on a grid, with weights that matter."""
    config = VAEConfig(num_features=3, num_latents=1, encoder_hidden=(4, 2), learning_rate=0.03)
    x = np.array([[1, 1, 0], [0, 0, 1], [1, 1, 1], [0, 0, 0], [1, 1, 0], [0, 0, 1]])
    return config, x, train(jax.random.key(1), vae(config), x, 60)


def dense(layer, h):
    return h @ np.asarray(layer["kernel"], float) + np.asarray(layer["bias"], float)


def encode(state, x):
    """Run the encoder in numpy."""
    layers = state.params["encoder"]["params"]
    h = x.astype(float)
    for layer in sorted(name for name in layers if name.startswith("Dense")):
        h = np.tanh(dense(layers[layer], h))
    return dense(layers["mean"], h), dense(layers["log_variance"], h)


def log_likelihood_given(state, x, u):
    """log P(x | u) in numpy, (len(x), len(u)), for u (m, r)."""
    layers = state.params["decoder"]["params"]
    p = expit(dense(layers["logits"], np.tanh(dense(layers["Dense_0"], u))))
    x = x[:, None, :]
    return (xlogy(x, p) + xlog1py(1 - x, -p)).sum(axis=-1)


def test_the_loss_is_the_negative_evidence_lower_bound(small):
    config, x, state = small
    # With a rate of almost nothing an epoch measures the bound and leaves the weights alone.
    frozen = vae(VAEConfig(3, 1, encoder_hidden=(4, 2), learning_rate=1e-30))
    keys = jax.random.split(jax.random.key(2), 2000)
    infos = jax.vmap(lambda key: frozen.epoch(key, state, x)[1])(keys)

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


def test_training_learns_the_joint_distribution():
    rng = np.random.default_rng(0)
    first = rng.integers(2, size=400)
    x = np.stack([first, first, 1 - first, rng.integers(2, size=400)], axis=1)
    config = VAEConfig(num_features=4, num_latents=2, learning_rate=3e-3, batch_size=4)
    state = train(jax.random.key(0), vae(config), x, 60)
    samples = np.asarray(vae(config).sample(jax.random.key(1), state, 4000).x)
    correlation = np.corrcoef(samples.T)
    assert correlation[0, 1] > 0.8
    assert correlation[0, 2] < -0.8
    assert abs(correlation[0, 3]) < 0.2


def test_warm_up_brings_the_divergence_in_bit_by_bit():
    x = np.tile([[1, 1, 0, 0], [0, 0, 1, 1]], (20, 1))
    settings = {"num_features": 4, "num_latents": 2, "learning_rate": 0.01, "batch_size": 4}
    warm, plain = (vae(VAEConfig(**settings, warm_up_epochs=epochs)) for epochs in (20, 0))
    (_, _, plain_info), (_, _, warm_info) = (
        next(snapshots(jax.random.key(0), model, x, [10])) for model in (plain, warm)
    )
    assert warm_info.divergence[-1] > 1.2 * plain_info.divergence[-1]
    # Once it is over there is no difference.
    state = train(jax.random.key(3), warm, x, 20)
    after_warm, _ = warm.epoch(jax.random.key(4), state, x)
    after_plain, _ = plain.epoch(jax.random.key(4), state, x)
    jax.tree.map(np.testing.assert_array_equal, after_warm, after_plain)


def test_latents_that_tell_nothing_are_flagged():
    rng = np.random.default_rng(0)
    first = rng.integers(2, size=2000)
    structured = np.column_stack([first] * 5)
    config = VAEConfig(num_features=5, num_latents=3, learning_rate=0.001, batch_size=20)
    found = {}
    for name, x in (("none", rng.integers(2, size=(2000, 5))), ("one cause", structured)):
        *_, (_, _, info) = snapshots(jax.random.key(0), vae(config), x, [80])
        assert info.collapsed.shape == (80, 3)
        found[name] = int(info.collapsed[-1].sum())
    assert found == {"none": 3, "one cause": 2}


def test_default_layers_are_as_wide_as_the_data():
    state = vae(VAEConfig(num_features=6)).init(jax.random.key(0), np.zeros((2, 6)))
    shapes = jax.tree.map(jnp.shape, state.params)
    assert shapes["encoder"]["params"]["Dense_0"]["kernel"] == (6, 6)
    assert shapes["encoder"]["params"]["mean"]["kernel"] == (6, 10)
    assert shapes["decoder"]["params"]["Dense_0"]["kernel"] == (10, 6)
    assert shapes["decoder"]["params"]["logits"]["kernel"] == (6, 6)


def test_an_epoch_leaves_the_rest_of_the_last_batch_out():
    x = np.eye(5, dtype=int)
    model = vae(VAEConfig(num_features=5, batch_size=2))
    _, info = model.epoch(jax.random.key(0), model.init(jax.random.key(1), x), x)
    assert np.isfinite(info.loss)


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
        (np.full((4, 3), np.nan), "`x` must hold codes 0, 1, ..., got nan"),
        (np.full((4, 3), 2), "`x` must hold zeros and ones in column 0, got 2"),
        (np.full((4, 3), 0.5), "`x` must hold codes 0, 1, ..., got 0.5"),
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
    x = np.eye(4, dtype=int)
    model = vae(VAEConfig(num_features=4))
    expected = train(jax.random.key(0), model, x, 2).params
    for dtype in (">i4", bool, np.float64, np.uint8):
        ours = train(jax.random.key(0), model, x.astype(dtype), 2).params
        jax.tree.map(np.testing.assert_array_equal, ours, expected)
    assert train(jax.random.key(0), model, x.tolist(), 2).params is not None
