"""Translation between the data types of the runner and of the port."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import time, timedelta
from functools import lru_cache

import msgspec

from integrations.port import (
    Accepted,
    Callback,
    Capabilities,
    Finding,
    NotSent,
    Outbound,
    Outcome,
    Rejected,
    Throttled,
    Timeouts,
    Unknown,
)
from integrations.port import Answer as PortAnswer
from integrations.port import Receipt as PortReceipt
from runner.base.states import MARKS
from runner.base.text import cut, nearest
from runner.decoding import convert
from runner.errors import Invalid
from runner.routing.inbound import Answer, Heard, Incoming, Receipt
from runner.routing.messaging import (
    CONFIDENTIALITY,
    PERSONAL_DATA,
    About,
    AddressState,
    Channel,
    Dispatch,
    SendResult,
)
from runner.routing.sender_names import country_of, sender_names
from runner.routing.traffic import Rate, read_rate, read_timeout

LONGEST_REASON = 300


def clean(result: SendResult, address: str) -> SendResult:
    """Enforce the port's rules for third-party integrations: no addresses, no control characters, no long texts."""
    name = result.provider_id
    if not result.code and not result.reason and len(name) <= LONGEST_REASON and _plain(name, address):
        return result  # the usual case in a long list
    return msgspec.structs.replace(
        result,
        provider_id=safe(result.provider_id, address),
        code=safe(result.code, address),
        reason=safe(result.reason, address),
    )


def safe(text: str, address: str) -> str:
    """Return a text without the address and control characters, in at most ``LONGEST_REASON`` characters."""
    if _plain(text, address):
        return text[:LONGEST_REASON]
    shown = text
    for known, hidden in _spellings(address):
        shown = re.sub(re.escape(known), hidden, shown, flags=re.IGNORECASE)
    return "".join(letter if letter.isprintable() else " " for letter in shown)[:LONGEST_REASON]


def _plain(text: str, address: str) -> bool:
    """Check quickly, in the usual case, that a text needs no cleaning."""
    if not text:
        return True
    if not (text.isascii() and text.isprintable() and address.isascii()):
        return False
    low = text.lower()
    return not any(known.lower() in low for known, _ in _spellings(address))


def _spellings(address: str) -> Iterator[tuple[str, str]]:
    """Yield the forms of an address in an answer: whole, and its local part in brackets."""
    if len(address) > 2:
        yield address, "<address>"
    local, at, _ = address.rpartition("@")
    if at and local:
        yield f"<{local}>", "<address>"


LONGEST_ANSWER = 4000
"""The number of characters that are read from a person's answer."""
_KEY = re.compile(r"[A-Z2-7]{32}", re.ASCII)


class Held:
    """A secret for an integration; its printed form hides the value."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text."""
        return self._text

    def __repr__(self) -> str:  # type: ignore[explicit-override]
        """Return a placeholder without the value."""
        return "Held(hidden)"


def as_callback(incoming: Incoming) -> Callback:
    """Return an HTTP request as the port's type."""
    return Callback(**msgspec.structs.asdict(incoming))


def from_inbound(channel: str, one: PortReceipt | PortAnswer) -> Heard:
    """Return inbound data as the runner's type, bounded: names of people become a digest."""
    event = hashlib.sha256(f"{channel}\0{one.event_id}".encode("utf-8", "replace")).hexdigest()[:32]
    key = one.idempotency_key if _KEY.fullmatch(one.idempotency_key) else ""
    at = one.at if one.at is not None and one.at.tzinfo is not None else None
    name = safe(one.provider_id, "")
    if isinstance(one, PortReceipt):
        code = safe(one.code, "")[:40]
        return Receipt(
            kind=one.kind,
            event=event,
            provider_id=name,
            key=key,
            at=at,
            code=code,
            about=one.about,
            address=one.address,
            country=country_of(one.recipient) if one.recipient else "",
        )
    return Answer(
        event=event,
        sender=one.sender[:LONGEST_REASON],
        text=one.text[:LONGEST_ANSWER],
        provider_id=name,
        key=key,
        at=at,
        shared=one.shared,
        also=one.also[:LONGEST_REASON],
        moved=one.moved,
    )


def read_hours(text: str) -> tuple[time, time] | None:
    """Return quiet hours, or None."""
    begin, dash, end = text.partition("-")
    return (time.fromisoformat(begin), time.fromisoformat(end)) if dash else None


def as_held(secrets: Mapping[str, str]) -> dict[str, Held]:
    """Return secrets whose printed form hides the value."""
    return {name: Held(text) for name, text in secrets.items()}


