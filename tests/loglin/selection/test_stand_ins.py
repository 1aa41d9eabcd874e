import numpy as np
import pytest
from scipy.special import xlogy

from loglin import COVERING, select_features, stand_ins
from loglin.selection import _information_kernels as kernels
from loglin.selection.memory import in_memory
from tests.loglin.selection.samples import partition_by


def modules(rng, n=2000):
    """Three modules of four noisy copies of a latent, and noise."""
    u = rng.integers(2, size=(n, 3))
    copies = np.repeat(u, 4, axis=1) ^ (rng.random((n, 12)) < 0.1)
    return np.column_stack([copies, rng.integers(2, size=(n, 5))]), u


def test_features_of_a_module_stand_in_for_each_other(rng):
    x, u = modules(rng)
    chosen = select_features(x, u, 3, **COVERING).features
    found = stand_ins(x, u, chosen.tolist(), level=0.001)
    for step, feature in enumerate(chosen):
        module = set(range(4 * (feature // 4), 4 * (feature // 4) + 4))
        others = set(found.of(step))
        # The first features of all modules gain the same; later ones have the rest of their own.
        open_modules = {f for f in range(12) if f // 4 not in set(chosen[:step] // 4)}
        assert others <= open_modules
        assert module - {feature} <= others
        shared = dict(zip(found.features, found.shared, strict=True))
        assert all(shared[f] > 0.5 for f in module - {feature})
    assert not (found.features >= 12).any()
    # A copy of another module says something else.
    elsewhere = [
        r for r in found.records() if r["step"] == 1 and r["feature"] // 4 != chosen[0] // 4
    ]
    assert all(abs(r["shared"]) < 0.1 for r in elsewhere)


def test_an_exact_copy_shares_everything_and_noise_never_stands_in(rng):
    x, u = modules(rng)
    x[:, 16] = x[:, 0]
    found = stand_ins(x, u, [0])
    (copy,) = [r for r in found.records() if r["feature"] == 16]
    assert copy["z"] == 0
    np.testing.assert_allclose(copy["shared"], 1)
    assert not {12, 13, 14, 15} & set(found.features)
    assert "stand-in" in str(found)


def test_a_smaller_level_gives_more_stand_ins(rng):
    x, u = modules(rng, 500)
    sizes = [len(stand_ins(x, u, [0, 4], level=level).features) for level in (0.5, 0.05, 0.001)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]


def test_the_standard_error_is_that_over_data_sets():
    """Of the difference of the gains of two features, over many samples of the same size."""
    rng = np.random.default_rng(2)
    differences, squares = [], []
    for _ in range(200):
        u = rng.integers(2, size=(600, 2))
        x = u ^ (rng.random((600, 2)) < 0.25)
        scores = select_features(x, u, 1, **COVERING).scores[0].sum(axis=0)
        differences.append(scores[0] - scores[1])
        source = in_memory(x.astype(np.int8), u.astype(np.int8), [2, 2], [2, 2])
        likelihoods = [
            kernels.log_likelihoods(
                *partition_by(source, [])[:2], np.ascontiguousarray(source.x[:, j]), 2, source.u,
                source.variables.u_levels,
            )
            for j in (0, 1)
        ]  # fmt: skip
        squares.append((2 * (likelihoods[0] - likelihoods[1])).var() * 600)
    np.testing.assert_allclose(np.std(differences), np.sqrt(np.mean(squares)), rtol=0.2)


def test_log_likelihoods_add_up_to_conditional_entropies(rng):
    x, u = rng.integers(3, size=(200, 3)), rng.integers(3, size=(200, 2))
    source = in_memory(x.astype(np.int8), u.astype(np.int8), [3] * 3, [3] * 2)
    partition = partition_by(source, [0, 1])
    ours = kernels.log_likelihoods(
        partition.order, partition.starts, np.ascontiguousarray(source.x[:, 2]), 3, source.u,
        source.variables.u_levels,
    )  # fmt: skip
    _, pattern = np.unique(x, axis=0, return_inverse=True)
    expected = 0.0
    for latent in u.T:
        joint = np.unique(np.column_stack([pattern, latent]), axis=0, return_counts=True)[1]
        alone = np.bincount(pattern)
        expected += xlogy(joint, joint).sum() - xlogy(alone, alone).sum()
    np.testing.assert_allclose(ours.sum(), expected)


def test_several_models_count_together(rng):
    x, u = modules(rng)
    one = stand_ins(x, u, [0, 4])
    two = stand_ins([x, x], [u, u], [0, 4], level=0.05)
    np.testing.assert_allclose(
        two.gains[: len(two.of(0))].max(), 2 * one.gains[: len(one.of(0))].max()
    )
    assert set(two.of(0)) <= set(one.of(0))


x_ok, u_ok = np.eye(4, dtype=int), np.eye(4, dtype=int)[:, :2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"u": None}, "`u` must be latents, got None"),
        ({"features": [4]}, "`features` must be from 0 to 3, got 4"),
        ({"features": []}, "`features` must be different columns"),
        ({"level": 2}, "`level` must be between 0 and 1, got 2"),
        ({"x": lambda: iter([(x_ok, u_ok)])}, "`u` must be None where `x` is chunks"),
    ],
)
def test_bad_input_gets_one_sentence(arguments, message):
    with pytest.raises(ValueError, match=message):
        stand_ins(**({"x": x_ok, "u": u_ok, "features": [0]} | arguments))


def test_what_tells_nothing_has_no_stand_ins(rng):
    u = rng.integers(2, size=(80, 2))
    found = stand_ins(np.column_stack([np.zeros(80, int), u]), u, [0, 1])
    assert 0 not in found.steps
