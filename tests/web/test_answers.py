"""A person answers over the channel that the message came by, and the delivery is acknowledged, or only read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.at_desk import AtDesk
from tests.servers.postgres import BOTH_STORES
from tests.servers.stand_ins import matrix, meta, pagerduty, signal_gateway, slack, twilio
from tests.web.at_provider import (
    ADA,
    by_matrix,
    by_pagerduty,
    by_signal,
    by_slack,
    by_twilio,
    by_whatsapp,
    opened,
)
from tests.web.served import address, delivery, serving

pytestmark = BOTH_STORES


def code_in(text: str) -> str:
    """Return the code that a message shows."""
    [found] = re.findall(r"code ([A-Z2-9]{6})", text)
    return found


def proved(tocsin: AtDesk, *of: str) -> tuple[str, str]:
    found = delivery(tocsin, 0, *of)
    return found["evidence"], found["state"]


def test_a_pressed_button_in_slack_acknowledges(tocsin: AtDesk, tmp_path: Path) -> None:
    with slack.Slack() as server:
        by_slack(tocsin, server, "U0MARIA")
        opened(tocsin, tmp_path)
        with serving(tocsin) as served:
            press = server.press(0, "U0MARIA", tocsin.clock.now())
            assert served.call_back(press, address(tocsin, "chat")).status == 200
            assert proved(tocsin) == ("acked", "satisfied")
            assert served.call_back(press, address(tocsin, "chat")).status == 200
    assert served.said == ["channel chat: a callback, taken", "channel chat: a callback, nothing"]


def test_a_press_by_another_channel_member_acknowledges_for_no_recipient(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    with slack.Slack() as server:
        by_slack(tocsin, server, "C0INCIDENT")
        opened(tocsin, tmp_path)
        with serving(tocsin) as served:
            press = server.press(0, "U0SOMEBODY", tocsin.clock.now())
            assert served.call_back(press, address(tocsin, "chat")).status == 200
    assert proved(tocsin) == ("accepted", "active")


def test_a_forged_press_is_refused_like_everything_else(tocsin: AtDesk, tmp_path: Path) -> None:
    with slack.Slack() as server:
        by_slack(tocsin, server, "U0MARIA")
        opened(tocsin, tmp_path)
        with serving(tocsin) as served:
            press = server.press(0, "U0MARIA", tocsin.clock.now(), key="another-secret")
            assert served.call_back(press, address(tocsin, "chat")).status == 404
    assert proved(tocsin) == ("accepted", "active")


def test_an_acknowledgement_in_pagerduty_which_calls_telephones_too_says_that_it_was_read(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    with pagerduty.PagerDuty() as server:
        by_pagerduty(tocsin, server)
        opened(tocsin, tmp_path)
        [key] = server.alerts
        with serving(tocsin) as served:
            place = address(tocsin, "pager")
            by_service = server.acts(
                key, "incident.acknowledged", tocsin.clock.now(), agent="service_reference"
            )
            assert served.call_back(by_service, place).status == 200
            assert proved(tocsin)[0] == "accepted"
            by_person = server.acts(key, "incident.acknowledged", tocsin.clock.now())
            assert served.call_back(by_person, place).status == 200
    assert proved(tocsin) == ("read", "active")


def test_a_reaction_in_matrix_acknowledges_pushed_or_fetched(tocsin: AtDesk, tmp_path: Path) -> None:
    with matrix.Matrix() as server:
        by_matrix(tocsin, server)
        opened(tocsin, tmp_path)
        server.reacts("!maria:breach.example", "@maria:breach.example", "$event0")
        with serving(tocsin) as served:
            answered = served.call_back(
                server.pushed(tocsin.clock.now()),
                f"{address(tocsin, 'room')}/_matrix/app/v1/transactions/1",
            )
            assert (answered.status, answered.body) == (200, b"{}")
    assert proved(tocsin) == ("acked", "satisfied")


def test_in_a_shared_room_no_member_acknowledges_for_another(tocsin: AtDesk, tmp_path: Path) -> None:
    with matrix.Matrix() as server:
        by_matrix(tocsin, server, too=("ben",))
        opened(tocsin, tmp_path)
        server.reacts("!maria:breach.example", "@ben:breach.example", "$event0")
        server.reads("!maria:breach.example", "@ben:breach.example", "$event0")
        with serving(tocsin) as served:
            path = f"{address(tocsin, 'room')}/_matrix/app/v1/transactions/1"
            assert served.call_back(server.pushed(tocsin.clock.now()), path).status == 200
    assert proved(tocsin) == ("accepted", "active")


def test_a_worker_fetches_a_reaction_where_the_homeserver_does_not_push(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    with matrix.Matrix() as server:
        by_matrix(tocsin, server)
        opened(tocsin, tmp_path)
        server.reacts("!maria:breach.example", "@maria:breach.example", "$event0")
        tocsin("worker", "--once")
    assert proved(tocsin) == ("acked", "satisfied")


def reply(tocsin: AtDesk, text: str, sender: str = ADA, name: str = "0a"):
    fields = {"MessageSid": "SM" + name * 16, "SmsStatus": "received", "AccountSid": twilio.ACCOUNT}
    url = f"https://callbacks.example.org{address(tocsin, 'phone')}"
    return twilio.signed(url, {**fields, "From": sender, "Body": text}, tocsin.clock.now())


@pytest.mark.parametrize("words", ["{}", "ok {}.", "Yes, I have it: {}"])
def test_a_code_sent_back_by_text_says_that_it_was_read_and_never_more(
    tocsin: AtDesk, tmp_path: Path, words: str
) -> None:
    with twilio.Twilio() as server:
        by_twilio(tocsin, server)
        opened(tocsin, tmp_path)
        [text] = server.things.values()
        with serving(tocsin) as served:
            answer = reply(tocsin, words.format(code_in(text["body"]).lower()))
            assert served.call_back(answer).status == 200
    assert proved(tocsin) == ("read", "active")


def test_a_text_without_the_code_or_from_another_number_proves_nothing(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    with twilio.Twilio() as server:
        by_twilio(tocsin, server)
        opened(tocsin, tmp_path)
        [text] = server.things.values()
        code = code_in(text["body"])
        with serving(tocsin) as served:
            for n, said in enumerate(
                (
                    reply(tocsin, "ok", name="01"),
                    reply(tocsin, code, "+15005550011", "02"),
                    reply(tocsin, "AAAAAA", name="03"),
                )
            ):
                assert served.call_back(said).status == 200, n
    assert proved(tocsin) == ("accepted", "active")


def test_a_reply_in_whatsapp_that_quotes_the_message_says_that_it_was_read(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    with meta.Meta(wrote=frozenset({ADA})) as server:
        by_whatsapp(tocsin, server)
        opened(tocsin, tmp_path)
        [name] = server.messages
        said = {"id": "wamid.ABC=", "from": ADA[1:], "text": {"body": "on it"}, "context": {"id": name}}
        with serving(tocsin) as served:
            told = meta.webhook({"messages": [said]}, tocsin.clock.now())
            assert served.call_back(told, address(tocsin, "phone")).status == 200
    assert proved(tocsin) == ("read", "active")


@pytest.mark.parametrize(("lock", "evidence"), [(True, "acked"), (False, "read")])
def test_a_reply_by_signal_acknowledges_only_where_a_swapped_number_could_not_have_written_it(
    tocsin: AtDesk, tmp_path: Path, lock: bool, evidence: str
) -> None:
    with signal_gateway.SignalGateway() as server:
        by_signal(tocsin, server, recipients_lock=lock)
        opened(tocsin, tmp_path)
        [stamp] = server.sent
        with serving(tocsin) as served:
            said = signal_gateway.written("on my way", quote=stamp, source=ADA)
            told = signal_gateway.posted(said, "made-up-password", tocsin.clock.now())
            assert served.call_back(told, address(tocsin, "phone")).status == 200
    assert proved(tocsin)[0] == evidence


def test_an_answer_over_a_compromised_domain_acknowledges_nothing(tocsin: AtDesk, tmp_path: Path) -> None:
    with slack.Slack() as server:
        by_slack(tocsin, server, "U0MARIA")
        opened(tocsin, tmp_path)
        tocsin.done("domain", "compromised", "slack")
        with serving(tocsin) as served:
            press = server.press(0, "U0MARIA", tocsin.clock.now())
            assert served.call_back(press, address(tocsin, "chat")).status == 200
    assert proved(tocsin)[0] == "read"


def test_an_answer_after_the_end_is_recorded_and_restarts_nothing(tocsin: AtDesk, tmp_path: Path) -> None:
    with slack.Slack() as server:
        by_slack(tocsin, server, "U0MARIA")
        opened(tocsin, tmp_path)
        for role, person in (("commander", "maria"), ("executive", "jonas")):
            tocsin.done("person", "add", person, "--name", person)
            tocsin.done("role", "assign", role, person)
        tocsin.cancelled("amber-falcon")
        with serving(tocsin) as served:
            press = server.press(0, "U0MARIA", tocsin.clock.now())
            assert served.call_back(press, address(tocsin, "chat")).status == 200
    assert proved(tocsin, "-i", "amber-falcon") == ("acked", "cancelled")


def two_ways(tocsin: AtDesk, server: pagerduty.PagerDuty) -> None:
    """Reach Ada by a pager and on a screen at once."""
    by_pagerduty(tocsin, server)
    channels = {**tocsin.channels["channels"]} if "pager" in tocsin.channels.get("channels", {}) else {}
    secrets = {"routing_key": "file:routing_key", "signing": "file:signing"}
    pager = {
        "adapter": "pagerduty",
        "settings": {"api": server.url, "acknowledged": True},
        "secrets": secrets,
    }
    screen = {"adapter": "console", "settings": {"path": str(tocsin.home / "console.txt")}}
    channels |= {"pager": {**pager, "confidentiality": "internal"}, "screen": screen}
    contacts = [{"channel": name, "address": "ada"} for name in channels]
    people = {"ada": {"name": "Ada", "contacts": contacts}}
    tocsin.settings(channels=channels, people=people, roles={"counsel": ["ada"]})


def in_slack_and_on_a_screen(tocsin: AtDesk, server: slack.Slack) -> None:
    """Reach Ada in Slack and on a screen at once."""
    by_slack(tocsin, server, "U0MARIA")
    secrets = {"token": "file:token", "signing": "file:signing"}
    settings = {"api": server.url, "button": "Seen", "team": slack.TEAM}
    chat = {"adapter": "slack", "settings": settings, "secrets": secrets, "domains": ["slack"]}
    screen = {"adapter": "console", "settings": {"path": str(tocsin.home / "console.txt")}}
    contacts = [{"channel": "chat", "address": "U0MARIA"}, {"channel": "screen", "address": "ada"}]
    people = {"ada": {"name": "Ada", "contacts": contacts}}
    chat["confidentiality"] = "internal"
    tocsin.settings(channels={"chat": chat, "screen": screen}, people=people, roles={"counsel": ["ada"]})


def test_a_message_in_slack_says_who_acknowledged_it_elsewhere(tocsin: AtDesk, tmp_path: Path) -> None:
    with slack.Slack() as server:
        in_slack_and_on_a_screen(tocsin, server)
        opened(tocsin, tmp_path)
        [message] = server.messages
        before = "".join(block["text"]["text"] for block in message["blocks"][:-1])
        code = code_in((tocsin.home / "console.txt").read_text(encoding="utf-8"))
        tocsin.done("ack", code, "--as", "ada")
        [message] = server.messages
        after = "".join(block["text"]["text"] for block in message["blocks"])
        assert not any(block["type"] == "actions" for block in message["blocks"])
    assert "Ada" not in before
    assert "Ada (counsel)" in after
    assert code not in after
    assert receipts(tocsin) == {"chat": ["recalled"], "screen": []}


def test_nothing_is_written_into_a_compromised_chat_about_an_acknowledgement(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    with slack.Slack() as server:
        in_slack_and_on_a_screen(tocsin, server)
        opened(tocsin, tmp_path)
        tocsin.done("domain", "compromised", "slack", "--reason", "a stolen session")
        before = len(server.heard)
        code = code_in((tocsin.home / "console.txt").read_text(encoding="utf-8"))
        tocsin.done("ack", code, "--as", "ada")
        assert len(server.heard) == before
    assert receipts(tocsin) == {"chat": [], "screen": []}


def test_a_changed_number_in_whatsapp_is_distrusted_until_it_is_verified(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    with meta.Meta(wrote=frozenset({ADA})) as server:
        by_whatsapp(tocsin, server)
        opened(tocsin, tmp_path)
        with serving(tocsin) as served:
            moved = server.moves(ADA, "user_changed_number", tocsin.clock.now())
            assert served.call_back(moved, address(tocsin, "phone")).status == 200
    [ada] = tocsin("person", "list", "--format", "json").json["people"]
    assert [contact["risk_at"] is not None for contact in ada["contacts"]] == [True]


def receipts(tocsin: AtDesk) -> dict[str, list[str]]:
    """Return what was said later of the attempt over each channel."""
    return {
        attempt["channel"]: [receipt["kind"] for receipt in attempt["receipts"]]
        for attempt in delivery(tocsin)["attempts"]
    }


def test_an_acknowledgement_on_one_channel_stops_alerts_on_the_others(tocsin: AtDesk, tmp_path: Path) -> None:
    with pagerduty.PagerDuty() as server:
        two_ways(tocsin, server)
        opened(tocsin, tmp_path)
        assert len(server.alerts) == 1
        code = code_in((tocsin.home / "console.txt").read_text(encoding="utf-8"))
        tocsin.done("ack", code, "--as", "ada")
        assert server.alerts == {}
        before = len(server.heard)
        tocsin("worker", "--once")
        assert len(server.heard) == before
    assert proved(tocsin) == ("acked", "satisfied")
    assert receipts(tocsin) == {"pager": ["recalled"], "screen": []}


def test_an_alert_that_cannot_be_stopped_is_recorded_and_changes_nothing(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    with pagerduty.PagerDuty("accept", "fail") as server:
        two_ways(tocsin, server)
        opened(tocsin, tmp_path)
        code = code_in((tocsin.home / "console.txt").read_text(encoding="utf-8"))
        tocsin.done("ack", code, "--as", "ada")
        assert len(server.alerts) == 1
    assert proved(tocsin) == ("acked", "satisfied")
    assert receipts(tocsin) == {"pager": ["not_recalled"], "screen": []}
