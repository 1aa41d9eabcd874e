"""Run one study of the paper, or all: ``loglin STUDY``, or ``python -m experiments STUDY``."""

import os
import signal
import sys

PIPE_CLOSED = 128 + 13
"""Exit status after writing to a closed pipe, as shells report it (128 + SIGPIPE)."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; end without a traceback on Ctrl-C or a closed pipe."""
    # During the imports Ctrl-C ends the process at once; afterwards `run` handles it.
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
        # Discard what is left in the buffer: at exit, Python would fail to write it and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(PIPE_CLOSED)


if __name__ == "__main__":
    main()
