import pytest

from experiments.runs.options import MAX_SEED, Options


def test_seeds_are_those_of_the_study_unless_asked_otherwise():
    assert list(Options().seed_range(3)) == [0, 1, 2]
    assert list(Options(seed=5, seeds=2).seed_range(3)) == [5, 6]
    assert Options(seed=MAX_SEED).seed_range(1)[-1] == MAX_SEED


def test_seeds_beyond_those_of_jax_are_refused():
    with pytest.raises(ValueError, match="`seed` must leave room for 2 seeds up to 4294967295"):
        Options(seed=MAX_SEED).seed_range(2)
