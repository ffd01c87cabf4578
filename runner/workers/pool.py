"""Pool of threads that perform effects. Each thread waits for one effect at a time.

Work arrives in groups, and most effects of a group are short. Waking a thread for each of them costs more than the
effect. So one thread is woken for a group; before it starts an effect, it wakes the next thread if more work is left,
and only one wake-up is pending at a time. Effects that block start one after another within a fraction of a
millisecond, on as many threads as there are; effects that do not block are done by the one thread in order.
"""

from __future__ import annotations

import atexit
import threading
from collections import deque
from collections.abc import Callable, Iterable
from queue import SimpleQueue


class Pool:
    """At most ``size`` threads, started when there is work for them."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._todo: deque[Callable[[], None]] = deque()
        self._calls: SimpleQueue[bool] = SimpleQueue()
        self._called = False
        self._idle = 0
        self._threads: list[threading.Thread] = []
        self._counting = threading.Lock()

    def submit(self, jobs: Iterable[Callable[[], None]]) -> None:
        """Add jobs, which start in order; a job must not raise."""
        self._todo.extend(jobs)
        self._call()

    def close(self) -> None:
        """Drop jobs that have not started and let every thread end after its job; does not wait for them."""
        self._todo.clear()
        for _ in self._threads:
            self._calls.put(False)

    def _end(self) -> None:
        """Before the process ends, wait for running jobs: a conversation with a server is not interrupted."""
        self.close()
        for thread in self._threads:
            thread.join()

    def _call(self) -> None:
        """Wake one thread, unless one is being woken.

        A woken thread resets the flag before it reads the queue, so no earlier job is missed.
        Two callers at the same time wake two threads, which costs one check.
        """
        if self._called or not self._todo:
            return
        self._called = True
        with self._counting:
            if self._idle == 0 and len(self._threads) < self._size:
                self._hire()
        self._calls.put(True)

    def _hire(self) -> None:
        if not self._threads:
            atexit.register(self._end)
        made = threading.Thread(target=self._work, name=f"effect_{len(self._threads)}", daemon=True)
        self._threads.append(made)
        made.start()

    def _work(self) -> None:
        todo = self._todo
        while self._awaited():
            self._called = False
            while todo:
                try:
                    job = todo.popleft()
                except IndexError:
                    break
                self._call()
                job()

    def _awaited(self) -> bool:
        """Wait for a wake-up; False if there will be none any more."""
        with self._counting:
            self._idle += 1
        try:
            return self._calls.get()
        finally:
            with self._counting:
                self._idle -= 1
