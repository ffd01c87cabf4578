"""Console: messages on the screen of this computer, for a first run and for exercises at one desk.

It writes to standard error or appends to a file. Nothing leaves the machine, so an exercise can always use
it; whoever reads the screen or the file reads everything, so its ceiling is ``internal``.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from pathlib import Path
from typing import TextIO

import msgspec

from integrations.port import (
    Absent,
    Accepted,
    CannotTell,
    Capabilities,
    Finding,
    Found,
    NotSent,
    Outbound,
    Outcome,
    Reconciled,
    Secrets,
    Unknown,
    plain_body,
)

LOOKED_THROUGH = 4_000_000
"""Bytes at the end of a file that are searched for a message."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to show messages."""

    path: Path | None = None
    """A file to append to; default: standard error. A relative path is relative to the home."""


def capabilities(settings: Settings) -> Capabilities:
    """A screen has no receipts and no provider that could fail."""
    return Capabilities(
        address_kind="none",
        domains=frozenset({"this-machine"}),
        confidentiality="internal",
        personal_data="contact",
        reconcile="query" if settings.path else "none",
        stays_here=True,
        screen=settings.path is None,
    )


def address_problem(address: str) -> str:
    """The console needs no address; any name will do."""
    return ""


def send(outbound: Outbound, settings: Settings, secrets: Secrets) -> Outcome:
    """Show one message, in one write, between two rules that carry its key."""
    shown = _shown(outbound)
    if not settings.path:
        return _to_screen(shown)
    return _to_file(shown, settings.path)


def _shown(outbound: Outbound) -> str:
    """Return the message without control characters: it must not steer the terminal that shows it.

    A no-break space is shown as a plain one.
    """
    text = f"To: {outbound.recipient}\nSubject: {outbound.subject}\n\n{plain_body(outbound)}"
    safe = "".join(_safe(letter) for letter in text)
    return f"----- message {outbound.idempotency_key} -----\n{safe}----- end -----\n"


def _safe(one: str) -> str:
    if one.isprintable() or one in "\n\t":
        return one
    return " " if unicodedata.category(one) == "Zs" else "�"


def _to_screen(shown: str) -> Outcome:
    screen: TextIO | None = sys.stderr
    if screen is None:
        return NotSent("this process was started without a standard error")
    try:
        screen.write(shown)
        screen.flush()
    except (OSError, ValueError):
        return Unknown("standard error broke off", "answer")
    return Accepted()


def _to_file(shown: str, path: Path) -> Outcome:
    content = shown.encode()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    except OSError:
        return NotSent("the file of this channel cannot be opened for appending")
    try:
        written = os.write(descriptor, content)
        os.fsync(descriptor)
    except OSError:
        return Unknown("the file of this channel could not be written to its end", "answer")
    finally:
        os.close(descriptor)
    return Accepted() if written == len(content) else Unknown("only a part was written", "answer")


def reconcile(outbound: Outbound, settings: Settings, secrets: Secrets) -> Reconciled:
    """Look for the message in the file; a screen cannot be searched."""
    if not settings.path:
        return CannotTell("a screen has no interface to query an outcome")
    if settings.path.exists() and not settings.path.is_file():
        return CannotTell("the target of this channel is not a file and cannot be read again")
    try:
        with settings.path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - LOOKED_THROUGH))
            content = file.read(LOOKED_THROUGH).decode("utf-8", "replace")
    except FileNotFoundError:
        return Absent()
    except OSError:
        return CannotTell("the file of this channel cannot be read")
    if _shown(outbound) in content:
        return Found("")
    return Absent() if size <= LOOKED_THROUGH else CannotTell("the file of this channel is too long")


def lint(settings: Settings, secrets: Secrets) -> tuple[Finding, ...]:
    """Find a file path that cannot exist."""
    if settings.path and not settings.path.parent.is_dir():
        return (Finding("error", "the folder of path does not exist", "Create the folder."),)
    return ()


self_test = send
"""Show a test message on the console."""
