"""The selection against the authors' Julia code, plain numpy, scikit-learn and praznik.

The authors' code is not at hand where this runs. It needed 6.4, 19.5 and 69 s of CPU for q = 4, 7
and 10 at n = 10 000, p = 50, r = 10 on a machine like the one this was written on. The yardstick
that runs everywhere is `select_from_tables`, the same algorithm with numpy: a dense table for
each candidate and latent, fitted by iterative proportional fitting. With one latent, selection by
conditional gains is that of the R package praznik, which joins where Rscript and the package are
(`R_LIBS` names its folder).
"""

import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Table
from sklearn.feature_selection import mutual_info_classif

from benchmarks.report import CONSOLE, show
from benchmarks.timing import alternate
from experiments.analysis.plain_selection import select_from_tables
from loglin import COVERING, select_features

JULIA_SECONDS = {4: 6.4, 7: 19.5, 10: 69.0}
OBJECTIVES: dict[str, dict[str, Any]] = {
    "Eq. 1": {},
    "conditional": {"null_model": "conditional"},
    "conditional, without half counts": {"null_model": "conditional", "empty": 0.0},
    "conditional, summed, corrected": COVERING,
}  # fmt: skip
PRAZNIK_SIZES = [
    (10_000, 50, 2, 2, 7), (10_000, 50, 2, 10, 7), (10_000, 50, 10, 2, 7), (10_000, 50, 3, 3, 7),
    (10_000, 50, 4, 4, 7), (10_000, 50, 10, 10, 7), (10_000, 50, 16, 16, 7),
    (10_000, 1000, 2, 2, 10), (10_000, 1000, 4, 4, 10), (10_000, 1000, 16, 16, 10),
]  # fmt: skip
"""Samples, features, their levels, levels of the latent, features to select."""
PRAZNIK = """
a <- commandArgs(TRUE); n <- as.integer(a[2]); p <- as.integer(a[3]); k <- as.integer(a[4])
library(praznik)
codes <- matrix(readBin(a[1], "integer", n * (p + 1), size = 1, signed = FALSE), n)
x <- as.data.frame(lapply(seq_len(p), function(j) factor(codes[, j])),
                   col.names = paste0("x", seq_len(p)))
y <- factor(codes[, p + 1])
times <- proc.time(); found <- CMI(x, y, k, threads = 1); times <- proc.time() - times
cat(times[["user.self"]] + times[["sys.self"]])
"""
SAMPLES = Path(__file__).parents[1] / "tests/reference/selection/g07_stair_n10000_p50_r10_q5.npz"


def main() -> None:
    """Measure and print all tables."""
    with np.load(SAMPLES) as file:
        x, u = (np.ascontiguousarray(file[name]) for name in ("X", "H"))
    show(against_peers(x, u), "selection")
    show(by_step(x, u), "selection-steps")
    show(by_objective(x, u), "selection-objectives")
    if has_praznik():
        show(against_praznik(), "selection-praznik")
    show(large(), "selection-large")
    CONSOLE.print(f"import loglin: {import_seconds():.2f} s, nothing is compiled")


def against_peers(x: NDArray[np.int8], u: NDArray[np.int8]) -> Table:
    """Ours, plain numpy, scikit-learn, and the authors' seconds."""
    table = Table(
        "q", "ours (ms)", "numpy tables (s)", "numpy / ours", "Julia (s)", "Julia / ours",
        title=f"Selecting q features, n = {len(x)}, p = {x.shape[1]}, r = {u.shape[1]}",
    )  # fmt: skip
    for q, julia in JULIA_SECONDS.items():
        if select_from_tables(x, u, q) != select_features(x, u, q).features.tolist():
            raise AssertionError("the two must select the same features")
        seconds = alternate(
            {
                "ours": lambda q=q: select_features(x, u, q),
                "numpy": lambda q=q: select_from_tables(x, u, q),
            },
            repeats=3,
        )
        table.add_row(
            str(q), f"{1e3 * seconds['ours']:.2f}", f"{seconds['numpy']:.2f}",
            f"{seconds['numpy'] / seconds['ours']:.0f}", f"{julia}",
            f"{julia / seconds['ours']:,.0f}",
        )  # fmt: skip
    seconds = alternate(
        {
            "ours": lambda: select_features(x, u, 7),
            "scikit-learn": lambda: [
                mutual_info_classif(x, latent, discrete_features=True) for latent in u.T
            ],
        },
        repeats=5,
    )
    table.caption = (
        "scikit-learn's mutual_info_classif, which scores each feature alone, needs "
        f"{1e3 * seconds['scikit-learn']:.0f} ms for the ten latents: "
        f"{seconds['scikit-learn'] / seconds['ours']:.0f} times as long as ours for q = 7"
    )
    return table


def by_step(x: NDArray[np.int8], u: NDArray[np.int8]) -> Table:
    """Measure what each further step costs."""
    seconds = alternate(
        {str(q): lambda q=q: select_features(x, u, q) for q in range(1, 13)}, repeats=31
    )
    steps = {q: seconds[str(q)] - seconds[str(q - 1)] for q in range(2, 13)}
    table = Table("step", "ms", "to step 2", title="Cost of a step, same samples")
    for q in (2, 4, 6, 8, 10, 12):
        table.add_row(str(q), f"{1e3 * steps[q]:.3f}", f"{steps[q] / steps[2]:.1f}")
    return table


