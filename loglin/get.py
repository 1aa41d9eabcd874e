"""Results from an AnnData as data frames, as `scanpy.get` does."""

from loglin.scverse import selection_df

__all__ = ["selection_df"]
