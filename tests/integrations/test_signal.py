"""Signal against a stand-in for its gateway: sends, refusals in words, receipts posted and fetched."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from integrations import signal
from integrations.port import (
    Accepted,
    Answer,
    Receipt,
    Rejected,
    Throttled,
    Timeouts,
    Unauthentic,
    Unknown,
)
from integrations.testing.chaos import ChaosServer, Talk, closed_port
from integrations.testing.conformance import AT, Row, Subject, answer, check, outbound, rows
from runner.effects.gateway.translation import Held
from tests.servers.stand_ins.signal_gateway import NUMBER, SignalGateway, posted, receipt, written
from tests.servers.stand_ins.stand_in import Heard

TO = "+15005550010"
MESSAGE = outbound(TO)
WAITS = Timeouts(read=timedelta(seconds=2))
SECRETS = {"callback": Held("marker-password")}
STAMP = "1795528920000"
WHEN = datetime.fromtimestamp(1_795_528_999, UTC)
CAPTCHA = "Signal limits this number until its captcha is solved at the gateway, or its time is over"
UUID = "0a1b2c3d-0000-4000-8000-00000000aaaa"
DELIVERED = Receipt(kind="delivered", event_id=f"{TO}:{STAMP}:delivered", provider_id=STAMP, at=WHEN)


def settings(url: str = "http://127.0.0.1:8080", **more) -> signal.Settings:
    return signal.Settings(url=url, number=NUMBER, **more)


@pytest.mark.parametrize("row", rows("http"), ids=str)
def test_each_event_gives_the_correct_outcome(row: Row):
    subject = Subject(
        adapter=signal,
        transport="http",
        settings=lambda host, port, tls: settings(f"http{'s' if tls else ''}://{host}:{port}"),
        recipient=TO,
        secrets={"token": Held("marker-token"), **SECRETS},
        success=b'{"timestamp": "1795528920000"}',
    )
    assert check(row, subject) == ""


def test_a_message_is_named_by_its_timestamp():
    with SignalGateway() as gateway:
        found = signal.send(MESSAGE, settings(gateway.url), {"token": Held("marker-token")})
        (heard,) = gateway.heard
    assert found == Accepted(STAMP)
    assert heard.headers["authorization"] == "Bearer marker-token"
    assert heard.json["recipients"] == [TO]
    assert str(heard.json["message"]).startswith("MARKER-TEXT-4711 subject\n\nMARKER-TEXT-4711 marking\n")


@pytest.mark.parametrize(
    ("to", "wanted"),
    [
        ("+15005550001", Rejected("400", "the number is not registered at Signal", about="recipient")),
        (
            "+15005550002",
            Rejected("400", "the person's safety number has changed and must be verified", about="recipient"),
        ),
        (
            "+15005550003",
            Throttled(None, "Signal limits this number: retry later", "400"),
        ),
        ("+15005550005", Throttled(timedelta(minutes=15), CAPTCHA, "challenge")),
        ("+15005550008", Throttled(timedelta(minutes=15), CAPTCHA, "challenge")),
        ("+15005550004", Rejected("400", "the service refused the request with 400")),
    ],
)
def test_refusals_in_words_are_distinguished_without_repeating_them(to, wanted):
    with SignalGateway() as gateway:
        assert signal.send(outbound(to), settings(gateway.url), {}) == wanted


def test_people_who_hide_their_number_have_other_addresses():
    with SignalGateway() as gateway:
        at = settings(gateway.url)
        assert isinstance(signal.send(outbound(UUID), at, {}), Accepted)
        assert isinstance(signal.send(outbound("u:maria_m.01"), at, {}), Accepted)
        sent = [heard.json["recipients"] for heard in gateway.heard]
    assert sent == [[UUID], ["maria_m.01"]]
    wrong = ["u:maria", "maria.01", "u:1maria.01", UUID[:-1], f"u:{UUID}", "u:maria.0"]
    assert [one for one in wrong if not signal.address_problem(one)] == []
    found = signal.parse_callback(
        posted(written("OK", source=UUID), "marker-password", AT), settings(), SECRETS
    )
    assert isinstance(found, tuple)
    assert [(one.sender, one.also) for one in found if isinstance(one, Answer)] == [(UUID, "")]
    both = posted(written("OK", user=UUID), "marker-password", AT)
    found = signal.parse_callback(both, settings(), SECRETS)
    assert isinstance(found, tuple)
    assert [(one.sender, one.also) for one in found if isinstance(one, Answer)] == [(TO, UUID)]


def test_a_gateway_that_posts_offers_nothing_to_fetch():
    def upgrade(talk: Talk) -> None:
        talk.hear_request()
        talk.say(answer("400 Bad Request", "Sec-Websocket-Version: 13", body=b"Bad Request\n"))

    with ChaosServer(upgrade) as server:
        at = settings(f"http://127.0.0.1:{server.port}")
        assert signal.collect(lambda _: True, AT, WAITS, at, SECRETS) == ""
        assert "callback" in signal.collect(lambda _: True, AT, WAITS, at, {})


def test_a_number_that_the_gateway_does_not_have_is_about_the_account():
    with SignalGateway() as gateway:
        other = msgspec.structs.replace(settings(gateway.url), number="+15005550007")
        found = signal.send(MESSAGE, other, {})
    assert found == Rejected("400", "the gateway does not have this number", about="account")


def test_throttled_failed_and_unanswered_are_the_transports():
    with SignalGateway("throttle", "fail", "lose_answer") as gateway:
        at = settings(gateway.url)
        assert isinstance(signal.send(MESSAGE, at, {}), Throttled)
        assert isinstance(signal.send(MESSAGE, at, {}), Unknown)
        assert gateway.sent == {}
        assert isinstance(signal.send(MESSAGE, at, {}), Unknown)
        assert len(gateway.sent) == 1


def test_invalid_messages_are_refused_before_any_request():
    nowhere = settings(f"http://127.0.0.1:{closed_port()}")
    found = [
        signal.send(outbound("Maria"), nowhere, {}),
        signal.send(msgspec.structs.replace(MESSAGE, text="x" * 2001), nowhere, {}),
        signal.send(MESSAGE, nowhere, {"token": Held("two words")}),
    ]
    assert [one.code for one in found] == ["address", "length", "secret"]


@pytest.mark.parametrize("said", [{}, [], {"timestamp": "<x>"}, {"timestamp": True}, {"timestamp": 7}])
def test_an_acceptance_without_a_timestamp_is_unknown(said):
    class Says(SignalGateway):
        def take(self, heard: Heard) -> tuple[int, object]:
            return 201, said

    with Says() as gateway:
        assert isinstance(signal.send(MESSAGE, settings(gateway.url), {}), Unknown)


def test_receipts_and_replies_are_posted_inside_a_call():
    def parsed(envelope):
        return signal.parse_callback(posted(envelope, "marker-password", AT), settings(), SECRETS)

    assert parsed(receipt(STAMP)) == (DELIVERED,)
    read, other = parsed(receipt(STAMP, "1795528920001", read=True))
    assert (read.kind, read.event_id, other.provider_id) == (
        "read",
        f"{TO}:{STAMP}:read",
        "1795528920001",
    )
    assert parsed(written("OK", quote=STAMP)) == (
        Answer(event_id=f"{TO}:1795528999000", sender=TO, text="OK", provider_id=STAMP, at=WHEN),
    )
    assert parsed({"subscription": 0, "result": receipt(STAMP)}) == (DELIVERED,)


def test_odd_envelopes_and_those_of_other_numbers_say_nothing():
    odd = [
        {**receipt(STAMP), "account": "+15005550007"},
        {"account": NUMBER, "envelope": 7},
        {"account": NUMBER, "envelope": {"source": 7}},
        {"account": NUMBER, "envelope": {"source": TO, "receiptMessage": {"isDelivery": True}}},
        {"account": NUMBER, "envelope": {"source": TO, "receiptMessage": {"timestamps": [1]}}},
        {"account": NUMBER, "envelope": {"source": TO, "typingMessage": {"action": "STARTED"}}},
        written(""),
        {},
    ]
    for one in odd:
        assert signal.parse_callback(posted(one, "marker-password", AT), settings(), SECRETS) == ()


def test_a_callback_is_believed_only_with_the_password_of_our_address():
    good = posted(receipt(STAMP), "marker-password", AT)
    changed = msgspec.structs.replace
    forged = [
        posted(receipt(STAMP), "other", AT),
        changed(good, headers={}),
        changed(good, headers={"authorization": "Basic é"}),
        changed(good, headers={"authorization": good.headers["authorization"].replace("Basic", "Bearer")}),
    ]
    for one in forged:
        assert isinstance(signal.parse_callback(one, settings(), SECRETS), Unauthentic)
    assert isinstance(signal.parse_callback(good, settings(), {}), Unauthentic)
    empty = posted(receipt(STAMP), "", AT)
    assert isinstance(signal.parse_callback(empty, settings(), {"callback": Held("")}), Unauthentic)


def test_waiting_items_are_fetched_once():
    kept: list[Receipt | Answer] = []

    def took(one: Receipt | Answer) -> bool:
        kept.append(one)
        return True

    with SignalGateway() as gateway:
        gateway.waiting = [receipt(STAMP), written("OK")]
        at = settings(gateway.url)
        assert signal.collect(took, AT, WAITS, at, {"token": Held("marker-token")}) == ""
        assert signal.collect(took, AT, WAITS, at, {}) == ""
        assert gateway.heard[0].headers["authorization"] == "Bearer marker-token"
    assert [type(receipt) for receipt in kept] == [Receipt, Answer]
    assert kept[0] == DELIVERED


def test_errors_of_a_fetch_are_reported():
    class Says(SignalGateway):
        def take(self, heard: Heard) -> tuple[int, object]:
            return 200, {"error": "x"}

    def collected(url: str, took=lambda _: True, secrets=None) -> str:
        return signal.collect(took, AT, WAITS, settings(url), secrets or {})

    assert collected(f"http://127.0.0.1:{closed_port()}") == "the connection to the service failed"
    assert collected("http://127.0.0.1:1", secrets={"token": Held("a b")}) != ""
    with SignalGateway("throttle") as gateway:
        assert collected(gateway.url) == "the service answered 429: retry later"
        gateway.waiting = [receipt(STAMP)]
        assert collected(gateway.url, lambda _: False) == "a fetched item could not be stored"
    with Says() as gateway:
        assert collected(gateway.url) == ""


def test_the_self_test_is_a_note_to_self():
    with SignalGateway() as gateway:
        assert isinstance(signal.self_test(MESSAGE, settings(gateway.url), {}), Accepted)
        assert gateway.sent[STAMP]["recipients"] == [NUMBER]


def test_confidentiality_depends_on_the_connection_to_the_gateway():
    near = signal.capabilities(settings())
    assert (near.confidentiality, near.personal_data, near.e2ee) == ("restricted", "personal", True)
    assert near.domains == {"signal", "host:127.0.0.1:8080"}
    assert near.sim_swappable
    assert not signal.capabilities(settings(recipients_lock=True)).sim_swappable
    far = signal.capabilities(settings("http://gateway.example"))
    assert (far.confidentiality, far.personal_data) == ("public", "none")
    assert signal.address_problem(TO) == ""


def test_the_lint_finds_settings_that_would_fail():
    assert signal.lint(settings(), SECRETS) == ()
    bad = signal.Settings(url="http://gateway.example/", number="x")
    assert [one.what for one in signal.lint(bad, {"token": Held("a b")})] == [
        "the URL is http: others on the network can read and drop messages",
        "the secret token is not one word of printable ASCII",
        "number: a number has the international form: + and digits only, without spaces",
        "url ends with a slash",
        "Signal unlinks a linked device that receives nothing for 30 days, and only a worker receives",
    ]
    assert [len(signal.lint(settings(device=device), {})) for device in ("", "linked", "primary")] == [
        1,
        1,
        0,
    ]
