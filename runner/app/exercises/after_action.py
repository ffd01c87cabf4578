"""The after-action report of an exercise or a real incident, written into a folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from runner.actions import Action
from runner.app.exercises.exercises import plan_of
from runner.app.exercises.improvements import contacts, of_incident, read
from runner.app.notices.notices import Pulled, save, save_draft
from runner.documents.notice import Format
from runner.documents.tree import Document, Stationery
from runner.effects.notices.render import bound_digest
from runner.errors import Refused
from runner.incident.exercises.exercise_plan import Exercise
from runner.incident.state import commands as c
from runner.incident.state.events import IncidentClosed
from runner.incident.state.incident import Incident
from runner.reports.after_action.clock import marks_of
from runner.reports.after_action.report import after_action, journal_annex
from runner.reports.after_action.source import Numbers, Source, numbers_of, unready
from runner.reports.core.event_row import decode_event
from runner.reports.core.formatting import read_in
from runner.reports.core.header import exercise_zone, named_zone, zone_of
from runner.reports.exercises.controller_handbook import controllers_book
from runner.reports.exercises.feedback_form import feedback_form
from runner.reports.exercises.handbook import Book
from runner.reports.exercises.player_handbook import players_book
from runner.reports.incidents.timeline import timeline, words_of

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.files.exercise_file import Loaded


def source_of(service: IncidentService, incident: Incident) -> Source:
    """Gather what a report is made from."""
    reader = service.read(service.principal)
    head = reader.head(incident)
    library = service.library(incident)
    rows = list(reader.events(incident))
    items = of_incident(read(service), incident.id)
    plan = plan_behind(service, incident)
    zone = zone_of(incident, plan.clock.start if plan is not None else "")
    with read_in(zone):
        entries = timeline(incident, library, rows).entries
    ends = [event for row in rows if isinstance(event := decode_event(row), IncidentClosed)]
    return Source(
        incident=incident,
        plan=plan,
        entries=entries,
        duties=tuple(service.duties(incident)),
        marks=tuple(marks_of(rows)),
        titles=words_of(incident, library).titles,
        head=f"{head.version}:sha256:{head.hash}",
        now=service.now_in(incident),
        made_at=service.clock.now(),
        zone=zone,
        items=items,
        contacts=contacts(service, items),
        closing=ends[-1] if ends and incident.state == "closed" else None,
    )


def plan_behind(service: IncidentService, incident: Incident) -> Exercise | None:
    """Return the plan of an exercise; None for a real incident, and for what was opened without one."""
    return plan_of(service, incident) if incident.drill is not None and incident.drill.plan else None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A report that was written: its numbers, and its files."""

    numbers: Numbers
    files: tuple[Pulled, ...]


def write_report(
    service: IncidentService,
    incident: Incident,
    formats: Sequence[Format],
    folder: Path,
    *,
    name: str = "",
    sign: bool = False,
) -> Report:
    """Write the report and its annex into a folder; without ``name`` theirs say of what, and that they are drafts.

    ``sign`` has their bytes kept, and puts it on record that the person stands for them and for the journal's heads in them;
    raises Refused where it is not ready for that, and for anybody whose signature it is not.
    """
    source = source_of(service, incident)
    numbers = numbers_of(source, signing=sign)
    if sign:
        _may_sign(service, source)
    pulleds = save_draft(service, after_action(source, numbers), formats, folder, name=name)
    annex = save_draft(
        service, journal_annex(source, numbers), formats, folder, name=name and f"{name}-journal"
    )
    if sign:
        named = {
            **{pulled.format: pulled for pulled in pulleds},
            **{f"journal.{pulled.format}": pulled for pulled in annex},
        }
        files = {
            form: service.keep_document(service.principal, incident.id, Path(one.path).read_bytes())
            for form, one in named.items()
        }
        heads = {**{head.name: head.head for head in numbers.heads}, "report": numbers.head}
        signed = c.SignReport(digest=bound_digest(files), files=files, heads=heads)
        service.act(service.principal, incident.id, [signed])
    return Report(numbers=numbers, files=(*pulleds, *annex))


def signers(incident: Incident, plan: Exercise | None) -> frozenset[str]:
    """Return who signs: evaluators and directors of an exercise; of a real incident whoever holds a role in it."""
    if plan is None:
        return frozenset(person for persons in incident.roles.values() for person in persons)
    return plan.evaluators


def _may_sign(service: IncidentService, source: Source) -> None:
    if why := unready(source):
        hint = Action("drill.show") if source.plan is not None else Action("incident.close")
        raise Refused(f"The report is a draft: {why}.", hint=hint, code="report_draft")
    who, able = service.principal, signers(source.incident, source.plan)
    if who.on_behalf_of or who.person not in able:
        names = ", ".join(sorted(able)) or "no person. Add an evaluator to the participants."
        raise Refused(
            f"{who.person} does not sign for {source.incident.codename}",
            hint=f"Ask one of: {names}",
            code="role",
        )


Reader = Literal["players", "controllers", "feedback"]
MADE: Mapping[Reader, Callable[[Book], Document]] = {
    "players": players_book,
    "controllers": controllers_book,
    "feedback": feedback_form,
}


def write_handbook(
    loaded: Loaded,
    reader: Reader,
    service: IncidentService | None,
    now: datetime,
    formats: Sequence[Format],
    folder: Path,
) -> tuple[Pulled, ...]:
    """Write a book of an exercise; without a desk on plain paper, and people by the names that the plan gives them."""
    tree = MADE[reader](book_of(loaded, service, now))
    return save(
        tree, formats, folder, service.letterhead() if service is not None and "docx" in formats else b""
    )


def book_of(loaded: Loaded, service: IncidentService | None, now: datetime) -> Book:
    """Gather what a book is made from."""
    plan = loaded.exercise
    organisation = service.home.organisation if service is not None else {}
    people = service.directory.people if service is not None else {}
    zone = named_zone(organisation.get("zone") or plan.organisation.get("zone"))
    return Book(
        plan=plan,
        playbook=loaded.bundle.playbook,
        made_at=now,
        zone=exercise_zone(plan.clock.start, zone),
        stationery=Stationery(
            name=str(organisation.get("name", "")), logo=service.logo() if service is not None else None
        ),
        names={name: one.name for name, one in people.items() if one.name},
    )
