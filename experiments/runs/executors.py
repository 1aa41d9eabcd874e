"""Executors of units of work: this process, worker processes, or a Dask cluster.

All three have the interface of `concurrent.futures.Executor`, and any other executor works as well.

The last bits of a large matrix product depend on the number of threads that compute it. After
enough epochs all digits of the results depend on it. Each process of a study therefore computes on
one core, however many the machine has; `--workers` makes use of the others.
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

    JAX reads `NPROC` once, when it first computes, so this has to be called before.
    """
    os.environ.setdefault("NPROC", "1")


class InProcess(Executor):
    """Runs each call when it is submitted, so calls run one after the other."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run a call and return its completed future."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class Workers(ThreadPoolExecutor):
    """Runs calls in spawned processes; if a process is killed, only its own call fails.

    (`ProcessPoolExecutor` aborts all calls when one of its processes dies.) Each thread of the pool
    has its own process, waits for it, and starts a new one if it has died. Processes are spawned
    because JAX does not work after a fork.
    """

    def __init__(self, num_workers: int) -> None:
        """Create the pool; each process starts with its first call."""
        super().__init__(num_workers)
        self._own = threading.local()
        self._processes: list[multiprocessing.process.BaseProcess] = []
        self._is_stopped = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Pass a call to the next free process; call and result must be picklable."""
        return super().submit(self._call, fn, args, kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes: at once if calls are cancelled, otherwise when all calls are done."""
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
        there.close()  # so that the connection closes when the process ends
        return process, here


def _work(connection: Connection) -> None:
    """Run the calls that arrive until the connection is closed."""
    compute_on_one_core()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C and kills us
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
    """Return a context manager that gives the executor for `--workers` and `--scheduler`."""
    if scheduler is not None:
        return _dask(scheduler)
    return Workers(workers) if workers else InProcess()
