import re
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import sparse

from models.validation import (
    as_codes,
    as_count,
    as_data,
    as_training_data,
    check_key,
    check_type,
    shown,
)


@pytest.mark.parametrize("dtype", [bool, np.uint8, ">i4", np.float64])
def test_codes_of_any_type_become_int8(dtype):
    x = np.array([[0, 1], [1, 0]])
    data = as_data(x.astype(dtype))
    assert data.dtype == jnp.int8
    np.testing.assert_array_equal(data, x)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros(3), r"`x` must have two dimensions.*got shape \(3,\)"),
        (np.zeros(3, int), r"two dimensions.*for a single column pass `x\[:, None\]`"),
        (sparse.csr_array(np.eye(2)), r"`x` must be an array, got csr_array: pass `x.toarray\(\)`"),
        (
            SimpleNamespace(obs=None, var=None),
            r"`x` must be an array, got SimpleNamespace: pass `np.asarray\(dichotomize\(x\)\)`",
        ),
        (np.zeros((0, 3)), r"`x` must have two dimensions, at least one row.*got shape \(0, 3\)"),
        ([[0, 1, 1], [1]], "`x` must have rows of equal length, got ragged ones"),
        (np.array([["a", "b"]]), "`x` must hold codes, got dtype <U1"),
        (np.full((4, 3), np.nan), "`x` must hold codes 0, 1, ..., 126, got nan"),
        (np.full((4, 3), 0.5), "`x` must hold codes 0, 1, ..., 126, got 0.5"),
        (np.full((4, 3), -1), "`x` must hold codes 0, 1, ..., 126, got -1"),
        (np.full((4, 3), 127), "`x` must hold codes 0, 1, ..., 126, got 127"),
        (np.ma.masked_equal([[0, 1]], 1), "`x` must not be masked"),
    ],
)
def test_what_is_no_table_of_codes_gets_one_sentence(x, message):
    with pytest.raises(ValueError, match=message):
        as_data(x)
    with pytest.raises(ValueError, match=re.sub(r"\bx\b", "held_out", message)):
        as_data(x, "held_out")


def test_codes_must_fit_the_levels():
    assert as_codes([[1, 2]], 2, (2, 3)).tolist() == [[1, 2]]
    with pytest.raises(ValueError, match="`x` must have one column for each .*expected 3, got 2"):
        as_codes([[0, 1]], 3, None)
    with pytest.raises(ValueError, match="`x` must hold zeros and ones in column 1, got 2"):
        as_codes([[0, 2]], 2, None)
    with pytest.raises(ValueError, match="`x` must hold codes below 3 in column 1, got 3"):
        as_codes([[0, 3]], 2, (2, 3))


def test_training_data_must_fill_a_batch():
    assert as_training_data([[0], [1]], 1, None, 2).shape == (2, 1)
    with pytest.raises(ValueError, match="at least `batch_size` rows: expected 3, got 2"):
        as_training_data([[0], [1]], 1, None, 3)
    with pytest.raises(ValueError, match="at least `fine_batch_size` rows: expected 3, got 2"):
        as_training_data([[0], [1]], 1, None, 3, "fine_batch_size")


@pytest.mark.parametrize(
    "key", [0, None, jax.random.PRNGKey(0), jax.random.split(jax.random.key(0), 2), np.zeros(2)]
)
def test_a_key_must_be_one_of_the_new_kind(key):
    with pytest.raises(ValueError, match="`key` must be one JAX key such as jax.random.key"):
        check_key(key)
    check_key(jax.random.key(0))


def test_what_was_given_is_shown_in_one_short_line():
    assert shown("a\nb") == "'a\\nb'"
    assert shown(np.eye(2)) == "array([[1., 0.], [0., 1.]])"
    assert len(shown(list(range(10_000)))) == 200


def test_counts_and_types():
    count = as_count(np.int16(3), "count", 3)
    assert (count, type(count)) == (3, int)
    for value in (2, 3.0, True, "3", None):
        with pytest.raises(ValueError, match="`count` must be an integer of at least 3, got"):
            as_count(value, "count", 3)
    check_type(3, "count", int)
    with pytest.raises(ValueError, match="`count` must be of type int, got str"):
        check_type("3", "count", int)
