"""A fit in words."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING

from loglin.formulas import term

if TYPE_CHECKING:
    from loglin.fitting import Fit

_MOST_EFFECTS = 60
"""The effects of a model with more parameters are left out."""


def summarize(fit: Fit) -> str:
    """Describe the model, how it was fitted, how well it fits, and its effects."""
    cells = "cell" if fit.table.size == 1 else "cells"
    lines = [f"{fit.model}: a count of {fit.table.sum():g} in {fit.table.size} {cells}"]
    lines += _how_it_was_fitted(fit)
    lines += _what_is_zero(fit)
    df = f"df {fit.df_adjusted}"
    if fit.df_adjusted != fit.df:
        df += f" (not {fit.df}, as all cells and parameters would give)"
    lines.append(f"G2 {fit.g2:.4f}, X2 {fit.x2:.4f}, {df}, p {fit.p_value:.4g}")
    lines.append(f"AIC {fit.aic:.2f}, BIC {fit.bic:.2f} with {fit.num_parameters} parameters")
    return "\n".join(lines + _effects(fit))


def _how_it_was_fitted(fit: Fit) -> list[str]:
    cycles = "one cycle" if fit.iterations == 1 else f"{fit.iterations} cycles"
    if fit.converged:
        return [f"converged in {cycles}, margins within {fit.deviation:.2g}"]
    return [f"NOT CONVERGED after {cycles}: a margin is still off by {fit.deviation:.3g}"]


def _what_is_zero(fit: Fit) -> list[str]:
    lines = []
    structural = 0 if fit.start is None else int((fit.start == 0).sum())
    if structural:
        lines.append(f"structural zeros: {structural}")
    forced = fit.table.size - structural - int(fit.facial_set.sum())
    if forced:
        lines.append(
            "the maximum-likelihood estimate does not exist: zeros of the table force "
            f"{forced} of the expected frequencies to zero; the extended estimate is shown"
        )
    return lines


def _effects(fit: Fit) -> list[str]:
    if fit.num_parameters > _MOST_EFFECTS:
        return [f"{fit.num_parameters} parameters: see `effects()`"]
    try:
        effects = fit.effects()
    except ValueError as error:
        return [f"no effects: {error}"]
    rows = []
    for axes, effect in effects.items():
        name = term(axes, fit.names)
        for place in product(*(range(fit.table.shape[axis]) for axis in axes)):
            level = ":".join(fit.labels[axis][i] for axis, i in zip(axes, place, strict=True))
            values = (f"{part[place]:.4f}" for part in effect)
            rows.append((name, level, *values))
    rows.insert(0, ("effect", "level", "estimate", "std. error", "z"))
    return as_columns(rows)


def as_columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Set text in columns: the first two to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if i < 2 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
