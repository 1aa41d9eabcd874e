import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loglin import (
    all_interactions,
    conditional_independence,
    contingency_table,
    fit,
    g_squared,
    joint_independence,
    select_features,
)
from loglin.selection import memory, scoring
from tests.loglin.selection.samples import binary_source, partition_by, rngs, scores_of


@pytest.mark.parametrize("null_model", ["joint", "conditional"])
def test_sizes_of_blocks_and_lookup_tables_do_not_matter(rng, monkeypatch, null_model):
    source = binary_source(rng, 2000, 70, 5)
    partition = partition_by(source, range(6))
    expected = scores_of(source, partition, null_model, 0.5, 2000)
    monkeypatch.setattr(memory, "_BLOCK_SIZE", 1)
    blocked = scores_of(source, partition, null_model, 0.5, 2000)
    np.testing.assert_array_equal(blocked, expected)
    for size in (1, 2, 7):
        monkeypatch.setattr(scoring, "_TABLE_SIZE", size)
        ours = scores_of(source, partition, null_model, 0.5, 2000)
        np.testing.assert_allclose(ours[:, 6:], expected[:, 6:], rtol=1e-10, atol=1e-9)


def plain_score(x, u, chosen, candidate, x_levels, u_levels, empty, null_model):
    """G2 from the dense table of (u, S, j), by its definition."""
    columns = [x[:, f] for f in (*chosen, candidate)]
    levels = [x_levels[f] for f in (*chosen, candidate)]
    table = contingency_table(np.column_stack([u, *columns]), [u_levels, *levels])
    table[table == 0] = empty
    us = table.sum(axis=-1, keepdims=True)
    if null_model == "joint":
        everything_but_j = tuple(range(table.ndim - 1))
        expected = us * table.sum(axis=everything_but_j, keepdims=True) / table.sum()
    else:
        sj, s = table.sum(axis=0, keepdims=True), us.sum(axis=0, keepdims=True)
        with np.errstate(invalid="ignore"):
            expected = us * sj / s
    return g_squared(table, np.nan_to_num(expected))


@settings(deadline=None, max_examples=25)
@given(rngs, st.sampled_from(["joint", "conditional"]), st.sampled_from([0.5, 0.0, 1.0]))
def test_every_score_is_the_plain_statistic_of_the_dense_table(rng, null_model, empty):
    x_levels, u_levels = rng.integers(2, 5, size=5), rng.integers(2, 4, size=2)
    n = int(rng.integers(1, 80))
    x = np.column_stack([rng.integers(level, size=n) for level in x_levels])
    u = np.column_stack([rng.integers(level, size=n) for level in u_levels])
    x[:, 1] = np.minimum(x[:, 0], x_levels[1] - 1)
    ours = select_features(
        x, u, 4, levels=x_levels, latent_levels=u_levels, null_model=null_model, empty=empty
    )
    for step, scores in enumerate(ours.scores):
        chosen = ours.features[:step].tolist()
        for candidate in set(range(5)) - set(chosen):
            for latent in range(2):
                plain = plain_score(
                    x,
                    u[:, latent],
                    chosen,
                    candidate,
                    x_levels,
                    u_levels[latent],
                    empty,
                    null_model,
                )
                np.testing.assert_allclose(scores[latent, candidate], plain, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "family"), [("joint", joint_independence), ("conditional", conditional_independence)]
)
@settings(deadline=None, max_examples=10)
@given(rngs, st.sampled_from([0.5, 0.0]))
def test_closed_form_equals_fitted_tables(name, family, rng, empty):
    x, u = rng.integers(3, size=(200, 6)), rng.integers(2, size=(200, 2))
    x[:, 2] = (x[:, 0] + u[:, 1]) % 3
    closed = select_features(x, u, 4, null_model=name, empty=empty)
    fitted = select_features(x, u, 4, null_model=family, empty=empty)
    assert closed.features.tolist() == fitted.features.tolist()
    np.testing.assert_allclose(closed.scores, fitted.scores, rtol=1e-9, atol=1e-9)


