"""Every adapter of ours against every way that a line can break."""

from __future__ import annotations

import base64

import pytest

from integrations import smtp, webhook
from integrations.testing.conformance import Row, Subject, check, rows
from runner.effects.gateway import Held

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
def test_webhook_tells_each_event_for_what_it_is(row: Row):
    assert check(row, WEBHOOK) == ""


@pytest.mark.parametrize("row", rows("smtp"), ids=str)
def test_smtp_tells_each_event_for_what_it_is(row: Row):
    assert check(row, SMTP) == ""
