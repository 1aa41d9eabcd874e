"""Mean field: the hidden layers approximated by independent units (Section 2.4)."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from models import units
from models.boltzmann.energy import (
    DBMParams,
    Layers,
    energy,
    given_visible,
    layer_input,
    product,
)


def mean_field(
    params: DBMParams, visible: jax.Array, tolerance: float = 1e-4, max_steps: int = 100
) -> Layers:
    """Return the visible layer and the mean-field means of the hidden layers.

    The means solve mu_l = sigmoid(input_l), where the input is that from the neighbouring layers.
    They are updated from the lowest hidden layer to the highest, repeatedly, until no mean changes
    by more than `tolerance`; no update lowers the bound on the likelihood. For the initial means
    the unknown input from above is set equal to that from below.

    Parameters
    ----------
    params : DBMParams
        Weights and biases of the machine.
    visible : (..., units_0) float array
        States of the visible layer.
    tolerance : float
        Largest change of a mean at which the updates end; with 0, they end when no mean changes
        at all.
    max_steps : int
        Largest number of updates of all layers.

    Returns
    -------
    tuple of (..., units_l) float arrays
        The visible layer, and the means of the hidden ones.

    See Also
    --------
    models.likelihood.lower_bound : The bound that the means give.
    given_visible : Chains in place of means.

    Examples
    --------
    >>> params = DBMParams((jnp.ones((2, 1)),), (jnp.zeros(2), jnp.zeros(1)))
    >>> [round(float(mean), 3) for mean in mean_field(params, jnp.array([1.0, 1.0]))[1]]
    [0.881]
    """
    hidden = given_visible(params, visible)
    top = len(hidden.biases) - 1

    def update(state: tuple[Layers, jax.Array, jax.Array]) -> tuple[Layers, jax.Array, jax.Array]:
        before, _, step = state
        means = list(before)
        for index in range(top + 1):
            means[index] = units.mean(layer_input(hidden, means, index))
        moves = [jnp.abs(new - old).max() for new, old in zip(means, before, strict=True)]
        return tuple(means), jnp.stack(moves).max(), step + 1

    first: list[jax.Array] = []
    for index, bias in enumerate(hidden.biases):
        below = bias if index == 0 else bias + product(first[-1], hidden.weights[index - 1])
        first.append(units.mean(below if index == top else 2 * below))
    start = tuple(first), jnp.asarray(jnp.inf), jnp.asarray(0)
    means, *_ = jax.lax.while_loop(
        lambda state: (state[1] > tolerance) & (state[2] < max_steps), update, start
    )
    return visible, *means


def variational_free_energy(params: DBMParams, layers: Sequence[jax.Array]) -> jax.Array:
    """Return the mean energy minus the entropy of the layers from `mean_field`, (...), in nats.

    It is at least the free energy of the visible layer, so adding log Z gives an upper bound on
    -log P(visible).
    """
    entropy = sum(_entropy(means).sum(axis=-1) for means in layers[1:])
    return energy(params, layers) - entropy


def _entropy(means: jax.Array) -> jax.Array:
    return jax.scipy.special.entr(means) + jax.scipy.special.entr(1 - means)
