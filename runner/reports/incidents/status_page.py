"""How a status is drawn for somebody tired: what needs a person, then clocks, mine, ready, unproved, waiting, done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from runner.law.duty import DutyStatus
from runner.playbook.steps import CONTAINERS
from runner.reports.core import suggested_actions
from runner.reports.core.attention_item import AttentionItem, Severity
from runner.reports.core.formatting import count, moment, remaining, span, when
from runner.reports.core.header import Heading, render_header
from runner.reports.core.page import Blank, Block, Cell, Page, Paragraph, Table, Tone, line
from runner.reports.core.second_person import two_person_blocks
from runner.reports.core.task_rows import TaskRow, named
from runner.reports.incidents.do_now import LATER, NOTHING, calm
from runner.reports.incidents.duty_lanes import (
    ENOUGH,
    LaneGroup,
    attention_folded,
    clocks_folded,
    folded,
    words,
)
from runner.reports.incidents.organisation_attention import between_blocks
from runner.reports.incidents.status import Fallen, Status
from runner.reports.law.duties import FAR, clock_words, due_words, presses, record_words, running, start_words
from runner.reports.messages.messages import DeliveryRow, delivery_cells, unproved
from runner.reports.messages.rules import overrides_blocks
from runner.reports.messages.war_room import room_blocks
from runner.reports.notices.notices import NoticeRow, notice_cells

_TONES: dict[Severity, Tone] = {"critical": "alarm", "high": "alarm", "medium": "warn", "low": "dim"}
_MARKS: dict[Severity, str] = {"critical": "!!", "high": "!", "medium": "?", "low": "·"}
_LOUD = ("done_late", "skipped", "failed", "expired", "cancelled")
"""Ends that are named beside a step; the others speak for themselves."""
SOON = 12
"""Of more than so many lines to come, those that come soonest stand on the page."""
LATEST = 3
"""So many ends are recent."""
FAR_ROW = 1_000_000
"""Where a step that was not invoked yet stands in the order."""


def status_page(found: Status, *, everything: bool = False) -> Page:
    """Draw a status. ``everything`` unfolds what is done."""
    now = found.as_of
    lanes = () if everything else found.lanes
    over = found.state in ("closed", "cancelled")
    waiting = [item for item in found.needs_attention if item.rank < LATER]
    later = [item for item in found.needs_attention if item.rank == LATER]
    blocks: list[Block] = [*render_header(_heading(found), _subject(found, now))]
    for section in (
        _attention("DO NOW", waiting, lanes, NOTHING if over else calm(found.tasks)),
        _war_room(found),
        _domains(found, now),
        overrides_blocks(found.overrides, now),
        two_person_blocks(found.second_person),
        _clocks(found.duties, now, found.opened_at, lanes),
        _decided(found.duties),
        _attention("QUESTIONS AFTER CONTAINMENT", later, lanes),
        _left_open(found) if over else _steps(found, now, lanes),
        _unproved(found, now),
        _notices(found.notices, now, everything),
        () if over else _waiting(found.tasks, lanes, everything),
        between_blocks(found.organisation),
        _done(found.tasks, now, everything),
    ):
        blocks.extend(section)
    return Page(tuple(blocks[:-1] if isinstance(blocks[-1], Blank) else blocks))


def _heading(found: Status) -> Heading:
    return Heading(
        incident=found.incident,
        codename=found.codename,
        title=found.title,
        kind=found.kind,
        state=found.state,
        severity=found.severity,
        alone=found.alone,
    )


def _subject(found: Status, now: datetime) -> str:
    playbooks = ", ".join(f"{playbook.name} {playbook.version}" for playbook in found.playbooks)
    length = span(found.as_of - found.opened_at)
    age = f"running for {length}" if found.state in ("open", "paused") else f"begun {length} ago"
    return f"{playbooks} · {age} · event {found.version} · {moment(now)}"


def _attention(
    title: str, items: Sequence[AttentionItem], lanes: Sequence[LaneGroup], otherwise: str = ""
) -> Iterator[Block]:
    """Yield a list of what waits; in place of an empty one stands ``otherwise``."""
    items = attention_folded(items, lanes)
    if not items:
        yield from (line(otherwise, "good"), Blank()) if otherwise else ()
        return
    yield line(f"{title} ({len(items)})", "title")
    for item in items:
        yield Paragraph(
            cells=(Cell(f"{_MARKS[item.severity]:<3}", _TONES[item.severity]), Cell(item.text)),
            indent=1,
            hang=3,
        )
        yield Paragraph(cells=(Cell("→ "), Cell(item.command, "command")), indent=4, hang=2)
    yield Blank()


def _left_open(found: Status) -> Iterator[Block]:
    """Say what had not ended when the incident did: nobody is asked to do it any more."""
    tasks = [row for row in found.tasks if not row.over and row.kind not in CONTAINERS]
    begun = [row for row in tasks if row.state != "waiting"]
    if not tasks:
        return
    yield line(f"LEFT OPEN WHEN IT ENDED ({len(tasks)})", "title")
    for row in begun:
        yield line(named(row), "dim", indent=2, hang=2)
    if len(begun) < len(tasks):
        yield line(f"{count(len(tasks) - len(begun), 'step')} not begun", "dim", indent=2)
    yield Blank()


def _war_room(found: Status) -> Iterator[Block]:
    if found.war_room is not None:
        yield from room_blocks(found.war_room)
        yield Blank()


def _domains(found: Status, now: datetime) -> Iterator[Block]:
    if not found.domains:
        return
    yield line("NOT TO BE RELIED ON", "title")
    rows = []
    for domain in found.domains:
        how = f"assumed {domain.state}" if domain.assumed else domain.state
        since = f"{how} since {when(domain.since, now)}"
        rows.append((Cell(domain.domain), Cell(f"{since}{_went_over(domain)}", "alarm")))
    yield Table(rows=tuple(rows), elastic=1)
    yield Blank()


def _went_over(one: Fallen) -> str:
    """Say what the attacker may have read, and which answers may be theirs."""
    if not one.sent:
        return ""
    answers = f"; answered over it: {', '.join(one.answered)}" if one.answered else ""
    return f"; went over it since, and may have been read: {', '.join(one.sent)}{answers}"


def _clocks(
    duties: Sequence[DutyStatus], now: datetime, opened: datetime, lanes: Sequence[LaneGroup]
) -> Iterator[Block]:
    live = running(duties, now)
    if not live:
        return
    yield line("CLOCKS", "title")
    rows = []
    for group, alike in clocks_folded(live, lanes):
        first = _clock(alike[0], now, opened)
        others = f"{alike[0].id} and {len(alike) - 1} more to {group.recipient}" if group else ""
        rows.append((Cell(others), *first[1:]) if group else first)
    yield Table(rows=tuple(rows), elastic=0)
    yield Blank()


def _decided(duties: Sequence[DutyStatus]) -> Iterator[Block]:
    """Yield the decisions not to notify and the waivers: who took them, who signed, what opens them again."""
    taken = [
        (duty.id, record)
        for duty in duties
        for record in (*duty.earlier, duty.record)
        if record is not None and record.kind != "filed"
    ]
    if taken:
        yield line("DECIDED", "title")
        yield Table(
            rows=tuple((Cell(name), Cell(record_words(one), "dim")) for name, one in taken), elastic=1
        )
        yield Blank()


def _clock(duty: DutyStatus, now: datetime, opened: datetime) -> tuple[Cell, ...]:
    words, tone = clock_words(duty, now)
    start = start_words(duty, now, opened)
    begin = f"; start {start}" if start else ""
    return (Cell(duty.id), Cell(words, tone), Cell(f"{due_words(duty, now)}{begin}", "dim"))


def _steps(found: Status, now: datetime, groups: Sequence[LaneGroup]) -> Iterator[Block]:
    live = [r for r in found.tasks if _is_live(r)]
    mine = [r for r in live if r.invocation in found.mine]
    others = [r for r in live if r.invocation not in found.mine]
    lanes = {duty.id: presses(duty, now) for duty in found.duties}
    for title, rows in (
        (f"MINE ({found.me})", mine),
        ("READY" if not mine else "READY, WITH OTHERS", others),
    ):
        if rows:
            yield line(title, "title")
            ordered = sorted(rows, key=lambda r: (r.due or lanes.get(r.duty or r.item, FAR), r.row))
            numbers = {r.invocation: r for r in ordered}
            cells = (
                _ready(row, now) if isinstance(row, TaskRow) else _ready_group(row, numbers, now)
                for row in folded(ordered, groups)
            )
            yield Table(rows=tuple(cells), elastic=1)
            yield Blank()


def _is_live(row: TaskRow) -> bool:
    waiting = row.state == "waiting" or row.over
    return bool(row.invocation) and not waiting and row.kind not in CONTAINERS


def _ready(row: TaskRow, now: datetime) -> tuple[Cell, ...]:
    who = row.assignee or (f"role {' or '.join(row.roles)}" if row.roles else "by itself")
    clock = Cell("")
    if row.due is not None:
        clock = Cell(remaining(row.due, now), "alarm" if row.due <= now else "plain")
    state = "stuck" if row.stuck else row.state.replace("_", " ")
    state = f"{state}, {row.progress}" if row.progress and not row.stuck else state
    return (
        Cell(str(row.row)),
        Cell(named(row), "plain"),
        Cell(state, "alarm" if row.stuck or row.state == "outcome_unknown" else "good"),
        Cell(who, "dim"),
        clock,
    )


def _ready_group(group: LaneGroup, rows: Mapping[str, TaskRow], now: datetime) -> tuple[Cell, ...]:
    """Return a group as one row: the number is that of the lane to begin with."""
    first = rows.get(group.first) or next(row for name, row in rows.items() if name in group.rows)
    cells = _ready(first, now)
    begin = f"begin by {when(group.start_by, now)}" if group.start_by else ""
    clock = cells[4] if first.due is not None else Cell(begin, "plain")
    return (
        cells[0],
        Cell(words(group), "plain"),
        Cell(group.state.replace("_", " "), "good"),
        cells[3],
        clock,
    )


def _unproved(found: Status, now: datetime) -> Iterator[Block]:
    doubtful: tuple[DeliveryRow, ...] = unproved(found.deliveries)
    shared = [
        (notice, approval)
        for notice in found.notices
        for approval in notice.approvals
        if approval.binds and approval.shared_os_user
    ]
    active = [row for row in found.deliveries if row.state == "active" and row not in doubtful]
    if doubtful or shared:
        yield line("CANNOT BE PROVED", "title")
        rows = [delivery_cells(row, now) for row in doubtful]
        for notice, one in shared:
            words = "approved at the same operating-system user as another approver"
            rows.append(
                (Cell(notice.document, "dim"), Cell(one.by), Cell(""), Cell(words, "alarm"), Cell(""))
            )
        yield Table(rows=tuple(rows), elastic=3)
        yield Blank()
    if active:
        yield line("UNDER WAY", "title")
        yield Table(rows=tuple(delivery_cells(row, now) for row in active), elastic=3)
        yield Blank()


def _notices(notices: Sequence[NoticeRow], now: datetime, everything: bool) -> Iterator[Block]:
    current = [row for row in notices if row.current]
    if not current:
        return
    alike: dict[tuple[str, ...], list[NoticeRow]] = {}
    for row in current:
        key = (row.notice, row.version, row.status) if not everything else (row.document,)
        alike.setdefault(key, []).append(row)
    yield line("NOTICES", "title")
    for rows in alike.values():
        if len(rows) < ENOUGH:
            yield Table(rows=tuple(notice_cells(row, now) for row in rows), elastic=2)
            continue
        gaps = sorted(len(row.gaps) for row in rows)
        holes = f", {gaps[0]} to {gaps[-1]} gaps" if gaps[-1] else ""
        yield line(
            f"{len(rows)} x {rows[0].notice} {rows[0].version}  {rows[0].status}{holes} (tocsin notice list)",
            indent=1,
        )
    yield Blank()


def _waiting(rows: Sequence[TaskRow], groups: Sequence[LaneGroup], everything: bool) -> Iterator[Block]:
    """Yield what is to come: all of it, or of much what comes soonest and how much more there is."""
    waiting = [row for row in rows if row.state == "waiting" and not row.superseded]
    if not waiting:
        return
    yield line(f"TO COME ({len(waiting)})", "title")
    shown = list(folded(waiting, groups))
    if not everything and len(shown) > SOON:
        soon = _soonest([row for row in shown if isinstance(row, TaskRow)])
        shown = [row for row in shown if not isinstance(row, TaskRow) or row in soon]
    yield Table(
        rows=tuple(
            (
                Cell(str(row.row or ""), "dim"),
                Cell(named(row) if row.row else f"  {named(row)}", "dim"),
                Cell(_why(row), "dim"),
            )
            if isinstance(row, TaskRow)
            else (Cell(""), Cell(words(row), "dim"), Cell(""))
            for row in shown
        ),
        elastic=1,
    )
    seen = sum(1 if isinstance(row, TaskRow) else len(row.rows) for row in shown)
    if seen < len(waiting):
        yield line(f"and {len(waiting) - seen} more, later ({suggested_actions.ALL_STEPS})", "dim", indent=2)
    yield Blank()


def _soonest(waiting: Sequence[TaskRow]) -> list[TaskRow]:
    """Return what a fact is missing for, then what waits for no step that is itself to come, then the others, in order."""
    later = {row.step for row in waiting}
    ordered = sorted(
        waiting,
        key=lambda row: (not row.missing, any(wait in later for wait in row.waits_for), row.row or FAR_ROW),
    )
    return ordered[:SOON]


def _why(row: TaskRow) -> str:
    if row.missing:
        return f"needs {', '.join(row.missing)}"
    return f"after {', '.join(row.waits_for)}" if row.waits_for else ""


def _done(rows: Sequence[TaskRow], now: datetime, everything: bool) -> Iterator[Block]:
    ended = [row for row in rows if row.over]
    if not ended:
        return
    if not everything:
        told = [row for row in ended if row.ended_at is not None and row.state != "not_applicable"]
        last = sorted(told, key=lambda row: (row.ended_at or now, row.row))[-LATEST:]
        if last:
            yield line("ENDED LAST", "title")
            yield _ends(last, now)
        yield line(f"{summary(ended)} ({suggested_actions.ALL_STEPS})", "dim")
        return
    yield line("ENDED", "title")
    yield _ends(ended, now)


def _ends(ended: Sequence[TaskRow], now: datetime) -> Table:
    table = []
    for row in ended:
        state = row.state.replace("_", " ") + (" (done anew)" if row.superseded else "")
        reason = f": {row.reason}" if row.reason and row.state in (*_LOUD, "not_applicable") else ""
        at = when(row.ended_at, now) if row.ended_at else ""
        table.append(
            (Cell(str(row.row or ""), "dim"), Cell(f"{named(row)} – {state}{reason}"), Cell(at, "dim"))
        )
    return Table(rows=tuple(table), elastic=1)


def summary(ended: Sequence[TaskRow]) -> str:
    """Return how many steps have ended, and how: ``7 ended: 5 done, 1 skipped, 1 not applicable``."""
    states = dict.fromkeys(row.state for row in ended)
    parts = ", ".join(
        f"{sum(row.state == state for row in ended)} {state.replace('_', ' ')}" for state in states
    )
    return f"{count(len(ended), 'step')} ended: {parts}"
