"""Show the tables of a benchmark, and keep them as parts of the documentation's page on speed."""

import platform
from datetime import date
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

MEASURED = Path(__file__).parents[1] / "docs/measured"
CONSOLE = Console(width=120)


def show(table: Table, name: str, missing: str = "") -> None:
    """Print a table, and write it to `docs/measured` unless a peer is missing.

    Parameters
    ----------
    table : Table
    name : str
        Of the file, without its ending.
    missing : str
        Which peer is not installed; "" if all are.
    """
    CONSOLE.print(table)
    if missing:
        CONSOLE.print(f"{missing} is not installed: docs/measured/{name}.md stays as it is")
        return
    MEASURED.mkdir(exist_ok=True)
    (MEASURED / f"{name}.md").write_text(as_markdown(table))


def as_markdown(table: Table) -> str:
    """Return a table with its title, its caption, and where and when it was measured."""
    columns = [[str(column.header), *map(str, column.cells)] for column in table.columns]
    header, *rows = ["| " + " | ".join(row) + " |" for row in zip(*columns, strict=True)]
    rule = "|" + "---|" * len(columns)
    versions = ", ".join(f"{name} {version(name)}" for name in ("numpy", "numba", "jax"))
    notes = [str(table.caption).rstrip(".") + "."] if table.caption else []
    notes.append(f"{date.today()}, {processor()}, Python {platform.python_version()}, {versions}.")
    return "\n".join(
        [f"**{table.title}**", "", header, rule, *rows, "", f"*{' '.join(notes)}*", ""]
    )


def processor() -> str:
    """Return the name of the processor, and whether it has AVX-512."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts = dict(line.split(":", 1) for line in lines if ":" in line)
    facts = {name.strip(): value.strip() for name, value in facts.items()}
    wide = "with" if "avx512f" in facts.get("flags", "") else "without"
    return f"{facts.get('model name', platform.machine())} {wide} AVX-512"
