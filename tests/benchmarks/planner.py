"""How long the planner takes for a thousand people and twenty channels: ``python -m tests.benchmarks.planner``."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from runner.engine.planner import plan
from runner.engine.rules import Compromise, PlanContext
from runner.model.messaging import BUILT_IN_CLASSES, Channel, ContactPoint, Recipient

PEOPLE, CHANNELS = 1_000, 20
START = datetime(2026, 11, 24, 14, tzinfo=UTC)


def measured() -> tuple[float, int]:
    """Return the seconds of one round and how many ways it found."""
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
        for n in range(PEOPLE)
    ]
    context = PlanContext(
        kind="real", started_at=START, compromised=(Compromise(domain="provider-1", since=START),)
    )
    began = time.perf_counter()
    ways = sum(
        len(plan(BUILT_IN_CLASSES["urgent-confidential"], channels, one, context).steps) for one in people
    )
    return time.perf_counter() - began, ways


if __name__ == "__main__":
    seconds, ways = min(measured() for _ in range(5))
    print(f"{PEOPLE:,} people over {CHANNELS} channels: {seconds:.3f} s, {ways:,} ways found")
