"""Calls by Twilio: the message is spoken twice, and pressing 1 confirms that a person heard it.

An answered call proves little: the person may hang up. So an answered call is
only ``relayed`` to the telephone, and only the key confirms that it was heard. Twilio listens who answers (machine
detection) while the text is spoken; an answering machine is a failure, so that the next channel is used. The
footer is not spoken, because a spoken digest is useless.
"""

from __future__ import annotations

from datetime import datetime
from html import escape
from typing import Any, Literal

from integrations.port import (
    Accepted,
    Answer,
    Callback,
    CallbackReply,
    Capabilities,
    Finding,
    Outbound,
    Outcome,
    Parsed,
    Receipt,
    Rejected,
    Secrets,
    Unauthentic,
    phone_problem,
    self_test_to,
)
from integrations.twilio import api

_OVER = "21220"
"""The call is not in progress any more."""
MACHINE = "machine"
"""Code of a call that an answering machine or a fax machine answered."""
LONGEST = 4000
"""Maximum characters of the instructions of one request."""
_KINDS: dict[str, Literal["accepted", "relayed", "failed"]] = {
    **dict.fromkeys(("queued", "initiated", "ringing"), "accepted"),
    **dict.fromkeys(("in-progress", "answered", "completed"), "relayed"),
    **dict.fromkeys(("busy", "no-answer", "failed", "canceled"), "failed"),
}


