import numpy as np
import pytest

from experiments.data import labelled
from experiments.data.labelled import load_labelled, why_missing


def assert_codes(x, labels):
    assert set(np.unique(x)) == {0, 1}
    share = x.mean(axis=0)
    assert ((share > 0.01) & (share < 0.99)).all()
    assert len(x) == len(labels)


def test_digits_are_pixels_on_or_off():
    x, labels = load_labelled("digits")
    assert_codes(x, labels)
    assert len(np.unique(labels)) == 10


@pytest.mark.usefixtures("cortex_data")
def test_small_types_of_cortex_cells_are_left_out():
    x, labels = load_labelled("cortex")
    assert_codes(x, labels)
    assert np.bincount(labels).min() >= labelled.SMALLEST_CLASS


def test_blood_cells_are_those_of_scanpy():
    if (reason := why_missing("blood")) is not None:
        pytest.skip(reason)
    x, labels = load_labelled("blood")
    assert_codes(x, labels)
    assert x.shape == (700, 200)
    assert len(np.unique(labels)) == 10


def test_what_is_missing_is_said(monkeypatch):
    monkeypatch.setattr(labelled, "find_spec", lambda name: None)
    assert why_missing("blood").startswith("scanpy is not installed")
    assert why_missing("digits") is None
