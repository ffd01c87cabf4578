"""Slack's own client, block models, verifier and framework against our messages and the simulated server.

A stand-in and an adapter by the same author can agree and both be wrong; ``slack_sdk`` and ``slack_bolt`` are by Slack.
"""

from __future__ import annotations

import inspect
from datetime import UTC, datetime

import msgspec
import pytest
from slack_bolt import App, BoltRequest
from slack_bolt.authorization import AuthorizeResult
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.models.blocks import Block
from slack_sdk.models.metadata import Metadata
from slack_sdk.signature import Clock, SignatureVerifier

from integrations import slack
from integrations.port import Accepted, Answer, Invitation, NewRoom
from integrations.slack import method
from integrations.testing.conformance import outbound
from runner.effects.gateway.translation import Held
from tests.servers.stand_ins.slack import APP, SIGNING, TEAM, TOKEN, Slack, signed

AT = datetime(2026, 11, 24, 14, 2, tzinfo=UTC)
SECRETS = {"token": Held(TOKEN), "signing": Held(SIGNING)}
MESSAGE = outbound("C0INCIDENT")
LONG = msgspec.structs.replace(MESSAGE, text="\n".join(["& " * 400, "short", "", "x" * 6900]))


class Stopped(Clock):
    """Slack's clock, at the instant of the tests."""

    def now(self) -> float:
        """Return it."""
        return AT.timestamp()


def client(server: Slack, token: str = TOKEN) -> WebClient:
    made = WebClient(token=token, base_url=f"{server.url}/", timeout=10)
    made.proxy = None  # The environment's proxy does not lead to the loopback.
    return made


def settings(server: Slack, **more) -> slack.Settings:
    return slack.Settings(api=server.url, **more)


def test_slacks_client_posts_to_the_simulated_server_and_reads_the_history():
    with Slack() as server:
        there = client(server)
        posted = there.chat_postMessage(
            channel="C0INCIDENT", text="Fire", metadata=Metadata("drill", {"key": "K1"}), unfurl_links=False
        )
        shown = there.conversations_history(channel="C0INCIDENT", limit=5, include_all_metadata=True)
        without = there.conversations_history(channel="C0INCIDENT", limit=5)
    assert posted["ok"] is True
    [found] = shown["messages"]
    assert (found["ts"], found["metadata"]["event_payload"]) == (posted["ts"], {"key": "K1"})
    assert "metadata" not in without["messages"][0]


@pytest.mark.parametrize("address", ["C0INCIDENT", "U0MARIA"])
def test_our_change_of_a_message_is_the_one_that_slacks_client_would_have_made(address):
    message = msgspec.structs.replace(MESSAGE, recipient=address)
    with Slack() as server:
        sent = slack.send(message, settings(server), SECRETS)
        assert isinstance(sent, Accepted)
        server.heard.clear()
        assert slack.recall(message, sent.provider_id, settings(server), SECRETS) == sent
        ours, there = server.heard[-1].json, client(server)
        if address.startswith("U"):
            assert there.conversations_open(users=[address])["channel"]["id"] == ours["channel"]
            assert server.heard[0].path == server.heard[-1].path == "/conversations.open"
        there.chat_update(**ours)
        theirs = server.heard[-1]
    assert set(ours) <= set(inspect.signature(WebClient.chat_update).parameters)
    assert (theirs.path, theirs.json) == ("/chat.update", ours)


def test_slacks_client_gets_an_error_for_an_unknown_message():
    with Slack() as server, pytest.raises(SlackApiError) as refused:
        client(server).chat_update(channel="C0INCIDENT", ts="1.000001", text="Over")
    assert refused.value.response["error"] == "message_not_found"


def test_slacks_client_creates_a_private_channel_invites_and_pages():
    with Slack() as server:
        server.page = 1
        there = client(server)
        first = there.conversations_create(name="breach-1", is_private=True)["channel"]
        there.conversations_create(name="breach-2", is_private=True)
        there.conversations_setTopic(channel=first["id"], topic="A breach")
        there.conversations_invite(channel=first["id"], users=["U0MARIA"])
        asked = there.users_conversations(types="private_channel", exclude_archived=True, limit=100)
        names = [channel["name"] for page in asked for channel in page["channels"]]
    assert names == ["breach-1", "breach-2"]
    [made, _] = server.channels
    assert (made["is_private"], made["topic"]["value"], made["members"]) == (
        True,
        "A breach",
        [APP, "U0MARIA"],
    )


@pytest.mark.parametrize(
    ("channel", "error"), [("C0UNKNOWN", "channel_not_found"), ("C0ARCHIVED", "is_archived")]
)
def test_slacks_client_reads_a_refusal_of_the_simulated_server(channel, error):
    with Slack() as server, pytest.raises(SlackApiError) as refused:
        client(server).chat_postMessage(channel=channel, text="Fire")
    assert refused.value.response["error"] == error


def test_slacks_client_gets_an_error_for_an_invalid_token():
    with Slack() as server, pytest.raises(SlackApiError) as refused:
        client(server, "xoxb-other").chat_postMessage(channel="C0INCIDENT", text="Fire")
    assert refused.value.response["error"] == "invalid_auth"


def test_slacks_client_reads_how_long_to_wait():
    with Slack("throttle") as server, pytest.raises(SlackApiError) as refused:
        client(server).chat_postMessage(channel="C0INCIDENT", text="Fire")
    assert refused.value.response.status_code == 429
    assert refused.value.response["error"] == "ratelimited"
    assert refused.value.response.headers["Retry-After"] == "30"


