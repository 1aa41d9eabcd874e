"""Models of one's own cells: reproducible, ended by held-out cells, learning what is there."""

from dataclasses import replace

import numpy as np
import pytest

from experiments.explore.training import (
    EVERY,
    LONGER,
    Task,
    batch_size,
    compute,
    compute_permuted,
    num_epochs,
    permuted,
    store_codes,
)
from loglin import COVERING, select_features


def made_codes(num_cells=200):
    """Return features in three groups, each of which follows one property of the cells."""
    rng = np.random.default_rng(0)
    properties = rng.integers(2, size=(num_cells, 3))
    wrong = rng.random((num_cells, 9)) < 0.05
    return (np.repeat(properties, 3, axis=1) ^ wrong).astype(np.int8)


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    folder = tmp_path_factory.mktemp("codes")
    return Task(
        str(folder), store_codes(made_codes(), folder), "vae", latents=3, pretraining=100,
        max_epochs=40, patience=5, num_samples=2000, batch_size=10, learning_rate=0.01,
    )  # fmt: skip


@pytest.fixture(scope="module")
def start(task):
    return compute(task, seed=1)


def test_codes_are_stored_once_under_their_content(tmp_path):
    codes = made_codes()
    folder = tmp_path / "folder"
    name = store_codes(codes, folder)
    (folder / name).write_bytes(b"damaged")
    assert store_codes(codes.copy(order="F"), folder) == name
    assert store_codes(1 - codes, folder) != name
    with np.load(folder / name) as file:
        np.testing.assert_array_equal(file["x"], codes)


def test_fewer_cells_get_more_epochs():
    assert [num_epochs(1000, n) for n in (5, 200, 1005, 10**4, 10**5)] == [1000, 50, 10, 1, 1]


def test_cells_of_a_step_grow_with_the_data():
    assert [batch_size(n) for n in (5, 50, 10_000, 25_000, 10**6)] == [5, 10, 10, 25, 100]


def test_a_start_has_its_synthetic_cells_and_its_course(start, task):
    assert start.x.shape == (2000, 9)
    assert start.u.shape == (2000, 3)
    assert set(np.unique(start.x)) == set(np.unique(start.u)) == {0, 1}
    assert start.epochs.tolist() == list(range(len(start.epochs)))
    assert len(start.training) == len(start.held_out) == len(start.epochs)
    assert start.held_out[-1] > start.held_out[0] + 1


def test_held_out_cells_tell_whether_features_depend_on_each_other(start, task, tmp_path):
    rng = np.random.default_rng(1)
    assert start.advantage.shape == (20,)
    assert start.advantage.mean() > 1
    # Fair coins have log(2) each, but for how often they are on by chance.
    codes = rng.integers(2, size=(200, 9)).astype(np.int8)
    name = store_codes(codes, tmp_path)
    nothing = compute(replace(task, folder=str(tmp_path), codes=name), seed=1)
    best = nothing.held_out.max()
    assert best - nothing.advantage.mean() == pytest.approx(-9 * np.log(2), abs=0.2)
    assert nothing.advantage.mean() < 2 * nothing.advantage.std() / np.sqrt(20)


def test_training_goes_on_for_longer_than_the_bound_asks(start, task):
    # The best epoch is known once the patience has run out; training ends at LONGER times it.
    best = int(start.held_out.argmax())
    assert int(start.chosen) == start.epochs[-1]
    first = min(task.max_epochs, max(LONGER * best, best + task.patience))
    assert start.chosen <= task.max_epochs
    assert start.chosen == first or start.held_out[: first // LONGER + 1].argmax() < best


def test_it_ends_when_the_epochs_do(task):
    short = compute(replace(task, max_epochs=3), seed=1)
    assert short.epochs.tolist() == [0, 1, 2, 3]
    assert short.chosen == 3


def test_the_same_seed_gives_the_same_and_another_seed_another(start, task):
    again, other = compute(task, seed=1), compute(task, seed=2)
    for first, second in zip(start, again, strict=True):
        np.testing.assert_array_equal(first, second)
    assert (start.x != other.x).any()
    assert start.held_out[0] != other.held_out[0]


def test_the_model_learns_the_groups(start):
    selection = select_features(start.x, start.u, 3, **COVERING)
    assert sorted(selection.features // 3) == [0, 1, 2]


def test_permuted_features_have_nothing_to_find(start, task):
    settings = permuted(replace(task, max_epochs=10), 3, starts=1, first_seed=0)
    found, other = (compute_permuted(settings, seed) for seed in (1, 2))
    real = select_features(start.x, start.u, 3, **COVERING).gains
    assert found.gains.shape == (3,)
    assert (found.gains != other.gains).any()
    assert found.gains[0] < real[0] / 3


@pytest.mark.deep
def test_a_model_of_more_levels(tmp_path, task):
    codes = made_codes()
    codes[:, 0] += codes[:, 1]
    name = store_codes(codes, tmp_path)
    start = compute(replace(task, folder=str(tmp_path), codes=name, max_epochs=5), seed=0)
    assert start.x.max(axis=0).tolist() == [2] + [1] * 8


@pytest.mark.deep
def test_a_dbm_is_pretrained_and_then_watched(task):
    settings = replace(task, model="dbm", pretraining=300, max_epochs=100)
    start = compute(settings, seed=0)
    assert start.epochs[0] == settings.pretraining
    assert set(np.diff(start.epochs)) == {EVERY["dbm"]}
    assert set(np.unique(start.u)) <= {0, 1}
    # The synthetic cells have the groups of the real ones, and the latents know of them.
    same_group = np.arange(9)[:, None] // 3 == np.arange(9) // 3
    correlations = np.corrcoef(start.x.T)
    assert correlations[same_group].min() > 0.4
    assert np.abs(correlations[~same_group]).max() < 0.35
    selection = select_features(start.x, start.u, 3, **COVERING)
    assert (selection.gains > 20 * selection.chance.sd).all()
