"""Which features cover what is known of real data: the paper's rule, others, and simpler ways.

The paper's rule collects features that are associated with a latent *or with each other*. Where
many features say the same, it finds one module. Here it is compared with conditional gains, whose
patterns should tell as much as possible of all that the latents know. The judge is the class of
the samples, which neither the model nor the selection has seen.
"""

from experiments.studies.covering.experiment import Config, units
from experiments.studies.covering.statements import summarize

__all__ = ["Config", "summarize", "units"]
