import json

import numpy as np
import pytest

from experiments.runs.results import load, save
from experiments.runs.units import Unit, run_units
from tests.experiments.runs.counted import Pair, files_in, units
from tests.experiments.runs.toy_study import Settings, Toy, compute


def test_a_damaged_result_is_told_in_one_sentence(tmp_path):
    run_units(units([3]), tmp_path)
    (path,) = tmp_path.rglob("seed-3.npz")
    for content in (b"", path.read_bytes()[:100]):
        path.write_bytes(content)
        with pytest.raises(OSError, match=r"seed-3.npz is damaged: remove it to compute"):
            run_units(units([3]), tmp_path)


def test_nothing_is_half_written(tmp_path):
    path = tmp_path / "unit.npz"
    broken = Pair(np.zeros(2), np.array([object()]))
    save(path, Pair(np.ones(2), np.array(["a"])), {})
    before = path.read_bytes()
    with pytest.raises(ValueError, match="allow_pickle"):
        save(path, broken, {})
    assert path.read_bytes() == before
    assert files_in(tmp_path) == ["unit.npz"]


def test_files_hold_no_pickles(tmp_path):
    path = tmp_path / "unit.npz"
    np.savez(path, provenance=json.dumps({}), values=np.zeros(1), names=np.array([{}], object))
    with pytest.raises(OSError, match="unit.npz is damaged"):
        load(path, Pair)


def test_results_within_results_are_kept(tmp_path):
    unit = Unit(compute, Settings(3), 1)
    ((done,), _) = run_units([unit], tmp_path)
    expected = compute(unit.settings, 1)
    assert type(done.result) is Toy
    np.testing.assert_array_equal(done.result.inner.draws, expected.inner.draws)