def test_null_model_without_closed_form(rng):
    """All interactions but the highest: only joint patterns of all variables count."""

    def all_but_highest(num_variables):
        return all_interactions(num_variables, num_variables - 1)

    # Parity of three features: no smaller set of variables knows anything about the rest.
    x = rng.integers(2, size=(400, 5))
    x[:, 0] = rng.random(400) < 0.9
    u = (x[:, 1] ^ x[:, 2] ^ x[:, 4])[:, None]
    ours = select_features(x, u, 3, null_model=all_but_highest, candidates=[1, 2, 4])
    table = contingency_table(np.column_stack([u, x[:, ours.features]]))
    table[table == 0] = 0.5
    triples = [(0, 1, 2), (0, 1, 3), (0, 2, 3), (1, 2, 3)]
    expected = fit(table, triples, method="ipf", tolerance=1e-12)
    assert expected.iterations > 1
    np.testing.assert_allclose(ours.gains[2], expected.g2, rtol=1e-6)
    assert ours.gains[2] > 100 * ours.gains[:2].max()


def test_callable_null_model_without_latents(rng):
    x = rng.integers(2, size=(100, 4))
    closed = select_features(x, None, 3)
    fitted = select_features(x, None, 3, null_model=joint_independence)
    assert closed.features.tolist() == fitted.features.tolist()
    np.testing.assert_allclose(closed.scores, fitted.scores, rtol=1e-9, atol=1e-9)
    assert closed.latents.tolist() == [-1, -1, -1]


@pytest.mark.parametrize("empty", [1e-300, 1e-100, 1e-17, 1e-15])
@pytest.mark.parametrize("num_levels", [2, 3])
def test_a_tiny_count_in_empty_cells_is_hardly_any(rng, empty, num_levels):
    """Where a value has no samples, its total is far below the rounding of all samples."""
    x, u = rng.integers(2, size=(50, 4)), rng.integers(2, size=(50, 2))
    x[:, 3] = 0
    given = {"num_features": 4, "levels": [num_levels] * 4, "latent_levels": [4, 2]}
    ours, limit = (select_features(x, u, empty=count, **given) for count in (empty, 0))
    np.testing.assert_allclose(ours.scores, limit.scores, atol=1e-9)
    np.testing.assert_allclose(ours.gains, limit.gains, atol=1e-9)


def test_parts_of_a_gain_are_statistics_of_its_tables(rng):
    x, u = rng.integers(3, size=(300, 5)), rng.integers(2, size=(300, 2))
    x[:, 3] = (x[:, 0] + u[:, 1]) % 3
    for null_model in ("joint", "conditional"):
        ours = select_features(x, u, 4, null_model=null_model)
        for step in range(4):
            columns = [u[:, ours.latents[step]], *x[:, ours.features[: step + 1]].T]
            table = contingency_table(np.column_stack(columns), [2] + [3] * (step + 1))
            table[table == 0] = 0.5
            joint, conditional = (
                fit(table, family(table.ndim))
                for family in (joint_independence, conditional_independence)
            )
            gain = joint if null_model == "joint" else conditional
            np.testing.assert_allclose(ours.gains[step], gain.g2, rtol=1e-9)
            assert ours.df[step] == gain.df
            np.testing.assert_allclose(ours.latent_gains[step], conditional.g2, rtol=1e-9)
            alone = fit(table.sum(axis=0), joint_independence(table.ndim - 1)).g2
            np.testing.assert_allclose(ours.feature_gains[step], alone, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("null_model", ["joint", "conditional"])
def test_sums_are_associated_with_all_latents_of_all_models(rng, null_model):
    x = [rng.integers(3, size=(200, 4)) for _ in range(2)]
    u = [rng.integers(2, size=(200, number)) for number in (2, 1)]
    x[0][:, 2] = (x[0][:, 1] + u[0][:, 0]) % 3
    ours = select_features(x, u, 3, null_model=null_model, across="sum")
    for step in range(3):
        expected = 0.0
        for features, latents in zip(x, u, strict=True):
            for latent in latents.T:
                columns = np.column_stack([latent, features[:, ours.features[: step + 1]]])
                table = contingency_table(columns, [2] + [3] * (step + 1))
                table[table == 0] = 0.5
                expected += fit(table, conditional_independence(table.ndim)).g2
        np.testing.assert_allclose(ours.latent_gains[step], expected, rtol=1e-9)


def test_degrees_of_freedom_of_any_null_model(rng):
    x, u = rng.integers(2, size=(200, 4)), rng.integers(3, size=(200, 1))
    named = select_features(x, u, 3)
    called = select_features(x, u, 3, null_model=joint_independence)
    np.testing.assert_array_equal(named.df, called.df)
    np.testing.assert_allclose(named.latent_gains, called.latent_gains)
