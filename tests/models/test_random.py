from functools import partial

import jax
import numpy as np
import pytest

from models.random import split, threefry, uniform

uniform = partial(jax.jit, static_argnames="shape")(uniform)


@pytest.mark.parametrize("shape", [(), (7,), (37, 11), (3, 1, 5), (0, 4)])
@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1])
def test_the_numbers_are_those_of_jax(shape, seed):
    key = jax.random.key(seed)
    ours, theirs = uniform(key, shape), jax.random.uniform(jax.random.clone(key), shape)
    np.testing.assert_array_equal(ours, theirs)
    assert ours.dtype == theirs.dtype


def test_keys_of_another_kind_and_many_at_once():
    rbg = jax.random.key(3, impl="rbg")
    theirs = jax.random.uniform(jax.random.clone(rbg), (20,))
    np.testing.assert_array_equal(uniform(rbg, (20,)), theirs)
    keys = jax.random.split(jax.random.key(4), 6)
    theirs = jax.vmap(lambda key: jax.random.uniform(key, (5, 2)))(jax.random.clone(keys))
    np.testing.assert_array_equal(jax.vmap(lambda key: uniform(key, (5, 2)))(keys), theirs)


def test_threefry_gives_the_published_values():
    # Known answers of the Random123 library for 20 rounds.
    zeros, ones = (np.uint32(value) for value in (0, 0xFFFFFFFF))
    for word, expected in ((zeros, (0x6B200159, 0x99BA4EFE)), (ones, (0x1CB996FC, 0xBB002BE7))):
        answer = threefry(jax.numpy.array([word, word]), word, word)
        assert tuple(map(int, answer)) == expected


@pytest.mark.parametrize("kind", ["threefry2x32", "rbg"])
def test_split_keys_are_those_of_jax(kind):
    key = jax.random.key(2**32 - 1, impl=kind)
    theirs = jax.random.split(jax.random.clone(key), 7)
    ours = jax.jit(partial(split, num=7))(key)
    np.testing.assert_array_equal(jax.random.key_data(ours), jax.random.key_data(theirs))
    assert ours.dtype == theirs.dtype
