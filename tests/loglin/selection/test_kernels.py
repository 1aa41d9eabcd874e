"""The compiled kernels against exact arithmetic, and against each other."""

from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loglin.selection import _kernels
from loglin.selection.scoring import as_statistic
from tests.depth import usual_or_deep
from tests.loglin.selection.samples import binary_source, partition_by, rngs, scores_of


def exact_g2(table, num_possible, empty):
    """G2 of both null models with fifty digits, from counts (patterns that occur, u, j)."""
    with localcontext() as context:
        context.prec = 50
        height, width = table.shape[1:]
        unseen = Decimal(int(num_possible)) - len(table)
        full = [[[Decimal(int(c)) or Decimal(empty) for c in row] for row in g] for g in table]

        def plogp(value):
            return value * value.ln() if value else Decimal(0)

        def terms(sums, cells_of_unseen, number):
            """Sum of T log(T / T+) over rows of T, and over rows of patterns without samples."""
            blank = [Decimal(empty) * cells_of_unseen] * width
            rows = [(row, 1) for row in sums] + [(blank, unseen * number)]
            return sum(n * (sum(map(plogp, row)) - plogp(sum(row))) for row, n in rows)

        given_us = terms([row for g in full for row in g], 1, height)
        by_value = [[sum(row[v] for row in g) for v in range(width)] for g in full]
        given_s = terms(by_value, height, 1)
        margin = [sum(row[v] for row in by_value) for v in range(width)]
        margin = [m + unseen * height * Decimal(empty) for m in margin]
        alone = sum(map(plogp, margin)) - plogp(sum(margin))
        return float(2 * (given_us - alone)), float(2 * (given_us - given_s))


@pytest.mark.parametrize("num_possible", [5, 8, 2.0**20, 2.0**70])
@pytest.mark.parametrize("empty", [0.0, 0.5, 2.0])
def test_g2_is_exact_however_many_patterns_could_occur(rng, num_possible, empty):
    for width in (2, 3):
        table = rng.poisson(1.5, size=(5, 3, width))
        table[:, 0, 0] += 1
        cell = as_statistic("joint", empty, 99).cell
        ours = _kernels.pair_g2(table, float(num_possible), empty, cell)
        np.testing.assert_allclose(ours, exact_g2(table, num_possible, empty), rtol=1e-12)


@settings(deadline=None, max_examples=usual_or_deep(12, 30))
@given(
    rngs,
    st.integers(2, 300),
    st.sampled_from(["joint", "conditional"]),
    st.sampled_from([0.0, 0.5, 2.0]),
)
def test_packed_and_general_kernel_agree(rng, n, null_model, empty):
    source, cell = binary_source(rng, n, 8, 3), as_statistic("joint", empty, n).cell
    for num_chosen in range(6):
        partition = partition_by(source, range(num_chosen))
        packed = scores_of(source, partition, null_model, empty, n)
        for latent, feature in np.ndindex(packed.shape):
            if feature >= num_chosen:
                (table,) = source.pair_tables(partition, [(feature, latent)])
                general = _kernels.pair_g2(table, partition.num_possible, empty, cell)
                np.testing.assert_allclose(
                    packed[latent, feature], general[null_model == "conditional"], atol=1e-9
                )