def by_objective(x: NDArray[np.int8], u: NDArray[np.int8]) -> Table:
    """Measure what is paid for gains that cover all latents."""
    seconds = alternate(
        {
            name: lambda settings=settings: select_features(x, u, 7, **settings)
            for name, settings in OBJECTIVES.items()
        },
        repeats=31,
    )
    table = Table("gains", "ms", "to Eq. 1", title="Selecting 7 features, same samples")
    for name, value in seconds.items():
        table.add_row(name, f"{1e3 * value:.2f}", f"{value / seconds['Eq. 1']:.2f}")
    return table


def has_praznik() -> bool:
    """Return whether R and its package praznik are here."""
    load = ["Rscript", "-e", "library(praznik)"]
    return (
        bool(shutil.which("Rscript")) and not subprocess.run(load, capture_output=True).returncode
    )


def against_praznik() -> Table:
    """Select by conditional gains with one latent, on one thread."""
    table = Table(
        "n", "p", "levels of x, y", "q", "praznik (ms)", "ours (ms)", "praznik / ours",
        title="Conditional gains with one latent, CPU time of one thread",
    )  # fmt: skip
    rng = np.random.default_rng(0)
    for n, p, width, height, q in PRAZNIK_SIZES:
        y = rng.integers(height, size=n, dtype=np.int8)
        x = rng.integers(width, size=(n, p), dtype=np.int8)
        for feature in range(min(p, 20)):  # these follow y, the others nothing
            follows = rng.random(n) < 0.3 + 0.02 * feature
            x[follows, feature] = (y[follows] * (feature + 3) // 2) % width
        theirs, ours = [], []
        for _ in range(5):  # in turn
            theirs.append(praznik_seconds(x, y, q))
            ours.append(alternate({"": lambda x=x, y=y, q=q: select_features(
                x, y[:, None], q, null_model="conditional", empty=0.0, num_threads=1
            )}, repeats=1)[""])  # fmt: skip
        of_praznik, of_us = statistics.median(theirs), statistics.median(ours)
        table.add_row(
            f"{n:,}", str(p), f"{width}, {height}", str(q), f"{1e3 * of_praznik:.1f}",
            f"{1e3 * of_us:.2f}", f"{of_praznik / of_us:.1f}",
        )  # fmt: skip
    return table


def praznik_seconds(x: NDArray[np.int8], y: NDArray[np.int8], q: int) -> float:
    """Return the CPU seconds of a call of praznik's CMI, without reading the data."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "codes"
        np.column_stack([x, y]).astype(np.uint8).ravel(order="F").tofile(file)
        answer = subprocess.run(
            ["Rscript", "-e", PRAZNIK, str(file), *map(str, (*x.shape, q))],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    return float(answer.stdout)


def large() -> Table:
    """Measure a million samples, in a process of its own to see its memory."""
    answer = subprocess.run(
        [sys.executable, "-m", "benchmarks.selection", "large"],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1],
    )  # fmt: skip
    table = Table(
        "gains", "CPU (s)", "one thread (s)", "two threads (s)", "one / two",
        "peak memory (GiB)", "of which the samples",
        title="Large: n = 1 000 000, p = 1000, r = 10, q = 8; wall time of threads",
    )  # fmt: skip
    for line in answer.stdout.splitlines():
        table.add_row(*line.split("|"))
    return table


def import_seconds() -> float:
    """Measure how much longer Python runs when it imports the library."""

    def run(code: str) -> None:
        subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[1])

    seconds = []
    for _ in range(7):
        began = time.perf_counter()
        run("pass")
        bare = time.perf_counter()
        run("import loglin")
        seconds.append((time.perf_counter() - bare) - (bare - began))
    return statistics.median(seconds)


def measure_large() -> None:
    """Print for two objectives CPU and wall seconds, peak memory and the samples' size in GiB."""
    rng = np.random.default_rng(0)
    u = rng.integers(2, size=(1_000_000, 10), dtype=np.int8)
    x = np.empty((len(u), 1000), np.int8)
    for block in np.array_split(np.arange(len(x)), 100):
        x[block] = rng.random((len(block), 1000), dtype=np.float32) < 0.3
    for feature in range(20):
        x[:, feature] = u[:, feature % 10] ^ (rng.random(len(x)) < 0.2)
    for name in ("Eq. 1", "conditional, summed, corrected"):
        select = partial(select_features, x, u, 8, **OBJECTIVES[name])
        cpu = alternate({name: partial(select, num_threads=1)}, repeats=3)[name]
        seconds: dict[int, list[float]] = {1: [], 2: []}
        for _ in range(15):
            for num_threads, measured in seconds.items():
                began = time.perf_counter()
                select(num_threads=num_threads)
                measured.append(time.perf_counter() - began)
        one, two = (statistics.median(measured) for measured in seconds.values())
        # What else the machine does falls on calls that follow each other alike.
        faster = statistics.median(a / b for a, b in zip(*seconds.values(), strict=True))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(name, f"{cpu:.2f}", f"{one:.2f}", f"{two:.2f}", f"{faster:.2f}", f"{peak:.2f}",
              f"{x.nbytes / 2**30:.2f}", sep="|")  # fmt: skip


if __name__ == "__main__":
    measure_large() if sys.argv[1:] == ["large"] else main()
