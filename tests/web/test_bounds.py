"""A request has to come in within its time, however busily it drips."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from waitress.adjustments import Adjustments

from runner.errors import Refused
from runner.web.serving import LONGEST, Bounded, Server


@pytest.fixture
def line() -> Iterator[Bounded]:
    """A connection whose requests nobody answers."""
    ours, theirs = socket.socketpair()
    server = SimpleNamespace(active_channels={}, add_task=lambda task: None)
    with ours, theirs:
        yield Bounded(server, ours, ("127.0.0.1", 1), Adjustments(), map={})


def drip(line: Bounded, data: bytes, at: float) -> None:
    line.last_activity = at  # what it sets itself when bytes arrive
    line.received(data)


def test_a_request_that_drips_beyond_its_time_ends_the_connection(line: Bounded) -> None:
    drip(line, b"GET / HTTP/1.1\r\n", 1000.0)
    drip(line, b"X: 1\r\n", 1000.0 + LONGEST)
    assert not line.will_close
    drip(line, b"X: 2\r\n", 1001.0 + LONGEST)
    assert line.will_close


def test_each_request_of_a_connection_has_its_own_time(line: Bounded) -> None:
    for at in (1000.0, 1000.0 + 2 * LONGEST):
        drip(line, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", at)
        assert (len(line.requests), line.will_close) == (1, False)
        line.requests = []


def test_an_address_in_use_is_refused_with_the_listen_option() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(Refused) as refused:
        Server(lambda environ, start: [], "127.0.0.1", taken.getsockname()[1])
    assert "--listen" in (refused.value.hint or "")
