"""An incident as folded so far, stored so that opening a long one need not fold its whole journal again.

A snapshot is a projection, never the record: `tocsin audit verify` and `tocsin doctor` read only the journal, and a
snapshot may be deleted at any time. It is used only by the same code that made it (a digest over all code that
folds), and only if its last event is in the journal. Later events are folded as usual. The store encrypts it
with the incident's data key, since it contains data of encrypted payloads.

It is written when a worker is idle or a command is committed, and more than ``AFTER`` events were added
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
    "actions.py",
    "decoding.py",
    "base/*.py",
    "facts/*.py",
    "facts/expressions/*.py",
    "facts/vocabulary/*.py",
    "incident/**/*.py",
    "law/*.py",
    "playbook/*.py",
    "routing/*.py",
)
"""The modules that make an incident from events, and a few others; a test compares them with the imports."""


def code() -> str:
    """Return the digest of all code that folds, empty if the sources are missing."""
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
    """Return an incident as JSON, as the journal's payloads are, so that decoding gives the same as a replay."""
    return msgspec.json.encode(incident)


def decode(body: bytes) -> Incident:
    """Return the incident that was encoded."""
    with _many_objects():
        return from_json(body, Incident)


@contextmanager
def _many_objects() -> Iterator[None]:
    """Disable the collector of cycles while tens of thousands of objects without cycles are made."""
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()
