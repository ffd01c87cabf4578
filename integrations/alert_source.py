"""Alert sources of on-call services, by webhook: one alert for each message, with a deduplication key.

incident.io and Rootly take alerts from any program by one POST. incident.io has a fixed form and repeats the key in its
answer. Rootly reads the fields that its source maps; any complete 2xx is its yes. Other services fit with ``shape``.
The same key is the same alert, and the same key as *resolved* ends it, if the source is set up that way.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal

import msgspec

from integrations.http.service import answered, findings, held, send_json, web_capabilities
from integrations.port import (
    Accepted,
    Capabilities,
    Finding,
    Outbound,
    Outcome,
    Rejected,
    Secrets,
    Unknown,
    handle_problem,
    plain_body,
)

LONGEST = 20_000
"""Characters of text; incident.io accepts 512 KB."""
TITLE = 255
OPEN = timedelta(hours=1)
"""Minimum time that an alert is open: the key of a resolved alert can make a new one."""


class Shape(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The names of the fields, and the two states."""

    title: str = "title"
    text: str = "description"
    key: str = "deduplication_key"
    state: str = "status"
    firing: str = "firing"
    resolved: str = "resolved"
    deduplicates: bool = False
    """Whether a second alert with the same key has no second effect."""
    confirms: bool = False
    """Whether the answer repeats the key: then no other answer is a yes."""


SHAPES = {
    "incident_io": Shape(deduplicates=True, confirms=True),
    "rootly": Shape(key="external_id", state="state", firing="open", deduplicates=True),
}


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One alert source. The secret ``token`` is its bearer token."""

    url: str
    """The address that the service shows, without the token."""
    shape: Literal["incident_io", "rootly"] | Shape
    """A known service, or the field names of another one."""
    ca_file: str = ""


def _shape(settings: Settings) -> Shape:
    return SHAPES[settings.shape] if isinstance(settings.shape, str) else settings.shape


def capabilities(settings: Settings) -> Capabilities:
    """It also pages by telephone and SMS; its acknowledgements are not read."""
    shape = _shape(settings)
    return web_capabilities(
        settings.url,
        *([settings.shape.replace("_", ".")] if isinstance(settings.shape, str) else []),
        up_to="internal",
        personal_data="none",
        sim_swappable=True,
        idempotency="dedup" if shape.deduplicates else "none",
        key_lifetime=OPEN if shape.deduplicates else None,
        max_length=LONGEST,
        rates=("1/s burst 10",),  # neither service states a limit of its alert sources
        secrets=frozenset({"token"}),
    )


address_problem = handle_problem
"""The service's routes decide who is paged; an address is only a name in the alert."""


def send(outbound: Outbound, settings: Settings, secrets: Secrets) -> Outcome:
    """Send the alert."""
    if len(outbound.text) > LONGEST:
        return Rejected("too_long", f"the text has more than {LONGEST} characters")
    text = {_shape(settings).text: plain_body(outbound), "metadata": {"to": outbound.recipient}}
    return _post(outbound, settings, secrets, _shape(settings).firing, text)


def recall(outbound: Outbound, provider_id: str, settings: Settings, secrets: Secrets) -> Outcome:
    """Report the alert as resolved, by its key."""
    return _post(outbound, settings, secrets, _shape(settings).resolved, {})


def _post(
    outbound: Outbound, settings: Settings, secrets: Secrets, state: str, more: Mapping[str, object]
) -> Outcome:
    shape, key = _shape(settings), outbound.idempotency_key
    title = outbound.subject[:TITLE] or "Tocsin"
    content = {shape.title: title, shape.key: key, shape.state: state, **more}
    token = held(secrets, "token")
    reply = send_json(outbound, settings.url, content, token=token, ca_file=settings.ca_file)

    def read(said: dict[str, object]) -> Outcome:
        if not shape.confirms or (said.get("status") == "success" and said.get(shape.key) == key):
            return Accepted(key)
        return Unknown("the response does not confirm this key", "answer")

    return answered(reply, outbound, read)


def lint(settings: Settings, secrets: Secrets) -> tuple[Finding, ...]:
    """Find errors and leaks in the settings, without connecting: above all a token in the URL."""
    found = list(findings(settings.url, secrets, "token"))
    if any(f"{name}=" in settings.url.lower() for name in ("token", "secret")):
        what = "the URL contains its token: every reader of the settings can send alerts"
        found.append(Finding("error", what, "Remove it from the URL and put it into the secret token."))
    return tuple(found)


def self_test(outbound: Outbound, settings: Settings, secrets: Secrets) -> Outcome:
    """Send an alert, and resolve it at once: the service may page in between."""
    outcome = send(outbound, settings, secrets)
    recall(outbound, "", settings, secrets)
    return outcome
