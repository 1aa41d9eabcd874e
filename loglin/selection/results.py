"""Results of a selection: the chosen features, their gains, and the gains expected by chance."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from loglin.selection.chance import Chance
from loglin.text import as_columns, if_known


class Selection(NamedTuple):
    """The features chosen step by step, the gain of each, and the gain expected by chance.

    If the selection starts with the best pair, its first step has no gain of its own: NaN.

    See Also
    --------
    select_features : Makes it.
    loglin.plots.gain_plot : Draws its gains.
    """

    features: NDArray[np.intp]
    """(q,) columns of x in the order in which they were chosen."""
    latents: NDArray[np.intp]
    """(q,) the latent with the largest score of each chosen feature, counted over all models; -1
    without latents."""
    gains: NDArray[np.float64]
    """(q,) G2 of the null model for the chosen feature: the maximum or the sum over the latents."""
    scores: NDArray[np.float64]
    """(q, r, p) G2 of the null model for each latent and candidate at each step; NaN where the
    feature is already chosen or is not a candidate. Without latents r is 1."""
    feature_gains: NDArray[np.float64]
    """(q,) G2 of [S][j]: association with the features chosen before, ignoring the latents; in the
    margin (S, j) of the table of (u, S, j)."""
    latent_gains: NDArray[np.float64]
    """(q,) G2 of [U S][S j]: association with the latent, or if gains are sums with all latents,
    given these features; not corrected. Under Eq. 1 the gain is the sum of the two, if it is a
    maximum."""
    df: NDArray[np.float64]
    """(q,) degrees of freedom of the null model, counting all possible cells; of sums, in all."""
    chance: Chance
    """Gains of the chosen feature by chance, (q,) each; NaN without shuffles or correction."""
    by_chance: NDArray[np.bool_]
    """(q,) whether chance explains the step. With shuffles: the mean gain after shuffling is above
    half the gain, or the exceedance is above 5 % (with fewer than 19 shuffles: any shuffle reaches
    the gain). Of corrected gains without shuffles: the exceedance is above 5 %."""
    chance_of_all: Chance | None = None
    """Gains of every candidate after shuffling, (q, p) each, if all were shuffled."""
    corrected: bool = False
    """Whether their expectation by chance was subtracted from gains and scores."""
    names: NDArray[np.str_] | None = None
    """(q,) name of each chosen feature, if the features have names."""

    def records(self) -> list[dict[str, Any]]:
        """Return one dict per step."""
        columns: dict[str, NDArray[Any]] = {
            "step": np.arange(1, len(self.features) + 1),
            "feature": self.features,
        }
        if self.names is not None:
            columns["name"] = self.names
        columns |= {
            "latent": self.latents,
            "gain": self.gains,
            "feature_gain": self.feature_gains,
            "latent_gain": self.latent_gains,
            "df": self.df,
            "chance_mean": self.chance.mean,
            "chance_sd": self.chance.sd,
            "exceedance": self.chance.exceedance,
            "by_chance": self.by_chance,
        }
        return as_records(columns)

    def to_frame(self) -> Any:
        """Return the steps as a pandas data frame."""
        return as_frame(self.records(), "step")

    def __str__(self) -> str:
        """Show the steps as a table."""
        header = ("step", "feature", "latent", "gain", "with S alone", "latent given S", "df",
                  "by chance: mean (sd)", "exceedance", "")  # fmt: skip
        rows = [
            (
                str(r["step"]),
                str(r.get("name", r["feature"])),
                str(r["latent"]),
                *(if_known(r[name], ".2f") for name in ("gain", "feature_gain", "latent_gain")),
                f"{r['df']:.6g}",
                _by_chance(r),
                if_known(r["exceedance"], ".3g"),
                "by chance" if r["by_chance"] else "",
            )
            for r in self.records()
        ]
        return "\n".join(as_columns([header, *rows], num_left=0))


def _by_chance(record: dict[str, Any]) -> str:
    """Return mean and standard deviation of the gain by chance, if they are known."""
    mean = if_known(record["chance_mean"], ".2f")
    return mean and f"{mean} ({record['chance_sd']:.2f})"


def as_records(columns: dict[str, NDArray[Any]]) -> list[dict[str, Any]]:
    """Return one dict per row of a table."""
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def as_frame(records: list[dict[str, Any]], index: str) -> Any:
    """Return records as a data frame with one of their columns as index."""
    import pandas as pd

    columns = list(records[0]) if records else [index]
    return pd.DataFrame(records, columns=columns).set_index(index)
