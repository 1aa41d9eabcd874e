"""Permutation test of the whole procedure: training, sampling and selection (Section 2.2).

Every feature is permuted among the cells independently, so that there is nothing to learn. The
generative model is trained again on the permuted data, samples are drawn and features selected. The
gains of many such rounds show what the procedure finds where there is nothing to find, for instance
because the model overfits.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from loglin.containers import as_positions, names_of
from loglin.selection.results import Selection
from loglin.selection.scoring import NullModel, as_statistic, rounding
from loglin.selection.search import select_features
from loglin.text import as_columns, if_known
from loglin.validation import as_candidates, as_codes, as_count, as_number, as_tuple, shown

Draw = Callable[[NDArray[np.int8], np.random.Generator], tuple[ArrayLike, ArrayLike | None]]
"""draw(x, rng) -> (x_syn, u_syn) trains a model on x (n, p) and draws samples from it."""


class PermutationTest(NamedTuple):
    """A selection that starts with the best pair, with a p-value for each step.

    See Also
    --------
    permutation_test : Makes it.
    """

    selection: Selection
    """The selection from samples of the model trained on the data, without permutation."""
    p_values: NDArray[np.float64]
    """(q,) probability of a gain at least as large at this step if all features are independent.
    The p-value of the best pair is that of the second step; the first is NaN."""
    exceedances: NDArray[np.int64]
    """(q,) number of permutations with at least the gain."""
    num_permutations: NDArray[np.int64]
    """(q,) number of permutations that were counted."""
    null_gains: NDArray[np.float64]
    """(permutations, q) gains of each step, in the order of the permutations."""

    def __str__(self) -> str:
        """Show the steps as a table."""
        selection = self.selection
        names = selection.features if selection.names is None else selection.names
        header = ("step", "feature", "gain", "p-value", "permutations with this gain")
        columns = zip(
            names, selection.gains, self.p_values, self.exceedances, self.num_permutations,
            strict=True,
        )  # fmt: skip
        rows = [
            (
                str(step),
                str(name),
                if_known(gain, ".2f"),
                if_known(p_value, ".3g"),
                f"{reached} of {number}" if number else "",
            )
            for step, (name, gain, p_value, reached, number) in enumerate(columns, 1)
        ]
        return "\n".join(as_columns([header, *rows], num_left=0))

    def significant(self, level: float = 0.05) -> NDArray[np.intp]:
        """Return the features chosen before the first step whose p-value is above `level`.

        Parameters
        ----------
        level : float
            From 0 to 1.

        Returns
        -------
        (k,) int array
            Empty if the best pair is not significant.

        Raises
        ------
        ValueError
            If `level` is out of range.
        """
        as_number(level, "level", 0, 1)
        is_above = ~(self.p_values[1:] <= level)
        num_steps = int(is_above.argmax()) if is_above.any() else len(is_above)
        return self.selection.features[: num_steps + 1 if num_steps else 0]


def permutation_test(
    x: ArrayLike,
    draw: Draw,
    num_features: int,
    *,
    num_permutations: int = 99,
    max_exceedances: int | None = None,
    rng: np.random.Generator,
    track: Callable[[Iterable[int]], Iterable[int]] = iter,
    levels: Sequence[int] | None = None,
    latent_levels: Sequence[int] | None = None,
    null_model: NullModel = "joint",
    across: str = "max",
    corrected: bool = False,
    empty: float | None = None,
    candidates: Iterable[int | str] | None = None,
) -> PermutationTest:
    """Test the steps of a selection against models trained on permuted features.

    If b of B permutations reach the gain of a step, its p-value is (1 + b) / (1 + B). If all
    features are independent, the data are exchangeable with the permuted data, and this p-value is
    valid for any model and any number of permutations. A later step is compared with the same step
    where *no* features are associated, although those selected before it may be. So read the steps
    in order, and stop at the first that is not significant.

    Parameters
    ----------
    x : (n, p) int array or data frame
        Codes of the data.
    draw : callable
        A function: draw(x, rng) trains the model on codes (n, p), draws samples and returns the
        codes of features (m, p) and latents (m, r), or None instead of the latents. All its random
        numbers must come from the numpy Generator `rng`; for JAX, use
        ``jax.random.key(rng.integers(2**32))``.
    num_features : int
        Number of features to select, q; at least 2, since the selection starts with the best pair.
    num_permutations : int
        Largest number of permutations, B.
    max_exceedances : int, optional
        Stop counting for a step once this many permutations have reached its gain. If this happens
        at the l-th permutation, the p-value is `max_exceedances` / l. The test ends when counting
        has stopped for all steps (Besag & Clifford 1991). These p-values are valid too, and need
        few permutations if nothing is significant.
    rng : numpy Generator
        Draws the permutations, and the random numbers of `draw`. Each round has a generator of its
        own, so the first permutations do not depend on `num_permutations`.
    track : callable, optional
        Wraps the iterable of rounds to show progress, for instance ``rich.progress.track``.
    levels : sequence of p ints, optional
        Numbers of levels of the features; by default those of the data.
    latent_levels, null_model, across, corrected, empty, candidates : optional
        As in `select_features`.

    Returns
    -------
    PermutationTest
        The selection from the data, with a p-value for each step.

    Raises
    ------
    ValueError
        If an argument is invalid, or `draw` returns invalid samples. Errors that `draw` raises are
        passed on: one failed training ends the test.

    See Also
    --------
    select_features : The selection alone; `num_shuffles` is the weaker test of its gains.
    stability : Whether another training agrees.

    References
    ----------
    Besag & Clifford (1991), Sequential Monte Carlo p-values, Biometrika 78.

    Examples
    --------
    Without a model, `draw` returns the data and their first feature as the latent:

    >>> cells = np.repeat([[0, 0, 1], [1, 1, 0], [0, 0, 0], [1, 1, 1]], 25, axis=0)
    >>> test = permutation_test(
    ...     cells, lambda x, rng: (x, x[:, :1]), 2, num_permutations=19,
    ...     rng=np.random.default_rng(0),
    ... )
    >>> print(test)
    step  feature    gain  p-value  permutations with this gain
       1        0
       2        1  128.80     0.05                      0 of 19
    """
    codes, levels = as_codes(x, "x", as_tuple(levels))
    latent_levels = as_tuple(latent_levels)
    columns = as_positions(candidates, names_of(x), "candidates")
    allowed = as_candidates(columns, codes.shape[1])
    as_count(num_features, "num_features", 2, len(allowed))
    as_statistic(null_model, empty, len(codes), across, corrected)
    as_count(num_permutations, "num_permutations", 1)
    if max_exceedances is not None:
        as_count(max_exceedances, "max_exceedances", 1)
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"`rng` must be a numpy Generator to draw permutations, got {shown(rng)}")
    if not callable(draw):
        raise ValueError(f"`draw` must be a function of x and rng, got {shown(draw)}")

    def draw_and_select(data: NDArray[np.int8], own: np.random.Generator) -> tuple[Selection, int]:
        samples = draw(data, own)
        if not isinstance(samples, tuple) or len(samples) != 2:
            raise ValueError(f"`draw` must return a pair (x, u) of samples, got {type(samples)}")
        shape = np.shape(samples[0])
        if shape[1:] != codes.shape[1:]:
            raise ValueError(
                f"`draw` must return features in {codes.shape[1]} columns, got an array of {shape}"
            )
        selection = select_features(
            *samples, num_features, levels=levels, latent_levels=latent_levels,
            null_model=null_model, across=across, corrected=corrected, empty=empty,
            start="best-pair", candidates=allowed,
        )  # fmt: skip
        return selection, shape[0]

    selection, num_samples = draw_and_select(codes.copy(), rng.spawn(1)[0])
    # A gain that is smaller only by rounding counts as reached.
    reached = selection.gains - rounding(selection.gains, num_samples)
    exceedances, counted = np.zeros((2, num_features), np.int64)
    is_open = np.isfinite(reached)
    null_gains = []
    for _ in track(range(num_permutations)):
        (own,) = rng.spawn(1)
        gains = draw_and_select(own.permuted(codes, axis=0), own)[0].gains
        null_gains.append(gains)
        counted += is_open
        exceedances += is_open & (gains >= reached)
        if max_exceedances is not None:
            is_open &= exceedances < max_exceedances
        if not is_open.any():
            break
    p_values = (1 + exceedances) / (1 + counted)
    if max_exceedances is not None:
        is_full = exceedances == max_exceedances
        p_values[is_full] = max_exceedances / counted[is_full]
    p_values[~np.isfinite(reached)] = np.nan
    return PermutationTest(selection, p_values, exceedances, counted, np.array(null_gains))
