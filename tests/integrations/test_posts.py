"""Teams, Mattermost and ntfy: services that are only posted to, and what of their answers is a yes."""

from __future__ import annotations

import json
from datetime import timedelta

import msgspec
import pytest

from integrations import mattermost, ntfy, teams
from integrations.port import Accepted, Rejected, Throttled, Unknown
from integrations.testing.chaos import ChaosServer, closed_port
from integrations.testing.conformance import MARK, answer, outbound
from runner.effects.gateway.translation import Held
from tests.servers.stand_ins.posts import KEY, SIGNATURE, TOKEN, Mattermost, Ntfy, Teams

CARDS = {"signature": Held(SIGNATURE)}
HOOK = {"key": Held(KEY)}
TOPICS = {"token": Held(TOKEN)}


def to(address: str, **more):
    return msgspec.structs.replace(outbound(address), **more)


def says(body: object, status: str = "200 OK", *headers: str) -> ChaosServer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    def script(talk) -> None:
        talk.hear_request()
        talk.say(answer(status, *headers, body=content))

    return ChaosServer(script)


# --- Teams -----------------------------------------------------------------------------------------------------


def workflow(server: Teams) -> teams.Settings:
    return teams.Settings(url=f"{server.url}{server.path}?{server.query}")


def runs(card: dict) -> list[str]:
    return [one["inlines"][0]["text"] for one in card["body"] if one["type"] == "RichTextBlock"]


def test_a_workflow_is_started_with_one_card_of_plain_text():
    message = to("Duty officer", text="one\n\n**two** <at>three</at>")
    with Teams() as server:
        assert teams.send(message, workflow(server), CARDS) == Accepted("")
        (card,) = server.cards
        (heard,) = server.heard
    assert (card["type"], card["version"], card["msteams"]) == ("AdaptiveCard", "1.4", {"width": "full"})
    assert card["fallbackText"] == message.subject
    lines = runs(card)
    assert lines[:2] == [message.subject, "To: Duty officer"]
    assert lines[4:7] == ["one", "\N{NO-BREAK SPACE}", "**two** <at>three</at>"]
    assert lines[-1] == message.footer
    assert heard.json["type"] == "message"
    assert heard.json["attachments"][0]["contentType"] == "application/vnd.microsoft.card.adaptive"


def test_a_recipient_with_a_sign_in_name_is_mentioned():
    with Teams() as server:
        teams.send(to("maria@corp.example"), workflow(server), CARDS)
        (card,) = server.cards
    (mention,) = card["msteams"]["entities"]
    assert mention["text"] == card["body"][1]["text"] == "<at>maria@corp.example</at>"
    assert mention["mentioned"] == {"id": "maria@corp.example", "name": "maria@corp.example"}


@pytest.mark.parametrize("shown", ["a+b/c=", "a%2Bb%2Fc%3D"])
def test_the_signature_is_taken_as_it_is_shown_and_sent_once_encoded(shown):
    with Teams() as server:
        outcome = teams.send(to("x"), workflow(server), {"signature": Held(shown)})
        assert server.heard[0].query["sig"] == "a+b/c="
    assert (outcome.code, outcome.about) == ("401", "account")
    assert shown not in repr(outcome)


def test_a_workflow_without_other_parameters_gets_the_signature_all_the_same():
    with Teams() as server:
        bare = teams.Settings(url=f"{server.url}{server.path}")
        teams.send(to("x"), bare, CARDS)
        assert server.heard[0].query == {"sig": SIGNATURE}


def test_a_workflow_that_is_gone_is_about_the_account():
    with Teams() as server:
        outcome = teams.send(to("x"), teams.Settings(url=f"{server.url}/gone?a=b"), CARDS)
    assert (outcome.code, outcome.about) == ("404", "account")


