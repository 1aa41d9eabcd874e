"""What becomes of a plot: `show` and `save`, as in scanpy."""

import os
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec

from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from loglin.validation import shown

P = ParamSpec("P")
PathLike = str | os.PathLike[str]


def can_show(draw: Callable[P, Axes]) -> Callable[P, Axes]:
    """Let a function that draws on axes save and show the figure: see `loglin.plots`.

    The function declares `show` and `save`, so that its signature is complete, and leaves them to
    this decorator. The type of what it returns stays `Axes`, for the calls that go on drawing.
    """

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Any:
        show, save = kwargs.pop("show", None), kwargs.pop("save", None)
        if not (show is None or isinstance(show, bool)):
            raise ValueError(f"`show` must be True, False or None, got {shown(show)}")
        if not (save is None or isinstance(save, str | os.PathLike)):
            raise ValueError(f"`save` must be a path, got {shown(save)}")
        ax = draw(*args, **kwargs)
        if save is not None:
            ax.figure.get_figure(root=True).savefig(save, bbox_inches="tight")
        if show:
            plt.show()
            return None
        return ax

    return drawn
