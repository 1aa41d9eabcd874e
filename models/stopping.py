"""Training that chooses its own epoch, by how the model does on held-out data (Section 4.2)."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.typing import ArrayLike
from numpy.typing import NDArray

from models.base import GenerativeModel
from models.validation import as_count, as_data, check_key, check_type, shown

_ROWS = 2**16
"""The check of a model asks for as many rows as a batch has. Held-out data need not fill one, so
they are repeated to so many rows before they are checked."""

Criterion = Callable[[jax.Array, GenerativeModel, Any, jax.Array], Any]
"""criterion(key, model, state, held_out) -> float, larger where the model is better."""


class Stopped(NamedTuple):
    """The best of the snapshots of a training, and the course to it.

    See Also
    --------
    stop_early : Returns it.
    """

    state: Any
    """State of the model at the best epoch."""
    epoch: int
    """The best epoch; the first of equals."""
    epochs: NDArray[np.int64]
    """(t,) epochs that were seen."""
    scores: NDArray[np.float64]
    """(t,) criterion at each of them."""
    ran_out: bool
    """Whether the patience ran out; otherwise the stream ended before."""


def held_out_bound(
    key: jax.Array, model: GenerativeModel, state: Any, held_out: jax.Array
) -> jax.Array:
    """Return the mean lower bound of log P of the held-out data, in nats."""
    if model.bound is None:
        raise ValueError("`criterion` must be given for a model without a `bound`")
    return model.bound(key, state, held_out).mean()


def stop_early(
    key: jax.Array,
    model: GenerativeModel,
    stream: Iterable[tuple[int, Any, Any]],
    held_out: ArrayLike,
    *,
    patience: int = 10,
    criterion: Criterion = held_out_bound,
) -> Stopped:
    """Train until the model no longer gets better on held-out data; return its best state.

    Parameters
    ----------
    key : JAX key
        For the criterion: each epoch has a key of its own.
    model : GenerativeModel
        The model that is trained.
    stream : iterable of (epoch, state, info)
        Such as `snapshots`, or `snapshots_with_pretraining` for both phases of a DBM. Training
        goes on as long as the stream is read.
    held_out : (m, p) int array
        Data that the model is not trained on.
    patience : int
        Stop once so many snapshots in a row are no better than the best before them.
    criterion : callable
        A function criterion(key, model, state, held_out) -> float, larger where the model is
        better; by default the mean lower bound of the log-likelihood. On small data this stops too
        early for the selection of features; with a distance between samples and held-out data the
        training goes on for longer.

    Returns
    -------
    Stopped
        The best state, its epoch, and the course to it.

    Raises
    ------
    ValueError
        If an argument is invalid, the criterion is not a number, or the stream is empty.

    See Also
    --------
    snapshots : Makes the stream.
    loglin.plots.course_plot : Draws the course.

    Examples
    --------
    Here the states are made up, and are their own criterion; the fifth snapshot is never read:

    >>> from models import VAEConfig, vae
    >>> stream = ((epoch, state, None) for epoch, state in enumerate([1.0, 3.0, 2.0, 2.5, 9.0]))
    >>> found = stop_early(
    ...     jax.random.key(0), vae(VAEConfig(2)), stream, [[0, 1]], patience=2,
    ...     criterion=lambda key, model, state, held_out: state,
    ... )
    >>> found.epoch, found.scores.tolist()
    (1, [1.0, 3.0, 2.0, 2.5])
    """
    check_key(key)
    check_type(model, "model", GenerativeModel)
    data = _as_held_out(model, held_out)
    as_count(patience, "patience")
    if not callable(criterion):
        raise ValueError(f"`criterion` must be a function, got {shown(criterion)}")
    if not isinstance(stream, Iterable):
        raise ValueError(
            f"`stream` must be an iterable of (epoch, state, info), got {shown(stream)}"
        )
    epochs: list[int] = []
    scores: list[float] = []
    best, best_state, ran_out = 0, None, False
    for entry in stream:
        if not isinstance(entry, tuple) or len(entry) != 3:
            raise ValueError(
                f"`stream` must give triples (epoch, state, info), got a {type(entry).__name__}"
            )
        epoch, state = as_count(entry[0], "stream", 0), entry[1]
        score = _as_score(criterion(jax.random.fold_in(key, epoch), model, state, data), epoch)
        epochs.append(epoch)
        scores.append(score)
        if len(scores) == 1 or score > scores[best]:
            best, best_state = len(scores) - 1, state
        elif len(scores) - 1 - best >= patience:
            ran_out = True
            break
    if not epochs:
        raise ValueError("`stream` must have at least one snapshot, got none")
    return Stopped(best_state, epochs[best], np.array(epochs), np.array(scores), ran_out)


def _as_held_out(model: GenerativeModel, held_out: ArrayLike) -> jax.Array:
    """Check that the model could be trained on the data."""
    data = as_data(held_out, "held_out")
    if model.check is not None:
        repeats = -(-_ROWS // len(data))  # so that they fill any batch
        try:
            model.check(np.tile(np.asarray(data), (repeats, 1)))
        except ValueError as error:
            raise ValueError(f"`held_out` must be like the training data: {error}") from None
    return data


def _as_score(value: Any, epoch: int) -> float:
    """Check that the criterion gave one number."""
    array = np.asarray(value)
    is_number = array.shape == () and array.dtype.kind in "fiu"
    if not is_number or np.isnan(array):
        got = f"shape {array.shape}" if array.ndim else repr(value)
        raise ValueError(f"`criterion` must give a number, got {got} at epoch {epoch}")
    return float(array)
