"""System clock and random identifiers, the only sources of both in the program."""

from __future__ import annotations

import os
import struct
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Protocol


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_FIRST = _words(
    """
    amber ashen bold brisk bronze calm cedar civil clear coral crisp dusky early eager even fair firm frosty
    gentle golden grand green hazel humble iron ivory jade keen late level lilac lucky lunar maple mellow
    misty noble north olive opal pale pine plain polar proud quick quiet rapid royal ruby rustic sandy
    silent silver solid south steady still stone swift tidal tawny upper vivid warm west wide wild windy
    young
    """
)
_SECOND = _words(
    """
    anchor arch arrow badger basin beacon bell bison bridge brook canyon castle cliff cloud comet condor
    crane creek crow delta dune eagle ember falcon fern field finch fjord forest fox garden glacier grove
    harbor hawk heron hill island juniper kestrel lake lantern lark ledge lynx marsh meadow mesa moor
    orchard osprey otter owl pebble pelican pier plover quarry raven reef ridge river robin saddle spruce
    summit swan thistle tower valley walnut willow wren
    """
)


class Clock(Protocol):
    """The source of the time."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""


class IdGenerator(Protocol):
    """The source of identifiers."""

    def name(self, prefix: str) -> str:
        """Return a new identifier."""

    def codename(self) -> str:
        """Return two words that people can say on the phone."""


_steady: Callable[[], float] = (
    partial(time.clock_gettime, time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic
)


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the machine's time."""
        return datetime.now(UTC)  # noqa: TID251  # here the clock is read

    def steady(self) -> timedelta:
        """Return the time since the machine started; nobody can set it, and on Linux it counts sleep."""
        return timedelta(0, _steady())

    def second(self) -> datetime | None:
        """Return the kernel's time if it says that a time server keeps it (adjtimex, Linux); None without its word."""
        import ctypes  # slow to import, and needed after a long pause only

        state = ctypes.create_string_buffer(512)
        with suppress(AttributeError, OSError, TypeError):
            if 0 <= ctypes.CDLL(None).adjtimex(state) < 5:  # 5 is TIME_ERROR: no time server keeps it
                return datetime.fromtimestamp(struct.unpack_from("@I4li4l", state)[-1], UTC)
        return None


class RandomIds:
    """The machine's random source."""

    def name(self, prefix: str) -> str:
        """Return ``prefix-xxxxxxxxxx``: ten characters that are hard to confuse."""
        return f"{prefix}-{''.join(_drawn(_ALPHABET) for _ in range(10))}"

    def codename(self) -> str:
        """Return two words; there are some five thousand pairs."""
        return f"{_drawn(_FIRST)}-{_drawn(_SECOND)}"


def new_secret() -> str:
    """Return 256 random bits as 43 characters for an address: the secret of a link or a session."""
    return urlsafe_b64encode(os.urandom(32)).rstrip(b"=").decode()


def new_passphrase() -> str:
    """Return a passphrase of five groups of five letters and digits: 123 random bits."""
    return "-".join("".join(_drawn(_ALPHABET) for _ in range(5)) for _ in range(5))


def fraction() -> float:
    """Return a random number from 0 up to 1."""
    return int.from_bytes(os.urandom(4), "big") / 2**32


def _drawn(choices: Sequence[str]) -> str:
    """Return one of at most 256 numbers, each with the same chance, from the system's random source.

    The same as ``secrets``, without its other imports.
    """
    fair = 256 - 256 % len(choices)
    while True:
        number = os.urandom(1)[0]
        if number < fair:
            return choices[number % len(choices)]
