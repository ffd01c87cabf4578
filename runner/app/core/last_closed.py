"""What to say where no incident is open: one that was just closed is probably meant, and its record can still be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from runner.errors import NotFound
from runner.reports.core.formatting import moment
from runner.store.port import IncidentRow, Store

ENDS = ("IncidentClosed", "IncidentCancelled")
NEWEST = 8
"""Of those that are over, so many that were opened last are looked at."""


def nothing_open(store: Store, rows: Sequence[IncidentRow]) -> NotFound:
    """Return the error, with the incident that ended last, when, and how to look at it."""
    over = sorted(
        (row for row in rows if row.state in ("closed", "cancelled")), key=lambda row: row.opened_at
    )
    ended = [(at, row) for row in over[-NEWEST:] if (at := _ended(store, row)) is not None]
    hint = "open one: tocsin open PLAYBOOK"
    if not ended:
        return NotFound("no incident is open", hint=hint, code="no_incident")
    at, row = max(ended, key=lambda pair: pair[0])
    said = f"no incident is open; {row.codename} was {row.state} at {moment(at)}"
    return NotFound(
        said, hint=f"look at it: tocsin status --incident {row.codename}; or {hint}", code="no_incident"
    )


def _ended(store: Store, row: IncidentRow) -> datetime | None:
    """Return when one ended; None for one that was shredded: nothing of it can be looked at."""
    ended: datetime | None = None
    for one in store.read(row.id):
        if one.payload is None:
            return None
        if one.type in ENDS:
            ended = one.at
    return ended
