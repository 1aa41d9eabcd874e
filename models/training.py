"""Train a model in jitted blocks of epochs, with snapshots in between (Section 2.4)."""

import warnings
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from numpy.typing import NDArray

from models.base import GenerativeModel
from models.validation import as_count, as_data, check_key, check_type, shown

LARGEST = 1e6
"""Training has diverged if a float of the state is larger than this in absolute value."""


class DivergedError(ArithmeticError):
    """Training led to numbers that are not finite or too large.

    See Also
    --------
    snapshots : Raises it.
    """

    def __init__(self, epoch: int, last_good: Any) -> None:
        """Name the epoch that diverged; keep the state before it, or None if there is none."""
        super().__init__(
            "training diverged before its first epoch, in the model's `init`"
            if last_good is None
            else f"training diverged in epoch {epoch}: a number of the state or the info is not "
            f"finite, or one of the state exceeds {LARGEST:.0e}; `state` is the last good one"
        )
        self.epoch = epoch
        self.state = last_good

    def __reduce__(self) -> tuple[Any, tuple[int, Any]]:
        return type(self), (self.epoch, self.state)


class IdleLatentsWarning(UserWarning):
    """Latents of a trained model say nothing about a cell.

    See Also
    --------
    snapshots : Warns with it.
    """


class Monitored(NamedTuple):
    """An epoch's info, with bounds on the log-likelihood after it: means over the data, in nats."""

    info: Any
    """Info of the model's `epoch`."""
    bound: jax.Array
    """Lower bound of log P(x) of the training data."""
    held_out_bound: jax.Array
    """Lower bound of log P(x) of the held-out data."""

    @property
    def free_energy_gap(self) -> jax.Array:
        """Free energy of the held-out data minus that of the training data; log Z cancels.

        A gap that grows during training is a sign of overfitting (Hinton 2012).
        """
        return self.bound - self.held_out_bound


def train(key: jax.Array, model: GenerativeModel, x: ArrayLike, num_epochs: int) -> Any:
    """Return the model's state after `num_epochs` epochs.

    Parameters
    ----------
    key : JAX key
        Determines all random numbers.
    model : GenerativeModel
        Such as `vae(config)`.
    x : (n, p) int array
        Training data.
    num_epochs : int
        Number of passes through the data.

    Returns
    -------
    state
        The state of the model, the same as from `snapshots` with the same key.

    Raises
    ------
    ValueError, DivergedError
        As in `snapshots`.

    See Also
    --------
    snapshots : States on the way, and how the training goes.
    train_starts : Several trainings at once.

    Examples
    --------
    >>> from models import VAEConfig, vae
    >>> model = vae(VAEConfig(num_features=4, num_latents=2, batch_size=2))
    >>> x = np.array([[0, 0, 1, 1], [1, 1, 0, 0]] * 4)
    >>> state = train(jax.random.key(0), model, x, num_epochs=2)
    >>> type(state).__name__
    'VAEState'
    """
    as_count(num_epochs, "num_epochs", 0)
    return next(snapshots(key, model, x, [int(num_epochs)]))[1]


