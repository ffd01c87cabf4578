"""Environment of a command: streams, variables, clock and system user.

This one value has all inputs, so that a test runs a whole command in its own process without patches.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

from runner.errors import Usage

if TYPE_CHECKING:
    from subprocess import Popen

    from runner.app.core.conflict_retry import Backoff
    from runner.app.core.identifiers import Clock, IdGenerator
    from runner.base.actor import Principal

PIPED_WIDTH = 100
"""Columns without a terminal that reports its width."""


class World(NamedTuple):
    """Streams, environment, folder, time, identifiers and the person at the machine."""

    inp: TextIO
    out: TextIO
    err: TextIO
    environ: Mapping[str, str]
    cwd: Path
    clock: Clock
    chance: IdGenerator
    who: Callable[[str], Principal]
    """Returns the principal for a claim (empty for none)."""
    spawn: Callable[[Sequence[str], Mapping[str, str], Path, Path], Popen[bytes]]
    """Starts a command that runs after this one: words, environment, folder and log; raises OSError."""
    backoff: Backoff | None = None
    """How a command waits for others that change the same data; None does not wait."""

    @property
    def asks(self) -> bool:
        """Return whether a person at a terminal can answer a question."""
        return self.inp.isatty() and self.err.isatty()

    def colours(self, stream: TextIO) -> bool:
        """Return whether output to this stream may be coloured and redrawn."""
        return stream.isatty() and not self.environ.get("NO_COLOR") and self.environ.get("TERM") != "dumb"

    @property
    def width(self) -> int:
        """Return the width for text in columns."""
        if self.environ.get("COLUMNS", "").isdigit():
            return int(self.environ["COLUMNS"])
        if not self.out.isatty():
            return PIPED_WIDTH
        try:
            return os.get_terminal_size(self.out.fileno()).columns
        except (OSError, ValueError):
            return PIPED_WIDTH


def this_world() -> World:
    """Return the environment of this process."""
    from runner.app.core.conflict_retry import this_backoff
    from runner.app.core.identifiers import RandomIds, SystemClock
    from runner.cli.framework.streams import standard

    inp, out, err = standard()
    return World(
        inp=inp,
        out=out,
        err=err,
        environ=os.environ,
        cwd=_cwd(),
        clock=SystemClock(),
        chance=RandomIds(),
        who=_who,
        spawn=_spawn,
        backoff=this_backoff(),
    )


def _cwd() -> Path:
    try:
        return Path.cwd()
    except OSError:
        return Path("/")


def _who(claimed: str) -> Principal:
    from runner.app.home.open_home import this_principal

    return this_principal(claimed)


def _spawn(words: Sequence[str], environ: Mapping[str, str], folder: Path, log: Path) -> Popen[bytes]:
    """Start a command in its own session: it does not end with this process or its terminal."""
    import subprocess

    apart: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        apart = {"creationflags": subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP}
    given = [sys.executable, "-P", "-m", "runner", *words]  # -P: nothing is imported from the folder
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as out:
        streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": out, "stderr": out}
        return subprocess.Popen(given, cwd=folder, env=dict(environ), **streams, **apart)  # noqa: S603  # no shell


def notify_manager(state: str) -> None:
    """Tell the service manager a state, such as ``READY=1`` (sd_notify(3)); nothing without a service manager."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address:
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.sendto(state.encode(), f"\0{address[1:]}" if address[0] == "@" else address)


def progress(turns: Callable[[], int]) -> Callable[[], bool]:
    """Return a check, for once a minute, whether a loop turned since the last one; then the service manager is told.

    The manager starts a service again whose loop hangs (``WatchdogSec`` of the unit, several times as long).
    """
    seen = -1

    def turned() -> bool:
        nonlocal seen
        before, seen = seen, turns()
        if seen != before:
            notify_manager("WATCHDOG=1")
        return seen != before

    return turned


@contextmanager
def stopped_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call ``stop`` at SIGTERM and Ctrl-C in this context; the service manager is told that the program is ready."""

    def heard(number: int, frame: FrameType | None) -> None:
        stop()

    before = {number: signal.signal(number, heard) for number in (signal.SIGTERM, signal.SIGINT)}
    notify_manager("READY=1")
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


LOOPBACK = ("127.0.0.1", "::1", "localhost")


def listen_address(text: str, example: str) -> tuple[str, int]:
    """Return the host and the port of ``ADDRESS:PORT``; raises Usage."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise Usage(
            f'"{text}" is not an address with a port.', hint=f"Use --listen {example}", code="bad_address"
        )
    return host.strip("[]"), int(port)
