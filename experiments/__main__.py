"""Run a study of the paper, or all: ``loglin STUDY``, or ``python -m experiments STUDY``."""

import os
import signal
import sys

PIPE_CLOSED = 128 + 13
"""Exit status of a program whose output nobody reads on, as shells give it (128 + SIGPIPE)."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line, and end without a traceback on Ctrl-C and a closed pipe."""
    # While Python imports, Ctrl-C ends the process at once; afterwards it is handled.
    handler = signal.getsignal(signal.SIGINT)
    if handler is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from experiments.command_line import run

    signal.signal(signal.SIGINT, handler)
    try:
        try:
            run(sys.argv[1:] if arguments is None else arguments)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # What is left in the buffer has nowhere to go, and Python would complain about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(PIPE_CLOSED)


if __name__ == "__main__":
    main()
