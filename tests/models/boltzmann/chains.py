"""Gibbs chains of the machines of `enumeration`, drawn once for all tests of a process."""

from functools import cache, partial

import jax

from models.boltzmann.sampling import gibbs, independent_layers
from tests.depth import usual_or_deep
from tests.models.enumeration import machine

# Standard errors of a frequency are at most 0.5 / sqrt(20,000) = 0.0035: layers that are drawn all
# at once, which loses covariances of 0.03 and more, are found by far.
NUM_CHAINS = usual_or_deep(20_000, 100_000)
NUM_SWEEPS = 60


@partial(jax.jit, static_argnames=("num_chains", "levels"))
def settled(key, params, num_chains, levels=None):
    """Return the layers of independent chains after a number of sweeps."""
    start_key, key = jax.random.split(key)
    chains = independent_layers(start_key, params, num_chains, levels)
    return gibbs(key, params, chains, NUM_SWEEPS, levels)


@cache
def drawn(shape, seed):
    """Return layers (NUM_CHAINS, units_l) drawn from a machine of this shape."""
    params, levels = machine(shape, seed, scale=0.7)
    return settled(jax.random.key(seed), params, NUM_CHAINS, levels)
