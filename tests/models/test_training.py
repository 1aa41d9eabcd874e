import pickle
from dataclasses import asdict, replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from models import (
    DBMConfig,
    DivergedError,
    GenerativeModel,
    IdleLatentsWarning,
    Samples,
    VAEConfig,
    dbm,
    rbm,
    sample_at,
    snapshots,
    train,
    train_starts,
    training,
    vae,
)
from models.boltzmann import sampling
from tests.depth import usual_or_deep
from tests.models import toy
from tests.models.toy import MIXED, PAIRS, VAE, assert_same

X = np.eye(6, dtype=np.int8).repeat(4, axis=0)
RBM = toy.rbm_config()


# Every number of epochs from one look to the next compiles anew: here it is 1, 2 or 3.
@pytest.mark.parametrize("looks", usual_or_deep([[0, 2, 3]], [[0, 2, 3], [0, 2, 3, 7]]))
def test_looking_on_the_way_changes_nothing(looks):
    often = list(snapshots(jax.random.key(5), rbm(RBM), PAIRS, looks))
    once = train(jax.random.key(5), rbm(RBM), PAIRS, looks[-1])
    assert [epoch for epoch, *_ in often] == looks
    assert_same(often[-1][1], once)
    lengths = [info.reconstruction.shape for *_, info in often]
    assert lengths == [(0,), *((length,) for length in np.diff(looks))]


def test_same_key_same_numbers_other_key_others():
    first, again, other = (train(jax.random.key(k), vae(VAE), MIXED, 1).params for k in (1, 1, 2))
    assert_same(first, again)
    assert not np.allclose(*(p["decoder"]["params"]["logits"]["kernel"] for p in (first, other)))


@pytest.mark.parametrize(
    ("factory", "config", "x", "sampler"),
    [
        (vae, VAE, MIXED, vae(VAE).sample),
        (dbm, toy.DBM, toy.CELLS, sampling._draw),
    ],
)
def test_equal_settings_compile_once(factory, config, x, sampler):
    equal = type(config)(**asdict(config))
    assert equal is not config
    assert factory(equal) is factory(config)
    state = train(jax.random.key(1), factory(config), x, 1)
    factory(config).sample(jax.random.key(2), state, 30)
    traced = training._block._cache_size(), sampler._cache_size()
    assert min(traced) > 0
    state = train(jax.random.key(3), factory(equal), x, 1)
    factory(equal).sample(jax.random.key(4), state, 30)
    assert (training._block._cache_size(), sampler._cache_size()) == traced


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
        snapshots(key, vae(VAE), MIXED, epochs)


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


def test_idle_latents_are_warned_of_at_the_last_epoch():
    model = counting_model()
    assert len(list(snapshots(jax.random.key(0), model, X, [0, 2, 4]))) == 3  # no warning, no error
    seen = []
    complains = model._replace(warning=lambda info: seen.append(info) or "Nothing is learned")
    stream = snapshots(jax.random.key(0), complains, X, [0, 2, 4])
    assert [next(stream)[0] for _ in range(2)] == [0, 2]
    assert not seen
    with pytest.warns(IdleLatentsWarning, match="Nothing is learned"):
        next(stream)
    assert len(seen) == 1
    content = complains._replace(warning=lambda info: "")
    list(snapshots(jax.random.key(0), content, X, [2]))


@pytest.mark.parametrize("value", [np.nan, np.inf, -1e9])
def test_divergence_names_the_epoch_and_keeps_the_last_good_state(value):
    looks = snapshots(jax.random.key(0), counting_model(6, value), X, [2, 4, 9, 12])
    assert [float(next(looks)[1]) for _ in range(2)] == [2, 4]
    with pytest.raises(DivergedError, match="diverged in epoch 6") as caught:
        next(looks)
    assert caught.value.epoch == 6
    assert float(caught.value.state) == 5


def test_a_vae_with_an_absurd_rate_diverges():
    model = vae(replace(VAE, learning_rate=1e5))
    # Epoch by epoch only one block is compiled; in one of 50 the good ones come before the bad.
    looks = snapshots(jax.random.key(0), model, MIXED, range(0, 51, usual_or_deep(1, 50)))
    with pytest.raises(DivergedError) as caught:
        list(looks)
    assert 1 <= caught.value.epoch <= 50
    leaves = jax.tree.leaves(caught.value.state)
    assert all(np.isfinite(leaf).all() for leaf in leaves)
    if caught.value.epoch > 1:
        again = train(jax.random.key(0), model, MIXED, caught.value.epoch - 1)
        assert_same(again, caught.value.state)


def test_a_start_that_is_no_number_is_named():
    model = counting_model()._replace(init=lambda key, x: jnp.full((), jnp.nan))
    with pytest.raises(DivergedError, match="diverged before its first epoch, in the model's `in"):
        train(jax.random.key(0), model, X, 3)


@pytest.mark.parametrize(("stop", "end"), usual_or_deep([(1, 3)], [(1, 3), (3, 7)]))
def test_training_goes_on_from_a_state_as_if_it_had_not_stopped(stop, end):
    model = rbm(RBM)
    whole = train(jax.random.key(5), model, PAIRS, end)
    at_stop = train(jax.random.key(5), model, PAIRS, stop)
    (first, _, _), (last, resumed, info) = snapshots(
        jax.random.key(5), model, PAIRS, [stop, end], resume=(stop, at_stop)
    )
    assert (first, last) == (stop, end)
    assert info.reconstruction.shape == (end - stop,)
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


