"""Deliveries as data and as text: recipients, channels, evidence, and blocked channels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Literal

import msgspec

from runner.base.states import AttemptState, Kind, Proof, ReceiptKind, Refusal, State
from runner.incident.messages.acknowledgement import delivery_of
from runner.incident.messages.compromised_traffic import Exposure, exposures
from runner.incident.messages.escalation import callers
from runner.incident.state.incident import ActionItem, Attempt, Delivery, Incident
from runner.incident.state.quorum import (
    answered_by_deputy,
    count_reached,
    deliveries_of,
    places,
    roles_of,
)
from runner.reports.core import suggested_actions
from runner.reports.core.attention_item import AttentionItem
from runner.reports.core.do_now import do_now
from runner.reports.core.formatting import (
    RECEIPTS,
    call_words,
    count,
    here,
    missed_calls,
    person_name,
    person_names,
    when,
)
from runner.reports.core.header import Heading, heading_of, render_header
from runner.reports.core.page import Blank, Block, Cell, Cells, Tone, do, line, paged, section
from runner.reports.core.report import Report, filled
from runner.reports.core.task_rows import NotWritten, not_written
from runner.reports.messages.attention_messages import (
    deliveries,
    for_reader,
    is_awaited,
    next_attempt,
    on_screen,
)
from runner.routing.messaging import proves


class RoleRow(msgspec.Struct, frozen=True, kw_only=True):
    """A role that a message is for, if the message requires one acknowledgement per role."""

    message: str
    step: str
    role: str
    state: Literal["acknowledged", "awaited", "filled_by_opener", "unheld"]
    persons: tuple[str, ...] = ()
    """The people who acknowledged, or whose acknowledgement is awaited."""


def role_rows(incident: Incident, message: str) -> Iterator[RoleRow]:
    """Yield the acknowledgement of each role of a message; nothing if none per role is required."""
    record = incident.messages[message]
    if record.message_class.ack_quorum != "each_role":
        return
    deliveries = deliveries_of(incident, message)
    done = answered_by_deputy(deliveries)
    for role, reached in roles_of(deliveries).items():
        own = [delivery for delivery in deliveries if delivery.level == 0 and role in places(delivery)]
        yield RoleRow(
            message=message,
            step=record.step,
            role=role,
            state="acknowledged" if reached else "awaited",
            persons=tuple(delivery.person for delivery in own if not reached or delivery.id in done),
        )
    for role in record.filled:
        yield RoleRow(
            message=message,
            step=record.step,
            role=role,
            state="filled_by_opener",
            persons=(incident.opened_by,),
        )
    for role in record.unheld:
        yield RoleRow(message=message, step=record.step, role=role, state="unheld")


PROVED: Mapping[Proof, str] = {
    "none": "not delivered",
    "accepted": "accepted by provider",
    "relayed": "relayed",
    "delivered": "delivered",
    "read": "read",
    "acked": "acknowledged",
    "authorised": "authorised",
}


ON_SCREEN = "shown on this screen only"


NO_WORDS: Mapping[str, str] = {}


OUTCOMES: Mapping[AttemptState, tuple[str, Tone]] = {
    "sending": ("no outcome yet", "warn"),
    "accepted": ("accepted by provider", "plain"),
    "rejected": ("failed permanently", "alarm"),
    "throttled": ("deferred by provider", "warn"),
    "not_sent": ("not sent", "warn"),
    "unknown": ("unknown outcome", "alarm"),
}


class ReceiptView(msgspec.Struct, frozen=True, kw_only=True):
    """A receipt of a provider for an attempt, with its time of arrival."""

    kind: ReceiptKind
    at: datetime
    code: str = ""


class AttemptView(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt; ``at`` is its start."""

    n: int
    channel: str
    state: AttemptState
    provider_id: str
    at: datetime
    ended_at: datetime | None = None
    reason: str = ""
    resolved_by: str = ""
    receipts: tuple[ReceiptView, ...] = ()
    item: str = ""
    """The item of an action."""
    verifies: bool = False
    """A read that must show the effect of an action."""
    screen: bool = False
    """The message was shown on the screen of its sender only."""


