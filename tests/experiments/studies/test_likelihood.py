from itertools import product

import numpy as np
import pytest

from experiments.studies import likelihood
from tests.experiments.tiny import STAIRS, run


def test_from_data_to_page(tmp_path, capsys):
    settings = STAIRS.replace("--batch-size 10", "--models vae --num-held-out 40 --seeds 2")
    _, html = run(capsys, "likelihood", settings, tmp_path)
    assert "VAE: a model chosen by this criterion shows the structure." in html


def test_log_likelihood_of_stages_is_that_of_the_enumerated_mixture():
    probabilities = np.array([[0.2, 0.9, 0.5], [0.7, 0.1, 0.3]])
    states = np.array(list(product([0, 1], repeat=3)))
    exact = [np.where(state, probabilities, 1 - probabilities).prod(1).mean() for state in states]
    assert sum(exact) == pytest.approx(1)
    for state, chance in zip(states, exact, strict=True):
        found = likelihood.log_likelihood(state[None], probabilities)
        assert found == pytest.approx(np.log(chance))
