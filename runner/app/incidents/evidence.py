"""Storage of an evidence file: encrypted content, recorded digest and origin."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from runner.base.text import text_problem
from runner.errors import Bug, Invalid, NotFound, Refused
from runner.incident.state.commands import AttachFile
from runner.yamlfile.limited_files import TooLarge, read_file

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.app.core.reader import Reader
    from runner.incident.state.incident import Evidence, Incident

LARGEST = 512 * 1024 * 1024
"""The limit for one file; for an image of a disk, record a note with its digest instead."""


def take(service: IncidentService, incident: str, path: Path, source: str = "") -> AttachFile:
    """Store a file, encrypted, and return the command that records it."""
    return take_bytes(service, incident, path.name, read(path), source)


def take_bytes(
    service: IncidentService, incident: str, name: str, content: bytes, source: str = ""
) -> AttachFile:
    """Store the bytes of a file, encrypted, and return the command that records it under its name."""
    kept = service.keep_document(service.principal, incident, content)
    counted = hashlib.sha256(content).hexdigest()
    if kept != counted:
        raise Bug(f"The stored digest {kept} is not the digest of the file, {counted}.")
    return AttachFile(
        evidence=service.chance.name("e"),
        name=_name(name),
        sha256=kept,
        size=len(content),
        source=source,
    )


def read(path: Path, limit: int = LARGEST) -> bytes:
    """Return a file's bytes; raises NotFound, Invalid, or Refused if it is too large to store."""
    try:
        return read_file(path, limit)
    except TooLarge:
        raise Refused(
            f'File "{path}" has more than {limit:,} bytes, the limit for such files.',
            hint="Store the file elsewhere and note its SHA-256: tocsin note TEXT",
            code="file_too_large",
        ) from None
    except FileNotFoundError:
        raise NotFound(
            f'File "{path}" does not exist.', hint="Check the path.", code="file_missing"
        ) from None
    except OSError as error:
        raise Invalid(
            f'File "{path}" cannot be read: {error.strerror}.', hint="Check the file.", code="file_unreadable"
        ) from None


def save(reader: Reader, incident: Incident, name: str, path: Path) -> Evidence:
    """Write the bytes of an evidence file to a new file; raises NotFound, or Invalid if it cannot be written."""
    content = reader.evidence(incident, name)
    try:
        with path.open("xb") as file:
            file.write(content)
    except OSError as error:
        raise Invalid(
            f'File "{path}" cannot be written: {error.strerror}.',
            hint="Name a new file in a folder that you can write.",
            code="file_unwritable",
        ) from None
    return incident.evidence[name]


def _name(name: str) -> str:
    """Return the file's name; characters that could deceive a reader are written as escapes."""
    return ascii(name)[1:-1] if text_problem(name) else name
