"""Units whose results are made up, to see which verdicts they get."""

from dataclasses import replace

import numpy as np

from experiments.analysis.cortex_models import Trained, TuningConfig, tuning_units
from experiments.analysis.trajectory import Trajectory
from experiments.runs.units import Done


def trajectory(features, epochs):
    """A trajectory in which these genes, or these at each epoch, are chosen and always off."""
    features = np.broadcast_to(features, (len(epochs), np.shape(features)[-1]))
    return Trajectory(
        epochs=np.array(epochs),
        features=features,
        gains=np.ones(features.shape),
        shuffled=np.zeros(features.shape),
        by_chance=np.zeros(features.shape, bool),
        states=np.zeros((len(epochs), 1, features.shape[1]), np.int8),
        counts=np.ones((len(epochs), 1), np.int64),
        reconstruction=np.ones(len(epochs)),
    )


def done(results, settings=None):
    """Units with these results, one a seed."""
    return [Done(settings, seed, result, {}) for seed, result in enumerate(results)]


def samples(features, num_genes):
    """Synthetic cells with a latent for each of these genes, which is on if the latent is."""
    u = np.random.default_rng(0).integers(2, size=(100, len(features)), dtype=np.int8)
    x = np.zeros((len(u), num_genes), np.int8)
    x[:, features] = u
    return x, u


def tuned_units(found, config=None):
    """Units of one start on one split, tuned at the last checkpoint of a trajectory."""
    config = replace(config or TuningConfig(), num_starts=1)
    cramer = -np.arange(len(found.epochs)) + 1000.0
    result = Trained(found, cramer, *samples(found.features[-1], config.cells.num_genes))
    units = tuning_units(config, [0])
    return [Done(unit.settings, unit.seed, result, {}) for unit in units]


def verdicts(section):
    return [statement.verdict for statement in section.statements]
