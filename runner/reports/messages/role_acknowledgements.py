"""The roles that a message pages, each with its acknowledgement."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from runner.incident.state.incident import Incident
from runner.incident.state.quorum import answered_by_deputy, deliveries_of, places, roles_of


class RoleRow(msgspec.Struct, frozen=True, kw_only=True):
    """A role that a message addressed, where it wants one acknowledgement for each."""

    message: str
    step: str
    role: str
    state: Literal["acknowledged", "awaited", "filled_by_opener", "unheld"]
    persons: tuple[str, ...] = ()
    """Who acknowledged, or whose answer is awaited."""


def role_rows(incident: Incident, message: str) -> Iterator[RoleRow]:
    """Yield where each role stands that a message addressed; nothing where it wants no answer of each."""
    record = incident.messages[message]
    if record.message_class.ack_quorum != "each_role":
        return
    deliveries = deliveries_of(incident, message)
    done = answered_by_deputy(deliveries)
    for role, reached in roles_of(deliveries).items():
        own = [delivery for delivery in deliveries if delivery.level == 0 and role in places(delivery)]
        yield RoleRow(
            message=message,
            step=record.step,
            role=role,
            state="acknowledged" if reached else "awaited",
            persons=tuple(delivery.person for delivery in own if not reached or delivery.id in done),
        )
    for role in record.filled:
        yield RoleRow(
            message=message,
            step=record.step,
            role=role,
            state="filled_by_opener",
            persons=(incident.opened_by,),
        )
    for role in record.unheld:
        yield RoleRow(message=message, step=record.step, role=role, state="unheld")
