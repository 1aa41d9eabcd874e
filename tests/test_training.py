import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from models import (
    DBMConfig,
    DivergedError,
    GenerativeModel,
    Samples,
    VAEConfig,
    dbm,
    snapshots,
    train,
    train_starts,
    training,
    vae,
)

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


@pytest.mark.parametrize(
    ("factory", "make"),
    [
        (vae, lambda: VAEConfig(num_features=6, num_latents=2, batch_size=3)),
        (dbm, lambda: DBMConfig((6, 5, 3), batch_size=10, pretrain_epochs=2)),
    ],
)
def test_equal_settings_compile_once(factory, make):
    config, equal = make(), make()
    assert factory(equal) is factory(config)
    state = train(jax.random.key(1), factory(config), X, 3)
    factory(config).sample(jax.random.key(2), state, 10)
    traced = training._block._cache_size(), factory(config).sample._cache_size()
    state = train(jax.random.key(3), factory(equal), X, 3)
    factory(equal).sample(jax.random.key(4), state, 10)
    assert (training._block._cache_size(), factory(equal).sample._cache_size()) == traced


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


def counting_model(breaks_at=None, value=np.nan):
    """Count epochs; from the given epoch on the state is no longer a sane number."""

    def init(key, x):
        return jnp.zeros(())

    def epoch(key, state, x):
        broken = (state + 1 >= breaks_at) if breaks_at else False
        return jnp.where(broken, value, state + 1), state

    def sample(key, state, num_samples):
        return Samples(jnp.zeros((num_samples, 1), jnp.int8), jnp.zeros((num_samples, 1)))

    def bound(key, state, x):
        return -state * x.mean(axis=1) + jax.random.normal(key)

    return GenerativeModel(init, epoch, sample, bound)


@pytest.mark.parametrize("value", [np.nan, np.inf, -1e9])
def test_divergence_names_the_epoch_and_keeps_the_last_good_state(value):
    looks = snapshots(jax.random.key(0), counting_model(6, value), X, [2, 4, 9, 12])
    assert [float(next(looks)[1]) for _ in range(2)] == [2, 4]
    with pytest.raises(DivergedError, match="diverged in epoch 6") as caught:
        next(looks)
    assert caught.value.epoch == 6
    assert float(caught.value.state) == 5


def test_a_vae_with_an_absurd_rate_diverges():
    config = VAEConfig(num_features=6, num_latents=2, batch_size=3, learning_rate=1e5)
    with pytest.raises(DivergedError) as caught:
        train(jax.random.key(0), vae(config), X, 50)
    assert 1 <= caught.value.epoch <= 50
    leaves = jax.tree.leaves(caught.value.state)
    assert all(np.isfinite(leaf).all() for leaf in leaves)
    if caught.value.epoch > 1:
        again = train(jax.random.key(0), vae(config), X, caught.value.epoch - 1)
        assert_same(again, caught.value.state)


def test_a_start_that_is_no_number_is_named():
    model = counting_model()._replace(init=lambda key, x: jnp.full((), jnp.nan))
    with pytest.raises(DivergedError, match="diverged before its first epoch, in the model's `in"):
        train(jax.random.key(0), model, X, 3)


def test_training_goes_on_from_a_state_as_if_it_had_not_stopped():
    model = vae(CONFIG)
    whole = train(jax.random.key(5), model, X, 7)
    at_three = train(jax.random.key(5), model, X, 3)
    (first, _, _), (last, resumed, info) = snapshots(
        jax.random.key(5), model, X, [3, 7], resume=(3, at_three)
    )
    assert (first, last) == (3, 7)
    assert info.loss.shape == (4,)
    assert_same(resumed, whole)


def test_data_held_out_are_compared_after_every_epoch():
    held_out = 1 - X[:7]
    looks = snapshots(jax.random.key(1), counting_model(), X, [2, 5], held_out=held_out)
    infos = [info for _, _, info in looks]
    assert [info.bound.shape for info in infos] == [(2,), (3,)]
    # bound: minus epochs times the mean of a row, 1/6 or 5/6, and a noise that both share.
    gaps = np.concatenate([info.free_energy_gap for info in infos])
    np.testing.assert_allclose(gaps, np.arange(1, 6) * 4 / 6, rtol=1e-4)
    np.testing.assert_array_equal(infos[1].info, [2, 3, 4])
    plain = train(jax.random.key(5), vae(CONFIG), X, 3)
    *_, (_, watched, _) = snapshots(jax.random.key(5), vae(CONFIG), X, [1, 3], held_out=held_out)
    assert_same(watched, plain)