def snapshots(
    key: jax.Array,
    model: GenerativeModel,
    x: ArrayLike,
    epochs: Iterable[int],
    *,
    held_out: ArrayLike | None = None,
    resume: tuple[int, Any] | None = None,
) -> Iterator[tuple[int, Any, Any]]:
    """Train, and yield the model at each of the given epochs.

    Each epoch has a key of its own, made from `key` and its number, so the state after it depends
    neither on the choice of `epochs` nor on whether training was interrupted.

    Parameters
    ----------
    key : JAX key
        Determines all random numbers.
    model : GenerativeModel
        Such as `vae(config)`.
    x : (n, p) int array
        Training data.
    epochs : iterable of ints
        Increasing; 0 is the model before its first epoch. Training is compiled once for each
        different distance between successive epochs.
    held_out : (m, p) int array, optional
        Held-out data, whose `bound` is computed after every epoch; the model must have one.
    resume : (epoch, state), optional
        Continue from this state, which was yielded at that epoch with the same key, instead of
        starting with `init`.

    Returns
    -------
    iterator of (epoch, state, info)
        State and info of the model; with `held_out` the info is `Monitored`. Along the first axis
        the info has one entry for each epoch since the last snapshot.

    Raises
    ------
    ValueError
        If `key` is not a key, `epochs` are not increasing integers of at least 0, or the model
        cannot be trained on `x`.
    DivergedError
        While iterating, if numbers are not finite or too large. The error names the epoch and has
        the last good state.

    Warns
    -----
    IdleLatentsWarning
        At the last epoch, if latents say nothing about a cell: units of the highest layer that are
        always on or always off, or a VAE whose latents have all collapsed.

    See Also
    --------
    train : Only the last state.
    sample_at : Samples at each snapshot.
    stop_early : Ends the training by itself.
    train_starts : Several trainings at once.

    Examples
    --------
    >>> from models import VAEConfig, vae
    >>> model = vae(VAEConfig(num_features=4, num_latents=2, batch_size=2))
    >>> x = np.array([[0, 0, 1, 1], [1, 1, 0, 0]] * 4)
    >>> stream = snapshots(jax.random.key(0), model, x, epochs=[0, 2, 4], held_out=x)
    >>> [epoch for epoch, state, info in stream]
    [0, 2, 4]
    """
    check_key(key)
    check_type(model, "model", GenerativeModel)
    first = 0 if resume is None else _first_epoch(resume)
    epochs = as_epochs(epochs, first)
    x = as_data(x)
    if model.check is not None:
        model.check(x)
    if held_out is not None:
        held_out = _as_held_out(model, x, held_out)
    init_key, epochs_key, bound_key = jax.random.split(key, 3)
    if resume is None:
        state = model.init(init_key, x)
    else:
        state = resume[1]
        expected = jax.eval_shape(lambda: model.init(jax.random.key(0), x))
        if outline(state) != outline(expected):
            raise ValueError("`resume` must hold a state of this model with its settings")
        if not _is_sane(state):
            raise ValueError("`resume` must hold finite numbers of moderate size, got others")
    return _snapshots((epochs_key, bound_key), model, (x, held_out), state, first, epochs)


class Drawn(NamedTuple):
    """Samples drawn from a model at one epoch of its training.

    See Also
    --------
    sample_at : Yields them.
    """

    epoch: int
    """Number of the epoch."""
    x: NDArray[np.int8]
    """(n, p) codes of the features."""
    u: NDArray[Any]
    """(n, r) latents: real numbers for a VAE, codes for an RBM or a DBM."""


def sample_at(
    key: jax.Array,
    model: GenerativeModel,
    stream: Iterable[tuple[int, Any, Any]],
    num_samples: int,
) -> Iterator[Drawn]:
    """Draw samples from a model at each snapshot of its training.

    Each epoch has a key of its own, so its samples do not depend on the other epochs in the stream.

    Parameters
    ----------
    key : JAX key
        Determines all random numbers.
    model : GenerativeModel
        Such as `vae(config)`.
    stream : iterable of (epoch, state, info)
        For instance from `snapshots`.
    num_samples : int
        Number of samples at each epoch, n.

    Returns
    -------
    iterator of Drawn
        (epoch, x, u) with numpy arrays, drawn when each snapshot is read. You can pass the iterator
        to `loglin.follow`.

    Raises
    ------
    ValueError
        If an argument is invalid.

    See Also
    --------
    snapshots : Makes such a stream.
    loglin.follow : Selects features from the samples at each epoch.

    Examples
    --------
    >>> from models import VAEConfig, vae
    >>> model = vae(VAEConfig(num_features=4, num_latents=2, batch_size=2))
    >>> x = np.array([[0, 0, 1, 1], [1, 1, 0, 0]] * 4)
    >>> train_key, key = jax.random.split(jax.random.key(0))
    >>> stream = snapshots(train_key, model, x, epochs=[0, 2])
    >>> [(drawn.epoch, drawn.x.shape) for drawn in sample_at(key, model, stream, 10)]
    [(0, (10, 4)), (2, (10, 4))]
    """
    check_key(key)
    check_type(model, "model", GenerativeModel)
    num_samples = as_count(num_samples, "num_samples")
    if not isinstance(stream, Iterable):
        raise ValueError(
            f"`stream` must be an iterable of (epoch, state, info), got {shown(stream)}"
        )

    def draw() -> Iterator[Drawn]:
        for epoch, state, _ in stream:
            samples = model.sample(jax.random.fold_in(key, epoch), state, num_samples)
            yield Drawn(epoch, np.asarray(samples.x), np.asarray(samples.u))

    return draw()


