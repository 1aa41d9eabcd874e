import numpy as np
import pytest

from loglin import fit
from loglin.hierarchical.existence import face
from loglin.hierarchical.fitting import clique_product
from loglin.hierarchical.graphs import junction_of
from loglin.hierarchical.ipf import closed_in_one_cycle

MODELS = [
    ((2, 3, 2, 4), [(0, 1), (1, 2), (3,)]),
    ((2, 3, 2, 4), [(0, 1, 2)]),
    ((3, 1, 2), [(0, 1), (1, 2)]),
    ((2, 3), []),
    ((2, 3, 4), [(0,), (1,), (2,)]),
    ((2, 3, 2, 2), [(0, 1, 2), (1, 2, 3)]),
    ((2, 2, 3, 2, 2), [(0, 2), (1, 2), (2, 3), (4,)]),
]


@pytest.mark.parametrize(("shape", "model"), MODELS)
def test_closed_forms_equal_the_matrices(rng, shape, model):
    # With a start, even one of ones, matrices of parameters by parameters are used.
    counts = rng.poisson(5.0, shape) + 1.0
    closed = fit(counts, model)
    dense = fit(counts, model, start=np.ones(shape), tolerance=1e-14)
    np.testing.assert_allclose(closed.leverages, dense.leverages, rtol=1e-8)
    ours, theirs = closed.effects(), dense.effects()
    assert list(ours) == list(theirs)
    for axes, effect in ours.items():
        for part, other in zip(effect, theirs[axes], strict=True):
            assert part.shape == other.shape
            np.testing.assert_allclose(part, other, rtol=1e-7, atol=1e-9)
    # Adjusted residuals divide by the same.
    np.testing.assert_allclose(
        closed.residuals("adjusted"), dense.residuals("adjusted"), rtol=1e-6, atol=1e-8
    )


@pytest.mark.parametrize(("shape", "model"), MODELS)
def test_leverages_where_margins_are_empty(rng, shape, model):
    counts = rng.poisson(0.7, shape).astype(float)
    counts[0, 0] = 0
    closed = fit(counts, model)
    dense = fit(counts, model, start=np.ones(shape), tolerance=1e-14)
    np.testing.assert_allclose(closed.leverages, dense.leverages, rtol=1e-8)
    effects = closed.effects()
    for axes, effect in dense.effects().items():
        np.testing.assert_allclose(effects[axes].standard_error, effect.standard_error, rtol=1e-6)


def test_a_saturated_model_of_many_parameters(rng):
    counts = rng.poisson(20.0, (2,) * 12) + 1.0
    fitted = fit(counts, [range(12)])
    np.testing.assert_allclose(fitted.leverages, 1)
    effects = fitted.effects()
    assert len(effects) == 2**12
    # A contrast of the logarithms of all counts, each with the variance 1 / count.
    sign = np.where(np.indices((2,) * 12)[[0, 3, 11]].sum(axis=0) % 2, -1, 1)
    estimate, error, _ = effects[(0, 3, 11)]
    np.testing.assert_allclose(estimate[0, 0, 0], (sign * np.log(counts)).mean())
    np.testing.assert_allclose(error[1, 0, 1], np.sqrt((1 / counts).sum()) / 2**12)


def test_starting_values_are_not_taken_for_a_decomposable_fit(rng):
    # With structural zeros margins no longer determine the fit in closed form.
    counts = np.array([[0.0, 6, 4], [8, 0, 7], [5, 3, 0]])
    fitted = fit(counts, "A + B", start=1 - np.eye(3), tolerance=1e-13)
    np.testing.assert_allclose(fitted.leverages.sum(), face_rank(counts, fitted.generators))


def face_rank(counts, generators):
    """The number of parameters that the cells with positive counts determine."""
    basis = face(counts, generators, counts > 0).basis
    return len(basis) - basis.shape[1]


@pytest.mark.parametrize(
    ("num_axes", "model", "in_one_cycle"),
    [
        # The plan fits the first and the last generator before the one between them.
        (7, ((0, 1, 3), (1, 2, 3, 4, 6), (1, 4, 5, 6)), False),
        (7, ((0, 1), (1, 2), (2, 3)), True),
        (12, tuple((i, i + 1) for i in range(11)), True),
        (12, (tuple(range(7)), tuple(range(5, 12))), True),
        (4, (), True),
        (4, ((0, 1, 2, 3),), True),
    ],
)
def test_closed_form_is_the_product_of_cliques(rng, num_axes, model, in_one_cycle):
    assert closed_in_one_cycle(model, (2,) * num_axes) == in_one_cycle
    counts = rng.poisson(1.0, (2,) * num_axes).astype(float)
    fitted = fit(counts, model)
    reference = clique_product(counts, junction_of(model))
    np.testing.assert_allclose(fitted.expected, reference, rtol=1e-9)
    np.testing.assert_array_equal(fitted.expected == 0, reference == 0)
    assert fitted.iterations == 1
    assert fitted.converged
    for axes in model:
        others = tuple(set(range(num_axes)) - set(axes))
        np.testing.assert_allclose(reference.sum(axis=others), counts.sum(axis=others), atol=1e-9)
