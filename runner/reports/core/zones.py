"""The zone in which an exercise or an incident is read, and how an instant says which one that is."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from runner.base.instants import parse_instant
from runner.incident.state.incident import Incident


def named_zone(name: object) -> tzinfo:
    """Return the zone of an IANA name; UTC for whatever is none."""
    try:
        return ZoneInfo(str(name or "UTC"))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def exercise_zone(start: str, organisation: tzinfo) -> tzinfo:
    """Return the zone of an exercise that starts at an instant as its author wrote it (RFC 3339; empty is now).

    It is the organisation's where the start has that zone's offset, so that a change of clocks on the way is seen; otherwise
    the start's own offset.
    """
    if not start:
        return organisation
    at = parse_instant(start)
    same = at.utcoffset() == at.astimezone(organisation).utcoffset()
    return organisation if same else at.tzinfo or organisation


def zone_of(incident: Incident, start: str = "") -> tzinfo:
    """Return the zone of an incident by its recorded organisation; ``start`` is that of an exercise's plan."""
    fact = incident.facts.get("organisation.zone")
    return exercise_zone(start, named_zone(fact.value if fact is not None else ""))


def clocked(at: datetime, zone: tzinfo) -> str:
    """Return an instant with its offset: ``2026-10-05 08:00 UTC+02:00``."""
    there = at.astimezone(zone)
    return f"{there:%Y-%m-%d %H:%M} {offset(there)}"


def offset(there: datetime) -> str:
    """Return by how much a local time is ahead of UTC: ``UTC``, ``UTC+02:00``."""
    digits = f"{there:%z}"
    return "UTC" if digits in ("+0000", "") else f"UTC{digits[:3]}:{digits[3:5]}"
