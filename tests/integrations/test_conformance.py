"""Every adapter of ours against every way that a line can break."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from integrations import (
    alert_source,
    jsm,
    matrix,
    mattermost,
    ntfy,
    pagerduty,
    slack,
    smtp,
    teams,
    threema,
    web_push,
    webhook,
)
from integrations.testing.conformance import Row, Subject, check, inviting, opening, outbound, rows
from runner.effects.gateway.translation import Held
from tests.servers.stand_ins.push_service import VAPID, Browser

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


SUBSCRIBED = Browser("").address.removeprefix("#")
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
    "jsm": _subject(
        jsm,
        lambda url: jsm.Settings(api=url),
        "marker-officer",
        b'{"result": "Request will be processed", "requestId": "43a29c5c-3dbf-4fa4-9c26-f4f7a06e1a22"}',
        key="marker-api-key",
    ),
    "incident.io": _subject(
        alert_source,
        lambda url: alert_source.Settings(url=f"{url}/x", shape="incident_io"),
        "marker-officer",
        b'{"status": "success", "deduplication_key": "' + _KEY + b'"}',
        token="marker-source-token",
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
            "MARKER01",
            b"0123456789abcdef",
            api_secret="markersecret",
            private_key="0b" * 32,
        ),
        attempt=lambda settings, secrets: threema.send(
            msgspec.structs.replace(outbound("MARKER01"), sealed=b"MARKER01" + bytes(80)), settings, secrets
        ),
    ),
    "web_push": Subject(
        adapter=web_push,
        transport="http",
        # Over a network a subscription is https alone: the unknown host as well.
        settings=lambda host, port, tls: web_push.Settings(
            contact=f"http{'s' if tls or host != '127.0.0.1' else ''}://{host}:{port}/marker",
            services=frozenset({host}),
        ),
        recipient="/marker",
        secrets={"vapid": Held(VAPID)},
        attempt=lambda settings, secrets: web_push.send(
            outbound(f"{settings.contact}#{SUBSCRIBED}"), settings, secrets
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


def recalling(name: str, named: str) -> Subject:
    """Return the attempt that recalls a message, for the rows of HTTP."""
    subject = SERVICES.get(name, ROOTLY)
    adapter: Any = subject.adapter

    def attempt(settings: Any, secrets: Any) -> Any:
        return adapter.recall(outbound(subject.recipient), named, settings, secrets)

    return msgspec.structs.replace(subject, attempt=attempt)


QUICK = [
    row for row in rows("http") if row.name not in {"no answer", "TLS never answered", "answer that drips"}
]
"""Without the rows that wait: they are about the transport, which sends and recalls alike."""
ROOTLY = _subject(
    alert_source,
    lambda url: alert_source.Settings(url=f"{url}/x", shape="rootly"),
    "marker-officer",
    b"",
    token="marker-source-token",
)
_AGAIN = b'{"id": "a1", "event": "message", "topic": "marker-topic", "sequence_id": "' + _KEY + b'"}'
RECALLING = {
    "slack": recalling("slack", "1764000000.000100"),
    "pagerduty": recalling("pagerduty", ""),
    "jsm": recalling("jsm", ""),
    "incident.io": recalling("incident.io", ""),
    "rootly": recalling("rootly", ""),
    "ntfy": msgspec.structs.replace(recalling("ntfy", _KEY.decode()), success=_AGAIN),
}
"""Adapters that stop a page or change a message, by name."""


@pytest.mark.parametrize("row", QUICK, ids=str)
def test_a_source_of_rootly_reports_each_event_with_the_correct_outcome(row: Row):
    assert check(row, ROOTLY) == ""


@pytest.mark.parametrize("name", RECALLING)
@pytest.mark.parametrize("row", QUICK, ids=str)
def test_each_recall_event_gives_an_allowed_outcome(row: Row, name: str):
    assert check(row, RECALLING[name]) == ""
