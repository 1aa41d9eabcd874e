"""Fair timing on a shared machine: alternate the candidates, take medians of CPU time."""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any


def alternate(
    calls: Mapping[str, Callable[[], Any]], *, repeats: int = 11, least_seconds: float = 0.05
) -> dict[str, float]:
    """Return the median CPU seconds of each call, on this process's threads.

    The calls take turns, so that what else the machine does falls on all of them; a short call is
    repeated within its turn until `least_seconds` have passed. Each is called once before, to
    compile.
    """
    for call in calls.values():
        call()
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            count, began = 0, time.process_time()
            while count == 0 or time.process_time() - began < least_seconds:
                call()
                count += 1
            seconds[name].append((time.process_time() - began) / count)
    return {name: statistics.median(values) for name, values in seconds.items()}
