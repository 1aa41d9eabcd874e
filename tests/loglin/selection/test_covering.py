"""Conditional gains, summed over the latents and corrected for chance."""

from itertools import product
from math import comb, prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import xlogy

from loglin import COVERING, contingency_table, g_squared, select_features
from loglin.selection import _chance_kernels as kernels
from loglin.selection.memory import in_memory
from loglin.selection.scoring import as_statistic, score
from tests.depth import usual_or_deep
from tests.loglin.selection.samples import partition_by, rngs
from tests.references import REFERENCE, reference

CONDITIONAL = {"null_model": "conditional", "empty": 0.0}


@pytest.mark.parametrize("name", [path.stem for path in (REFERENCE / "praznik").glob("c*.json")])
def test_with_one_latent_the_selection_is_that_of_praznik(name):
    expected = reference(f"praznik/{name}.json")
    with np.load(REFERENCE / "praznik" / f"{name}.npz") as file:
        x, y = file["x"], file["y"]
    num_features = len(expected["selection"])
    for across in ("max", "sum"):
        ours = select_features(x, y[:, None], num_features, across=across, **CONDITIONAL)
        assert ours.features.tolist() == expected["selection"]
        np.testing.assert_allclose(ours.gains / (2 * len(x)), expected["score_nats"], atol=1e-10)
        alone = ours.scores[0, 0] / (2 * len(x))
        np.testing.assert_allclose(alone, expected["mutual_information_nats"], atol=1e-10)


def test_columns_of_noise_are_not_taken():
    """In this case praznik takes two columns that are independent of y: patterns get sparse."""
    expected = reference("praznik/c02_n1000_p30_x2_y5.json")
    assert max(expected["selection"]) >= 15
    with np.load(REFERENCE / "praznik" / "c02_n1000_p30_x2_y5.npz") as file:
        x, y = file["x"], file["y"]
    ours = select_features(x, y[:, None], 30, stop="chance", **COVERING)
    assert 3 <= len(ours.features) < 15
    assert ours.features.max() < 15
    assert (ours.chance.exceedance <= 0.05).all()


def g2_of_all_tables(rows, columns):
    """Yield (probability, G2) of all 2 x k tables with these margins, in exact arithmetic."""
    total = comb(sum(columns), rows[1])
    for first in product(*(range(c + 1) for c in columns)):
        if sum(first) == rows[1]:
            ways = prod(comb(c, k) for c, k in zip(columns, first, strict=True))
            table = np.array([[c - k for c, k in zip(columns, first, strict=True)], first])
            margins = table.sum(axis=0)[None] * table.sum(axis=1)[:, None] / table.sum()
            yield ways / total, g_squared(table, margins)


@pytest.mark.parametrize(
    ("rows", "columns"),
    [((5, 3), (4, 4)), ((1, 1), (1, 1)), ((9, 2), (10, 1)), ((7, 8), (3, 5, 7)), ((20, 1), (5, 16)),
     ((30, 40), (12, 58)), ((4, 2), (1, 1, 1, 3))],
)  # fmt: skip
def test_the_expectation_is_that_over_all_tables(rows, columns):
    expected = sum(probability * g2 for probability, g2 in g2_of_all_tables(rows, columns))
    # Any table with these margins.
    u = np.repeat([0, 1], rows)
    x = np.repeat(np.arange(len(columns)), columns)
    source = in_memory(x[:, None].astype(np.int8), u[:, None].astype(np.int8), [len(columns)], [2])
    found = score(source, source, [], source.start(), as_statistic(
        "conditional", None, len(x), "sum", True))  # fmt: skip
    np.testing.assert_allclose(found.expected[0, 0], expected, rtol=1e-8)
    assert found.df[0, 0] == len(columns) - 1
    plain = g_squared(*[t := contingency_table(np.column_stack([u, x])).astype(float),
                        np.outer(t.sum(axis=1), t.sum(axis=0)) / len(x)])  # fmt: skip
    np.testing.assert_allclose(found.values[0, 0] + expected, plain, atol=1e-8)


