"""Jira Service Management Operations, by its integration events: one alert for each message to the people on call.

The idempotency key is the alert's ``alias``: while the alert is open, the same alias is the same alert. Atlassian answers
before it has processed the event, so its yes is *accepted* and no more. The alert's title is only the subject: it is
sent by push, telephone and SMS. Opsgenie has the same interface and ends in April 2027.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal
from urllib.parse import quote

import msgspec

from integrations.http.service import answered, findings, held, identifier, send_json, web_capabilities
from integrations.port import (
    Capabilities,
    Finding,
    Outbound,
    Outcome,
    Rejected,
    Secrets,
    handle_problem,
    named,
    plain_body,
)

TITLE = 130
"""Characters of an alert's ``message``."""
LONGEST = 14_000
"""Characters of text: with marking and footer below the 15,000 of an alert's ``description``."""
OPEN = timedelta(hours=1)
"""Minimum time that an alert is open: a closed alert loses its alias."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One team's API integration. The secret ``key`` is its API key."""

    api: str = "https://api.atlassian.com/jsm/ops/integration"
    priority: Literal["P1", "P2", "P3", "P4", "P5"] = "P1"
    source: str = "tocsin"
    ca_file: str = ""


def capabilities(settings: Settings) -> Capabilities:
    """It also pages by telephone and SMS; its acknowledgements are not read."""
    return web_capabilities(
        settings.api,
        "atlassian",
        up_to="internal",
        personal_data="none",
        sim_swappable=True,
        idempotency="dedup",
        key_lifetime=OPEN,
        max_length=LONGEST,
        rates=("2/s burst 10",),  # Atlassian states none: the limit depends on the plan
        secrets=frozenset({"key"}),
    )


address_problem = handle_problem
"""The team's routing decides who is paged; an address is only the name in the details."""


def send(outbound: Outbound, settings: Settings, secrets: Secrets) -> Outcome:
    """Create one alert; only an answer with the id of the request means accepted."""
    if len(outbound.text) > LONGEST:
        return Rejected("too_long", f"the text has more than {LONGEST} characters")
    content = {
        "message": outbound.subject[:TITLE] or "(no subject)",
        "alias": outbound.idempotency_key,
        "description": plain_body(outbound),
        "priority": settings.priority,
        "details": {"to": outbound.recipient},
    }
    return _post(outbound, settings, secrets, "v2/alerts", content)


def recall(outbound: Outbound, provider_id: str, settings: Settings, secrets: Secrets) -> Outcome:
    """Close the alert, so that nobody else is paged; a closed alert remains closed."""
    path = f"v2/alerts/{quote(outbound.idempotency_key, safe='')}/close?identifierType=alias"
    return _post(outbound, settings, secrets, path, {})


def _post(
    outbound: Outbound, settings: Settings, secrets: Secrets, path: str, content: Mapping[str, object]
) -> Outcome:
    reply = send_json(
        outbound,
        f"{settings.api.rstrip('/')}/{path}",
        {**content, "source": settings.source},
        token=held(secrets, "key"),
        scheme="GenieKey",
        ca_file=settings.ca_file,
    )
    missing = "the response names no request"
    return answered(reply, outbound, lambda said: named(identifier(said.get("requestId")), missing))


def lint(settings: Settings, secrets: Secrets) -> tuple[Finding, ...]:
    """Find errors in the settings, without connecting."""
    found = list(findings(settings.api, secrets, "key"))
    if "opsgenie.com" in settings.api.lower():
        what = "api is an address of Opsgenie, which ends in April 2027"
        found.append(Finding("warning", what, "Move the team to Jira Service Management Operations."))
    return tuple(found)


def self_test(outbound: Outbound, settings: Settings, secrets: Secrets) -> Outcome:
    """Create an alert with the lowest priority, and close it at once."""
    outcome = send(outbound, msgspec.structs.replace(settings, priority="P5"), secrets)
    recall(outbound, "", settings, secrets)
    return outcome
