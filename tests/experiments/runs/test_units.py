import numpy as np
import pytest

from experiments.runs.units import run_units
from experiments.studies.catalogue import STUDIES
from tests.experiments.runs.counted import COUNTED, files_in, units
from tests.experiments.runs.toy_study import Settings


def test_what_is_there_is_not_computed_again(tmp_path):
    first, _ = run_units(units(range(3)), tmp_path)
    again, _ = run_units(units(range(4)), tmp_path)
    assert COUNTED == [0, 1, 2, 3]
    for a, b in zip(first, again, strict=False):
        np.testing.assert_array_equal(a.result.values, b.result.values)
        assert a.provenance == b.provenance
    run_units(units(range(2)), tmp_path, force=True)
    assert COUNTED == [0, 1, 2, 3, 0, 1]


def test_other_settings_do_not_mix(tmp_path):
    run_units(units([1]), tmp_path)
    ((other,), _) = run_units(units([1], Settings(5)), tmp_path)
    assert len(other.result.values) == 5
    assert COUNTED == [1, 1]


def test_an_interrupted_run_keeps_what_is_finished(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run_units(units([12, 13]), tmp_path)
    assert files_in(tmp_path) == ["seed-12.npz"]
    run_units(units([12]), tmp_path)
    assert COUNTED == [12, 13]


def test_a_unit_that_fails_is_listed_and_the_others_finish(tmp_path):
    done, failed = run_units(units([14, 1, 15]), tmp_path)
    assert [unit.seed for unit in done] == [1]
    assert [failure.unit.seed for failure in failed] == [14, 15]
    assert failed[0].reason.startswith("training diverged before its first epoch")
    assert failed[1].reason == "ZeroDivisionError: a bug"
    assert "in counted" in failed[1].details
    assert files_in(tmp_path) == ["seed-1.npz"]


def test_a_result_says_where_it_comes_from(tmp_path):
    ((unit,), _) = run_units(units([4]), tmp_path)
    assert unit.provenance["study"] == "counted"
    assert unit.provenance["settings"] == {"size": 3, "pause": 0.0}
    assert unit.provenance["seed"] == 4
    assert {"python", "jax", "numpy", "loglin"} <= set(unit.provenance["versions"])
    assert unit.provenance["revision"]
    assert unit.provenance["seconds"] >= 0


def test_a_unit_is_named_after_its_module_or_the_folder_of_its_study():
    assert [unit.name for unit in units([1])] == ["counted"]
    for study, name in (("pattern-map", "pattern-map"), ("cortex-selection", "cortex-models")):
        found = STUDIES[study]
        assert found.module.units(found.small, [0])[0].name == name
