"""The models against the authors' package, scikit-learn and PyTorch, on one thread.

BoltzmannMachines.jl is not at hand where this runs; its CPU seconds were measured once on a
machine like the one this was written on. scikit-learn runs here. PyTorch is no dependency of the
project: its column is filled where it is installed. `make bench` sets all to one thread.
"""

import importlib.util
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from rich.table import Table
from sklearn.neural_network import BernoulliRBM

from benchmarks.report import show
from benchmarks.timing import alternate
from experiments.data.stairs import StairConfig, simulate_stairs
from models import DBMConfig, GenerativeModel, RBMConfig, VAEConfig, dbm, pretraining, rbm, vae
from models.boltzmann.sampling import gibbs, independent_layers
from models.random import uniform

LAYERS = (200, 200, 10)
JULIA_PRETRAINING = {1: 0.96, 10: 0.32, 100: 0.22}
JULIA_FINE_TUNING = 0.20
JULIA_GIBBS = 16.0
AS_THE_AUTHORS = DBMConfig(
    LAYERS,
    pretrain_epochs=0,
    fine_batch_size=None,
    sweeps_per_update=5,
    centered=False,
    halving_updates=11.0,
)
KEY = jax.random.key(0)
HAS_TORCH = importlib.util.find_spec("torch") is not None


def main() -> None:
    """Measure and print all tables."""
    config = StairConfig(num_cells=5000, num_noise=168)
    x = simulate_stairs(config, np.random.default_rng(0)).x
    show(boltzmann_machine(x), "models-dbm")
    show(one_layer(x), "models-rbm")
    show(autoencoder(), "models-vae", "" if HAS_TORCH else "PyTorch")


class Floor(NamedTuple):
    """What the parts cost that cannot be done without, where they run at their best."""

    multiply_add: float
    """Seconds of one, in a large matrix product."""
    number: float
    """Seconds of a uniform random number."""
    jax_number: float
    """The same from `jax.random`."""

    def say(self, multiply_adds: float, numbers: float) -> str:
        """Return the seconds of so many."""
        return f"{multiply_adds * self.multiply_add + numbers * self.number:.3f}"


def measure_floor() -> Floor:
    """Time a product of 10 000 x 200 x 200 and two million numbers."""
    size = 10_000 * 200
    weight, layer = jnp.ones((200, 200)), jnp.ones((10_000, 200))
    product = jax.jit(lambda layer: layer @ weight)
    numbers = jax.jit(lambda key: uniform(key, (10_000, 200)))
    jax_numbers = jax.jit(lambda key: jax.random.uniform(key, (10_000, 200)))
    seconds = alternate(
        {
            "product": lambda: jax.block_until_ready(product(layer)),
            "numbers": lambda: jax.block_until_ready(numbers(KEY)),
            "jax.random": lambda: jax.block_until_ready(jax_numbers(KEY)),
        },
        repeats=5,
    )
    return Floor(seconds["product"] / size / 200, *(seconds[n] / size for n in list(seconds)[1:]))


def boltzmann_machine(x: np.ndarray, num_chains: int = 10_000, num_sweeps: int = 100) -> Table:
    """Time an epoch of each phase of a DBM, and Gibbs sweeps, beside what they are made of."""
    floor, cells = measure_floor(), len(x)
    lower, upper = LAYERS[0] * LAYERS[1], LAYERS[1] * LAYERS[2]
    table = Table(
        "an epoch, or sampling", "ours (s)", "Julia (s)", "Julia / ours",
        "products and numbers alone (s)",
        title=f"DBM, {cells} x {x.shape[1]}, layers {LAYERS}, CPU seconds",
        caption=(
            f"at their best: products {2e-9 / floor.multiply_add:.0f} GFLOP/s, a uniform number "
            f"{1e9 * floor.number:.1f} ns (from jax.random {1e9 * floor.jax_number:.1f} ns)"
        ),
    )  # fmt: skip
    # Three products to the contrast, two for its gradient; one more on the way to the upper RBM.
    pretraining_floor = floor.say(cells * (6 * lower + 5 * upper), cells * (3 * 200 + 10))
    for batch_size, julia in JULIA_PRETRAINING.items():
        config = DBMConfig(LAYERS, batch_size=batch_size, pretrain_in_turn=True)
        name = f"pretraining of both RBMs, batch {batch_size}"
        call = epoch_of(pretraining(config), x)
        table.add_row(name, *beside(call, julia), pretraining_floor)
    for batch_size, sweeps in ((None, 5), (100, 1), (10, 1)):
        config = DBMConfig(LAYERS, pretrain_epochs=0, fine_batch_size=batch_size)
        name = f"fine-tuning, batch {batch_size}"
        if batch_size is None:
            config, name = AS_THE_AUTHORS, "fine-tuning, all cells at once, as the authors do"
        updates = cells / (batch_size or cells)
        # Data: to the first layer and back, gradient, one step of mean field. Chains: sweeps,
        # means of the odd layer, gradient.
        products = cells * (3 * lower + 3 * upper)
        products += updates * 100 * (2 * sweeps + 2) * (lower + upper)
        call = epoch_of(dbm(config), x)
        julia = None if batch_size else JULIA_FINE_TUNING
        least = floor.say(products, updates * 100 * sweeps * sum(LAYERS))
        table.add_row(name, *beside(call, julia), least)
    params = dbm(AS_THE_AUTHORS).init(KEY, np.zeros((10, LAYERS[0]), np.int8)).params
    layers = independent_layers(KEY, params, num_chains)
    drawn = num_chains * num_sweeps
    table.add_row(
        f"{num_chains} chains x {num_sweeps} Gibbs sweeps",
        *beside(lambda: jax.block_until_ready(gibbs(KEY, params, layers, num_sweeps)), JULIA_GIBBS),
        floor.say(drawn * 2 * (lower + upper), drawn * sum(LAYERS)),
    )
    return table


