import jax
import jax.numpy as jnp
import pytest

from models.boltzmann.variational import mean_field, variational_free_energy
from tests.models.julia import NAMES, TRUTH, X, assert_close, stacked

mean_field = jax.jit(mean_field)


@pytest.mark.parametrize("name", NAMES)
def test_mean_field_reaches_the_fixed_point_and_the_bound(name, tolerance):
    params, _ = stacked(name)
    values, x = TRUTH["values"][name], jnp.asarray(X, float)
    layers = mean_field(params, x, tolerance / 100, 10_000)
    for ours, theirs in zip(layers[1:], values["meanfield_converged"], strict=True):
        assert_close(ours, theirs, tolerance)
    bound = -jax.jit(variational_free_energy)(params, layers) - values["exact_logZ"]
    assert_close(bound, values["lower_bound_each_converged"], tolerance)


def test_mean_field_ends_at_the_tolerance_or_after_the_last_step():
    params, _ = stacked(NAMES[-1])
    x = jnp.asarray(X, float)

    def top(tolerance, max_steps):
        return mean_field(params, x, tolerance, max_steps)[-1]

    few, more, many = (top(0.0, steps) for steps in (2, 3, 1000))
    assert jnp.abs(few - more).max() > 1e-4  # neither goes on until nothing changes
    assert jnp.abs(more - many).max() > 1e-4
    # No mean moves by more than 1, so the first step is the last.
    assert (top(1.0, 1000) == top(0.0, 1)).all()
