"""How much the tests do: `make test` what shows a fault in minutes, `make test-deep` more of it."""

import os

DEEP = os.environ.get("LOGLIN_TEST_DEEP") == "1"


def usual_or_deep(usual, deep):
    """Return one of two sizes: samples, seeds, shapes."""
    return deep if DEEP else usual
