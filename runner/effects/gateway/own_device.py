"""Calls about the own device of an integration that encrypts, and about the keys of people."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from integrations.port import Query
from runner.effects.gateway.gateway import Gateway
from runner.effects.gateway.translation import as_held
from runner.routing.messaging import Channel, SendResult


def new_device(
    gateway: Gateway, channel: Channel, present: str, at: datetime, secrets: Mapping[str, str]
) -> str | SendResult:
    """Return the secret of the device of a channel, a new or the present one; or why there is none."""
    query, held = Query(at=at), as_held(secrets)
    return gateway.prepared(channel, "", lambda able, known: able.new_device(present, query, known, held))


def publish_device(
    gateway: Gateway, channel: Channel, at: datetime, secrets: Mapping[str, str]
) -> SendResult:
    """Publish the device of a channel, and check that others can verify it."""
    query, held = Query(at=at), as_held(secrets)
    done: SendResult = gateway.prepared(
        channel, "", lambda able, known: able.publish_device(query, known, held)
    )
    return done


def pin(
    gateway: Gateway, channel: Channel, address: str, at: datetime, secrets: Mapping[str, str]
) -> str | SendResult:
    """Return an address with the key that the provider now shows for its person, or why there is none."""
    query, held = Query(at=at, recipient=address), as_held(secrets)
    return gateway.prepared(channel, address, lambda able, known: able.pin(query, known, held))
