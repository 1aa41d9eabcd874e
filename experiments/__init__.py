"""The studies of the paper (Section 3): numbers first, pictures from numbers."""
