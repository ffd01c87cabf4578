"""What was changed in a home itself: its database moved, its master key or its signing key was replaced; and its backups."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

import msgspec

from runner.actions import Action, Slot
from runner.app.core import organisation_journal
from runner.app.core.incident_service import IncidentService
from runner.app.home import backups
from runner.app.home.doctor_checks import Finding
from runner.decoding import json_reader

JOURNAL = "home"
"""The journal's name; it is not an incident."""


class StoreMoved(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=True, omit_defaults=True):
    """The database moved. Recorded in the new one."""

    by: str
    move: str
    """The id of the move, as in the old database."""
    old: str
    new: str
    """URLs, without a password."""
    events: int
    head: str
    """The hash over all journals and their heads, the same in both databases."""


class MasterKeyChanged(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=True, omit_defaults=True
):
    """All data keys were wrapped under another master key."""

    by: str
    old: str
    new: str
    """Ids of the master keys, 8 hexadecimal digits; they say nothing about the keys."""
    keys: int


class SigningKeyChanged(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=True, omit_defaults=True
):
    """The home signs with another key."""

    by: str
    reason: str
    old: str
    new: str
    """Fingerprints."""
    statement: str
    """A note that names the new key, signed with the old one."""


AnyHomeEvent = StoreMoved | MasterKeyChanged | SigningKeyChanged
READER: Callable[[bytes], AnyHomeEvent] = json_reader(AnyHomeEvent)


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What is recorded, the oldest first."""

    made: tuple[tuple[datetime, AnyHomeEvent], ...] = ()
    version: int = 0


def kept(service: IncidentService) -> Changes:
    """Return the recorded changes; raises Sealed without the master key."""
    made = [(at, event) for _, at, event in organisation_journal.entries(service, JOURNAL, READER)]
    return Changes(made=tuple(made), version=len(made))


def record(service: IncidentService, event: AnyHomeEvent, *names: str) -> None:
    """Record a change, unless the newest one has the same values of ``names``: a repeated command records it once."""

    def decide(before: Changes) -> tuple[AnyHomeEvent, ...]:
        newest = before.made[-1][1] if before.made and names else None
        return (
            ()
            if newest and all(getattr(newest, name, "") == getattr(event, name) for name in names)
            else (event,)
        )

    organisation_journal.change(service, JOURNAL, kept, decide)


def findings(service: IncidentService) -> Iterator[Finding]:
    """Yield a pack, where the database moved from, and that no backup opens with the present master key."""
    found = backups.kept(service) if service.store.head(backups.JOURNAL).version else backups.Backups()
    made = found.made
    if found.packs:
        at, one = found.packs[-1]
        what = f"this home folder continues from a pack since {at:%Y-%m-%d %H:%M} UTC: the first copy must not go on"
        if isinstance(one, backups.BackupMade):
            what = f"a pack was made on {at:%Y-%m-%d %H:%M} UTC, {one.place}/{one.name}: if it was unpacked, do not go on here"
        yield Finding("backup", "good", what, code="pack")
    for at, event in kept(service).made if service.store.head(JOURNAL).version else ():
        if isinstance(event, StoreMoved):
            what = f"the database was moved from {event.old} on {at:%Y-%m-%d %H:%M} UTC; the old one refuses writing"
            yield Finding("store", "good", what, code="moved_here")
        elif isinstance(event, MasterKeyChanged) and made and made[-1][0] <= at:
            what = (
                f"All backups are from before the change of the master key. They need the old key {event.old}"
            )
            action = Action("home.backup", args={"to": made[-1][1].place})
            yield Finding("backup", "warning", what, action=action, code="backup_old_key")


def backup_findings(service: IncidentService) -> Iterator[Finding]:
    """Yield when the last verified backup was made; nothing for an empty home."""
    if not service.store.rows():
        return
    made = backups.kept(service).made
    if not made:
        recorded = list(organisation_journal.entries(service, backups.JOURNAL, backups.READER))
        since = "".join(f" since it was restored from {event.name}" for _, _, event in recorded[-1:])
        what = f"No backup of this home folder was made{since}"
        action = Action("home.backup", args={"to": Slot("FOLDER", "file")})
        yield Finding("backup", "warning", what, action=action, code="no_backup")
        return
    at, newest = made[-1]
    what = f"the last verified backup is of {at:%Y-%m-%d %H:%M} UTC, in {newest.place}"
    if service.clock.now() - at > backups.OLD:
        action = Action("home.backup", args={"to": newest.place})
        yield Finding("backup", "warning", what, action=action, code="backup_old")
    else:
        yield Finding("backup", "good", what)
