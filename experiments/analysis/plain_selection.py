"""The selection as the paper describes it, without any of the short cuts of `loglin`."""

import numpy as np
from numpy.typing import NDArray


def select_from_tables(x: NDArray[np.int8], u: NDArray[np.int8], num_features: int) -> list[int]:
    """Select by Eq. 1 as the paper describes it: a table and a fit per candidate and latent."""
    chosen: list[int] = []
    for _ in range(num_features):
        scores = np.full((x.shape[1], u.shape[1]), -np.inf)
        for feature in sorted(set(range(x.shape[1])) - set(chosen)):
            for latent in range(u.shape[1]):
                columns = (u[:, latent], *x[:, [*chosen, feature]].T)
                cells = np.ravel_multi_index(columns, (2,) * len(columns))
                table = np.bincount(cells, minlength=2 ** len(columns)).astype(float)
                scores[feature, latent] = joint_g2(np.where(table == 0, 0.5, table).reshape(-1, 2))
        chosen.append(int(scores.max(axis=1).argmax()))
    return chosen


def joint_g2(table: NDArray[np.float64]) -> float:
    """Fit [U S][j] to a table ((u, s), j) by iterative proportional fitting; return G2."""
    fitted = np.ones_like(table)
    deviation = np.inf
    while deviation > 1e-8 * table.sum():
        deviation = 0.0
        for axis in (0, 1):
            target, margin = (t.sum(axis=axis, keepdims=True) for t in (table, fitted))
            deviation = max(deviation, np.abs(target - margin).max())
            fitted *= target / margin
    return float(2 * (table * np.log(table / fitted)).sum())