class DeliveryRow(msgspec.Struct, frozen=True, kw_only=True):
    """One message to one person, in the fixed order of JSON keys."""

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
    """Overridden rules that would block a channel in use."""
    exposed: tuple[str, ...] = ()
    """Domains that it used after their compromise."""
    answered_over: tuple[str, ...] = ()
    """Those domains that its acknowledgement used: it may be the attacker's."""
    stuck: str = ""
    level: int = 0
    """0 for the recipient, 1 for the deputy, 2 for the escalation contact."""
    starts_at: datetime | None = None
    """When it escalates to its level without an acknowledgement; null after that."""
    reminders: int = 0
    lapsed: bool = False
    """The acknowledgement is expired."""
    owed: datetime | None = None
    """Time since which a call is required."""
    title: str = ""
    """The subject of the message."""
    sent_at: datetime | None = None
    """When the message was composed."""
    roles: tuple[str, ...] = ()
    """The roles of the recipient that the message is for."""
    wanted: bool = False
    """An acknowledgement is required and awaited."""
    next_at: datetime | None = None
    """Time of the next attempt; null without one."""
    acked_at: datetime | None = None
    acked_via: str = ""
    acked_by: str = ""
    """Who recorded a call that reached the recipient."""
    calls: int = 0
    """The calls that did not reach the recipient; then the last of them."""
    called_at: datetime | None = None
    called_by: str = ""
    on_screen: bool = False
    """The message was shown on the screen of its sender only, and the recipient has not confirmed it."""

    @property
    def has_it(self) -> bool:
        """Whether the message is proved to be with the recipient, acknowledged or not."""
        return proves(self.evidence, "delivered")


class MessageRow(msgspec.Struct, frozen=True, kw_only=True):
    """One message: its subject, and its present and required acknowledgements."""

    message: str
    title: str
    sent_at: datetime
    quorum: str
    """``each_role``, ``all``, ``any`` or a number; empty without a required acknowledgement."""
    reached: int = 0
    needed: int = 0


class MessagesReport(Report, frozen=True, kw_only=True, tag="tocsin/messages/v1"):
    """All deliveries of an incident."""

    incident: str
    codename: str
    title: str
    kind: Kind
    state: State
    deliveries: tuple[DeliveryRow, ...]
    roles: tuple[RoleRow, ...] = ()
    not_written: tuple[NotWritten, ...] = ()
    messages: tuple[MessageRow, ...] = ()
    needs_attention: tuple[AttentionItem, ...] = ()
    """The required actions about these messages."""


class DeliveryReport(Report, frozen=True, kw_only=True, tag="tocsin/delivery/v1"):
    """One delivery of an incident."""

    heading: Heading
    kind: Kind
    delivery: DeliveryRow
    code: str = ""
    """Code that shows the origin of the message, and with which the person acknowledges."""
    subject: str = ""
    text: str = ""
    """The message as it was composed; empty for a program, and if it cannot be read."""
    read_aloud: str = ""
    """What a caller reads out: the text, or that a message waits whose class no telephone may carry."""
    callers: tuple[str, ...] = ()
    """The people who call; empty for a message that needs no call."""


def delivery_row(
    incident: Incident, delivery: Delivery, exposed: Sequence[Exposure] = (), title: str = ""
) -> DeliveryRow:
    """Return one delivery; ``exposed`` names its attempts over compromised domains."""
    message = incident.messages.get(delivery.message)
    return filled(
        DeliveryRow,
        delivery,
        delivery=delivery.id,
        recipient=delivery.person,
        attempts=tuple(attempt_view(attempt) for attempt in delivery.attempts),
        message_class=message.message_class.name if message else "",
        exposed=tuple(exposure.domain for exposure in exposed),
        answered_over=tuple(exposure.domain for exposure in exposed if exposure.acknowledged),
        starts_at=delivery.starts_at if delivery.waits and delivery.state == "active" else None,
        owed=message.owed if message and delivery.level == 0 and delivery.state != "satisfied" else None,
        title=title,
        sent_at=message.at if message else None,
        wanted=message is not None and is_awaited(incident, delivery),
        next_at=next_attempt(incident, delivery) if delivery.state == "active" else None,
        calls=len(delivery.calls),
        called_at=delivery.calls[-1][0] if delivery.calls else None,
        called_by=delivery.calls[-1][1] if delivery.calls else "",
        on_screen=message is not None and on_screen(incident, delivery),
    )


