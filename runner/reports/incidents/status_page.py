"""The status screen: DO NOW, acknowledgements, legal deadlines, compromised systems, then the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from datetime import datetime

import msgspec

from runner.actions import Action
from runner.law.duty import DutyStatus
from runner.playbook.format import CONTAINERS, Horizon
from runner.reports.core.attention_item import AttentionItem
from runner.reports.core.attention_rows import attention_rows
from runner.reports.core.do_now import folded_words, ordered, present, waits
from runner.reports.core.formatting import count, person_name, remaining, span, when
from runner.reports.core.header import Heading, screen_header
from runner.reports.core.page import Block, Cell, Paragraph, Row, arrow, flow, line, paged, rows, table
from runner.reports.core.report import filled
from runner.reports.core.second_person import two_person_blocks
from runner.reports.core.task_rows import STATE_WORDS, TaskRow, named, place_of, state_words
from runner.reports.incidents.duty_lanes import (
    ENOUGH,
    LaneGroup,
    attention_folded,
    clocks_folded,
    folded,
    words,
)
from runner.reports.incidents.links import elsewhere, link_blocks
from runner.reports.incidents.organisation_attention import between_blocks, elsewhere_blocks
from runner.reports.incidents.recommendations import pressing_actions, task_item
from runner.reports.incidents.status import Fallen, Status
from runner.reports.incidents.waiting import asked_blocks, calm_blocks, receipts
from runner.reports.law.duties import running
from runner.reports.law.duty_details import decisions
from runner.reports.law.duty_rows import duty_row, earlier_words
from runner.reports.messages.messages import DeliveryRow, delivery_cells, unproved
from runner.reports.messages.messages_page import awaiting_blocks
from runner.reports.messages.rules import overrides_blocks
from runner.reports.messages.war_room import room_blocks
from runner.reports.notices.notices import NoticeRow, notice_cells

LOUD = ("done_late", "skipped", "failed", "expired", "cancelled")
"""End states that are named beside a task with their reason."""
ACTIONS = 8
"""Most required actions on the page."""
BRIEF_ACTIONS = 3
BRIEF_CLOCKS = 1
"""The same on a screen that is watched."""
CLOCKS = 2
"""Most legal deadlines on the page."""
AWAITED = 3
"""Most people of a message who have not acknowledged on the page."""
OPEN = 6
"""Most tasks of a list on the page."""
SOON = 3
"""Most waiting tasks on the page, the next first."""
LATEST = 3
"""Most tasks under RECENTLY DONE."""
FAR_ROW = 1_000_000
"""Sort key of a task that has no row number yet."""


@paged
def status_page(found: Status, *, everything: bool = False, brief: bool = False) -> Iterator[Block]:
    """Draw a status. ``everything`` shows all rows of every list.

    ``brief`` shows overdue work, the next deadline and one's own tasks on the first 24 lines.
    """
    now = found.as_of
    lanes = () if everything else found.lanes
    over = found.state in ("closed", "cancelled")
    most = None if everything else BRIEF_ACTIONS if brief else ACTIONS
    clocks = None if everything else BRIEF_CLOCKS if brief else CLOCKS
    items = pressing_actions(found, everything=everything)
    steps = () if over else tuple(_steps(found, now, {item.ref for item in items}, lanes, everything))
    deadlines = tuple(_clocks(found, now, lanes, clocks))
    age = f"opened {span(now - found.opened_at)} ago"
    yield from screen_header(filled(Heading, found), now, age)
    yield from elsewhere_blocks(found.elsewhere, now)
    yield from _attention(found, now, items, most)
    if found.hold is not None and found.hold.until is not None:
        ended = f"The legal hold ended {when(found.hold.until, now)}, released by {person_name(found.hold.ended_by)}"
        yield line(ended, "warn", hang=2)
    elif found.hold is not None:
        since = f" since {when(found.hold.since, now)}, placed by {person_name(found.hold.by)}"
        ends = f", until {found.hold.ends}" if found.hold.ends else ""
        yield flow(Cell("LEGAL HOLD", "title"), f"{since}{ends}. Keep all data of this incident.", hang=2)
    yield from (*deadlines, *steps) if brief else ()
    yield from link_blocks(found.links, now)
    yield from room_blocks(found.war_room) if found.war_room is not None else ()
    yield from awaiting_blocks(found.messages, _quiet(found), now, AWAITED) if found.state == "open" else ()
    yield from overrides_blocks(found.overrides, now)
    yield from two_person_blocks(found.second_person)
    yield from () if brief else deadlines
    yield from _decided(found.duties)
    yield from _domains(found, now)
    later = attention_folded([item for item in found.needs_attention if waits(item)], lanes)
    if later:
        yield _titled(f"QUESTIONS ({len(later)})", Action("fact.missing"), ", after isolation")
        yield from rows(attention_rows(later, now)) if everything else ()
    yield from _left_open(found) if over else () if brief else steps
    yield from _unproved(found, now)
    yield from _notices(found.notices, now, everything)
    yield from () if over else _waiting(found.tasks, lanes, everything)
    yield from between_blocks(found.organisation)
    yield from _done(found.tasks, now, everything)
    playbooks = ", ".join(str(playbook) for playbook in found.playbooks)
    yield line(f"{playbooks} · {found.incident} · entry {found.version}", "dim")


def _attention(
    found: Status, now: datetime, items: Sequence[AttentionItem], most: int | None
) -> Iterator[Block]:
    """Yield DO NOW; if it is empty, what waits, and for whom."""
    if not items:
        yield from calm_blocks(found, Cell("DO NOW (0) ", "title"))
        return
    yield line(f"DO NOW ({len(items)})", "title")
    yield from rows(attention_rows(items[:most], now))
    yield from _more(
        len(items[most:]) if most is not None else 0, Action("incident.next", args={"all": True})
    )
    yield from (line(f"Waiting: {text}", "warn", indent=2, hang=2) for text in receipts(found))
    yield from asked_blocks(found)


def _quiet(found: Status) -> list[DeliveryRow]:
    """Return the deliveries that are not in DO NOW."""
    told = {item.ref for item in found.needs_attention}
    return [row for row in found.deliveries if row.delivery not in told]


def _more(left: int, action: Action) -> Iterator[Block]:
    """Yield the number of hidden rows, and the action that shows them."""
    if left:
        yield flow(f"{left} more", arrow(action), indent=2)


def _titled(title: str, action: Action, more: str = "") -> Paragraph:
    """Return a section's title with the action for the whole of it."""
    return flow(Cell(title, "title"), f"{more}", arrow(action), hang=2)


