"""Microsoft Teams, by a webhook of the Workflows app: an adaptive card into one chat or channel.

The webhook's URL ends in a signature that is its password. The setting has the URL without it, the secret
``signature`` the rest. A 202 says that the workflow was started, not that the card was posted; nothing can be
queried afterwards and there is no idempotency key. The card has plain text runs, so nothing in a message is markup.
"""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import quote, unquote

import msgspec

from integrations.http import Reply
from integrations.http.service import (
    answered,
    compact,
    findings,
    held,
    host_of,
    identifier,
    send_json,
    web_capabilities,
)
from integrations.port import (
    PHONES,
    Accepted,
    Capabilities,
    Finding,
    Outbound,
    Outcome,
    Rejected,
    Secrets,
    plain_body,
)

LONGEST = 5_000
"""Characters of text; the whole card has a limit in bytes."""
LARGEST = 20_000
"""Bytes of the posted card: the workflow wraps it, and refuses more than 28,672 after its positive answer."""

DEAD: tuple[tuple[Literal["error", "warning"], str, str], ...] = (
    (
        "error",
        "webhook.office.com",
        "the URL is of an Office 365 connector, and Microsoft ended them in May 2026",
    ),
    (
        "warning",
        "logic.azure.com",
        "the URL is of an old kind that Microsoft announced to end in November 2025",
    ),
)
"""Severity, domain and reason of addresses that no longer work, or may not."""
_PERSON = re.compile(r"[^@\s<>]+@[^@\s<>]+|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One workflow. The secret ``signature`` is the part after ``sig=`` of the URL that Teams shows."""

    url: str
    """The URL without ``&sig=…``."""
    tenant: str = "m365-tenant"
    """The failure domain of the workflow's tenant."""
    ca_file: str = ""


def capabilities(settings: Settings) -> Capabilities:
    """One provider over TLS, inside a tenant; neither receipts, keys nor questions."""
    domains = ("microsoft-365", settings.tenant)
    return web_capabilities(
        settings.url,
        *domains,
        max_length=LONGEST,
        rates=("4/s burst 4",),  # of a channel; known, not confirmed
        push=PHONES,
        secrets=frozenset({"signature"}),
    )


def address_problem(address: str) -> str:
    """The card's recipient; a sign-in name or an object id is mentioned, so that the person is notified."""
    if not address or len(address) > 200 or not address.isprintable() or set(address) & set("<>"):
        return "a name is 1 to 200 printable characters without angle brackets"
    return ""


def send(outbound: Outbound, settings: Settings, secrets: Secrets) -> Outcome:
    """Start the workflow with one card; a complete 2xx means that it was started."""
    signature = held(secrets, "signature")
    if isinstance(signature, Rejected):
        return signature
    content = _content(outbound)
    if len(outbound.text) > LONGEST or len(compact(content)) > LARGEST:
        return Rejected("too_long", f"the card has more than {LARGEST} bytes or {LONGEST} characters of text")
    joint = "&" if "?" in settings.url else "?"
    # The signature is accepted as shown, percent-encoded or not.
    url = f"{settings.url}{joint}sig={quote(unquote(signature), safe='')}"
    reply = send_json(outbound, url, content, ca_file=settings.ca_file)
    run = identifier(reply.headers.get("x-ms-workflow-run-id")) if isinstance(reply, Reply) else ""
    return answered(reply, outbound, lambda _: Accepted(run))


def _content(outbound: Outbound) -> dict[str, object]:
    teams: dict[str, object] = {"width": "full"}
    addressee = _line(f"To: {outbound.recipient}")
    if _PERSON.fullmatch(outbound.recipient):
        mention = f"<at>{outbound.recipient}</at>"
        known = {"id": outbound.recipient, "name": outbound.recipient}
        teams["entities"] = [{"type": "mention", "text": mention, "mentioned": known}]
        addressee = {"type": "TextBlock", "text": mention, "wrap": True}
    lines = (_line(line) for line in plain_body(outbound).splitlines())
    body = [_line(outbound.subject, weight="Bolder"), addressee, *lines]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": outbound.subject,
        "body": body,
        "msteams": teams,
    }
    kind = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": kind, "contentUrl": None, "content": card}]}


def _line(text: str, **style: str) -> dict[str, object]:
    """Return one line as a run of text: a text block would read it as Markdown. An empty line keeps its height."""
    run = {"type": "TextRun", "text": text or "\N{NO-BREAK SPACE}", **style}
    return {"type": "RichTextBlock", "spacing": "None", "inlines": [run]}


def lint(settings: Settings, secrets: Secrets) -> tuple[Finding, ...]:
    """Find errors and leaks in the settings, without connecting: above all a signature in the URL."""
    found = list(findings(settings.url, secrets, "signature"))
    if "sig=" in settings.url.lower():
        what = "the URL contains its signature: every reader of the settings can post"
        hint = "Remove &sig=… and put the text after sig= into the secret signature."
        found.append(Finding("error", what, hint))
    for severity, domain, what in DEAD:
        if f".{host_of(settings.url)}".endswith(f".{domain}"):
            found.append(Finding(severity, what, "Make a new workflow in Teams, and copy its URL."))
    if not settings.tenant:
        found.append(Finding("error", "tenant is empty: the workflow depends on its tenant"))
    return tuple(found)


def self_test(outbound: Outbound, settings: Settings, secrets: Secrets) -> Outcome:
    """Post to the same chat, without a recipient."""
    return send(msgspec.structs.replace(outbound, recipient="tocsin self-test"), settings, secrets)