def message_titles(incident: Incident, words: Mapping[str, str]) -> dict[str, str]:
    """Return the subject of each message; ``words`` are the titles of the steps by invocation."""
    return {
        message.id: words.get(message.step, "")
        or ("Notice of acknowledgement" if message.about else f"Message ({message.message_class.name})")
        for message in incident.messages.values()
    }


def attempt_view(attempt: Attempt, items: Sequence[ActionItem] = ()) -> AttemptView:
    """Return one attempt; ``items`` are those of an action."""
    return filled(
        AttemptView,
        attempt,
        at=attempt.started_at,
        item="" if attempt.item is None else items[attempt.item].name,
        receipts=tuple(
            ReceiptView(kind=receipt.kind, at=receipt.at, code=receipt.code) for receipt in attempt.receipts
        ),
    )


def delivery_rows(incident: Incident, words: Mapping[str, str]) -> tuple[DeliveryRow, ...]:
    """Return every delivery in the order of planning; ``words`` are the steps' titles."""
    found, about = exposed_by_delivery(incident), message_titles(incident, words)
    return tuple(
        delivery_row(incident, delivery, found.get(delivery.id, ()), about.get(delivery.message, ""))
        for delivery in incident.deliveries.values()
    )


def exposed_by_delivery(incident: Incident) -> dict[str, list[Exposure]]:
    """Return the exposure by compromised domains, by delivery."""
    found: dict[str, list[Exposure]] = {}
    for exposure in exposures(incident):
        found.setdefault(exposure.delivery, []).append(exposure)
    return found


def message_rows(incident: Incident, words: Mapping[str, str]) -> tuple[MessageRow, ...]:
    """Return every message in the order of sending; ``words`` are the titles of the steps by invocation."""
    about = message_titles(incident, words)
    return tuple(_message_row(incident, name, about[name]) for name in incident.messages)


def _message_row(incident: Incident, name: str, title: str) -> MessageRow:
    message = incident.messages[name]
    wants = message.message_class.wants_answer and not message.about
    reached, needed = count_reached(incident, name) if wants else (0, 0)
    quorum = str(message.message_class.ack_quorum) if wants else ""
    return MessageRow(
        message=name, title=title, sent_at=message.at, quorum=quorum, reached=reached, needed=needed
    )


def messages(
    incident: Incident, now: datetime | None = None, words: Mapping[str, str] = NO_WORDS, me: str = ""
) -> MessagesReport:
    """Return the list of deliveries for a person; ``words`` are the titles of the steps by invocation."""
    urgent = () if now is None else do_now(for_reader(deliveries(incident, now), me), incident, (), (), now)
    return filled(
        MessagesReport,
        incident,
        incident=incident.id,
        deliveries=delivery_rows(incident, words),
        roles=tuple(row for name in incident.messages for row in role_rows(incident, name)),
        not_written=not_written(incident),
        messages=message_rows(incident, words),
        needs_attention=urgent,
    )


def message(
    incident: Incident, delivery: str, code: str = "", words: tuple[str, str, str] = ("", "", "")
) -> DeliveryReport:
    """Return one delivery; raises NotFound. ``words`` are its subject, its text, and what a caller reads out."""
    found = delivery_of(incident, delivery)
    return DeliveryReport(
        heading=heading_of(incident),
        kind=incident.kind,
        delivery=delivery_row(incident, found, exposed_by_delivery(incident).get(delivery, ())),
        code=code,
        subject=words[0],
        text=words[1],
        read_aloud=words[2],
        callers=callers(incident, found) if found.state in ("active", "exhausted") else (),
    )


