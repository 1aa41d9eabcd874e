"""What several studies share: models and their training, evaluation, figures, and words."""
