"""Probe of a channel: one test message, as similar to a real one as the channel allows."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from runner.base.states import Kind
from runner.errors import TocsinError
from runner.routing.messaging import Channel, Dispatch, SendResult
from runner.vault.secrets import Secret

if TYPE_CHECKING:
    from runner.effects.gateway.gateway import Gateway

LIMIT = timedelta(seconds=15)
"""The timeout of a probe."""
TEXT = "Tocsin tests this channel. No action required."


def probe(
    channel: Channel, kind: Kind, key: str, at: datetime, door: Gateway, secret: Callable[[str], Secret]
) -> SendResult:
    """Send the probe and return its outcome. ``key`` identifies this probe."""
    try:
        secrets = {name: secret(reference).reveal() for name, reference in channel.secrets.items()}
    except TocsinError as error:
        return SendResult(state="rejected", reason=error.message, about="account")
    digest = base64.b32encode(hashlib.sha256(key.encode()).digest()).decode()[:32]
    dispatch = Dispatch(
        delivery="probe",
        attempt=1,
        idempotency_key=digest,
        kind=kind,
        audience="responder",
        address="",
        subject="Tocsin probe",
        text=TEXT,
        at=at,
        time_limit=LIMIT,
    )
    return door.self_test(channel, dispatch, secrets)
