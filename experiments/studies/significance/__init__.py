"""Significance of the steps of a selection, by training on permuted features (Section 2.2)."""

from experiments.studies.significance.experiment import Config, PermutationConfig, units
from experiments.studies.significance.statements import summarize

__all__ = ["Config", "PermutationConfig", "summarize", "units"]
