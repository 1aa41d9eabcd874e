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


def test_binary_columns_come_first_and_wide_ones_are_not_packed():
    variables = describe_variables([2, 3, 17, 2, 5], [4, 2])
    assert variables.x_planes.columns.tolist() == [0, 3, 1, 4]
    assert variables.x_planes.first.tolist() == [0, 1, 2, 4]
    assert variables.x_planes.num_bits == 1 + 1 + 2 + 4
    assert variables.u_planes.columns.tolist() == [1, 0]
    assert variables.wide_pairs == [(2, 0), (2, 1)]
    # Of the packed pairs, every one but those of a binary feature with the binary latent.
    pairs = set(zip(variables.packed_pairs.latents, variables.packed_pairs.features, strict=True))
    assert pairs == {(0, 0), (0, 3), (0, 1), (0, 4), (1, 1), (1, 4)}


@pytest.mark.parametrize(("num_x", "num_bits"), [(1, 64), (60, 64), (61, 128), (200, 256)])
def test_rows_have_a_bit_for_each_level_but_one_in_words_of_64(num_x, num_bits):
    assert describe_variables([2] * num_x + [3], [2, 2]).num_bits == num_bits


@settings(deadline=None, max_examples=30)
@given(rngs, st.sampled_from([1, 63, 1024, 1025, 2100]))
def test_packed_rows_say_which_level_a_code_is(rng, num_samples):
    x_levels, u_levels = rng.integers(2, 6, size=rng.integers(1, 140)), rng.integers(2, 18, size=3)
    x, u = (
        rng.integers(levels, size=(num_samples, len(levels))).astype(np.int8)
        for levels in (x_levels, u_levels)
    )
    variables = describe_variables(x_levels, u_levels)
    rows = np.empty((num_samples, variables.num_bits // 64), np.uint64)
    pack_rows(x, u, variables, rows)
    bits = rows[:, :, None] >> np.arange(64, dtype=np.uint64) & np.uint64(1)
    expected = np.hstack(
        [
            codes[:, [column]] == np.arange(1, levels)
            for codes, planes in ((x, variables.x_planes), (u, variables.u_planes))
            for column, levels in zip(planes.columns, planes.levels, strict=True)
        ]
    )
    bits = bits.reshape(num_samples, -1)
    np.testing.assert_array_equal(bits[:, : expected.shape[1]], expected)
    assert not bits[:, expected.shape[1] :].any()


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
