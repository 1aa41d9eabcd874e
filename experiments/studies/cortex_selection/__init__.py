"""Which genes a model relates to its latents on the cortex cells (Section 3.2.1, Fig. 5)."""

from experiments.studies.cortex_selection.experiment import Config, units
from experiments.studies.cortex_selection.statements import summarize

__all__ = ["Config", "summarize", "units"]
