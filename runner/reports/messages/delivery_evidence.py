"""What is and what is not proved of one delivery, in sentences that can be quoted, each with its entry in the journal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import msgspec

from runner.base.states import Kind, Proof
from runner.errors import NotFound
from runner.incident.state import events as e
from runner.incident.state.incident import Delivery, Incident
from runner.reports.core.header import Heading, heading_of, render_header
from runner.reports.core.page import Blank, Block, Cell, flow, line, paged
from runner.reports.core.report import Report, filled
from runner.routing.messaging import EVIDENCE, proves

_MISSING: tuple[tuple[Proof, str], ...] = (
    ("delivered", "that it was delivered to a mailbox or device"),
    ("read", "that it was read"),
    ("acked", "that the person acknowledged it"),
)
_TOLD = {
    "accepted": "the provider accepted it",
    "relayed": "it was relayed to the next system",
    "delivered": "the provider reported it delivered",
    "read": "the provider reported it read",
    "failed": "the provider reported a permanent failure later",
    "stopped": "the person asked for no more messages over this channel",
    "delayed": "the provider reported a delay, and goes on trying",
    "complained": "the reader reported it as unwanted",
    "recalled": "it was stopped from ringing, as it was answered in another way",
    "not_recalled": "it could not be stopped from ringing",
}


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the journal that the sentences rest on."""

    seq: int
    at: datetime
    text: str
    hash: str


class ProofReport(Report, frozen=True, kw_only=True, tag="tocsin/proof/v1"):
    """What is proved of a delivery, what is not, and where it is written."""

    heading: Heading
    kind: Kind
    delivery: str
    recipient: str
    message: str
    body: str
    """SHA-256 of the message's words, as they are kept."""
    evidence: Proof
    sentence: str
    not_proved: str
    entries: tuple[Entry, ...]
    head: str
    """The journal's head that this was read at: ``N:sha256:…``."""


class Written(msgspec.Struct, frozen=True):
    """An event with its place and hash in the journal."""

    seq: int
    at: datetime
    hash: str
    event: e.AnyEvent


def proof(incident: Incident, delivery: str, written: Sequence[Written], head: str) -> ProofReport:
    """Return what is proved of a delivery by the journal's entries; raises NotFound."""
    found = incident.deliveries.get(delivery)
    if found is None:
        raise NotFound(
            f"no delivery '{delivery}' in {incident.codename}",
            hint="see: tocsin message list",
            code="unknown_delivery",
        )
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
    """Return everything that the journal proves of a delivery, in the order in which it happened."""
    if not entries:
        return f"Nothing was sent to {delivery.person}."
    said = "; ".join(f"at {instant(entry.at)}, {entry.text}" for entry in entries)
    return f"Message {delivery.message} to {delivery.person} (delivery {delivery.id}): {said}."


def _not_proved(delivery: Delivery) -> str:
    missing = [words for rung, words in _MISSING if EVIDENCE.index(delivery.evidence) < EVIDENCE.index(rung)]
    unknown = (one for one in delivery.attempts if one.state == "unknown" and not one.resolved_by)
    doubtful = ", ".join(f"attempt {one.n} over {one.channel}" for one in unknown)
    doubt = f" {doubtful}: unknown outcome." if doubtful else ""
    if delivery.evidence == "none":
        return f"It is not proved that anything reached {delivery.person}.{doubt}"
    if missing:
        return f"It is not proved {', nor '.join(missing)}.{doubt}"
    if not proves(delivery.evidence, "authorised"):
        return f"It is not proved that the person decided anything by it.{doubt}"
    return doubt.strip() or "Everything that was asked for is proved."


def _words(event: e.AnyEvent, delivery: Delivery) -> str:
    """Return what an event proves of the delivery; nothing for whatever is of another, or proves nothing."""
    match event:
        case e.AttemptEnded(effect=delivery.id, n=n, state="accepted"):
            return _accepted(delivery, n, event)
        case e.AttemptEnded(effect=delivery.id, n=n, state=state, reason=reason):
            why = f" ({reason})" if reason else ""
            end = {"unknown": "got no answer", "not_sent": "was not sent"}.get(state, f"was {state}")
            return f"attempt {n}{_over(delivery, n)} {end}{why}"
        case e.ReceiptTaken(delivery=delivery.id, n=n, kind=kind):
            return f"{_TOLD[kind]} (attempt {n}{_over(delivery, n)})"
        case e.EvidenceRaised(delivery=delivery.id):
            return _said(event, delivery)
        case e.DeliveryResent(delivery=delivery.id, by=by):
            return f"{by} had it sent again, so that what was proved before is of the earlier sending"
        case _:
            return ""


def _accepted(delivery: Delivery, n: int, event: e.AttemptEnded) -> str:
    who = f"{event.resolved_by} said that it happened" if event.resolved_by else "the provider accepted it"
    ref = f" as {event.provider_id}" if event.provider_id else ""
    return f"{who}{ref} (attempt {n}{_over(delivery, n)})"


def _said(event: e.EvidenceRaised, delivery: Delivery) -> str:
    if event.evidence == "none":
        return f"{event.by} telephoned and did not reach {delivery.person}"
    if event.via == "telephone":
        return f"{event.by} reached {delivery.person} by telephone"
    what = {"read": "said that they have it, which over this way proves only that it was read"}
    return f"{delivery.person} {what.get(event.evidence, 'acknowledged it')} by {event.via}"


def _over(delivery: Delivery, n: int) -> str:
    channel = next((attempt.channel for attempt in delivery.attempts if attempt.n == n), "")
    return f" over {channel}" if channel else ""


def instant(at: datetime) -> str:
    """Return an instant as a record states it: to the second, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"


@paged
def proof_page(report: ProofReport) -> Iterator[Block]:
    """Draw the sentences first, then the entries that they rest on."""
    about = f"what is proved of delivery {report.delivery} to {report.recipient}"
    yield from render_header(report.heading, about, zoned=False)
    yield line(report.sentence, hang=2)
    yield Blank()
    yield line(report.not_proved, "warn", hang=2)
    yield Blank()
    yield line("ENTRIES OF THE JOURNAL", "title")
    for entry in report.entries:
        words = f"{instant(entry.at)}  {entry.text}"
        yield flow(Cell(f"{entry.seq}  ", "dim"), words, hang=5)
        yield line(f"sha256:{entry.hash}", "dim", indent=5)
    yield Blank()
    yield line(f"words: sha256:{report.body}", "dim")
    yield line(f"read at: {report.head}", "dim")
    yield line("to verify: tocsin audit verify", "dim")
