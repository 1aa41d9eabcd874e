"""The patterns that chosen features form, and how they relate (Sections 2.3 and 2.6)."""

from loglin.patterns.distances import pattern_distances
from loglin.patterns.frequent import (
    Patterns,
    frequent_patterns,
    union_of_features,
    union_of_patterns,
)
from loglin.patterns.labels import transfer_labels
from loglin.patterns.maps import embed, kruskal_stress

__all__ = [
    "Patterns",
    "embed",
    "frequent_patterns",
    "kruskal_stress",
    "pattern_distances",
    "transfer_labels",
    "union_of_features",
    "union_of_patterns",
]
