"""Train scVI on simulated counts, and keep what it generates: `python scvi_samples.py`.

Needs scvi-tools besides this package. The notebook `scvi.md` calls `cells_with_counts` and, where
scvi-tools is installed, `trained_scvi`; otherwise it reads the file that this script has written.
"""

from pathlib import Path

import anndata
import numpy as np
import pandas as pd

from experiments.data.stairs import StairConfig, gene_names, simulate_stairs

FILE = Path(__file__).with_name("scvi_samples.npz")


def cells_with_counts():
    """Return 1000 cells of ten stages, with a count for each of 50 genes."""
    rng = np.random.default_rng(0)
    stairs = simulate_stairs(StairConfig(probability_off=0.05), rng)
    depth = rng.lognormal(sigma=0.3, size=(len(stairs.x), 1))
    counts = rng.negative_binomial(3, 3 / (3 + depth * np.where(stairs.x, 6, 0.05)))
    cells = [f"cell {number}" for number in range(1, len(counts) + 1)]
    stages = pd.Categorical(stairs.stage + 1)
    return anndata.AnnData(
        counts.astype(np.float32),
        pd.DataFrame({"stage": stages}, cells),
        pd.DataFrame({"role": pd.Categorical(stairs.genes.role)}, gene_names(stairs.genes)),
    )


def trained_scvi(cells):
    """Train scVI with five latents on the counts of cells."""
    import scvi

    scvi.settings.seed = 0
    cells = cells.copy()
    scvi.model.SCVI.setup_anndata(cells)
    model = scvi.model.SCVI(cells, n_latent=5, n_hidden=64)
    model.train(max_epochs=100, accelerator="cpu", enable_progress_bar=False, logger=False)
    return model


if __name__ == "__main__":
    from loglin.scverse import from_scvi

    counts, latents = from_scvi(trained_scvi(cells_with_counts()))
    np.savez_compressed(FILE, counts=counts.to_numpy(np.uint8), latents=latents.astype(np.float16))
