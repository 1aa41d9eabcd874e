"""Options of the command line that all studies have."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

import tyro

from loglin.validation import as_count

T = TypeVar("T")
Unprefixed = Annotated[T, tyro.conf.arg(name="")]
"""Settings inside other settings, shown on the command line as if they were not nested."""

MAX_SEED = 2**32 - 1
"""The largest seed that JAX takes."""


@dataclass(frozen=True)
class Options:
    """How to run the study."""

    seed: int = 0
    """First seed; it determines data, training and sampling."""
    seeds: int | None = None
    """Number of seeds: seed, seed + 1, ...; None: the default of the study."""
    out: Path = Path("results")
    """Folder of the results."""
    small: bool = False
    """Run a reduced version, which takes minutes; other settings can still be changed."""
    force: bool = False
    """Also compute units that already have a result."""
    workers: int = 0
    """Number of worker processes; 0: run in this process. The numbers are the same."""
    scheduler: str | None = None
    """Address of a Dask scheduler whose workers run the units, such as tcp://host:8786."""

    def __post_init__(self) -> None:
        """Check the settings."""
        if self.seeds is not None:
            as_count(self.seeds, "seeds", 1, 10_000)
        as_count(self.seed, "seed", 0, MAX_SEED)
        as_count(self.workers, "workers", 0, 1_000)
        if self.workers and self.scheduler is not None:
            raise ValueError("`workers` and `scheduler` cannot be given together")

    def seed_range(self, num_seeds: int) -> range:
        """Return `seeds` seeds if this option is given, otherwise `num_seeds`.

        Raises
        ------
        ValueError
            If the last seed is too large for JAX.
        """
        seeds = range(self.seed, self.seed + (self.seeds or num_seeds))
        if seeds[-1] > MAX_SEED:
            raise ValueError(
                f"`seed` must leave room for {len(seeds)} seeds up to {MAX_SEED}, got {self.seed}"
            )
        return seeds
