"""Outcome of a change: its result, and the tasks that are ready or blocked after it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from runner.actions import Action
from runner.incident.law.moved_deadlines import moves
from runner.incident.state import events as e
from runner.incident.state.second_person import ClockMove
from runner.incident.steps.approvals import Tally
from runner.incident.turn.implicit_answers import HOW, OVER
from runner.playbook.format import PEOPLE
from runner.reports.core.second_person import awaited_words, confirmation
from runner.reports.core.task_rows import TaskRow, task_rows

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.app.core.repository import Turn
    from runner.incident.state.incident import Incident


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A step that waits for a person now."""

    step: str
    invocation: str
    row: int
    """The number for commands."""
    kind: str
    title: str
    state: str
    item: str = ""
    """The subject of its lane."""
    why: str = ""


class Done(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="tocsin/done/v1"):
    """The answer to a command that changed an incident; ``version`` is the journal's length after it."""

    incident: str
    codename: str
    version: int
    done: tuple[str, ...]
    ready: tuple[Step, ...] = ()
    stuck: tuple[Step, ...] = ()
    second_person: tuple[int, ...] = ()
    """New entries that wait for a second person: the acts that they request do not count yet."""
    confirm: tuple[Action, ...] = ()
    """How each is confirmed, by the first person who can."""
    approvals: tuple[Tally, ...] = ()
    """The progress of the approvals that were given."""
    deadlines: tuple[ClockMove, ...] = ()
    """Statutory deadlines that facts moved, or would move after a second person's confirmation."""


def outcome(service: IncidentService, turn: Turn, *done: str) -> Done:
    """Return the result, with the tasks that a turn made ready or blocked."""
    after, ready, stuck = turn.after, _steps(turn, _READY), _steps(turn, _STUCK)
    rows = [row for row in task_rows(after, service.library(after)) if row.invocation and not row.over]
    if turn.before.state in OVER and after.state not in OVER:  # its open tasks are to do again
        ready = frozenset(row.invocation for row in rows)
    wanted = awaiting(turn)
    asks = (f"entry {one}: {awaited_words(after, after.second_person[one])}" for one in wanted)
    return Done(
        incident=after.id,
        codename=after.codename,
        version=after.version,
        done=(*done, *asks, *_answered(turn), *_over(turn)),
        ready=tuple(
            _step(row)
            for row in rows
            if row.invocation in ready and row.state in ("ready", "active") and row.kind in PEOPLE
        ),
        stuck=tuple(_step(row, row.stuck) for row in rows if row.invocation in stuck and row.stuck),
        second_person=wanted,
        confirm=tuple(confirmation(after, after.second_person[one]) for one in wanted),
    )


def moved(service: IncidentService, turn: Turn, changes: Sequence[e.FactChange]) -> tuple[ClockMove, ...]:
    """Return the statutory deadlines that facts moved, or would move after a second person's confirmation."""
    before = turn.before
    return moves(before, changes, service.now_in(before), service.library(before))


def ended_duties(turn: Turn) -> tuple[str, ...]:
    """Return the duties that applied before a change and do not apply or cannot be decided now."""
    open_before = (name for name in _duties(turn) if _open(turn.before, name))
    return tuple(sorted(name for name in open_before if not _open(turn.after, name)))


def awaiting(turn: Turn) -> tuple[int, ...]:
    """Return the new entries that a second person has to confirm."""
    asked = (one.seq for one in turn.events if isinstance(one.event, e.SecondPersonAsked))
    return tuple(seq for seq in asked if turn.after.second_person[seq].state == "awaiting")


def _answered(turn: Turn) -> tuple[str, ...]:
    """Return which open questions a recorded fact has answered."""
    ended = (one.event for one in turn.events if isinstance(one.event, e.StepEnded))
    return tuple(f"{name} is answered" for name in sorted(end.step for end in ended if end.reason == HOW))


def _over(turn: Turn) -> tuple[str, ...]:
    """Return that a changed incident is closed, and which duties are open since the change; what a reopening opens; what stays compromised."""
    before, after = turn.before, turn.after
    if before.state not in OVER or not turn.events:
        kept = [one.name for one in after.domains.values() if one.kept] if after.state in OVER else []
        report = f"The report: tocsin report --sign --incident {after.codename}"
        return (
            *((report,) if after.state == "closed" and after.kind == "real" else ()),
            *(
                f"{name} stays compromised. When it is restored: "
                f"tocsin domain declare-up {name} --incident {after.codename} --reason WHY"
                for name in kept
            ),
        )
    if after.state not in OVER:
        left = ", ".join(sorted(name for name in after.duties if _open(after, name))) or "none"
        return (
            f"{after.codename} is open again, with the tasks that were open. Ended tasks stay ended: "
            "tocsin task reopen STEP --reason WHY",
            f"Open duties: {left}",
        )
    found = (f"{after.codename} is {after.state}. You can still add notes and facts. Tasks are closed.",)
    duties = sorted(name for name in {*_duties(turn)} if _open(after, name) and not _open(before, name))
    if not duties:
        return found
    few = ", ".join(duties[:5]) + (f" and {len(duties) - 5} more" if len(duties) > 5 else "")
    return (
        *found,
        f"Duties that are new or open again since then: {few}. To act on them: tocsin open PLAYBOOK",
    )


def _duties(turn: Turn) -> Iterator[str]:
    """Yield the duties that events of a turn are about."""
    for one in turn.events:
        match one.event:
            case e.DutiesAssessed(changes=changes):
                yield from (change.duty for change in changes)
            case e.EventCorrected(seq=seq):
                yield from (duty.id for duty in turn.before.duties.values() if duty.entry == seq)
            case _:
                pass


def _open(incident: Incident, name: str) -> bool:
    duty = incident.duties.get(name)
    return duty is not None and duty.in_sight and duty.verdict == "applies" and duty.record is None


_READY = (e.StepReady, e.StepRetried)
_STUCK = (e.StepStuck, e.StepEnded, e.StepSettled, e.AttemptEnded)


def _steps(turn: Turn, kinds: tuple[type[e.AnyEvent], ...]) -> frozenset[str]:
    """Return the steps that events of some kinds are about."""
    found = [one.event for one in turn.events if isinstance(one.event, kinds)]
    return frozenset(getattr(event, "effect", "") or getattr(event, "step", "") for event in found)


def _step(row: TaskRow, why: str = "") -> Step:
    same = {name: getattr(row, name) for name in Step.__struct_fields__ if name != "why"}
    return Step(**same, why=why)
