"""Which genes of the cortex cells a model relates to its latents (Section 3.2.1, Fig. 5)."""

from experiments.studies.cortex_selection.experiment import Config, units
from experiments.studies.cortex_selection.statements import summarize

__all__ = ["Config", "summarize", "units"]
