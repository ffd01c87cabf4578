"""The action that deals with a thing: every action that a view recommends is made here, and only here.

What a person has to fill in or to choose is a slot: none of these actions decides by itself what only a person can know.
"""

from __future__ import annotations

from typing import Literal

from msgspec.structs import replace

from runner.actions import PERSON, REASON, Action, Argument, Slot
from runner.base.states import TaskState
from runner.reports.core.task_rows import TaskRow

BulkVerb = Literal["bulk.send", "bulk.resume", "bulk.status", "bulk.substitute"]
WHY = Slot("WHY", "text")
HAPPENED = Slot("happened", "flag", ("happened", "not-happened"))
REACHED = Slot("reached", "flag", ("reached", "not-reached"))


def complete_step(kind: str, handle: str, *, duty: str = "", unticked: int = 0) -> Action:
    """Return the action that ends a ready step of a kind that people do, or shows what has to be ticked before."""
    match kind:
        case "ask":
            return Action("step.answer", handle, {"value": Slot("VALUE")})
        case "approve":
            return Action("step.approve", handle)
        case "file" if duty:
            return record_filed(duty)
        case "task" if not unticked:
            return Action("task.done", handle)
        case _:
            return Action("task.show", handle)


def retry_step(state: TaskState, handle: str) -> Action:
    """Return the action with which a person takes a stuck step further."""
    if state == "outcome_unknown":
        return resolve(handle)
    return Action("task.retry", handle, {"reason": WHY})


def reopen(handle: str) -> Action:
    """Return the action that opens a step again."""
    return Action("task.reopen", handle, {"reason": WHY})


def resolve(ref: str) -> Action:
    """Return the action that says what became of an attempt nobody knows about."""
    return Action("message.resolve", ref, {"happened": HAPPENED, "reason": WHY})


def call(delivery: str) -> Action:
    """Return the action that records a phone call; its outcome only the caller knows."""
    return Action("delivery.call", delivery, {"reached": REACHED})


def as_shown(action: Action) -> Action:
    """Return an action as a screen shows it: what a terminal asks for is left out."""
    return replace(action, args={}) if action.verb == "delivery.call" else action


def extended(action: Action, **more: Argument) -> Action:
    """Return an action with more arguments at its end."""
    return replace(action, args={**action.args, **more})


def row_step(row: TaskRow) -> Action:
    """Return the action for a step as it stands in a list; a filing is recorded on its duty."""
    duty = row.duty if row.kind == "file" else ""
    return complete_step(row.kind, row.command_name, duty=duty, unticked=row.unticked)


def record_filed(duty: str) -> Action:
    """Return the action that records a filing with its proof."""
    return Action("duty.record_filed", duty, {"reference": Slot("REFERENCE")})


def record_filed_late(duty: str) -> Action:
    """Return the action that records a late filing, whose reasons the law wants."""
    return extended(record_filed(duty), late_reason=WHY)


def decide_again(duty: str) -> Action:
    """Return the action that records a decision not to notify anew."""
    return Action("duty.decide", duty, {"not_to_notify": True, "ground": Slot("GROUND"), "reason": WHY})


def confirm(entry: int, person: str | Slot = PERSON) -> Action:
    """Return the action with which a person confirms what was recorded on their behalf."""
    return Action("entry.confirm", str(entry), {"as": person})


def resume(incident: str = "") -> Action:
    """Return the action that has automatic work go on in an incident that was set aside or paused."""
    return Action("incident.resume", incident, {"reason": WHY})


def close_exercise(incident: str) -> Action:
    """Return the action that closes an exercise which is over."""
    return Action("drill.end", args={"close": True, "incident": incident})


NO_WORKER = "No worker is running. Reminders, failover and escalation stop until your next command."
"""What every screen and warning says where nobody does automatic work."""
START_WORKER = Action("worker.start")
"""Starts a worker that goes on."""
WORK = Action("worker.run", args={"once": True})
TASKS = Action("task.list")
STATUS = Action("incident.status")


def bulk(verb: BulkVerb, notice: str, list_name: str, **more: str) -> Action:
    """Return an action about a campaign; what a person decides wants a reason."""
    reason: dict[str, Argument] = {"reason": REASON}
    decided = {} if verb in ("bulk.send", "bulk.status") else reason
    return Action(verb, notice, {"people": list_name, **more, **decided})
