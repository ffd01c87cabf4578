"""All incidents of a home folder: open incidents, exercises, and due work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

import msgspec

from runner.actions import Action, set_fact
from runner.base.states import MARKS
from runner.incident.state.exercise import OVER
from runner.incident.state.work import Failed
from runner.reports.core.do_now import order
from runner.reports.core.formatting import aside_words, count, elapsed_since, moment, remaining, screen_time
from runner.reports.core.page import Block, Cell, Cells, Tone, arrow, ends, flow, line, paged, rows, table
from runner.reports.core.page import Row as ScreenRow
from runner.reports.core.report import Report, filled
from runner.reports.core.task_rows import TaskRow, named, state_words
from runner.reports.law.titles import question_words

if TYPE_CHECKING:
    from runner.law.duty import DutyStatus
    from runner.reports.incidents.status import Status


class Row(Protocol):
    """An incident in the database index."""

    @property
    def id(self) -> str:
        """Its identifier."""

    @property
    def codename(self) -> str:
        """Its two words."""

    @property
    def title(self) -> str:
        """Its title; empty after erasure."""

    @property
    def kind(self) -> str:
        """``real``, ``exercise`` or ``test``."""

    @property
    def state(self) -> str:
        """``open``, ``paused``, ``cancelled`` or ``closed``."""

    @property
    def opened_at(self) -> datetime:
        """When it was opened."""

    @property
    def version(self) -> int:
        """The number of its last event."""

    @property
    def next_due(self) -> datetime | None:
        """Next time at which work is due."""

    @property
    def has_work(self) -> bool:
        """Whether work is due now."""

    @property
    def summary(self) -> bytes:
        """Its severity."""

    @property
    def unread(self) -> bool:
        """Whether the title is encrypted with a missing key."""


class Playing(msgspec.Struct, frozen=True, kw_only=True):
    """An exercise that is not closed: its stage and exercise time."""

    stage: str
    time: datetime


class IncidentEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One incident in the list."""

    incident: str
    codename: str
    title: str
    kind: str
    state: str
    opened_at: datetime
    version: int
    next_due: datetime | None
    has_work: bool
    severity: str = ""
    restricted: bool = False
    """Only the people with a role in it see it."""
    chosen: bool = False
    stage: str = ""
    """Of an exercise that is not closed: ``planned``, ``running``, ``paused``, ``frozen`` or ``ended``."""
    exercise_time: datetime | None = None
    """The exercise time; ``opened_at`` is exercise time, too."""
    unread: bool = False
    """The title is encrypted, and the master key is missing."""
    left_open: tuple[str, ...] = ()
    """Duties that were open at close and still are: Tocsin watches their deadlines."""
    undetermined: tuple[str, ...] = ()
    """The same for undetermined duties with a deadline."""
    set_aside: Failed | None = None
    """Automatic work stopped after repeated failures."""
    led_by: str = ""
    """The codename of the incident that leads this one: both turned out to be one."""
    leads: tuple[str, ...] = ()
    """The codenames of the incidents that this one leads."""
    unknown: tuple[str, ...] = ()
    """Facts about the organisation without which no legal deadline can be shown."""

    @property
    def is_live(self) -> bool:
        """Tell whether it is listed: it is not closed, or legal deadlines of it still run."""
        return self.state in ("open", "paused") or bool(self.left_open or self.undetermined)


_NO_DUTIES: Mapping[str, Sequence[DutyStatus]] = {}
_NOBODY: Mapping[str, Playing] = {}
_NONE: Mapping[str, Failed] = {}
_UNLINKED: Mapping[str, tuple[str, tuple[str, ...]]] = {}


class IncidentsReport(Report, frozen=True, kw_only=True, tag="tocsin/incidents/v1"):
    """The incidents of a home folder, open incidents first, newest first."""

    as_of: datetime
    incidents: tuple[IncidentEntry, ...]


