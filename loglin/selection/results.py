"""What a selection gives: the chosen features, their gains, and what chance explains of them."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from loglin.selection.chance import Chance


class Selection(NamedTuple):
    """The features chosen step by step, what each added, and what chance would have added.

    In the first step from a best pair nothing is chosen for a gain of its own: NaN.
    """

    features: NDArray[np.intp]
    """(q,) columns of x in the order in which they were chosen."""
    latents: NDArray[np.intp]
    """(q,) the latent with which each gain was reached; -1 without latents."""
    gains: NDArray[np.float64]
    """(q,) G2 of the null model for the chosen feature."""
    scores: NDArray[np.float64]
    """(q, r, p) G2 of the null model for each latent and candidate at each step; NaN where the
    feature is already chosen or no candidate. Without latents r is 1."""
    feature_gains: NDArray[np.float64]
    """(q,) G2 of [S][j]: association with the features chosen before, latents aside; in the margin
    of the table of (u, S, j)."""
    latent_gains: NDArray[np.float64]
    """(q,) G2 of [U S][S j]: association with the latent, given these features. The two add up
    to the gain under Eq. 1."""
    df: NDArray[np.float64]
    """(q,) degrees of freedom of the null model, all possible cells counted."""
    chance: Chance
    """(q,) each: the gain of the chosen feature after shuffling; NaN without shuffles."""
    by_chance: NDArray[np.bool_]
    """(q,) whether chance explains the step: shuffled gains are on average above half the gain,
    or their exceedance is above 5 % (with fewer than 19 shuffles: any reaches the gain)."""
    chance_of_all: Chance | None = None
    """(q, p) each, for every candidate, where asked."""

    def records(self) -> list[dict[str, Any]]:
        """Return one dict a step, as ``pandas.DataFrame`` and others take them."""
        columns = {
            "feature": self.features,
            "latent": self.latents,
            "gain": self.gains,
            "feature_gain": self.feature_gains,
            "latent_gain": self.latent_gains,
            "df": self.df,
            "shuffled_mean": self.chance.mean,
            "shuffled_sd": self.chance.sd,
            "exceedance": self.chance.exceedance,
            "by_chance": self.by_chance,
        }
        rows = zip(*(column.tolist() for column in columns.values()), strict=True)
        return [
            {"step": step} | dict(zip(columns, row, strict=True))
            for step, row in enumerate(rows, start=1)
        ]

    def __str__(self) -> str:
        """Show the steps as a table."""
        lines = [
            "step feature latent        gain  with S alone  latent given S           df"
            "   shuffled: mean (sd) exceedance"
        ]
        for r in self.records():
            lines.append(
                f"{r['step']:>4} {r['feature']:>7} {r['latent']:>6} {r['gain']:>11.2f} "
                f"{r['feature_gain']:>13.2f} {r['latent_gain']:>15.2f} {r['df']:>12.6g} "
                f"{r['shuffled_mean']:>11.2f} ({r['shuffled_sd']:.2f}) {r['exceedance']:>10.3g}"
                f"{'  by chance' if r['by_chance'] else ''}"
            )
        return "\n".join(lines)