def test_the_workflows_name_of_the_run_is_kept_where_it_is_one():
    for given, wanted in (("08584-AB_CU12", "08584-AB_CU12"), ("a b", "")):
        with says(b"", "202 Accepted", f"x-ms-workflow-run-id: {given}") as server:
            url = f"http://127.0.0.1:{server.port}/x"
            assert teams.send(to("x"), teams.Settings(url=url), CARDS) == Accepted(wanted)


def test_a_card_that_teams_would_not_take_is_refused_before_it_is_sent():
    gone = teams.Settings(url=f"http://127.0.0.1:{closed_port()}/")
    for text in ("x" * 5001, "\n" * 2000, "\U0001f6a8" * 4900):
        outcome = teams.send(to("x", text=text + "end"), gone, CARDS)
        assert (outcome.code, outcome.about) == ("too_long", "message")


def test_teams_depends_on_its_tenant_and_promises_only_acceptance():
    able = teams.capabilities(
        teams.Settings(url="https://prod-1.westeurope.logic.azure.com/x", tenant="m365-other")
    )
    assert able.domains == {"microsoft-365", "m365-other", "host:prod-1.westeurope.logic.azure.com:443"}
    assert (able.idempotency, able.reconcile, able.ack, set(able.receipts)) == (
        "none",
        "none",
        "none",
        {"accepted"},
    )
    assert "m365-tenant" in teams.capabilities(teams.Settings(url="https://x/")).domains


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("https://corp.webhook.office.com/webhookb2/0a1b", ["error"]),
        ("https://prod-1.westeurope.logic.azure.com:443/workflows/0a1b", ["warning"]),
        (
            "https://0a1b.environment.api.powerplatform.com:443/powerautomate/automations/direct/workflows/1",
            [],
        ),
        ("https://notwebhook.office.com.example/x", []),
    ],
)
def test_an_address_that_microsoft_ended_is_named(url, wanted):
    assert [one.severity for one in teams.lint(teams.Settings(url=url), CARDS)] == wanted


def test_a_signature_in_the_settings_is_an_error():
    def found(chosen: teams.Settings, secrets=CARDS):
        return [(one.severity, one.what.partition(":")[0]) for one in teams.lint(chosen, secrets)]

    assert found(teams.Settings(url="https://x/y?sv=1.0")) == []
    assert found(teams.Settings(url="https://x/y?sv=1.0&sig=abc")) == [
        ("error", "the URL contains its signature")
    ]
    assert found(teams.Settings(url="https://x/y", tenant="")) == [("error", "tenant is empty")]
    assert found(teams.Settings(url="https://x/y"), {}) == [("error", "the secret signature is missing")]


# --- Mattermost ------------------------------------------------------------------------------------------------


def hook(server: Mattermost, **more) -> mattermost.Settings:
    return mattermost.Settings(url=f"{server.url}/hooks", **more)


@pytest.mark.parametrize("rocket", [False, True])
def test_a_hook_posts_to_the_person_or_channel_of_the_contact(rocket):
    with Mattermost(rocket=rocket) as server:
        for address in ("@maria", "incident"):
            assert mattermost.send(to(address), hook(server), HOOK) == Accepted("")
        first, second = server.posts
    assert (first["channel"], second["channel"]) == ("@maria", "incident")
    assert str(first["text"]).startswith(f"{MARK} subject\n\n{MARK} marking\n\n{MARK} text")


def test_mattermost_errors_name_their_subject():
    with Mattermost() as server:
        away = mattermost.send(to("nowhere"), hook(server), HOOK)
        wrong = mattermost.send(to("incident"), hook(server), {"key": Held("x" * 26)})
    assert (away.code, away.about) == ("channel", "recipient")
    assert (wrong.code, wrong.about) == ("invalid", "account")


def test_rocket_chats_no_is_a_no():
    with Mattermost(rocket=True) as server:
        outcome = mattermost.send(to("nowhere"), hook(server), HOOK)
    assert (outcome.code, outcome.about) == ("400", "message")