def _left_open(found: Status) -> Iterator[Block]:
    """Yield the tasks that were not done at the end of the incident."""
    tasks = [row for row in found.tasks if not row.over and row.kind not in CONTAINERS]
    begun = [row for row in tasks if row.state != "waiting"]
    if not tasks:
        return
    yield line(f"NOT DONE AT CLOSE ({len(tasks)})", "title")
    for row in begun:
        yield line(named(row), "dim", indent=2, hang=2)
    if len(begun) < len(tasks):
        yield line(f"{count(len(tasks) - len(begun), 'task')} not started", "dim", indent=2)


def _domains(found: Status, now: datetime) -> Iterator[Block]:
    """Yield the compromised domains, grouped by start time, and the exposed messages."""
    alike: dict[tuple[str, bool, datetime], list[Fallen]] = {}
    for domain in found.domains:
        alike.setdefault((domain.state, domain.assumed, domain.since), []).append(domain)
    for (state, assumed, since), domains in alike.items():
        how = f"{state.upper()}{' (assumed)' if assumed else ''}"
        yield flow(Cell(how, "alarm"), f" since {when(since, now)} · no messages use these systems", hang=2)
        names = " · ".join(domain.domain for domain in domains)
        yield flow(names, arrow(Action("domain.list", args={"incident": found.codename})), indent=2, hang=2)
        for domain in domains:
            if domain.why:
                yield line(f"{domain.domain}: {domain.why}", "dim", indent=2, hang=2)
            yield from _sent_through(domain)


def _sent_through(one: Fallen) -> Iterator[Block]:
    """Yield the messages that an attacker may have read, and the acknowledgements that may be the attacker's."""
    if one.sent:
        answers = f"; acknowledged through it: {', '.join(one.answered)}" if one.answered else ""
        yield line(
            f"{one.domain}: the attacker may have read {', '.join(one.sent)}{answers}",
            "alarm",
            indent=2,
            hang=2,
        )


def _clocks(found: Status, now: datetime, lanes: Sequence[LaneGroup], most: int | None) -> Iterator[Block]:
    live = sorted(
        running(found.duties, now), key=lambda duty: (duty.due is None, duty.due_kind == "waits_for_event")
    )
    if not live:
        return
    entries, there = [], elsewhere(found.links)
    for group, alike in clocks_folded(live, lanes):
        more = f" and {len(alike) - 1} more to {group.recipient}" if group else ""
        row = duty_row(alike[0], now, found.opened_at, more)
        earlier = dict.fromkeys(filter(None, (earlier_words(there, one, now) for one in alike)))
        entries.append(
            msgspec.structs.replace(
                row, details=(*row.details, *((Cell(words, "warn"),) for words in earlier))
            )
        )
    shown = entries[:most]
    total = f"{len(shown)} of {len(entries)}" if len(shown) < len(entries) else str(len(entries))
    yield _titled(f"LEGAL DEADLINES ({total})", Action("duty.list"))
    yield from rows(shown)


