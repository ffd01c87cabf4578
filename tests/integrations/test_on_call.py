"""Jira Service Management Operations, and the alert sources of incident.io and Rootly: one key is one alert."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from integrations import alert_source, jsm
from integrations.port import Accepted, Rejected, Unknown
from integrations.testing.chaos import ChaosServer, closed_port
from integrations.testing.conformance import MARK, answer, outbound
from runner.effects.gateway.gateway import Gateway
from runner.effects.gateway.translation import Held
from runner.errors import Invalid
from runner.routing.messaging import ChannelConfig
from tests.servers.stand_ins.on_call import KEY, TOKEN, AlertSource, IncidentIo, Operations, Rootly

MESSAGE = outbound("on-call")
SECRETS = {"key": Held(KEY), "token": Held(TOKEN)}
SOURCES: list[tuple[type[AlertSource], Any]] = [(IncidentIo, "incident_io"), (Rootly, "rootly")]
OWN = {"title": "summary", "key": "alert_id", "state": "kind", "firing": "trigger", "resolved": "clear"}


def team(server: Operations, **more) -> jsm.Settings:
    return jsm.Settings(api=server.url, **more)


def source(server, shape) -> alert_source.Settings:
    return alert_source.Settings(url=f"{server.url}/in", shape=shape)


def with_(**more):
    return msgspec.structs.replace(MESSAGE, **more)


# --- Jira Service Management Operations ------------------------------------------------------------------------


def test_the_same_alias_is_one_alert_and_closing_it_ends_it():
    with Operations() as server:
        for _ in range(2):
            assert isinstance(jsm.send(MESSAGE, team(server), SECRETS), Accepted)
        assert (server.woken, list(server.alerts)) == (1, [MESSAGE.idempotency_key])
        for _ in range(2):
            assert isinstance(jsm.recall(with_(text=""), "", team(server), SECRETS), Accepted)
        assert server.alerts == {}


def test_the_title_that_is_paged_is_the_subject_alone():
    with Operations() as server:
        jsm.send(MESSAGE, team(server, priority="P2"), SECRETS)
        [alert] = server.alerts.values()
    assert (alert["message"], alert["priority"], alert["source"]) == (MESSAGE.subject, "P2", "tocsin")
    assert MESSAGE.text in alert["description"]
    assert alert["details"] == {"to": "on-call"}


@pytest.mark.parametrize("subject", ["", "x" * 2000])
def test_a_subject_of_any_length_becomes_a_title_that_is_taken(subject):
    with Operations() as server:
        assert isinstance(jsm.send(with_(subject=subject), team(server), SECRETS), Accepted)
    assert server.woken == 1


def test_a_text_above_the_limit_is_refused_and_not_cut():
    gone = jsm.Settings(api=f"http://127.0.0.1:{closed_port()}")
    assert jsm.send(with_(text="x" * 14_001), gone, SECRETS).code == "too_long"
    with Operations() as server:
        longest = with_(text="x" * jsm.capabilities(gone).max_length, marking="INTERNAL", footer="y" * 300)
        assert isinstance(jsm.send(longest, team(server), SECRETS), Accepted)


def test_a_key_that_atlassian_does_not_take_is_about_the_account():
    with Operations() as server:
        outcome = jsm.send(MESSAGE, team(server), {"key": Held("other")})
    assert (outcome.code, outcome.about) == ("401", "account")


def test_the_self_test_of_a_team_wakes_nobody_and_leaves_no_alert():
    with Operations() as server:
        assert isinstance(jsm.self_test(MESSAGE, team(server), SECRETS), Accepted)
        assert (server.woken, server.alerts, len(server.heard)) == (0, {}, 2)


def test_an_address_of_opsgenie_is_named():
    old = jsm.Settings(api="https://api.opsgenie.com")
    assert [one.severity for one in jsm.lint(old, SECRETS)] == ["warning"]
    assert jsm.lint(jsm.Settings(), SECRETS) == ()


# --- Alert sources ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("service", "shape"), SOURCES)
def test_the_same_key_is_one_alert_and_resolving_it_ends_it(service, shape):
    with service() as server:
        for _ in range(2):
            sent = alert_source.send(MESSAGE, source(server, shape), SECRETS)
            assert sent == Accepted(MESSAGE.idempotency_key)
        assert (server.made, list(server.alerts)) == (1, [MESSAGE.idempotency_key])
        [alert] = server.alerts.values()
        assert (alert["title"], alert["metadata"]) == (MESSAGE.subject, {"to": "on-call"})
        assert MESSAGE.text in alert["description"]
        assert isinstance(alert_source.recall(with_(text=""), "", source(server, shape), SECRETS), Accepted)
        assert server.alerts == {}


@pytest.mark.parametrize(("service", "shape"), SOURCES)
def test_the_self_test_of_a_source_leaves_no_alert(service, shape):
    with service() as server:
        assert isinstance(alert_source.self_test(MESSAGE, source(server, shape), SECRETS), Accepted)
        assert (server.made, server.alerts) == (1, {})


@pytest.mark.parametrize(("service", "shape"), SOURCES)
def test_a_token_that_a_source_does_not_take_is_about_the_account(service, shape):
    with service() as server:
        outcome = alert_source.send(MESSAGE, source(server, shape), {"token": Held("other")})
    assert (outcome.code, outcome.about) == ("401", "account")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"ok",
        b'{"status": "success"}',
        b'{"status": "success", "deduplication_key": "' + MARK.encode() + b'"}',
    ],
)
def test_only_the_key_itself_is_a_yes_of_incident_io(body):
    def script(talk) -> None:
        talk.hear_request()
        talk.say(answer("202 Accepted", body=body))

    with ChaosServer(script) as server:
        settings = alert_source.Settings(url=f"http://127.0.0.1:{server.port}/", shape="incident_io")
        outcome = alert_source.send(MESSAGE, settings, SECRETS)
    assert isinstance(outcome, Unknown)
    assert MARK not in repr(outcome)


def test_another_service_is_a_matter_of_field_names():
    settings = {"url": "https://alerts.example/in", "shape": OWN}
    channel = Gateway().channel("source", ChannelConfig(adapter="alert_source", settings=settings))
    # Only the person who sets it up knows what the service does with a second alert.
    assert (channel.idempotency, channel.recalls) == ("none", True)

    class Own(AlertSource):
        key, state, resolved = "alert_id", "kind", "clear"

    with Own() as server:
        shape = alert_source.Shape(**OWN)
        assert isinstance(alert_source.send(MESSAGE, source(server, shape), SECRETS), Accepted)
        [alert] = server.alerts.values()
        assert (alert["summary"], alert["kind"]) == (MESSAGE.subject, "trigger")
        alert_source.recall(MESSAGE, "", source(server, shape), SECRETS)
        assert server.alerts == {}


@pytest.mark.parametrize("shape", ["opsgenie", {"titel": "x"}])
def test_an_unknown_service_is_not_valid(shape):
    settings = {"url": "https://alerts.example/in", "shape": shape}
    with pytest.raises(Invalid):
        Gateway().channel("source", ChannelConfig(adapter="alert_source", settings=settings))


def test_a_token_in_the_url_is_an_error():
    url = "https://api.incident.io/v2/alert_events/http/01HS95NT29H58ZJCXV7BNK690X"

    def found(url: str):
        return [
            one.severity for one in alert_source.lint(alert_source.Settings(url=url, shape="rootly"), SECRETS)
        ]

    assert found(url) == []
    assert found(f"{url}?token=x") == found("https://webhooks.rootly.com/in?secret=x") == ["error"]


def test_a_text_above_the_limit_of_a_source_is_refused():
    gone = alert_source.Settings(url=f"http://127.0.0.1:{closed_port()}/", shape="rootly")
    outcome = alert_source.send(with_(text="x" * 20_001), gone, SECRETS)
    assert isinstance(outcome, Rejected)
    assert outcome.code == "too_long"


@pytest.mark.parametrize(
    "able",
    [
        jsm.capabilities(jsm.Settings()),
        *(
            alert_source.capabilities(alert_source.Settings(url="https://x.example/", shape=shape))
            for _, shape in SOURCES
        ),
    ],
)
def test_who_is_paged_by_telephone_carries_no_authority_and_no_personal_data(able):
    assert (able.confidentiality, able.personal_data, able.sim_swappable) == ("internal", "none", True)
    assert (able.ack, able.idempotency, able.key_lifetime) == ("none", "dedup", timedelta(hours=1))