@pytest.mark.parametrize(
    ("body", "status", "wanted"),
    [
        (b"ok", "200 OK", Accepted),
        (b"ok\n", "200 OK", Accepted),
        (b"", "200 OK", Unknown),
        (b"<html>log in</html>", "200 OK", Unknown),
        (b'{"success": 1}', "200 OK", Unknown),
        (b'{"success": false, "error": "' + MARK.encode() + b'"}', "200 OK", Rejected),
        (b'{"id": "web.incoming_webhook.disabled.app_error"}', "501 Not Implemented", Rejected),
        (b'{"id": "web.incoming_webhook.' + MARK.encode() + b'.app_error"}', "501 Not Implemented", Unknown),
        (b'{"id": "api.context.' + MARK.encode() + b'"}', "400 Bad", Rejected),
    ],
)
def test_only_the_two_known_words_are_a_hooks_yes(body, status, wanted):
    with says(body, status) as server:
        url = f"http://127.0.0.1:{server.port}/hooks"
        outcome = mattermost.send(to("incident"), mattermost.Settings(url=url), HOOK)
    assert isinstance(outcome, wanted)
    assert MARK not in repr(outcome)


@pytest.mark.parametrize("key", [None, "short", "a/b/c", "../../api/v4/users", "x" * 20 + "?a=b"])
def test_a_key_that_is_none_is_said_before_anything_is_sent(key):
    given = {} if key is None else {"key": Held(key)}
    gone = mattermost.Settings(url=f"http://127.0.0.1:{closed_port()}/hooks")
    outcome = mattermost.send(to("incident"), gone, given)
    assert (outcome.code, outcome.about) == ("secret", "account")
    assert [one.severity for one in mattermost.lint(mattermost.Settings(url="https://x/hooks"), given)] == [
        "error"
    ]


def test_a_text_above_the_servers_limit_is_refused_and_not_cut():
    gone = mattermost.Settings(url=f"http://127.0.0.1:{closed_port()}/hooks", max_length=10)
    assert mattermost.send(to("incident", text="x" * 11), gone, HOOK).code == "too_long"
    assert mattermost.capabilities(gone).max_length == 10


def test_a_key_in_the_settings_is_an_error():
    def found(**more):
        chosen = mattermost.Settings(**{"url": "https://chat.example/hooks", **more})
        return [one.what.partition(":")[0] for one in mattermost.lint(chosen, HOOK)]

    assert found() == []
    assert found(url="https://chat.example/hooks/abc") == ["the URL contains its key"]
    assert found(test_to="Not A Channel") == ["test_to"]


def test_the_self_test_of_a_hook_uses_its_own_channel_by_default():
    with Mattermost() as server:
        mattermost.self_test(to("@maria"), hook(server), HOOK)
        mattermost.self_test(to("@maria"), hook(server, test_to="incident"), HOOK)
        assert [post.get("channel") for post in server.posts] == [None, "incident"]


@pytest.mark.parametrize(
    ("address", "holds"), [("@maria", True), ("town-square", True), ("a b", False), ("", False)]
)
def test_a_hooks_address_is_a_channel_or_a_person(address, holds):
    assert (mattermost.address_problem(address) == "") is holds


# --- ntfy ------------------------------------------------------------------------------------------------------


def topics(server: Ntfy, **more) -> ntfy.Settings:
    return ntfy.Settings(url=server.url, **more)


def test_a_push_goes_to_the_topic_and_its_id_comes_back():
    with Ntfy(old=True) as server:
        assert ntfy.send(to("oncall"), topics(server, priority=4), TOPICS) == Accepted("sPs71M8A2T1")
        (sent,) = server.messages
        (heard,) = server.heard
    assert (sent["topic"], sent["title"], sent["priority"]) == ("oncall", f"{MARK} subject", 4)
    assert str(sent["message"]).startswith(f"{MARK} marking\n\n{MARK} text")
    # The topic is as good as a password, so it stands in no path.
    assert heard.path in {"", "/"}


