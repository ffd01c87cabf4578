"""Reminder of near legal deadlines to the people who lead an incident, without acknowledgement."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import msgspec

from runner.effects.context import EffectContext, message_class
from runner.effects.messages.compose import Body, planned
from runner.effects.messages.escalation_levels import recipients
from runner.incident.state.commands import Composed
from runner.incident.state.incident import Incident
from runner.incident.state.messages import MessageComposed
from runner.incident.turn.after_closing import WATCH
from runner.law.duty import DutyStatus
from runner.routing.messaging import MessageClass

CLASS = "task-notice"
"""It says no more than a reminder of a task does: ids of duties, and times."""
SHOWN = 5


def send_reminders(
    incident: Incident, running_out: Sequence[DutyStatus], to: tuple[str, ...], tools: EffectContext
) -> Composed | None:
    """Return the message of the duties, the first to begin first; None where nobody holds one of the roles."""
    people = recipients(incident, tools.directory, to)
    if not people:
        return None
    kind = _kind(message_class(CLASS, tools.directory))
    lines = [_line(status) for status in running_out[:SHOWN]]
    more = [f"and {len(running_out) - SHOWN} more"] if len(running_out) > SHOWN else []
    text = "\n".join(("Legal deadlines soon:", *lines, *more, "Details: tocsin duties"))
    body = Body(subject=f"{incident.codename}: legal deadlines soon", text=text)
    return Composed(
        event=MessageComposed(
            step="",
            message=tools.new_id("m"),
            message_class=kind,
            body=tools.blobs.put_blob(incident.id, msgspec.json.encode(body)),
            to=people,
            plans=tuple(planned(incident, tools, kind, person, tools.new_id("d")) for person in people),
        )
    )


def _kind(told: MessageClass) -> MessageClass:
    """It wants no answer, and the next watch tells again."""
    return msgspec.structs.replace(
        told,
        name=WATCH,
        goal="accepted",
        ack_quorum="all",
        stale_after=timedelta(hours=6),
        escalate_after=None,
        remind_after=None,
        re_remind_after=None,
        tell_acknowledged=False,
    )


def _line(one: DutyStatus) -> str:
    start = f"start by {one.latest_safe_start:%d %b %H:%M} UTC, " if one.latest_safe_start else ""
    due = f"due {one.due:%d %b %H:%M} UTC" if one.due else "no date"
    late = "OVERDUE: " if one.state == "overdue" else ""
    return f"- {late}{one.id}: {start}{due}{' (provisional)' if one.provisional else ''}"
