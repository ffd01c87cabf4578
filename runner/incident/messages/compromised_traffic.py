"""Traffic over a compromised domain: messages, acknowledgements and approvals since the compromise.

A compromise is often known only long after it began. Messages over the domain since then may have been read, and an answer over
it may be the attacker's. Nothing is revoked for that: it is shown, and people decide. Each plan has the failure domains of its
channels; older plans do not have them, and are not checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from runner.base.states import AttemptState
from runner.incident.state.incident import Approval, Delivery, Domain, Incident, Invocation

LEFT: frozenset[AttemptState] = frozenset({"accepted", "unknown", "sending"})
"""Outcomes of attempts that the attacker may have read."""


class Exposure(msgspec.Struct, frozen=True, kw_only=True):
    """One delivery over a compromised domain, and when; ``assumed`` while triage has not confirmed it."""

    delivery: str
    person: str
    domain: str
    channel: str
    at: datetime
    acknowledged: bool = False
    """An answer came over it, too."""
    assumed: bool = False


def exposures(incident: Incident) -> tuple[Exposure, ...]:
    """Return the traffic over compromised domains, also restored ones, in the order of deliveries, once for each domain."""
    fallen = [domain for domain in incident.domains.values() if domain.falls]
    if not fallen:
        return ()
    return tuple(
        exposure
        for delivery in incident.deliveries.values()
        for domain in fallen
        for exposure in _exposed(delivery, domain)
    )


def _exposed(delivery: Delivery, domain: Domain) -> Iterator[Exposure]:
    hanging = {name for name, domains in delivery.domains.items() if domain.name in domains}
    sent = [
        (attempt.started_at, attempt.channel)
        for attempt in delivery.attempts
        if attempt.channel in hanging and attempt.state in LEFT and _had_fallen(domain, attempt.started_at)
    ]
    answered = _answered(delivery, domain, hanging)
    if not sent and answered is None:
        return
    at, channel = min(sent) if sent else (answered or domain.since, delivery.acked_via)
    yield Exposure(
        delivery=delivery.id,
        person=delivery.person,
        domain=domain.name,
        channel=channel,
        at=at,
        acknowledged=answered is not None,
        assumed=domain.assumed,
    )


def _answered(delivery: Delivery, domain: Domain, hanging: set[str]) -> datetime | None:
    """Return when an answer came over the domain after its compromise; None if there was none."""
    at = delivery.acked_at
    if at is None or delivery.acked_via not in hanging:
        return None
    return at if _had_fallen(domain, at) else None


def _had_fallen(domain: Domain, at: datetime) -> bool:
    """Tell whether the domain was compromised at an instant, as known now."""
    return any(since <= at and (until is None or at <= until) for since, until in domain.falls)


def exposed_approval(incident: Incident, invocation: Invocation, approval: Approval) -> str:
    """Return the compromised domains over which a person was asked for an approval, before giving it; empty if there were none."""
    domains = {
        exposure.domain
        for exposure in exposures(incident)
        if exposure.person == approval.by
        and incident.deliveries[exposure.delivery].step == invocation.id
        and exposure.at <= approval.at
    }
    return ", ".join(sorted(domains))
