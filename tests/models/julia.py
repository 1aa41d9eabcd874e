"""Deep machines of given weights, and what BoltzmannMachines.jl makes of them."""

import jax.numpy as jnp
import numpy as np

from models.boltzmann.energy import DBMParams
from tests.references import reference

TRUTH = reference("dbm/boltzmann_machines_jl.json")
NAMES = sorted(TRUTH["models"])
X = np.array(TRUTH["x"])
"""Codes of the features that the values are for."""


def stacked(name):
    """Return a reference DBM, and its lowest RBM."""
    arrays = {key: jnp.asarray(value, float) for key, value in TRUTH["models"][name].items()}
    middle = arrays["b1_hid"] + arrays["b2_vis"]
    biases = arrays["b1_vis"], middle, arrays["b2_hid"]
    lowest = DBMParams((arrays["W1"],), (arrays["b1_vis"], arrays["b1_hid"]))
    return DBMParams((arrays["W1"], arrays["W2"]), biases), lowest


def assert_close(ours, theirs, tolerance):
    """Compare, relative to the largest value."""
    theirs = np.asarray(theirs, float)
    scale = max(1.0, np.abs(theirs).max())
    np.testing.assert_allclose(np.asarray(ours, float), theirs, rtol=0, atol=tolerance * scale)
