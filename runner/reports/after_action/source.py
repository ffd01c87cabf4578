"""The source data and the numbers of an after-action report; tables, figures and JSON use the same numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Literal

import msgspec

from runner.base.states import Kind
from runner.documents.tree import Table
from runner.facts.vocabulary.register import Fact
from runner.incident.exercises.exercise_plan import Exercise, Participant
from runner.incident.exercises.improvements import Item
from runner.incident.exercises.ratings import SCRIPTED
from runner.incident.state.events import IncidentClosed
from runner.incident.state.exercise import OVER, Signed
from runner.incident.state.incident import Incident
from runner.incident.turn.decide_close import is_doubtful, is_open
from runner.law.duty import DutyStatus
from runner.reports.after_action.channels import ChannelUse, Failover, channels_of, failovers_of
from runner.reports.after_action.clock import Anchor, ClockMark, anchors
from runner.reports.after_action.findings import causes_of
from runner.reports.after_action.response_times import Answer, Margin, answers_of, margins_of, median_seconds
from runner.reports.after_action.work import TaskTime, stop_of, tasks_of
from runner.reports.core.report_blocks import table, time
from runner.reports.exercises.exercise import DrillReport, drill_report
from runner.reports.exercises.ratings import ratings_report
from runner.reports.incidents.links import LinkRow
from runner.reports.incidents.timeline import Entry

_MACHINES = frozenset({"tocsin", "worker"})


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """The role of one person, and the times of the first and last journal entry; in an exercise, exercise time."""

    person: str
    role: str
    entries: int
    first: datetime | None
    last: datetime | None


def participants(entries: Sequence[Entry], incident: Incident, plan: Exercise | None) -> tuple[Part, ...]:
    """Return the planned and the actual participants."""
    roles = _roles(incident) if plan is None else {one.person: _role(one) for one in plan.participants}
    acted: dict[str, list[datetime]] = {}
    for entry in entries:
        if entry.claimed not in _MACHINES:
            acted.setdefault(entry.claimed, []).append(entry.exercise_at or entry.at)
    return tuple(
        Part(
            person=name,
            role=roles.get(name, ""),
            entries=len(at),
            first=min(at, default=None),
            last=max(at, default=None),
        )
        for name in dict.fromkeys((*roles, *acted))
        for at in (acted.get(name, []),)
    )


def _role(one: Participant) -> str:
    return f"{one.role}: {one.plays}" if one.plays else one.role


def _roles(incident: Incident) -> dict[str, str]:
    """Return the playbook roles of each person."""
    held: dict[str, list[str]] = {}
    for role, persons in incident.roles.items():
        for person in persons:
            held.setdefault(person, []).append(role)
    return {person: ", ".join(roles) for person, roles in held.items()}


def roll_call_table(found: Sequence[Part], zone: tzinfo) -> Table:
    """Return one row for each person."""
    heads = ("Person", "Role", "Entries", "First entry", "Last entry")
    rows = [
        (part.person, part.role, str(part.entries), time(part.first, zone), time(part.last, zone))
        for part in found
    ]
    return table(heads, rows)


def timeline_section(entries: Sequence[Entry], zone: tzinfo) -> Table:
    """Return the timeline without details."""
    rows = [
        (str(entry.event), time(entry.exercise_at or entry.at, zone), entry.claimed, entry.text)
        for entry in entries
        if not entry.detail
    ]
    return table(("Entry", "Time", "Person", "Action"), rows)


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """The source data of a report; ``now`` is on the clock of the incident, ``made_at`` is real time."""

    incident: Incident
    plan: Exercise | None
    entries: tuple[Entry, ...]
    duties: tuple[DutyStatus, ...]
    marks: tuple[ClockMark, ...]
    titles: Mapping[str, str]
    """Invocation → title of its step."""
    head: str
    """The journal head, ``N:sha256:…``."""
    reference: str
    """The journal head and the newest checkpoint, for the footer."""
    now: datetime
    made_at: datetime
    zone: tzinfo = UTC
    """The time zone of the report."""
    items: tuple[Item, ...] = ()
    """The action items from the incident."""
    contacts: Mapping[str, str] = {}
    """The names of the owners of action items, by owner."""
    closing: IncidentClosed | None = None
    """Only for a closed incident."""
    links: tuple[LinkRow, ...] = ()


class Numbers(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of the report; in an exercise, all times are exercise time."""

    codename: str
    title: str
    kind: Kind
    status: Literal["draft", "final"]
    draft_because: str
    """Empty in a final report."""
    made_at: datetime
    """Real time."""
    head: str
    """The journal head when the report was made, ``N:sha256:…``."""
    heads: tuple[Anchor, ...]
    """The heads at StartEx and EndEx; for a real incident, at opening and closing."""
    signed: tuple[Signed, ...]
    people: tuple[Part, ...]
    scenario: DrillReport | None
    """The scenario as played, and the ratings; null for a real incident."""
    acknowledgements: tuple[Answer, ...]
    median_seconds: int | None
    """The median of the received acknowledgements."""
    channels: tuple[ChannelUse, ...]
    failovers: tuple[Failover, ...]
    deadlines: tuple[Margin, ...]
    tasks: tuple[TaskTime, ...]
    causes: tuple[Fact, ...]
    open_duties: tuple[DutyStatus, ...]
    left_open: Mapping[str, str]
    """Duty → reason for closing with this duty open."""
    dropped: Mapping[str, str]
    """All else that was open at closing: its name → in words."""
    undetermined: tuple[str, ...]
    """Undetermined duties, relevant duties first."""
    undetermined_running: tuple[DutyStatus, ...] = ()
    """Those of them whose deadline runs or passed."""


