from dataclasses import replace
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import entropy

from models import (
    DBMConfig,
    IdleLatentsWarning,
    dbm,
    pretraining,
    sample_at,
    snapshots_with_pretraining,
)
from models.boltzmann.dbm import DBMState, start_fine_tuning, under_data
from models.boltzmann.likelihood import exact_log_likelihood
from models.boltzmann.pretraining import StackState, block_mask
from tests.depth import usual_or_deep
from tests.models import toy
from tests.models.enumeration import machine
from tests.models.toy import assert_same, epoch_by_epoch


@pytest.mark.parametrize(
    "config",
    [
        toy.DBM,
        *(
            replace(toy.BINARY_DBM, layer_sizes=sizes)
            for sizes in usual_or_deep([], [(6, 5), (6, 5, 3), (6, 4, 3, 2)])
        ),
    ],
)
@pytest.mark.parametrize("centered", usual_or_deep([True], [True, False]))
def test_fine_tuning_raises_the_exact_log_likelihood_of_held_out_cells(config, centered):
    looks = toy.fine_tuned(replace(config, centered=centered))
    _, x = toy.cells_of(config)
    values = [
        float(exact_log_likelihood(looks[epoch][0].params, x, config.levels).mean())
        for epoch in (0, 10, 40)
    ]
    assert values[0] < values[1] < values[2]
    assert len(looks) == 61
    assert looks[-1][1].reconstruction.shape == (1,)


@pytest.mark.deep  # a further machine to compile; the usual one has mixed levels, too
def test_features_of_more_levels_are_learned():
    state, _ = toy.fine_tuned()[60]
    drawn = np.asarray(dbm(toy.DBM).sample(jax.random.key(1), state, 4000).x)
    assert (drawn[:, 0] == drawn[:, 1]).mean() > 0.7
    assert np.corrcoef(drawn[:, 0] == 1, drawn[:, 2])[0, 1] > 0.6


def test_the_entropy_is_that_of_the_latents_given_the_data():
    state, info = toy.fine_tuned()[60]
    share = np.asarray(under_data(toy.DBM, state.params, jnp.asarray(toy.CELLS))[-1]).mean(axis=0)
    # The info is a mean over the updates of the epoch, in which the parameters still move.
    expected = entropy([share, 1 - share], base=2)
    np.testing.assert_allclose(info.entropy[0], expected, atol=0.02)


def test_init_pretrains():
    # The keys of `init` are those that `snapshots` takes.
    looks = epoch_by_epoch(jax.random.key(5), pretraining(toy.DBM), toy.CELLS, 20)
    state = dbm(toy.DBM).init(jax.random.key(5), toy.CELLS)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6),
        state.params,
        looks[-1][0].params,
    )
    untrained = dbm(replace(toy.DBM, pretrain_epochs=0)).init(jax.random.key(5), toy.CELLS)
    assert_same(untrained.params, looks[0][0].params)
    assert jnp.abs(untrained.params.weights[1]).max() < 0.1


@pytest.mark.deep  # a machine of its own to compile
def test_fine_tuning_joins_the_blocks_of_pretraining():
    params = toy.pretrained(toy.BLOCKS)[-1][0].params
    apart = ~block_mask(toy.BLOCKS)
    assert (np.asarray(params.weights[0])[apart] == 0).all()
    x, _ = toy.cells_of(toy.BLOCKS)
    start = start_fine_tuning(jax.random.key(1), toy.BLOCKS, params, x)
    state, _ = dbm(toy.BLOCKS).epoch(jax.random.key(2), start, x)
    assert np.abs(np.asarray(state.params.weights[0])[apart]).min() > 0


@pytest.mark.deep  # the parts of the bound have usual tests of their own
def test_the_bound_lies_below_the_exact_log_likelihood():
    state, _ = toy.fine_tuned()[10]
    x = toy.HELD_OUT_CELLS
    exact = exact_log_likelihood(state.params, x, toy.DBM.levels)
    ours = dbm(toy.DBM).bound(jax.random.key(1), state, x)
    assert (ours < exact + 0.02).all()
    assert float((exact - ours).mean()) < 0.3


@cache
def stream(*epochs, num_pretraining=2):
    """Return looks {epoch: (state, info)} at both phases; by default two epochs are the first."""
    looks = snapshots_with_pretraining(
        jax.random.key(7), toy.DBM, toy.CELLS, epochs, num_pretraining=num_pretraining
    )
    return {epoch: (state, info) for epoch, state, info in looks}


