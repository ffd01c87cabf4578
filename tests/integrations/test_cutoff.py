"""An attempt is cut when its time is up, and one thread watches over all of them."""

from __future__ import annotations

import socket
import threading
from datetime import timedelta

from integrations.http.cutoff import CutOff

LONG = timedelta(minutes=5)
NOW = timedelta(milliseconds=1)


def watchers() -> int:
    return sum(one.name == "cutoff" for one in threading.enumerate())


def test_a_hundred_attempts_at_once_have_one_watcher() -> None:
    attempts = [CutOff(LONG) for _ in range(100)]
    for attempt in attempts:
        attempt.__enter__()
    assert watchers() == 1
    for attempt in attempts:
        attempt.__exit__(None, None, None)
    assert not any(attempt.fired for attempt in attempts)


def test_a_blocked_read_ends_when_the_time_is_up_though_longer_ones_are_watched() -> None:
    near, far = socket.socketpair()
    with near, far, CutOff(LONG) as other, CutOff(NOW) as cut:
        cut.watch(near)
        assert near.recv(1) == b""
        assert (cut.fired, other.fired) == (True, False)


def test_a_connection_that_is_made_after_the_time_is_up_is_cut_at_once() -> None:
    first, peer = socket.socketpair()
    second, other = socket.socketpair()
    with first, peer, second, other, CutOff(NOW) as cut:
        cut.watch(first)
        assert first.recv(1) == b""
        cut.watch(second)
        assert second.recv(1) == b""


def test_a_finished_cutoff_does_not_close_the_connection() -> None:
    near, far = socket.socketpair()
    with near, far:
        with CutOff(LONG) as cut:
            cut.watch(near)
        cut.cut()
        far.sendall(b"x")
        assert (near.recv(1), cut.fired) == (b"x", False)