def incidents(
    rows: Iterable[Row],
    now: datetime,
    chosen: str = "",
    playing: Mapping[str, Playing] = _NOBODY,
    running: Mapping[str, Sequence[DutyStatus]] = _NO_DUTIES,
    set_aside: Mapping[str, Failed] = _NONE,
    links: Mapping[str, tuple[str, tuple[str, ...]]] = _UNLINKED,
    unknown: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
) -> IncidentsReport:
    """Return the list; ``chosen`` is the active incident (``tocsin use``). All rows must be incidents.

    ``playing`` is the progress of exercises that are not closed; ``running`` the open and undetermined duties of closed incidents.
    """
    entries = [
        filled(
            IncidentEntry,
            row,
            incident=row.id,
            next_due=row.next_due if row.state in ("open", "paused") else None,
            severity=row.summary.partition(b"/")[0].decode(),
            restricted=row.summary.endswith(b"/restricted"),
            chosen=row.id == chosen,
            stage=playing[row.id].stage if row.id in playing else "",
            exercise_time=playing[row.id].time if row.id in playing else None,
            left_open=tuple(one.id for one in running.get(row.id, ()) if one.verdict == "applies"),
            undetermined=tuple(one.id for one in running.get(row.id, ()) if one.verdict == "unknown"),
            set_aside=set_aside.get(row.id) if row.state in ("open", "paused") else None,
            led_by=links[row.id][0] if row.id in links else "",
            leads=links[row.id][1] if row.id in links else (),
            unknown=unknown.get(row.id, ()),
        )
        for row in rows
    ]
    entries.sort(key=lambda one: one.opened_at, reverse=True)
    entries.sort(key=lambda one: one.state not in ("open", "paused"))
    return IncidentsReport(as_of=now, incidents=tuple(entries))


@paged
def incidents_page(
    report: IncidentsReport,
    *,
    everything: bool = False,
    duties: Mapping[str, Sequence[DutyStatus]] = _NO_DUTIES,
) -> Iterator[Block]:
    """Draw the list, with the nearest deadline of ``duties``; closed incidents are only counted unless ``everything`` is set."""
    live = [one for one in report.incidents if everything or one.is_live]
    # exercises are never between real incidents
    live.sort(key=lambda one: (one.state not in ("open", "paused"), one.kind != "real"))
    yield ends((Cell("Incidents", "title"),), (screen_time(report.as_of),))
    for one in live:
        if one.unknown:
            asks = set_fact(one.unknown[0])
            there = msgspec.structs.replace(asks, args={**asks.args, "incident": one.codename})
            words = f"{one.codename}: no legal deadline can be shown. {question_words(one.unknown[0])}"
            yield flow(Cell(words, "alarm"), arrow(there), hang=2)
    if live:
        yield table((_cells(one, report.as_of, duties.get(one.incident, ())) for one in live), 2, indent=0)
    else:
        yield line("No incident is open", "good")
    if folded := len(report.incidents) - len(live):
        yield flow(count(folded, "closed incident"), arrow(Action("incident.list", args={"all": True})))


def _cells(one: IncidentEntry, now: datetime, duties: Sequence[DutyStatus]) -> Cells:
    mark = MARKS[one.kind]
    restricted = "restricted" if one.restricted else ""
    state = "stopped" if one.set_aside is not None else one.stage or one.state
    return (
        "*" if one.chosen else " ",
        Cell(one.codename, "title", about=f"incident/{one.codename}"),
        one.title or ("(encrypted: no master key)" if one.unread else "(erased)"),
        Cell(mark, "marking"),
        Cell(one.severity.upper(), "alarm"),
        Cell(state, "good" if state in ("open", "running") else "warn"),
        _since(one, now),
        "; ".join(
            filter(
                None,
                (restricted, _linked(one), _deadline(duties, one.exercise_time or now), _clock(one, now)),
            )
        ),
        Cell(one.incident, "dim"),
    )


def _deadline(duties: Sequence[DutyStatus], now: datetime) -> str:
    """Return the nearest legal deadline of the duties that apply or may apply and are not done."""
    dues = [
        (one.due, one.verdict == "unknown") for one in duties if one.due and one.state in ("open", "overdue")
    ]
    if not dues:
        return ""
    due, doubt = min(dues)
    return f"legal deadline{' (undetermined)' if doubt else ''}: {remaining(due, now)}"


def _linked(one: IncidentEntry) -> str:
    words = f"linked: {one.led_by} leads" if one.led_by else ""
    return words or (f"linked: leads {', '.join(one.leads)}" if one.leads else "")


