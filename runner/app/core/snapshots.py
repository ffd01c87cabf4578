"""An incident as folded so far, kept so that opening a long one need not fold all of its journal again.

A snapshot is a projection, never the record: `tocsin audit verify` and `tocsin doctor` read the journal alone, and a
snapshot may be dropped at any time. It is used only by the very code that made it (a digest over everything that
folds), and only where its last event stands in the journal. The events after it are folded as ever. The store seals it
under the incident's data key, since it holds what sealed payloads said.

It is written when a worker comes to rest or a command has been committed, and more than ``AFTER`` events have come
since the last. Reading commands write nothing.
"""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from runner.decoding import from_json
from runner.incident.state.incident import Incident

AFTER = 500
"""Events that are folded within a few milliseconds: fewer are not worth a snapshot."""
FOLDING = (
    "decoding.py",
    "base/*.py",
    "facts/*.py",
    "facts/vocabulary/*.py",
    "incident/**/*.py",
    "law/*.py",
    "playbook/*.py",
    "routing/*.py",
)
"""The modules that make an incident from events, and some that do not; a test compares them with what is imported."""


def code() -> str:
    """Return the digest of all code that folds, empty where the sources are not there to tell."""
    files = sources()
    digest = hashlib.sha256(msgspec.__version__.encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:32] if files else ""


def sources() -> list[Path]:
    """Return the files of all code that folds."""
    root = Path(__file__).parents[2]
    return sorted({file for pattern in FOLDING for file in root.glob(pattern)})


def encode(incident: Incident) -> bytes:
    """Return an incident as JSON, as the journal's payloads are, so that it comes back as replaying would make it."""
    return msgspec.json.encode(incident)


def decode(body: bytes) -> Incident:
    """Return the incident that was encoded."""
    with _many_objects():
        return from_json(body, Incident)


@contextmanager
def _many_objects() -> Iterator[None]:
    """Let the collector of cycles pass by while tens of thousands of objects are made that have none."""
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()
