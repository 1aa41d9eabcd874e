import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from models import DBMConfig, dbm, pretraining, snapshots, train
from models.boltzmann import DBMParams
from models.dbm import start_fine_tuning
from models.likelihood import exact_log_likelihood
from models.pretraining import block_mask, doubling, join
from tests.enumeration import machine, probabilities

SMALL = {"learning_rate": 0.05, "batch_size": 10, "pretrain_epochs": 10, "num_chains": 50}


@pytest.fixture
def cells():
    """Binary cells whose features depend on each other in two blocks."""
    rng = np.random.default_rng(0)
    a, b = rng.integers(2, size=(2, 800))
    flips = rng.random((800, 6)) < 0.1
    return (np.column_stack([a, a, a & b, b, b, a ^ b]) ^ flips).astype(np.int8)


def log_likelihood(state, x):
    return float(exact_log_likelihood(state.params, x).mean())


@pytest.mark.parametrize("centered", [True, False])
@pytest.mark.parametrize("sizes", [(6, 5), (6, 5, 3), (6, 4, 3, 2)])
def test_fine_tuning_raises_the_exact_log_likelihood_of_held_out_cells(cells, sizes, centered):
    config = DBMConfig(sizes, **SMALL, fine_learning_rate=0.05, centered=centered)
    train_x, test_x = cells[:500], cells[500:]
    looks = list(snapshots(jax.random.key(1), dbm(config), train_x, [0, 10, 40]))
    values = [log_likelihood(state, test_x) for _, state, _ in looks]
    assert values[0] < values[1] < values[2]
    assert looks[-1][2].reconstruction.shape == (30,)


def test_pretraining_learns_layer_by_layer(cells):
    config = DBMConfig((6, 5, 3), **SMALL)
    model = pretraining(config)
    assert config.num_pretraining_epochs == 20
    looks = snapshots(jax.random.key(0), model, cells, [0, 10, 20])
    start, half, whole = (state.rbms for _, state, _ in looks)

    def moved(before, after):
        return [
            float(jnp.abs(a.weights[0] - b.weights[0]).max())
            for a, b in zip(before, after, strict=True)
        ]

    assert moved(start, half)[0] > 0.1
    assert moved(start, half)[1] == 0
    assert moved(half, whole)[0] == 0
    assert moved(half, whole)[1] > 0.01


def test_pretraining_in_turn_moves_all_layers_at_once(cells):
    config = DBMConfig((6, 5, 3), **SMALL, pretrain_in_turn=True)
    assert config.num_pretraining_epochs == 10
    (_, start, _), (_, state, _) = snapshots(jax.random.key(0), pretraining(config), cells, [0, 2])
    assert all(
        jnp.abs(a.weights[0] - b.weights[0]).max() > 1e-3
        for a, b in zip(start.rbms, state.rbms, strict=True)
    )
    samples = pretraining(config).sample(jax.random.key(1), state, 20)
    assert (samples.x.shape, samples.u.shape) == ((20, 6), (20, 3))


def test_init_pretrains(cells):
    config = DBMConfig((6, 5, 3), **SMALL)
    state = dbm(config).init(jax.random.key(5), cells)
    start_key, epochs_key, _ = jax.random.split(jax.random.key(5), 3)
    model = pretraining(config)
    stack = model.init(start_key, cells)
    for epoch in range(20):
        stack, _ = model.epoch(jax.random.fold_in(epochs_key, epoch), stack, cells)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), state.params, stack.params
    )
    untrained = dbm(DBMConfig((6, 5, 3), **(SMALL | {"pretrain_epochs": 0})))
    start = untrained.init(jax.random.key(5), cells)
    assert jnp.abs(start.params.weights[1]).max() < 0.1


def test_layers_between_two_others_count_twice():
    assert doubling(1) == [(1, 1)]
    assert doubling(2) == [(2, 1), (1, 2)]
    assert doubling(3) == [(2, 1), (2, 2), (1, 2)]
    lower, _ = machine("RBM", 0)
    upper = DBMParams((jnp.ones((4, 2)),), (jnp.arange(4.0), jnp.ones(2)))
    joined = join((lower, upper))
    assert [len(bias) for bias in joined.biases] == [5, 4, 2]
    np.testing.assert_allclose(joined.biases[1], lower.biases[1] + jnp.arange(4.0))


