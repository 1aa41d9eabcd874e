import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from models.boltzmann.energy import DBMParams
from models.optimization import descend, gradient_descent, in_batches
from tests.models.julia import TRUTH


def params_of(value):
    return DBMParams((jnp.full((1, 1), value),), (jnp.full(1, value), jnp.full(1, value)))


def test_the_rate_falls_as_the_authors_does():
    params, ones = params_of(0.0), params_of(1.0)
    optimizer = gradient_descent(0.001, halving_updates=11)
    state, rates = optimizer.init(params), []
    for _ in range(10):
        changes, state = optimizer.update(ones, state, params)
        rates.append(-float(changes.weights[0][0, 0]))
    expected = TRUTH["learning_rates_of_joint_training_lr0.001_epochs10"]
    np.testing.assert_allclose(rates, expected, rtol=1e-6)


def test_momentum_repeats_steps_and_decay_pulls_weights_only():
    params, ones = params_of(2.0), params_of(1.0)
    optimizer = gradient_descent(0.1, momentum=0.5)
    first, state = optimizer.update(ones, optimizer.init(params), params)
    second, _ = optimizer.update(ones, state, params)
    assert float(first.biases[0][0]) == pytest.approx(-0.1)
    assert float(second.biases[0][0]) == pytest.approx(-0.15)
    optimizer = gradient_descent(0.1, weight_decay=0.5)
    changes, _ = optimizer.update(ones, optimizer.init(params), params)
    assert float(changes.weights[0][0, 0]) == pytest.approx(-0.1 * (1 + 0.5 * 2))
    assert float(changes.biases[1][0]) == pytest.approx(-0.1)


def test_descent_is_plain_unless_asked_for_more():
    params, ones = params_of(2.0), params_of(1.0)
    optimizer = gradient_descent(0.1)
    changes, state = optimizer.update(ones, optimizer.init(params), params)
    again, _ = optimizer.update(ones, state, params)
    for leaf in jax.tree.leaves((changes, again)):
        np.testing.assert_allclose(leaf, -0.1, rtol=1e-6)


def test_batches_hold_each_row_once_and_leave_out_another_rest_each_time():
    x = jnp.arange(20).reshape(10, 2)
    left_out = set()
    for seed in range(20):
        batches = np.asarray(in_batches(jax.random.key(seed), x, 4))
        assert batches.shape == (2, 4, 2)
        rows = batches.reshape(8, 2)
        np.testing.assert_array_equal(rows[:, 1], rows[:, 0] + 1)
        assert len(set(rows[:, 0])) == 8
        left_out |= set(range(0, 20, 2)) - set(rows[:, 0].tolist())
    assert len(left_out) == 10


def test_a_pass_is_one_update_after_the_other():
    """Means are learned: the gradient is the parameter less the mean of a batch, plus noise."""

    def gradient_of(key, params, memory, batch):
        return params - batch.mean() + jax.random.normal(key), memory + 1, batch.max()

    batches = jnp.array([[1.0, 2.0], [3.0, 5.0], [0.0, 7.0]])
    optimizer = optax.sgd(0.1, 0.5)
    done = descend(
        jax.random.key(0), gradient_of, optimizer, jnp.zeros(()), optimizer.init(0.0), 10, batches
    )
    value, last, gradients = 0.0, 0.0, []
    for key, batch in zip(jax.random.split(jax.random.key(0), 3), batches, strict=True):
        gradients.append(value - float(batch.mean()) + float(jax.random.normal(key)))
        last = gradients[-1] + 0.5 * last
        value -= 0.1 * last
    assert float(done.params) == pytest.approx(value, rel=1e-5)
    assert (int(done.memory), float(done.info)) == (13, pytest.approx((2 + 5 + 7) / 3))
    assert float(done.gradient_norm) == pytest.approx(abs(np.mean(gradients)), rel=1e-5)
    assert float(optax.tree.get(done.opt_state, "trace")) == pytest.approx(last, rel=1e-5)
