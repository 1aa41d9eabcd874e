"""Settings with which a study runs in seconds; the same ones, so that XLA compiles models once."""

import numpy as np

from experiments.__main__ import main
from experiments.data.stairs import StairConfig, simulate_stairs

TRAJECTORY = "--num-epochs 4 --every 2 --num-samples 300 --num-selected 3 --num-patterns 4"
STAIRS = f"{TRAJECTORY} --num-cells 40 --num-stages 3 --num-noise 4 --batch-size 10"
CELLS = simulate_stairs(
    StairConfig(num_cells=40, num_stages=3, num_noise=4), np.random.default_rng(0)
).x
"""Cells as those of `STAIRS`, (40, 15)."""
CORTEX = f"{TRAJECTORY} --batch-size 50 --vae-batch-size 50 --num-starts 1 --seeds 1"
RUNTIME = (
    "--num-features 32 40 --num-selected 1 2 --fixed-features 32 --fixed-selected 1 "
    "--num-samples 200 --num-latents 2 --repeats 1 --seeds 1"
)


def run(capsys, study, arguments, out):
    """Run a study on the command line; return what it prints, and its page."""
    main([study, *arguments.split(), "--out", str(out)])
    printed = " ".join(capsys.readouterr().out.split())
    for figure in (out / study).glob("*.png"):
        assert figure.stat().st_size > 5000
    return printed, (out / "index.html").read_text()
