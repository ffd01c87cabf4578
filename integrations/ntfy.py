"""ntfy: a push to all subscribers of a topic, on ntfy.sh or on an own server.

A push passes through the telephone makers' services and is shown on locked screens, so its ceiling is low. ntfy
gives an id and has no idempotency key. From version 2.16 a message with the same ``sequence_id`` replaces the first on the
phones; an older server says nothing of it and would publish a second one. A message above the server's limit would become an attachment, so it is refused.
Its 429 has no retry time: it is *throttled* without one.
"""

from __future__ import annotations

import re

import msgspec

from integrations.http import Reply, json_object, judge
from integrations.http.service import findings, held, host_of, identifier, send_json, web_capabilities
from integrations.port import (
    PHONES,
    Accepted,
    Capabilities,
    Finding,
    Outbound,
    Outcome,
    Rejected,
    Secrets,
    Throttled,
    Unknown,
    machine_of,
    named,
    plain_body,
    self_test_to,
    unwritable,
)

LARGEST = 4_096
"""Bytes of a message, by the default of servers."""
LONGEST = 1_200
"""Characters of text: with marking and footer below 4,096 bytes in any usual script."""
PUBLIC = "ntfy.sh"
SILENT = 1
"""The priority without sound or vibration."""

_TOPIC = re.compile(r"[-_A-Za-z0-9]{1,64}", re.ASCII)


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A server. The secret ``token`` is an access token that may write to the topics."""

    url: str = "https://ntfy.sh"
    priority: int = 5
    """1 to 5: the highest overrides *do not disturb* if the reader allows it."""
    test_to: str = ""
    """The topic of a self-test."""
    ca_file: str = ""


def capabilities(settings: Settings) -> Capabilities:
    """On the public server a person who guesses a topic reads it; locked screens show pushes."""
    return web_capabilities(
        settings.url,
        up_to="public" if host_of(settings.url) == PUBLIC else "internal",
        personal_data="none",
        max_length=LONGEST,
        rates=("12/min burst 60",),  # the default of a server (visitor-request-limit-…)
        # An own server wakes Android itself, and iPhones through ntfy.sh.
        push=PHONES if host_of(settings.url) == PUBLIC else {"apns", *machine_of(PUBLIC)},
        secrets=frozenset({"token"}),
    )


def address_problem(address: str) -> str:
    """An address is a topic; on a public server it should be hard to guess."""
    return "" if _TOPIC.fullmatch(address) else "a topic is 1 to 64 letters, digits, hyphens and underscores"


def send(outbound: Outbound, settings: Settings, secrets: Secrets) -> Outcome:
    """Publish one message; only an id means accepted. A server that repeats the key can replace the message later."""
    return _publish(outbound, settings, secrets, settings.priority)


def recall(outbound: Outbound, provider_id: str, settings: Settings, secrets: Secrets) -> Outcome:
    """Replace the message silently on a server that can; otherwise nothing is published."""
    if barred := unwritable(outbound, provider_id):
        return barred
    if provider_id != outbound.idempotency_key:
        return Rejected("old_server", "this ntfy server is older than 2.16 and cannot replace a message")
    outcome = _publish(outbound, settings, secrets, SILENT)
    if isinstance(outcome, Accepted) and outcome.provider_id != provider_id:
        return Rejected("second", "the server published a second message in place of a replacement")
    return outcome


def _publish(outbound: Outbound, settings: Settings, secrets: Secrets, priority: int) -> Outcome:
    text = plain_body(outbound)
    if len(outbound.text) > LONGEST or len(text.encode("utf-8", "replace")) > LARGEST:
        return Rejected("too_long", f"the text has more than {LONGEST} characters or {LARGEST} bytes")
    content: dict[str, object] = {
        "topic": outbound.recipient,
        "title": outbound.subject,
        "message": text,
        "priority": priority,
        "sequence_id": outbound.idempotency_key,
    }
    reply = send_json(outbound, settings.url, content, token=held(secrets, "token"), ca_file=settings.ca_file)
    if not isinstance(reply, Reply):
        return reply
    said = json_object(reply.body)
    return _coded(judge(reply, outbound.at), reply.status, said.get("code")) or _read(
        said, outbound.recipient, outbound.idempotency_key
    )


def _coded(
    judged: Rejected | Throttled | Unknown | None, status: int, code: object
) -> Rejected | Throttled | Unknown | None:
    """Use ntfy's own five-digit code instead of the status, and return the subject of a refused topic."""
    if not isinstance(code, int) or code // 100 != status:
        return judged
    match judged:
        case Rejected() if code in {40301, 40009}:
            return Rejected(str(code), "ntfy does not allow writing to this topic", about="recipient")
        case Rejected() | Throttled():
            return msgspec.structs.replace(judged, code=str(code))
        case _:
            return judged


def _read(said: dict[str, object], topic: str, key: str) -> Outcome:
    """Return the outcome; the name is the key if the server repeats it, which an old one does not."""
    ours = said.get("event") == "message" and said.get("topic") == topic
    name = identifier(said.get("id")) if ours else ""
    if name and said.get("sequence_id") == key:
        return Accepted(key)
    return named(name, "the response of ntfy names no message of this topic")


def lint(settings: Settings, secrets: Secrets) -> tuple[Finding, ...]:
    """Find errors and leaks in the settings, without connecting."""
    found = list(findings(settings.url, secrets, "token"))
    if not 1 <= settings.priority <= 5:
        found.append(Finding("error", "priority is not between 1 and 5"))
    if settings.test_to and (problem := address_problem(settings.test_to)):
        found.append(Finding("error", f"test_to: {problem}"))
    return tuple(found)


self_test = self_test_to(send, "test_to")
