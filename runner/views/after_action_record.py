"""What the journal says in an after-action report: the scenario as played, who did what when, times, the timeline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from runner.documents.tree import Block, Table
from runner.model.duty import DutyStatus
from runner.model.exercise import Exercise, ScenarioEvent
from runner.model.incident import Delivery, Incident
from runner.views.after_action_words import bar, heading, paragraph, table, time
from runner.views.drill import EventReport, drill_report
from runner.views.timeline import Entry
from runner.views.words import span

_MACHINES = frozenset({"tocsin", "worker"})


def roll_call(entries: Sequence[Entry], plan: Exercise | None) -> Iterator[Block]:
    """Yield who took part, and when each first and last did something."""
    roles = {one.person: _role(one.role, one.plays) for one in plan.participants} if plan is not None else {}
    acted: dict[str, list[datetime]] = {}
    for one in entries:
        if one.claimed not in _MACHINES:
            acted.setdefault(one.claimed, []).append(one.exercise_at or one.at)
    rows = [
        (name, roles.get(name, ""), str(len(at)), time(min(at, default=None)), time(max(at, default=None)))
        for name in dict.fromkeys((*roles, *acted))
        for at in (acted.get(name, []),)
    ]
    yield table(("Person", "Role", "Entries", "First", "Last"), rows)


def _role(role: str, plays: str) -> str:
    return f"{role}: {plays}" if plays else role


def played(incident: Incident, plan: Exercise, now: datetime) -> Table:
    """Return the scenario: what was planned, what was released, what was answered."""
    report = drill_report(incident, plan, now)
    heads = ("No.", "Event", "Planned", "Released", "Expected and done")
    return table(heads, [_played(*pair) for pair in zip(report.events, plan.events, strict=True)])


def _played(one: EventReport, event: ScenarioEvent) -> tuple[str, ...]:
    expected = "\n".join(
        f"{each.action}: {time(each.done) if each.done else 'not done'}{f', by {time(each.by)}' if each.by else ''}"
        for each in one.expected
    )
    released = f"{time(one.released)} ({one.cause})" if one.released else one.state
    after = f"after {event.after}" if event.after else "by hand" if event.by_hand else "on a fact"
    return (one.number, one.title, time(one.planned) or after, released, expected)


def messages(incident: Incident, duties: Sequence[DutyStatus], now: datetime) -> Iterator[Block]:
    """Yield how long acknowledgement took, what failed over, and how near each legal deadline was."""
    found = list(incident.deliveries.values())
    yield heading(3, "Time to acknowledge")
    yield from _acknowledged([one for one in found if one.acked_at is not None and one.attempts])
    yield heading(3, "Channels that failed over")
    yield from _failed_over(found)
    yield heading(3, "Margin to each legal deadline")
    yield from _margins(incident, duties, now)


def _acknowledged(found: Sequence[Delivery]) -> Iterator[Block]:
    took = [
        (one, max(timedelta(0), one.acked_at - one.attempts[0].started_at))
        for one in found
        if one.acked_at is not None
    ]
    longest = max((each for _, each in took), default=timedelta(0))
    rows = [(one.person, one.step, span(each), bar(each, longest)) for one, each in took]
    yield (
        table(("Person", "Message", "Took", ""), rows)
        if rows
        else paragraph("Nobody acknowledged a message.")
    )


def _failed_over(found: Sequence[Delivery]) -> Iterator[Block]:
    rows = [
        (one.person, one.step, " > ".join(ways), one.state)
        for one in found
        for ways in (list(dict.fromkeys(each.channel for each in one.attempts)),)
        if len(ways) > 1
    ]
    heads = ("Person", "Message", "Channels, in order", "State")
    yield table(heads, rows) if rows else paragraph("None.")


def _margins(incident: Incident, duties: Sequence[DutyStatus], now: datetime) -> Iterator[Block]:
    rows = []
    for one in duties:
        if one.verdict != "applies" or one.due is None:
            continue
        view = incident.duties.get(one.id)
        record = view.record if view is not None else None
        margin = one.due - (record.at if record is not None else now)
        left = span(margin) if margin >= timedelta(0) else f"late by {span(-margin)}"
        rows.append((one, record.kind if record is not None else "open", margin, left))
    longest = max((margin for _, _, margin, _ in rows), default=timedelta(0))
    cells = [
        (one.id, time(one.due), state.replace("_", " "), left, bar(margin, longest))
        for one, state, margin, left in rows
    ]
    heads = ("Duty", "Due", "State", "Margin", "")
    yield table(heads, cells) if cells else paragraph("No legal deadline ran.")


def story(entries: Sequence[Entry]) -> Table:
    """Return the timeline, without its details."""
    rows = [
        (str(one.event), time(one.exercise_at or one.at), one.claimed, one.text)
        for one in entries
        if not one.detail
    ]
    return table(("Entry", "Time", "Who", "What"), rows)
