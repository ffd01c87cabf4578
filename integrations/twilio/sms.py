"""Text messages by Twilio's Messages interface, and RCS messages through a messaging service with an RCS sender.

With RCS the person sees a verified name and logo, Twilio reports *read*, and a telephone without RCS gets a text message.
Acceptance means that Twilio queued it, ``sent`` that a carrier accepted it, ``delivered`` that the telephone
confirmed it. Every operator in transit can read a text message, and a person who takes over the number reads
it: it carries only public text, and a reply means only that it was seen. RCS of businesses is not end to end encrypted.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from integrations.http import Reply, json_object, judge
from integrations.http.service import listed
from integrations.port import (
    Answer,
    Callback,
    CallbackReply,
    CannotTell,
    Capabilities,
    Finding,
    Found,
    Outbound,
    Outcome,
    Parsed,
    Proof,
    Receipt,
    Reconciled,
    Rejected,
    Secrets,
    Unauthentic,
    fitted,
    name_of,
    narrow_body,
    phone_problem,
    self_test_to,
)
from integrations.twilio import api

LONGEST = 1600
"""Characters that Twilio accepts; it cuts them into parts itself."""
LONGEST_TEXT = LONGEST - 200
"""Characters without the usual marking and footer; if these are longer, the text is cut."""
_KINDS: dict[str, Literal["accepted", "relayed", "delivered", "read", "failed"]] = {
    **dict.fromkeys(("accepted", "scheduled", "queued", "sending"), "accepted"),
    "sent": "relayed",
    "delivered": "delivered",
    "read": "read",
    **dict.fromkeys(("undelivered", "failed", "canceled"), "failed"),
}
_PROOFS: dict[str, Proof] = {"sent": "relayed", "delivered": "delivered", "read": "read"}
_FOOTER = "\n\n-- \n"
_SID = "(?:SM|MM)"
"""The kinds of a message's SID: without and with media."""


