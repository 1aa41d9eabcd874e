"""Code that several studies share: models, training, evaluation, figures, and wording."""
