from functools import cache

import jax
import numpy as np
import pytest

from models import vae
from models.likelihood import evidence_lower_bound, importance_weighted_bound
from models.vae import log_importance_weights
from tests.models.integrals import log_likelihood_by_grid
from tests.models.toy import MIXED, VAE, trained_vae

# Bounds are compared to about 0.01 nats in each cell, a tenth of what they lie below log P(x).
NUM_DRAWS = 4000


def trained():
    state, _ = trained_vae()[-1]
    return state


@cache
def exact():
    return log_likelihood_by_grid(VAE, trained(), MIXED)


@cache
def log_weights(seed):
    return log_importance_weights(jax.random.key(seed), VAE, trained().params, MIXED, NUM_DRAWS)


def test_bounds_of_a_vae_lie_below_the_integral_and_come_close():
    drawn = log_weights(1)
    assert drawn.shape == (NUM_DRAWS, len(MIXED))
    below = exact() - evidence_lower_bound(drawn)
    assert below.min() > 0
    tight = exact() - importance_weighted_bound(drawn)
    error = np.exp(drawn - exact()).std(axis=0) / np.sqrt(NUM_DRAWS)
    assert (np.abs(tight) < 5 * error).all()
    assert tight.mean() < below.mean() / 20
    # Averaged over many, the bound of 5 draws is below log P(x) and above that of 1.
    of_five = jax.vmap(importance_weighted_bound)(drawn.reshape(800, 5, -1))
    error = of_five.mean(axis=1).std() / np.sqrt(800)
    assert of_five.mean() < exact().mean() + 5 * error
    assert of_five.mean() > evidence_lower_bound(drawn).mean()


def test_importance_weights_are_unbiased():
    weights = np.exp(np.asarray(log_weights(2)) - exact())
    error = weights.std(axis=0) / np.sqrt(len(weights))
    assert (np.abs(weights.mean(axis=0) - 1) < 5 * error).all()


def test_the_models_own_bound_is_the_elbo():
    keys = jax.random.split(jax.random.key(3), 2000)
    drawn = jax.vmap(lambda key: vae(VAE).bound(key, trained(), MIXED))(keys)
    assert drawn.shape == (2000, len(MIXED))
    many = log_weights(4)
    error = np.hypot(drawn.mean(axis=1).std() / 2000**0.5, many.mean(axis=1).std() / 4000**0.5)
    assert abs(drawn.mean() - many.mean()) < 5 * error


def test_weights_of_another_shape_get_one_sentence():
    for bound in (evidence_lower_bound, importance_weighted_bound):
        with pytest.raises(ValueError, match=r"`log_weights` must be of shape.*\(1,\)"):
            bound([1.0])