def test_a_push_is_replaced_in_silence_when_it_was_acknowledged_elsewhere():
    with Ntfy() as server:
        sent = ntfy.send(to("oncall"), topics(server), TOPICS)
        assert isinstance(sent, Accepted)
        said = to("oncall", subject="Acknowledged: x", text="Ada acknowledged this message.")
        assert ntfy.recall(said, sent.provider_id, topics(server), TOPICS) == sent
        [shown] = server.shown.values()
    assert (shown["title"], shown["priority"]) == ("Acknowledged: x", 1)


def test_an_old_server_is_not_made_to_publish_a_second_push():
    with Ntfy(old=True) as server:
        sent = ntfy.send(to("oncall"), topics(server), TOPICS)
        assert isinstance(sent, Accepted)
        old = ntfy.recall(to("oncall"), sent.provider_id, topics(server), TOPICS)
        unnamed = ntfy.recall(to("oncall"), "", topics(server), TOPICS)
        blocked = ntfy.recall(to("oncall", text=""), sent.provider_id, topics(server), TOPICS)
        assert len(server.messages) == 1
        # An old server behind the same address, after a move.
        second = ntfy.recall(to("oncall"), to("oncall").idempotency_key, topics(server), TOPICS)
    assert [one.code for one in (old, unnamed, blocked, second)] == [
        "old_server",
        "unnamed",
        "blocked",
        "second",
    ]


def test_ntfys_429_names_no_time():
    with Ntfy("throttle") as server:
        outcome = ntfy.send(to("oncall"), topics(server), TOPICS)
    assert outcome == Throttled(None, "the service answered 429: retry later", "42901")


@pytest.mark.parametrize(
    ("topic", "token", "code", "about"),
    [("locked", TOKEN, "40301", "recipient"), ("oncall", "tk_other", "40101", "account")],
)
def test_ntfys_own_codes_are_kept(topic, token, code, about):
    with Ntfy() as server:
        outcome = ntfy.send(to(topic), topics(server), {"token": Held(token)})
    assert (outcome.code, outcome.about) == (code, about)


@pytest.mark.parametrize(
    ("body", "status", "wanted"),
    [
        ({"id": "a1", "event": "message", "topic": "oncall"}, "200 OK", Accepted("a1")),
        ({"id": "a b", "event": "message", "topic": "oncall"}, "200 OK", None),
        ({"id": "a1", "event": "message", "topic": "other"}, "200 OK", None),
        ({"id": "a1", "event": "open", "topic": "oncall"}, "200 OK", None),
        ({"id": 7}, "200 OK", None),
        ({"code": True}, "500 Oops", None),
        ({"code": 50001}, "500 Oops", None),
    ],
)
def test_only_a_message_of_this_topic_is_ntfys_yes(body, status, wanted):
    with says(body, status) as server:
        outcome = ntfy.send(to("oncall"), ntfy.Settings(url=f"http://127.0.0.1:{server.port}"), TOPICS)
    assert outcome == wanted or (wanted is None and isinstance(outcome, Unknown))


@pytest.mark.parametrize("code", ["42901", 429, 40101, -1, 42901.5, None])
def test_a_code_that_does_not_fit_its_status_is_not_kept(code):
    with says({"code": code}, "418 Teapot") as server:
        outcome = ntfy.send(to("oncall"), ntfy.Settings(url=f"http://127.0.0.1:{server.port}"), TOPICS)
    assert outcome.code == "418"


def test_a_text_that_would_become_an_attachment_is_refused():
    gone = ntfy.Settings(url=f"http://127.0.0.1:{closed_port()}")
    for text in ("x" * 1201, "\U0001f6a8" * 1200):
        assert ntfy.send(to("oncall", text=text), gone, TOPICS).code == "too_long"