def numbers_of(source: Source, *, signing: bool = False) -> Numbers:
    """Return the numbers at one moment; ``signing`` is set when a person signs the report now."""
    incident, plan = source.incident, source.plan
    answers = answers_of(incident, plan)
    unknown = (duty for duty in source.duties if duty.verdict == "unknown" and duty.record is None)
    why = unready(source) or ("" if signing else _unsigned(incident))
    return Numbers(
        codename=incident.codename,
        title=incident.title or incident.codename,
        kind=incident.kind,
        status="draft" if why else "final",
        draft_because=why,
        made_at=source.made_at,
        head=source.head,
        heads=anchors(source.marks, exercise=incident.drill is not None),
        signed=incident.reports,
        people=participants(source.entries, incident, plan),
        scenario=drill_report(incident, plan, source.now) if plan is not None else None,
        acknowledgements=answers,
        median_seconds=median_seconds(answers),
        channels=channels_of(incident),
        failovers=failovers_of(incident),
        deadlines=margins_of(incident, source.duties, source.now),
        tasks=tasks_of(incident, stop_of(incident, source.marks, source.now)),
        causes=causes_of(incident),
        open_duties=tuple(duty for duty in source.duties if is_open(duty)),
        left_open=source.closing.left_open if source.closing is not None else {},
        dropped=source.closing.dropped if source.closing is not None else {},
        undetermined=tuple(duty.id for duty in sorted(unknown, key=lambda one: not one.in_sight)),
        undetermined_running=tuple(one for one in source.duties if is_doubtful(one) and one.due is not None),
    )


def unready(source: Source) -> str:
    """Return the reason against signing now, or the empty string."""
    incident, plan = source.incident, source.plan
    if plan is None or incident.drill is None:
        return "" if incident.state == "closed" else "the incident is not closed"
    if incident.drill.stage not in OVER:
        return "the exercise has not ended"
    if incident.kind == "test":
        return SCRIPTED
    missing = ratings_report(incident, plan).unconfirmed
    return f"no evaluator has rated {', '.join(missing)}" if missing else ""


def _unsigned(incident: Incident) -> str:
    """Return the reason why no signature covers the whole journal, or the empty string."""
    if not incident.reports:
        return "no person has signed the report"
    last = incident.reports[-1].event
    if last == incident.version:
        return ""
    return f"the journal has entries after the last signature, entry {last}"
