"""Every adapter of ours against every way that a line can break."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from integrations import matrix, mattermost, ntfy, pagerduty, slack, smtp, teams, threema, webhook
from integrations.testing.conformance import Row, Subject, check, inviting, opening, outbound, rows
from runner.effects.gateway.translation import Held

WEBHOOK = Subject(
    adapter=webhook,
    transport="http",
    settings=lambda host, port, tls: webhook.Settings(url=f"http{'s' if tls else ''}://{host}:{port}/in"),
    recipient="oncall-marker-handle",
    secrets={"signing": Held("whsec_" + base64.b64encode(b"k" * 32).decode())},
)
SMTP = Subject(
    adapter=smtp,
    transport="smtp",
    settings=lambda host, port, tls: smtp.Settings(
        host=host, port=port, sender="alerts@breach.example", tls="implicit" if tls else "none"
    ),
    recipient="marker-person@people.example",
)


@pytest.mark.parametrize("row", rows("http"), ids=str)
def test_webhook_reports_each_event_with_the_correct_outcome(row: Row):
    assert check(row, WEBHOOK) == ""


@pytest.mark.parametrize("row", rows("smtp"), ids=str)
def test_smtp_reports_each_event_with_the_correct_outcome(row: Row):
    assert check(row, SMTP) == ""


def _subject(
    adapter: Any, settings: Callable[[str], Any], recipient: str, yes: bytes, **secrets: str
) -> Subject:
    """Return a subject whose settings are made from the URL of the server that misbehaves."""
    return Subject(
        adapter=adapter,
        transport="http",
        settings=lambda host, port, tls: settings(f"http{'s' if tls else ''}://{host}:{port}"),
        recipient=recipient,
        success=yes,
        secrets={name: Held(text) for name, text in secrets.items()},
    )


_KEY = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_POSTED = b'{"ok": true, "channel": "C0MARKER1", "ts": "1764000000.000100"}'
_PUSHED = b'{"id": "a1", "event": "message", "topic": "marker-topic"}'
SERVICES = {
    "slack": _subject(
        slack, lambda url: slack.Settings(api=url), "C0MARKER1", _POSTED, token="xoxb-marker-token"
    ),
    "teams": _subject(
        teams,
        lambda url: teams.Settings(url=f"{url}/x?a=b"),
        "marker@corp.example",
        b"",
        signature="marker+signature",
    ),
    "mattermost": _subject(
        mattermost,
        lambda url: mattermost.Settings(url=f"{url}/hooks"),
        "@marker-person",
        b"ok",
        key="markerpassword",
    ),
    "pagerduty": _subject(
        pagerduty,
        lambda url: pagerduty.Settings(api=url),
        "marker-officer",
        b'{"status": "success", "dedup_key": "' + _KEY + b'"}',
        routing_key="markermarkermarkermarkermarker12",
    ),
    "ntfy": _subject(
        ntfy, lambda url: ntfy.Settings(url=url), "marker-topic", _PUSHED, token="tk_marker_token"
    ),
    "matrix": msgspec.structs.replace(
        _subject(
            matrix,
            lambda url: matrix.Settings(url=url, user="@us:breach.example"),
            "!marker:breach.example",
            b'{"event_id": "$abc-_1"}',
            token="syt_marker_token",
        ),
        attempt=lambda settings, secrets: matrix.put(
            outbound("!marker:breach.example"), settings, secrets["token"].reveal()
        ),
    ),
    "threema": msgspec.structs.replace(
        _subject(
            threema,
            lambda url: threema.Settings(identity="*MARKER1", api=url),
            f"3mid:MARKER01,{'0a' * 32}",
            b"0123456789abcdef",
            api_secret="markersecret",
            private_key="0b" * 32,
        ),
        attempt=lambda settings, secrets: threema.post(
            outbound(f"3mid:MARKER01,{'0a' * 32}"), settings, secrets
        ),
    ),
}
"""Adapters of HTTP services, by name. Whether a room is encrypted, and the key of a person, are asked for first: that has tests of their own."""


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize("row", rows("http"), ids=str)
def test_each_service_reports_each_event_with_the_correct_outcome(row: Row, name: str):
    assert check(row, SERVICES[name]) == ""


_MADE = {
    "matrix": b'{"room_id": "!made:breach.example"}',
    "slack": b'{"ok": true, "channel": {"id": "C0MADE1"}}',
}
HOSTING = {
    name: msgspec.structs.replace(SERVICES[name], attempt=opening(SERVICES[name].adapter), success=yes)
    for name, yes in _MADE.items()
} | {
    "slack, inviting": msgspec.structs.replace(
        SERVICES["slack"],
        attempt=inviting(slack, "C0MADE1", "U0MARKER1"),
        recipient="U0MARKER1",
        success=b'{"ok": true}',
    )
}
"""Adapters that open rooms, by name. Whom Matrix invites is asked for first: that has a test of its own."""


@pytest.mark.parametrize("name", HOSTING)
@pytest.mark.parametrize("row", rows("http"), ids=str)
def test_each_hosting_event_gives_an_allowed_outcome(row: Row, name: str):
    assert check(row, HOSTING[name]) == ""
