"""Stand-ins: features that would have done as well as a chosen one.

Features of one module exchange for each other from one training to the next. A name that is missing
from a selection may therefore be as good as one that is in it.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from loglin._threads import num_cores
from loglin.containers import as_columns_of
from loglin.selection import _information_kernels
from loglin.selection.memory import Memory
from loglin.selection.results import as_frame, as_records
from loglin.selection.scoring import Scores, as_statistic, score
from loglin.selection.sources import are_without_latents, as_sources
from loglin.text import as_columns
from loglin.validation import as_number


class StandIns(NamedTuple):
    """Features that would have done as well as a chosen one, by step, the best first.

    See Also
    --------
    stand_ins : Makes it.
    """

    steps: NDArray[np.intp]
    """(m,) position in the selection, 0 for the feature that was chosen first."""
    features: NDArray[np.intp]
    """(m,) the stand-in."""
    gains: NDArray[np.float64]
    """(m,) its gain at that step, as that of the chosen feature corrected and summed."""
    z: NDArray[np.float64]
    """(m,) how much less that is than the gain of the chosen feature, in standard errors."""
    shared: NDArray[np.float64]
    """(m,) share of the chosen feature's gain that it loses if the stand-in is chosen before it: 1
    if the two say the same, 0 if they say different things, negative if they help each other."""
    names: NDArray[np.str_] | None = None
    """(m,) name of the stand-in, if the features have names."""

    def of(self, step: int) -> list[int]:
        """Return the stand-ins of the feature chosen at a step, 0 for the first."""
        return [int(feature) for feature in self.features[self.steps == step]]

    def records(self) -> list[dict[str, Any]]:
        """Return one dict per stand-in, for instance for ``pandas.DataFrame``."""
        columns: dict[str, NDArray[Any]] = {"step": self.steps + 1, "feature": self.features}
        if self.names is not None:
            columns["name"] = self.names
        return as_records(columns | {"gain": self.gains, "z": self.z, "shared": self.shared})

    def to_frame(self) -> Any:
        """Return the stand-ins as a pandas data frame."""
        return as_frame(self.records(), "step")

    def __str__(self) -> str:
        """Show the stand-ins as a table."""
        rows = [
            (str(r["step"]), str(r.get("name", r["feature"])), f"{r['gain']:.2f}", f"{r['z']:.2f}",
             f"{r['shared']:.0%}")
            for r in self.records()
        ]  # fmt: skip
        header = ("step", "stand-in", "gain", "z", "shared")
        return "\n".join(as_columns([header, *rows], num_left=0))


def stand_ins(
    x: ArrayLike | Sequence[ArrayLike],
    u: ArrayLike | Sequence[ArrayLike],
    features: Sequence[int | str],
    *,
    level: float = 0.05,
    levels: Sequence[int] | None = None,
    latent_levels: Sequence[int] | None = None,
    names: Iterable[str] | None = None,
) -> StandIns:
    """Return the features that would have done as well as each chosen one, given those before it.

    At each step, the gain of every other feature, conditional, corrected for chance and summed over
    the latents, is compared with that of the chosen one. Twice the difference of the
    log-likelihoods of the latents given one feature or the other is a sum over the samples, so its
    standard error follows from how it varies among them (Vuong 1989); the variance of the two gains
    by chance is added. A feature is a stand-in if its gain is not significantly smaller. A chosen
    feature whose own corrected gain is not positive has none.

    Parameters
    ----------
    x : (n, p) int array, or list of such arrays
        Codes of the features, or those of the samples of several models, as in `select_features`.
    u : (n, r) int array, or list of such arrays
        Codes of the latents.
    features : sequence of q ints or names
        The chosen features in the order in which they were chosen (`Selection.features`).
    level : float
        Level of the one-sided test, between 0 and 1: the smaller, the more stand-ins.
    levels, latent_levels : sequences of p and r ints, optional
        Numbers of levels, as in `select_features`.
    names : sequence of p str, optional
        Names of the features; by default those of a data frame.

    Returns
    -------
    StandIns
        For each step, the features that could take its place.

    Raises
    ------
    ValueError
        If an argument is invalid.

    See Also
    --------
    select_features : Chooses the features.
    stability : Agreement of several selections.

    References
    ----------
    Vuong (1989), Likelihood ratio tests for model selection and non-nested hypotheses,
    Econometrica 57.

    Examples
    --------
    >>> u = np.repeat([[0], [1]], 100, axis=0)
    >>> x = np.column_stack([u, u, np.arange(200) % 2])
    >>> found = stand_ins(x, u, [0])
    >>> found.of(0), found.shared
    ([1], array([1.]))
    """
    given = as_sources(x, u, levels, latent_levels, None, num_cores(), names)
    sources = given.sources
    if are_without_latents(sources):
        raise ValueError("`u` must be latents, got None")
    models = [source for source in sources if isinstance(source, Memory)]
    if len(models) < len(sources):
        raise ValueError("`x` must be arrays, not chunks")
    chosen = as_columns_of(features, given.names, given.num_columns)
    limit = -ndtri(as_number(level, "level", 0, 1))
    statistic = as_statistic("conditional", None, sum(m.num_samples for m in models), "sum", True)
    partitions = [model.start() for model in models]

    def summed(found: Sequence[Scores]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return gain and variance by chance of every column."""
        gains = np.sum([scores.values.sum(axis=0) for scores in found], axis=0)
        return gains, 2 * np.sum([scores.cumulants[0] for scores in found], axis=0)

    rows: list[tuple[float, ...]] = []
    for step, winner in enumerate(chosen):
        pairs = list(zip(models, partitions, strict=True))
        before = chosen[:step]
        gains, by_chance = summed([score(m, m, before, s, statistic) for m, s in pairs])
        spread = np.sum([_squared_error(m, s, winner) for m, s in pairs], axis=0)
        error = np.sqrt(spread + by_chance[winner] + by_chance)
        partitions = [m.refine(s, winner) for m, s in pairs]
        if gains[winner] <= 0:  # what tells nothing needs no stand-in
            continue
        difference = gains[winner] - gains
        z = np.divide(difference, error, out=np.zeros_like(error), where=error > 0)
        z[[*before, winner]] = np.inf
        others = np.flatnonzero((z < limit) & (gains > 0))
        alone = [m.only(np.array([winner])) for m in models] if len(others) else []
        for other in others:
            left, _ = summed([
                score(winners, m, [], m.refine(s, int(other)), statistic)
                for winners, (m, s) in zip(alone, pairs, strict=True)
            ])  # fmt: skip
            shared = 1 - left[0] / gains[winner]
            rows.append((step, float(other), gains[other], z[other], shared))
    rows.sort(key=lambda row: (row[0], row[3]))
    columns = np.array(rows, np.float64).reshape(-1, 5).T
    steps, found = columns[:2].astype(np.intp)
    words = None if given.names is None else np.array(given.names)[found]
    return StandIns(steps, found, columns[2], columns[3], columns[4], words)


def _squared_error(model: Memory, partition: Any, winner: int) -> NDArray[np.float64]:
    """Return the squared standard error of how much the winner gains more than each feature."""
    heights = model.variables.u_levels

    def log_likelihoods(feature: int) -> NDArray[np.float64]:
        """Return the log-likelihood of the latents of each sample, given S and a feature."""
        codes = np.ascontiguousarray(model.x[:, feature])
        width = int(model.variables.x_levels[feature])
        return _information_kernels.log_likelihoods(
            partition.order, partition.starts, codes, width, model.u, heights
        )

    of_winner = log_likelihoods(winner)
    squares = [
        ((2 * (of_winner - log_likelihoods(feature))).var()) * model.num_samples
        for feature in range(model.x.shape[1])
    ]
    return np.array(squares)
