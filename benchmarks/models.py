"""The models against the authors' package, scikit-learn and PyTorch, on one thread.

BoltzmannMachines.jl is not at hand where this runs; its CPU seconds were measured once on a
machine like the one this was written on. scikit-learn runs here. PyTorch is no dependency of the
project: its column is filled where it is installed. `make bench` sets all to one thread.
"""

import importlib.util
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from rich.console import Console
from rich.table import Table
from sklearn.neural_network import BernoulliRBM

from benchmarks.timing import alternate
from experiments.stairs import StairConfig, simulate_stairs
from models import DBMConfig, GenerativeModel, RBMConfig, VAEConfig, dbm, pretraining, rbm, vae
from models.boltzmann import gibbs, independent_layers
from models.draws import uniform

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


def main() -> None:
    """Measure and print all tables."""
    console = Console()
    config = StairConfig(num_cells=5000, num_noise=168)
    x = simulate_stairs(config, np.random.default_rng(0)).x
    console.print(boltzmann_training(x))
    console.print(one_layer(x))
    console.print(sampling())
    console.print(autoencoder())


def boltzmann_training(x: np.ndarray) -> Table:
    """Time the phases of a DBM, an epoch each."""
    table = Table(
        "phase", "ours (s)", "Julia (s)", "Julia / ours",
        title=f"An epoch of {x.shape[0]} x {x.shape[1]}, layers {LAYERS}, CPU seconds",
    )  # fmt: skip
    for batch_size, julia in JULIA_PRETRAINING.items():
        config = DBMConfig(LAYERS, batch_size=batch_size, pretrain_in_turn=True)
        name = f"pretraining of both RBMs, batch {batch_size}"
        table.add_row(name, *beside(epoch_of(pretraining(config), x), julia))
    name = "fine-tuning, all cells at once, as the authors do"
    table.add_row(name, *beside(epoch_of(dbm(AS_THE_AUTHORS), x), JULIA_FINE_TUNING))
    for batch_size in (100, 10):
        config = DBMConfig(LAYERS, pretrain_epochs=0, fine_batch_size=batch_size)
        seconds = alternate({"ours": epoch_of(dbm(config), x)}, repeats=5)["ours"]
        table.add_row(f"fine-tuning, batch {batch_size}", f"{seconds:.3f}", "", "")
    return table


def epoch_of(model: GenerativeModel, x: np.ndarray) -> Callable[[], Any]:
    """Return a call that trains a model for an epoch."""
    x = jnp.asarray(x, jnp.int8)
    state = model.init(KEY, x)
    return lambda: jax.block_until_ready(model.epoch(KEY, state, x))


def beside(call: Callable[[], Any], julia: float) -> tuple[str, str, str]:
    """Return our seconds, Julia's, and the ratio."""
    seconds = alternate({"ours": call}, repeats=7)["ours"]
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


def sampling(num_chains: int = 10_000, num_sweeps: int = 100) -> Table:
    """Time Gibbs sweeps, and what they are made of."""
    params = dbm(AS_THE_AUTHORS).init(KEY, np.zeros((10, LAYERS[0]), np.int8)).params
    layers = independent_layers(KEY, params, num_chains)
    weight = jnp.ones((200, 200), jnp.float32)
    product = jax.jit(lambda layer: layer @ weight)
    numbers = jax.jit(lambda key: uniform(key, (num_chains, 200)))
    jax_numbers = jax.jit(lambda key: jax.random.uniform(key, (num_chains, 200)))
    seconds = alternate(
        {
            "sweeps": lambda: jax.block_until_ready(gibbs(KEY, params, layers, num_sweeps)),
            "product": lambda: jax.block_until_ready(product(layers[0])),
            "numbers": lambda: jax.block_until_ready(numbers(KEY)),
            "jax.random": lambda: jax.block_until_ready(jax_numbers(KEY)),
        },
        repeats=5,
    )
    units, pairs = sum(LAYERS), 200 * 200 + 200 * 10
    floor = num_sweeps * (
        2 * pairs / 200**2 * seconds["product"] + units / 200 * seconds["numbers"]
    )
    table = Table(
        "ours (s)", "Julia (s)", "Julia / ours", "products and numbers alone (s)",
        title=f"{num_chains} chains x {num_sweeps} Gibbs sweeps, layers {LAYERS}, CPU seconds",
        caption=(
            f"a uniform number takes {1e9 * seconds['numbers'] / num_chains / 200:.1f} ns, from "
            f"jax.random {1e9 * seconds['jax.random'] / num_chains / 200:.1f} ns; products run at "
            f"{2e-9 * num_chains * 200**2 / seconds['product']:.0f} GFLOP/s"
        ),
    )  # fmt: skip
    sweeps = seconds["sweeps"]
    table.add_row(f"{sweeps:.2f}", f"{JULIA_GIBBS}", f"{JULIA_GIBBS / sweeps:.1f}", f"{floor:.2f}")
    return table


def autoencoder() -> Table:
    """Time a VAE on the paper's 1000 cells and 50 genes against PyTorch."""
    x = simulate_stairs(StairConfig(), np.random.default_rng(0)).x
    has_torch = importlib.util.find_spec("torch") is not None
    table = Table(
        "batch", "ours (s)", "PyTorch (s)", "PyTorch / ours",
        title=f"An epoch of a VAE, {x.shape[0]} x {x.shape[1]}, 10 latents, CPU seconds",
        caption=None if has_torch else "PyTorch is not installed here",
    )  # fmt: skip
    for batch_size in (1, 10, 100):
        calls = {"ours": epoch_of(vae(VAEConfig(x.shape[1], batch_size=batch_size)), x)}
        if has_torch:
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
