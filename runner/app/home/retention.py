"""Erasure of the personal data of a closed incident: destroys its key and records person, time and reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime
from typing import TYPE_CHECKING

import msgspec

from runner.app.core import organisation_journal
from runner.app.core.conflict_retry import retry
from runner.app.core.reader import held_roles
from runner.app.core.repository import Append, Appended, IncidentRow, NewEvent, unknown_incident
from runner.app.core.rights import ANY, ROLES
from runner.base.actor import named_person
from runner.base.instants import parse_instant
from runner.errors import UNREADABLE, Refused, Sealed, reason_given
from runner.incident.people.contact_journal import (
    JOURNAL,
    RETENTION_READER,
    IncidentShredded,
    Kept,
    LegalHoldPlaced,
    LegalHoldReleased,
    fold_retention,
)
from runner.incident.state.commands import AddNote
from runner.incident.state.events import IncidentClosed, encode
from runner.incident.state.incident import Incident

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

HOLD = "law_enforcement.hold."
HOLD_NOTE = "Legal hold "
"""The start of the note that a hold writes into its incident."""


def kept(service: IncidentService) -> Kept:
    """Return the shredded incidents, and the legal holds of today."""
    told = organisation_journal.entries(service, JOURNAL, RETENTION_READER)
    return fold_retention(told, organisation_journal.today(service))


def check(row: IncidentRow, reason: str) -> None:
    """Raise Refused for an incident that is not closed, or without a reason."""
    if row.state not in ("closed", "cancelled"):
        raise Refused(
            f'Incident "{row.codename}" is {row.state}, not closed.',
            hint="Close the incident first: tocsin close",
            code="not_closed",
        )
    reason_given(reason, hint="Add --reason WHY, for example the period of your policy")


def hold(
    service: IncidentService,
    row: IncidentRow,
    reason: str,
    *,
    until: date | None = None,
    release: bool = False,
) -> None:
    """Place a legal hold on an incident, or release it: until then nothing of it is erased; raises Refused.

    With ``until`` the hold ends by itself on that day.
    """
    if until is not None and until <= organisation_journal.today(service):
        raise Refused(
            f"The day {until} is not in the future.", hint="Name a later day: --until DATE", code="day_past"
        )
    reason_given(reason, hint="Add --reason WHY, for example the matter")
    kind = LegalHoldReleased if release else LegalHoldPlaced
    by, why = service.principal.person, reason.strip()
    event = kind(incident=row.id, codename=row.codename, by=by, reason=why, until=until)

    def decide(before: Kept) -> Sequence[LegalHoldPlaced]:
        if (row.id in before.holds) is not release:
            what = "has no legal hold" if release else "has a legal hold already"
            raise Refused(f'Incident "{row.codename}" {what}.', hint="Run: tocsin hold", code="hold_state")
        if row.id in before.shredded:
            raise Refused(f'The data of "{row.codename}" was erased already.', code="shredded")
        if release:
            _require_release(service, row, before.holds[row.id].by)
        return (event,)

    organisation_journal.change(service, JOURNAL, kept, decide)
    end = f"{until}" if until else "it is released"
    said = "released" if release else f"placed. Nothing of this incident may be erased until {end}"
    with suppress(*UNREADABLE):  # the hold counts also where the incident cannot be read
        service.act(service.principal, row.id, [AddNote(text=f"{HOLD_NOTE}{said}.")])


def _require_release(service: IncidentService, row: IncidentRow, placed_by: str) -> None:
    """Raise Refused for a person without the right to release a hold; if nobody has it, who placed the hold may.

    The roles of the person count, also for a user of this machine: who placed a hold must not find it gone.
    """
    roles: list[Mapping[str, Sequence[str]]] = [service.directory.roles]
    with suppress(*UNREADABLE):
        roles.append(held_roles(service.repository, service.load(row.id)))
    holders = {
        person
        for held in roles
        for role, people in held.items()
        if "hold.release" in ROLES.get(role, ROLES[ANY]).grants
        for person in people
    } or {placed_by}
    if service.principal.person not in holders:
        raise Refused(
            f"{named_person(service.principal.person)} may not release the legal hold of {row.codename}.",
            hint=f"One of these people can release it: {', '.join(sorted(holders))}",
            code="hold_right",
        )


def forget(service: IncidentService, name: str) -> int:
    """Erase a person's contacts, account and logins; return how many older entries are under the shared key.

    Raises Refused if an incident with a legal hold names the person: the contacts belong to its evidence.
    """
    from runner.app.core.contact_store import names
    from runner.app.core.directory import forget_person, person
    from runner.app.people.accounts import Accounts
    from runner.app.people.logins import Logins

    person(service, name)
    codenames = {row.id: row.codename for row in service.incidents()}
    if found := [
        codenames.get(held, held) for held in kept(service).holds if names(service.store, held, name)
    ]:
        raise Refused(
            f'Person "{name}" is named in incidents with a legal hold: {", ".join(found)}. Nothing was erased.',
            hint=f"After the end of the hold: tocsin hold {found[0]} --release --reason WHY",
            code="held",
        )
    Accounts(service, Logins(service)).forget(name)
    return forget_person(service, name)


def _no_enforcement_delay(incident: Incident, now: datetime) -> None:
    """Raise Refused while the law enforcement of the facts asks for a delay, without a recorded end in the past."""
    hold = {
        name: one.value
        for name, one in incident.facts.items()
        if name.startswith(HOLD) and one.value is not None
    }
    until = hold.get(f"{HOLD}until")
    if hold and (until is None or parse_instant(until) > now):
        raise Refused(
            f'Incident "{incident.codename}" has a legal hold: {", ".join(sorted(hold))}. Nothing was erased.',
            hint=f"After the end of the hold: tocsin fact set {HOLD}until=INSTANT --source SOURCE --incident {incident.codename}",
            code="held",
        )


def shred(service: IncidentService, row: IncidentRow, reason: str) -> None:
    """Make an incident's personal data unreadable forever; raises as ``check`` does, and during a legal hold.

    The decision is recorded first: after a crash the same command completes the erasure.
    """
    check(row, reason)
    for other, one in service.repository.compromises():
        if other.id == row.id and not one.assumed:
            raise Refused(
                f'{one.domain} is compromised since "{row.codename}". Erased, nothing would say so. Nothing was erased.',
                hint=f"Declare it up: tocsin domain declare-up {one.domain} --reason WHY --incident {row.codename}",
                code="still_compromised",
            )
    if row.id not in kept(service).shredded:
        _no_enforcement_delay(service.load(row.id), service.clock.now())
    event = IncidentShredded(
        incident=row.id, codename=row.codename, by=service.principal.person, reason=reason.strip()
    )

    def decide(before: Kept) -> Sequence[IncidentShredded]:
        if (held := before.holds.get(row.id)) is not None:
            raise Refused(
                f'Incident "{row.codename}" has a legal hold since {held.since:%Y-%m-%d}: {held.reason}. Nothing was erased.',
                hint=f"After the end of the hold: tocsin hold {row.codename} --release --reason WHY",
                code="held",
            )
        return () if row.id in before.shredded else (event,)

    def finish(before: Kept) -> Sequence[IncidentShredded]:
        return () if before.shredded[row.id].ended else (msgspec.structs.replace(event, finished=True),)

    organisation_journal.change(service, JOURNAL, kept, decide)
    service.erase(service.principal, row.id)
    organisation_journal.change(service, JOURNAL, kept, finish)


def finish_erasure(service: IncidentService) -> bool:
    """Remove what an erasure left while others read the database; return whether nothing is left."""
    return service.store.finish_erasure()


def is_shredded(service: IncidentService, name: str) -> bool:
    """Tell whether an incident's payloads were erased."""
    try:
        service.load(name)
    except Sealed as error:
        return error.code == "shredded"
    return False


def close_shredded(service: IncidentService, name: str) -> IncidentRow:
    """Close a shredded incident and return its row; raises Refused if it is closed, Stale if it changes repeatedly."""
    return retry(service, name, lambda: _closed(service, name))


def _closed(service: IncidentService, name: str) -> IncidentRow | None:
    row = service.row(name)
    if row is None:
        raise unknown_incident(name)
    if row.state in ("closed", "cancelled"):
        raise Refused(f'Incident "{row.codename}" is {row.state}.', code="incident_closed")
    now = service.clock.now()
    event = IncidentClosed(by=service.principal.person, reason="shredded")
    entry = NewEvent(
        type=IncidentClosed.__name__,
        at=now,
        actor=service.principal.actor,
        payload=encode(event),
        stream=event.stream,
        personal=False,
    )
    after = msgspec.structs.replace(
        row, state="closed", version=row.version + 1, next_due=None, has_work=False
    )
    made = Append(incident=name, expected_version=row.version, events=[entry], row=after)
    return after if isinstance(service.record(service.principal, [made], now)[0], Appended) else None
