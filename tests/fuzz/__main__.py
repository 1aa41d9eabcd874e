"""Run cases of all kinds in turn until the time is over, and report what breaks the contract."""

import argparse
import contextlib
import faulthandler
import itertools
import sys
import time
import traceback
import zlib

import numpy as np

from tests.fuzz import cases, files
from tests.fuzz.contract import ViolationError, check, peak_bytes

KINDS = cases.KINDS | files.KINDS
HANGS = 60
"""Seconds after which the process ends, with a traceback of where it hangs."""


def rng_of(kind, number):
    return np.random.default_rng([zlib.crc32(kind.encode()), number])


def where(error):
    """Return the innermost line of the project in a traceback, to tell violations apart."""
    cause = error.__cause__ or error
    frames = traceback.extract_tb(cause.__traceback__)
    ours = [
        f for f in frames if "site-packages" not in f.filename and "/lib/python" not in f.filename
    ]
    return f"{ours[-1].filename}:{ours[-1].lineno}" if ours else ""


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--kind", choices=sorted(KINDS), help="only cases of this kind")
    parser.add_argument("--number", type=int, help="only this case, with its traceback")
    parser.add_argument("--begin", type=int, default=0, help="number of the first cases")
    parser.add_argument("--verbose", action="store_true", help="name each case before it runs")
    given = parser.parse_args(arguments)
    kinds = [given.kind] if given.kind else list(KINDS)
    numbers = itertools.count(given.begin) if given.number is None else [given.number]
    # What is compiled and imported at first counts neither as time nor as memory.
    for kind, number in itertools.product(kinds, range(2)):
        with contextlib.suppress(ViolationError):
            check(KINDS[kind], rng_of(kind, number), 2**60)
    before, ends = peak_bytes(), time.monotonic() + 60 * given.minutes
    run, results, found = 0, 0, {}
    for number in numbers:
        if time.monotonic() > ends:
            break
        for kind in kinds:
            if given.verbose:
                print(kind, number, flush=True)
            faulthandler.dump_traceback_later(HANGS, exit=True)
            run += 1
            try:
                results += check(KINDS[kind], rng_of(kind, number), before)
            except ViolationError as error:
                place = f"{kind}: {where(error)}"
                if place not in found:
                    print(f"--kind {kind} --number {number}: {error}\n  {where(error)}", flush=True)
                    if given.number is not None:
                        traceback.print_exc()
                found[place] = found.get(place, 0) + 1
            faulthandler.cancel_dump_traceback_later()
    grown = (peak_bytes() - before) / 2**20
    print(f"{run} cases, {results} with a result, {sum(found.values())} against the contract at "
          f"{len(found)} places; memory grew by {grown:.0f} MiB")  # fmt: skip
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
