"""What must not matter does not, in selection and patterns: order, labels, types, strides.

The same for models of one table is in `hierarchical/test_fitting.py`.
"""

from typing import NamedTuple

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from loglin import (
    COVERING,
    contingency_table,
    frequent_patterns,
    pattern_distances,
    select_features,
    stand_ins,
)
from loglin.selection.coverage import pattern_information
from loglin.selection.scoring import rounding
from tests.depth import usual_or_deep
from tests.loglin.selection.samples import rngs

RULES = {
    "Eq. 1": {},
    "summed": {"across": "sum"},
    "conditional": {"null_model": "conditional"},
    "plain": {"empty": 0.0},
    "covering": COVERING,
    "stops": {**COVERING, "stop": "chance"},
}
STEPS = 3
often = settings(deadline=None, max_examples=usual_or_deep(20, 100))


class Given(NamedTuple):
    x: np.ndarray
    u: np.ndarray
    levels: list
    latent_levels: list

    def select(self, rule, num_features=STEPS):
        return select_features(
            self.x, self.u, num_features, levels=self.levels, latent_levels=self.latent_levels,
            **RULES[rule],
        )  # fmt: skip


@st.composite
def samples(draw):
    """Few samples of variables with 2 to 5 levels, so that tables are sparse and ties occur."""
    rng = draw(rngs)
    levels, latent_levels = rng.integers(2, 6, size=5), rng.integers(2, 4, size=2)
    if draw(st.booleans()):  # binary samples take another way through the kernels
        levels, latent_levels = np.full(5, 2), np.full(2, 2)
    n = draw(st.integers(10, 150))
    x, u = rng.integers(levels, size=(n, 5)), rng.integers(latent_levels, size=(n, 2))
    follows = rng.random((n, 1)) < 0.7
    x[:, :2] = np.where(follows, u % levels[:2], x[:, :2])
    return Given(x, u, levels.tolist(), latent_levels.tolist())


rules = st.sampled_from(sorted(RULES))


def assert_close(ours, expected, num_samples):
    np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-9 * num_samples)


def assert_same_path(ours, expected, num_samples):
    """Compare selections of the same columns: ties go to the lowest column in both."""
    assert ours.features.tolist() == expected.features.tolist()
    for name in ("gains", "scores", "feature_gains", "latent_gains", "df"):
        assert_close(getattr(ours, name), getattr(expected, name), num_samples)


def gains_of(selection, step, rule):
    scores = selection.scores[step]
    return scores.sum(axis=0) if RULES[rule].get("across") == "sum" else scores.max(axis=0)


def is_tied(gains, num_samples):
    best, second = np.sort(gains[np.isfinite(gains)])[::-1][:2]
    return best - second <= 3 * rounding(best, num_samples)


@often
@given(samples(), rules, rngs)
def test_order_of_samples_does_not_matter(drawn, rule, rng):
    order = rng.permutation(len(drawn.x))
    ours = drawn.select(rule)
    assert_same_path(drawn._replace(x=drawn.x[order], u=drawn.u[order]).select(rule), ours, 150)


@often
@given(samples(), rules, rngs)
def test_names_of_levels_do_not_matter(drawn, rule, rng):
    def relabelled(codes, levels):
        columns = zip(codes.T, levels, strict=True)
        return np.column_stack([rng.permutation(level)[column] for column, level in columns])

    other = drawn._replace(
        x=relabelled(drawn.x, drawn.levels), u=relabelled(drawn.u, drawn.latent_levels)
    )
    assert_same_path(other.select(rule), drawn.select(rule), 150)


@often
@given(samples(), rules, rngs)
def test_order_of_features_and_latents_permutes_the_scores(drawn, rule, rng):
    features, latents = rng.permutation(5), rng.permutation(2)
    ours = drawn.select(rule)
    turned = Given(
        drawn.x[:, features],
        drawn.u[:, latents],
        [drawn.levels[k] for k in features],
        [drawn.latent_levels[k] for k in latents],
    ).select(rule)
    for step, scores in enumerate(turned.scores):
        # A tie goes to another feature; from there on the paths may differ.
        assert step < len(ours.features)
        assert_close(scores, ours.scores[step][np.ix_(latents, features)], 150)
        if is_tied(gains_of(ours, step, rule), len(drawn.x)):
            return
        assert features[turned.features[step]] == ours.features[step]
        assert_close(turned.gains[step], ours.gains[step], 150)
    assert len(turned.features) == len(ours.features)


@often
@given(samples(), st.sampled_from([{"empty": 0.0}, {"null_model": "conditional", "empty": 0.0}]))
def test_every_sample_twice_doubles_the_gains(drawn, rule):
    x, u, levels, latent_levels = drawn
    given = {"levels": levels, "latent_levels": latent_levels, **rule}
    ours = select_features(x, u, STEPS, **given)
    twice = select_features(np.tile(x, (2, 1)), np.tile(u, (2, 1)), STEPS, **given)
    assert twice.features.tolist() == ours.features.tolist()
    assert twice.df.tolist() == ours.df.tolist()
    for name in ("gains", "scores", "feature_gains", "latent_gains"):
        assert_close(getattr(twice, name), 2 * getattr(ours, name), 300)