def test_starts_side_by_side_are_those_one_by_one_up_to_rounding():
    starts = train_starts(jax.random.key(2), vae(CONFIG), X, 4, num_starts=3)
    np.testing.assert_array_equal(starts.num_epochs, [4, 4, 4])
    assert starts.info.loss.shape == (3, 4)
    for index, key in enumerate(jax.random.split(jax.random.key(2), 3)):
        alone = train(key, vae(CONFIG), X, 4)
        one = jax.tree.map(lambda leaf, index=index: leaf[index], starts.state)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4), one, alone)


def test_starts_of_a_dbm_side_by_side():
    config = DBMConfig((6, 4, 2), batch_size=4, pretrain_epochs=2, fine_batch_size=6)
    starts = train_starts(jax.random.key(3), dbm(config), X, 2, num_starts=2)
    key = jax.random.split(jax.random.key(3), 2)[1]
    alone = train(key, dbm(config), X, 2)
    np.testing.assert_allclose(
        starts.state.params.weights[0][1], alone.params.weights[0], atol=1e-4
    )
    # Draws hang on rounding only where a probability meets its uniform number exactly.
    assert (starts.state.chains[0][1] == alone.chains[0]).mean() > 0.99


def test_one_start_that_diverges_leaves_the_others_alone():
    def epoch(key, state, x):
        return jnp.where((state < 0) & (state < -2.5), jnp.nan, state + jnp.sign(state)), state

    model = counting_model()._replace(
        init=lambda key, x: jax.random.choice(key, jnp.array([-1.0, 1.0])), epoch=epoch
    )
    starts = train_starts(jax.random.key(0), model, X, 5, num_starts=8)
    ends = dict(zip(np.asarray(starts.num_epochs).tolist(), starts.state.tolist(), strict=True))
    assert ends == {5: 6.0, 2: -3.0}
    broken = model._replace(init=lambda key, x: jax.random.uniform(key) / 0.0)
    assert (
        train_starts(jax.random.key(0), broken, X, 2, num_starts=2).num_epochs.tolist() == [-1] * 2
    )


def test_a_large_info_is_no_divergence():
    model = counting_model()._replace(epoch=lambda key, state, x: (state + 1, -1e9 * state))
    assert float(train(jax.random.key(0), model, X, 3)) == 3


def test_an_error_of_divergence_can_be_passed_on():
    again = pickle.loads(pickle.dumps(DivergedError(3, (1.0, 2.0))))
    assert (again.epoch, again.state) == (3, (1.0, 2.0))
    assert "epoch 3" in str(again)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"resume": 3}, r"`resume` must be a pair \(epoch, state\), got int"),
        ({"resume": ("1", None)}, "`resume` must be an integer of at least 0, got '1'"),
        ({"resume": (True, None)}, "`resume` must be an integer of at least 0, got True"),
        ({"resume": (1, jnp.zeros(3))}, "`resume` must hold a state of this model"),
        ({"x": X + 5}, "`x` must hold zeros and ones in column 0, got 6"),
        ({"x": X[:2]}, "`x` must have at least `batch_size` rows: expected 3, got 2"),
        ({"held_out": X * 5}, "`held_out` must be like `x`: .* zeros and ones in column 0, got 5"),
        ({"held_out": X * np.nan}, "`held_out` must hold codes 0, 1, ..., got nan"),
        ({"x": np.ma.masked_equal(X, 1)}, "`x` must not be masked"),
    ],
)
def test_data_and_states_are_checked_when_training_goes_on(changes, message):
    model = vae(CONFIG)
    arguments = {"x": X, "resume": (1, train(jax.random.key(0), model, X, 1))} | changes
    x = arguments.pop("x")
    with pytest.raises(ValueError, match=message):
        snapshots(jax.random.key(0), model, x, [4], **arguments)


def test_more_bad_input_gets_one_sentence():
    model = counting_model()
    with pytest.raises(ValueError, match="`model` must be of type GenerativeModel, got NoneType"):
        train_starts(jax.random.key(0), None, X, 1, num_starts=1)
    with pytest.raises(ValueError, match="`held_out` must have the columns of `x`: expected 6"):
        snapshots(jax.random.key(0), model, X, [1], held_out=np.zeros((2, 5)))
    with pytest.raises(ValueError, match="`held_out` is for models with a `bound`"):
        snapshots(jax.random.key(0), model._replace(bound=None), X, [1], held_out=X)
    with pytest.raises(ValueError, match=r"`epochs` must increase, from 4 or later, got \[3\]"):
        snapshots(jax.random.key(0), model, X, [3], resume=(4, jnp.zeros(())))
    with pytest.raises(ValueError, match="`num_starts` must be an integer of at least 1, got 0"):
        train_starts(jax.random.key(0), model, X, 1, num_starts=0)
