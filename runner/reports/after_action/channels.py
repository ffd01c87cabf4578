"""The use, the failures and the failovers of each channel, by failure domain: tables and a figure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import msgspec

from runner.documents.tree import Table
from runner.incident.state.incident import Attempt, Delivery, Incident
from runner.incident.state.steps import step_path_with_items
from runner.reports.charts.figure import Bar, CountScale, Figure, Key, Row
from runner.reports.core.formatting import count
from runner.reports.core.report_blocks import table

FAILED = frozenset({"rejected", "throttled", "not_sent"})
OPEN = frozenset({"unknown", "sending"})


class ChannelUse(msgspec.Struct, frozen=True, kw_only=True):
    """The use of one channel in the whole incident."""

    channel: str
    domains: tuple[str, ...]
    """The failure domains on which it depends."""
    attempts: int
    accepted: int
    failed: int
    unknown: int
    """Attempts with an unknown outcome."""
    failovers: int
    """The number of failovers from this channel to another one."""


class Failover(msgspec.Struct, frozen=True, kw_only=True):
    """One delivery that failed over to another channel."""

    person: str
    message: str
    channels: tuple[str, ...]
    """In order of their first use."""
    state: str


def failovers_of(incident: Incident) -> tuple[Failover, ...]:
    """Return the deliveries that failed over to another channel."""
    return tuple(
        Failover(
            person=delivery.person,
            message=step_path_with_items(delivery.step)
            or incident.messages[delivery.message].message_class.name,
            channels=tuple(dict.fromkeys(each.channel for each in delivery.attempts)),
            state=delivery.state,
        )
        for delivery in incident.deliveries.values()
        if any(_left(delivery))
    )


def _left(one: Delivery) -> Iterator[str]:
    """Yield each channel from which the delivery failed over; attempts that start at the same time are no failover."""
    first: dict[str, Attempt] = {}
    for attempt in one.attempts:
        first.setdefault(attempt.channel, attempt)
    for before, after in pairwise(first.values()):
        if after.started_at > before.started_at or before.state in FAILED | OPEN:
            yield before.channel


def channels_of(incident: Incident) -> tuple[ChannelUse, ...]:
    """Return every used channel, sorted by failure domain."""
    tried: dict[str, list[Attempt]] = {}
    domains: dict[str, set[str]] = {}
    left: list[str] = []
    for delivery in incident.deliveries.values():
        left += _left(delivery)
        for attempt in delivery.attempts:
            tried.setdefault(attempt.channel, []).append(attempt)
            domains.setdefault(attempt.channel, set()).update(delivery.domains.get(attempt.channel, ()))
    found = [_use(name, sorted(domains[name]), tries, left.count(name)) for name, tries in tried.items()]
    return tuple(sorted(found, key=lambda one: (one.domains, one.channel)))


def _use(name: str, domains: Sequence[str], tries: Sequence[Attempt], left: int) -> ChannelUse:
    states = [attempt.state for attempt in tries]
    return ChannelUse(
        channel=name,
        domains=tuple(domains),
        attempts=len(states),
        accepted=states.count("accepted"),
        failed=sum(state in FAILED for state in states),
        unknown=sum(state in OPEN for state in states),
        failovers=left,
    )


def channels_table(found: Sequence[ChannelUse]) -> Table:
    """Return one row for each channel."""
    heads = ("Channel", "Failure domains", "Attempts", "Accepted", "Failed", "Unknown", "Failovers")
    counts = [(use.attempts, use.accepted, use.failed, use.unknown, use.failovers) for use in found]
    rows = zip(found, counts, strict=True)
    return table(heads, [(use.channel, ", ".join(use.domains), *map(str, each)) for use, each in rows])


def failovers_table(found: Sequence[Failover]) -> Table:
    """Return one row for each delivery that failed over."""
    heads = ("Person", "Message", "Channels, in order", "State")
    return table(heads, [(one.person, one.message, " > ".join(one.channels), one.state) for one in found])


def channels_words(found: Sequence[ChannelUse]) -> str:
    """Return the totals as text."""
    attempts, failed = sum(use.attempts for use in found), sum(use.failed + use.unknown for use in found)
    return (
        f"{count(attempts, 'attempt')} over {count(len(found), 'channel')}: {failed} failed or have an unknown "
        f"outcome. {count(sum(use.failovers for use in found), 'failover')}."
    )


def channels_figure(found: Sequence[ChannelUse], mark: str) -> Figure:
    """Return one row for each channel: its attempts by outcome."""
    scale = CountScale(max((use.attempts for use in found), default=0))
    return Figure(
        title="Attempts of each channel, by outcome",
        about=f"Attempts, failures and failovers of each channel. {channels_words(found)}",
        mark=mark,
        rows=tuple(_row(use, scale) for use in found),
        axis=scale.axis("attempts"),
        key=(Key("good", "accepted"), Key("late", "failed"), Key("open", "unknown outcome")),
    )


def _row(one: ChannelUse, scale: CountScale) -> Row:
    accepted, failed = scale.at(one.accepted), scale.at(one.accepted + one.failed)
    bars = (
        Bar(0.0, accepted, "good"),
        Bar(accepted, failed, "late"),
        Bar(failed, scale.at(one.attempts), "open"),
    )
    domains = f" ({', '.join(one.domains)})" if one.domains else ""
    parts = ((one.failed, "failed"), (one.unknown, "unknown outcome"), (one.failovers, "failed over"))
    return Row(
        label=f"{one.channel}{domains}",
        bars=tuple(bar for bar in bars if bar.end > bar.begin),
        words=", ".join(f"{n} {said}" for n, said in parts if n) or "none failed",
    )