def only_own(report: MessagesReport, person: str) -> MessagesReport:
    """Return the messages to a person, without those to others and what they answered."""
    return msgspec.structs.replace(
        report,
        title="",
        deliveries=tuple(map(_bare, (row for row in report.deliveries if row.recipient == person))),
        roles=(),
        not_written=(),
        messages=(),
        needs_attention=tuple(one for one in report.needs_attention if one.person == person),
    )


def bare(report: DeliveryReport) -> DeliveryReport:
    """Return a message without anything else about its incident: its recipient may have no role there."""
    heading = msgspec.structs.replace(report.heading, title="", severity="", alone="")
    return msgspec.structs.replace(report, heading=heading, delivery=_bare(report.delivery))


def _bare(row: DeliveryRow) -> DeliveryRow:
    tried = tuple(msgspec.structs.replace(one, reason="") for one in row.attempts)
    return msgspec.structs.replace(row, attempts=tried, refusals=(), overridden=(), exposed=())


def delivery_cells(row: DeliveryRow, now: datetime) -> Cells:
    """Return a delivery as cells: recipient, channel, status, time, id."""
    last = row.attempts[-1] if row.attempts else None
    via = last.channel if last else next(iter(row.channels if row.state == "active" else ()), "")
    return (
        Cell(person_name(row.recipient), about=f"message/{row.delivery}"),
        via,
        Cell(*standing(row)),
        when(last.at, now) if last else "",
        Cell(row.delivery, "dim"),
    )


def standing(row: DeliveryRow) -> tuple[str, Tone]:
    """Return the status of a delivery in words, never more than the evidence, with its exposure to an attacker."""
    words, tone = _standing(row)
    if not row.exposed:
        return words, tone
    answer = "; acknowledged through it" if row.answered_over else ""
    return f"{words}; sent through {', '.join(row.exposed)}, compromised{answer}", "alarm"


def unresolved(row: DeliveryRow) -> list[AttemptView]:
    """Return the attempts with an unknown outcome that no person resolved."""
    return [attempt for attempt in row.attempts if attempt.state == "unknown" and not attempt.resolved_by]


def failed_everywhere(row: DeliveryRow) -> bool:
    """Tell whether every channel failed permanently, before a worker ended the delivery."""
    last = {attempt.channel: attempt for attempt in row.attempts}
    failed = all(
        one.state == "rejected" or any(receipt.kind in ("failed", "stopped") for receipt in one.receipts)
        for one in last.values()
    )
    return failed and row.state == "active" and last.keys() >= set(row.channels) > set()


def called(row: DeliveryRow) -> str:
    """Return who recorded that a call reached the recipient; empty without a call."""
    by = person_name(row.acked_by)
    return f"reached by phone, recorded by {by}, to be confirmed" if row.acked_by else ""


def _standing(row: DeliveryRow) -> tuple[str, Tone]:
    unknown = unresolved(row)
    doubt = f"; {count(len(unknown), 'attempt')}: unknown outcome" if unknown else ""
    missed = missed_calls(row.calls, row.called_at, row.called_by)
    doubt += f"; {missed}" if missed and not row.acked_at else ""
    proved = called(row) or PROVED[row.evidence]
    if row.stuck:
        return f"stopped: {row.stuck}", "alarm"
    match row.state:
        case _ if row.on_screen:
            return f"{ON_SCREEN}, call now{doubt}", "alarm"
        case "satisfied":
            return f"{proved}{doubt}", "good"
        case "exhausted" | "active" if row.lapsed:
            return f"{proved}, expired{doubt}", "alarm"
        case "exhausted" | "active" if row.state == "exhausted" or failed_everywhere(row):
            return f"not {'acknowledged' if row.has_it else 'reached'}: {proved}{doubt}", "alarm"
        case "cancelled":
            return f"cancelled; {proved}{doubt}", "dim"
        case _ if row.starts_at is not None:
            return f"escalates at {row.starts_at.astimezone(here()):%H:%M}", "dim"
        case _ if not row.attempts:
            return "not sent yet", "warn"
        case _ if row.owed is not None:
            return f"not acknowledged, call now: {proved}{doubt}", "alarm"
        case _:
            wanted = ", awaiting acknowledgement" if row.goal in ("acked", "authorised") else ""
            return f"{proved}{wanted}{doubt}", "alarm" if unknown else "warn"


