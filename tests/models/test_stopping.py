import jax
import numpy as np
import pytest

from models import GenerativeModel, snapshots, stop_early, vae
from tests.models import toy

MODEL = GenerativeModel(init=None, epoch=None, sample=None)
HELD_OUT = np.zeros((2, 3), np.int8)


def stream_of(scores, read=None):
    """Snapshots at epochs 0, 5, 10, ... whose states are their scores."""
    for number, score in enumerate(scores):
        if read is not None:
            read.append(5 * number)
        yield 5 * number, score, None


def by_state(key, model, state, held_out):
    return state


def stop(scores, **arguments):
    settings = {"key": jax.random.key(0), "model": MODEL, "stream": stream_of(scores),
                "held_out": HELD_OUT, "criterion": by_state} | arguments  # fmt: skip
    return stop_early(**settings)


def test_training_ends_when_patience_runs_out():
    read = []
    scores = [1.0, 3.0, 2.0, 2.5, 9.0]
    found = stop(None, stream=stream_of(scores, read), patience=2)
    assert (found.state, found.epoch, found.ran_out) == (3.0, 5, True)
    assert found.epochs.tolist() == read == [0, 5, 10, 15]  # the fifth is never trained
    assert found.scores.tolist() == scores[:4]


def test_ten_snapshots_are_waited_for_by_default():
    read = []
    stop(None, stream=stream_of([1.0] * 20, read))
    assert len(read) == 1 + 10


def test_without_running_out_the_best_of_all_is_returned():
    found = stop([1.0, 3.0, 2.0, 2.5, 9.0, 4.0], patience=3)
    assert (found.state, found.epoch, found.ran_out) == (9.0, 20, False)


def test_of_equal_snapshots_the_first_is_best():
    found = stop([2.0, 2.0, 2.0], patience=2)
    assert (found.epoch, found.ran_out) == (0, True)


@pytest.mark.deep  # a training of 40 epochs to compile
def test_by_default_the_bound_on_held_out_data_decides():
    model = vae(toy.VAE)
    stream = list(snapshots(jax.random.key(0), model, toy.MIXED, [0, 40]))
    found = stop_early(jax.random.key(1), model, iter(stream), toy.MIXED[:20])
    expected = [
        model.bound(jax.random.fold_in(jax.random.key(1), epoch), state, toy.MIXED[:20]).mean()
        for epoch, state, _ in stream
    ]
    np.testing.assert_allclose(found.scores, expected, rtol=1e-6)
    assert found.epoch == 40


def test_each_epoch_has_a_key_of_its_own():
    keys = []

    def remember(key, model, state, held_out):
        keys.append(tuple(np.asarray(jax.random.key_data(key)).tolist()))
        return state

    stop([1.0, 2.0, 3.0], criterion=remember)
    assert len(set(keys)) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"patience": 0}, "`patience` must be an integer of at least 1, got 0"),
        ({"stream": iter([])}, "`stream` must have at least one snapshot, got none"),
        ({"stream": 3}, "`stream` must be an iterable of"),
        ({"criterion": "bound"}, "`criterion` must be a function, got 'bound'"),
        ({"criterion": lambda *_: np.nan}, "`criterion` must give a number, got nan at epoch 0"),
        ({"model": 3}, "`model` must be of type GenerativeModel"),
        (
            {"criterion": lambda *_: np.zeros(3)},
            r"`criterion` must give a number, got shape \(3,\)",
        ),
        ({"criterion": lambda *_: None}, "`criterion` must give a number, got None at epoch 0"),
        ({"stream": iter([(0, 1.0)])}, "`stream` must give triples .* got a tuple"),
        ({"stream": iter([(-1, 1.0, None)])}, "`stream` must be an integer of at least 0, got -1"),
        (
            {"model": vae(toy.VAE), "held_out": [[0, 0, 3]]},
            "`held_out` must be like the training data: `x` must hold codes below 3 in column 2",
        ),
        (
            {"model": vae(toy.VAE), "held_out": [[0, 0]]},
            "`held_out` must be like the training data",
        ),
        ({"held_out": [[0.5]]}, "`held_out` must"),
    ],
)
def test_bad_settings_get_one_sentence(arguments, message):
    with pytest.raises(ValueError, match=message):
        stop([1.0], **arguments)


def test_a_model_without_a_bound_needs_a_criterion():
    with pytest.raises(ValueError, match="`criterion` must be given for a model without a `bound`"):
        stop_early(jax.random.key(0), MODEL, stream_of([1.0]), HELD_OUT)
