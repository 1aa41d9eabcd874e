"""`loglin explore`: from a file of one's own to a page that says what a model learned of it.

`files` reads, `coding` makes codes, `training` trains models and draws samples, `findings` selects
features and describes their patterns, `page` writes it all down, `adata` writes it back to the
cells, and `command` does these one after the other, as `settings` say.
"""

from experiments.explore.command import Exploration, explore
from experiments.explore.settings import Input, Learning, Output

__all__ = ["Exploration", "Input", "Learning", "Output", "explore"]
