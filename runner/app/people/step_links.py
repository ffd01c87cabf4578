"""Links for people without an account: each is for one person and one thing, once, within a day.

A link ends one task, or shows one approval; messages have links of their own, which acknowledge. It never approves, decides or
shows another page. What it proves is that somebody had the link, and the record says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Literal

import msgspec

from runner.app.core import organisation_journal
from runner.app.core.identifiers import new_secret
from runner.app.core.rights import Right, read_accounts, require
from runner.app.core.step_reference import begun_step
from runner.base.actor import Principal
from runner.decoding import from_json
from runner.errors import UNREADABLE, Invalid, NotFound, Refused, TocsinError
from runner.incident.people.account_journal import JOURNAL, AccountChanged, Change
from runner.incident.state import commands as c

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.incident.state.incident import Incident

LONGEST = timedelta(days=1)
Purpose = Literal["task", "approve"]
_NEEDED: Mapping[str, Right] = {"task": "task.act", "approve": "sign"}
"""Kinds of steps that a link can be for, and the right that its person needs."""
_MARK = "step-link/"


class StepLink(msgspec.Struct, frozen=True, kw_only=True):
    """One unused link."""

    name: str
    """Its public name (``l-…``)."""
    person: str
    purpose: Purpose
    incident: str
    step: str
    """The task or approval."""
    by: str
    made: datetime
    ends: datetime
    taken: bool = False
    """It is being used at this moment."""

    @property
    def principal(self) -> Principal:
        """Who uses it: the person, proved by the link alone; a task is all that it may change."""
        scopes = frozenset(("task.act",)) if self.purpose == "task" else None
        return Principal(person=self.person, proven_by=f"link:{self.name}", scopes=scopes)


def create(
    service: IncidentService, incident: str, ref: str, person: str, lasts: timedelta = LONGEST
) -> tuple[StepLink, str]:
    """Return a new link for an open task or approval, with its secret; raises Refused if the person could not use it."""
    service.known(person)
    now, found = service.clock.now(), service.load(incident)
    if not timedelta() < lasts <= LONGEST:
        raise Invalid("A link lasts a day at most.", hint="Use --for 24h or less", code="bad_duration")
    step = begun_step(found, ref, service.library(found))
    purpose: Purpose = "approve" if found.invocations[step].kind == "approve" else "task"
    made = StepLink(
        name=service.chance.name("l"),
        person=person,
        purpose=purpose,
        incident=incident,
        step=step,
        by=service.principal.person,
        made=now,
        ends=now + lasts,
    )
    right = _NEEDED[purpose]
    require(service.read(made.principal).may(right, found), made.principal, f"use this link ({right})")
    if not _is_open(found, made):
        raise Refused(
            f'"{ref}" is not open, or is no task and no approval.',
            hint="Use an open task or approval",
            code="link_for_nothing",
        )
    secret = new_secret()
    _record(service, made, "link_made", made.by)
    body = msgspec.json.encode(made)
    service.change_marks((_mark(secret), *_old(service)), lambda marks: {_mark(secret): body})
    return made, secret


def unused(service: IncidentService) -> list[StepLink]:
    """Return the links that can be used, the newest first."""
    found = (from_json(body, StepLink) for body in service.marks(_MARK).values())
    return sorted((one for one in found if _lives(service, one)), key=lambda one: one.made, reverse=True)


def find(service: IncidentService, secret: str) -> tuple[StepLink, Incident] | None:
    """Return a link with its incident; None if it was used or revoked, is too old, or has nothing to do any more."""
    body = service.marks(_mark(secret)).get(_mark(secret))
    found = None if body is None else from_json(body, StepLink)
    if found is None or not _lives(service, found):
        return None
    try:
        incident = service.load(found.incident)
    except UNREADABLE:
        return None
    may = service.read(found.principal).may(_NEEDED[found.purpose], incident)  # a role can have ended since
    return (found, incident) if may and _is_open(incident, found) else None


def use(
    service: IncidentService, secret: str, comment: str = "", rows: frozenset[int] = frozenset()
) -> StepLink:
    """Use a link up, and do what it is for; ``rows`` are the checklist items of the task that are done, from 0.

    Raises Refused (``link_ended``) for a link that cannot be used. If what it does is refused, it can be used again.
    """
    found, mark, first = find(service, secret), _mark(secret), False
    if found is None:
        raise ended()
    link, incident = found

    def take(marks: Mapping[str, bytes]) -> dict[str, bytes]:
        nonlocal first
        first = mark in marks and not from_json(marks[mark], StepLink).taken
        return (
            {mark: msgspec.json.encode(msgspec.structs.replace(link, taken=True))} if first else dict(marks)
        )

    service.change_marks((mark,), take)
    if not first:
        raise ended()
    if link.purpose == "task":
        checks = [c.CheckRow(step=link.step, row=row) for row in sorted(rows)]
        try:
            service.act(
                link.principal, incident.id, [*checks, c.CompleteTask(step=link.step, comment=comment)]
            )
        except TocsinError:
            # It may have been revoked meanwhile, or its person forgotten.
            service.change_marks((mark,), lambda marks: {mark: msgspec.json.encode(link)} if marks else {})
            raise
    service.change_marks((mark,), lambda marks: {})
    _record(service, link, "link_used", link.person)
    return link


def revoke(service: IncidentService, name: str) -> None:
    """End a link by its public name; raises NotFound."""
    for mark, body in service.marks(_MARK).items():
        if (one := from_json(body, StepLink)).name == name:
            service.change_marks((mark,), lambda marks: {})
            _record(service, one, "link_revoked", service.principal.person)
            return
    raise NotFound(
        f'No unused link is named "{name}".', hint="See: tocsin step-link list", code="unknown_link"
    )


def end_of(service: IncidentService, person: str) -> int:
    """End all links of a person; return their number."""
    marks = [
        mark for mark, body in service.marks(_MARK).items() if from_json(body, StepLink).person == person
    ]
    if marks:
        service.change_marks(marks, lambda found: {})
    return len(marks)


def ended() -> Refused:
    """Return the one refusal for a link that cannot be used."""
    return Refused(
        "This link was used or ended, or its task is not open any more.",
        hint="Ask the person who sent it for another one.",
        code="link_ended",
    )


def _is_open(incident: Incident, link: StepLink) -> bool:
    step = incident.invocations.get(link.step)
    if step is None or step.kind != link.purpose:
        return False
    return incident.state == "open" and step.state in ("ready", "active")


def _lives(service: IncidentService, link: StepLink) -> bool:
    lives = not link.taken and service.clock.now() < link.ends
    return lives and link.person in service.directory.people


def _old(service: IncidentService) -> list[str]:
    now = service.clock.now()
    return [mark for mark, body in service.marks(_MARK).items() if from_json(body, StepLink).ends <= now]


def _record(service: IncidentService, link: StepLink, change: Change, by: str) -> None:
    words = f"{link.name}: {link.purpose} {link.step}"
    event = AccountChanged(person=link.person, change=change, by=by, reason=words)
    organisation_journal.change(service, JOURNAL, lambda home: read_accounts(home.store), lambda _: (event,))


def _mark(secret: str) -> str:
    return f"{_MARK}{sha256(secret.encode()).hexdigest()}"