def as_outbound(dispatch: Dispatch, channel: Channel) -> Outbound:
    """Return a message for the adapter; exercises and tests get a mark within the length limit of the channel."""
    mark = f"[{MARKS[dispatch.kind]}] " if dispatch.kind != "real" else ""
    timeout = channel.timeout
    return Outbound(
        delivery=dispatch.delivery,
        attempt=dispatch.attempt,
        idempotency_key=dispatch.idempotency_key,
        recipient=dispatch.address,
        subject=f"{mark}{dispatch.subject}",
        text=cut(f"{mark}{dispatch.text}", channel.max_length) if mark else dispatch.text,
        html=None if dispatch.html is None else f"{mark}{dispatch.html}",
        marking=dispatch.marking,
        footer=dispatch.footer,
        at=dispatch.at,
        campaign=dispatch.campaign,
        deadline=dispatch.deadline,
        sealed=dispatch.sealed,
        timeouts=waits(min(dispatch.time_limit, timeout or dispatch.time_limit)),
    )


@lru_cache(maxsize=16)
def waits(limit: timedelta) -> Timeouts:
    """Return the default timeouts, none longer than the whole attempt."""
    usual = Timeouts()
    return Timeouts(
        connect=min(usual.connect, limit),
        read=min(usual.read, limit),
        after_body=min(usual.after_body, limit),
        total=limit,
    )


def as_result(outcome: Outcome) -> SendResult:
    """Return an outcome as the runner's own."""
    match outcome:
        case Accepted(provider_id=provider_id, evidence=evidence):
            return SendResult(state="accepted", provider_id=provider_id, evidence=evidence)
        case Rejected(code=code, reason=reason):
            return SendResult(
                state="rejected",
                code=code,
                reason=reason,
                permanent=outcome.permanent,
                about=outcome.about,
                address=outcome.address,
            )
        case Throttled(retry_after=wait, reason=reason, code=code):
            return SendResult(state="throttled", code=code, reason=reason, retry_after=wait, about="account")
        case NotSent(reason=reason):
            return SendResult(state="not_sent", reason=reason, about="provider")
        case Unknown(reason=reason, phase=phase):
            return SendResult(state="unknown", reason=reason, phase=phase, about="provider")


def to_result(outcome: Outcome, address: str, channel: str = "CHANNEL") -> SendResult:
    """Return an outcome as the runner's type, cleaned; an invalid outcome is an unknown outcome.

    Integrations do not know the id of their ``channel``, which their commands name.
    """
    try:
        # The journal must be readable again, and an integration cannot prove more than the port allows.
        checked = convert(msgspec.structs.asdict(outcome), type(outcome))
        result = clean(as_result(checked), address)
        return msgspec.structs.replace(
            result, reason=result.reason.replace("keys CHANNEL", f"keys {channel}")
        )
    except Exception as error:  # noqa: BLE001  # the message may have been sent
        why = f"the integration returned no valid outcome ({type(error).__name__})"
        return as_result(Unknown(why, "integration"))


def read_rates(channel: str, given: tuple[str, ...]) -> tuple[Rate, ...]:
    """Return the rate limits of a channel; raises Invalid."""
    try:
        return tuple(read_rate(text) for text in given)
    except ValueError as error:
        raise Invalid(
            f'The settings of channel "{channel}" are not valid: {error}.', code="channel_settings"
        ) from None


def mail_verdict(code: str, words: str) -> tuple[About, AddressState]:
    """Return the cause of an email bounce and the state of the address; the default cause is the address."""
    from integrations.smtp.verdicts import Verdict, verdict

    return verdict(code, words) or Verdict("recipient")


def read_limit(channel: str, given: str) -> timedelta | None:
    """Return the timeout of a channel's attempts, or None; raises Invalid."""
    try:
        return read_timeout(given) if given else None
    except ValueError as error:
        raise Invalid(
            f'The timeout of channel "{channel}" is not valid: {error}.', code="channel_settings"
        ) from None


def exceeds_capability(channel: Channel, able: Capabilities) -> list[str]:
    """Return the limits that exceed the adapter's own limits."""
    raised = []
    if CONFIDENTIALITY.index(channel.confidentiality) > CONFIDENTIALITY.index(able.confidentiality):
        raised.append("confidentiality")
    if PERSONAL_DATA.index(channel.personal_data) > PERSONAL_DATA.index(able.personal_data):
        raised.append("personal_data")
    return raised


def sender_findings(channel: Channel) -> list[Finding]:
    """Return what a sender name cannot do: be answered (R39), and arrive where networks deliver no names (R42)."""
    if not channel.sender_name:
        return []
    never = " and ".join(one.country for one in sender_names().values() if one.effect == "undelivered")
    what = f'nobody can answer the sender name "{channel.sender_name}", and networks in {never} do not deliver it'
    return [Finding("warning", what, "Name a telephone number for opt-outs in each text, or use a number.")]


def hint_for(word: str, known: frozenset[str] | tuple[str, ...]) -> str:
    """Return the nearest known name, or all names."""
    near = nearest(word, sorted(known))
    return f"Use {near}" if near else f"Use one of: {', '.join(sorted(known)) or 'none'}"
