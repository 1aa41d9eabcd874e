"""Maps of the patterns in the latents of a DBM over its training (Section 3.1.3, Fig. 4)."""

from experiments.studies.pattern_map.experiment import Config, units
from experiments.studies.pattern_map.statements import summarize

__all__ = ["Config", "summarize", "units"]