class Settings(api.Account, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account, its calling number, and its voice."""

    sender: str
    """A number of the account, or a number that it has verified."""
    language: str = "en-US"
    voice: str = ""
    """One of Twilio's voices; empty means Twilio's default."""
    prompt: str = "Press 1 to confirm that you have heard this message."
    thanks: str = "Thank you. Goodbye."
    stop_key: str = ""
    """The digit with which a person ends further calls, on channels for affected people; not 1. Empty: no key."""
    stop_prompt: str = ""
    """The sentence about that key; empty means the English one."""
    ring_for: int = 30
    """Seconds; longer than about 25 reaches most mailboxes."""
    detect_machine: bool = True
    """Whether Twilio reports that a mailbox or a fax machine answered; it charges for this. Needs ``callback_url``."""


def capabilities(settings: Settings) -> Capabilities:
    """Audible to others and bound to a number: public, no personal data; the key means only seen."""
    about_two_minutes = 1500
    more: dict[str, Any] = {
        "max_length": about_two_minutes,
        "rates": ("1/s burst 30",),  # Twilio queues the rest
        "spoken": True,
        "stop_by_key": bool(settings.stop_key and settings.callback_url),
    }
    return api.phone_capabilities(settings, "relayed", ack="button", **more)


address_problem = phone_problem


def send(outbound: Outbound, settings: Settings, secrets: Secrets) -> Outcome:
    """Start one call; the request contains the text, so that Twilio fetches nothing."""
    if problem := phone_problem(outbound.recipient):
        return Rejected("address", problem, about="recipient")
    instructions = spoken(outbound, settings)
    if len(instructions) > LONGEST:
        return Rejected("length", "the message is too long to be spoken")
    fields = {
        "To": outbound.recipient,
        "From": settings.sender,
        "Twiml": instructions,
        "Timeout": str(settings.ring_for),
    }
    if settings.callback_url:
        fields["StatusCallback"] = api.callback_url(outbound, settings)
        fields["StatusCallbackEvent"] = "completed"
        if settings.detect_machine:
            # In the background: the person hears the text at once.
            fields |= {"MachineDetection": "Enable", "AsyncAmd": "true"}
            fields["AsyncAmdStatusCallback"] = fields["StatusCallback"]
    reply = api.request("POST", "Calls", fields, outbound, settings, secrets)
    return api.outcome(reply, outbound.at, "CA")


def spoken(outbound: Outbound, settings: Settings) -> str:
    """Return the instructions (TwiML): say it twice, and listen for the key during the call."""
    text = f"{outbound.subject}.\n{outbound.text.rstrip()}"
    if not settings.callback_url:
        return f"<Response>{_say(text, settings, 2)}</Response>"
    stop = settings.stop_prompt or f"Press {settings.stop_key} to get no more calls from us."
    said = _say("\n".join((text, settings.prompt, *([stop] if settings.stop_key else []))), settings, 2)
    action = escape(api.callback_url(outbound, settings))
    return f'<Response><Gather numDigits="1" timeout="10" method="POST" action="{action}">{said}</Gather></Response>'


def _say(text: str, settings: Settings, times: int) -> str:
    """Return one ``Say`` without characters that are invalid in XML."""
    clean = "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in text)
    voice = f' voice="{escape(settings.voice)}"' if settings.voice else ""
    return f'<Say language="{escape(settings.language)}"{voice} loop="{times}">{escape(clean)}</Say>'


def recall(outbound: Outbound, provider_id: str, settings: Settings, secrets: Secrets) -> Outcome:
    """End the call, whether it is queued, ringing or answered; a finished call needs no end."""
    if not api.identifier({"sid": provider_id}, "CA"):
        return Rejected("no_name", "the call has no id to end it")
    reply = api.request("POST", f"Calls/{provider_id}", {"Status": "completed"}, outbound, settings, secrets)
    ended = api.outcome(reply, outbound.at, "CA")
    over = isinstance(ended, Rejected) and ended.code in (_OVER, "failed")
    return Accepted(provider_id) if over else ended


def parse_callback(callback: Callback, settings: Settings, secrets: Secrets) -> Parsed:
    """Read a signed status of a call, or the key that was pressed in it: 1 is an answer, and ``stop_key`` an opt-out."""
    said = api.believed(callback, settings, secrets)
    if isinstance(said, Unauthentic):
        return said
    sid = api.identifier({"sid": said.get("CallSid")}, "CA")
    if not sid:
        return ()
    if "Digits" in said:
        if said["Digits"] not in ("1", settings.stop_key) or not said["Digits"]:
            return ()
        word = "1" if said["Digits"] == "1" else "STOP"
        sender = said.get("To", "")
        return (
            Answer(
                event_id=f"{sid}:{word}",
                sender=sender,
                text=word,
                provider_id=sid,
                idempotency_key=said["key"],
                at=callback.at,
            ),
        )
    return _receipt(sid, said, callback.at)


def _receipt(sid: str, said: dict[str, str], at: datetime) -> Parsed:
    """Read a status; who answered comes in a callback of its own, or with the status."""
    status, answered_by = said.get("CallStatus", ""), said.get("AnsweredBy", "")
    by_machine = answered_by.startswith("machine") or answered_by == "fax"
    kind = "failed" if by_machine else _KINDS.get(status)
    if kind is None:
        return ()
    given = said.get("SipResponseCode", "") if kind == "failed" else ""
    code = MACHINE if by_machine else given if given.isascii() and given.isdigit() else ""
    return (
        Receipt(
            kind=kind,
            event_id=f"{sid}:{MACHINE if by_machine else status}",
            provider_id=sid,
            idempotency_key=said["key"],
            at=at,
            code=code,
        ),
    )


def reply(callback: Callback, settings: Settings, secrets: Secrets) -> CallbackReply:
    """Thank the person for the key: without instructions Twilio announces an error."""
    thanks = _say(settings.thanks, settings, 1)
    return CallbackReply(content_type="text/xml", body=f"<Response>{thanks}</Response>".encode())


def lint(settings: Settings, secrets: Secrets) -> tuple[Finding, ...]:
    """Find errors and leaks in the settings, without connecting."""
    findings = api.lint(settings, secrets)
    if problem := phone_problem(settings.sender):
        findings.append(Finding("error", f"sender: {problem}", 'sender: "+15005550006"'))
    if settings.stop_key and settings.stop_key not in tuple("023456789"):
        findings.append(Finding("error", "stop_key is not one digit other than 1", 'stop_key: "9"'))
    if not 5 <= settings.ring_for <= 600:
        findings.append(Finding("error", "ring_for is not between 5 and 600 seconds"))
    return tuple(findings)


self_test = self_test_to(send, "own_number", "own_number")
