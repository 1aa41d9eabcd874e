import jax
import jax.numpy as jnp
import numpy as np
import pytest

from models.scan import scan_with_keys


def noisy_sum(key, total, number):
    total = total + number + jax.random.normal(key)
    return total, total


def test_each_step_has_a_key_of_its_own():
    inputs = jnp.arange(4.0)
    end, sums = scan_with_keys(jax.random.key(0), noisy_sum, 0.0, inputs)
    keys = jax.random.split(jax.random.key(0), 4)
    expected = np.cumsum(
        [float(x + jax.random.normal(k)) for x, k in zip(inputs, keys, strict=True)]
    )
    np.testing.assert_allclose(sums, expected, rtol=1e-6)
    assert end == sums[-1]


def test_the_number_of_steps_can_be_given():
    _, steps = scan_with_keys(
        jax.random.key(1), lambda key, carry, _: (carry + 1, carry), 0, length=3
    )
    np.testing.assert_array_equal(steps, [0, 1, 2])


@pytest.mark.parametrize("impl", ["threefry2x32", "rbg"])
def test_keys_of_all_kinds_and_many_scans_side_by_side(impl):
    keys = jax.random.split(jax.random.key(2, impl=impl), 3)

    def one(key):
        return scan_with_keys(key, noisy_sum, 0.0, jnp.zeros(5))[0]

    together = jax.vmap(one)(keys)
    assert len(np.unique(together)) == 3
    if impl == "threefry2x32":  # keys of the other kind give other numbers side by side
        alone = [one(key) for key in jax.random.clone(keys)]
        np.testing.assert_allclose(together, alone, rtol=1e-6)
