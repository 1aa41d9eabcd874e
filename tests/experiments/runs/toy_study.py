"""Units that worker processes can import."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np

from experiments.runs.progress import without_bar
from experiments.runs.units import Unit


@dataclass(frozen=True)
class Settings:
    size: int = 3
    pause: float = 0.0


class Inner(NamedTuple):
    draws: np.ndarray


class Toy(NamedTuple):
    inner: Inner
    product: np.ndarray


def compute(settings: Settings, seed: int, track=without_bar) -> Toy:
    time.sleep(settings.pause)
    draws = np.asarray(jax.random.normal(jax.random.key(seed), (60, 60)))
    return Toy(Inner(draws), draws @ draws)


@dataclass(frozen=True)
class Deadly:
    once: str


def die(settings: Deadly, seed: int, track=without_bar) -> Toy:
    """Kill the own process: always at seed 2, the first time at seed 1."""
    once = Path(settings.once)
    if seed == 2 or (seed == 1 and once.exists()):
        once.unlink(missing_ok=True)
        os.kill(os.getpid(), signal.SIGKILL)
    return compute(Settings(), seed)


def deadly(once):
    return [Unit(die, Deadly(str(once)), seed) for seed in range(4)]


def toy_units(**settings):
    return [Unit(compute, Settings(**settings), seed) for seed in range(4)]