@pytest.mark.parametrize("message", [MESSAGE, LONG], ids=["short", "long"])
def test_our_posts_match_slacks_own_models_without_loss(message):
    with Slack() as server:
        assert isinstance(slack.send(message, settings(server, button="I have seen this"), SECRETS), Accepted)
        [heard] = server.heard
    said = heard.json
    assert isinstance(said["blocks"], list)
    blocks = [Block.parse(block) for block in said["blocks"]]
    # A model checks itself when it becomes JSON, and drops what Slack does not know.
    assert [block.to_dict() for block in blocks] == said["blocks"]
    assert len(blocks) <= 50
    assert Metadata(**said["metadata"]).to_dict() == said["metadata"]
    assert set(said) <= set(inspect.signature(WebClient.chat_postMessage).parameters)


def test_a_reading_method_is_sent_no_json_by_slacks_client_and_none_by_us():
    room = NewRoom(name="breach-1", title="A breach", at=AT)
    with Slack() as server:
        there = client(server)
        there.conversations_create(name="breach-1", is_private=True)
        there.conversations_history(channel="C0INCIDENT", limit=50)
        there.users_conversations(types="private_channel", limit=100)
        theirs = {heard.path: heard for heard in server.heard}
        server.heard.clear()
        slack.reconcile(MESSAGE, settings(server), SECRETS)
        slack.open_room(room, settings(server), SECRETS)
        ours = {heard.path: heard for heard in server.heard}
    for path in ("/conversations.history", "/users.conversations"):
        assert theirs[path].headers["content-type"].startswith("application/x-www-form-urlencoded")
        assert (ours[path].method, ours[path].body) == ("GET", b"")
        assert set(theirs[path].form) <= set(ours[path].query)


def test_slacks_client_sees_our_room():
    room = NewRoom(name="breach-1", title="A breach", at=AT)
    with Slack() as server:
        opened = slack.open_room(room, settings(server), SECRETS)
        assert isinstance(opened, Accepted)
        entering = Invitation(room=opened.provider_id, recipient="U0MARIA", at=AT)
        assert isinstance(slack.invite(entering, settings(server), SECRETS), Accepted)
        [seen] = client(server).users_conversations(types="private_channel")["channels"]
    assert (seen["id"], seen["name"], seen["topic"]["value"]) == (opened.provider_id, "breach-1", "A breach")


def test_slacks_verifier_accepts_only_presses_of_the_simulated_server():
    verifier = SignatureVerifier(SIGNING, Stopped())
    with Slack() as server:
        slack.send(MESSAGE, settings(server, button="Seen"), SECRETS)
        good, bad = server.press(0, "U0MARIA", AT), server.press(0, "U0MARIA", AT, key="other")
    assert verifier.is_valid_request(good.body, good.headers)
    assert not verifier.is_valid_request(bad.body, bad.headers)
    assert not verifier.is_valid_request(good.body + b"&x=1", good.headers)


def test_our_adapter_accepts_callbacks_signed_by_slacks_verifier():
    with Slack() as server:
        slack.send(MESSAGE, settings(server, button="Seen"), SECRETS)
        press = server.press(0, "U0MARIA", AT)
    stamp = str(int(AT.timestamp()))
    made = SignatureVerifier(SIGNING).generate_signature(timestamp=stamp, body=press.body)
    headers = {"x-slack-request-timestamp": stamp, "x-slack-signature": made}
    theirs = msgspec.structs.replace(press, headers=headers)
    found = slack.parse_callback(theirs, slack.Settings(), SECRETS)
    assert isinstance(found, tuple)
    [answer] = found
    assert isinstance(answer, Answer)
    assert (answer.sender, answer.idempotency_key) == ("U0MARIA", MESSAGE.idempotency_key)


def test_slacks_framework_finds_the_button_press_in_the_callback():
    pressed: list[dict] = []
    app = App(
        signing_secret=SIGNING,
        authorize=lambda: AuthorizeResult(enterprise_id=None, team_id=TEAM, bot_token=TOKEN, bot_user_id=APP),
        process_before_response=True,
    )

    @app.action(slack.ACTION)
    def press(ack, body, action, context) -> None:
        ack()
        pressed.append(
            {"who": context.user_id, "where": context.channel_id, "team": context.team_id, **action}
        )

    with Slack() as server:
        slack.send(MESSAGE, settings(server, button="Seen"), SECRETS)
        callback = server.press(0, "U0MARIA", datetime.now(UTC))
    answered = app.dispatch(BoltRequest(body=callback.body.decode(), headers=callback.headers))
    assert answered.status == 200
    [one] = pressed
    assert (one["who"], one["where"], one["team"]) == ("U0MARIA", "C0INCIDENT", TEAM)
    assert (one["value"], one["type"]) == (MESSAGE.idempotency_key, "button")


def test_the_framework_refuses_a_press_with_another_signature():
    app = App(signing_secret=SIGNING, authorize=lambda: None, process_before_response=True)
    forged = signed(b"payload=%7B%7D", datetime.now(UTC), key="other")
    assert app.dispatch(BoltRequest(body=forged.body.decode(), headers=forged.headers)).status == 401


def test_the_address_of_a_method_is_that_of_slacks_client():
    assert method(slack.Settings(), "chat.postMessage") == f"{WebClient.BASE_URL}chat.postMessage"
