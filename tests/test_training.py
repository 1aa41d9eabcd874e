import jax
import jax.numpy as jnp
import numpy as np
import pytest

from models import GenerativeModel, Samples, VAEConfig, snapshots, train, training, vae

X = np.eye(6, dtype=np.int8).repeat(4, axis=0)
CONFIG = VAEConfig(num_features=6, num_latents=2, batch_size=3)


def assert_same(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)


def test_looking_on_the_way_changes_nothing():
    often = list(snapshots(jax.random.key(5), vae(CONFIG), X, [0, 2, 3, 7]))
    once = train(jax.random.key(5), vae(CONFIG), X, 7)
    assert [epoch for epoch, *_ in often] == [0, 2, 3, 7]
    assert_same(often[-1][1], once)
    lengths = [info.loss.shape for *_, info in often]
    assert lengths == [(0,), (2,), (1,), (4,)]


def test_same_key_same_numbers_other_key_others():
    first, again, other = (train(jax.random.key(k), vae(CONFIG), X, 3).params for k in (1, 1, 2))
    assert_same(first, again)
    assert not np.allclose(*(p["decoder"]["params"]["logits"]["kernel"] for p in (first, other)))


def test_equal_settings_compile_once():
    equal = VAEConfig(num_features=6, num_latents=2, batch_size=3)
    assert vae(equal) is vae(CONFIG)
    state = train(jax.random.key(1), vae(CONFIG), X, 3)
    vae(CONFIG).sample(jax.random.key(2), state, 10)
    traced = training._block._cache_size(), vae(CONFIG).sample._cache_size()
    state = train(jax.random.key(3), vae(equal), X, 3)
    vae(equal).sample(jax.random.key(4), state, 10)
    assert (training._block._cache_size(), vae(equal).sample._cache_size()) == traced


def test_any_model_can_be_trained():
    """A hand-written model: the state is the frequency of each feature, seen epoch by epoch."""

    def init(key, x):
        return jnp.zeros(x.shape[1])

    def epoch(key, state, x):
        return (state + jnp.mean(x, axis=0)) / 2, jnp.sum(state)

    def sample(key, state, num_samples):
        x = jax.random.bernoulli(key, state, (num_samples, len(state)))
        return Samples(x.astype(jnp.int8), x[:, :1].astype(jnp.int8))

    model = GenerativeModel(init, epoch, sample)
    state = train(jax.random.key(0), model, X, 20)
    np.testing.assert_allclose(state, X.mean(axis=0), rtol=1e-5)


@pytest.mark.parametrize(
    ("key", "epochs", "message"),
    [
        (0, [1], "`key` must be one JAX key such as jax.random.key\\(0\\), got 0"),
        (jax.random.key(0), [3, 2], r"`epochs` must increase, from 0 or later, got \[3, 2\]"),
        (jax.random.key(0), [1.5], r"`epochs` must be integers, got \[1.5\]"),
        (jax.random.key(0), [-1], r"`epochs` must increase, from 0 or later, got \[-1\]"),
    ],
)
def test_bad_input_gets_one_sentence(key, epochs, message):
    with pytest.raises(ValueError, match=message):
        snapshots(key, vae(CONFIG), X, epochs)
