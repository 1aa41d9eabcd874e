from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import softmax

from models import units
from tests.depth import usual_or_deep

LEVELS = (2, 4, 3, 2)
mean, draw, log_normalizer, cross_entropy, to_units, to_codes = (
    partial(jax.jit, static_argnames="levels")(function)
    for function in (
        units.mean,
        units.draw,
        units.log_normalizer,
        units.cross_entropy,
        units.to_units,
        units.to_codes,
    )
)


@given(st.lists(st.integers(2, 6), min_size=1, max_size=5), st.integers(0, 2**31))
@settings(deadline=None, max_examples=usual_or_deep(10, 30))
def test_codes_survive_the_way_to_units_and_back(levels, seed):
    x = np.random.default_rng(seed).integers(0, levels, size=(8, len(levels)))
    as_units = to_units(jnp.asarray(x), tuple(levels))
    assert as_units.shape == (8, units.num_units(len(levels), tuple(levels)))
    np.testing.assert_array_equal(to_codes(as_units, tuple(levels)), x)
    starts = np.cumsum([0, *(count - 1 for count in levels[:-1])])
    np.testing.assert_array_equal(np.add.reduceat(as_units, starts, axis=1), x > 0)


def test_means_and_normalizers_are_those_of_a_softmax_with_input_0_for_code_0():
    inputs = np.random.default_rng(0).normal(size=(5, 7)).astype(np.float32) * 3
    columns = np.split(inputs, [1, 4, 6], axis=1)
    padded = [np.hstack([np.zeros((5, 1)), column]) for column in columns]
    expected = np.hstack([softmax(column, axis=1)[:, 1:] for column in padded])
    np.testing.assert_allclose(mean(jnp.asarray(inputs), LEVELS), expected, rtol=1e-5)
    expected = np.stack([np.log(np.exp(column).sum(axis=1)) for column in padded], axis=1)
    ours = log_normalizer(jnp.asarray(inputs), LEVELS)
    np.testing.assert_allclose(ours, expected, rtol=1e-5)


def test_the_cross_entropy_sums_to_one_over_all_codes():
    inputs = jnp.asarray(np.random.default_rng(4).normal(size=7))
    codes = jnp.asarray(list(np.ndindex(LEVELS)))
    logs = -cross_entropy(inputs, to_units(codes, LEVELS), LEVELS)
    assert float(jnp.exp(logs).sum()) == pytest.approx(1, rel=1e-5)


def test_two_levels_are_bernoulli():
    inputs = jnp.asarray(np.random.default_rng(1).normal(size=(6, 3)))
    uniforms = jnp.asarray(np.random.default_rng(2).random((6, 3)))
    binary = (2, 2, 2)
    np.testing.assert_allclose(mean(inputs), mean(inputs, binary), rtol=1e-6)
    np.testing.assert_allclose(log_normalizer(inputs), log_normalizer(inputs, binary), rtol=1e-6)
    np.testing.assert_array_equal(draw(uniforms, inputs), draw(uniforms, inputs, binary))


def test_draws_follow_the_means():
    inputs = jnp.asarray(np.random.default_rng(3).normal(size=7)) * jnp.ones((100_000, 1))
    uniforms = jax.random.uniform(jax.random.key(0), (100_000, 4))
    drawn = np.asarray(to_codes(draw(uniforms, inputs, LEVELS), LEVELS))
    means = np.asarray(mean(inputs[0], LEVELS), float)
    for column, part in enumerate(np.split(means, [1, 4, 6])):
        expected = np.array([1 - part.sum(), *part]) * 100_000
        observed = np.bincount(drawn[:, column], minlength=LEVELS[column])
        assert stats.chisquare(observed, expected).pvalue > 1e-3


@pytest.mark.parametrize("uniform", [0.0, 1 - 2**-24])
def test_extreme_numbers_give_one_code(uniform):
    inputs = jnp.array([[50.0, -50.0, 2.0], [0.0, 0.0, 0.0]])
    drawn = draw(jnp.full((2, 1), uniform), inputs, (4,))
    assert (np.asarray(drawn).sum(axis=1) <= 1).all()
