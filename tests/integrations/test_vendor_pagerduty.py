"""PagerDuty's own client against the simulated server, and its requests beside ours.

A stand-in and an adapter by the same author can agree and both be wrong; the package ``pagerduty`` is by PagerDuty.
"""

from __future__ import annotations

import inspect
from urllib.parse import urlsplit

import msgspec
import pytest
from pagerduty import EventsApiV2Client, HttpError

from integrations import pagerduty
from integrations.port import Accepted
from integrations.testing.conformance import AT, outbound
from runner.effects.gateway.translation import Held
from tests.servers.stand_ins.pagerduty import ROUTING_KEY, SIGNING, PagerDuty

SECRETS = {"routing_key": Held(ROUTING_KEY), "signing": Held(SIGNING)}
MESSAGE = outbound("on-call")


def client(server: PagerDuty, key: str = ROUTING_KEY) -> EventsApiV2Client:
    host, port = urlsplit(server.url).hostname, urlsplit(server.url).port

    def lead(request) -> None:
        """Lead to the stand-in what would go to PagerDuty: the client takes no address that is not https."""
        request.url = request.url.copy_with(scheme="http", host=host, port=port)

    made = EventsApiV2Client(key, trust_env=False, event_hooks={"request": [lead]})
    made.sleep_timer = 0
    return made


def settings(server: PagerDuty, **more) -> pagerduty.Settings:
    return pagerduty.Settings(api=f"{server.url}/v2", **more)


def test_the_adapter_goes_where_the_client_goes():
    there = EventsApiV2Client(ROUTING_KEY)
    assert pagerduty.Settings().api == f"{there.default_base_url}/v2"


def test_pagerdutys_client_opens_an_alert_once_acknowledges_and_resolves_it():
    with PagerDuty() as server, client(server) as there:
        first = there.trigger("Breach", "tocsin", dedup_key="K1", custom_details={"to": "on-call"})
        again = there.trigger("Breach", "tocsin", dedup_key="K1")
        assert (first, again, server.woken, list(server.alerts)) == ("K1", "K1", 1, ["K1"])
        assert there.acknowledge("K1") == "K1"
        assert list(server.alerts) == ["K1"]
        assert there.resolve("K1") == "K1"
        assert server.alerts == {}
        there.trigger("Breach", "tocsin", dedup_key="K1")
    assert server.woken == 2


def test_pagerdutys_client_is_given_a_key_where_it_names_none():
    with PagerDuty() as server, client(server) as there:
        first, second = there.trigger("Breach", "tocsin"), there.trigger("Breach", "tocsin")
    assert first != second
    assert list(server.alerts) == [first, second]


def test_pagerdutys_client_records_a_change_without_paging():
    with PagerDuty() as server, client(server) as there:
        there.submit("Tocsin self-test", source="tocsin", timestamp=AT.isoformat())
    assert (server.woken, [change["summary"] for change in server.changes]) == (0, ["Tocsin self-test"])


@pytest.mark.parametrize(
    "payload",
    [
        {"summary": "", "source": "tocsin", "severity": "critical"},
        {"summary": "x" * 1025, "source": "tocsin", "severity": "critical"},
        {"summary": "Breach", "source": "tocsin", "severity": "high"},
        {"summary": "Breach", "severity": "critical"},
    ],
)
def test_pagerdutys_client_gets_an_error_for_an_invalid_event(payload):
    with PagerDuty() as server, client(server) as there, pytest.raises(HttpError) as refused:
        there.send_event("trigger", payload=payload)
    assert refused.value.response.status_code == 400
    assert refused.value.response.json()["status"] == "invalid event"
    assert server.alerts == {}


def test_pagerdutys_client_gets_an_error_for_an_unknown_key():
    with PagerDuty() as server, client(server, "0" * 32) as there, pytest.raises(HttpError) as refused:
        there.trigger("Breach", "tocsin")
    assert refused.value.response.status_code == 400


def test_pagerdutys_client_waits_for_too_many_requests_and_comes_again():
    with PagerDuty("throttle") as server, client(server) as there:
        assert there.trigger("Breach", "tocsin", dedup_key="K1") == "K1"
        assert ([heard.path for heard in server.heard], server.woken) == (["/v2/enqueue"] * 2, 1)


def test_our_alert_is_the_one_that_pagerdutys_client_would_have_sent():
    with PagerDuty() as server, client(server) as there:
        assert isinstance(pagerduty.send(MESSAGE, settings(server), SECRETS), Accepted)
        [ours] = server.heard
        payload = ours.json["payload"]
        assert isinstance(payload, dict)
        there.trigger(dedup_key=MESSAGE.idempotency_key, **payload)
        theirs = server.heard[-1]
    assert set(payload) <= set(inspect.signature(EventsApiV2Client.trigger).parameters)
    assert (ours.method, ours.path, ours.json) == (theirs.method, theirs.path, theirs.json)
    assert server.woken == 1


def test_our_self_test_is_the_change_that_pagerdutys_client_would_have_sent():
    with PagerDuty() as server, client(server) as there:
        assert isinstance(pagerduty.self_test(MESSAGE, settings(server), SECRETS), Accepted)
        [ours] = server.heard
        there.send_change_event(ours.json["payload"])
        theirs = server.heard[-1]
    assert (ours.method, ours.path, ours.json) == (theirs.method, theirs.path, theirs.json)


@pytest.mark.parametrize("subject", ["", "x" * 2000])
def test_a_subject_of_any_length_becomes_a_summary_that_is_taken(subject):
    message = msgspec.structs.replace(MESSAGE, subject=subject)
    with PagerDuty() as server:
        assert isinstance(pagerduty.send(message, settings(server), SECRETS), Accepted)
    assert server.woken == 1


def test_an_acknowledgement_by_pagerdutys_client_arrives_as_a_webhook():
    with PagerDuty() as server, client(server) as there:
        pagerduty.send(MESSAGE, settings(server), SECRETS)
        there.acknowledge(MESSAGE.idempotency_key)
        callback = server.acts(MESSAGE.idempotency_key, "incident.acknowledged", AT)
        found = pagerduty.parse_callback(callback, settings(server, acknowledged=True), SECRETS)
    assert isinstance(found, tuple)
    assert [heard.idempotency_key for heard in found] == [MESSAGE.idempotency_key]
