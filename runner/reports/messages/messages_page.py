"""The list of messages as a screen: per message the acknowledgements, awaited people, and next attempts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from runner.reports.core import suggested_actions
from runner.reports.core.attention_rows import attention_rows
from runner.reports.core.formatting import count, here, missed_calls, person_name, person_names, when
from runner.reports.core.header import Heading, list_header
from runner.reports.core.page import Block, Cell, Cells, Row, Tone, arrow, flow, line, paged, rows, table
from runner.reports.core.report import filled
from runner.reports.core.task_rows import not_written_lines
from runner.reports.messages.attention_messages import NOT_LEFT
from runner.reports.messages.messages import (
    ON_SCREEN,
    OUTCOMES,
    PROVED,
    AttemptView,
    DeliveryRow,
    MessageRow,
    MessagesReport,
    RoleRow,
    called,
    failed_everywhere,
    standing,
)

_QUORUMS: Mapping[str, str] = {
    "each_role": "one acknowledgement per role",
    "all": "acknowledgement from everyone",
    "any": "one acknowledgement",
    "": "no acknowledgement required",
}
_VIA: Mapping[str, str] = {"code": "with the code", "link": "by the link", "telephone": "by phone"}


def _calm(report: MessagesReport) -> Cell:
    """Return that nothing is to be done now, and how many acknowledgements are still awaited."""
    if lost := sum(map(failed_everywhere, report.deliveries)):
        return Cell(f"{count(lost, 'message')} not delivered: call now", "alarm")
    waiting = {row.message for row in report.deliveries if row.wanted}
    awaited = sum(one.needed - one.reached for one in report.messages if one.message in waiting)
    if awaited > 0:
        return Cell(f"Awaiting {count(awaited, 'acknowledgement')}, no action required now")
    return Cell("No message needs action now", "good")


@paged
def messages_page(report: MessagesReport, now: datetime) -> Iterator[Block]:
    """Draw the list: DO NOW, then each message with its people."""
    yield from list_header(filled(Heading, report), "Messages", now)
    yield from not_written_lines(report.not_written)
    if not (report.deliveries or report.roles):
        yield line("No message was sent", "dim")
        return
    if report.needs_attention:
        yield line(f"DO NOW ({len(report.needs_attention)})", "title")
        yield from rows(attention_rows(report.needs_attention, now))
    else:
        yield flow(_calm(report), arrow(suggested_actions.STATUS))
    known = {message.message for message in report.messages}
    others = [row for row in report.deliveries if row.message not in known]
    if others:
        yield table((cells for row in others for cells in _cells(row, now)), 2)
    for message in report.messages:
        rule = _QUORUMS.get(message.quorum, f"{message.quorum} acknowledgements")
        reached = f": {message.reached} of {message.needed}" if message.needed else ""
        words = f" · {_sent(message, report.deliveries, now)} · {rule}{reached}"
        yield flow(Cell(message.title, "title"), words, hang=2)
        own = (row for row in report.deliveries if row.message == message.message)
        roles = (role for role in report.roles if role.message == message.message)
        unpaged = (_role_cells(role) for role in roles if role.state in ("filled_by_opener", "unheld"))
        yield table((*(cells for row in own for cells in _cells(row, now)), *unpaged), 2)


def _sent(message: MessageRow, deliveries: Sequence[DeliveryRow], now: datetime) -> str:
    """Return when a message was sent, or that no channel could carry it."""
    own = [row for row in deliveries if row.message == message.message and row.starts_at is None]
    tried = [attempt.state in NOT_LEFT for row in own for attempt in row.attempts]
    nothing = all(tried) and all(row.attempts or not row.channels for row in own)
    at = when(message.sent_at, now)
    return f"tried {at}, nothing sent" if own and nothing else f"sent {at}"


def _cells(row: DeliveryRow, now: datetime) -> Iterator[Cells]:
    """Yield a delivery: status, recipient, last outcome, id; the channels on lines below."""
    word, tone = _word(row)
    roles = f"{', '.join(row.roles)}: " if row.roles else ""
    who = Cell(f"{roles}{person_name(row.recipient)}")
    channels = channel_words(row)
    if row.acked_at is not None and row.state == "satisfied":
        via = called(row) or _VIA.get(row.acked_via, f"by {row.acked_via}" if row.acked_via else "")
        said, channels = f"{when(row.acked_at, now)}  {via}".rstrip(), []
    elif row.on_screen:
        said, channels = standing(row)[0], []
    elif row.wanted and row.next_at is not None and row.next_at > now:
        over = f" by {row.channels[0]}" if len(row.channels) == 1 else ""
        said = f"next attempt {when(row.next_at, now)}{over}"
    elif row.starts_at is not None:
        said, channels = f"escalates at {row.starts_at.astimezone(here()):%H:%M}", []
    elif row.state == "exhausted" or failed_everywhere(row):
        missed = missed_calls(row.calls, row.called_at, row.called_by)
        said = missed or ("not acknowledged" if row.has_it else PROVED[row.evidence])
    elif word in ("ACCEPTED", "DELIVERED", "READ"):
        said, channels = "; ".join(channels), []
    else:
        said, channels = standing(row)[0], channels if len(channels) > 1 else []
    if row.exposed:
        said = standing(row)[0]
    exposed: Tone = "alarm" if row.exposed else "plain"
    yield (
        Cell(word, tone),
        who,
        Cell(said, exposed),
        Cell(row.delivery, "dim", about=f"message/{row.delivery}"),
    )
    for channel in channels:
        yield "", "", channel, ""


def _word(row: DeliveryRow) -> tuple[str, Tone]:
    """Return the status of a delivery in one word."""
    match row.state:
        case _ if row.on_screen:
            return "NOT REACHED", "alarm"
        case "satisfied" if row.evidence in ("acked", "authorised"):
            return "ACKNOWLEDGED", "good"
        case "satisfied":
            return row.evidence.upper(), "good"
        case "cancelled":
            return ("ACKNOWLEDGED", "good") if row.evidence == "acked" else ("STOPPED", "dim")
        case _ if row.state == "exhausted" or failed_everywhere(row):
            return row.evidence.upper() if row.has_it else "NOT REACHED", "alarm"
        case _ if row.lapsed:
            return "EXPIRED", "alarm"
        case _ if row.starts_at is not None:
            return "ESCALATION", "dim"
        case _ if row.stuck:
            return "UNKNOWN", "alarm"
        case _:
            return ("AWAITED", "warn") if row.goal in ("acked", "authorised") else ("BEING SENT", "plain")


def _role_cells(role: RoleRow) -> Cells:
    if role.state == "unheld":
        return Cell("NOT PAGED", "alarm"), role.role, Cell("nobody has this role", "alarm"), ""
    who = f"{role.role}: {person_names(role.persons)}"
    return Cell("NOT PAGED", "dim"), who, Cell("opened the incident", "dim"), ""


def channel_words(row: DeliveryRow) -> list[str]:
    """Return the outcome of every channel: ``email accepted by provider``, ``pager: 2 attempts, unknown outcome``."""
    by_channel: dict[str, list[AttemptView]] = {}
    for attempt in row.attempts:
        by_channel.setdefault(attempt.channel, []).append(attempt)
    return [_channel(name, found) for name, found in by_channel.items()]


def _channel(name: str, found: Sequence[AttemptView]) -> str:
    last = found[-1]
    if last.state == "unknown" and not last.resolved_by:
        unknown = sum(attempt.state == "unknown" for attempt in found)
        tries = f"{unknown} attempts, " if unknown > 1 else ""
        return f"{name}: {tries}unknown outcome"
    failed = any(receipt.kind in ("failed", "stopped") for receipt in last.receipts)
    if last.state == "accepted" and failed:
        return f"{name}: failed permanently"
    if last.screen:
        return f"{name}: {ON_SCREEN}"
    words = "being sent" if last.state == "sending" else OUTCOMES[last.state][0]
    return f"{name}{'' if last.state == 'accepted' else ':'} {words}"


def awaiting_blocks(
    messages: Sequence[MessageRow], deliveries: Sequence[DeliveryRow], now: datetime, most: int
) -> Iterator[Block]:
    """Yield the people without an acknowledgement by message, with the channels and the command to record a call."""
    for message in messages:
        waiting = [row for row in deliveries if row.message == message.message and row.wanted]
        if not waiting:
            continue
        unit = "roles" if message.quorum == "each_role" else "people"
        left = message.needed - message.reached
        rest = f" ({left} of {message.needed} {unit}) · {message.title} · {_sent(message, deliveries, now)}"
        yield flow(Cell("AWAITING ACKNOWLEDGEMENT", "title"), rest, hang=2)
        entries = []
        for row in waiting[:most]:
            words = " · ".join(channel_words(row)) or "not sent yet"
            entries.append(Row(person_name(row.recipient), (words,)))
        yield from rows(entries)
        call = suggested_actions.call(waiting[0].delivery)
        more = f"{len(waiting) - most} more → tocsin message list. " if len(waiting) > most else ""
        yield flow(f"{more}No answer? Call, then record", arrow(call), indent=17, hang=0)
