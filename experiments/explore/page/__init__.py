"""The page that says what a model has learned, and the tables behind it.

`numbers` are what follows from the findings; `sentences` and `certainty` say it, `figures` draw it,
`tables` show and `records` keep it. `rendering` makes the page of all this, `writing` writes it.
"""

from experiments.explore.page.rendering import render
from experiments.explore.page.writing import write_page

__all__ = ["render", "write_page"]
