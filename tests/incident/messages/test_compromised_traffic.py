"""Messages, answers and approvals over a domain since its compromise are flagged, and no others."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from runner.incident.messages.compromised_traffic import exposed_approval, exposures
from runner.incident.state import commands as c
from runner.incident.state.incident import Approval, Attempt, Delivery, Incident
from tests import scenario as s

FELL = s.T0 - timedelta(hours=1)


def incident(since: datetime = FELL, state: Any = "compromised", **changes: Any) -> Incident:
    world = s.World(s.message("tell"), roles={"lead": "ann"})
    world.work()
    if state != "up":
        world.give(c.DeclareDomain(domain="tenant", state=state, since=since), by="ann")
    (delivery,) = world.incident.deliveries.values()
    (attempt,) = delivery.attempts
    changed = msgspec.structs.replace(
        delivery, domains={attempt.channel: ("relay", "tenant"), "other": ("carrier",)}, **changes
    )
    return msgspec.structs.replace(world.incident, deliveries={delivery.id: changed})


def told(found: Incident) -> list[tuple[str, bool]]:
    return [(exposure.domain, exposure.acknowledged) for exposure in exposures(found)]


def attempt_of(found: Incident) -> tuple[Delivery, Attempt]:
    (delivery,) = found.deliveries.values()
    return delivery, delivery.attempts[0]


def test_messages_over_a_compromised_domain_are_listed_with_time_and_channel():
    found = incident()
    delivery, attempt = attempt_of(found)
    (one,) = exposures(found)
    assert (one.delivery, one.person, one.domain) == (delivery.id, "ann", "tenant")
    assert (one.channel, one.at, one.acknowledged) == (attempt.channel, attempt.started_at, False)


def test_messages_before_the_compromise_or_over_another_domain_are_not_flagged():
    assert told(incident(since=s.T0 + timedelta(hours=1))) == []
    assert told(incident(state="up")) == []
    assert told(incident(state="down")) == []


def test_past_compromises_stay_known_when_the_domain_is_trusted_again():
    world = s.World(s.message("tell"), roles={"lead": "ann"})

    def declared(state, hours):
        at = s.T0 + timedelta(hours=hours)
        world.give(c.DeclareDomain(domain="tenant", state=state, since=at, reason="checked"), by="ann")
        return world.incident.domains["tenant"].falls

    first, corrected, end = (s.T0 + timedelta(hours=n) for n in (2, 1, 3))
    assert declared("compromised", 2) == ((first, None),)
    assert declared("compromised", 1) == ((corrected, None),)
    assert declared("up", 3) == ((corrected, end),)
    assert declared("compromised", 5) == ((corrected, end), (s.T0 + timedelta(hours=5), None))


@pytest.mark.parametrize(
    ("state", "left"),
    [("accepted", True), ("unknown", True), ("sending", True), ("rejected", False), ("not_sent", False)],
)
def test_only_possibly_sent_messages_count_as_exposed(state, left):
    base = incident()
    delivery, attempt = attempt_of(base)
    tried = msgspec.structs.replace(attempt, state=state)
    found = msgspec.structs.replace(
        base, deliveries={delivery.id: msgspec.structs.replace(delivery, attempts=(tried,))}
    )
    assert bool(exposures(found)) is left


def test_an_answer_that_came_back_over_it_may_be_the_attackers():
    channel = attempt_of(incident())[1].channel
    assert told(incident(acked_at=s.T0, acked_via=channel)) == [("tenant", True)]
    assert told(incident(acked_at=s.T0, acked_via="telephone")) == [("tenant", False)]
    assert told(incident(acked_at=FELL - timedelta(hours=1), acked_via=channel)) == [("tenant", False)]


def test_approvers_who_were_asked_over_a_compromised_domain_are_named():
    found = incident()
    delivery, _ = attempt_of(found)
    step = found.invocations[delivery.step]
    approval = Approval(by="ann", role="lead", digest="d", at=s.T0 + timedelta(hours=1))
    assert exposed_approval(found, step, approval) == "tenant"
    assert exposed_approval(found, step, msgspec.structs.replace(approval, by="bob")) == ""
    assert exposed_approval(found, step, msgspec.structs.replace(approval, at=FELL)) == ""