def by_hand(num_pretraining, num_epochs):
    pretrain_key, start_key, fine_key = jax.random.split(jax.random.key(7), 3)
    early = epoch_by_epoch(pretrain_key, pretraining(toy.DBM), toy.CELLS, num_pretraining)
    start = start_fine_tuning(start_key, toy.DBM, early[-1][0].params, toy.CELLS)
    resume = num_pretraining, start
    late = epoch_by_epoch(fine_key, dbm(toy.DBM), toy.CELLS, num_epochs, resume=resume)
    return dict(enumerate([*early, *late[1:]]))


@pytest.mark.parametrize("num_pretraining", [0, 2, 4, None])
def test_a_stream_through_both_phases_is_pretraining_and_then_fine_tuning(num_pretraining):
    early = 20 if num_pretraining is None else num_pretraining
    looks = stream(*range(early + 3), num_pretraining=num_pretraining)
    assert list(looks) == list(range(early + 3))
    kinds = [type(state) for state, _ in looks.values()]
    assert kinds == [StackState] * (early + 1) + [DBMState] * 2
    assert_same(looks, by_hand(early, early + 2))
    assert all(info.reconstruction.shape == (min(epoch, 1),) for epoch, (_, info) in looks.items())


@pytest.mark.parametrize("epochs", [(1,), (4,), (2, 3), (0, 3), ()])
def test_an_epoch_of_both_phases_does_not_depend_on_the_others(epochs):
    all_epochs = stream(0, 1, 2, 3, 4)
    assert_same(stream(*epochs), {epoch: all_epochs[epoch] for epoch in epochs})


def test_idle_latents_are_no_matter_before_fine_tuning(monkeypatch):
    idle = pretraining(toy.DBM)._replace(warning=lambda info: "all are idle")
    monkeypatch.setattr("models.boltzmann.dbm.pretraining", lambda config: idle)
    stream.__wrapped__(2, 3)  # a warning would be an error
    with pytest.warns(IdleLatentsWarning, match="all are idle"):
        stream.__wrapped__(1, 2)


def test_samples_are_drawn_through_both_phases():
    looks = [(epoch, *look) for epoch, look in stream(0, 1, 2, 3, 4).items()]
    drawn = list(sample_at(jax.random.key(8), dbm(toy.DBM), looks, 30))
    assert [one.epoch for one in drawn] == [0, 1, 2, 3, 4]
    for (epoch, state, _), one in zip(looks[:3], drawn, strict=False):
        key = jax.random.fold_in(jax.random.key(8), epoch)
        samples = pretraining(toy.DBM).sample(key, state, 30)
        assert_same((one.x, one.u), tuple(samples))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"key": 0}, "`key` must be one JAX key"),
        ({"config": toy.VAE}, "`config` must be of type DBMConfig, got VAEConfig"),
        ({"epochs": [2, 1]}, r"`epochs` must increase, from 0 or later, got \[2, 1\]"),
        ({"epochs": [0.5]}, r"`epochs` must be integers, got \[0.5\]"),
        ({"x": np.zeros((20, 4))}, "`x` must have one column for each feature: expected 3, got 4"),
        (
            {"config": replace(toy.DBM, fine_batch_size=601)},
            "`x` must have at least `fine_batch_size` rows: expected 601, got 600",
        ),
        ({"num_pretraining": -1}, "`num_pretraining` must be an integer of at least 0, got -1"),
    ],
)
def test_bad_input_of_both_phases_gets_one_sentence_at_the_call(changes, message):
    arguments = {"key": jax.random.key(0), "config": toy.DBM, "x": toy.CELLS, "epochs": [1, 40]}
    with pytest.raises(ValueError, match=message):
        snapshots_with_pretraining(**(arguments | changes))


def test_bad_data_get_one_sentence():
    with pytest.raises(ValueError, match="`x` must have one column for each feature: expected 6"):
        dbm(DBMConfig((6, 3))).init(jax.random.key(0), np.zeros((20, 5)))
    message = "`x` must have at least `fine_batch_size` rows: expected 10, got 5"
    with pytest.raises(ValueError, match=message):
        dbm(DBMConfig((6, 3), pretrain_epochs=10**9)).init(jax.random.key(0), np.zeros((5, 6)))
    with pytest.raises(ValueError, match="`key` must be one JAX key"):
        dbm(DBMConfig((6, 3))).init(0, np.zeros((20, 6)))
    with pytest.raises(ValueError, match="`config` must be of type DBMConfig, got NoneType"):
        dbm(None)
    with pytest.raises(ValueError, match="`optimizer` must be of type GradientTransf.*got str"):
        dbm(DBMConfig((6, 3)), "adam")
    params, _ = machine("DBM", 0)
    with pytest.raises(
        ValueError, match=r"`params` must have the layers of `config`: expected \(6, 3"
    ):
        start_fine_tuning(jax.random.key(0), DBMConfig((6, 3)), params, np.zeros((20, 6)))