def _decided(duties: Sequence[DutyStatus]) -> Iterator[Block]:
    """Yield the decisions not to notify and the waivers: people, signatures, and conditions to decide again."""
    if taken := decisions(duties):
        yield line(f"DECISIONS NOT TO NOTIFY ({len(taken)})", "title")
        for name, words in taken:
            yield flow(name, Cell(f" · {words}", "dim"), indent=2, hang=2)


def _steps(
    found: Status, now: datetime, told: Set[str], groups: Sequence[LaneGroup], everything: bool
) -> Iterator[Block]:
    """Yield the tasks to do that are not in DO NOW, own tasks first."""
    live = [row for row in found.tasks if _is_live(row) and (everything or row.invocation not in told)]
    mine = [row for row in live if row.invocation in found.mine]
    others = [row for row in live if row.invocation not in found.mine]
    for title, chosen in (
        (f"MY TASKS ({person_name(found.me)})", mine),
        ("TO DO" if not found.me else "TO DO, OTHER PEOPLE", others),
    ):
        if not chosen:
            continue
        listed, later = (chosen, Counter[Horizon]()) if everything else present(chosen, now)
        by_name = {row.invocation: row for row in listed}
        numbers = {item.ref: by_name[item.ref] for item in ordered(task_item(row, found) for row in listed)}
        entries = [
            _task(row, now) if isinstance(row, TaskRow) else _task_group(row, numbers, now)
            for row in folded(tuple(numbers.values()), groups)
        ]
        shown = entries if everything else entries[:OPEN]
        yield line(f"{title} ({len(entries)})" if not found.me or chosen is others else title, "title")
        yield from rows(shown)
        yield from _more(len(entries) - len(shown), Action("task.list"))
        if later:
            yield flow(folded_words(later), arrow(Action("incident.status", args={"all": True})), indent=2)


def _is_live(row: TaskRow) -> bool:
    waiting = row.state == "waiting" or row.over or (row.kind == "message" and not row.stuck)
    return bool(row.invocation) and not waiting and row.kind not in CONTAINERS


def _task(row: TaskRow, now: datetime, title: str = "") -> Row:
    """Return a task as a row: the time left or its state, title and person, its number last."""
    loud = bool(row.stuck) or row.state == "outcome_unknown"
    first = Cell(state_words(row), "alarm" if loud else "plain")
    if row.due is not None and not loud:
        first = Cell(remaining(row.due, now), "alarm" if row.due <= now else "title")
    who = row.who or "automatic"
    progress = f" · {row.progress}" if row.progress and not row.stuck else ""
    return Row(
        first,
        (Cell(title or named(row), about=f"task/{row.invocation}"), f" · {who}{progress}"),
        last=Cell(str(row.row), "dim"),
    )


def _task_group(group: LaneGroup, found: Mapping[str, TaskRow], now: datetime) -> Row:
    """Return a group as one row, with the number of its first lane."""
    first = found.get(group.first) or next(row for name, row in found.items() if name in group.rows)
    row = _task(first, now, words(group))
    start = ((f"Start by {when(group.start_by, now)}",),) if group.start_by and not first.due else ()
    return Row(row.first, row.cells, last=row.last, details=start)


def _unproved(found: Status, now: datetime) -> Iterator[Block]:
    """Yield unverified deliveries, approvals of one user for two people, and deliveries in progress."""
    others = [row for row in found.deliveries if not row.wanted]
    doubtful = unproved(others)
    active = [row for row in others if row.state == "active" and row not in doubtful]
    if doubtful:
        yield line("UNVERIFIED DELIVERIES", "title")
        yield table((delivery_cells(row, now) for row in doubtful), 2)
    said = Cell("approved by the same operating-system user as another approver", "alarm")
    alike = [
        (person_name(one.by), said, Cell(notice.document, "dim"))
        for notice in found.notices
        for one in notice.approvals
        if one.binds and one.shared_os_user
    ]
    if alike:
        yield line("UNVERIFIED APPROVALS", "title")
        yield table(alike, 1)
    if active:
        yield line("BEING DELIVERED", "title")
        yield table((delivery_cells(row, now) for row in active), 2)