@paged
def message_page(report: DeliveryReport, now: datetime, me: str = "") -> Iterator[Block]:
    """Draw one delivery with its text, attempts, evidence and blocked channels; ``me`` is its reader, if that is known."""
    row = report.delivery
    words = f"Message to {person_name(row.recipient)} ({row.message_class})"
    yield from (*render_header(report.heading, words), line(*standing(row)))
    proof = "a recorded call" if row.acked_by else row.evidence
    yield line(f"Goal: {row.goal} · evidence of delivery: {proof} · {row.delivery}", "dim")
    if report.code:
        yield line(f"Code, shows that the message is from us: {report.code}", "dim")
        yield line(f"The recipient acknowledges: tocsin ack {report.code}", "dim")
    if report.text:
        yield from (Blank(), line(f"TEXT: {report.subject}" if report.subject else "TEXT", "title"))
        yield from (line(one) for one in report.text.splitlines())
    yield from attempt_blocks(row.attempts, now)
    if row.channels:
        yield from (Blank(), line(f"Channels in order: {', '.join(row.channels)}", hang=2))
    yield from _rules("BLOCKED CHANNELS", row.refusals, "warn")
    yield from _rules("SENT WITH A RULE OVERRIDE", row.overridden, "alarm")
    if row.stuck or unresolved(row):
        yield Blank()
        yield from map(do, suggested_actions.each(suggested_actions.resolve(row.delivery)))
    elif report.callers and row.recipient != me:
        who = line(f"Who calls: {person_names(report.callers)}")
        yield from (Blank(), line("CALL", "title"), who, line(call_words(row.recipient, row.delivery)[0]))
        said = "the text above, word for word" if report.read_aloud == report.text else report.read_aloud
        yield line(f"Read aloud: {said}" if report.text else "The text cannot be read", hang=2)
        yield from map(do, suggested_actions.each(suggested_actions.call(row.delivery)))


def attempt_blocks(attempts: Sequence[AttemptView], now: datetime) -> Iterator[Block]:
    """Yield the attempts of a delivery or an action, each with its outcome."""
    rows: list[Cells] = []
    for attempt in attempts:
        words, tone = OUTCOMES[attempt.state]
        words = ON_SCREEN if attempt.screen else words
        by = f" (resolved by {person_name(attempt.resolved_by)})" if attempt.resolved_by else ""
        reason = f": {attempt.reason}" if attempt.reason else ""
        ref = f" [{attempt.provider_id}]" if attempt.provider_id else ""
        cell = Cell(f"{words}{by}{reason}{ref}", tone)
        what = f"{'check of ' if attempt.verifies else ''}{attempt.item}" if attempt.item else attempt.channel
        rows.append((f"{attempt.n}", Cell(when(attempt.at, now), "dim"), what, cell))
        rows.extend(_receipt_cells(receipt, now) for receipt in attempt.receipts)
    return section("DELIVERY ATTEMPTS", rows, 3)


def _receipt_cells(receipt: ReceiptView, now: datetime) -> Cells:
    """Return a receipt as cells, under its attempt."""
    code = f" ({receipt.code})" if receipt.code else ""
    text = f"receipt: {RECEIPTS.get(receipt.kind, receipt.kind)}{code}"
    tone: Tone = "alarm" if receipt.kind in RECEIPTS else "good"
    return "", Cell(when(receipt.at, now), "dim"), "", Cell(text, tone)


def _rules(title: str, refusals: Sequence[Refusal], tone: Tone) -> Iterator[Block]:
    return section(title, ((r.channel, Cell(r.rule, "dim"), Cell(r.why, tone)) for r in refusals), 2)


def unproved(rows: Sequence[DeliveryRow]) -> tuple[DeliveryRow, ...]:
    """Return the deliveries that ended, or have an unknown outcome, without the required evidence."""
    return tuple(
        row
        for row in rows
        if unresolved(row)
        or failed_everywhere(row)
        or (row.state == "exhausted" and row.goal != "none" and not proves(row.evidence, row.goal))
    )
