import pytest

from tests.experiments.runs.counted import COUNTED


@pytest.fixture(autouse=True)
def _nothing_counted():
    COUNTED.clear()