def as_epochs(epochs: Any, first: int = 0) -> list[int]:
    """Check that epochs are integers that increase from `first` or later."""
    checked = list(epochs) if isinstance(epochs, Iterable) else [epochs]
    if not all(isinstance(epoch, int | np.integer) for epoch in checked):
        raise ValueError(f"`epochs` must be integers, got {checked}")
    if any(
        later <= earlier for earlier, later in zip([first - 1, *checked], checked, strict=False)
    ):
        raise ValueError(f"`epochs` must increase, from {first} or later, got {checked}")
    return [int(epoch) for epoch in checked]


def _first_epoch(resume: Any) -> int:
    if not isinstance(resume, tuple) or len(resume) != 2:
        raise ValueError(f"`resume` must be a pair (epoch, state), got {type(resume).__name__}")
    as_count(resume[0], "resume", 0)
    return int(resume[0])


def _as_held_out(model: GenerativeModel, x: jax.Array, held_out: ArrayLike) -> jax.Array:
    data = as_data(held_out, "held_out")
    if model.bound is None:
        raise ValueError("`held_out` is for models with a `bound`, and this one has none")
    if data.shape[1] != x.shape[1]:
        raise ValueError(
            f"`held_out` must have the columns of `x`: expected {x.shape[1]}, got {data.shape[1]}"
        )
    if model.check is not None:
        try:
            model.check(jnp.concatenate([x, data]))
        except ValueError as error:
            raise ValueError(f"`held_out` must be like `x`: {error}") from None
    return data


def _snapshots(
    keys: tuple[jax.Array, jax.Array],
    model: GenerativeModel,
    data: tuple[jax.Array, jax.Array | None],
    state: Any,
    done: int,
    epochs: list[int],
) -> Iterator[tuple[int, Any, Any]]:
    if not _is_sane(state):
        raise DivergedError(done, None)
    for epoch in epochs:
        block = partial(_block, model=model, num_epochs=epoch - done)
        if epoch == done:  # no epoch to train, so compile nothing
            outlines = jax.eval_shape(block, keys, state, data, done)[1]
            info = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), outlines)
        else:
            state, info, num_good = block(keys, state, data, done)
            if num_good < epoch - done:
                raise DivergedError(done + int(num_good) + 1, state)
            if epoch == epochs[-1]:
                _warn(model, info)
        done = epoch
        yield epoch, state, info


def _warn(model: GenerativeModel, info: Any) -> None:
    """Warn if after the last epoch the latents say nothing about a cell."""
    if model.warning is not None:
        of_model = info.info if isinstance(info, Monitored) else info
        sentence = model.warning(jax.tree.map(lambda leaf: leaf[-1], of_model))
        if sentence:
            warnings.warn(sentence, IdleLatentsWarning, stacklevel=3)


class Starts(NamedTuple):
    """Models trained in parallel; start i is entry i along the first axis of each array."""

    state: Any
    """State of the model; for a start that diverged, the last good state."""
    info: Any
    """Info of the model, one entry per epoch along the second axis."""
    num_epochs: jax.Array
    """(num_starts,) number of epochs before each start diverged, or of all epochs; -1 if `init`
    diverged, so that there is no good state."""


