"""Deliveries as a person and a script read them: whom, over what, what is proved, and which channels were refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import msgspec

from runner.base.states import AttemptState, Kind, Proof, ReceiptKind, Refusal, State
from runner.errors import NotFound
from runner.incident.messages.compromised_traffic import Exposure, exposures
from runner.incident.state.incident import Attempt, Delivery, Incident
from runner.reports.core import suggested_actions
from runner.reports.core.formatting import RECEIPTS, count, here, when
from runner.reports.core.header import Heading, heading_of, render_header
from runner.reports.core.page import Blank, Block, Cell, Page, Paragraph, Table, Tone, line
from runner.reports.core.task_rows import NotWritten, not_written, not_written_lines
from runner.reports.messages.role_acknowledgements import RoleRow, role_blocks, role_rows
from runner.routing.messaging import proves

PROVED: Mapping[Proof, str] = {
    "none": "nothing proved",
    "accepted": "taken by the provider",
    "relayed": "relayed onwards",
    "delivered": "delivered",
    "read": "read",
    "acked": "acknowledged",
    "authorised": "authorised",
}
_OUTCOME: Mapping[AttemptState, tuple[str, Tone]] = {
    "sending": ("no outcome yet", "warn"),
    "accepted": ("accepted", "plain"),
    "rejected": ("rejected", "alarm"),
    "throttled": ("put off by the provider", "warn"),
    "not_sent": ("not sent", "warn"),
    "unknown": ("UNKNOWN: may have arrived", "alarm"),
}


class ReceiptView(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider said later of an attempt, and when it came here."""

    kind: ReceiptKind
    at: datetime
    code: str = ""


class AttemptView(msgspec.Struct, frozen=True, kw_only=True):
    """One try; ``at`` is when it began."""

    n: int
    channel: str
    state: AttemptState
    provider_id: str
    at: datetime
    ended_at: datetime | None = None
    reason: str = ""
    resolved_by: str = ""
    receipts: tuple[ReceiptView, ...] = ()


class DeliveryRow(msgspec.Struct, frozen=True, kw_only=True):
    """One message to one person, in the contract's order of keys."""

    delivery: str
    recipient: str
    goal: Proof
    evidence: Proof
    state: str
    attempts: tuple[AttemptView, ...]
    refusals: tuple[Refusal, ...]
    message: str = ""
    message_class: str = ""
    step: str = ""
    channels: tuple[str, ...] = ()
    overridden: tuple[Refusal, ...] = ()
    """Rules that would refuse a channel in use, and that an approver set aside."""
    exposed: tuple[str, ...] = ()
    """Compromised domains that it went over after they had fallen."""
    answered_over: tuple[str, ...] = ()
    """Those of them over which its answer came back: it may be the attacker's."""
    stuck: str = ""
    level: int = 0
    """0 for whom it is meant, 1 for who stands in for them, 2 for whom it goes up to."""
    starts_at: datetime | None = None
    """When its level is told if nobody has answered; null once it is told."""
    reminders: int = 0
    lapsed: bool = False
    """The acknowledgement is too old to rely on."""
    owed: datetime | None = None
    """Since when somebody has to telephone."""


class MessagesReport(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="tocsin/messages/v1"):
    """All deliveries of an incident."""

    incident: str
    codename: str
    title: str
    kind: Kind
    state: State
    deliveries: tuple[DeliveryRow, ...]
    roles: tuple[RoleRow, ...] = ()
    not_written: tuple[NotWritten, ...] = ()


class DeliveryReport(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="tocsin/delivery/v1"):
    """One delivery of an incident."""

    heading: Heading
    kind: Kind
    delivery: DeliveryRow
    code: str = ""
    """By which the message shows that it is ours, and the person that they have it."""


def delivery_row(incident: Incident, delivery: Delivery, exposed: Sequence[Exposure] = ()) -> DeliveryRow:
    """Return one delivery as it is shown; ``exposed`` is what of it went over fallen domains."""
    message = incident.messages.get(delivery.message)
    return DeliveryRow(
        delivery=delivery.id,
        recipient=delivery.person,
        goal=delivery.goal,
        evidence=delivery.evidence,
        state=delivery.state,
        attempts=tuple(attempt_view(attempt) for attempt in delivery.attempts),
        refusals=delivery.refusals,
        message=delivery.message,
        message_class=message.message_class.name if message else "",
        step=delivery.step,
        channels=delivery.channels,
        overridden=delivery.overridden,
        exposed=tuple(exposure.domain for exposure in exposed),
        answered_over=tuple(exposure.domain for exposure in exposed if exposure.acknowledged),
        stuck=delivery.stuck,
        level=delivery.level,
        starts_at=delivery.starts_at if delivery.waits and delivery.state == "active" else None,
        reminders=delivery.reminders,
        lapsed=delivery.lapsed,
        owed=message.owed if message and delivery.level == 0 and delivery.state != "satisfied" else None,
    )


