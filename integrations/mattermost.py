"""Mattermost and compatible incoming webhooks, such as Rocket.Chat: one hook, a channel or a person.

The hook's key is its password and part of the path; the setting has the URL before it, the secret ``key`` the
rest. Mattermost says yes with the two letters ``ok``, Rocket.Chat with ``success``; any other 2xx is *unknown*.
There is no idempotency key, and a hook cannot be queried.
"""

from __future__ import annotations

import re

import msgspec

from integrations.http import Reply, json_object, judge
from integrations.http.service import Refusals, findings, refusal, send_json, usable, web_capabilities
from integrations.port import (
    PHONES,
    Accepted,
    Capabilities,
    Finding,
    Outbound,
    Outcome,
    Rejected,
    Secrets,
    Unknown,
    machine_of,
    plain_body,
)

_ADDRESS = re.compile(r"[@#]?[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)
_KEY = re.compile(r"[A-Za-z0-9]{8,64}(/[A-Za-z0-9]{8,128})?", re.ASCII)

_HOOK = "web.incoming_webhook."
_REFUSALS: Refusals = {
    "recipient": ("channel user channel_locked permissions", "the hook cannot post to this address"),
    "account": ("invalid disabled", "the server does not accept this hook"),
}


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One incoming webhook. The secret ``key`` is the part after ``/hooks/`` of its URL."""

    url: str
    """``https://chat.example/hooks``, without the key."""
    max_length: int = 4_000
    """Characters of text that the server accepts in one post: Rocket.Chat 5,000 by default, Mattermost 16,383."""
    test_to: str = ""
    """Recipient of a test message; empty means the hook's own channel."""
    ca_file: str = ""


def capabilities(settings: Settings) -> Capabilities:
    """TLS to one server; all members of a channel read it, so contacts should be persons."""
    return web_capabilities(
        settings.url,
        max_length=settings.max_length,
        rates=("10/s burst 100",),  # the default of a Mattermost server that limits
        push=PHONES | machine_of("push-test.mattermost.com"),  # of the free app, for everybody
        secrets=frozenset({"key"}),
    )


def address_problem(address: str) -> str:
    """An address is a channel's name or ``@`` and a person's."""
    return "" if _ADDRESS.fullmatch(address) else "an address is channel-name or @person, in lower case"


def send(outbound: Outbound, settings: Settings, secrets: Secrets) -> Outcome:
    """Post one message to a channel or a person."""
    if len(outbound.text) > settings.max_length:
        return Rejected("too_long", f"the text has more than {settings.max_length} characters")
    try:
        url = f"{settings.url.rstrip('/')}/{_key(secrets)}"
    except ValueError as error:
        return Rejected("secret", str(error), about="account")
    content: dict[str, object] = {"text": f"{outbound.subject}\n\n{plain_body(outbound)}"}
    if outbound.recipient:
        content["channel"] = outbound.recipient
    reply = send_json(outbound, url, content, ca_file=settings.ca_file)
    if isinstance(reply, Reply):
        return _refused(reply) or judge(reply, outbound.at) or _taken(reply)
    return reply


def _key(secrets: Secrets) -> str:
    key = usable(secrets, "key")
    if not _KEY.fullmatch(key):
        raise ValueError(
            "the secret key is not what stands after /hooks/: letters and digits, at most one slash"
        )
    return key


def _refused(reply: Reply) -> Rejected | None:
    """Return the subject of Mattermost's own error, which is more exact than the status."""
    said = json_object(reply.body).get("id") if reply.status >= 400 and reply.complete else None
    if not isinstance(said, str) or not said.startswith(_HOOK):
        return None
    return refusal(said.removeprefix(_HOOK).partition(".")[0], _REFUSALS)


def _taken(reply: Reply) -> Outcome:
    if reply.body.strip() == b"ok" or json_object(reply.body).get("success") is True:
        return Accepted()
    if json_object(reply.body).get("success") is False:
        return Rejected("error", "the server refused the message")
    return Unknown("the response is not the success response of an incoming webhook", "answer")


def lint(settings: Settings, secrets: Secrets) -> tuple[Finding, ...]:
    """Find errors and leaks in the settings, without connecting: above all a key in the URL."""
    found = list(findings(settings.url, secrets))
    try:
        _key(secrets)
    except ValueError as error:
        found.append(Finding("error", str(error), "secrets: {key: env:NAME}"))
    if re.search(r"/hooks/.", settings.url):
        what = "the URL contains its key: every reader of the settings can post"
        found.append(
            Finding(
                severity="error",
                what=what,
                hint="End the URL with /hooks and put the rest into the secret key.",
            )
        )
    if settings.test_to and (problem := address_problem(settings.test_to)):
        found.append(Finding("error", f"test_to: {problem}"))
    return tuple(found)


def self_test(outbound: Outbound, settings: Settings, secrets: Secrets) -> Outcome:
    """Post to ``test_to``, or to the hook's own channel."""
    return send(msgspec.structs.replace(outbound, recipient=settings.test_to), settings, secrets)
