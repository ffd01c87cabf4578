"""N: find the ways to each of n people over twenty channels, in an incident in which one provider is compromised."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from runner.routing.messaging import BUILT_IN_CLASSES, Channel, ContactPoint, Recipient
from runner.routing.planner import plan
from runner.routing.rules import Compromise, PlanContext
from tests.benchmarks import protocol

CHANNELS = 20
START = datetime(2026, 11, 24, 14, tzinfo=UTC)


def measured(people_wanted: int) -> float:
    """Return the seconds of one round."""
    channels = [
        Channel(
            id=f"c{n}",
            adapter="scripted",
            address_kind=("email", "phone", "handle")[n % 3],
            domains=frozenset({f"provider-{n % 7}", f"carrier-{n % 4}"}),
            confidentiality="confidential",
            personal_data="contact",
            sim_swappable=n % 3 == 1,
        )
        for n in range(CHANNELS)
    ]
    people = [
        Recipient(
            person=f"p{n}",
            contacts=tuple(
                ContactPoint(channel=kind, address=f"a{n}") for kind in ("email", "phone", "handle")
            ),
        )
        for n in range(people_wanted)
    ]
    context = PlanContext(
        kind="real", started_at=START, compromised=(Compromise(domain="provider-1", since=START),)
    )
    began = time.perf_counter()
    ways = sum(
        len(plan(BUILT_IN_CLASSES["urgent-confidential"], channels, person, context).steps)
        for person in people
    )
    seconds = time.perf_counter() - began
    assert ways >= people_wanted
    return seconds


if __name__ == "__main__":
    job = protocol.job()
    protocol.report(job, rate=job.n / measured(job.n))