@pytest.mark.parametrize("looks", usual_or_deep([[1]], [[1], [1, 3]]))
def test_data_held_out_do_not_change_training(looks):
    plain = train(jax.random.key(5), vae(VAE), MIXED, looks[-1])
    looks = snapshots(jax.random.key(5), vae(VAE), MIXED, looks, held_out=1 - MIXED[:7] % 2)
    *_, (_, watched, info) = looks
    assert_same(watched, plain)
    assert np.isfinite(info.free_energy_gap).all()


def assert_starts_side_by_side(model, x, num_epochs, num_starts, check):
    """Compare each start with the same one alone."""
    starts = train_starts(jax.random.key(2), model, x, num_epochs, num_starts)
    np.testing.assert_array_equal(starts.num_epochs, [num_epochs] * num_starts)
    for index, key in enumerate(jax.random.split(jax.random.key(2), num_starts)):
        one = jax.tree.map(lambda leaf, index=index: leaf[index], starts.state)
        check(one, train(key, model, x, num_epochs))
    return starts


def assert_close(ours, alone):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4), ours, alone)


def assert_close_with_chains(ours, alone):
    assert_close(ours.params, alone.params)
    # Draws hang on rounding only where a probability meets its uniform number exactly.
    for a, b in zip(jax.tree.leaves(ours.chains), jax.tree.leaves(alone.chains), strict=True):
        assert (a == b).mean() > 0.99


@pytest.mark.deep  # compiles the mapped training
def test_starts_side_by_side_are_those_one_by_one_up_to_rounding():
    num_epochs = usual_or_deep(1, 4)
    starts = assert_starts_side_by_side(vae(VAE), MIXED, num_epochs, 3, assert_close)
    assert starts.info.loss.shape == (3, num_epochs)


# Few updates: where a draw turns by rounding, all that follows is another training.
@pytest.mark.deep
@pytest.mark.parametrize(
    ("model", "x", "num_epochs"),
    [
        (rbm(toy.rbm_config(num_chains=30, momentum=0.5)), PAIRS, 1),
        (dbm(DBMConfig((6, 4, 2), batch_size=4, pretrain_epochs=2, fine_batch_size=6)), X, 2),
    ],
)
def test_starts_of_a_boltzmann_machine_side_by_side(model, x, num_epochs):
    assert_starts_side_by_side(model, x, num_epochs, 2, assert_close_with_chains)


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
        ({"held_out": X * np.nan}, "`held_out` must hold codes 0, 1, ..., 126, got nan"),
        ({"x": np.ma.masked_equal(X, 1)}, "`x` must not be masked"),
    ],
)
def test_data_and_states_are_checked_when_training_goes_on(changes, message):
    model = vae(VAEConfig(num_features=6, num_latents=2, batch_size=3))
    arguments = {"x": X, "resume": (1, toy.blank_state(model, X))} | changes
    x = arguments.pop("x")
    with pytest.raises(ValueError, match=message):
        snapshots(jax.random.key(0), model, x, [4], **arguments)


def test_more_bad_input_gets_one_sentence():
    model = counting_model()
    with pytest.raises(ValueError, match="`resume` must hold finite numbers of moderate size"):
        snapshots(jax.random.key(0), model, X, [3], resume=(2, jnp.array(jnp.nan)))
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


def looks_at_rbm(*epochs):
    return snapshots(jax.random.key(6), rbm(RBM), PAIRS, epochs)


def test_samples_at_an_epoch_are_those_of_its_key_and_state():
    key = jax.random.key(9)
    drawn = list(sample_at(key, rbm(RBM), looks_at_rbm(0, 1, 2, 3), 30))
    assert [one.epoch for one in drawn] == [0, 1, 2, 3]
    for one, (epoch, state, _) in zip(drawn, looks_at_rbm(0, 1, 2, 3), strict=True):
        samples = rbm(RBM).sample(jax.random.fold_in(jax.random.key(9), epoch), state, 30)
        assert isinstance(one.x, np.ndarray)
        assert isinstance(one.u, np.ndarray)
        assert one.x.dtype == np.int8
        assert_same((one.x, one.u), tuple(samples))
    assert (drawn[0].x != drawn[1].x).any()


def test_samples_at_an_epoch_do_not_depend_on_the_other_epochs():
    often = {
        one.epoch: one for one in sample_at(jax.random.key(9), rbm(RBM), looks_at_rbm(0, 2, 3), 30)
    }
    for epochs in ((3,), (0, 3), (2,)):
        seldom = list(sample_at(jax.random.key(9), rbm(RBM), looks_at_rbm(*epochs), 30))
        assert_same(seldom, [often[epoch] for epoch in epochs])


def test_samples_come_as_training_goes_on():
    asked = []

    def stream():
        for look in looks_at_rbm(0, 1):
            asked.append(look[0])
            yield look

    drawn = sample_at(jax.random.key(9), rbm(RBM), stream(), 30)
    assert asked == []
    assert (next(drawn).epoch, asked) == (0, [0])
    assert (next(drawn).epoch, asked) == (1, [0, 1])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"key": 0}, "`key` must be one JAX key such as jax.random.key\\(0\\), got 0"),
        ({"model": VAE}, "`model` must be of type GenerativeModel, got VAEConfig"),
        ({"num_samples": 0}, "`num_samples` must be an integer of at least 1, got 0"),
        ({"num_samples": 10.0}, "`num_samples` must be an integer of at least 1, got 10.0"),
    ],
)
def test_bad_input_of_sample_at_gets_one_sentence_at_the_call(changes, message):
    arguments = {"key": jax.random.key(0), "model": rbm(RBM), "stream": [], "num_samples": 10}
    with pytest.raises(ValueError, match=message):
        sample_at(**(arguments | changes))
