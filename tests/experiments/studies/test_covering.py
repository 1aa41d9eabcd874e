import numpy as np
import pytest

from experiments.data import labelled
from experiments.runs.units import Done
from experiments.studies import covering
from experiments.studies.covering import experiment, methods
from tests.experiments.tiny import run


@pytest.mark.deep  # another model to compile, and forests
def test_from_data_to_page(tmp_path, capsys):
    sizes = "--data digits --models vae --numbers 2 5 --num-epochs 2 --num-samples 300"
    more = "--num-starts 2 --num-trees 5 --num-latents 3 --seeds 2"
    _, html = run(capsys, "covering", f"{sizes} {more}", tmp_path)
    for method in methods.METHODS:
        assert f"<td>{method}</td>" in html


def test_data_that_are_not_here_are_left_out_and_named(monkeypatch):
    monkeypatch.setattr(labelled, "find_spec", lambda name: None)
    config = covering.Config(data=("blood", "digits"), models=("vae",))
    assert [task.data for task in config.tasks()] == ["digits"]
    section = covering.summarize(config, made([0.1, 0.2])[1])
    assert "Not run: blood: scanpy is not installed" in section.introduction
    with pytest.raises(ValueError, match="`data` must hold data that are here, got blood: scanpy"):
        covering.Config(data=("blood",))


def test_all_neighbours_are_kept_by_all_features_and_few_by_none(rng):
    x = rng.integers(2, size=(60, 12)).astype(np.int8)
    every = np.arange(12)
    # Ties make even all features uncertain, but never worse than a part of them.
    whole, part = experiment.neighbours_kept(x, every), experiment.neighbours_kept(x, every[:3])
    assert 0.5 < whole <= 1
    assert part < whole
    constant = np.column_stack([x, np.zeros(60, np.int8)])
    # Without any information all others are neighbours with equal probability.
    np.testing.assert_allclose(experiment.neighbours_kept(constant, np.array([12])), 15 / 59)


def test_distinct_neighbours_are_all_kept():
    x = np.tril(np.ones((40, 40), np.int8))  # sample k is k + 1 ones: distances are |i - k|
    x = np.repeat(x, 2, axis=1)
    kept = experiment.neighbours_kept(x, np.arange(80))
    assert kept > 0.9  # at equal distances on both sides, one place may be tied


def test_joint_states_number_the_states_by_frequency(rng):
    u = np.array([[0, 1]] * 5 + [[1, 1]] * 9 + [[0, 0]] * 2)
    assert methods.joint_states(u).ravel().tolist() == [1] * 5 + [0] * 9 + [2] * 2
    many = rng.integers(2, size=(5000, 10))
    assert methods.joint_states(many).max() == 126


def made(leads, model="vae"):
    """Results in which the recommended rule is ahead of Eq. 1 by `leads`, one for each seed."""
    config = covering.Config(data=("digits",), models=(model,))
    (task,) = config.tasks()
    results = []
    for lead in leads:
        accuracy = np.full((len(methods.METHODS), 3), 0.5)
        accuracy[methods.METHODS.index(methods.RECOMMENDED)] += lead
        results.append(
            experiment.Result(
                accuracy,
                accuracy[:, 0],
                accuracy[:, 0],
                np.zeros((len(accuracy), 20), np.int64),
                np.ones(2),
            )
        )
    return config, [Done(task, seed, result, {}) for seed, result in enumerate(results)]


@pytest.mark.parametrize(
    ("leads", "verdicts"),
    [
        ([0.1, 0.11, 0.12], ["reproduced"] * 4),
        ([0.0, 0.0, 0.0], ["partly", "partly", "reproduced", "reproduced"]),
        ([-0.1, -0.11, -0.12], ["not reproduced"] * 4),
        ([0.1], ["not measured"] * 3 + ["reproduced"]),
    ],
)
def test_verdicts_follow_leads_and_their_errors(leads, verdicts):
    config, done = made(leads)
    section = covering.summarize(config, done)
    assert [statement.verdict for statement in section.statements] == verdicts


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"data": ()}, "`data` must hold at least one data set, got none"),
        ({"data": ("mice",)}, "`data` must be of .*got 'mice'"),
        ({"numbers": (10, 4)}, "`numbers` must be rising"),
        ({"numbers": ()}, "`numbers` must be rising, at least one"),
        ({"num_starts": 0}, "`num_starts` must be at least 1, got 0"),
    ],
)
def test_bad_settings_get_one_sentence(settings, message):
    with pytest.raises(ValueError, match=message):
        covering.Config(**settings)
