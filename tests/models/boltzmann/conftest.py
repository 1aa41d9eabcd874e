import jax
import pytest

PRECISIONS = {"float32": 1e-6, "float64": 1e-10}


@pytest.fixture(params=sorted(PRECISIONS))
def tolerance(request):
    """Run a test in both precisions."""
    with jax.enable_x64(request.param == "float64"):
        yield PRECISIONS[request.param]