def attempt_view(attempt: Attempt) -> AttemptView:
    """Return one try as it is shown."""
    return AttemptView(
        n=attempt.n,
        channel=attempt.channel,
        state=attempt.state,
        provider_id=attempt.provider_id,
        at=attempt.started_at,
        ended_at=attempt.ended_at,
        reason=attempt.reason,
        resolved_by=attempt.resolved_by,
        receipts=tuple(
            ReceiptView(kind=receipt.kind, at=receipt.at, code=receipt.code) for receipt in attempt.receipts
        ),
    )


def delivery_rows(incident: Incident) -> tuple[DeliveryRow, ...]:
    """Return every delivery in the order in which they were planned."""
    found = exposed_by_delivery(incident)
    return tuple(
        delivery_row(incident, delivery, found.get(delivery.id, ()))
        for delivery in incident.deliveries.values()
    )


def exposed_by_delivery(incident: Incident) -> dict[str, list[Exposure]]:
    """Return what went over fallen domains, by delivery."""
    found: dict[str, list[Exposure]] = {}
    for exposure in exposures(incident):
        found.setdefault(exposure.delivery, []).append(exposure)
    return found


def messages(incident: Incident) -> MessagesReport:
    """Return the list of deliveries."""
    return MessagesReport(
        incident=incident.id,
        codename=incident.codename,
        title=incident.title,
        kind=incident.kind,
        state=incident.state,
        deliveries=delivery_rows(incident),
        roles=tuple(row for name in incident.messages for row in role_rows(incident, name)),
        not_written=not_written(incident),
    )


def message(incident: Incident, delivery: str, code: str = "") -> DeliveryReport:
    """Return one delivery; raises NotFound."""
    found = incident.deliveries.get(delivery)
    if found is None:
        what = f"no delivery '{delivery}' in {incident.codename}"
        raise NotFound(what, hint="see: tocsin message list", code="unknown_delivery")
    return DeliveryReport(
        heading=heading_of(incident),
        kind=incident.kind,
        delivery=delivery_row(incident, found, exposed_by_delivery(incident).get(delivery, ())),
        code=code,
    )


def messages_page(report: MessagesReport, now: datetime) -> Page:
    """Draw the list: a line for each person, and under it what is not proved."""
    heading = Heading(
        incident=report.incident,
        codename=report.codename,
        title=report.title,
        kind=report.kind,
        state=report.state,
    )
    head = (*render_header(heading, "messages"), *not_written_lines(report.not_written))
    if not (report.deliveries or report.roles):
        return Page((*head, line("nothing has been sent", "dim")))
    rows = tuple(delivery_cells(delivery, now) for delivery in report.deliveries)
    return Page((*head, Table(rows=rows, elastic=3), *role_blocks(report.roles, bool(rows))))


def delivery_cells(row: DeliveryRow, now: datetime) -> tuple[Cell, ...]:
    """Return a delivery as cells: its id, whom, over what, what is proved."""
    last = row.attempts[-1] if row.attempts else None
    via = last.channel if last else next(iter(row.channels if row.state == "active" else ()), "")
    return (
        Cell(row.delivery, "dim"),
        Cell(row.recipient),
        Cell(via, "dim"),
        Cell(*standing(row)),
        Cell(when(last.at, now) if last else "", "dim"),
    )


def standing(row: DeliveryRow) -> tuple[str, Tone]:
    """Return where a delivery stands, in words that never say more than is proved, and what an attacker had of it."""
    words, tone = _standing(row)
    if not row.exposed:
        return words, tone
    answer = "; ANSWERED over it too" if row.answered_over else ""
    return f"{words}; went over {', '.join(row.exposed)} AFTER IT FELL{answer}", "alarm"


