import json
from dataclasses import dataclass
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest

from experiments.runs import load, run_seeds, save


@dataclass(frozen=True)
class Config:
    size: int = 3


class Result(NamedTuple):
    values: np.ndarray
    names: np.ndarray


@pytest.fixture
def study():
    """A study that counts how often it computes."""
    computed = []

    def compute(config, seed, track):
        computed.append(seed)
        if seed == 13:
            raise KeyboardInterrupt
        values = np.array([seed * i for i in track(range(config.size), config.size)])
        return Result(values, np.array(["a", "b"]))

    return SimpleNamespace(Config=Config, Result=Result, compute=compute, computed=computed)


def test_a_damaged_result_is_told_in_one_sentence(study, tmp_path):
    run_seeds("name", study, Config(), [3], tmp_path)
    (path,) = tmp_path.rglob("seed-3.npz")
    for content in (b"", path.read_bytes()[:100]):
        path.write_bytes(content)
        with pytest.raises(OSError, match=r"seed-3.npz is damaged: remove it to compute"):
            run_seeds("name", study, Config(), [3], tmp_path)


def files_in(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_what_is_there_is_not_computed_again(study, tmp_path):
    first = run_seeds("toy", study, Config(), range(3), tmp_path)
    again = run_seeds("toy", study, Config(), range(4), tmp_path)
    assert study.computed == [0, 1, 2, 3]
    for a, b in zip(first, again, strict=False):
        np.testing.assert_array_equal(a.result.values, b.result.values)
        assert a.provenance == b.provenance
    run_seeds("toy", study, Config(), range(2), tmp_path, force=True)
    assert study.computed == [0, 1, 2, 3, 0, 1]


def test_other_settings_do_not_mix(study, tmp_path):
    run_seeds("toy", study, Config(3), [1], tmp_path)
    (other,) = run_seeds("toy", study, Config(5), [1], tmp_path)
    assert len(other.result.values) == 5
    assert study.computed == [1, 1]


def test_an_interrupted_run_keeps_what_is_finished(study, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run_seeds("toy", study, Config(), [12, 13], tmp_path)
    assert files_in(tmp_path) == ["seed-12.npz"]
    run_seeds("toy", study, Config(), [12], tmp_path)
    assert study.computed == [12, 13]


def test_a_result_says_where_it_comes_from(study, tmp_path):
    (unit,) = run_seeds("toy", study, Config(), [4], tmp_path)
    assert unit.provenance["study"] == "toy"
    assert unit.provenance["settings"] == {"size": 3}
    assert unit.provenance["seed"] == 4
    assert {"python", "jax", "numpy", "loglin"} <= set(unit.provenance["versions"])
    assert unit.provenance["revision"]
    assert unit.provenance["seconds"] >= 0


def test_nothing_is_half_written(tmp_path):
    path = tmp_path / "unit.npz"
    broken = Result(np.zeros(2), np.array([object()]))
    save(path, Result(np.ones(2), np.array(["a"])), {})
    before = path.read_bytes()
    with pytest.raises(ValueError, match="allow_pickle"):
        save(path, broken, {})
    assert path.read_bytes() == before
    assert files_in(tmp_path) == ["unit.npz"]


def test_files_hold_no_pickles(tmp_path):
    path = tmp_path / "unit.npz"
    np.savez(path, provenance=json.dumps({}), values=np.zeros(1), names=np.array([{}], object))
    with pytest.raises(OSError, match="unit.npz is damaged"):
        load(path, Result)
