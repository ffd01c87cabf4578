"""Rooms through the gateway: only a real incident opens one, and the results are cleaned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from integrations.port import Accepted, Invitation, NewRoom, Outcome, Timeouts, Unknown
from runner.effects.gateway.translation import as_held, to_result
from runner.routing.messaging import Channel, RoomRequest, SendResult


def barred(channel: Channel, order: RoomRequest) -> SendResult | None:
    """The guard of exercises (R36), for rooms: it has no parameters, and it stays that way."""
    if order.kind != "real":
        why = f"an incident of kind {order.kind} opens no room and invites nobody"
        return SendResult(state="rejected", code="R36", reason=why, permanent=True)
    if channel.rooms is None:
        return SendResult(
            state="rejected", reason=f"{channel.adapter} opens no rooms with these settings", permanent=True
        )
    return None


def hosted(
    integration: Any, settings: msgspec.Struct, order: RoomRequest, secrets: Mapping[str, str]
) -> SendResult:
    """Make one attempt. It always returns: whatever an integration does wrong is an unknown outcome."""
    try:
        outcome = _attempt(integration, settings, order, secrets)
    except Exception as error:  # noqa: BLE001  # it may have been done: that is all that is known
        outcome = Unknown(f"the integration failed ({type(error).__name__})", "integration")
    if isinstance(outcome, Accepted) and not (order.room or outcome.provider_id):
        outcome = Unknown("the integration did not name the room", "integration")
    return to_result(outcome, order.address)


def _attempt(
    integration: Any, settings: msgspec.Struct, order: RoomRequest, secrets: Mapping[str, str]
) -> Outcome:
    usual, limit = Timeouts(), order.time_limit
    timeouts = Timeouts(
        connect=min(usual.connect, limit),
        read=min(usual.read, limit),
        after_body=min(usual.after_body, limit),
        total=limit,
    )
    if not order.room:
        new = NewRoom(name=order.name, title=order.title, at=order.at, timeouts=timeouts)
        return integration.open_room(new, settings, as_held(secrets))  # type: ignore[no-any-return]  # Hosting
    invitation = Invitation(room=order.room, recipient=order.address, at=order.at, timeouts=timeouts)
    return integration.invite(invitation, settings, as_held(secrets))  # type: ignore[no-any-return]  # Hosting
