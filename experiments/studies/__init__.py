"""The studies, one module or folder each; `catalogue` lists them."""
