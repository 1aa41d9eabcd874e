"""Layered Boltzmann machines, restricted and deep (Sections 2.1 and 2.4).

Each module imports only modules before it: energy -> sampling, variational, gradients ->
likelihood -> rbm -> pretraining -> dbm. The models themselves are `models.rbm`,
`models.pretraining` and `models.dbm`; this package has the functions they are made of.
"""

from models.boltzmann.energy import DBMParams, Layers, energy, free_energy, given_visible
from models.boltzmann.sampling import gibbs, gibbs_draws, gibbs_sweep, independent_layers
from models.boltzmann.variational import mean_field

__all__ = [
    "DBMParams",
    "Layers",
    "energy",
    "free_energy",
    "gibbs",
    "gibbs_draws",
    "gibbs_sweep",
    "given_visible",
    "independent_layers",
    "mean_field",
]
