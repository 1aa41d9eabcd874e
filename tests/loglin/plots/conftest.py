import numpy as np
import pytest
from matplotlib import pyplot as plt

from loglin import select_features


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


@pytest.fixture(scope="module")
def selection():
    """Two features that follow latents, and one more; each shuffled."""
    rng = np.random.default_rng(3)
    u = rng.integers(2, size=(300, 2))
    x = rng.integers(2, size=(300, 7))
    x[:, [1, 4]] = np.where(rng.random((300, 2)) < 0.8, u, x[:, [1, 4]])
    return select_features(x, u, 3, num_shuffles=5, rng=rng)
