"""PagerDuty: one alert for each key, a neutral summary, and acknowledgements that hold only with their signature."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from integrations import pagerduty
from integrations.port import Accepted, Answer, Rejected, Throttled, Unauthentic, Unknown
from integrations.testing.chaos import ChaosServer
from integrations.testing.conformance import MARK, answer, outbound
from runner.effects.gateway.translation import Held
from tests.servers.stand_ins.pagerduty import ROUTING_KEY, SIGNING, PagerDuty, signed

AT = datetime(2026, 11, 24, 14, 2, tzinfo=UTC)
SECRETS = {"routing_key": Held(ROUTING_KEY), "signing": Held(SIGNING)}
MESSAGE = outbound("Duty officer")
KEY = MESSAGE.idempotency_key


def settings(server, **more) -> pagerduty.Settings:
    return pagerduty.Settings(api=getattr(server, "url", server), **more)


def test_an_alert_has_a_neutral_summary_and_the_text_in_its_details():
    with PagerDuty() as server:
        assert pagerduty.send(MESSAGE, settings(server, severity="error"), SECRETS) == Accepted(KEY)
        (heard,) = server.heard
        (alert,) = server.alerts.values()
    assert heard.path == "/enqueue"
    assert (heard.json["event_action"], heard.json["dedup_key"]) == ("trigger", KEY)
    assert (alert["summary"], alert["severity"], alert["source"]) == (MESSAGE.subject, "error", "tocsin")
    assert alert["custom_details"]["to"] == "Duty officer"
    assert MESSAGE.text in alert["custom_details"]["text"]
    assert "authorization" not in heard.headers


def test_a_repeated_key_pages_nobody_while_the_alert_is_open():
    again = msgspec.structs.replace(MESSAGE, attempt=2, at=AT + timedelta(minutes=1))
    with PagerDuty("lose_answer") as server:
        assert isinstance(pagerduty.send(MESSAGE, settings(server), SECRETS), Unknown)
        assert pagerduty.send(again, settings(server), SECRETS) == Accepted(KEY)
        assert (server.woken, len(server.heard)) == (1, 2)


def test_a_resolved_alert_forgets_its_key_so_the_key_is_promised_for_an_hour_only():
    with PagerDuty() as server:
        pagerduty.send(MESSAGE, settings(server), SECRETS)
        server.acts(KEY, "incident.resolved", AT)
        pagerduty.send(MESSAGE, settings(server), SECRETS)
        assert server.woken == 2
    able = pagerduty.capabilities(pagerduty.Settings())
    assert (able.idempotency, able.key_lifetime) == ("dedup", timedelta(hours=1))


def test_too_many_events_are_throttled_without_a_time():
    with PagerDuty("throttle") as server:
        outcome = pagerduty.send(MESSAGE, settings(server), SECRETS)
        assert server.woken == 0
    assert outcome == Throttled(None, "the service answered 429: retry later", "429")


def test_a_wrong_integration_key_is_a_refusal_that_repeats_nothing():
    with PagerDuty() as server:
        outcome = pagerduty.send(MESSAGE, settings(server), {"routing_key": Held("f" * 32)})
    assert (outcome.code, isinstance(outcome, Rejected)) == ("400", True)
    assert MARK not in repr(outcome)
    assert "f" * 32 not in repr(outcome)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"status": "success"},
        {"status": "success", "dedup_key": "another"},
        {"status": "ok", "dedup_key": KEY},
        [],
    ],
)
def test_only_success_with_our_key_is_a_yes(body):
    def script(talk) -> None:
        talk.hear_request()
        talk.say(answer("202 Accepted", body=json.dumps(body).encode()))

    with ChaosServer(script) as server:
        outcome = pagerduty.send(MESSAGE, settings(f"http://127.0.0.1:{server.port}"), SECRETS)
    assert isinstance(outcome, Unknown)


@pytest.mark.parametrize("what", ["incident.acknowledged", "incident.resolved"])
def test_an_action_of_a_person_on_the_alert_is_an_answer(what):
    with PagerDuty() as server:
        pagerduty.send(MESSAGE, settings(server), SECRETS)
        parsed = pagerduty.parse_callback(server.acts(KEY, what, AT), settings(server), SECRETS)
    assert isinstance(parsed, tuple)
    (found,) = parsed
    assert isinstance(found, Answer)
    assert (found.sender, found.text, found.idempotency_key) == ("PLH1HKV", "seen", KEY)
    assert found.event_id.startswith("01EVENT")


def test_events_by_machines_and_other_events_are_ignored():
    with PagerDuty() as server:
        by_machine = server.acts(KEY, "incident.acknowledged", AT, agent="service_reference")
        other = server.acts(KEY, "incident.triggered", AT)
        for one in (by_machine, other):
            assert pagerduty.parse_callback(one, settings(server), SECRETS) == ()


@pytest.mark.parametrize(
    "body", [b"", b"\xff", b"[]", b'{"event": 7}', b'{"event": {"event_type": ["incident"]}}']
)
def test_signed_callbacks_without_a_valid_body_are_ignored(body):
    assert pagerduty.parse_callback(signed(body, AT), pagerduty.Settings(), SECRETS) == ()


def test_an_acknowledgement_is_believed_only_with_its_signature():
    body = json.dumps({"event": {}}).encode()
    chosen = pagerduty.Settings(acknowledged=True)
    good = signed(body, AT)
    forged = [
        signed(body, AT, "other"),
        msgspec.structs.replace(good, body=body + b" "),
        msgspec.structs.replace(good, headers={}),
        msgspec.structs.replace(good, headers={"x-pagerduty-signature": "v1=é,v1=,\udcff"}),
    ]
    assert all(isinstance(pagerduty.parse_callback(one, chosen, SECRETS), Unauthentic) for one in forged)
    assert isinstance(pagerduty.parse_callback(good, chosen, {}), Unauthentic)
    assert pagerduty.parse_callback(good, chosen, SECRETS) == ()
    assert pagerduty.parse_callback(signed(body, AT, "next", SIGNING), chosen, SECRETS) == ()


def test_phone_escalation_limits_the_promised_capabilities():
    plain, asking = (pagerduty.capabilities(pagerduty.Settings(acknowledged=one)) for one in (False, True))
    assert plain.domains == {"pagerduty", "host:events.pagerduty.com:443"}
    assert (plain.confidentiality, plain.personal_data, plain.sim_swappable) == ("internal", "none", True)
    assert (plain.ack, asking.ack, asking.ack_strength) == ("none", "button", "seen")
    assert asking.secrets == {"routing_key", "signing"}


def test_the_lint_finds_settings_that_would_fail():
    def found(chosen=pagerduty.Settings(), **secrets):  # noqa: B008  # frozen
        return [
            one.what for one in pagerduty.lint(chosen, {name: Held(text) for name, text in secrets.items()})
        ]

    assert found(routing_key=ROUTING_KEY) == []
    assert found(routing_key="u+abc") == [
        "the routing_key does not have 32 characters, so it is not an integration key"
    ]
    assert found(pagerduty.Settings(acknowledged=True), routing_key=ROUTING_KEY) == [
        "the secret signing is missing"
    ]
    assert found() == ["the secret routing_key is missing"]


def test_too_long_a_text_is_refused():
    outcome = pagerduty.send(
        msgspec.structs.replace(MESSAGE, text="x" * 20_001), pagerduty.Settings(), SECRETS
    )
    assert outcome.code == "too_long"


def test_without_an_integration_key_nothing_is_sent():
    outcome = pagerduty.send(MESSAGE, pagerduty.Settings(), {})
    assert (outcome.code, outcome.about) == ("secret", "account")


def test_the_self_test_pages_nobody():
    with PagerDuty() as server:
        assert pagerduty.self_test(MESSAGE, settings(server), SECRETS) == Accepted("")
        assert (server.woken, len(server.changes), server.heard[0].path) == (0, 1, "/change/enqueue")


def test_handles_are_names_and_asking_is_repeating():
    assert pagerduty.address_problem("Duty officer") == ""
    assert pagerduty.address_problem("") != ""
    assert pagerduty.address_problem("a\nb") != ""
