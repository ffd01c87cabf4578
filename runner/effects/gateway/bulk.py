"""Notices to many by email: the destinations, and the proof that receivers trust the sender."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from integrations.port import Finding, GroupsDestinations, Query
from runner.effects.gateway.gateway import Gateway
from runner.effects.gateway.translation import as_held
from runner.routing.messaging import About, AddressState, Channel, SendResult


def destinations(gateway: Gateway, channel: Channel) -> GroupsDestinations | None:
    """Return what finds the domains with the same servers; None for a channel without such."""
    found = gateway.prepared(
        channel, "", lambda able, known: able.destinations(known) if hasattr(able, "destinations") else None
    )
    return None if isinstance(found, SendResult) else found


def prove(
    gateway: Gateway, channel: Channel, secrets: Mapping[str, str], at: datetime
) -> tuple[int, tuple[Finding, ...]]:
    """Send to the seed mailboxes of a channel; return their number, and what their providers did not confirm."""
    seeds, query = len(channel.settings.get("seeds", ())), Query(at=at)
    if not seeds:
        return 0, ()
    found = gateway.prepared(channel, "", lambda able, known: able.prove(query, known, as_held(secrets)))
    return seeds, (Finding("error", found.reason),) if isinstance(found, SendResult) else tuple(found)


def mail_providers() -> dict[str, str]:
    """Return the start rate of each large provider of mailboxes, and of any other destination (``*``)."""
    from integrations.smtp.providers import providers

    return {one.name: one.rate for one in providers()}


def mail_verdict(code: str, words: str) -> tuple[About, AddressState]:
    """Return the cause of an email bounce and the state of the address; the default cause is the address."""
    from integrations.smtp.verdicts import Verdict, verdict

    return verdict(code, words) or Verdict("recipient")
