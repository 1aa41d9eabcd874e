import pytest


@pytest.fixture(scope="package", autouse=True)
def small_forests():
    """Predict labels with few trees, which is as good here and takes a tenth of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("experiments.explore.findings.NUM_TREES", 10)
        yield
