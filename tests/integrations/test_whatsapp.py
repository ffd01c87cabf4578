"""WhatsApp against a stand-in with its 24-hour window, its codes and its signed webhooks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from integrations import whatsapp
from integrations.port import (
    Accepted,
    Answer,
    Callback,
    Receipt,
    Rejected,
    Throttled,
    Unauthentic,
    Unknown,
)
from integrations.testing.conformance import AT, Row, Subject, check, outbound, rows
from runner.effects.gateway.translation import Held
from tests.servers.stand_ins.meta import APP_SECRET, NUMBER_ID, TOKEN, Meta, error, sign, user_id, webhook
from tests.servers.stand_ins.stand_in import Heard

TO = "+15005550010"
MESSAGE = outbound(TO)
SECRETS = {"token": Held(TOKEN), "app_secret": Held(APP_SECRET), "verify_token": Held("marker-verify")}
NAME = "wamid.HBgLMTUwMDU1NTAwMTAVAgARGBI5QUQ="


def settings(url: str = whatsapp.Settings(phone_number_id=NUMBER_ID).api, **more) -> whatsapp.Settings:
    given = {"template": "incident_notice", **more}
    return whatsapp.Settings(phone_number_id=NUMBER_ID, api=url, **given)


def parsed(one: Callback, secrets=SECRETS) -> tuple:
    found = whatsapp.parse_callback(one, settings(), secrets)
    assert isinstance(found, tuple)
    return found


@pytest.mark.parametrize("row", rows("http"), ids=str)
def test_each_event_gives_the_correct_outcome(row: Row):
    subject = Subject(
        adapter=whatsapp,
        transport="http",
        settings=lambda host, port, tls: settings(
            f"http{'s' if tls or host == 'nowhere.invalid' else ''}://{host}:{port}"
        ),
        recipient=TO,
        secrets=SECRETS,
        success=b'{"messages": [{"id": "%s"}]}' % NAME.encode(),
    )
    assert check(row, subject) == ""


def test_a_template_is_filled_on_one_line_and_carries_our_key():
    with Meta() as meta:
        outcome = whatsapp.send(MESSAGE, settings(meta.url), SECRETS)
        (heard,) = meta.heard
    assert isinstance(outcome, Accepted)
    assert outcome.provider_id in meta.messages
    assert heard.json == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": TO,
        "biz_opaque_callback_data": MESSAGE.idempotency_key,
        "type": "template",
        "template": {
            "name": "incident_notice",
            "language": {"code": "en_US"},
            "components": [
                {
                    "type": "body",
                    "parameters": [
                        {
                            "type": "text",
                            "text": "MARKER-TEXT-4711 marking MARKER-TEXT-4711 text . .. dots"
                            " -- MARKER-TEXT-4711 footer",
                        }
                    ],
                }
            ],
        },
    }
    assert TOKEN not in heard.path


def test_template_parameters_match_the_template_and_are_never_empty():
    with Meta() as meta:
        bare = msgspec.structs.replace(MESSAGE, footer="")
        whatsapp.send(bare, settings(meta.url, parameters=("subject", "footer")), SECRETS)
        whatsapp.send(bare, settings(meta.url, parameters=()), SECRETS)
        first, second = (heard.json["template"]["components"] for heard in meta.heard)
    assert [parameter["text"] for parameter in first[0]["parameters"]] == ["MARKER-TEXT-4711 subject", "-"]
    assert second == []


def test_free_text_reaches_only_people_who_wrote_first():
    with Meta(wrote=frozenset({TO})) as meta:
        at = settings(meta.url, template="")
        assert isinstance(whatsapp.send(MESSAGE, at, SECRETS), Accepted)
        assert whatsapp.send(outbound("+15005550011"), at, SECRETS) == Rejected(
            "131047", "the service refused the message with 131047"
        )
        text = meta.heard[0].json["text"]
    assert text["preview_url"] is False
    assert text["body"].startswith("MARKER-TEXT-4711 subject\n\nMARKER-TEXT-4711 marking\n")


@pytest.mark.parametrize(
    ("to", "more", "wanted"),
    [
        (
            "+15005550026",
            {},
            Rejected("131026", "the service refused the message with 131026", about="recipient"),
        ),
        (
            "+15005550056",
            {},
            Throttled(None, "the service refused the message with 131056: retry later", "131056"),
        ),
        (
            TO,
            {"template": "other"},
            Rejected("132001", "the service refused the message with 132001", about="account"),
        ),
    ],
)
def test_an_error_code_of_meta_names_the_subject_of_a_refusal(to, more, wanted):
    with Meta() as meta:
        assert whatsapp.send(outbound(to), settings(meta.url, **more), SECRETS) == wanted


def test_a_token_that_does_not_hold_is_about_the_account():
    with Meta() as meta:
        found = whatsapp.send(MESSAGE, settings(meta.url), {"token": Held("marker-other")})
    assert found == Rejected("190", "the service refused the message with 190", about="account")


def test_throttling_and_a_failure_are_the_transports():
    with Meta("throttle", "fail") as meta:
        found = whatsapp.send(MESSAGE, settings(meta.url), SECRETS)
        assert found == Throttled(timedelta(seconds=7), "the service answered 429: retry later", "429")
        assert isinstance(whatsapp.send(MESSAGE, settings(meta.url), SECRETS), Unknown)
        assert meta.messages == {}


def test_invalid_messages_are_refused_before_any_request():
    with Meta() as meta:
        at = settings(meta.url)
        changed = msgspec.structs.replace
        found = [
            whatsapp.send(outbound("Maria"), at, SECRETS),
            whatsapp.send(changed(MESSAGE, text="x" * 1025), at, SECRETS),
            whatsapp.send(changed(MESSAGE, text="x" * 4097), changed(at, template=""), SECRETS),
            whatsapp.send(MESSAGE, at, {}),
            whatsapp.send(MESSAGE, changed(at, phone_number_id="../1"), SECRETS),
            whatsapp.send(MESSAGE, changed(at, api="http://192.0.2.1"), SECRETS),
        ]
        assert meta.heard == []
    assert [one.code for one in found] == ["address", "length", "length", "settings", "settings", "settings"]


def test_a_lost_answer_is_settled_by_the_first_status_because_it_names_our_key():
    with Meta("lose_answer") as meta:
        assert isinstance(whatsapp.send(MESSAGE, settings(meta.url), SECRETS), Unknown)
        (name,) = meta.messages
        assert parsed(meta.status(name, "sent", AT)) == (
            Receipt(
                kind="accepted",
                event_id=f"{name}:accepted",
                provider_id=name,
                idempotency_key=MESSAGE.idempotency_key,
                at=AT,
            ),
        )


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        ("delivered", 0, "delivered"),
        ("read", 0, "read"),
        ("failed", 131026, "failed"),
    ],
)
def test_each_status_gives_the_evidence_it_proves(status, code, kind):
    with Meta() as meta:
        name = whatsapp.send(MESSAGE, settings(meta.url), SECRETS).provider_id
        (receipt,) = parsed(meta.status(name, status, AT, code))
    assert (receipt.kind, receipt.code) == (kind, str(code or ""))


def test_a_reply_names_the_answered_message():
    written = {
        "from": "15005550010",
        "id": "wamid.A",
        "timestamp": str(int(AT.timestamp())),
        "type": "text",
        "text": {"body": "OK"},
        "context": {"from": "15005550006", "id": NAME},
    }
    pressed = {
        "from": "15005550010",
        "id": "wamid.B",
        "timestamp": "x",
        "type": "button",
        "button": {"payload": "p", "text": "Seen"},
    }
    assert parsed(webhook({"messages": [written, pressed]}, AT)) == (
        Answer(event_id="wamid.A", sender=TO, text="OK", provider_id=NAME, at=AT),
        Answer(event_id="wamid.B", sender=TO, text="Seen"),
    )


def test_a_reply_without_a_number_comes_under_metas_own_name_or_the_number_that_goes_with_it():
    written = {"from_user_id": "US.1349", "id": "wamid.A", "type": "text", "text": {"body": "STOP"}}
    pressed = {
        "from_user_id": "US.1349",
        "id": "wamid.B",
        "type": "interactive",
        "interactive": {"type": "button_reply", "button_reply": {"id": "seen", "title": "Seen"}},
        "context": {"id": NAME},
    }
    assert parsed(webhook({"messages": [written, pressed]}, AT)) == (
        Answer(event_id="wamid.A", sender="US.1349", text="STOP"),
        Answer(event_id="wamid.B", sender="US.1349", text="Seen", provider_id=NAME),
    )
    contacts = [{"wa_id": TO[1:], "user_id": "US.1349"}]
    assert parsed(webhook({"contacts": contacts, "messages": [written]}, AT))[0].sender == TO


def test_metas_own_name_for_a_person_is_an_address():
    with Meta() as meta:
        assert isinstance(whatsapp.send(outbound("US.1349"), settings(meta.url), SECRETS), Accepted)
        (heard,) = meta.heard
    assert (heard.json["recipient"], "to" in heard.json) == ("US.1349", False)
    assert whatsapp.address_problem("us.1349") != ""


def test_odd_and_foreign_signed_callbacks_are_ignored():
    status = {"id": NAME, "status": "read"}
    odd = [
        webhook({"statuses": [status]}, AT, number="1"),
        webhook({"statuses": [{**status, "status": "deleted"}, {**status, "id": "x y"}, 7, None]}, AT),
        webhook({"statuses": {}, "messages": [{"id": NAME}, {"id": NAME, "from": "1"}]}, AT),
        sign(b"[]", AT),
        sign(b'{"entry": [{"changes": [7]}, 7]}', AT),
        sign(b"\xff", AT),
    ]
    assert all(parsed(one) == () for one in odd)


def test_a_callback_is_believed_only_with_its_signature():
    good = webhook({"statuses": [{"id": NAME, "status": "read"}]}, AT)
    assert len(parsed(good)) == 1
    changed = msgspec.structs.replace
    forged = [
        changed(good, body=good.body + b" "),
        changed(good, headers={}),
        changed(good, headers={"x-hub-signature-256": "sha256=é"}),
        webhook({"statuses": [{"id": NAME, "status": "read"}]}, AT, key="other"),
    ]
    for one in forged:
        assert isinstance(whatsapp.parse_callback(one, settings(), SECRETS), Unauthentic)
    assert isinstance(whatsapp.parse_callback(good, settings(), {}), Unauthentic)


def test_the_subscription_request_is_answered_only_with_the_verify_token():
    def asking(query: str) -> Callback:
        return Callback(method="GET", path=f"/callbacks?{query}", headers={}, body=b"", at=AT)

    good = asking("hub.mode=subscribe&hub.verify_token=marker-verify&hub.challenge=1158201444")
    assert parsed(good) == ()
    assert whatsapp.reply(good, settings(), SECRETS).body == b"1158201444"
    for query in (
        "hub.mode=subscribe&hub.verify_token=other&hub.challenge=1",
        "hub.mode=subscribe&hub.challenge=1",
        "hub.verify_token=marker-verify&hub.challenge=1",
        "hub.mode=subscribe&hub.verify_token=marker-verify&hub.challenge=<script>",
    ):
        assert isinstance(whatsapp.parse_callback(asking(query), settings(), SECRETS), Unauthentic)
        assert whatsapp.reply(asking(query), settings(), SECRETS).body == b""
    assert isinstance(whatsapp.parse_callback(good, settings(), {}), Unauthentic)
    assert whatsapp.reply(webhook({}, AT), settings(), SECRETS).body == b""


@pytest.mark.parametrize("said", [{}, [], {"messages": []}, {"messages": [{"id": "<x>"}]}, {"messages": "x"}])
def test_an_acceptance_without_a_name_is_unknown(said):
    class Says(Meta):
        def take(self, heard: Heard) -> tuple[int, object]:
            return 200, said

    with Says() as meta:
        assert isinstance(whatsapp.send(MESSAGE, settings(meta.url), SECRETS), Unknown)


def test_the_self_test_goes_to_our_own_telephone():
    with Meta() as meta:
        own = settings(meta.url, own_number="+15005550099")
        assert isinstance(whatsapp.self_test(MESSAGE, own, SECRETS), Accepted)
        assert [message["to"] for message in meta.messages.values()] == ["+15005550099"]
        assert isinstance(whatsapp.self_test(MESSAGE, settings(meta.url), SECRETS), Rejected)


def test_a_number_can_be_taken_over_and_meta_holds_one_end():
    able = whatsapp.capabilities(settings())
    assert able.sim_swappable
    assert not able.e2ee
    assert (able.confidentiality, able.ack_strength) == ("internal", "seen")
    assert able.domains == {"whatsapp", "meta"}
    assert able.rates == (), "Meta limits new people, and a rate counts messages"
    assert whatsapp.capabilities(settings(template="")).max_length == 3796
    assert whatsapp.address_problem(TO) == ""


def test_the_lint_finds_settings_that_would_fail():
    def found(one: whatsapp.Settings, secrets=SECRETS):
        return [finding.what for finding in whatsapp.lint(one, secrets)]

    assert found(settings()) == []
    assert found(settings(template="", own_number="1"), {}) == [
        "the secret token is missing",
        "without a template, only people who wrote within the last 24 hours can be reached",
        "without app_secret, receipts and answers cannot be verified",
        "own_number: a number has the international form: + and digits only, without spaces",
    ]
    assert found(msgspec.structs.replace(settings(), phone_number_id="x")) == [
        "phone_number_id is not digits only"
    ]


def test_a_template_with_named_parameters_is_filled_by_name():
    named = {"notice": "body", "about": "subject"}
    with Meta() as meta:
        whatsapp.send(MESSAGE, settings(meta.url, parameters=named), SECRETS)
        [heard] = meta.heard
    [component] = heard.json["template"]["components"]
    assert [one["parameter_name"] for one in component["parameters"]] == ["notice", "about"]
    assert component["parameters"][1]["text"] == MESSAGE.subject


def test_direct_send_needs_no_template_and_lets_a_message_expire():
    class Direct(Meta):
        """Takes text of the category utility at any time, where it is enabled."""

        def take(self, heard: Heard) -> tuple[int, object]:
            enabled = heard.json.get("category") == "utility" and heard.json["type"] == "text"
            return (200, {"messages": [{"id": NAME}]}) if enabled else (400, error(131047))

    soon = msgspec.structs.replace(MESSAGE, deadline=MESSAGE.at + timedelta(minutes=20))
    late = msgspec.structs.replace(MESSAGE, deadline=MESSAGE.at + timedelta(days=3))
    with Direct() as meta:
        at = settings(meta.url, direct=True, template="")
        for message in (MESSAGE, soon, late):
            assert whatsapp.send(message, at, SECRETS) == Accepted(NAME)
        whatsapp.send(MESSAGE, settings(meta.url, direct=True), SECRETS)
        said = [heard.json for heard in meta.heard]
    assert [one.get("ttl_seconds") for one in said] == [None, 1200, 43200, None]
    assert [one.get("direct_send_config") for one in said][2:] == [None, {"template_name": "incident_notice"}]
    assert whatsapp.send(msgspec.structs.replace(MESSAGE, text="x" * 1025), at, SECRETS).code == "length"
    assert whatsapp.capabilities(at).max_length == 724


@pytest.mark.parametrize(
    ("code", "direct", "about"),
    [
        (100, True, "account"),
        (100, False, "message"),
        (139200, True, "account"),
        (131062, False, "recipient"),
    ],
)
def test_a_refusal_of_direct_send_is_about_the_account(code, direct, about):
    class Refusing(Meta):
        def take(self, heard: Heard) -> tuple[int, object]:
            return 400, error(code)

    with Refusing() as meta:
        outcome = whatsapp.send(MESSAGE, settings(meta.url, direct=direct), SECRETS)
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.about) == (str(code), about)


def test_a_reply_has_the_number_and_metas_own_name_of_its_sender():
    with Meta() as meta:
        [both] = parsed(meta.writes(TO, "OK", AT))
    assert (both.sender, both.also, both.moved) == (TO, user_id(TO), False)
    hidden = {"id": NAME, "from_user_id": "US.ENT.11815799212886844830", "text": {"body": "OK"}}
    [one] = parsed(webhook({"messages": [hidden]}, AT))
    assert (one.sender, one.also) == ("US.ENT.11815799212886844830", "")
    assert whatsapp.address_problem(one.sender) == ""


@pytest.mark.parametrize("kind", ["user_changed_number", "user_changed_user_id"])
def test_a_changed_number_or_name_is_reported_and_is_no_answer(kind):
    with Meta() as meta:
        [one] = parsed(meta.moves(TO, kind, AT))
        assert parsed(meta.moves(TO, "other", AT)) == ()
    assert (one.sender, one.also, one.text, one.moved) == (TO, user_id(TO), "", True)


@pytest.mark.parametrize(
    ("version", "at", "wanted"),
    [
        ("v26.0", "2026-11-29", []),
        ("v23.0", "2026-11-29", []),
        ("v23.0", "2027-05-01", ["warning"]),
        ("v23.0", "2027-10-08", ["error"]),
        ("v21.0", "2026-11-29", ["warning"]),
        ("v19.0", "2027-01-21", ["error"]),
        ("v21.0/", "2027-06-01", ["error"]),
    ],
)
def test_a_version_that_meta_ends_is_named_before(version, at, wanted):
    chosen = settings(f"https://graph.facebook.com/{version}")
    now = datetime.fromisoformat(at).replace(tzinfo=UTC)
    assert [one.severity for one in whatsapp.lint_at(now, chosen, SECRETS)] == wanted
