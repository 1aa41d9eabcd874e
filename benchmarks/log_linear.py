"""Log-linear models against R's `loglin`, plain numpy, `ipfn` and a Poisson regression.

R takes part where `Rscript` is installed; it stops by the same rule at the same deviation. First
stand whole calls: our `fit` with G2, X2 and df, of a model that was fitted before and of one that
was not, beside R's `loglin`, which works out the same (`fit = FALSE`); decomposable models also by
their closed form. Then parts: R's compiled part beside ours, `ipf.cycle`, with and without a plan
made anew. `ipfn` has another rule and gets as many cycles as ours takes. The regression
(statsmodels) needs a design matrix and is left out where that is large.
"""

import contextlib
import io
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from ipfn import ipfn
from numpy.typing import NDArray
from rich.table import Table
from statsmodels.api import GLM
from statsmodels.genmod.families import Poisson

from benchmarks.report import show
from loglin import Fit, fit, fit_tables, is_decomposable, stepwise
from loglin.hierarchical import factored, generators, graphs, ipf, parameters
from loglin.hierarchical._ipf_plan import ADJUST, CELLS, KIND, PASS, TABLE
from loglin.hierarchical.design_matrix import blocks
from loglin.hierarchical.parameters import num_parameters

Model = list[tuple[int, ...]]
CASES: dict[str, tuple[tuple[int, ...], Model]] = {
    "2^12, all 66 pairs": ((2,) * 12, list(combinations(range(12), 2))),
    "5^6, all 15 pairs": ((5,) * 6, list(combinations(range(6), 2))),
    "2^16, 16 cyclic triples": (
        (2,) * 16,
        [tuple(sorted((i + k) % 16 for k in range(3))) for i in range(16)],
    ),
    "2^16, all 560 triples": ((2,) * 16, list(combinations(range(16), 3))),
    "2^16, 4 cliques of 6 axes": (
        (2,) * 16,
        [tuple(range(i, min(i + 6, 16))) for i in (0, 4, 8, 12)],
    ),
    "2^20, chain of 19 pairs": ((2,) * 20, [(i, i + 1) for i in range(19)]),
}
LARGE_CASES: dict[str, tuple[tuple[int, ...], Model]] = {
    f"2^{number}, {name}": ((2,) * number, model)
    for number in (18, 20, 22, 24)
    for name, model in (
        (f"chain of {number - 1} pairs", [(i, i + 1) for i in range(number - 1)]),
        ("all pairs", list(combinations(range(number), 2))),
    )
}
KEPT: list[Any] = [
    generators._maximal_of,
    graphs.junction_of,
    generators.as_masks,
    parameters._num_parameters,
    factored.divide,
    ipf.plan,
    ipf.closed_in_one_cycle,
]
"""What keeps something about models that were seen before."""
REPEATS = 7
_LARGEST_DESIGN = 10**7
"""Entries of a design matrix above which the regression is left out."""
_SLOW_SECONDS = 2.0
"""A call that takes longer is made once."""

R_LOOP = """
connection <- file("stdin", "r")
while (length(line <- readLines(connection, 1)) > 0) eval(parse(text = line))
"""


def main() -> None:
    """Measure and print all tables."""
    r = R() if shutil.which("Rscript") else None
    whole = Table(
        "model", "fit (ms)", "first fit", "R's loglin", "R / ours", "R / ours, first",
        "closed form", "R / closed form",
        title="Whole calls with G2, X2 and df: CPU milliseconds on one thread",
    )  # fmt: skip
    parts = Table(
        "model", "cycles", "passes a cycle", "cycles, compiled (ms)", "plan (ms)", "R / ours",
        "R / ours with plan", "numpy / fit", "ipfn / fit", "regression / fit",
        title="Parts in the same run",
        caption="passes: how often a cycle reads and writes as many cells as the table has; "
        "0 where it works on factors",
    )  # fmt: skip
    for name, (shape, model) in CASES.items():
        counts = example(shape)
        measured = measure(counts, model, r)
        add_rows(whole, parts, name, counts, model, measured)
    missing = "" if r else "R"
    show(whole, "log-linear", missing)
    show(parts, "log-linear-parts", missing)
    show(many_small(r), "log-linear-small", missing)
    show(longer_calls(), "log-linear-long")
    if len(os.sched_getaffinity(0)) > 1:
        show(on_several_cores(), "log-linear-threads")


