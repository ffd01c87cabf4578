"""Scheduled jobs: channel tests, deadline reminders, and the search for data at the end of its retention.

Each job returns its result in one line, and whether a person must act. No job decides: the watch sends reminders, and the
search for old data lists incidents that a person may shred.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from runner.app.exercises.organisation_attention import is_watched
from runner.errors import TocsinError
from runner.incident.exercises.schedules import Rule
from runner.incident.state.incident import Incident
from runner.law.duty import DutyStatus

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

AHEAD = timedelta(hours=24)
TOLD = ("role:commander", "role:counsel")
"""The recipients of deadline reminders; roles that an incident does not have are skipped."""


class Done(msgspec.Struct, frozen=True):
    """The result of a routine."""

    words: str
    needs_a_person: bool = False


def work(service: IncidentService, rule: Rule, since: datetime | None = None) -> Done:
    """Run a routine now; raises an error that stops the whole routine.

    ``since`` is the start of an interrupted run, None for a new run.
    """
    match rule.routine:
        case "comcheck":
            return comcheck(service, since)
        case "watch":
            return watch(service, rule.ahead or AHEAD)
        case "retention":
            return retention(service, rule.closed_for)
        case "backup":
            return backup(service)
        case None:
            raise ValueError("an exercise is not a routine")


def comcheck(service: IncidentService, since: datetime | None = None) -> Done:
    """Test all contact methods of all people; a person without a working contact method requires an action.

    Contact methods tested from ``since`` on are not tested again: their outcome counts, even an unknown outcome.
    """
    from runner.app.messages.communications_check import check_contacts, ways

    found = ways(service)
    tried = [way for way in found if since is not None and way.tried_since(since)]
    worked: dict[str, int] = {way.person: 0 for way in found}
    for way in tried:
        worked[way.person] += way.check is not None and way.check.state == "accepted"
    for way, result in check_contacts(service, [way for way in found if way not in tried]):
        worked[way.person] += result.state == "accepted"
    silent = sorted({*service.directory.people} - {one for one, count in worked.items() if count})
    words = f"{sum(worked.values())} of {len(found)} contact methods worked"
    if silent:
        return Done(f"{words}; not reached: {', '.join(silent)}", needs_a_person=True)
    return Done(words)


def watch(service: IncidentService, ahead: timedelta) -> Done:
    """Remind the leaders of each real incident, open or closed, of deadlines within ``ahead``.

    A paused incident sends no messages although its deadlines continue: a person must act.
    """
    told: list[str] = []
    untold: list[str] = []
    for row in service.incidents():
        if row.kind != "real" or not (row.state in ("open", "paused") or is_watched(row)):
            continue
        try:
            incident = service.load(row.id)
            until = service.now_in(incident) + ahead
            near = (duty for duty in service.near_duties(incident) if duty.verdict == "applies")
            late = (duty for duty in near if duty.state in ("open", "overdue") and _first(duty) <= until)
            running_out = tuple(sorted(late, key=_first))
            if running_out and row.state == "paused":
                untold.append(f"{row.codename} (it is paused)")
            elif running_out:
                (told if _tell(service, incident, running_out) else untold).append(row.codename)
        except TocsinError as error:
            untold.append(f"{row.codename} ({error.message})")
    words = [f"deadline reminders sent in: {', '.join(told)}"] if told else []
    words += [f"no reminder could be sent in: {', '.join(untold)}"] if untold else []
    return Done("; ".join(words) or "no deadline is near", needs_a_person=bool(untold))


def _first(one: DutyStatus) -> datetime:
    return one.latest_safe_start or one.due or datetime.max.replace(tzinfo=UTC)


def _tell(service: IncidentService, incident: Incident, running_out: tuple[DutyStatus, ...]) -> bool:
    from runner.effects.messages.informing import send_reminders

    composed = send_reminders(incident, running_out, TOLD, service.tools(incident))
    if composed is None:
        return False
    service.act(service.principal, incident.id, [composed])
    return True


def backup(service: IncidentService) -> Done:
    """Make a backup as the settings say; a copy that does not verify requires an action."""
    from runner.app.home.backups import back_up

    settings = service.home.backup
    if not settings.to:
        return Done("the settings name no folder: backup: {to: FOLDER}", needs_a_person=True)
    made = back_up(service, service.folder / settings.to, settings.keep, recipients=settings.encrypt)
    if made.faults:
        return Done(f"{made.path} does not verify: {made.faults[0]}", needs_a_person=True)
    same = "; it is on the disk of the home folder" if made.same_disk else ""
    return Done(f"{made.path} is verified{same}")


def retention(service: IncidentService, closed_for: timedelta | None) -> Done:
    """List what is at the end of its retention; a person decides, and erases."""
    from runner.app.home.retention_queue import queue

    found = queue(service, service.incidents(), closed_for)
    if not found.due:
        return Done(f"no closed incident is unchanged since {found.before:%Y-%m-%d}")
    names = ", ".join(one.ref for one in found.due)
    return Done(f"decide what is erased: {names}. The list: tocsin shred", needs_a_person=True)