def test_blocks_do_not_see_each_other_in_pretraining(cells):
    config = DBMConfig((6, 4, 2), **SMALL, blocks=(1, 0, 1, 0, 1, 0))
    mask = np.asarray(block_mask(config))
    np.testing.assert_array_equal(mask, np.array([[0, 0, 1, 1], [1, 1, 0, 0]] * 3))
    model = pretraining(config)
    state = train(jax.random.key(0), model, cells, 10)
    weights = np.asarray(state.rbms[0].weights[0])
    assert (weights[mask == 0] == 0).all()
    assert np.abs(weights[mask == 1]).min() > 1e-4
    # What block 1 holds makes no difference to block 0.
    changed = cells.copy()
    changed[:, ::2] = 1 - changed[:, ::2]
    other = np.asarray(train(jax.random.key(0), model, changed, 10).rbms[0].weights[0])
    np.testing.assert_array_equal(weights[1::2, :2], other[1::2, :2])
    assert np.abs(weights[::2, 2:] - other[::2, 2:]).max() > 0.01
    # Fine-tuning is joint.
    joint = np.asarray(train(jax.random.key(0), dbm(config), cells, 2).params.weights[0])
    assert np.abs(joint[mask == 0]).min() > 0


def test_hidden_units_are_dealt_to_blocks_in_proportion():
    config = DBMConfig((6, 3, 2), levels=(2, 3, 2, 2, 2, 2), blocks=(0, 0, 0, 0, 1, 1))
    mask = np.asarray(block_mask(config))
    assert mask.shape == (7, 3)
    np.testing.assert_array_equal(mask.sum(axis=1), [2, 2, 2, 2, 2, 1, 1])


def test_samples_follow_the_machine():
    params, levels = machine("softmax DBM", seed=2, scale=0.7)
    config = DBMConfig((3, 3, 2), levels=levels, pretrain_epochs=0, sample_sweeps=60)
    model = dbm(config)
    state = model.init(jax.random.key(0), np.zeros((10, 3)))._replace(params=params)
    samples = model.sample(jax.random.key(1), state, 50_000)
    assert samples.x.dtype == samples.u.dtype == np.int8
    layers, probability, _ = probabilities(params, levels)
    x = np.column_stack([layers[0][:, :2] @ [1, 2], layers[0][:, 2:]])
    code = np.ravel_multi_index(np.hstack([x, layers[2]]).astype(int).T, (3, 2, 2, 2, 2))
    drawn = np.ravel_multi_index(np.hstack(samples).astype(int).T, (3, 2, 2, 2, 2))
    expected = np.bincount(code, probability) * 50_000
    assert stats.chisquare(np.bincount(drawn, minlength=len(expected)), expected).pvalue > 1e-6


def test_the_bound_lies_below_the_exact_log_likelihood(cells):
    model = dbm(DBMConfig((6, 5, 3), **SMALL))
    state = train(jax.random.key(0), model, cells, 10)
    exact = exact_log_likelihood(state.params, cells[:50])
    ours = model.bound(jax.random.key(1), state, cells[:50])
    assert (ours < exact + 0.02).all()
    assert float((exact - ours).mean()) < 0.3


def test_features_of_more_levels_are_learned():
    rng = np.random.default_rng(1)
    cause = rng.integers(3, size=600)
    x = np.column_stack([cause, (cause + (rng.random(600) < 0.1)) % 3, cause == 1])
    config = DBMConfig((3, 6, 3), levels=(3, 3, 2), **SMALL, fine_learning_rate=0.05)
    model = dbm(config)
    state = train(jax.random.key(0), model, x, 60)
    drawn = np.asarray(model.sample(jax.random.key(1), state, 4000).x)
    assert (drawn[:, 0] == drawn[:, 1]).mean() > 0.7
    assert np.corrcoef(drawn[:, 0] == 1, drawn[:, 2])[0, 1] > 0.6


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
        ({"learning_rate": 10**400}, "`learning_rate` must be a positive number"),
    ],
)
def test_bad_settings_get_one_sentence(settings, message):
    with pytest.raises(ValueError, match=message):
        DBMConfig(**({"layer_sizes": (6, 3)} | settings))


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


def test_numbers_of_numpy_become_plain_ones():
    x = np.array([[0, 2], [1, 1]], np.int8)
    config = DBMConfig((np.int64(2), 3), levels=tuple(x.max(axis=0) + 1), batch_size=np.int64(2))
    assert config == DBMConfig((2, 3), levels=(2, 3), batch_size=2)
    assert all(type(count) is int for count in (*config.layer_sizes, *config.levels))
    assert DBMConfig((2, 3), learning_rate=np.float32(0.5)).learning_rate == 0.5
