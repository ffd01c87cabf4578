"""What a command sees of the world outside: its streams, its environment, the clock and who sits at the machine.

Everything comes in through this one value, so that a test runs a whole command in its own process and patches nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TextIO

if TYPE_CHECKING:
    from runner.model.actor import Actor
    from runner.service.backoff import Backoff
    from runner.service.chance import Chance, Clock

PIPED_WIDTH = 100
"""Columns where nobody's terminal says how many there are."""


class World(NamedTuple):
    """Streams, environment, folder, time, identifiers and the person at the machine."""

    inp: TextIO
    out: TextIO
    err: TextIO
    environ: Mapping[str, str]
    cwd: Path
    clock: Clock
    chance: Chance
    who: Callable[[str], Actor]
    """From a claim (empty for none) to the actor that events are recorded with."""
    backoff: Backoff | None = None
    """How a command waits for others that change the same thing; None does not."""

    @property
    def asks(self) -> bool:
        """Is there a person at a terminal who can answer a question?"""
        return self.inp.isatty() and self.err.isatty()

    def colours(self, stream: TextIO) -> bool:
        """May what goes to this stream be coloured and redrawn?"""
        return stream.isatty() and not self.environ.get("NO_COLOR") and self.environ.get("TERM") != "dumb"

    @property
    def width(self) -> int:
        """Return the columns to lay text out in."""
        if self.environ.get("COLUMNS", "").isdigit():
            return int(self.environ["COLUMNS"])
        if not self.out.isatty():
            return PIPED_WIDTH
        try:
            return os.get_terminal_size(self.out.fileno()).columns
        except (OSError, ValueError):
            return PIPED_WIDTH


def this_world() -> World:
    """Return the world of this process."""
    from runner.cli.streams import standard
    from runner.service.backoff import this_backoff
    from runner.service.chance import SystemChance, SystemClock

    inp, out, err = standard()
    return World(
        inp=inp,
        out=out,
        err=err,
        environ=os.environ,
        cwd=_cwd(),
        clock=SystemClock(),
        chance=SystemChance(),
        who=_who,
        backoff=this_backoff(),
    )


def _cwd() -> Path:
    try:
        return Path.cwd()
    except OSError:
        return Path("/")


def _who(claimed: str) -> Actor:
    from runner.service.opening import this_actor

    return this_actor(claimed)
