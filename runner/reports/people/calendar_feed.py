"""The calendar feed of a person as iCalendar (RFC 5545): codenames and times, and no content."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Literal

import msgspec


class Appointment(msgspec.Struct, frozen=True, kw_only=True):
    """One event of the feed."""

    uid: str
    codename: str
    what: Literal["legal deadline", "promised update", "deadlines cannot be read"]
    at: datetime | date
    changed: datetime
    """When the last entry of the incident was recorded: nothing here is newer."""
    version: int = 0
    """The number of this entry."""
    doubtful: bool = False
    """It is undetermined whether the duty applies, or when its clock started."""
    start_by: datetime | None = None


def feed_ics(found: Sequence[Appointment]) -> bytes:
    """Return the feed; the same appointments are the same bytes."""
    from icalendar import Alarm, Calendar, Event

    book = Calendar()
    for name, value in (("prodid", "-//Tocsin//feed//EN"), ("version", "2.0"), ("x-wr-calname", "Tocsin")):
        book.add(name, value)
    book.add("refresh-interval", timedelta(minutes=15), parameters={"value": "DURATION"})
    for one in sorted(found, key=lambda one: one.uid):
        event, summary = Event(), f"{one.codename}: {one.what}{' (unconfirmed)' if one.doubtful else ''}"
        event.add("uid", f"{one.uid}@tocsin")
        event.add("dtstamp", one.changed.astimezone(UTC).replace(microsecond=0))
        event.add("sequence", one.version)
        event.add("summary", summary)
        event.add("dtstart", one.at.astimezone(UTC) if isinstance(one.at, datetime) else one.at)
        event.add("class", "PRIVATE")
        event.add("transp", "TRANSPARENT")
        if one.start_by is not None:
            alarm = Alarm()
            alarm.add("action", "DISPLAY")
            alarm.add("description", f"{one.codename}: start now")
            alarm.add("trigger", one.start_by.astimezone(UTC))
            event.add_component(alarm)
        book.add_component(event)
    return bytes(book.to_ical())
