import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loglin.selection.counting import (
    as_samples,
    describe_variables,
    num_possible_patterns,
    pack_rows,
)
from tests.loglin.selection.samples import rngs


def test_binary_columns_are_told_from_those_with_more_levels():
    variables = describe_variables([2, 3, 2, 5], [4, 2])
    assert variables.binary_x.tolist() == [0, 2]
    assert variables.binary_u.tolist() == [1]
    # Every pair but those of a binary feature with a binary latent.
    assert variables.other_pairs == [(0, 0), (1, 0), (1, 1), (2, 0), (3, 0), (3, 1)]


@pytest.mark.parametrize(("num_x", "num_bits"), [(1, 64), (62, 64), (63, 128), (200, 256)])
def test_rows_have_a_bit_for_each_binary_column_in_words_of_64(num_x, num_bits):
    assert describe_variables([2] * num_x + [3], [2, 2]).num_bits == num_bits


@settings(deadline=None, max_examples=30)
@given(rngs, st.sampled_from([1, 63, 1024, 1025, 2100]))
def test_packed_rows_hold_the_binary_columns_lowest_bit_first(rng, num_samples):
    x_levels, u_levels = rng.integers(2, 4, size=rng.integers(1, 140)), rng.integers(2, 4, size=3)
    x, u = (
        rng.integers(levels, size=(num_samples, len(levels))).astype(np.int8)
        for levels in (x_levels, u_levels)
    )
    rows = pack_rows(x, u, describe_variables(x_levels, u_levels))
    bits = rows[:, :, None] >> np.arange(64, dtype=np.uint64) & np.uint64(1)
    expected = np.hstack([x[:, x_levels == 2], u[:, u_levels == 2]])
    np.testing.assert_array_equal(bits.reshape(num_samples, -1)[:, : expected.shape[1]], expected)
    assert not bits.reshape(num_samples, -1)[:, expected.shape[1] :].any()


def test_samples_without_latents_get_one_that_never_changes():
    x, u, x_levels, u_levels = as_samples([[0, 2], [1, 0]], None, None, None)
    assert u.tolist() == [[0], [0]]
    assert (x_levels, u_levels) == ((2, 3), (1,))
    assert x.dtype == u.dtype == np.int8


def test_the_number_of_possible_patterns_stays_finite():
    assert num_possible_patterns(6.0, 3) == 18
    number = 1.0
    for _ in range(1000):
        number = num_possible_patterns(number, 127)
    assert np.isfinite(number * 1e50)