@often
@given(samples(), samples(), rules)
def test_two_sources_together_are_two_chunks(one, two, rule):
    levels = np.maximum(one.levels, two.levels).tolist()
    latent_levels = np.maximum(one.latent_levels, two.latent_levels).tolist()
    together = Given(
        np.concatenate([one.x, two.x]), np.concatenate([one.u, two.u]), levels, latent_levels
    )
    in_chunks = select_features(
        [(one.x, one.u), (two.x, two.u)], None, STEPS, levels=levels, latent_levels=latent_levels,
        **RULES[rule],
    )  # fmt: skip
    assert_same_path(in_chunks, together.select(rule), 300)


FORMS = {
    "Fortran": np.asfortranarray,
    "reversed": lambda a: np.ascontiguousarray(a[::-1, ::-1])[::-1, ::-1],
    "every other": lambda a: np.repeat(np.repeat(a, 2, axis=0), 2, axis=1)[::2, ::2],
    "read only": lambda a: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape),
    "big endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "list": np.ndarray.tolist,
}
TYPES = [bool, *"bBhHiIlLqQ", np.float32, np.float64]


@often
@given(samples(), rules, st.sampled_from(TYPES), st.sampled_from(sorted(FORMS)))
def test_codes_of_any_type_order_and_stride_have_the_same_bits(drawn, rule, dtype, form):
    if dtype is bool:
        drawn = Given(drawn.x % 2, drawn.u % 2, [2] * 5, [2] * 2)
    x, u = (FORMS[form](codes.astype(dtype)) for codes in (drawn.x, drawn.u))
    plain, other = drawn.select(rule), drawn._replace(x=x, u=u).select(rule)
    for name in ("features", "latents", "gains", "scores", "feature_gains", "latent_gains", "df"):
        np.testing.assert_array_equal(getattr(other, name), getattr(plain, name))
    np.testing.assert_array_equal(other.chance, plain.chance)

    expected = frequent_patterns(drawn.x, [3, 0, 1], 4)
    found = frequent_patterns(x, [3, 0, 1], 4)
    np.testing.assert_array_equal(found.states, expected.states)
    np.testing.assert_array_equal(found.counts, expected.counts)
    for corrected in (False, True):
        np.testing.assert_array_equal(
            pattern_distances(x, u, [3, 0, 1], found.states, corrected=corrected),
            pattern_distances(drawn.x, drawn.u, [3, 0, 1], expected.states, corrected=corrected),
        )
    np.testing.assert_array_equal(contingency_table(x), contingency_table(drawn.x))
    for ours, theirs in zip(
        stand_ins(x, u, [1, 0])[:5], stand_ins(drawn.x, drawn.u, [1, 0])[:5], strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


@often
@given(samples(), rngs)
def test_patterns_and_their_distances_do_not_depend_on_order_and_labels(drawn, rng):
    x, u, levels, latent_levels = drawn
    chosen = rng.permutation(5)[:3].tolist()
    patterns = frequent_patterns(x, chosen, 10_000)
    table = contingency_table(x[:, chosen])
    assert patterns.counts.tolist() == [table[tuple(state)] for state in patterns.states]
    assert patterns.counts.sum() == len(x)

    rows, latents = rng.permutation(len(x)), rng.permutation(2)
    marks = [rng.permutation(level) for level in levels]
    other_x = np.column_stack([mark[column] for mark, column in zip(marks, x.T, strict=True)])[rows]
    other_u = np.column_stack([rng.permutation(latent_levels[k])[u[:, k]] for k in latents])[rows]
    other = frequent_patterns(other_x, chosen, 10_000)

    def relabelled(states):
        return np.column_stack([marks[k][states[:, i]] for i, k in enumerate(chosen)])

    def as_dict(states, counts):
        return dict(zip(map(tuple, states.tolist()), counts.tolist(), strict=True))

    assert as_dict(other.states, other.counts) == as_dict(
        relabelled(patterns.states), patterns.counts
    )
    states = rng.permutation(patterns.states)[:6]
    for corrected in (False, True):
        np.testing.assert_allclose(
            pattern_distances(other_x, other_u, chosen, relabelled(states), corrected=corrected),
            pattern_distances(x, u, chosen, states, corrected=corrected),
            atol=1e-7,  # a root of what is zero up to rounding
        )
    information, entropy = pattern_information(x.astype(np.int8), u.astype(np.int8), chosen)
    other_information, other_entropy = pattern_information(
        other_x.astype(np.int8), other_u.astype(np.int8), chosen
    )
    np.testing.assert_allclose(other_entropy, entropy[latents], atol=1e-12)
    np.testing.assert_allclose(other_information, information[:, latents], atol=1e-9)


def test_a_feature_that_is_a_latent_has_the_entropy_of_the_latent_as_its_gain(rng):
    """The scale of all of the above: 2 N H(u), in nats."""
    u = np.repeat([[0], [1]], [30, 70], axis=0)
    x = np.column_stack([rng.permutation(u[:, 0]), u])
    entropy = -(0.3 * np.log(0.3) + 0.7 * np.log(0.7))
    ours = select_features(x, u, 1, empty=0)
    assert ours.features.tolist() == [1]
    np.testing.assert_allclose(ours.gains, [200 * entropy], rtol=1e-12)
