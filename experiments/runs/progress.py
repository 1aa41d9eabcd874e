"""Progress bars, on standard error."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

Track = Callable[[Iterable[Any], int], Iterator[Any]]
"""track(iterable, length) yields the items while it shows a progress bar."""


def without_bar(iterable: Iterable[Any], length: int) -> Iterator[Any]:
    """Yield the items without showing a bar."""
    return iter(iterable)


def progress_bars() -> Progress:
    """Return progress bars, to be used as a context manager."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )


def bar_within(progress: Progress, description: str) -> Track:
    """Return a `Track` that shows an additional bar while it yields its items."""

    def track(iterable: Iterable[Any], length: int) -> Iterator[Any]:
        task = progress.add_task(description, total=length)
        try:
            yield from progress.track(iterable, task_id=task, total=length)
        finally:
            progress.remove_task(task)

    return track
