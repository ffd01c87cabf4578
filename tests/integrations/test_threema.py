"""Threema Gateway: only the person in the address reads a message, and only signed callbacks count."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

pytest.importorskip("nacl", reason="NOT TESTED: the extra tocsin[threema] is not installed")

from integrations import threema
from integrations.port import Accepted, Answer, NotSent, Query, Receipt, Throttled, Unauthentic, Unknown
from integrations.testing.chaos import closed_port
from integrations.testing.conformance import MARK, outbound
from runner.effects.gateway.translation import Held
from tests.servers.stand_ins.threema import IDENTITY, PRIVATE, SECRET, Threema, signed

AT = datetime(2026, 11, 24, 14, 2, tzinfo=UTC)
SECRETS = {"api_secret": Held(SECRET), "private_key": Held(PRIVATE)}


def settings(server: Threema | str, **more: str) -> threema.Settings:
    return threema.Settings(identity=IDENTITY, api=getattr(server, "url", server), **more)


def test_only_the_person_in_the_address_can_read_the_message():
    with Threema() as server:
        sent = threema.send(outbound(server.address("ADALOVE1")), settings(server), SECRETS)
        ((reader, name, text),) = server.read
        wire = b"".join(one.body + one.path.encode() for one in server.heard)
    assert (sent, reader) == (Accepted(name), "ADALOVE1")
    assert MARK in text
    assert MARK.encode() not in wire


def test_a_repetition_sends_the_stored_bytes_unless_the_address_has_changed():
    with Threema("lose_answer") as server:
        told = outbound(server.address("ADALOVE1"))
        assert isinstance(threema.seal(told, settings(server), SECRETS), NotSent)
        sealed = threema.seal(told, settings(server), SECRETS)
        stored = msgspec.structs.replace(told, sealed=sealed)
        assert isinstance(threema.send(stored, settings(server), SECRETS), Accepted)
        assert isinstance(threema.send(stored, settings(server), SECRETS), Accepted)
        boxes = [one.form["box"] for one in server.heard if one.method == "POST"]
        assert (len(boxes), len(set(boxes))) == (2, 1)
        moved = msgspec.structs.replace(stored, recipient=server.address("BENCOLE2"))
        assert isinstance(threema.send(moved, settings(server), SECRETS), Accepted)
        assert server.read[-1][0] == "BENCOLE2"


def test_the_key_of_a_person_is_taken_into_the_address():
    with Threema() as server:
        query = Query(at=AT, recipient="ADALOVE1")
        assert threema.pin(query, settings(server), SECRETS) == server.address("ADALOVE1")
        gone = threema.pin(Query(at=AT, recipient="NOBODY00"), settings(server), SECRETS)
        assert gone.address == "gone"


def test_another_key_than_the_one_in_the_contact_gets_nothing():
    with Threema() as server:
        address = server.address("ADALOVE1")
        server.people["ADALOVE1"] = server.people["BENCOLE2"]
        refused = threema.send(outbound(address), settings(server), SECRETS)
        assert (refused.code, refused.about) == ("key_changed", "recipient")
        assert server.sent == 0


@pytest.mark.parametrize(
    "address", ["ADALOVE1", "ada@people.example", f"ADALOVE1#{'0' * 63}", "ADALOVE1#", ""]
)
def test_an_address_without_a_key_is_refused(address: str):
    with Threema() as server:
        refused = threema.send(outbound(address), settings(server), SECRETS)
        assert (refused.code, refused.about, server.heard) == ("no_key", "recipient", [])


def test_unknown_blocked_and_unpaid_messages_have_their_own_outcomes():
    with Threema(credits=1) as server:
        unknown = threema.send(outbound(f"NOBODY00#{server.key('ADALOVE1')}"), settings(server), SECRETS)
        assert (unknown.code, unknown.about, unknown.address) == ("404", "recipient", "gone")
        server.blocking.add("ADALOVE1")
        blocked = threema.send(outbound(server.address("ADALOVE1")), settings(server), SECRETS)
        assert isinstance(blocked, Accepted)
        assert server.read == []
        unpaid = threema.send(outbound(server.address("BENCOLE2")), settings(server), SECRETS)
        assert (unpaid.code, unpaid.about) == ("402", "account")
        wrong = threema.send(
            outbound(server.address("BENCOLE2")), settings(server), {**SECRETS, "api_secret": Held("x")}
        )
        assert (wrong.code, wrong.about) == ("401", "account")


def test_a_lost_answer_about_a_key_means_not_sent_and_one_about_a_message_unknown():
    with Threema("lose_answer") as server:
        lost = threema.send(outbound(server.address("ADALOVE1")), settings(server), SECRETS)
        assert isinstance(lost, NotSent)
    with Threema("accept", "lose_answer") as server:
        assert isinstance(
            threema.send(outbound(server.address("ADALOVE1")), settings(server), SECRETS), Unknown
        )
        assert len(server.read) == 1
    with Threema("throttle") as server:
        later = threema.send(outbound(server.address("ADALOVE1")), settings(server), SECRETS)
        assert (type(later), later.retry_after) == (Throttled, timedelta(seconds=7))


def test_the_question_for_a_key_leaves_no_secret_in_a_log(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    with Threema() as server:
        refused = threema.public_key("ADALOVE1", settings(server), SECRETS, AT, outbound("x").timeouts)
        silent = settings(f"http://127.0.0.1:{closed_port()}")
        lost = threema.public_key("ADALOVE1", silent, SECRETS, AT, outbound("x").timeouts)
    assert SECRET not in repr((refused, lost)) + caplog.text


@pytest.mark.parametrize(
    ("kind", "proved"), [(1, ["delivered"]), (2, ["read"]), (3, ["read", "answer"]), (4, ["read"])]
)
def test_each_receipt_proves_what_it_says_and_only_an_agreement_acknowledges(kind: int, proved: list[str]):
    name = f"{7:016x}"
    with Threema() as server:
        heard = threema.parse_callback(server.receipt("ADALOVE1", kind, AT, name), settings(server), SECRETS)
        assert [one.kind if isinstance(one, Receipt) else "answer" for one in heard] == proved
        assert {(one.provider_id, one.at) for one in heard} == {(name, AT)}
        assert len({one.event_id for one in heard}) == len(heard)
        assert all(one.sender == server.address("ADALOVE1") for one in heard if isinstance(one, Answer))


def test_a_receipt_for_several_messages_counts_for_each():
    names = [f"{number:016x}" for number in (1, 2, 3)]
    with Threema() as server:
        heard = threema.parse_callback(server.receipt("ADALOVE1", 2, AT, *names), settings(server), SECRETS)
    assert [one.provider_id for one in heard] == names


def test_a_reply_comes_from_the_address_with_its_key():
    with Threema() as server:
        callback = server.posts("ADALOVE1", b"\x01K7M2QX ok", AT)
        reply = threema.parse_callback(callback, settings(server), SECRETS)[0]
        assert (reply.sender, reply.text) == (server.address("ADALOVE1"), "K7M2QX ok")


def test_a_callback_without_its_mac_or_for_another_account_is_refused():
    with Threema() as server:
        ours = settings(server)
        good = server.posts("ADALOVE1", b"\x01ok", AT)
        changed = msgspec.structs.replace(good, body=good.body.replace(b"messageId=", b"messageId=0"))
        forged = server.posts("ADALOVE1", b"\x01ok", AT, secret="another")
        other = threema.Settings(identity="*OTHER01", api=server.url)
        cases = [(changed, ours, SECRETS), (forged, ours, SECRETS), (good, other, SECRETS), (good, ours, {})]
        cases += [
            (msgspec.structs.replace(good, body=body), ours, SECRETS) for body in (b"", b"\xff", b"mac=1")
        ]
        asked = len(server.heard)
        assert all(isinstance(threema.parse_callback(*case), Unauthentic) for case in cases)
        assert len(server.heard) == asked


def test_a_callback_whose_key_is_not_known_now_is_refused_so_that_it_comes_again():
    with Threema("fail") as server:
        callback = server.posts("ADALOVE1", b"\x01ok", AT)
        assert isinstance(threema.parse_callback(callback, settings(server), SECRETS), Unauthentic)
        assert len(threema.parse_callback(callback, settings(server), SECRETS)) == 1


@pytest.mark.parametrize(
    "content", [b"", b"\x01", b"\x80", b"\x80\x05" + b"x" * 8, b"\x80\x01xxx", b"\x17{}"]
)
def test_other_contents_prove_nothing(content: bytes):
    with Threema() as server:
        heard = threema.parse_callback(server.posts("ADALOVE1", content, AT), settings(server), SECRETS)
        assert not [one for one in heard if isinstance(one, Receipt) or one.text]
        stranger = signed("ADALOVE1", b"x" * 40, b"n" * 24, AT)
        assert threema.parse_callback(stranger, settings(server), SECRETS) == ()


def test_a_text_that_does_not_fit_is_not_sent():
    with Threema() as server:
        wide = msgspec.structs.replace(outbound(server.address("ADALOVE1")), text="\u20ac" * 3_000)
        long = msgspec.structs.replace(wide, text="x" * 3_001)
        assert isinstance(threema.send(wide, settings(server), SECRETS), Accepted)
        assert threema.send(long, settings(server), SECRETS).code == "too_long"
        assert len(server.read[0][2].encode()) <= 3_500


def test_lint_finds_what_cannot_work():
    good = settings("https://msgapi.threema.ch")
    assert threema.lint(good, SECRETS) == ()
    bad = threema.Settings(identity="ACME", api="http://gateway.example", test_to="ada")
    found = threema.lint(bad, {"private_key": Held(f"private:{PRIVATE}")})
    assert [one.severity for one in found].count("error") == 4
    able = threema.capabilities(good)
    assert (able.confidentiality, able.e2ee, able.idempotency, able.sim_swappable) == (
        "restricted",
        True,
        "none",
        False,
    )
    assert threema.capabilities(settings("http://gateway.example")).confidentiality == "public"
