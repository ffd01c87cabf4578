"""Slack: what 200 means there, whom a message reaches, and which presses of the button are believed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from integrations import slack
from integrations.port import Accepted, Answer, CannotTell, Found, Rejected, Throttled, Unauthentic, Unknown
from integrations.testing.chaos import ChaosServer, closed_port
from integrations.testing.conformance import MARK, answer, outbound
from runner.effects.gateway.translation import Held
from tests.servers.stand_ins.slack import SIGNING, TEAM, TOKEN, Slack, signed

AT = datetime(2026, 11, 24, 14, 2, tzinfo=UTC)
SECRETS = {"token": Held(TOKEN), "signing": Held(SIGNING)}
MESSAGE = outbound("C0INCIDENT")


def settings(server, **more) -> slack.Settings:
    return slack.Settings(api=getattr(server, "url", server), **more)


def to(address: str, **more):
    return msgspec.structs.replace(MESSAGE, recipient=address, **more)


def presses(callback, chosen) -> list[Answer]:
    found = slack.parse_callback(callback, chosen, SECRETS)
    assert not isinstance(found, Unauthentic)
    return [heard for heard in found if isinstance(heard, Answer)]


def says(body: dict, status: str = "200 OK", *headers: str):
    def script(talk) -> None:
        talk.hear_request()
        talk.say(answer(status, *headers, body=json.dumps(body).encode()))

    return ChaosServer(script)


def test_a_message_is_posted_with_its_key_and_named_by_its_time():
    with Slack() as server:
        assert slack.send(MESSAGE, settings(server), SECRETS) == Accepted("1764000000.000000")
        (posted,) = server.messages
    assert posted["metadata"] == {
        "event_type": "tocsin_message",
        "event_payload": {"key": MESSAGE.idempotency_key},
    }
    assert posted["text"] == MESSAGE.subject
    whole = "".join(block["text"]["text"] for block in posted["blocks"])
    assert whole.startswith(f"{MESSAGE.subject}\n\n{MESSAGE.marking}\n\n")
    assert MESSAGE.text in whole
    assert whole.rstrip().endswith(MESSAGE.footer)
    assert (posted["unfurl_links"], posted["unfurl_media"]) == (False, False)


def test_a_persons_id_reaches_their_conversation():
    with Slack() as server:
        assert slack.send(to("U0MARIA"), settings(server), SECRETS) == Accepted("1764000000.000000")


def test_mentions_and_links_in_a_text_are_escaped():
    with Slack() as server:
        slack.send(to("C0INCIDENT", text="<!channel> a & b <https://x|y>"), settings(server), SECRETS)
        shown = server.messages[0]["blocks"][0]["text"]["text"]
    assert "&lt;!channel&gt; a &amp; b &lt;https://x|y&gt;" in shown
    assert "<" not in shown


def test_a_long_text_is_laid_into_sections_that_slack_takes_and_loses_nothing():
    text = "\n".join(["& " * 400, "short", "", "x" * 3000, "end"])
    with Slack() as server:
        assert isinstance(slack.send(to("C0INCIDENT", text=text), settings(server), SECRETS), Accepted)
        pieces = [block["text"]["text"] for block in server.messages[0]["blocks"]]
    assert all(0 < len(piece) <= 3000 for piece in pieces)
    assert text in "".join(pieces).replace("&amp;", "&")


def test_too_long_a_text_is_refused_and_not_cut():
    with Slack() as server:
        outcome = slack.send(to("C0INCIDENT", text="x" * 8001), settings(server), SECRETS)
        assert server.heard == []
    assert (outcome.code, outcome.about) == ("too_long", "message")


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("C0UNKNOWN", Rejected("channel_not_found", "Slack cannot reach this address", about="recipient")),
        ("C0ARCHIVED", Rejected("is_archived", "Slack cannot reach this address", about="recipient")),
        ("C0BROKEN", Unknown("the response of Slack does not state the outcome", "answer")),
        ("C0BUSY", Throttled(None, "Slack asks to retry later", "ratelimited")),
    ],
)
def test_a_refusal_with_status_200_is_read_from_its_error(address, wanted):
    with Slack() as server:
        assert slack.send(to(address), settings(server), SECRETS) == wanted
        assert server.messages == []


def test_a_token_that_slack_does_not_take_is_about_the_account():
    with Slack() as server:
        outcome = slack.send(MESSAGE, settings(server), {"token": Held("xoxb-other")})
    assert (outcome.code, outcome.about) == ("invalid_auth", "account")


def test_429_is_obeyed_to_the_second_and_nothing_was_posted():
    with Slack("throttle") as server:
        assert slack.send(MESSAGE, settings(server), SECRETS) == Throttled(
            timedelta(seconds=30), "the service answered 429: retry later", "429"
        )
        assert server.messages == []


def test_a_later_with_status_200_is_obeyed_as_well():
    with says({"ok": False, "error": "ratelimited"}, "200 OK", "Retry-After: 12") as server:
        outcome = slack.send(MESSAGE, settings(f"http://127.0.0.1:{server.port}"), SECRETS)
    assert outcome == Throttled(timedelta(seconds=12), "Slack asks to retry later", "ratelimited")


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ({"ok": True}, Unknown),
        ({"ok": True, "channel": "C1", "ts": "now"}, Unknown),
        ({"ok": True, "channel": "C1", "ts": f"1.2 {MARK}"}, Unknown),
        ({"ok": 1, "channel": "C1", "ts": "1.2"}, Unknown),
        ({"ok": False}, Unknown),
        ({"ok": False, "error": ["a"]}, Unknown),
        ({"ok": "true"}, Unknown),
        ({}, Unknown),
        ({"ok": False, "error": MARK}, Rejected),
        ({"ok": False, "error": "msg_too_long"}, Rejected),
    ],
)
def test_a_strange_answer_is_never_a_yes_and_never_repeated(body, wanted):
    with says(body) as server:
        outcome = slack.send(MESSAGE, settings(f"http://127.0.0.1:{server.port}"), SECRETS)
    assert isinstance(outcome, wanted)
    assert MARK not in repr(outcome)


@pytest.mark.parametrize("token", [None, "", "two words", "naïve", "line\nbreak"])
def test_an_unusable_token_is_said_before_anything_is_sent(token):
    given = {} if token is None else {"token": Held(token)}
    outcome = slack.send(MESSAGE, settings(f"http://127.0.0.1:{closed_port()}"), given)
    assert (outcome.code, outcome.about) == ("secret", "account")
    assert "token" in outcome.reason
    assert [one.severity for one in slack.lint(slack.Settings(), given)][:1] == ["error"]


def test_a_lost_answer_is_found_in_the_history_by_its_key():
    with Slack("lose_answer") as server:
        assert isinstance(slack.send(MESSAGE, settings(server), SECRETS), Unknown)
        found = slack.reconcile(MESSAGE, settings(server), SECRETS)
        assert found == Found("1764000000.000000")


def test_a_message_missing_from_the_history_stays_undetermined():
    other = to("C0INCIDENT", idempotency_key="Z" * 32)
    with Slack() as server:
        slack.send(other, settings(server), SECRETS)
        assert isinstance(slack.reconcile(MESSAGE, settings(server), SECRETS), CannotTell)
        assert isinstance(slack.reconcile(to("C0UNKNOWN"), settings(server), SECRETS), CannotTell)
        assert isinstance(slack.reconcile(MESSAGE, settings(server), {}), CannotTell)
    assert isinstance(slack.reconcile(to("U0MARIA"), settings(server), SECRETS), CannotTell)
    assert isinstance(slack.reconcile(MESSAGE, settings(server), SECRETS), CannotTell)


def test_a_button_press_names_the_person_and_the_message():
    with Slack() as server:
        chosen = settings(server, button="I have seen this", team=TEAM)
        slack.send(MESSAGE, chosen, SECRETS)
        (first,) = presses(server.press(0, "U0MARIA", AT), chosen)
        (second,) = presses(server.press(0, "U0MARIA", AT), chosen)
        (other,) = presses(server.press(0, "U0NOAH", AT), chosen)
    assert (first.sender, first.text, first.idempotency_key) == ("U0MARIA", "seen", MESSAGE.idempotency_key)
    assert first.event_id == second.event_id
    assert other.event_id != first.event_id


def test_a_press_is_believed_only_with_its_signature_and_in_its_window():
    with Slack() as server:
        chosen = settings(server, button="Seen")
        slack.send(MESSAGE, chosen, SECRETS)
        good = server.press(0, "U0MARIA", AT)
        forged = [
            server.press(0, "U0MARIA", AT, key="other"),
            msgspec.structs.replace(good, body=good.body + b"&x=1"),
            msgspec.structs.replace(good, at=AT + timedelta(minutes=6)),
            msgspec.structs.replace(good, at=AT - timedelta(minutes=6)),
            *(
                msgspec.structs.replace(good, headers={**good.headers, **changed})
                for changed in (
                    {"x-slack-request-timestamp": str(int(AT.timestamp()) + 1)},
                    {"x-slack-request-timestamp": "soon"},
                    {"x-slack-request-timestamp": "9" * 400},
                    {"x-slack-signature": ""},
                    {"x-slack-signature": "v0=é"},
                    {"x-slack-signature": "v0=\udcff"},
                )
            ),
            msgspec.structs.replace(good, headers={}),
        ]
        assert all(isinstance(slack.parse_callback(one, chosen, SECRETS), Unauthentic) for one in forged)
        assert isinstance(slack.parse_callback(good, chosen, {}), Unauthentic)
        late = msgspec.structs.replace(good, at=AT + timedelta(minutes=5))
        assert len(slack.parse_callback(late, chosen, SECRETS)) == 1


def test_the_signature_is_that_of_slacks_published_example():
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554"
        b"%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    found = slack.signature("8f742231b10e8888abcd99yyyzzz85a5", 1531420618, body)
    assert found == "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"payload=",
        b"payload=[]",
        b"payload={}",
        b"&".join([b"a=1"] * 50),
        b'payload={"type":"block_actions","user":{"id":"U1"},"actions":{}}',
        b'payload={"type":"block_actions","user":"U1","actions":[]}',
        b'payload={"type":"block_actions","user":{"id":"U1 x"},"actions":[]}',
        b'payload={"type":"block_actions","user":{"id":"U1"},"actions":[7,{"action_id":"other","value":"K"}]}',
        b'payload={"type":"block_actions","user":{"id":"U1"},"actions":[{"action_id":"tocsin_seen","value":"a b"}]}',
        b'payload={"type":"view_submission","user":{"id":"U1"},"actions":[{"action_id":"tocsin_seen","value":"K"}]}',
    ],
)
def test_signed_callbacks_without_a_press_of_our_button_are_ignored(body):
    assert slack.parse_callback(signed(body, AT), slack.Settings(), SECRETS) == ()


def test_a_press_in_another_workspace_says_nothing_where_ours_is_named():
    with Slack() as server:
        chosen = settings(server, button="Seen", team=TEAM)
        slack.send(MESSAGE, chosen, SECRETS)
        assert slack.parse_callback(server.press(0, "U0MARIA", AT, team="T0OTHER"), chosen, SECRETS) == ()


def test_capabilities_promise_little():
    plain, asking = slack.capabilities(slack.Settings()), slack.capabilities(slack.Settings(button="Seen"))
    assert plain.domains == {"slack", "host:slack.com:443"}
    assert (plain.confidentiality, plain.personal_data, plain.idempotency) == (
        "confidential",
        "contact",
        "none",
    )
    assert (plain.ack, set(plain.secrets), set(plain.receipts)) == ("none", {"token"}, {"accepted"})
    assert (asking.ack, asking.ack_strength, set(asking.secrets)) == ("button", "seen", {"token", "signing"})
    assert slack.capabilities(slack.Settings(api="http://proxy.example/api")).confidentiality == "public"


@pytest.mark.parametrize(
    ("address", "holds"),
    [("C0AB", True), ("U0AB", True), ("#general", False), ("maria", False), ("X0AB", False)],
)
def test_an_address_is_an_id(address, holds):
    assert (slack.address_problem(address) == "") is holds


def test_the_lint_finds_settings_that_would_fail():
    def found(chosen: slack.Settings, **secrets):
        return [one.what for one in slack.lint(chosen, {name: Held(text) for name, text in secrets.items()})]

    assert found(slack.Settings(), token=TOKEN) == []
    assert found(slack.Settings(button="Seen"), token=TOKEN) == ["the secret signing is missing"]
    assert found(slack.Settings(), token="xoxp-1") == [
        "the token is not a bot token: it can act for a person"
    ]
    (address,) = found(slack.Settings(test_to="#x"), token=TOKEN)
    assert address.startswith("test_to: ")
    assert found(slack.Settings(api="ftp://x"), token=TOKEN) == ["the URL is neither http nor https"]


def test_the_self_test_goes_where_the_settings_say_or_nowhere():
    with Slack() as server:
        assert isinstance(slack.self_test(to("U0MARIA"), settings(server), SECRETS), Rejected)
        assert server.heard == []
        chosen = settings(server, test_to="C0INCIDENT")
        assert isinstance(slack.self_test(to("U0MARIA"), chosen, SECRETS), Accepted)
        assert server.messages[0]["channel"] == "C0INCIDENT"


@pytest.mark.parametrize(("address", "shared"), [("U0MARIA", False), ("C0INCIDENT", True)])
def test_a_press_in_a_channel_may_be_anybodys_and_one_in_a_conversation_of_two_is_not(address, shared):
    with Slack() as server:
        slack.send(to(address), settings(server, button="Seen"), SECRETS)
    [press] = presses(server.press(0, "U0SOMEBODY", AT), settings(server))
    assert press.shared is shared


@pytest.mark.parametrize("address", ["C0INCIDENT", "U0MARIA"])
def test_a_message_acknowledged_elsewhere_says_so_and_loses_its_button(address):
    with Slack() as server:
        pressed = settings(server, button="I have seen this")
        sent = slack.send(to(address), pressed, SECRETS)
        assert isinstance(sent, Accepted)
        said = to(address, subject="Acknowledged: x", text="Ada acknowledged this message.")
        for _ in range(2):
            assert slack.recall(said, sent.provider_id, pressed, SECRETS) == sent
        (message,) = server.messages
        assert MESSAGE.idempotency_key == message["metadata"]["event_payload"]["key"]
    assert message["text"] == "Acknowledged: x"
    assert {block["type"] for block in message["blocks"]} == {"section"}


def test_a_message_that_cannot_be_changed_is_a_refusal():
    with Slack() as server:
        sent = slack.send(MESSAGE, settings(server), SECRETS)
        assert isinstance(sent, Accepted)
        refusals = [
            slack.recall(to("C0INCIDENT", text=""), sent.provider_id, settings(server), SECRETS),
            slack.recall(MESSAGE, "", settings(server), SECRETS),
            slack.recall(MESSAGE, "1.000001", settings(server), SECRETS),
            slack.recall(to("U0NOBODY"), sent.provider_id, settings(server), SECRETS),
            slack.recall(MESSAGE, sent.provider_id, settings(server), {"token": Held("xoxb-other")}),
        ]
    assert [one.code for one in refusals] == [
        "blocked",
        "unnamed",
        "message_not_found",
        "user_not_found",
        "invalid_auth",
    ]