def train_starts(
    key: jax.Array, model: GenerativeModel, x: ArrayLike, num_epochs: int, num_starts: int
) -> Starts:
    """Train a model from several random starts at once.

    Start i is the result of ``train(jax.random.split(key, num_starts)[i], ...)`` up to rounding,
    since many starts at once are computed in a different order than one.

    Parameters
    ----------
    key : JAX key
        Determines all random numbers.
    model : GenerativeModel
        Such as `vae(config)`.
    x : (n, p) int array
        Training data.
    num_epochs : int
        Number of passes through the data.
    num_starts : int
        Number of trainings.

    Returns
    -------
    Starts
        States and infos, with one more axis, the first.

    Raises
    ------
    ValueError
        If an argument is invalid.

    See Also
    --------
    train : One training.
    loglin.stability : Do their selections agree?

    Examples
    --------
    >>> from models import VAEConfig, vae
    >>> model = vae(VAEConfig(num_features=4, num_latents=2, batch_size=2))
    >>> x = np.array([[0, 0, 1, 1], [1, 1, 0, 0]] * 4)
    >>> train_starts(jax.random.key(0), model, x, 2, num_starts=3).num_epochs.tolist()
    [2, 2, 2]
    """
    check_key(key)
    as_count(num_epochs, "num_epochs", 0)
    as_count(num_starts, "num_starts")
    check_type(model, "model", GenerativeModel)
    x = as_data(x)

    def one(key: jax.Array) -> Starts:
        init_key, epochs_key, bound_key = jax.random.split(key, 3)
        state = model.init(init_key, x)
        keys = epochs_key, bound_key
        done = Starts(*_block(keys, state, (x, None), 0, model=model, num_epochs=num_epochs))
        return done._replace(num_epochs=jnp.where(_is_sane(state), done.num_epochs, -1))

    return jax.vmap(one)(jax.random.split(key, num_starts))


@partial(jax.jit, static_argnames=("model", "num_epochs"))
def run_epochs(
    key: jax.Array, state: Any, x: jax.Array, *, model: GenerativeModel, num_epochs: int
) -> tuple[Any, Any]:
    """Return state and infos after `num_epochs` epochs, for traced code; nothing is checked."""

    def one(state: Any, epoch: jax.Array) -> tuple[Any, Any]:
        return model.epoch(jax.random.fold_in(key, epoch), state, x)

    return jax.lax.scan(one, state, jnp.arange(num_epochs))


@partial(jax.jit, static_argnames=("model", "num_epochs"))
def _block(
    keys: tuple[jax.Array, jax.Array],
    state: Any,
    data: tuple[jax.Array, jax.Array | None],
    first: int,
    *,
    model: GenerativeModel,
    num_epochs: int,
) -> tuple[Any, Any, jax.Array]:
    """Return the state after the last good epoch, the infos, and the number of good epochs."""
    (epochs_key, bound_key), (x, held_out) = keys, data

    def one(carry: tuple[Any, jax.Array], epoch: jax.Array) -> tuple[tuple[Any, jax.Array], Any]:
        before, num_good = carry
        state, info = model.epoch(jax.random.fold_in(epochs_key, epoch), before, x)
        if held_out is not None and model.bound is not None:
            # In one call with one key, so that both bounds use the same estimate of log Z.
            key = jax.random.fold_in(bound_key, epoch)
            bounds = model.bound(key, state, jnp.concatenate([x, held_out]))
            info = Monitored(info, bounds[: len(x)].mean(), bounds[len(x) :].mean())
        still_good = (num_good == epoch - first) & _is_sane(state) & _is_sane(info, jnp.inf)
        state = jax.tree.map(partial(jnp.where, still_good), state, before)
        return (state, num_good + still_good), info

    start = state, jnp.zeros((), int)
    (state, num_good), infos = jax.lax.scan(one, start, first + jnp.arange(num_epochs))
    return state, infos, num_good


def outline(tree: Any) -> tuple[Any, list[tuple[Any, Any]]]:
    """Return the structure of a pytree, and the shape and type of each leaf."""
    leaves = [(jnp.shape(leaf), jnp.result_type(leaf)) for leaf in jax.tree.leaves(tree)]
    return jax.tree.structure(tree), leaves


@partial(jax.jit, static_argnames="largest")
def _is_sane(tree: Any, largest: float = LARGEST) -> jax.Array:
    """Return whether all floats of a pytree are finite and at most `largest` in absolute value."""
    floats = [
        leaf
        for leaf in jax.tree.leaves(tree)
        if jnp.issubdtype(jnp.result_type(leaf), jnp.floating)
    ]
    return jnp.stack(
        [
            jnp.array(True),
            *(((jnp.abs(leaf) <= largest) & jnp.isfinite(leaf)).all() for leaf in floats),
        ]
    ).all()