def test_a_push_is_public_or_internal_on_an_own_server():
    public, own, clear = (
        ntfy.capabilities(ntfy.Settings(url=url))
        for url in ("https://ntfy.sh", "https://push.corp.example", "http://push.corp.example")
    )
    assert (public.confidentiality, own.confidentiality, clear.confidentiality) == (
        "public",
        "internal",
        "public",
    )
    assert {public.personal_data, own.personal_data} == {"none"}
    assert own.domains == {"host:push.corp.example:443"}


def test_the_lint_and_self_test_of_ntfy_need_an_own_topic():
    def found(**more):
        return [one.what.partition(":")[0] for one in ntfy.lint(ntfy.Settings(**more), TOPICS)]

    assert found() == []
    assert found(priority=6, test_to="a b") == ["priority is not between 1 and 5", "test_to"]
    assert ntfy.address_problem("on/call") != ""
    with Ntfy() as server:
        assert isinstance(ntfy.self_test(to("oncall"), topics(server), TOPICS), Rejected)
        assert isinstance(ntfy.self_test(to("oncall"), topics(server, test_to="selftest"), TOPICS), Accepted)
        assert [message["topic"] for message in server.messages] == ["selftest"]


# --- All of them -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("adapter", "settings"),
    [
        (teams, teams.Settings(url="https://x/")),
        (mattermost, mattermost.Settings(url="https://x/hooks")),
        (ntfy, ntfy.Settings()),
    ],
    ids=["teams", "mattermost", "ntfy"],
)
def test_none_of_them_can_be_asked_or_calls_back(adapter, settings):
    assert adapter.capabilities(settings).reconcile == "none"
    assert adapter.capabilities(settings).ack == "none"


@pytest.mark.parametrize(
    ("double", "send", "expected"),
    [
        (Teams, lambda server: teams.send(to("x"), workflow(server), CARDS), timedelta(seconds=7)),
        (
            Mattermost,
            lambda server: mattermost.send(to("incident"), hook(server), HOOK),
            timedelta(seconds=7),
        ),
    ],
    ids=["teams", "mattermost"],
)
def test_429_is_obeyed_to_the_second(double, send, expected):
    with double("throttle") as server:
        outcome = send(server)
    assert outcome == Throttled(expected, "the service answered 429: retry later", "429")


@pytest.mark.parametrize("url", ["https://[::1/", "file:///etc/passwd", "https://user:pw@host/x", ""])
@pytest.mark.parametrize("adapter", ["teams", "mattermost", "ntfy"])
def test_a_url_that_cannot_be_called_is_a_refusal_and_no_fault(adapter, url):
    module, settings, secrets = {
        "teams": (teams, teams.Settings(url=url), CARDS),
        "mattermost": (mattermost, mattermost.Settings(url=url), HOOK),
        "ntfy": (ntfy, ntfy.Settings(url=url), TOPICS),
    }[adapter]
    outcome = module.send(to("incident"), settings, secrets)
    assert (outcome.code, outcome.about) == ("url", "account")
    assert [one.severity for one in module.lint(settings, secrets)][:1] == ["error"]
    assert module.capabilities(settings).confidentiality in {"public", "internal", "confidential"}


def test_without_its_secret_nothing_is_sent():
    gone = f"http://127.0.0.1:{closed_port()}"
    for outcome in (
        teams.send(to("x"), teams.Settings(url=gone), {}),
        ntfy.send(to("oncall"), ntfy.Settings(url=gone), {}),
    ):
        assert isinstance(outcome, Rejected)
        assert (outcome.code, outcome.about) == ("secret", "account")


def test_the_self_test_of_a_workflow_addresses_no_person():
    with Teams() as server:
        teams.self_test(to("maria@corp.example"), workflow(server), CARDS)
        (card,) = server.cards
    assert runs(card)[1] == "To: tocsin self-test"
    assert "entities" not in card["msteams"]
