"""Evidence of one delivery: sentences to quote, each with its journal entry, and the missing evidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import msgspec

from runner.base.states import Kind, Proof
from runner.incident.messages.acknowledgement import delivery_of
from runner.incident.state import events as e
from runner.incident.state.incident import Delivery, Incident
from runner.reports.core.header import Heading, heading_of, render_header
from runner.reports.core.page import Blank, Block, Cell, flow, line, paged
from runner.reports.core.report import Report, filled
from runner.routing.messaging import EVIDENCE, proves

_MISSING: tuple[tuple[Proof, str], ...] = (
    ("delivered", "was delivered to a mailbox or device"),
    ("read", "was read"),
    ("acked", "was acknowledged by the person"),
)
_TOLD = {
    "accepted": "the provider accepted the message",
    "relayed": "the message was relayed to the next system",
    "delivered": "the provider reported delivery",
    "read": "the provider reported reading",
    "failed": "the provider reported a permanent failure later",
    "stopped": "the person opted out of this channel",
    "delayed": "the provider has not delivered the message yet and continues to try",
    "complained": "the recipient reported the message as spam",
    "recalled": "stopped, or changed, after an acknowledgement over another channel",
    "not_recalled": "it could not be stopped or changed",
}


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One journal entry behind the sentences."""

    seq: int
    at: datetime
    text: str
    hash: str


class ProofReport(Report, frozen=True, kw_only=True, tag="tocsin/proof/v1"):
    """The evidence of a delivery, the missing evidence, and the journal entries."""

    heading: Heading
    kind: Kind
    delivery: str
    recipient: str
    message: str
    body: str
    """SHA-256 of the text of the message, as stored."""
    evidence: Proof
    sentence: str
    not_proved: str
    entries: tuple[Entry, ...]
    head: str
    """Head of the journal at the time of reading: ``N:sha256:…``."""


class Written(msgspec.Struct, frozen=True):
    """An event with its number and hash in the journal."""

    seq: int
    at: datetime
    hash: str
    event: e.AnyEvent


def proof(incident: Incident, delivery: str, written: Sequence[Written], head: str) -> ProofReport:
    """Return the evidence of a delivery in the journal; raises NotFound."""
    found = delivery_of(incident, delivery)
    said = ((one, _words(one.event, found)) for one in written)
    entries = tuple(filled(Entry, one, text=text) for one, text in said if text)
    return ProofReport(
        heading=heading_of(incident),
        kind=incident.kind,
        delivery=found.id,
        recipient=found.person,
        message=found.message,
        body=incident.messages[found.message].body,
        evidence=found.evidence,
        sentence=_sentence(found, entries),
        not_proved=_not_proved(found),
        entries=entries,
        head=head,
    )


def _sentence(delivery: Delivery, entries: Sequence[Entry]) -> str:
    """Return all evidence of a delivery in one sentence, oldest first."""
    if not entries:
        return f"No message was sent to {delivery.person}."
    said = "; ".join(f"at {instant(entry.at)}, {entry.text}" for entry in entries)
    return f"Message {delivery.message} to {delivery.person} (delivery {delivery.id}): {said}."


def _not_proved(delivery: Delivery) -> str:
    missing = [words for rung, words in _MISSING if EVIDENCE.index(delivery.evidence) < EVIDENCE.index(rung)]
    unknown = (one for one in delivery.attempts if one.state == "unknown" and not one.resolved_by)
    doubtful = ", ".join(f"attempt {one.n} over {one.channel}" for one in unknown)
    doubt = f" {doubtful}: unknown outcome." if doubtful else ""
    if delivery.evidence == "none":
        return f"There is no evidence that the message reached {delivery.person}.{doubt}"
    if missing:
        return f"There is no evidence that the message {', or '.join(missing)}.{doubt}"
    if not proves(delivery.evidence, "authorised"):
        return f"There is no evidence that the person made a decision with the message.{doubt}"
    return doubt.strip() or "The evidence is complete."


def _words(event: e.AnyEvent, delivery: Delivery) -> str:
    """Return the evidence in an event about the delivery; empty without any."""
    match event:
        case e.AttemptEnded(effect=delivery.id, n=n, state="accepted"):
            return _accepted(delivery, n, event)
        case e.AttemptEnded(effect=delivery.id, n=n, state=state, reason=reason):
            why = f" ({reason})" if reason else ""
            end = {"unknown": "had an unknown outcome", "not_sent": "was not sent"}.get(state, f"was {state}")
            return f"attempt {n}{_over(delivery, n)} {end}{why}"
        case e.ReceiptTaken(delivery=delivery.id, n=n, kind=kind):
            return f"{_TOLD[kind]} (attempt {n}{_over(delivery, n)})"
        case e.EvidenceRaised(delivery=delivery.id):
            if event.evidence == "none":
                return f"{event.by} called {delivery.person} and did not reach them"
            if event.via == "telephone":
                return f"{event.by} reached {delivery.person} by phone"
            what = {"read": "confirmed the message, which over this channel is evidence of reading only,"}
            return f"{delivery.person} {what.get(event.evidence, 'acknowledged the message')} by {event.via}"
        case e.DeliveryResent(delivery=delivery.id, by=by):
            return f"{by} had the message resent; earlier evidence is of the earlier sending"
        case _:
            return ""


def _accepted(delivery: Delivery, n: int, event: e.AttemptEnded) -> str:
    by = event.resolved_by
    who = f"{by} recorded that it was sent" if by else "the provider accepted the message"
    who = "the message was shown on the screen of its sender only" if event.screen else who
    ref = f" as {event.provider_id}" if event.provider_id else ""
    return f"{who}{ref} (attempt {n}{_over(delivery, n)})"


def _over(delivery: Delivery, n: int) -> str:
    channel = next((attempt.channel for attempt in delivery.attempts if attempt.n == n), "")
    return f" over {channel}" if channel else ""


def instant(at: datetime) -> str:
    """Return a time in UTC, to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"


@paged
def proof_page(report: ProofReport) -> Iterator[Block]:
    """Draw the sentences first, then the journal entries behind them."""
    about = f"Evidence of delivery {report.delivery} to {report.recipient} · all times UTC"
    yield from render_header(report.heading, about, zoned=False)
    yield line(report.sentence, hang=2)
    yield Blank()
    yield line(report.not_proved, "warn", hang=2)
    yield Blank()
    yield line(f"JOURNAL ENTRIES ({len(report.entries)})", "title")
    for entry in report.entries:
        words = f"{instant(entry.at)}  {entry.text}"
        yield flow(Cell(f"{entry.seq}  ", "dim"), words, hang=5)
        yield line(f"sha256:{entry.hash}", "dim", indent=5)
    yield Blank()
    yield line(f"Text: sha256:{report.body}", "dim")
    yield line(f"Journal head: {report.head}", "dim")
    yield line("To verify: tocsin audit verify", "dim")
