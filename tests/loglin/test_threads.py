import os
import threading

import pytest

from loglin._threads import _threads, by_parts, equal_parts, in_threads


@pytest.mark.parametrize(("size", "number"), [(10, 3), (3, 3), (7, 1), (0, 1)])
def test_parts_follow_each_other(size, number):
    parts = equal_parts(size, number)
    assert len(parts) == number
    assert [i for part in parts for i in range(part.start, part.stop)] == list(range(size))
    assert max(part.stop - part.start for part in parts) <= -(-size // number)


@pytest.mark.parametrize("num_threads", [None, 1, 2, 5])
def test_each_piece_is_done_once(num_threads):
    done = []
    in_threads(lambda *piece: done.append(piece), [(i, -i) for i in range(20)], num_threads)
    assert sorted(done) == [(i, -i) for i in range(20)]


def test_threads_take_what_is_left():
    by_thread = {}
    met, last = threading.Barrier(2, timeout=10), threading.Event()

    def work(piece):
        if piece < 2:
            met.wait()  # passes only if two threads are at work
        by_thread.setdefault(threading.get_ident(), []).append(piece)
        if piece == 8:
            last.set()
        if threading.current_thread() is not threading.main_thread():
            assert last.wait(10)

    in_threads(work, [(i,) for i in range(9)], 2)
    assert sorted(map(len, by_thread.values())) == [1, 8]


def test_nobody_waits_for_threads_that_are_busy_elsewhere():
    free = threading.Event()
    pool = _threads(os.getpid())
    busy = [pool.submit(free.wait, 60) for _ in range(pool._max_workers)]
    try:
        done = []
        in_threads(lambda piece: done.append(piece), [(i,) for i in range(4)])
        assert done == [0, 1, 2, 3]
        assert not any(job.done() for job in busy)
    finally:
        free.set()


def test_errors_of_other_threads_are_raised():
    met = threading.Barrier(2, timeout=10)

    def work(piece):
        met.wait()
        if threading.current_thread() is not threading.main_thread():
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        in_threads(work, [(0,), (1,)])


@pytest.mark.parametrize(("size", "num_threads"), [(100, 3), (2, 3), (5, 1)])
def test_parts_cover_everything_once(size, num_threads):
    done = []
    by_parts(lambda part: done.extend(range(part.start, part.stop)), size, num_threads)
    assert sorted(done) == list(range(size))