def _notices(notices: Sequence[NoticeRow], now: datetime, everything: bool) -> Iterator[Block]:
    current = [row for row in notices if row.current]
    if not current:
        return
    alike: dict[tuple[str, ...], list[NoticeRow]] = {}
    for row in current:
        stale = "stale" if row.stale else ""
        key = (row.notice, row.version, row.status, stale) if not everything else (row.document,)
        alike.setdefault(key, []).append(row)
    yield _titled(f"NOTICES ({len(current)})", Action("notice.list"))
    for found in alike.values():
        if len(found) < ENOUGH:
            yield table((notice_cells(row, now) for row in found), 1)
            continue
        gaps = sorted(len(row.open_gaps) for row in found)
        holes = f", missing information: {gaps[0]} to {gaps[-1]}" if gaps[-1] else ""
        items = sum(row.open_items for row in found)
        checks = f", to verify ({items})" if items else ""
        checks += ", OUT OF DATE" if found[0].stale else ""
        first = found[0]
        yield line(
            f"{len(found)} x {first.notice} {first.version}  {first.status}{holes}{checks}", indent=2, hang=2
        )


def _waiting(tasks: Sequence[TaskRow], groups: Sequence[LaneGroup], everything: bool) -> Iterator[Block]:
    """Yield the waiting tasks: all, or the next ones."""
    waiting = [row for row in tasks if row.state == "waiting" and not row.superseded]
    if not waiting:
        return
    yield _titled(f"NEXT ({count(len(waiting), 'task')})", Action("task.list"))
    shown = list(folded(waiting, groups))
    if not everything and len(shown) > SOON:
        soon = _soonest([row for row in shown if isinstance(row, TaskRow)])
        shown = [row for row in shown if isinstance(row, TaskRow) and row in soon]
    yield from rows([_later(row, tasks) for row in shown])


def _lane(row: TaskRow) -> str:
    """Return the place of a task without its step: steps of other lanes and playbooks can have the same name."""
    return place_of(row.invocation).removesuffix(row.step)


def _numbers(row: TaskRow, tasks: Sequence[TaskRow]) -> Iterator[int]:
    """Yield the numbers of the tasks that a task waits for, in its own lane; a step without a lane yet names only the one task."""
    for step in row.waits_for:
        near = [one for one in tasks if one.row and one.step == step]
        own = [one.row for one in near if not row.invocation or _lane(one) == _lane(row)]
        if len(own) == 1:
            yield own[0]


def _later(row: TaskRow | LaneGroup, tasks: Sequence[TaskRow]) -> Row:
    if isinstance(row, LaneGroup):
        return Row("later", (words(row),))
    number = Cell(str(row.row or ""), "dim")
    who = f" · {row.who}" if row.who else ""
    cells = (named(row), who)
    if row.missing:
        return Row("needs a fact", cells, last=number, details=((f"Needed: {', '.join(row.missing)}",),))
    before = list(_numbers(row, tasks))
    if not before:
        return Row("later", cells, last=number)
    more = f" +{len(before) - 1}" if len(before) > 1 else ""
    return Row(f"after task {before[0]}{more}", cells, last=number)


def _soonest(waiting: Sequence[TaskRow]) -> list[TaskRow]:
    """Return tasks with a missing fact, then tasks after no waiting task, then the others, in order."""
    later = {row.step for row in waiting}
    return sorted(
        waiting,
        key=lambda row: (not row.missing, not later.isdisjoint(row.waits_for), row.row or FAR_ROW),
    )[:SOON]


def _done(tasks: Sequence[TaskRow], now: datetime, everything: bool) -> Iterator[Block]:
    shown = ended = [row for row in tasks if row.over]
    if not ended:
        return
    if everything:
        yield line(f"DONE ({summary(ended)})", "title")
    else:
        timed = [row for row in ended if row.ended_at is not None and row.state != "not_applicable"]
        shown = sorted(timed, key=lambda row: (row.ended_at or now, row.row))[-LATEST:][::-1]
        yield _titled(
            f"RECENTLY DONE ({len(shown)} of {len(ended)})", Action("incident.status", args={"all": True})
        )
    yield from rows(_end(row, now) for row in shown)


def _end(row: TaskRow, now: datetime) -> Row:
    state = STATE_WORDS[row.state] + (" (superseded)" if row.superseded else "")
    reason = f": {row.reason}" if row.reason and row.state in (*LOUD, "not_applicable") else ""
    end = f" – {state}{reason}" if state != "done" else ""
    at = when(row.ended_at, now) if row.ended_at else ""
    return Row(at, (f"{named(row)}{end}",), last=Cell(str(row.row or ""), "dim"))


def summary(ended: Sequence[TaskRow]) -> str:
    """Return the number of ended tasks by state: ``7 tasks: 5 done, 1 skipped, 1 not needed``."""
    states = Counter(row.state for row in ended)
    parts = ", ".join(f"{number} {STATE_WORDS[state]}" for state, number in states.items())
    return f"{count(len(ended), 'task')}: {parts}"
