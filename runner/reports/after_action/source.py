"""What an after-action report is made from, and the numbers in it: the tables, the figures and the JSON say the same."""

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
from runner.incident.state.events import IncidentClosed
from runner.incident.state.exercise import OVER, Signed
from runner.incident.state.incident import Incident
from runner.incident.turn.decide_close import is_open
from runner.law.duty import DutyStatus
from runner.reports.after_action.channels import ChannelUse, Failover, channels_of, failovers_of
from runner.reports.after_action.clock import Anchor, ClockMark, anchors
from runner.reports.after_action.findings import causes_of
from runner.reports.after_action.response_times import Answer, Margin, answers_of, margins_of, median_seconds
from runner.reports.after_action.work import TaskTime, stop_of, tasks_of
from runner.reports.core.report_blocks import table, time
from runner.reports.exercises.exercise import DrillReport, drill_report
from runner.reports.exercises.ratings import ratings_report
from runner.reports.incidents.timeline import Entry

_MACHINES = frozenset({"tocsin", "worker"})


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One person's part: the role, and when the first and the last entry in the journal were made; exercise time in one."""

    person: str
    role: str
    entries: int
    first: datetime | None
    last: datetime | None


def participants(entries: Sequence[Entry], incident: Incident, plan: Exercise | None) -> tuple[Part, ...]:
    """Return who was to take part, and who did."""
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
    """Return the playbook's roles that each person holds."""
    held: dict[str, list[str]] = {}
    for role, persons in incident.roles.items():
        for person in persons:
            held.setdefault(person, []).append(role)
    return {person: ", ".join(roles) for person, roles in held.items()}


def roll_call_table(found: Sequence[Part], zone: tzinfo) -> Table:
    """Return a line for each person."""
    heads = ("Person", "Role", "Entries", "First", "Last")
    rows = [
        (part.person, part.role, str(part.entries), time(part.first, zone), time(part.last, zone))
        for part in found
    ]
    return table(heads, rows)


def timeline_section(entries: Sequence[Entry], zone: tzinfo) -> Table:
    """Return the timeline, without its details."""
    rows = [
        (str(entry.event), time(entry.exercise_at or entry.at, zone), entry.claimed, entry.text)
        for entry in entries
        if not entry.detail
    ]
    return table(("Entry", "Time", "Who", "What"), rows)


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """All that a report is made from; ``now`` is by the incident's own clock, ``made_at`` by the wall's."""

    incident: Incident
    plan: Exercise | None
    entries: tuple[Entry, ...]
    duties: tuple[DutyStatus, ...]
    marks: tuple[ClockMark, ...]
    titles: Mapping[str, str]
    """Invocation → what its step is called."""
    head: str
    """The journal's head, ``N:sha256:…``."""
    now: datetime
    made_at: datetime
    zone: tzinfo = UTC
    """In which its times are read."""
    items: tuple[Item, ...] = ()
    """The improvement items that came from the incident."""
    contacts: Mapping[str, str] = {}
    """The names of those who own items, by owner."""
    closing: IncidentClosed | None = None
    """Of an incident that is closed."""


class Numbers(msgspec.Struct, frozen=True, kw_only=True):
    """What the report says in numbers; every time of an exercise is exercise time."""

    codename: str
    title: str
    kind: Kind
    status: Literal["draft", "final"]
    draft_because: str
    """Empty for a final one."""
    made_at: datetime
    """By the wall's clock."""
    head: str
    """The journal's head when it was made, ``N:sha256:…``."""
    heads: tuple[Anchor, ...]
    """Those at StartEx and EndEx; of a real incident, at its opening and closing."""
    signed: tuple[Signed, ...]
    people: tuple[Part, ...]
    scenario: DrillReport | None
    """The events as played, and the ratings; null for a real incident."""
    acknowledgements: tuple[Answer, ...]
    median_seconds: int | None
    """Of those that came."""
    channels: tuple[ChannelUse, ...]
    failovers: tuple[Failover, ...]
    deadlines: tuple[Margin, ...]
    tasks: tuple[TaskTime, ...]
    causes: tuple[Fact, ...]
    open_duties: tuple[DutyStatus, ...]
    left_open: Mapping[str, str]
    """Duties → why each was left open at the closing."""
    undetermined: tuple[str, ...]
    """Duties of which nobody can tell whether they apply, those in sight first."""


def numbers_of(source: Source, *, signing: bool = False) -> Numbers:
    """Return what is known at one moment; ``signing`` is when somebody is about to stand for it."""
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
        undetermined=tuple(duty.id for duty in sorted(unknown, key=lambda one: not one.in_sight)),
    )


def unready(source: Source) -> str:
    """Return why nobody can sign it yet, or the empty string."""
    incident, plan = source.incident, source.plan
    if plan is None or incident.drill is None:
        return "" if incident.state == "closed" else "the incident is not closed"
    if incident.drill.stage not in OVER:
        return "the exercise is not over"
    missing = ratings_report(incident, plan).unconfirmed
    return f"no evaluator has rated {', '.join(missing)}" if missing else ""


def _unsigned(incident: Incident) -> str:
    """Return why no signature stands for what the journal says by now."""
    if not incident.reports:
        return "nobody has signed it"
    last = incident.reports[-1].event
    if last == incident.version:
        return ""
    return f"the journal goes on after entry {last}, with which it was signed"
