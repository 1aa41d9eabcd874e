from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from models import units
from models.boltzmann.energy import energy, free_energy, layer_input
from tests.models.enumeration import SHAPES, all_states, machine, probabilities
from tests.models.julia import NAMES, TRUTH, X, assert_close, stacked

energy = jax.jit(energy)
free_energy = partial(jax.jit, static_argnames="levels")(free_energy)


@partial(jax.jit, static_argnames=("index", "levels"))
def means(params, layers, index, levels=None, times=1.0):
    return units.mean(times * layer_input(params, layers, index), levels)


@pytest.mark.parametrize("name", NAMES)
def test_energies_and_free_energies_are_those_of_boltzmann_machines_jl(name, tolerance):
    params, lowest = stacked(name)
    values, x = TRUTH["values"][name], jnp.asarray(X, float)
    layers = [jnp.asarray(layer) for layer in values["energy_state"]]
    assert_close(energy(params, layers), values["energy"], tolerance)
    layers = [jnp.asarray(layer) for layer in values["rbm1"]["energy_state"]]
    assert_close(energy(lowest, layers), values["rbm1"]["energy"], tolerance)
    assert_close(free_energy(lowest, (x, None)), values["rbm1"]["freeenergy_each"], tolerance)
    hidden = means(lowest, (x, None), 1)
    assert_close(hidden, values["rbm1"]["hiddenpotential"], tolerance)
    twice = means(lowest, (x, None), 1, times=2.0)
    assert_close(twice, values["rbm1"]["hiddenpotential_factor2"], tolerance)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", [0, 1])
def test_the_energy_is_that_of_the_listed_states(shape, seed, tolerance):
    params, levels = machine(shape, seed)
    layers, expected = all_states(params, levels)
    assert_close(energy(params, [jnp.asarray(layer) for layer in layers]), expected, tolerance)


@pytest.mark.parametrize("shape", SHAPES)
def test_each_conditional_follows_from_the_energy(shape):
    params, levels = machine(shape, seed=3)
    layers, probability, _ = probabilities(params, levels)
    for index in range(len(layers)):
        ours = means(params, layers, index, levels if index == 0 else None)
        others = np.hstack([layer for i, layer in enumerate(layers) if i != index])
        _, group = np.unique(others, axis=0, return_inverse=True)
        group = group.ravel()
        weight = np.bincount(group, probability)
        for unit in range(layers[index].shape[1]):
            on = np.bincount(group, probability * layers[index][:, unit])
            np.testing.assert_allclose(ours[:, unit], (on / weight)[group], atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("summed", [0, 1])
def test_free_energies_sum_out_layers(shape, summed):
    params, levels = machine(shape, seed=4)
    layers, negative = all_states(params, levels)
    kept = [None if i % 2 == summed else layer for i, layer in enumerate(layers)]
    ours = free_energy(params, kept, levels=levels)
    key = np.hstack([layer for layer in kept if layer is not None])
    _, first, group = np.unique(key, axis=0, return_index=True, return_inverse=True)
    expected = -np.log(np.bincount(group.ravel(), np.exp(-negative)))
    np.testing.assert_allclose(ours[first], expected, rtol=1e-5, atol=1e-5)
