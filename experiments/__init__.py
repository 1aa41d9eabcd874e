"""The studies of the paper (Section 3): numbers first, pictures from numbers.

The last bits of large matrix products depend on how many threads share them, and so, after enough
epochs, do all numbers. Each process of a study therefore computes on one core, whatever the
machine has; `--workers` uses the others. JAX reads this once, when it first computes.
"""

import os

os.environ.setdefault("NPROC", "1")
