"""Where units of work run: in this process, in processes of their own, or on a Dask cluster.

All three are executors as in `concurrent.futures`; any other one would do as well.

The last bits of large matrix products depend on how many threads share them, and so, after enough
epochs, do all numbers. Each process of a study therefore computes on one core, whatever the
machine has; `--workers` uses the others.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from multiprocessing.connection import Connection
from typing import Any


def compute_on_one_core() -> None:
    """Have JAX compute on one core in this process, unless `NPROC` says otherwise.

    JAX reads this once, when it first computes.
    """
    os.environ.setdefault("NPROC", "1")


class InProcess(Executor):
    """Runs each call at once, and so one after the other."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run a call and return its future, which is done."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class Workers(ThreadPoolExecutor):
    """Runs calls in spawned processes; one that is killed takes only its own call with it.

    (`ProcessPoolExecutor` gives up all calls when one of its processes dies.) Each thread of the
    pool has a process of its own, waits for it, and starts another one if it is gone. JAX does not
    survive a fork, so processes are spawned.
    """

    def __init__(self, num_workers: int) -> None:
        """Start no process yet: each starts with its first call."""
        super().__init__(num_workers)
        self._own = threading.local()
        self._processes: list[multiprocessing.process.BaseProcess] = []
        self._is_stopped = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Hand a call to the next process that is free; all of it must be picklable."""
        return super().submit(self._call, fn, args, kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes: at once if calls are cancelled, else when all is done."""
        if cancel_futures:
            self._kill()
        super().shutdown(wait=wait, cancel_futures=cancel_futures)
        if wait:
            self._kill()

    def _kill(self) -> None:
        self._is_stopped = True
        for process in self._processes:
            process.kill()

    def _call(self, fn: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        if not hasattr(self._own, "worker") or not self._own.worker[0].is_alive():
            if self._is_stopped:
                raise BrokenExecutor("the workers were stopped")
            self._own.worker = self._start()
        process, connection = self._own.worker
        try:
            connection.send((fn, args, kwargs))
            is_good, value = connection.recv()
        except (EOFError, OSError):
            process.join()
            raise BrokenExecutor("its worker was killed") from None
        if is_good:
            return value
        raise value

    def _start(self) -> tuple[multiprocessing.process.BaseProcess, Connection]:
        spawn = multiprocessing.get_context("spawn")
        here, there = spawn.Pipe()
        process = spawn.Process(target=_work, args=(there,), daemon=True)
        process.start()
        self._processes.append(process)
        there.close()  # so that the end of the process is the end of the connection
        return process, here


def _work(connection: Connection) -> None:
    """Answer calls, until the other end is gone."""
    compute_on_one_core()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which kills us
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            fn, args, kwargs = connection.recv()
        except EOFError:
            return
        try:
            answer = True, fn(*args, **kwargs)
        except Exception as error:
            answer = False, error
        connection.send(answer)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)


@contextmanager
def _dask(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError:
        raise OSError(
            "`scheduler` needs the package dask.distributed: install the extra `cluster`"
        ) from None
    try:
        client = Client(address, timeout=10)
    except (OSError, ValueError) as error:
        raise OSError(f"`scheduler` {address} cannot be reached: {error}") from None
    with client:
        client.register_worker_callbacks(setup=compute_on_one_core)
        yield client.get_executor(pure=False)


def executor(workers: int, scheduler: str | None) -> AbstractContextManager[Executor]:
    """Return the executor of the command line's `--workers` and `--scheduler`, to be entered."""
    if scheduler is not None:
        return _dask(scheduler)
    return Workers(workers) if workers else InProcess()
