"""Pool of threads that perform effects. Each thread waits for one effect at a time.

Work comes in crowds, and most effects of a crowd are short. Waking a thread for each of them costs more than the
effect. So one thread is called for a crowd; it calls the next before it begins an effect while there is more to begin,
and no more than one call is ever under way. Effects that wait are begun one after another within a fraction of a
millisecond, on as many threads as there are; effects that do not are done by the one thread, one after another.
"""

from __future__ import annotations

import atexit
import threading
from collections import deque
from collections.abc import Callable, Iterable
from queue import SimpleQueue


class Pool:
    """At most ``size`` threads, started when there is something for them to do."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._todo: deque[Callable[[], None]] = deque()
        self._calls: SimpleQueue[bool] = SimpleQueue()
        self._called = False
        self._idle = 0
        self._threads: list[threading.Thread] = []
        self._counting = threading.Lock()

    def submit(self, jobs: Iterable[Callable[[], None]]) -> None:
        """Have jobs done, in order of their beginning; a job must not raise."""
        self._todo.extend(jobs)
        self._call()

    def close(self) -> None:
        """Drop what has not begun and let every thread end with what it does; does not wait for them."""
        self._todo.clear()
        for _ in self._threads:
            self._calls.put(False)

    def _end(self) -> None:
        """Before the process ends, wait for what has begun: a conversation with a server is not cut short."""
        self.close()
        for thread in self._threads:
            thread.join()

    def _call(self) -> None:
        """Call one thread, unless one is on its way already.

        A thread that was called says so before it looks at what there is to do: what came before is not overlooked.
        Two that call at the same time call twice, which costs a look.
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
        """Wait for a call; False when there will be none any more."""
        with self._counting:
            self._idle += 1
        try:
            return self._calls.get()
        finally:
            with self._counting:
                self._idle -= 1