def _standing(row: DeliveryRow) -> tuple[str, Tone]:
    unknown = [attempt for attempt in row.attempts if attempt.state == "unknown" and not attempt.resolved_by]
    doubt = f"; {count(len(unknown), 'attempt')} unknown" if unknown else ""
    proved = PROVED[row.evidence]
    if row.stuck:
        return f"stopped: {row.stuck}", "alarm"
    match row.state:
        case "satisfied":
            return f"{proved}{doubt}", "good"
        case "exhausted" | "active" if row.lapsed:
            return f"{proved}, too long ago to rely on{doubt}", "alarm"
        case "exhausted":
            return f"NOT REACHED: {proved}, {row.goal} wanted{doubt}", "alarm"
        case "cancelled":
            return f"called off; {proved}{doubt}", "dim"
        case _ if row.starts_at is not None:
            return f"told at {row.starts_at.astimezone(here()):%H:%M} if nobody answers", "dim"
        case _ if not row.attempts:
            return "not sent yet", "warn"
        case _ if row.owed is not None:
            return f"NOT ANSWERED, telephone them: {proved}{doubt}", "alarm"
        case _:
            return f"{proved}, {row.goal} wanted{doubt}", "alarm" if unknown else "warn"


def message_page(report: DeliveryReport, now: datetime) -> Page:
    """Draw one delivery with its attempts, its evidence and the channels that were refused."""
    row = report.delivery
    words, tone = standing(row)
    blocks: list[Block] = [
        *render_header(
            report.heading, f"message to {row.recipient} ({row.message_class}), delivery {row.delivery}"
        ),
        line(words, tone),
        line(f"goal: {row.goal}; proved: {row.evidence}", "dim"),
    ]
    if report.code:
        blocks.append(line(f"code, to show that it is ours: {report.code}", "dim"))
    blocks.extend(attempt_blocks(row.attempts, now))
    blocks.extend(_refused(row.refusals, row.channels))
    blocks.extend(_overridden(row.overridden))
    if row.stuck or any(a.state == "unknown" and not a.resolved_by for a in row.attempts):
        blocks += [Blank(), _command(suggested_actions.resolve(row.delivery))]
    elif row.state != "satisfied":
        blocks += [Blank(), _command(suggested_actions.call(row.delivery))]
    return Page(tuple(blocks))


def _command(text: str) -> Paragraph:
    return Paragraph(cells=(Cell("→ "), Cell(text, "command")), hang=2)


def attempt_blocks(attempts: Sequence[AttemptView], now: datetime) -> Iterator[Block]:
    """Yield the tries of a delivery or an action, each with what came of it."""
    if not attempts:
        return
    yield Blank()
    yield line("ATTEMPTS", "title")
    rows = []
    for attempt in attempts:
        words, tone = _OUTCOME[attempt.state]
        by = f" (said by {attempt.resolved_by})" if attempt.resolved_by else ""
        reason = f": {attempt.reason}" if attempt.reason else ""
        ref = f" [{attempt.provider_id}]" if attempt.provider_id else ""
        cell = Cell(f"{words}{by}{reason}{ref}", tone)
        rows.append((Cell(f"{attempt.n}"), Cell(when(attempt.at, now), "dim"), Cell(attempt.channel), cell))
        rows.extend(_receipt_cells(receipt, now) for receipt in attempt.receipts)
    yield Table(rows=tuple(rows), elastic=3)


def _receipt_cells(receipt: ReceiptView, now: datetime) -> tuple[Cell, Cell, Cell, Cell]:
    """Return a receipt as cells, under its attempt."""
    code = f" ({receipt.code})" if receipt.code else ""
    text = f"receipt: {RECEIPTS.get(receipt.kind, receipt.kind)}{code}"
    tone: Tone = "alarm" if receipt.kind in RECEIPTS else "good"
    return Cell(""), Cell(when(receipt.at, now), "dim"), Cell(""), Cell(text, tone)


def _refused(refusals: Sequence[Refusal], channels: Sequence[str]) -> Iterator[Block]:
    if channels:
        yield Blank()
        yield line(f"channels, in order: {', '.join(channels)}", hang=2)
    if refusals:
        yield Blank()
        yield line("NOT USED", "title")
        yield Table(
            rows=tuple((Cell(r.channel), Cell(r.rule, "dim"), Cell(r.why, "warn")) for r in refusals),
            elastic=2,
        )


def _overridden(overridden: Sequence[Refusal]) -> Iterator[Block]:
    if overridden:
        yield from (Blank(), line("USED ALTHOUGH A RULE REFUSES IT", "title"))
        yield Table(
            rows=tuple((Cell(r.channel), Cell(r.rule, "dim"), Cell(r.why, "alarm")) for r in overridden),
            elastic=2,
        )


def unproved(rows: Sequence[DeliveryRow]) -> tuple[DeliveryRow, ...]:
    """Return the deliveries that have ended, or are in doubt, without proof of what was wanted."""
    return tuple(
        row
        for row in rows
        if any(a.state == "unknown" and not a.resolved_by for a in row.attempts)
        or (row.state == "exhausted" and row.goal != "none" and not proves(row.evidence, row.goal))
    )
