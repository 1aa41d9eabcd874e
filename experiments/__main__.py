"""Run a study of the paper, or all of them: ``python -m experiments STUDY``."""

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from operator import getitem
from pathlib import Path
from typing import Any

import tyro
from rich.console import Console
from rich.table import Table

from experiments.executors import executor
from experiments.report import Section, write_report
from experiments.runs import Done, Failed, Flat, run_units
from experiments.studies import STUDIES, Study
from loglin.tables import as_count

ALL = "paper"
"""Runs every study."""


@dataclass(frozen=True)
class Options:
    """How the study runs."""

    seed: int = 0
    """First seed; data, training and sampling all follow from it."""
    seeds: int | None = None
    """How many seeds: seed, seed + 1, ...; None: as many as the study has at its size."""
    out: Path = Path("results")
    """Folder of the results."""
    small: bool = False
    """Run a reduced version, in minutes; other settings count on top."""
    force: bool = False
    """Compute also the units whose results are there."""
    workers: int = 0
    """Processes to run units in; 0: in this one. The numbers are the same."""
    scheduler: str | None = None
    """Address of a Dask scheduler whose workers run the units, such as tcp://host:8786."""

    def __post_init__(self) -> None:
        """Check the settings."""
        if self.seeds is not None:
            as_count(self.seeds, "seeds", 1, 10_000)
        most = self.seeds or max(max(study.num_seeds) for study in STUDIES.values())
        as_count(self.seed, "seed", 0, 2**32 - most)  # JAX has no more of them
        as_count(self.workers, "workers", 0, 1_000)
        if self.workers and self.scheduler is not None:
            raise ValueError("`workers` and `scheduler` cannot be given together")


def run_study(
    name: str, config: Any, options: Options, where: Executor | None = None
) -> tuple[Section | None, list[Done], list[Failed]]:
    """Run a study, or what is left of it, and write its section of the page.

    The section is None if every unit failed.
    """
    study = STUDIES[name]
    num_seeds = options.seeds or study.num_seeds[options.small]
    seeds = range(options.seed, options.seed + num_seeds)
    done, failed = run_units(
        study.module.units(config, seeds), options.out, where, force=options.force, label=name
    )
    if not done:
        return None, done, failed
    section = study.module.summarize(config, done)
    provenance = _provenance(config, seeds, done, failed)
    write_report(name, section, provenance, options.out, list(STUDIES))
    return section, done, failed


def main(arguments: list[str] | None = None) -> None:
    """Read the command line and run what it names."""
    arguments = sys.argv[1:] if arguments is None else arguments
    is_small = "--small" in arguments
    try:
        name, config, options = tyro.extras.subcommand_cli_from_dict(
            {
                **{name: _command(name, study, is_small) for name, study in STUDIES.items()},
                ALL: _all_studies,
            },
            prog="python -m experiments",
            description="Studies of Hess, Hackenberg & Binder (Bioinformatics 2020).",
            args=arguments,
            config=(tyro.conf.FlagCreatePairsOff,),
        )
    except ValueError as error:
        sys.exit(f"error: {error}")
    names = list(STUDIES) if name == ALL else [name]
    num_failed = 0
    try:
        with executor(options.workers, options.scheduler) as where:
            for study in names:
                settings = _settings(STUDIES[study], options.small) if name == ALL else config
                section, done, failed = run_study(study, settings, options, where)
                if section is not None and name != ALL:
                    _print_statements(section)
                print(_outcome(study, section, done, failed), flush=True)
                num_failed += len(failed)
    except OSError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(
            f"\nstopped; the units that are finished are kept in {options.out}: "
            "run the same command again to go on"
        )
    print(f"results page: {options.out / 'index.html'}")
    if num_failed:
        sys.exit(f"error: {num_failed} units failed; run the same command again to retry them")


def _settings(study: Study, is_small: bool) -> Any:
    return study.small if is_small else study.paper


def _command(name: str, study: Study, is_small: bool) -> Callable[..., tuple[str, Any, Options]]:
    """Wrap a study for the command line."""

    def command(config: Any, options: Options) -> tuple[str, Any, Options]:
        return name, config, options

    command.__doc__ = study.module.__doc__
    types = {"config": getitem(Flat, study.module.Config), "options": Flat[Options]}
    command.__annotations__ = types
    command.__defaults__ = (_settings(study, is_small), Options())
    return command


def _all_studies(options: Flat[Options] = Options()) -> tuple[str, Any, Options]:
    """Run every study, at the paper's size (hours) or with --small (minutes)."""
    return ALL, None, options


def _provenance(
    config: Any, seeds: Sequence[int], done: Sequence[Done], failed: Sequence[Failed]
) -> dict[str, Any]:
    """Return what the page says about where its numbers come from."""
    return {
        "settings": asdict(config),
        "seeds": f"{seeds[0]} to {seeds[-1]}",
        "units": f"{len(done)}, {sum(unit.provenance['seconds'] for unit in done):.0f} s in all",
        "failed": [f"{f.unit.settings}, seed {f.unit.seed}: {f.reason}" for f in failed] or "none",
        "revision": sorted({unit.provenance["revision"] for unit in done}),
        "versions": done[0].provenance["versions"],
    }


def _outcome(
    name: str, section: Section | None, done: Sequence[Done], failed: Sequence[Failed]
) -> str:
    """Return the one line that a study ends with."""
    parts = []
    if section is not None:
        verdicts = Counter(statement.verdict for statement in section.statements)
        seconds = sum(unit.provenance["seconds"] for unit in done)
        parts.append(", ".join(f"{number} {verdict}" for verdict, number in verdicts.items()))
        parts.append(f"{len(done)} units, {seconds:.0f} s of work")
    if failed:
        reasons = "; ".join(sorted({failure.reason for failure in failed}))
        parts.append(f"{len(failed)} units failed: {reasons}")
    details = "".join(sorted({failure.details for failure in failed}))
    return f"{details}{name}: {'; '.join(parts)}"


def _print_statements(section: Section) -> None:
    table = Table("The paper", "Measured here", "Verdict", title=section.title)
    for statement in section.statements:
        table.add_row(*statement)
    Console().print(table)


if __name__ == "__main__":
    main()
