"""Run a study of the paper: ``python -m experiments STUDY``."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from operator import getitem
from pathlib import Path
from types import ModuleType
from typing import Any

import tyro
from rich.console import Console
from rich.table import Table

from experiments import cortex_selection, training_progress
from experiments.report import Section, write_report
from experiments.runs import Flat, run_seeds
from loglin.tables import as_count
from models import DivergedError

STUDIES = {
    "training-progress": training_progress,
    "cortex-selection": cortex_selection,
}


@dataclass(frozen=True)
class Options:
    """How the study runs."""

    seed: int = 0
    """First seed; data, training and sampling all follow from it."""
    seeds: int = 1
    """How many seeds: seed, seed + 1, ..."""
    out: Path = Path("results")
    """Folder of the results."""
    force: bool = False
    """Compute also the seeds whose results are there."""

    def __post_init__(self) -> None:
        """Check the settings."""
        as_count(self.seeds, "seeds", 1, 10_000)
        as_count(self.seed, "seed", 0, 2**32 - self.seeds)  # JAX has no more of them


def run_study(name: str, config: Any, options: Options) -> Path:
    """Run a study, or what is left of it; write its section and return the path of the page."""
    study = STUDIES[name]
    seeds = range(options.seed, options.seed + options.seeds)
    units = run_seeds(name, study, config, seeds, options.out, options.force)
    section = study.summarize(config, [unit.result for unit in units])
    provenance = [unit.provenance for unit in units]
    names = [label for study in STUDIES for label in (study, f"{study}-dbm")]
    label = name if config.architecture.model == "vae" else f"{name}-{config.architecture.model}"
    page = write_report(label, section, provenance, options.out, names)
    _print_statements(section)
    return page


def main(arguments: list[str] | None = None) -> None:
    """Read the command line and run the study it names."""
    try:
        name, config, options = tyro.extras.subcommand_cli_from_dict(
            {name: _command(name, study) for name, study in STUDIES.items()},
            prog="python -m experiments",
            description="Studies of Hess, Hackenberg & Binder (Bioinformatics 2020).",
            args=arguments,
            config=(tyro.conf.FlagCreatePairsOff,),
        )
    except ValueError as error:
        sys.exit(f"error: {error}")
    try:
        page = run_study(name, config, options)
    except (OSError, DivergedError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(
            f"\nstopped; the seeds that are finished are kept in {options.out / name}: "
            "run the same command again to go on"
        )
    print(f"results page: {page}")


def _command(name: str, study: ModuleType) -> Callable[..., tuple[str, Any, Options]]:
    """Wrap a study for the command line."""

    def command(config: Any, options: Options) -> tuple[str, Any, Options]:
        return name, config, options

    command.__doc__ = study.__doc__
    command.__annotations__ = {"config": getitem(Flat, study.Config), "options": Flat[Options]}
    command.__defaults__ = (study.Config(), Options())
    return command


def _print_statements(section: Section) -> None:
    table = Table("The paper", "Measured here", "Verdict", title=section.title)
    for statement in section.statements:
        table.add_row(*statement)
    Console().print(table)


if __name__ == "__main__":
    main()
