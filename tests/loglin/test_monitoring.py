import numpy as np
import pytest

from loglin import dichotomize, follow, frequent_patterns, latent_codes, select_features

EPOCHS = (0, 5, 20)


@pytest.fixture
def stream(rng):
    """Samples whose first three features follow their latents more and more."""
    entries = []
    for epoch in EPOCHS:
        u = rng.normal(size=(300, 3))
        x = rng.integers(2, size=(300, 6))
        follows = rng.random((300, 3)) < epoch / 25
        x[:, :3] = np.where(follows, u > 0, x[:, :3])
        entries.append((epoch, x, u))
    return entries


def assert_same(ours, expected):
    """Compare named tuples, field by field."""
    assert type(ours) is type(expected)
    for name, value in expected._asdict().items():
        if isinstance(value, tuple):
            assert_same(getattr(ours, name), value)
        elif value is None:
            assert getattr(ours, name) is None
        else:
            np.testing.assert_array_equal(getattr(ours, name), value, err_msg=name)


@pytest.mark.parametrize("settings", [{}, {"null_model": "conditional", "start": "best-pair"}])
def test_following_is_selecting_and_counting_at_each_epoch(stream, settings):
    found = list(follow(stream, 3, num_patterns=4, **settings))
    assert [point.epoch for point in found] == list(EPOCHS)
    for point, (_, x, u) in zip(found, stream, strict=True):
        selection = select_features(x, dichotomize(u), 3, **settings)
        assert_same(point.selection, selection)
        assert_same(point.patterns, frequent_patterns(x, selection.features, 4))
    # What was built in is found at the end.
    assert set(found[-1].selection.features) == {0, 1, 2}


def test_codes_of_latents_are_taken_as_they_are(stream):
    codes = [(epoch, x, (3 * (u > 1) + (u > 0)) // 2) for epoch, x, u in stream]
    for point, (_, x, u) in zip(follow(codes, 2), codes, strict=True):
        assert u.max() == 2
        assert_same(point.selection, select_features(x, u, 2))


def test_without_latents_features_are_associated_with_each_other(stream):
    alone = [(epoch, x, None) for epoch, x, _ in stream]
    for point, (_, x, _) in zip(follow(alone, 3), alone, strict=True):
        assert_same(point.selection, select_features(x, None, 3))
        assert point.selection.latents.tolist() == [-1, -1, -1]


def test_one_generator_draws_the_shuffles_of_all_epochs(stream):
    found = follow(stream, 2, num_shuffles=5, rng=np.random.default_rng(4))
    rng = np.random.default_rng(4)
    for point, (_, x, u) in zip(found, stream, strict=True):
        assert_same(
            point.selection, select_features(x, latent_codes(u), 2, num_shuffles=5, rng=rng)
        )


def test_with_a_generator_for_each_epoch_it_does_not_matter_which_others_there_are(stream):
    def rng_of(epoch):
        return np.random.default_rng([7, epoch])

    everything = list(follow(stream, 2, num_shuffles=5, rng=rng_of))
    (last,) = follow(stream[-1:], 2, num_shuffles=5, rng=rng_of)
    assert_same(last, everything[-1])
    first, again = follow([stream[0], stream[0]], 2, num_shuffles=5, rng=rng_of)
    assert_same(first, again)
    other = follow([(1, *stream[0][1:])], 2, num_shuffles=5, rng=rng_of)
    assert (next(other).selection.chance.mean != first.selection.chance.mean).any()


def test_each_entry_is_looked_at_as_it_comes(stream):
    taken = []

    def entries():
        for entry in stream:
            taken.append(entry[0])
            yield entry

    points = follow(entries(), 2)
    assert taken == []
    assert next(points).epoch == 0
    assert taken == [0]


x_ok, u_ok = np.eye(4, dtype=int), np.eye(4)[:, :2]


def test_codes_stored_as_floats_are_no_values_to_be_cut(stream):
    ours = list(follow([(e, x, latent_codes(u).astype(float)) for e, x, u in stream], 2))
    for checkpoint, (_, x, u) in zip(ours, stream, strict=True):
        expected = select_features(x, latent_codes(u), 2)
        np.testing.assert_array_equal(checkpoint.selection.gains, expected.gains)


def test_where_nothing_is_selected_there_are_no_patterns(rng):
    x, u = rng.integers(2, size=(200, 3)), rng.integers(2, size=(200, 1))
    settings = {"num_shuffles": 19, "stop": "chance", "rng": np.random.default_rng(0)}
    (checkpoint,) = follow([(0, x, u)], 2, **settings)
    assert checkpoint.selection.features.size == 0
    assert len(checkpoint.patterns.states) == len(checkpoint.patterns.counts) == 0


@pytest.mark.parametrize(
    ("stream", "arguments", "message"),
    [
        (5, {}, r"`stream` must be an iterable of \(epoch, x, u\), got 5"),
        ([5], {}, r"`stream` must give triples \(epoch, x, u\), got a int"),
        ([(0, x_ok)], {}, r"`stream` must give triples \(epoch, x, u\), got a tuple"),
        ([x_ok], {}, r"`stream` must give triples \(epoch, x, u\), got a ndarray"),
        ([(0, x_ok + 0.5, u_ok)], {}, "`x` must hold whole numbers 0..L-1, got 1.5"),
        ([(0, x_ok, u_ok[:3])], {}, "`u` must have as many rows as `x`: expected 4, got 3"),
        ([(0, x_ok, u_ok[0])], {}, r"`u` must have two dimensions.*got shape \(2,\)"),
        ([(0, x_ok, u_ok * np.nan)], {}, "`u` must be finite.*got nan"),
        ([(0, x_ok, u_ok)], {"num_features": 5}, "`num_features` must be from 1 to 4, got 5"),
        ([(0, x_ok, u_ok)], {"num_patterns": 0}, "`num_patterns` must be at least 1, got 0"),
        ([(0, x_ok, u_ok)], {"num_shuffles": 3}, "`rng` must be a numpy Generator to draw the"),
        ([(0, x_ok, u_ok)], {"empty": -1}, "`empty` must be between 0 and 1000000.0, got"),
    ],
)
def test_bad_input_gets_one_sentence(stream, arguments, message):
    with pytest.raises(ValueError, match=message):
        list(follow(stream, **({"num_features": 2} | arguments)))
