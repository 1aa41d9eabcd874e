"""The deep Boltzmann machine under a short name; the code is in `models.boltzmann`."""

from models.boltzmann.dbm import DBMState, dbm, snapshots_with_pretraining, start_fine_tuning
from models.boltzmann.energy import DBMParams, energy
from models.boltzmann.sampling import gibbs_sweep
from models.boltzmann.settings import DBMConfig
from models.boltzmann.variational import mean_field

__all__ = [
    "DBMConfig",
    "DBMParams",
    "DBMState",
    "dbm",
    "energy",
    "gibbs_sweep",
    "mean_field",
    "snapshots_with_pretraining",
    "start_fine_tuning",
]