class Settings(api.Account, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account and its sender: exactly one of the two."""

    sender: str = ""
    """A number of the account, a short code, or a name of up to 11 letters where the country allows it."""
    messaging_service: str = ""
    """The SID of a messaging service: ``MG`` and 32 hexadecimal digits."""
    rcs: bool = False
    """The messaging service has an approved RCS sender, so that *read* can be reported."""


def capabilities(settings: Settings) -> Capabilities:
    """Readable in transit and bound to a number: public, no personal data, a reply is not authority."""
    more: dict[str, Any] = {"reconcile": "query", "max_length": LONGEST_TEXT}
    more["sender_name"] = name_of(settings.sender)
    more["rates"] = ("1/s burst 60",)  # a long code in the United States; Twilio queues the rest
    proofs: tuple[Proof, ...] = ("relayed", "delivered", *(("read",) if settings.rcs else ()))
    return api.phone_capabilities(settings, *proofs, ack="reply", **more)


address_problem = phone_problem


def send(outbound: Outbound, settings: Settings, secrets: Secrets) -> Outcome:
    """Queue one message."""
    if problem := phone_problem(outbound.recipient):
        return Rejected("address", problem, about="recipient")
    shown = _shown(outbound)
    if shown is None:
        return Rejected("length", f"the message has more than {LONGEST} characters")
    fields = {"To": outbound.recipient, "Body": narrow_body(shown)}
    if settings.messaging_service:
        fields["MessagingServiceSid"] = settings.messaging_service
    else:
        fields["From"] = settings.sender
    if settings.callback_url:
        fields["StatusCallback"] = api.callback_url(outbound, settings)
    if outbound.deadline is not None:
        left = (outbound.deadline - outbound.at).total_seconds()
        fields["ValidityPeriod"] = str(int(max(1, min(left, 36_000))))  # within Twilio's limit
    reply = api.request("POST", "Messages", fields, outbound, settings, secrets)
    return api.outcome(reply, outbound.at, _SID)


def _shown(outbound: Outbound) -> Outbound | None:
    return fitted(outbound, LONGEST_TEXT, lambda one: len(narrow_body(one)) <= LONGEST)


def reconcile(outbound: Outbound, settings: Settings, secrets: Secrets) -> Reconciled:
    """Look for the text among the newest messages to this number; an absent text proves nothing."""
    wanted = {"To": outbound.recipient, "PageSize": "100"}
    reply = api.request("GET", "Messages", wanted, outbound, settings, secrets)
    if not isinstance(reply, Reply) or judge(reply, outbound.at) is not None:
        return CannotTell("the query to the service failed")
    for message in listed(json_object(reply.body).get("messages")):
        if not isinstance(message, dict) or api.number(message.get("to")) != outbound.recipient:
            continue
        if _same(message, outbound) and (sid := api.identifier(message, _SID)):
            return Found(sid, _PROOFS.get(str(message.get("status")), "accepted"))
    return CannotTell("the service lists no such message yet")


def _same(one: dict[str, object], outbound: Outbound) -> bool:
    """Return whether a listed message is this message: exactly, or with another footer that names the same delivery.

    A footer has the time of sending, which is lost after a crash; then the message must be newer than the attempt.
    """
    body, given = narrow_body(_shown(outbound) or outbound), str(one.get("body"))
    if given == body:
        return True
    (text, line, _), (theirs, _, footer) = body.rpartition(_FOOTER), given.rpartition(_FOOTER)
    try:
        made = parsedate_to_datetime(str(one.get("date_created")))
    except ValueError:
        return False
    recent = made.tzinfo is not None and made >= outbound.at - timedelta(minutes=1)
    return bool(line) and text == theirs and outbound.delivery in footer.split() and recent


def parse_callback(callback: Callback, settings: Settings, secrets: Secrets) -> Parsed:
    """Read a signed status of a message, or a reply."""
    said = api.believed(callback, settings, secrets)
    if isinstance(said, Unauthentic):
        return said
    sid = api.identifier({"sid": said.get("MessageSid")}, _SID)
    if not sid:
        return ()
    status = said.get("MessageStatus", said.get("SmsStatus", "received" if "Body" in said else ""))
    if status == "received":
        # With Advanced Opt-Out Twilio reads the word itself, in any language; HELP is a normal reply.
        word = said.get("OptOutType", "")
        text = word if word in ("STOP", "START") else said.get("Body", "")
        sender = api.number(said.get("From"))
        return (Answer(event_id=sid, sender=sender, text=text, at=callback.at),)
    return _receipt(sid, status, said, callback.at)


def _receipt(sid: str, status: str, said: dict[str, str], at: datetime) -> Parsed:
    kind = _KINDS.get(status)
    if kind is None:
        return ()
    code = said.get("ErrorCode", "")
    code = code if code.isascii() and code.isdigit() else ""
    return (
        Receipt(
            kind="stopped" if kind == "failed" and code in api.OPTED_OUT else kind,
            event_id=f"{sid}:{status}",
            provider_id=sid,
            idempotency_key=said["key"],
            at=at,
            code=code,
            about=api.about_of(code) if kind == "failed" else "recipient",
            recipient=said.get("To", "") if kind == "delivered" else "",
        ),
    )


def reply(callback: Callback, settings: Settings, secrets: Secrets) -> CallbackReply:
    """Answer without instructions: nothing is sent back to the person."""
    return CallbackReply(content_type="text/xml", body=b"<Response/>")


def lint(settings: Settings, secrets: Secrets) -> tuple[Finding, ...]:
    """Find errors and leaks in the settings, without connecting."""
    findings = api.lint(settings, secrets)
    if bool(settings.sender) == bool(settings.messaging_service):
        what = "exactly one of sender and messaging_service must be set"
        findings.append(Finding("error", what, 'sender: "+15005550006"'))
    if settings.rcs and not settings.messaging_service:
        what = "rcs needs a messaging_service: with a sender Twilio sends a text message only"
        findings.append(Finding("error", what, "messaging_service: MG…"))
    return tuple(findings)


self_test = self_test_to(send, "own_number", "own_number")
