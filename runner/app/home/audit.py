"""Verification of journals: every entry is present, unchanged, in order, and none is missing at the end."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from runner.app.home.integrity import Integrity, examine, missing_anywhere
from runner.errors import Usage
from runner.store.port import Head, Verification

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

_ANCHOR = re.compile(r"(?P<version>\d+):(?:sha256:)?(?P<hash>[0-9a-f]{64})")


Seen = Callable[[int], None]


def events(service: IncidentService, incident: str | None) -> int:
    """Return how many events there are to verify."""
    return sum(row.version for row in service.store.rows() if incident in (None, row.id))


def verify(
    service: IncidentService, incident: str | None, anchor: str = "", seen: Seen | None = None
) -> Verification:
    """Verify one journal or all; ``anchor`` is ``N:sha256:HASH`` as it stands on a document that left the house."""
    if not anchor:
        return service.store.verify(incident, seen=seen)
    match = _ANCHOR.fullmatch(anchor.strip())
    if match is None:
        raise Usage(
            f'"{anchor}" is not an anchor.',
            hint="Write N:sha256:HASH, as in the footer of a document.",
            code="bad_anchor",
        )
    if incident is None:
        raise Usage("--anchor needs one incident.", hint="Add --incident INCIDENT", code="option_missing")
    return service.store.verify(incident, {incident: Head(int(match["version"]), match["hash"])}, seen)


def integrity(
    service: IncidentService, verified: Verification, incident: str | None, seen: Seen | None = None
) -> Integrity:
    """Return what the chain does not show; documents are missed only where the chain holds, which names them."""
    found = examine(service, verified, incident, seen)
    gone = tuple(missing_anywhere(service, incident)) if verified.ok else ()
    return msgspec.structs.replace(found, faults=(*found.faults, *gone))
