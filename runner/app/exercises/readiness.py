"""Readiness of an organisation, from its playbooks, exercises, schedules, channel tests and action items."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from runner.app.core import organisation_journal
from runner.app.exercises import improvements, organisation_attention, schedules
from runner.app.exercises.exercises import exercised
from runner.app.exercises.fire_times import next_fire
from runner.app.incidents.home_catalogue import catalogue
from runner.app.messages.communications_check import Way, ways
from runner.app.playbooks.playbooks import unheld_of
from runner.errors import TocsinError
from runner.files.exercise_file import load_exercise
from runner.incident.exercises.improvements import Item, overdue
from runner.incident.exercises.ratings import ratings
from runner.incident.exercises.schedules import Schedule, attention
from runner.playbook.bundle import load_bundle
from runner.playbook.catalogue import Catalog
from runner.playbook.format import Bundle
from runner.reports.exercises.readiness import (
    Exercised,
    ItemCounts,
    PersonReadiness,
    PlaybookReadiness,
    ReadinessReport,
    person_problem,
    unregistered_senders,
    wanting,
)
from runner.routing.sender_names import unregistered

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService


def readiness(service: IncidentService) -> ReadinessReport:
    """Return the current readiness."""
    now = service.clock.now()
    items = tuple(improvements.read(service).items.values())
    playbooks = tuple(_playbooks(service, items, now))
    people = tuple(_people(service, now))
    alone = service.directory.without_deputy
    unheld = unheld_of(service)
    channels = service.directory.channels.values()
    senders = {channel.id: places for channel in channels if (places := unregistered(channel))}
    return ReadinessReport(
        as_of=now,
        playbooks=playbooks,
        people=people,
        without_alternate=alone,
        improvements=_counts(service, items),
        unheld=unheld,
        needs_attention=(
            *organisation_attention.waiting(service),
            *wanting(playbooks, people, alone, unheld),
            *unregistered_senders(senders),
        ),
    )


def _playbooks(service: IncidentService, items: Iterable[Item], now: datetime) -> Iterator[PlaybookReadiness]:
    catalog = catalogue(service)
    bundles = {name: _bundle(name, catalog) for name in sorted(catalog.playbook_files)}
    last, today = _last(service), organisation_journal.today(service)
    schedules_of = _schedules(service, catalog)
    for name, (bundle, problem) in bundles.items():
        found, every = last.get(name), schedules_of.get(name, ())
        planned = tuple(schedule for schedule in every if not schedule.rule.unattended)
        mine = tuple(item for item in items if item.source.playbook == name)
        yield PlaybookReadiness(
            playbook=name,
            version=bundle.playbook.version if bundle is not None else "",
            digest=bundle.digest if bundle is not None else "",
            own=Path(str(catalog.playbook_files[name])).is_relative_to(service.folder),
            part_of=tuple(
                other for other, (whole, _) in bundles.items() if whole is not None and name in whole.includes
            ),
            exercised=found,
            changed=found is not None and bundle is not None and found.digest != bundle.digest,
            next=_next(planned, now),
            scheduled=tuple(schedule.id for schedule in planned),
            scripted=tuple(schedule.id for schedule in every if schedule.rule.unattended),
            missed=tuple(wrong.id for schedule in planned if (wrong := attention(schedule)) is not None),
            open=tuple(item.id for item in mine if item.status == "open"),
            late=tuple(item.id for item in mine if overdue(item, today)),
            problem=problem,
        )


def _next(planned: Iterable[Schedule], now: datetime) -> datetime | None:
    """Return the time of the next announced exercise, in the zone of its schedule."""
    times = (
        next_fire(schedule.rule, schedule.since, max(now, schedule.since))
        for schedule in planned
        if not schedule.rule.no_notice
    )
    return min((at for at in times if at is not None), default=None)


def _bundle(name: str, catalog: Catalog) -> tuple[Bundle | None, str]:
    """Return a playbook, or the reason why it cannot be opened."""
    try:
        return load_bundle(name, catalog), ""
    except TocsinError as error:
        return None, error.message


def _last(service: IncidentService) -> Mapping[str, Exercised]:
    """Return the last completed exercise of each playbook, by the playbook's name."""
    found: dict[str, Exercised] = {}
    for incident, plan in exercised(service):
        drill = incident.drill
        if drill is None or drill.started is None or drill.stage != "ended":
            continue
        rated = {rating.id: str(rating.rating) for rating in ratings(plan, incident)}
        for run in incident.runs.values():
            found.setdefault(
                run.playbook,
                Exercised(
                    incident=incident.id,
                    codename=incident.codename,
                    exercise=plan.name,
                    at=drill.started,
                    version=run.version,
                    digest=run.digest,
                    ratings=rated,
                ),
            )
    return found


def _schedules(service: IncidentService, catalog: Catalog) -> Mapping[str, tuple[Schedule, ...]]:
    """Return the exercise schedules by the playbook that they exercise."""
    found: dict[str, tuple[Schedule, ...]] = {}
    for schedule in schedules.standing_of(schedules.read(service), routine=False):
        try:
            name = load_exercise(schedule.rule.exercise, catalog).bundle.playbook.name
        except TocsinError:
            continue  # drill list and drill run show the error
        found[name] = (*found.get(name, ()), schedule)
    return found


def _people(service: IncidentService, now: datetime) -> Iterator[PersonReadiness]:
    directory = service.directory
    every: dict[str, list[Way]] = {name: [] for name in sorted(directory.people)}
    for way in ways(service):
        every[way.person].append(way)
    for name, mine in every.items():
        worked = max((contact.worked_at for contact in mine if contact.worked_at is not None), default=None)
        tried = [contact.check.state for contact in mine if contact.check is not None]
        failed = bool(tried) and "accepted" not in tried
        yield PersonReadiness(
            person=name,
            roles=tuple(role for role, held in directory.roles.items() if name in held),
            ways=len(mine),
            worked_at=worked,
            problem=person_problem(len(mine), worked, failed, now),
        )


def _counts(service: IncidentService, items: tuple[Item, ...]) -> ItemCounts:
    states = [item.status for item in items]
    return ItemCounts(
        open=states.count("open"),
        late=sum(overdue(item, organisation_journal.today(service)) for item in items),
        done=states.count("done") + states.count("retested"),
        dropped=states.count("dropped"),
    )