def epoch_of(model: GenerativeModel, x: np.ndarray) -> Callable[[], Any]:
    """Return a call that trains a model for an epoch."""
    x = jnp.asarray(x, jnp.int8)
    state = model.init(KEY, x)
    return lambda: jax.block_until_ready(model.epoch(KEY, state, x))


def beside(call: Callable[[], Any], julia: float | None) -> tuple[str, str, str]:
    """Return our seconds, Julia's, and the ratio."""
    seconds = alternate({"ours": call}, repeats=7)["ours"]
    if julia is None:
        return f"{seconds:.3f}", "", ""
    return f"{seconds:.3f}", f"{julia}", f"{julia / seconds:.1f}"


def one_layer(x: np.ndarray) -> Table:
    """Time an RBM against scikit-learn's, which is persistent with as many chains as cells."""
    table = Table(
        "batch", "ours (s)", "scikit-learn (s)", "scikit-learn / ours",
        title=f"An epoch of an RBM, {x.shape[0]} x {x.shape[1]}, 200 hidden units, CPU seconds",
    )  # fmt: skip
    for batch_size in (1, 10, 100):
        peer = BernoulliRBM(200, learning_rate=0.001, batch_size=batch_size, n_iter=1)
        seconds = alternate(
            {
                "ours": epoch_of(rbm(RBMConfig(x.shape[1], 200, batch_size=batch_size)), x),
                "scikit-learn": lambda peer=peer: peer.fit(x),
            },
            repeats=5,
        )
        ours, theirs = seconds["ours"], seconds["scikit-learn"]
        table.add_row(str(batch_size), f"{ours:.3f}", f"{theirs:.3f}", f"{theirs / ours:.1f}")
    return table


def autoencoder() -> Table:
    """Time a VAE on the paper's 1000 cells and 50 genes against PyTorch."""
    x = simulate_stairs(StairConfig(), np.random.default_rng(0)).x
    table = Table(
        "batch", "ours (s)", "PyTorch (s)", "PyTorch / ours",
        title=f"An epoch of a VAE, {x.shape[0]} x {x.shape[1]}, 10 latents, CPU seconds",
    )  # fmt: skip
    for batch_size in (1, 10, 100):
        calls = {"ours": epoch_of(vae(VAEConfig(x.shape[1], batch_size=batch_size)), x)}
        if HAS_TORCH:
            calls["PyTorch"] = torch_epoch(x, batch_size)
        seconds = alternate(calls, repeats=7)
        theirs = seconds.get("PyTorch")
        table.add_row(
            str(batch_size),
            f"{seconds['ours']:.4f}",
            f"{theirs:.4f}" if theirs else "",
            f"{theirs / seconds['ours']:.0f}" if theirs else "",
        )
    return table


def torch_epoch(x: np.ndarray, batch_size: int) -> Callable[[], None]:
    """Return a call that trains the same VAE for an epoch in PyTorch."""
    import torch
    from torch import nn

    torch.set_num_threads(1)
    data, num_features, num_latents = torch.tensor(x, dtype=torch.float32), x.shape[1], 10
    encoder = nn.Sequential(nn.Linear(num_features, num_features), nn.Tanh())
    to_mean, to_log_variance = (nn.Linear(num_features, num_latents) for _ in range(2))
    decoder = nn.Sequential(
        nn.Linear(num_latents, num_features), nn.Tanh(), nn.Linear(num_features, num_features)
    )
    parts = nn.ModuleList([encoder, to_mean, to_log_variance, decoder])
    optimizer = torch.optim.Adam(parts.parameters(), lr=1e-4)
    cross_entropy = nn.BCEWithLogitsLoss(reduction="sum")

    def epoch() -> None:
        for rows in torch.randperm(len(data)).split(batch_size):
            batch = data[rows]
            hidden = encoder(batch)
            mean, log_variance = to_mean(hidden), to_log_variance(hidden)
            u = mean + torch.exp(log_variance / 2) * torch.randn_like(mean)
            divergence = (log_variance.exp() + mean**2 - 1 - log_variance).sum() / 2
            loss = (cross_entropy(decoder(u), batch) + divergence) / len(batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return epoch


if __name__ == "__main__":
    main()
