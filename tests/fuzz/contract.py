"""What any call may do: return a result, or raise one of few errors with one sentence."""

import resource
import time
import warnings

LONGEST = 10.0
"""Seconds that a case may take."""
MOST_BYTES = 2 * 2**30
"""Memory that the process may take at its peak, beside what it had before the cases."""


class ViolationError(Exception):
    """A case did something else."""


def peak_bytes():
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def check(case, rng, before):
    """Run a case; return whether it had a result.

    Parameters
    ----------
    case : callable
        Draws its input from `rng` and calls what is tested.
    rng : numpy Generator
    before : int
        Peak memory before the first case, in bytes.

    Raises
    ------
    ViolationError
        If it raises another error, says more or less than one sentence that names what is wrong,
        overflows or divides by zero without saying so, or takes too long or too much memory.
    """
    began = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", RuntimeWarning)
        try:
            case(rng)
            has_result = True
        except (ValueError, TypeError, OSError) as error:
            has_result = False
            check_sentence(str(error), error)
        except Exception as error:
            raise ViolationError(f"{type(error).__name__}: {error}") from error
    if time.monotonic() - began > LONGEST:
        raise ViolationError(f"took {time.monotonic() - began:.0f} s")
    if peak_bytes() - before > MOST_BYTES:
        raise ViolationError(f"took {(peak_bytes() - before) / 2**30:.1f} GiB")
    return has_result


def check_sentence(text, error=None):
    """Check that a message is one sentence that names an argument, as `argument`."""
    if not ("`" in text or " must " in text) or "\n" in text or len(text) > 1000:
        raise ViolationError(f"{type(error).__name__} says {text!r}") from error
