"""Atlassian's client of the alert interface against the stand-in of Jira Service Management, and its requests beside ours.

Jira Service Management Operations kept the interface of Opsgenie, under another address. ``opsgenie_sdk`` is made by
Atlassian from its own description of it. incident.io's part is its published OpenAPI description of one call.
"""

from __future__ import annotations

import jsonschema
import opsgenie_sdk
import pytest
from opsgenie_sdk.exceptions import RetryableException

from integrations import alert_source, jsm
from integrations.port import Accepted
from integrations.testing.conformance import outbound
from runner.effects.gateway.translation import Held
from tests.servers.stand_ins.on_call import KEY, TOKEN, IncidentIo, Operations

MESSAGE = outbound("on-call")
SECRETS = {"key": Held(KEY), "token": Held(TOKEN)}


def client(server: Operations, key: str = KEY) -> opsgenie_sdk.AlertApi:
    conf = opsgenie_sdk.configuration.Configuration()
    conf.host, conf.api_key["Authorization"] = server.url, key
    return opsgenie_sdk.AlertApi(opsgenie_sdk.api_client.ApiClient(configuration=conf))


def settings(server: Operations) -> jsm.Settings:
    return jsm.Settings(api=server.url)


def test_our_alert_is_the_one_that_atlassians_client_would_have_sent():
    with Operations() as server:
        sent = jsm.send(MESSAGE, settings(server), SECRETS)
        [ours] = server.heard
        told = client(server).create_alert(opsgenie_sdk.CreateAlertPayload(**ours.json))
        theirs = server.heard[-1]
    assert (ours.method, ours.path, ours.json) == (theirs.method, theirs.path, theirs.json)
    assert ours.headers["authorization"] == theirs.headers["authorization"]
    assert isinstance(sent, Accepted)
    assert (len(told.request_id), server.woken) == (len(sent.provider_id), 1)


def test_our_close_is_the_one_that_atlassians_client_would_have_sent():
    with Operations() as server:
        jsm.send(MESSAGE, settings(server), SECRETS)
        assert isinstance(jsm.recall(MESSAGE, "", settings(server), SECRETS), Accepted)
        ours = server.heard[-1]
        payload = opsgenie_sdk.CloseAlertPayload(**ours.json)
        client(server).close_alert(
            MESSAGE.idempotency_key, identifier_type="alias", close_alert_payload=payload
        )
        theirs = server.heard[-1]
    assert (ours.method, ours.path, ours.query, ours.json) == (
        theirs.method,
        theirs.path,
        theirs.query,
        theirs.json,
    )
    assert server.alerts == {}


@pytest.mark.parametrize("priority", ["P1", "P2", "P3", "P4", "P5"])
def test_the_priorities_are_those_of_atlassians_client(priority):
    opsgenie_sdk.CreateAlertPayload(message="x", priority=priority)


def test_atlassians_client_gets_errors_for_an_unknown_key_and_a_title_that_is_missing():
    with Operations() as server:
        with pytest.raises(RetryableException) as refused:
            client(server, "other").create_alert(opsgenie_sdk.CreateAlertPayload(message="x"))
        with pytest.raises(RetryableException) as empty:
            client(server).create_alert(opsgenie_sdk.CreateAlertPayload(message=""))
    assert (refused.value.status, empty.value.status) == (401, 422)


EVENT = {
    "type": "object",
    "required": ["title", "status"],
    "additionalProperties": False,
    "properties": {
        "title": {"type": "string"},
        "status": {"type": "string", "enum": ["firing", "resolved"]},
        "deduplication_key": {"type": "string"},
        "description": {"type": "string"},
        "source_url": {"type": "string"},
        "metadata": {"type": "object"},
    },
}
"""``AlertEventsCreateHTTPPayloadV2`` of the published description; its own form allows other fields."""


def test_our_events_fit_the_published_description_of_incident_io():
    with IncidentIo() as server:
        chosen = alert_source.Settings(url=f"{server.url}/v2/alert_events/http/01", shape="incident_io")
        alert_source.send(MESSAGE, chosen, SECRETS)
        alert_source.recall(MESSAGE, "", chosen, SECRETS)
        for heard in server.heard:
            jsonschema.validate(heard.json, EVENT)
    assert [heard.json["status"] for heard in server.heard] == ["firing", "resolved"]