@settings(deadline=None, max_examples=100)
@given(st.integers(65, 1_000_000), st.floats(0, 1), st.floats(0, 1))
def test_expansions_of_the_expectation_are_accurate(n, a, b):
    a, b = (max(1, int((n // 2) ** share)) for share in (a, b))
    counts = np.arange(n + 1.0)[:65536]
    cell = xlogy(counts, counts)
    values = np.empty(1)
    kernels._expand(n, a, np.array([b]), values)
    if a * b >= kernels._LEAST * n:
        np.testing.assert_allclose(values[0], kernels.expected_g2(n, a, b, cell), atol=1e-4)
    if n < 5000:
        k = np.arange(min(a, b) + 1)
        table = np.array([k, a - k, b - k, n - a - b + k])
        alone = xlogy([a, n - a, b, n - b], [a, n - a, b, n - b]).sum() - n * np.log(n)
        g2 = 2 * (xlogy(table, table).sum(axis=0) - alone)
        exact = stats.hypergeom(n, a, b).pmf(k) @ g2
        np.testing.assert_allclose(kernels.expected_g2(n, a, b, cell), exact, rtol=1e-6)


@pytest.mark.parametrize("num_chosen", [0, 3, usual_or_deep(6, 9)])
@pytest.mark.parametrize("num_levels", [2, 3])
def test_corrected_gains_are_zero_on_average(num_chosen, num_levels):
    """Features that are independent of the latents, rare and common, given few or many patterns."""
    rng = np.random.default_rng(num_chosen)
    frequencies = np.repeat([0.002, 0.02, 0.1, 0.5], 100)
    n, first = 1000, num_chosen
    gains = []
    for _ in range(usual_or_deep(5, 30)):
        x = (rng.random((n, first + len(frequencies))) < [*[0.5] * first, *frequencies]).astype(int)
        x[:, first:] *= rng.integers(1, num_levels, size=(n, len(frequencies)))
        # The latents depend on the chosen features and on each other.
        u = (x[:, :first].sum(axis=1)[:, None] + rng.integers(num_levels, size=(n, 3))) % num_levels
        u[:, 1] = np.where(rng.random(n) < 0.5, u[:, 0], u[:, 1])
        levels = [2] * first + [num_levels] * len(frequencies), [num_levels] * 3
        source = in_memory(x.astype(np.int8), u.astype(np.int8), *levels)
        statistic = as_statistic("conditional", None, n, "sum", True)
        scores = score(source, source, [], partition_by(source, range(first)), statistic)
        gains.append(scores.values[:, first:].sum(axis=0))
    gains = np.reshape(gains, (-1, 4, 100)).transpose(1, 0, 2).reshape(4, -1)
    errors = gains.std(axis=1) / np.sqrt(gains.shape[1])
    assert (np.abs(gains.mean(axis=1)) < 3.5 * errors).all(), (gains.mean(axis=1), errors)


def null_data(rng, kind):
    """Features, latents, and the number of features that are associated with the latents."""
    n, p, r = {"dense": (500, 50, 5), "few": (100, 100, 5), "rare": (1000, 200, 5)}.get(
        kind, (400, 40, 6)
    )
    most = 0.05 if kind == "rare" else 0.8
    x = (rng.random((n, p)) < rng.uniform(0.02 if kind == "rare" else 0.2, most, p)).astype(int)
    u = rng.integers(2, size=(n, r))
    if kind == "copies":  # of one latent
        u = u[:, :1] ^ (rng.random((n, r)) < 0.05)
    if kind == "levels":
        x, u = rng.integers(rng.integers(2, 6, p), size=(n, p)), rng.integers(4, size=(n, r))
    return x, u.astype(int)


@pytest.mark.parametrize("across", ["sum", "max"])
@pytest.mark.parametrize("kind", ["dense", "few", "rare", "copies", "levels"])
def test_in_data_without_structure_nothing_is_selected(kind, across):
    rng = np.random.default_rng(4)
    objective = COVERING | {"across": across, "stop": "chance"}
    repeats, wrong = usual_or_deep(60, 500), [0, 0]
    for _ in range(repeats):
        x, u = null_data(rng, kind)
        wrong[0] += len(select_features(x, u, 1, **objective).features) > 0
        x[:, 0] = u[:, 0] > 0  # tells all about one latent
        wrong[1] += len(select_features(x, u, 2, **objective).features) > 1
    for number in wrong:
        assert stats.binomtest(number, repeats, 0.05, alternative="greater").pvalue > 1e-3
    assert select_features(x, u, 1, **objective).features.tolist() == [0]


@pytest.mark.parametrize("across", ["sum", "max"])
def test_in_data_without_structure_no_pair_is_selected(across):
    """The best of all pairs is likelier to be good by chance than the best of all features."""
    rng = np.random.default_rng(5)
    objective = COVERING | {"across": across, "stop": "chance", "start": "best-pair"}
    repeats, wrong = usual_or_deep(40, 200), 0
    for _ in range(repeats):
        x, u = null_data(rng, "dense")
        wrong += len(select_features(x[:, :20], u, 2, **objective).features) > 0
    assert stats.binomtest(wrong, repeats, 0.05, alternative="greater").pvalue > 1e-3


def test_redundant_features_are_taken_once(rng):
    """Five groups of eight copies, a latent for each; and a pair that matters by exclusive-or."""
    n = 5000
    u = rng.integers(2, size=(n, 6))
    copies = np.repeat(u[:, :5], 8, axis=1) ^ (rng.random((n, 40)) < 0.05)
    pair = rng.integers(2, size=(n, 2))
    u[:, 5] = pair[:, 0] ^ pair[:, 1]
    x = np.column_stack([copies, pair])
    ours = select_features(x, u, 7, start="best-pair", **COVERING)
    assert set(ours.features[:2]) == {40, 41}
    assert sorted(ours.features[2:] // 8) == [0, 1, 2, 3, 4]
    # A greedy step sees neither of the pair; it stops when each group has its feature ...
    greedy = select_features(x, u, 7, stop="chance", **COVERING)
    assert sorted(greedy.features[:5] // 8) == [0, 1, 2, 3, 4]
    assert not {40, 41} & set(greedy.features)
    # ... while Eq. 1 fills up with copies of what it has.
    assert len(set(select_features(x, u, 7).features // 8)) < 5


@settings(deadline=None, max_examples=usual_or_deep(8, 25))
@given(rngs, st.sampled_from([2, 3, 5]))
def test_the_gain_is_the_sum_of_corrected_tables(rng, num_levels):
    """G2 of [U S][S j] is that of the tables (u, j) in the patterns of S, one by one."""
    n = int(rng.integers(20, 300))
    x, u = rng.integers(num_levels, size=(n, 5)), rng.integers(2, size=(n, 3))
    x[:, 1] = np.where(rng.random(n) < 0.5, u[:, 1], x[:, 1])
    ours = select_features(x, u, 3, levels=[num_levels] * 5, **COVERING)
    for step in range(3):
        _, pattern = np.unique(x[:, ours.features[:step]], axis=0, return_inverse=True)
        winner, g2, expected = x[:, ours.features[step]], 0.0, 0.0
        for g in np.unique(pattern):
            for latent in u[pattern == g].T:
                table = contingency_table(np.column_stack([latent, winner[pattern == g]]))
                margins = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
                g2 += g_squared(table, margins)
                kept = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0].sum(axis=0)
                for a in table.sum(axis=1):
                    for b in kept:
                        k = np.arange(min(a, b) + 1)
                        mean = stats.hypergeom(kept.sum(), a, b).pmf(k) @ xlogy(k, k)
                        expected += 2 * (mean - xlogy(a * b, a * b / kept.sum()) / kept.sum())
        np.testing.assert_allclose(ours.latent_gains[step], g2, atol=1e-8)
        np.testing.assert_allclose(ours.gains[step], g2 - expected, atol=1e-5)
        np.testing.assert_allclose(ours.chance.mean[step], expected, atol=1e-5)
        summed = ours.scores[step].sum(axis=0)
        np.testing.assert_allclose(ours.gains[step], summed[ours.features[step]])
        assert ours.gains[step] >= np.nanmax(summed) - 1e-6


def test_several_models_count_as_one_set_of_latents(rng):
    x, u = rng.integers(2, size=(400, 6)), rng.integers(2, size=(400, 2))
    other_x, other_u = rng.integers(2, size=(300, 6)), rng.integers(3, size=(300, 3))
    x[:, 2], other_x[:, 4] = u[:, 1], other_u[:, 0] > 0
    models = [x, other_x], [u, other_u]
    for objective in ({}, CONDITIONAL, COVERING):
        ours = select_features(*models, 4, **objective)
        assert ours.scores.shape == (4, 5, 6)
        first, second = (select_features(*one, 1, **objective) for one in zip(*models, strict=True))
        np.testing.assert_array_equal(
            ours.scores[0], np.concatenate([first.scores[0], second.scores[0]])
        )
        summed = objective.get("across") == "sum"
        gains = ours.scores.sum(axis=1) if summed else ours.scores.max(axis=1)
        np.testing.assert_array_equal(ours.features, np.nanargmax(gains, axis=1))
        np.testing.assert_allclose(ours.gains, np.nanmax(gains, axis=1))
        # Chunks of each model.
        read = [lambda x=x, u=u: iter([(x[:150], u[:150]), (x[150:], u[150:])])
                for x, u in zip(*models, strict=True)]  # fmt: skip
        chunked = select_features(read, None, 4, **objective)
        assert chunked.features.tolist() == ours.features.tolist()
        np.testing.assert_allclose(chunked.gains, ours.gains)
    assert {2, 4} == set(select_features(*models, 2, **COVERING).features)


@pytest.mark.parametrize("objective", [{}, CONDITIONAL])
def test_the_parts_of_a_gain_are_those_of_the_model_that_has_the_latent(objective, rng):
    """Of three, in which only the second one has anything to find."""
    sizes, latents = (100, 400, 300), (2, 2, 3)
    x = [rng.integers(2, size=(size, 6)) for size in sizes]
    u = [rng.integers(2, size=(size, number)) for size, number in zip(sizes, latents, strict=True)]
    x[1][:, [3, 1]] = u[1] ^ (rng.random((400, 2)) < [0.05, 0.1])
    ours, alone = select_features(x, u, 2, **objective), select_features(x[1], u[1], 2, **objective)
    assert ours.features.tolist() == alone.features.tolist() == [3, 1]
    assert ours.latents.tolist() == (2 + alone.latents).tolist()
    for part in ("gains", "feature_gains", "latent_gains", "df"):
        np.testing.assert_allclose(getattr(ours, part), getattr(alone, part), atol=1e-9)


def test_the_same_model_twice_doubles_the_sum(rng):
    x, u = rng.integers(2, size=(300, 5)), rng.integers(2, size=(300, 2))
    once = select_features(x, u, 3, **COVERING)
    twice = select_features([x, x], [u, u], 3, **COVERING)
    np.testing.assert_array_equal(twice.features, once.features)
    np.testing.assert_allclose(twice.gains, 2 * once.gains)
    np.testing.assert_allclose(twice.df, 2 * once.df)


def test_one_latent_of_many_levels_takes_little_from_the_others(rng):
    """Its codes are 0, 8, ..., 120 instead of 0, 1, ..., 15, so that it is not packed."""
    u, few = rng.integers(2, size=(600, 30)), rng.integers(16, size=(600, 1))
    x = np.column_stack([u[:, 0] ^ (rng.random(600) < 0.3), rng.integers(2, size=(600, 4))])
    found, wide = (
        select_features(x, np.column_stack([u, codes]), 1, **COVERING) for codes in (few, 8 * few)
    )
    np.testing.assert_allclose(wide.gains, found.gains, rtol=1e-9)
    np.testing.assert_allclose(wide.chance.mean, found.chance.mean, rtol=1e-9)
    # The association between that latent and the others is bounded, not counted.
    assert found.chance.sd <= wide.chance.sd <= 2 * found.chance.sd
