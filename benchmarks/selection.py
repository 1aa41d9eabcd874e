"""The selection against the authors' Julia code, plain numpy and scikit-learn.

The authors' code is not at hand where this runs. It needed 6.4, 19.5 and 69 s of CPU for q = 4, 7
and 10 at n = 10 000, p = 50, r = 10 on a machine like the one this was written on. The yardstick
that runs everywhere is `select_from_tables`, the same algorithm with numpy: a dense table for
each candidate and latent, fitted by iterative proportional fitting.
"""

import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn.feature_selection import mutual_info_classif

from benchmarks.timing import alternate
from experiments.analysis.plain_selection import select_from_tables
from loglin import select_features

JULIA_SECONDS = {4: 6.4, 7: 19.5, 10: 69.0}
SAMPLES = Path(__file__).parents[1] / "tests/reference/selection/g07_stair_n10000_p50_r10_q5.npz"


def main() -> None:
    """Measure and print all tables."""
    console = Console()
    with np.load(SAMPLES) as file:
        x, u = (np.ascontiguousarray(file[name]) for name in ("X", "H"))
    console.print(against_peers(x, u))
    console.print(by_step(x, u))
    console.print(large())
    console.print(f"import loglin: {import_seconds():.2f} s, nothing is compiled")


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
        {str(q): lambda q=q: select_features(x, u, q) for q in range(1, 13)}, repeats=9
    )
    steps = {q: seconds[str(q)] - seconds[str(q - 1)] for q in range(2, 13)}
    table = Table("step", "ms", "to step 2", title="Cost of a step, same samples")
    for q in (2, 4, 6, 8, 10, 12):
        table.add_row(str(q), f"{1e3 * steps[q]:.3f}", f"{steps[q] / steps[2]:.1f}")
    return table


def large() -> Table:
    """Measure a million samples, in a process of its own to see its memory."""
    answer = subprocess.run(
        [sys.executable, "-m", "benchmarks.selection", "large"],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1],
    )  # fmt: skip
    seconds, gigabytes, data = answer.stdout.split()
    table = Table(
        "n", "p", "r", "q", "CPU (s)", "peak memory (GiB)", "of which the samples", title="Large"
    )
    table.add_row("1 000 000", "1000", "10", "8", seconds, gigabytes, data)
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
    """Print CPU seconds, peak memory and the samples' size in GiB."""
    rng = np.random.default_rng(0)
    u = rng.integers(2, size=(1_000_000, 10), dtype=np.int8)
    x = np.empty((len(u), 1000), np.int8)
    for block in np.array_split(np.arange(len(x)), 100):
        x[block] = rng.random((len(block), 1000), dtype=np.float32) < 0.3
    for feature in range(20):
        x[:, feature] = u[:, feature % 10] ^ (rng.random(len(x)) < 0.2)
    seconds = alternate({"ours": lambda: select_features(x, u, 8)}, repeats=3)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{seconds['ours']:.2f} {peak:.2f} {x.nbytes / 2**30:.2f}")


if __name__ == "__main__":
    measure_large() if sys.argv[1:] == ["large"] else main()
