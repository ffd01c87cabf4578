"""The real commands, each in a fresh interpreter, on a machine that has too much to do: what the soak and the cold starts share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import msgspec

from runner.app.core.identifiers import RandomIds, SystemClock
from tests.cli.at_desk import AtDesk
from tests.crash.scenario import SIGNING, home

LOOP = "import os\nwhile os.getppid() == int(os.environ['LOADED']): pass"


@contextmanager
def busy_machine() -> Iterator[None]:
    """Keep every core busy and one program waiting, so that each thread is interrupted anywhere."""
    environ = {**os.environ, "LOADED": str(os.getpid())}
    number = (os.cpu_count() or 1) + 1
    loops = [subprocess.Popen([sys.executable, "-c", LOOP], env=environ) for _ in range(number)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


@contextmanager
def running(
    home: Path, *words: str, said: IO[Any] | int = subprocess.DEVNULL
) -> Iterator[subprocess.Popen[str]]:
    """Start a command that does not outlive the block."""
    with started(home, *words, said=said) as command:
        try:
            yield command
        finally:
            command.kill()


def started(
    home: Path, *words: str, said: IO[Any] | int = subprocess.DEVNULL, inside: tuple[str, ...] = ()
) -> subprocess.Popen[str]:
    """Start a command; what it says goes to ``said``. ``inside`` is a program that starts it, such as in a network of its own."""
    return subprocess.Popen(
        [*inside, sys.executable, "-m", "runner", *words],
        env={**os.environ, "TOCSIN_HOME": str(home), "TOCSIN_STATE": str(home.with_name("state"))},
        stderr=said,
        text=True,
    )


def at_desk(folder: Path, store: str = "") -> AtDesk:
    """Return a person whose commands have the machine's own time, as those in other processes have."""
    return AtDesk(folder, SystemClock(), RandomIds(), store=store)


def home_of(folder: Path, store: str, smtp: int, http: int, host: str = "127.0.0.1") -> AtDesk:
    """Make the home of the crash tests' organisation."""
    desk = at_desk(folder, store)
    desk.done("init")
    (folder / "signing").write_text(SIGNING, encoding="utf-8")
    (folder / "signing").chmod(0o600)
    settings = msgspec.to_builtins(home(smtp, http, host))
    desk.settings(**{name: settings[name] for name in ("people", "roles", "channels", "act")})
    return desk
