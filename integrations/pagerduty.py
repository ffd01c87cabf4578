"""PagerDuty, by its Events API v2: one alert for each message to the person on call.

The idempotency key is the ``dedup_key``: while the alert is open, the same key is the same alert. PagerDuty sends it by
push, telephone and SMS with the summary, which is therefore only the subject; the text is in the details.
A V3 webhook, signed over the raw bytes, reports an acknowledgement.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta
from typing import Literal

import msgspec

from integrations.http import json_object
from integrations.http.service import (
    answered,
    findings,
    held,
    identifier,
    member,
    send_json,
    web_capabilities,
)
from integrations.port import (
    Accepted,
    Answer,
    Callback,
    Capabilities,
    Finding,
    Outbound,
    Outcome,
    Parsed,
    Rejected,
    Secrets,
    Unauthentic,
    Unknown,
    handle_problem,
    plain_body,
)

LONGEST = 20_000
"""Characters of text; PagerDuty accepts events of up to 512 KB."""
SUMMARY = 1_024
OPEN = timedelta(hours=1)
"""Minimum time that an alert is open: a resolved alert loses its key."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One service's integration. The secret ``routing_key`` is its integration key."""

    api: str = "https://events.pagerduty.com/v2"
    """``https://events.eu.pagerduty.com/v2`` for accounts in the EU."""
    severity: Literal["critical", "error", "warning", "info"] = "critical"
    source: str = "tocsin"
    acknowledged: bool = False
    """Whether acknowledgements are reported: a V3 webhook subscription whose secret is ``signing``."""
    ca_file: str = ""


def capabilities(settings: Settings) -> Capabilities:
    """It also pages by telephone and SMS, so a person who takes over a number can acknowledge: *seen*, never authority."""
    return web_capabilities(
        settings.api,
        "pagerduty",
        up_to="internal",
        personal_data="none",
        called_back=settings.acknowledged,
        ack="button" if settings.acknowledged else "none",
        ack_strength="seen" if settings.acknowledged else "none",
        sim_swappable=True,
        idempotency="dedup",
        key_lifetime=OPEN,
        max_length=LONGEST,
        rates=("2/s burst 10",),  # stated as 120 or 480 a minute for a key
        secrets=frozenset({"routing_key", "signing"} if settings.acknowledged else {"routing_key"}),
        optional_secrets=frozenset() if settings.acknowledged else frozenset({"signing"}),
    )


address_problem = handle_problem
"""The service decides who is paged; an address is only the name in the details."""


def send(outbound: Outbound, settings: Settings, secrets: Secrets) -> Outcome:
    """Trigger one alert; only ``success`` with the idempotency key means accepted."""
    if len(outbound.text) > LONGEST:
        return Rejected("too_long", f"the text has more than {LONGEST} characters")
    payload: dict[str, object] = {
        "summary": outbound.subject[:SUMMARY] or "(no subject)",
        "source": settings.source,
        "severity": settings.severity,
        "custom_details": {"to": outbound.recipient, "text": plain_body(outbound)},
    }
    return _post(outbound, settings, secrets, "enqueue", payload, "trigger")


def recall(outbound: Outbound, provider_id: str, settings: Settings, secrets: Secrets) -> Outcome:
    """Resolve the alert, so that nobody else is paged; a resolved alert remains resolved."""
    return _post(outbound, settings, secrets, "enqueue", {}, "resolve")


def _post(
    outbound: Outbound,
    settings: Settings,
    secrets: Secrets,
    path: str,
    payload: dict[str, object],
    action: str = "",
) -> Outcome:
    key = held(secrets, "routing_key")
    if isinstance(key, Rejected):
        return key
    content: dict[str, object] = {"routing_key": key, "payload": payload}
    if action:
        content |= {"event_action": action, "dedup_key": outbound.idempotency_key}
    reply = send_json(outbound, f"{settings.api.rstrip('/')}/{path}", content, ca_file=settings.ca_file)
    return answered(reply, outbound, lambda said: _read(said, outbound.idempotency_key if action else ""))


def _read(said: dict[str, object], key: str) -> Outcome:
    if said.get("status") == "success" and (not key or said.get("dedup_key") == key):
        return Accepted(key)
    return Unknown("the response of PagerDuty does not confirm this key", "answer")


def parse_callback(callback: Callback, settings: Settings, secrets: Secrets) -> Parsed:
    """Check a V3 webhook's signature over the raw bytes; a person's act on the alert is an answer."""
    key = held(secrets, "signing")
    if isinstance(key, Rejected):
        return Unauthentic(reason="no usable key")
    wanted = signature(key, callback.body).encode()
    given = callback.headers.get("x-pagerduty-signature", "").encode("utf-8", "replace").split(b",")
    # During a change of secrets there are several signatures; each is compared in constant time.
    matches = [hmac.compare_digest(wanted, claimed.strip()) for claimed in given]
    if not any(matches):
        return Unauthentic(reason="the signature is not valid")
    event = member(json_object(callback.body), "event")
    name, sender = identifier(member(event, "id")), identifier(member(event, "agent", "id"))
    sought = identifier(member(event, "data", "incident_key"))
    by_person = member(event, "agent", "type") == "user_reference"
    if member(event, "event_type") not in _SEEN or not by_person or not name or not sender or not sought:
        return ()
    return (Answer(event_id=name, sender=sender, text="seen", idempotency_key=sought),)


_SEEN = ("incident.acknowledged", "incident.resolved")


def signature(key: str, body: bytes) -> str:
    """Return ``v1=`` and the hexadecimal HMAC-SHA-256 over the body."""
    return "v1=" + hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def lint(settings: Settings, secrets: Secrets) -> tuple[Finding, ...]:
    """Find errors and leaks in the settings, without connecting."""
    found = list(findings(settings.api, secrets, *sorted(capabilities(settings).secrets)))
    if "routing_key" in secrets and len(secrets["routing_key"].reveal().strip()) != 32:
        what = "the routing_key does not have 32 characters, so it is not an integration key"
        found.append(Finding("error", what, "Service → Integrations → Events API V2"))
    return tuple(found)


def self_test(outbound: Outbound, settings: Settings, secrets: Secrets) -> Outcome:
    """Record a change event with the same key: the service shows it and pages nobody."""
    payload: dict[str, object] = {
        "summary": outbound.subject[:SUMMARY] or "Tocsin self-test",
        "source": settings.source,
    }
    return _post(outbound, settings, secrets, "change/enqueue", payload)
