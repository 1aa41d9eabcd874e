"""The command line: parse the arguments, run studies or explore a file, and print the outcome."""

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import asdict
from operator import getitem
from typing import Any

import tyro
from rich.console import Console
from rich.table import Table

from experiments.explore.command import Exploration, explore
from experiments.runs.executors import compute_on_one_core, executor
from experiments.runs.options import Options, Unprefixed
from experiments.runs.page import Section, Size, share_of, write_section
from experiments.runs.units import Done, Failed, run_units
from experiments.studies.catalogue import STUDIES, Study

ALL = "paper"
"""The command that runs every study."""
EXPLORE = "explore"
"""The command for a file of one's own."""
OPTIONS = Options()
"""The default options."""


def run_study(
    name: str, config: Any, options: Options, where: Executor | None = None
) -> tuple[Section | None, list[Done], list[Failed]]:
    """Run the units of a study that have no result yet, and write its section of the page.

    Returns the section, the units that are done, and those that failed. The section is None if
    every unit failed.
    """
    study = STUDIES[name]
    seeds = _seeds(name, options)
    done, failed = run_units(
        study.module.units(config, seeds), options.out, where, force=options.force, label=name
    )
    if not done:
        return None, done, failed
    section = study.module.summarize(config, done)
    provenance = _provenance(config, seeds, done, failed)
    size = size_of(study, config, options)
    written = name, section, provenance, options.out, list(STUDIES)
    write_section(*written, size=size, num_seeds=len(seeds))
    return section, done, failed


def run(arguments: Sequence[str]) -> None:
    """Parse the command line and run the studies that it names."""
    compute_on_one_core()
    is_small = "--small" in arguments
    try:
        name, config, options = tyro.extras.subcommand_cli_from_dict(
            {
                **{name: _command(name, study, is_small) for name, study in STUDIES.items()},
                ALL: _all_studies,
                EXPLORE: _explore,
            },
            prog="loglin",
            description="See what a generative model has learned: of your own data (explore), or "
            "in the studies of Hess, Hackenberg & Binder (Bioinformatics 2020).",
            args=arguments,
            config=(tyro.conf.FlagCreatePairsOff,),
        )
        if name == EXPLORE:
            return _run_exploration(config)
        names = list(STUDIES) if name == ALL else [name]
        for study in names:
            _seeds(study, options)
    except ValueError as error:
        sys.exit(f"error: {error}")
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
    except BrokenPipeError:
        raise  # not a problem with a file; handled in `__main__`
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


def size_of(study: Study, config: Any, options: Options) -> Size:
    """Return at which size a study is run with these settings."""
    if config == study.paper:
        return "paper"
    return "reduced" if options.small else "other"


def _run_exploration(exploration: Exploration) -> None:
    try:
        page = explore(exploration)
    except BrokenPipeError:
        raise
    except (ValueError, OSError, RuntimeError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(
            f"\nstopped; the models that are trained are kept in {exploration.folder}: run the "
            "same command again to go on"
        )
    print(f"results page: {page}")


def _seeds(name: str, options: Options) -> range:
    return options.seed_range(STUDIES[name].num_seeds[options.small])


def _settings(study: Study, is_small: bool) -> Any:
    return study.small if is_small else study.paper


def _command(name: str, study: Study, is_small: bool) -> Callable[..., tuple[str, Any, Options]]:
    """Wrap a study for the command line."""

    def command(config: Any, options: Options) -> tuple[str, Any, Options]:
        return name, config, options

    command.__doc__ = study.module.__doc__
    types = {"config": getitem(Unprefixed, study.module.Config), "options": Unprefixed[Options]}
    command.__annotations__ = types
    command.__defaults__ = (_settings(study, is_small), OPTIONS)
    return command


def _explore(exploration: Unprefixed[Exploration]) -> tuple[str, Any, Options]:
    """Train models on cells of your own, and write a page that says what they have learned."""
    return EXPLORE, exploration, OPTIONS


def _all_studies(options: Unprefixed[Options] = OPTIONS) -> tuple[str, Any, Options]:
    """Run every study, at the paper's size (hours) or with --small (minutes)."""
    return ALL, None, options


def _provenance(
    config: Any, seeds: Sequence[int], done: Sequence[Done], failed: Sequence[Failed]
) -> dict[str, Any]:
    """Return the provenance of the numbers that the page shows."""
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
    """Return the line to print at the end of a study, after the tracebacks if there are any."""
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
    table = Table("The paper", "Measured here", "Holds in", "Verdict", title=section.title)
    for statement in section.statements:
        share = share_of(statement.holds)
        held = "" if share is None else f"{share.held} of {share.number}"
        table.add_row(statement.paper, statement.measured, held, statement.verdict)
    Console().print(table)