def _since(one: IncidentEntry, now: datetime) -> str:
    """Return the time since the opening, for an exercise in exercise time; empty if it is closed."""
    live = one.state in ("open", "paused")
    return elapsed_since(one.opened_at, one.exercise_time or now) if live else ""


def _clock(one: IncidentEntry, now: datetime) -> str:
    """Return the next due work, and the exercise time."""
    if one.set_aside is not None:
        return f"{aside_words(one.set_aside)}: tocsin resume {one.codename} --reason 'WHY'"
    if one.stage in OVER:
        return f"close the exercise: tocsin drill end --close -i {one.codename}"
    if one.left_open or one.undetermined:
        kinds = ("open", one.left_open), ("undetermined", one.undetermined)
        found = [count(len(ids), f"{kind} duty", f"{kind} duties") for kind, ids in kinds if ids]
        return f"{', '.join(found)}: tocsin duties -i {one.codename}"
    parts = [f"exercise time {moment(one.exercise_time)}"] if one.exercise_time is not None else []
    if one.has_work or (one.next_due is not None and one.next_due <= now and one.state == "open"):
        parts.append("automatic work due now")
    elif one.next_due is not None and one.state == "open":
        clock = " (real time)" if one.exercise_time is not None else ""
        parts.append(f"next automatic work{clock}: {remaining(one.next_due, now)}")
    return "; ".join(parts)


SHOWN = 8
"""Most tasks of a list."""


def late(found: Sequence[Status]) -> int:
    """Return the number of required actions after their time; a closed incident's, which each status has, count once."""
    return len({
        (item.action.args.get("incident", one.codename), item.ref, item.text)
        for one in found
        for item in one.needs_attention
        if item.due is not None and item.due <= one.as_of
    })  # fmt: skip


def own_tasks(found: Sequence[Status]) -> list[tuple[Status, TaskRow]]:
    """Return the tasks to do of the person of the statuses, in the one order."""
    from runner.reports.incidents.recommendations import task_item  # only pages of a person need it

    going = [one for one in found if all(item.kind != "exercise_over" for item in one.needs_attention)]
    mine = [(one, row) for one in going for row in one.tasks if row.invocation in one.mine]
    return sorted(mine, key=lambda pair: order(task_item(pair[1], pair[0])))


def summary_line(found: Sequence[Status], live: Sequence[IncidentEntry]) -> Block:
    """Return the counts in one line; ``live`` are the listed incidents, of which ``found`` may be only some."""
    overdue, mine = late(found), len(own_tasks(found))
    cut = f" · counted in {len(found)} of {len(live)} incidents" if len(found) < len(live) else ""
    kinds = [one.kind == "real" for one in live if one.state in ("open", "paused")]
    played = f" · Exercises {kinds.count(False)}" if False in kinds else ""
    calls = len({item.person for one in found for item in one.needs_attention if item.kind == "unreachable"})
    tone: Tone = "alarm" if overdue else "plain" if calls else "good"
    missed = (" · ", Cell(f"{calls} not reached", "alarm")) if calls else ()
    numbers = f"Open {kinds.count(True)}{played} · ", Cell(f"Late {overdue}", tone)
    return flow(*numbers, *missed, f" · Yours {mine}{cut}")


def own_blocks(found: Sequence[Status]) -> Iterator[Block]:
    """Yield the tasks of the person: those of real incidents, and apart from them those of exercises."""
    for title, real in (("YOUR TASKS", True), ("YOUR TASKS IN EXERCISES", False)):
        mine = own_tasks([one for one in found if (one.kind == "real") is real])
        if mine:
            yield line(f"{title} ({len(mine)})", "title")
            yield from rows(_row(one, row) for one, row in mine[:SHOWN])
        if len(mine) > SHOWN:
            yield line(f"{len(mine) - SHOWN} more", "dim")


def _row(one: Status, row: TaskRow) -> ScreenRow:
    first = Cell(state_words(row))
    if row.due is not None:
        first = Cell(remaining(row.due, one.as_of), "alarm" if row.due <= one.as_of else "title")
    place = f"incident/{one.codename}"
    about = Cell(named(row), about=f"{place}/task/{row.invocation}")
    return ScreenRow(first, (about, " · ", Cell(one.codename, about=place)))
