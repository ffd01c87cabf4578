"""Channels as data and as text: allowed content, dependencies, and state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

import msgspec

from runner.reports.core.formatting import span
from runner.reports.core.page import Blank, Block, Cell, Tone, line, paged, table
from runner.reports.core.report import Report, filled
from runner.routing.messaging import Channel, Confidentiality, PersonalData
from runner.routing.traffic import Account, Breaker


class DomainRow(msgspec.Struct, frozen=True, kw_only=True):
    """One failure domain of a channel, as all processes know it."""

    domain: str
    state: str
    """``up``, ``failing``, ``down``, ``probed``."""
    since: datetime | None = None
    why: str = ""
    next_probe: datetime | None = None


class ChannelRow(msgspec.Struct, frozen=True, kw_only=True):
    """One configured channel; ``broken`` is the reason if its configuration is not usable."""

    channel: str
    adapter: str
    priority: int = 0
    confidentiality: Confidentiality | None = None
    personal_data: PersonalData | None = None
    exercise: bool = False
    account: str = ""
    rates: tuple[str, ...] = ()
    held_until: datetime | None = None
    """The provider allows no message before this time."""
    opens_at: datetime | None = None
    """Earliest time of the next message by the rate limit; None for now."""
    domains: tuple[DomainRow, ...] = ()
    broken: str = ""


class ChannelsReport(Report, frozen=True, kw_only=True, tag="tocsin/channels/v1"):
    """Every channel of the home, in order of use."""

    as_of: datetime
    channels: tuple[ChannelRow, ...]


def channel_row(
    channel: Channel,
    breakers: Mapping[str, Breaker],
    account: Account,
    opens_at: datetime | None,
    now: datetime,
) -> ChannelRow:
    """Return one channel with its present state."""
    held = account.held_until
    return filled(
        ChannelRow,
        channel,
        channel=channel.id,
        exercise=channel.exercise_safe,
        rates=tuple(rate.text for rate in channel.rates),
        held_until=held if held is not None and held > now else None,
        opens_at=opens_at,
        domains=tuple(domain_row(name, breakers.get(name)) for name in sorted(channel.domains)),
    )


def domain_row(name: str, breaker: Breaker | None) -> DomainRow:
    """Return one domain; without a circuit breaker it is up."""
    if breaker is None:
        return DomainRow(domain=name, state="up")
    if not breaker.is_open:
        why = f"{breaker.failures} in a row failed" if breaker.failures else ""
        return DomainRow(domain=name, state="failing" if breaker.failures else "up", why=why)
    return DomainRow(
        domain=name,
        state="down" if breaker.state == "open" else "probed",
        since=breaker.opened_at,
        why=breaker.why,
        next_probe=breaker.look_at,
    )


@paged
def channels_page(report: ChannelsReport) -> Iterator[Block]:
    """Draw the list: one line for each channel, and its failed domains below."""
    if not report.channels:
        yield line("No channel is configured. Add one under channels in tocsin.yaml", "warn")
    for row in report.channels:
        yield from _blocks(row, report.as_of)


def _blocks(row: ChannelRow, now: datetime) -> Iterator[Block]:
    if row.broken:
        broken = Cell(f"cannot be used: {row.broken}", "alarm")
        yield table(((Cell(row.channel, "alarm"), broken),), 1, indent=0)
        return
    words, tone = _standing(row, now)
    limits = Cell(", ".join(row.rates), "dim")
    yield table(((row.channel, Cell(row.adapter, "dim"), Cell(words, tone), limits),), 2, indent=0)
    carries = f"{row.confidentiality}, personal data up to {row.personal_data}"
    falls = ", ".join(domain.domain for domain in row.domains) or "no named domain"
    yield line(f"Allowed: {carries} · depends on {falls}", "dim", indent=2)
    for domain in row.domains:
        if domain.since:
            yield line(f"  {domain.domain}: {_down(domain, now)}", "alarm")


def _standing(row: ChannelRow, now: datetime) -> tuple[str, Tone]:
    if any(domain.since for domain in row.domains):
        return "not used: a failure domain is down", "alarm"
    if row.held_until is not None:
        return f"deferred by provider for {span(row.held_until - now)}", "warn"
    if row.opens_at is not None:
        return f"rate limit reached for {span(row.opens_at - now)}", "warn"
    if any(domain.state == "failing" for domain in row.domains):
        return "enabled, but failing", "warn"
    return "enabled", "good"


def _down(row: DomainRow, now: datetime) -> str:
    since = f"down for {span(now - row.since)}" if row.since else "down"
    if row.next_probe is None:
        return f"{since} ({row.why}), until: tocsin domain declare-up {row.domain}"
    left = span(max(row.next_probe, now) - now)
    return f"{since} ({row.why}); {'probe in progress' if row.state == 'probed' else f'next probe in {left}'}"


class CallbackAddress(msgspec.Struct, frozen=True, kw_only=True):
    """Callback address of one channel; only a path if no public address is set."""

    channel: str
    adapter: str
    url: str


class CallbacksReport(Report, frozen=True, kw_only=True, tag="tocsin/callbacks/v1"):
    """All channels that receive callbacks."""

    callbacks: tuple[CallbackAddress, ...]


@paged
def callbacks_page(report: CallbacksReport, settings: str) -> Iterator[Block]:
    """Draw the list. A callback address is confidential: only its provider may know it."""
    if not report.callbacks:
        yield line(f"No channel in {settings} receives callbacks", "dim")
        return
    yield table(((one.channel, Cell(one.adapter, "dim"), one.url) for one in report.callbacks), 2)
    if any(callback.url.startswith("/") for callback in report.callbacks):
        hint = f"Set public_url in {settings} to the external address of the reverse proxy"
        yield Blank()
        yield line(hint, "dim")
