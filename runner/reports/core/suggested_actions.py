"""Suggested actions: only this module makes the actions that views recommend.

A value that a person must fill in or choose is a slot.
"""

from __future__ import annotations

from typing import Literal

from msgspec.structs import replace

from runner.actions import PERSON, REASON, Action, Argument, Slot, assign_role, set_fact
from runner.base.states import TaskState
from runner.reports.core.task_rows import TaskRow

BulkVerb = Literal["bulk.send", "bulk.resume", "bulk.status", "bulk.substitute"]
WHY = Slot("WHY", "text")
JUDGED = ("risk.to_people", "risk.harm", "risk.low_probability_of_compromise", "incident.nrc_class")
"""Beginnings of the facts that a named person decides, on grounds: a form asks for both."""
HAPPENED = Slot("happened", "flag", ("happened", "not-happened"))
REACHED = Slot("reached", "flag", ("reached", "not-reached"))


def complete_step(kind: str, handle: str, *, duty: str = "", unticked: int = 0) -> Action:
    """Return the action that completes a task, or shows the checklist items to do before."""
    match kind:
        case "ask":
            return Action("step.answer", handle, {"value": Slot("VALUE")})
        case "form":
            return Action("step.answer", handle, {"value": Slot("FACT=VALUE")})
        case "approve":
            return Action("step.approve", handle)
        case "file" if duty:
            return record_filed(duty)
        case "task" if not unticked:
            return Action("task.done", handle)
        case "wait":
            return Action("task.skip", handle, {"reason": WHY})
        case _:
            return Action("task.show", handle)


def retry_step(state: TaskState, handle: str) -> Action:
    """Return the action for a blocked step."""
    if state == "outcome_unknown":
        return resolve(handle)
    return Action("task.retry", handle, {"reason": WHY})


def reopen(handle: str) -> Action:
    """Return the action that reopens a step."""
    return Action("task.reopen", handle, {"reason": WHY})


def resolve(ref: str) -> Action:
    """Return the action that resolves an attempt with an unknown outcome."""
    return Action("message.resolve", ref, {"happened": HAPPENED, "reason": WHY})


def each(action: Action) -> tuple[Action, ...]:
    """Return an action for each answer that only a person has, or the action."""
    flags = [name for name, value in action.args.items() if isinstance(value, Slot) and value.kind == "flag"]
    args = {name: value for name, value in action.args.items() if name not in flags}
    choices = [one for name in flags for one in getattr(action.args[name], "choices", ())]
    return tuple(replace(action, args={one: True, **args}) for one in choices) or (action,)


def call(delivery: str) -> Action:
    """Return the action that records a phone call."""
    return Action("delivery.call", delivery, {"reached": REACHED})


def extended(action: Action, **more: Argument) -> Action:
    """Return an action with more arguments."""
    return replace(action, args={**action.args, **more})


def row_step(row: TaskRow) -> Action:
    """Return the action for a step in a list; a filing is recorded on its duty."""
    if row.awaits:
        return confirm(row.awaits)
    if row.lacking and not row.approvers:
        return assign_role(row.lacking[0], also=True)
    duty = row.duty if row.kind == "file" else ""
    return complete_step(row.kind, row.command_name, duty=duty, unticked=row.unticked)


def answer(path: str, asked: TaskRow | None, known: object = None) -> Action:
    """Return the action that answers a question: in the step that asks it, else as a fact.

    What a person decides is answered in its form; until the form starts, the form is shown.
    """
    judged = path.startswith(JUDGED)
    if asked is not None and asked.state != "waiting":
        return row_step(asked)
    if asked is not None and judged:
        return Action("task.show", asked.command_name)
    found = set_fact(path, known)
    return extended(found, grounds=WHY, **{"as": PERSON}) if judged else found


def record_filed(duty: str) -> Action:
    """Return the action that records a filing with its proof."""
    return Action("duty.record_filed", duty, {"reference": Slot("REFERENCE")})


def record_filed_late(duty: str) -> Action:
    """Return the action that records a late filing with its reason."""
    return extended(record_filed(duty), late_reason=WHY)


def confirm_sent(duty: str) -> Action:
    """Return the action that confirms that people were notified, with its reason."""
    return Action("duty.record_filed", duty, {"at": Slot("WHEN"), "reason": WHY})


def decide_again(duty: str) -> Action:
    """Return the action that records a decision not to notify again."""
    return Action("duty.decide", duty, {"not_to_notify": True, "ground": Slot("GROUND"), "reason": WHY})


def no_correction(duty: str) -> Action:
    """Return the action that decides that a filed text needs no correction."""
    return Action("duty.decide", duty, {"no_correction": True, "reason": WHY})


def confirm(entry: int, person: str | Slot = PERSON) -> Action:
    """Return the action that confirms an entry on a person's behalf."""
    return Action("entry.confirm", str(entry), {"as": person})


def resume(incident: str = "") -> Action:
    """Return the action that resumes automatic work in an incident."""
    return Action("incident.resume", incident, {"reason": WHY})


def close_exercise(incident: str) -> Action:
    """Return the action that closes an ended exercise."""
    return Action("drill.end", args={"close": True, "incident": incident})


NO_WORKER = "No worker is running. Reminders, failover and escalation stop until your next command."
"""Text of every screen and warning without a worker."""
START_WORKER = Action("worker.start")
"""Starts a background worker."""
WORK = Action("worker.run", args={"once": True})
TASKS = Action("task.list")
CLOSE = Action("incident.close", args={"reason": WHY})
STATUS = Action("incident.status")


def bulk(verb: BulkVerb, notice: str, list_name: str, **more: str) -> Action:
    """Return an action about a campaign; a decision needs a reason."""
    reason: dict[str, Argument] = {"reason": REASON}
    decided = {} if verb in ("bulk.send", "bulk.status") else reason
    return Action(verb, notice, {"people": list_name, **more, **decided})