def example(shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return counts, 20 a cell in the mean and none below 1, of axes that depend on each other.

    Main effects have a standard deviation of 0.5, interactions of two axes one of 0.2.
    """
    rng = np.random.default_rng(0)
    logs = np.zeros(shape)
    for axis in range(len(shape)):
        for other in range(axis + 1):
            axes = {axis, other}
            spread = 0.5 if len(axes) == 1 else 0.2
            effect = [shape[a] if a in axes else 1 for a in range(len(shape))]
            logs += rng.normal(0.0, spread, effect)
    mean = np.exp(logs)
    return rng.poisson(20 * mean / mean.mean()) + 1.0


def measure(counts: NDArray[np.float64], model: Model, r: "R | None") -> dict[str, float]:
    """Return median CPU seconds of ours and of every peer, taking turns; slow ones once.

    Beside them stands the number of cycles.
    """
    first = fit(counts, model, method="ipf")
    limit = 1e-8 * float(counts.sum())

    def cycles() -> Any:
        expected = np.empty_like(counts)
        return ipf.cycle(
            counts[None], expected[None], first.generators, limit, 1000, from_ones=True
        )

    def plan() -> None:
        ipf.plan.cache_clear()
        factored.divide.cache_clear()
        if factored.divide(ipf.in_order(first.generators), counts.shape) is None:
            ipf.plan(first.generators, counts.shape)

    def with_statistics(method: str = "ipf") -> tuple[float, float, int]:
        fitted = fit(counts, model, method=method)
        return fitted.g2, fitted.x2, fitted.df

    def for_the_first_time() -> tuple[float, float, int]:
        for kept in KEPT:
            kept.cache_clear()
        return with_statistics()

    calls: dict[str, Callable[[], float]] = {
        "cycles": timed(cycles),
        "plan": timed(plan),
        "fit": timed(lambda: fit(counts, model, method="ipf")),
        "whole": timed(with_statistics),
        "first": timed(for_the_first_time),
        "numpy": timed(lambda: fit_with_numpy(counts, model, limit)),
        "ipfn": timed(lambda: fit_with_ipfn(counts, model, first.iterations)),
    }
    if is_decomposable(model):
        calls["closed form"] = timed(lambda: with_statistics("closed-form"))
    if counts.size * num_parameters(first.generators, counts.shape) <= _LARGEST_DESIGN:
        calls["regression"] = timed(lambda: fit_by_regression(counts, first))
    if r is not None:
        r.take(counts, model)
        calls["R"] = lambda: r.seconds(
            f"loglin(n, model, fit = FALSE, eps = {limit!r}, iter = 1000, print = FALSE)"
        )
        calls["R compiled"] = lambda: r.seconds(
            f".Call(stats:::C_LogLin, dim(n), config, n, start, sizes, {limit!r}, 1000L)"
        )
    with_statistics()  # to compile, which is no reason to count a call among the slow
    # Once before, to see which are slow.
    first_seconds = {name: call() for name, call in calls.items()}
    slow = {name for name, seconds in first_seconds.items() if seconds > _SLOW_SECONDS}
    turns: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(REPEATS):
        for name, call in calls.items():
            if name not in slow:
                turns[name].append(call())
    medians = {name: statistics.median(times) for name, times in turns.items() if times}
    medians |= {name: first_seconds[name] for name in slow}
    return medians | {"number of cycles": first.iterations}


def many_small(r: "R | None", num_tables: int = 10_000) -> Table:
    """Fit a model to many tables of eight cells, in one call and by R one after the other."""
    tables = np.random.default_rng(0).poisson(20.0, (num_tables, 2, 2, 2)) + 1.0
    model = list(combinations(range(3), 2))
    ours = timed(lambda: fit_tables(tables, model))
    ours()
    if r is not None:
        r.take(tables[:100], [])  # of R's axes the last is the table's number

    def theirs() -> float:
        if r is None:
            return np.nan
        one = (
            "loglin(n[, , , i], list(c(1, 2), c(1, 3), c(2, 3)), fit = FALSE, "
            "eps = 1e-8 * sum(n[, , , i]), iter = 1000, print = FALSE)"
        )
        return r.seconds(f"for (i in 1:100) {one}") / 100

    rows = [(ours() / num_tables, theirs()) for _ in range(REPEATS)]
    our_seconds, r_seconds = np.median(rows, axis=0)
    table = Table(
        "ours (µs a table)", "R's loglin (µs a table)", "R / ours",
        title=f"{num_tables} tables 2 x 2 x 2, all pairs, with G2, X2 and df",
    )  # fmt: skip
    known = not np.isnan(r_seconds)
    table.add_row(
        f"{1e6 * our_seconds:.2f}",
        f"{1e6 * r_seconds:.0f}" if known else "",
        f"{r_seconds / our_seconds:.0f}" if known else "",
    )
    return table


def longer_calls() -> Table:
    """Measure a search where zeros force zeros, and the effects of a model of many parameters."""
    rng = np.random.default_rng(0)
    sparse = rng.poisson(rng.gamma(0.5, 2.0, (2,) * 7))
    search = timed(lambda: stepwise(sparse))
    search()
    saturated = fit(rng.poisson(20.0, (2,) * 12) + 1.0, [range(12)])
    effects = timed(saturated.effects)
    table = Table("call", "CPU seconds", title="Searches and effects")
    zeros = int((sparse == 0).sum())
    for name, call in (
        (f"backward search from the saturated model, 2^7 cells, {zeros} of them 0", search),
        ("effects and standard errors of the saturated model of 2^12 cells", effects),
    ):
        table.add_row(name, f"{statistics.median(call() for _ in range(3)):.2g}")
    return table


def on_several_cores() -> Table:
    """Fit large tables on one core and on all, taking turns; wall time."""
    cores = os.sched_getaffinity(0)
    number = len(cores)
    table = Table(
        "model", "one core (ms)", f"{number} cores (ms)", f"one / {number}",
        title="Whole calls on large tables: wall time",
    )  # fmt: skip
    for name, (shape, model) in LARGE_CASES.items():
        counts = example(shape)

        def seconds(use: set[int], counts: Any = counts, model: Model = model) -> float:
            os.sched_setaffinity(0, use)  # of this thread; those that wait for work keep theirs
            began = time.perf_counter()
            fitted = fit(counts, model, method="ipf")
            assert np.isfinite(fitted.g2 + fitted.x2 + fitted.df)
            return time.perf_counter() - began

        seconds(cores)
        turns = [(seconds({min(cores)}), seconds(cores)) for _ in range(2 * REPEATS)]
        one, several = 1000 * np.median(turns, axis=0)
        table.add_row(name, f"{one:.3g}", f"{several:.3g}", f"{one / several:.2f}")
    return table


def timed(call: Callable[[], Any], least_seconds: float = 0.05) -> Callable[[], float]:
    """Return a call that measures another: CPU seconds of one of as many as fill the time."""

    def measured() -> float:
        count, began = 0, time.process_time()
        while count == 0 or time.process_time() - began < least_seconds:
            call()
            count += 1
        return (time.process_time() - began) / count

    return measured


def add_rows(
    whole: Table,
    parts: Table,
    name: str,
    counts: NDArray[np.float64],
    model: Model,
    seconds: dict[str, float],
) -> None:
    """Write what was measured of one case."""

    def ratio(peer: str, to: str) -> str:
        known = peer in seconds and to in seconds
        return f"{seconds[peer] / seconds[to]:.0f}" if known else ""

    def milliseconds(name: str) -> str:
        if name not in seconds:
            return ""
        value = 1e3 * seconds[name]
        return f"{value:.3g}" if value < 100 else f"{value:.0f}"

    whole.add_row(
        name, milliseconds("whole"), milliseconds("first"), milliseconds("R"),
        ratio("R", "whole"), ratio("R", "first"), milliseconds("closed form"),
        ratio("R", "closed form"),
    )  # fmt: skip
    seconds["with plan"] = seconds["plan"] + seconds["cycles"]
    parts.add_row(
        name, f"{seconds['number of cycles']:.0f}", passes_of_a_cycle(counts, model),
        milliseconds("cycles"), milliseconds("plan"), ratio("R compiled", "cycles"),
        ratio("R compiled", "with plan"), ratio("numpy", "fit"), ratio("ipfn", "fit"),
        ratio("regression", "fit"),
    )  # fmt: skip


def passes_of_a_cycle(counts: NDArray[np.float64], model: Model) -> str:
    """Return how often a cycle reads and writes as many cells as the table has."""
    ordered = tuple(sorted(model))
    if factored.divide(ipf.in_order(ordered), counts.shape) is not None:
        return "0"
    steps = ipf.plan(ordered, counts.shape).steps
    # The first and the last pass over the whole table share one in the next cycle.
    passes = steps[steps[:, KIND] == PASS]
    cells = passes[:, CELLS].sum() - (counts.size if (passes[:, TABLE] < 0).any() else 0)
    cells += 2 * steps[steps[:, KIND] == ADJUST, CELLS].sum()
    return f"{cells / counts.size:.1f}"


def fit_with_numpy(counts: NDArray[np.float64], model: Model, limit: float) -> NDArray[np.float64]:
    """Fit as textbooks write it."""
    others = [tuple(a for a in range(counts.ndim) if a not in axes) for axes in model]
    targets = [counts.sum(axis=axes, keepdims=True) for axes in others]
    expected, deviation = np.ones_like(counts), np.inf
    while deviation > limit:
        deviation = 0.0
        for axes, target in zip(others, targets, strict=True):
            margin = expected.sum(axis=axes, keepdims=True)
            deviation = max(deviation, np.abs(target - margin).max())
            expected *= target / margin
    return expected


def fit_with_ipfn(counts: NDArray[np.float64], model: Model, num_cycles: int) -> Any:
    """Fit by the package ipfn, so many cycles."""
    others = [tuple(a for a in range(counts.ndim) if a not in axes) for axes in model]
    targets = [counts.sum(axis=axes) for axes in others]
    start = np.ones_like(counts)
    dimensions = [list(axes) for axes in model]
    # It stops after one cycle more than it is told.
    cycles = max(num_cycles - 1, 1)
    fitter = ipfn.ipfn(start, targets, dimensions, convergence_rate=0, max_iteration=cycles,
                       rate_tolerance=0)  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):  # it prints that these were all
        return fitter.iteration()


def fit_by_regression(counts: NDArray[np.float64], fitted: Fit) -> Any:
    """Fit the same model as a Poisson regression on its design."""
    design = np.concatenate(
        [part for _, part in blocks(fitted.generators, counts.shape, np.arange(counts.size))]
    )
    return GLM(counts.ravel(), design, family=Poisson()).fit()


class R:
    """An R process that runs what it is told and says how long that took."""

    def __init__(self) -> None:
        """Start R."""
        self.process = subprocess.Popen(
            ["Rscript", "-e", R_LOOP], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def take(self, counts: NDArray[np.float64], model: Model) -> None:
        """Hand a table and a model over; R's first axis is the fastest, so all are reversed."""
        margins = ", ".join(
            f"c({', '.join(str(counts.ndim - axis) for axis in axes)})" for axes in model
        )
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "counts"
            counts.tofile(path)
            dims = ", ".join(map(str, reversed(counts.shape)))
            self.say(f'n <- array(readBin("{path}", "double", {counts.size}), c({dims}))')
            self.say(f"model <- list({margins})")
            # What loglin hands to its compiled part.
            self.say("start <- array(1, dim(n))")
            self.say("config <- matrix(0L, length(dim(n)), length(model))")
            self.say("for (k in seq_along(model)) config[seq_along(model[[k]]), k] <- model[[k]]")
            self.say("sizes <- sum(vapply(model, function(m) prod(dim(n)[m]), 0))")
            self.ask("0")

    def seconds(self, expression: str) -> float:
        """Return R's CPU seconds for one evaluation, of as many as fill a tenth of a second."""
        return self.ask(
            "local({ count <- 0; began <- sum(proc.time()[1:2]); "
            "while (count == 0 || sum(proc.time()[1:2]) - began < 0.1) "
            f"{{ {expression}; count <- count + 1 }}; "
            "(sum(proc.time()[1:2]) - began) / count })"
        )

    def say(self, line: str) -> None:
        """Have R evaluate a line."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def ask(self, expression: str) -> float:
        """Have R evaluate an expression and return its number."""
        self.say(f'cat(format({expression}, digits = 15), "\\n"); flush(stdout())')
        assert self.process.stdout is not None
        return float(self.process.stdout.readline())


if __name__ == "__main__":
    main()
