"""Matrix: one event for each transaction, whose fault a refusal is, and what reactions and receipts prove."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from integrations import matrix
from integrations.port import (
    Accepted,
    Answer,
    NotSent,
    Receipt,
    Rejected,
    Throttled,
    Unauthentic,
    Unknown,
)
from integrations.testing.chaos import ChaosServer, closed_port
from integrations.testing.conformance import IMPATIENT, MARK, answer, outbound
from runner.effects.gateway.translation import Held
from tests.servers.stand_ins.matrix import HS_TOKEN, TOKEN, US, Matrix

AT = datetime(2026, 11, 24, 14, 2, tzinfo=UTC)
ROOM = "!maria:breach.example"
MARIA = "@maria:breach.example"
SECRETS = {"token": Held(TOKEN), "hs_token": Held(HS_TOKEN)}
MESSAGE = outbound(ROOM)


def settings(server, **more) -> matrix.Settings:
    return matrix.Settings(url=getattr(server, "url", server), user=US, **more)


def test_an_event_is_put_under_our_key_and_its_id_comes_back():
    with Matrix() as server:
        assert matrix.send(MESSAGE, settings(server), SECRETS) == Accepted("$event0")
        _, heard = server.heard
        (event,) = server.rooms[ROOM]
    assert heard.method == "PUT"
    assert heard.path.endswith(
        f"/rooms/%21maria%3Abreach.example/send/m.room.message/{MESSAGE.idempotency_key}"
    )
    assert event["content"]["msgtype"] == "m.text"
    assert event["content"]["body"].startswith(f"{MESSAGE.subject}\n\n{MESSAGE.marking}\n\n{MESSAGE.text}")
    assert event["content"]["m.mentions"] == {"room": True}
    assert TOKEN not in heard.path


def test_no_clear_text_goes_into_an_encrypted_room():
    with Matrix() as server:
        server.encrypted.add(ROOM)
        outcome = matrix.send(MESSAGE, settings(server), SECRETS)
        assert (outcome.code, outcome.about) == ("encrypted_room", "recipient")
        assert [heard.method for heard in server.heard] == ["GET"]
        assert server.rooms[ROOM] == []


@pytest.mark.parametrize("act", ["lose_answer", "fail"])
def test_a_server_that_does_not_say_whether_a_room_is_encrypted_is_sent_nothing(act):
    with Matrix(act) as server:
        assert isinstance(matrix.send(MESSAGE, settings(server), SECRETS), NotSent)
        assert server.rooms[ROOM] == []


def test_a_lost_answer_is_repeated_into_the_same_event():
    with Matrix("accept", "lose_answer") as server:
        assert isinstance(matrix.send(MESSAGE, settings(server), SECRETS), Unknown)
        again = msgspec.structs.replace(MESSAGE, attempt=2)
        assert matrix.send(again, settings(server), SECRETS) == Accepted("$event0")
        assert len(server.rooms[ROOM]) == 1


def test_a_room_never_leads_to_another_path():
    with Matrix() as server:
        outcome = matrix.send(
            msgspec.structs.replace(MESSAGE, recipient="!a/../../b"), settings(server), SECRETS
        )
        assert server.heard[0].path.startswith("/_matrix/client/v3/rooms/%21a%2F..%2F..%2Fb/state/")
    assert (outcome.code, outcome.about) == ("M_FORBIDDEN", "recipient")


def test_the_servers_time_is_obeyed_to_the_millisecond():
    with Matrix("throttle") as server:
        outcome = matrix.send(MESSAGE, settings(server), SECRETS)
        assert server.rooms[ROOM] == []
    assert outcome == Throttled(
        timedelta(milliseconds=4555), "the homeserver asks to retry later", "M_LIMIT_EXCEEDED"
    )


def says(body: object, status: str) -> ChaosServer:
    def script(talk) -> None:
        talk.hear_request()
        talk.say(answer(status, body=json.dumps(body).encode()))

    return ChaosServer(script)


@pytest.mark.parametrize(
    ("body", "status", "kind", "code", "about"),
    [
        ({"errcode": "M_FORBIDDEN"}, "403 No", Rejected, "M_FORBIDDEN", "recipient"),
        ({"errcode": "M_UNKNOWN_TOKEN"}, "401 No", Rejected, "M_UNKNOWN_TOKEN", "account"),
        ({"errcode": "M_TOO_LARGE"}, "413 No", Rejected, "M_TOO_LARGE", "message"),
        ({"errcode": MARK}, "400 No", Rejected, "400", "message"),
        ({"errcode": ["M_FORBIDDEN"]}, "403 No", Rejected, "403", "account"),
        ({"errcode": "M_LIMIT_EXCEEDED"}, "400 No", Throttled, "M_LIMIT_EXCEEDED", None),
        ({"errcode": "M_FORBIDDEN"}, "502 Gone", Unknown, None, None),
        ({"event_id": "event"}, "200 OK", Unknown, None, None),
        ({"event_id": f"$a {MARK}"}, "200 OK", Unknown, None, None),
        ({}, "200 OK", Unknown, None, None),
        ({"event_id": "$Qwe-_r:old.example"}, "200 OK", Accepted, None, None),
    ],
)
def test_a_refusal_names_its_subject_and_repeats_nothing(body, status, kind, code, about):
    with says(body, status) as server:
        outcome = matrix.put(MESSAGE, settings(f"http://127.0.0.1:{server.port}"), TOKEN)
    assert isinstance(outcome, kind)
    assert (getattr(outcome, "code", None), getattr(outcome, "about", None)) == (code, about)
    assert MARK not in repr(outcome)


def test_reactions_are_seen_receipts_are_read_and_own_events_nothing():
    with Matrix() as server:
        matrix.send(MESSAGE, settings(server), SECRETS)
        reaction = server.reacts(ROOM, MARIA, "$event0", "✅" * 40)
        server.reacts(ROOM, US, "$event0")
        server.reads(ROOM, MARIA, "$event0")
        server.reads(ROOM, US, "$event0")
        found = matrix.parse_callback(server.pushed(AT), settings(server, appservice=True), SECRETS)
    assert isinstance(found, tuple)
    seen, read = found
    assert isinstance(seen, Answer)
    assert (seen.event_id, seen.sender, seen.text, seen.provider_id) == (
        reaction,
        MARIA,
        "✅" * 32,
        "$event0",
    )
    assert isinstance(read, Receipt)
    assert (read.kind, read.provider_id, read.event_id) == ("read", "$event0", f"$event0 {MARIA}")
    assert read.at == datetime(2025, 11, 24, 16, 1, tzinfo=UTC)


def test_a_pushed_transaction_is_believed_only_with_the_servers_token():
    with Matrix() as server:
        server.reacts(ROOM, MARIA, "$event0")
        chosen = settings(server, appservice=True)
        good = server.pushed(AT)
        assert len(matrix.parse_callback(good, chosen, SECRETS)) == 1
        forged = [
            server.pushed(AT, token="other"),
            server.pushed(AT, token="é"),
            server.pushed(AT, token="\udcff"),
            msgspec.structs.replace(good, headers={}),
            msgspec.structs.replace(good, headers={}, path=f"{good.path}?access_token={HS_TOKEN}"),
        ]
    assert all(isinstance(matrix.parse_callback(one, chosen, SECRETS), Unauthentic) for one in forged)
    assert isinstance(matrix.parse_callback(good, chosen, {}), Unauthentic)


@pytest.mark.parametrize(
    "event",
    [
        7,
        {"type": ["m.reaction"]},
        {"type": "m.reaction"},
        {"type": "m.reaction", "event_id": "$a", "sender": "maria", "content": {}},
        {"type": "m.reaction", "event_id": "$a", "sender": MARIA, "content": {"m.relates_to": []}},
        {
            "type": "m.reaction",
            "event_id": "$a",
            "sender": MARIA,
            "content": {"m.relates_to": {"event_id": "b"}},
        },
        {"type": "m.receipt", "content": []},
        {"type": "m.receipt", "content": {"$a": {"m.read": [MARIA]}}},
        {"type": "m.receipt", "content": {"a": {"m.read": {MARIA: {}}}}},
        {"type": "m.receipt", "content": {"$a": {"m.read": {"maria": {}}}}},
        {"type": "m.room.message", "event_id": "$a", "sender": MARIA, "content": {"body": "seen"}},
    ],
)
def test_other_events_than_reactions_and_receipts_are_ignored(event):
    with Matrix() as server:
        callback = msgspec.structs.replace(server.pushed(AT), body=json.dumps({"events": [event]}).encode())
        assert matrix.parse_callback(callback, settings(server), SECRETS) == ()


@pytest.mark.parametrize("stamp", [None, True, -1, 10**20, 1.5, "soon"])
def test_an_instant_that_is_none_is_left_out(stamp):
    event = {
        "type": "m.reaction",
        "event_id": "$a",
        "sender": MARIA,
        "origin_server_ts": stamp,
        "content": {"m.relates_to": {"event_id": "$b", "key": 7}},
    }
    with Matrix() as server:
        callback = msgspec.structs.replace(server.pushed(AT), body=json.dumps({"events": [event]}).encode())
        parsed = matrix.parse_callback(callback, settings(server), SECRETS)
    assert isinstance(parsed, tuple)
    (found,) = parsed
    assert (found.at, found.text) == (None, "")


def test_reactions_and_receipts_are_fetched_without_push():
    taken: list[object] = []

    def took(one) -> bool:
        taken.append(one)
        return True

    with Matrix() as server:
        matrix.send(MESSAGE, settings(server), SECRETS)
        server.reacts(ROOM, MARIA, "$event0")
        server.reads(ROOM, MARIA, "$event0")
        for _ in range(2):
            assert matrix.collect(took, AT, IMPATIENT, settings(server), SECRETS) == ""
    assert [type(one) for one in taken] == [Answer, Receipt] * 2
    assert taken[:2] == taken[2:]


def test_a_failed_fetch_is_reported():
    def never(one) -> bool:
        raise AssertionError("nothing is there")

    with Matrix() as server:
        said = matrix.collect(never, AT, IMPATIENT, settings(server), {"token": Held("other")})
        assert said == "the homeserver did not answer in full"
        assert matrix.collect(never, AT, IMPATIENT, settings(server), {}) == "the secret token is missing"
    gone = settings(f"http://127.0.0.1:{closed_port()}")
    assert matrix.collect(never, AT, IMPATIENT, gone, SECRETS) == "the homeserver did not answer in full"
    strange: tuple[object, ...] = (
        [],
        {"rooms": []},
        {"rooms": {"join": [7]}},
        {"rooms": {"join": {"!a": 7}}},
    )
    for body in strange:
        with says(body, "200 OK") as odd:
            chosen = settings(f"http://127.0.0.1:{odd.port}")
            assert matrix.collect(never, AT, IMPATIENT, chosen, SECRETS) == ""


def test_capabilities_depend_on_other_readers():
    federated, alone = (
        matrix.capabilities(matrix.Settings(url="https://hs.example", user=US, federated=one))
        for one in (True, False)
    )
    assert (federated.confidentiality, alone.confidentiality) == ("internal", "confidential")
    assert (alone.e2ee, alone.idempotency, alone.key_lifetime) == (False, "txn", timedelta(minutes=30))
    assert (alone.ack, alone.ack_strength, alone.sim_swappable) == ("button", "seen", False)
    assert alone.receipts == {"accepted", "read"}
    assert alone.domains == {"host:hs.example:443"}
    assert alone.hosts == {"host:hs.example"}
    assert alone.push == {"apns", "fcm", "host:matrix.org"}
    pushed = matrix.capabilities(matrix.Settings(url="http://hs.example", user=US, appservice=True))
    assert (pushed.confidentiality, set(pushed.secrets)) == ("public", {"token", "hs_token"})


def test_too_long_a_text_and_an_unusable_token_are_said_before_anything_is_sent():
    gone = settings(f"http://127.0.0.1:{closed_port()}")
    for text in ("x" * 14_001, "\U0001f6a8" * 14_000 + "x" * 1000):
        outcome = matrix.send(msgspec.structs.replace(MESSAGE, text=text), gone, SECRETS)
        assert outcome.code == "too_long"
    assert matrix.send(MESSAGE, gone, {}).code == "secret"


@pytest.mark.parametrize(
    ("address", "holds"),
    [
        (ROOM, True),
        ("!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM", True),
        ("#war-room:x", False),
        (MARIA, False),
    ],
)
def test_an_address_is_a_room(address, holds):
    assert (matrix.address_problem(address) == "") is holds


def test_the_lint_and_the_self_test():
    def found(**more):
        chosen = matrix.Settings(**{"url": "https://hs.example", "user": US, **more})
        return [one.what.partition(":")[0] for one in matrix.lint(chosen, {"token": Held(TOKEN)})]

    assert found() == []
    assert found(user="tocsin", test_to="#x", appservice=True) == [
        "the secret hs_token is missing",
        "user is not an id",
        "test_to",
    ]
    with Matrix() as server:
        assert isinstance(matrix.self_test(MESSAGE, settings(server), SECRETS), Rejected)
        assert matrix.self_test(MESSAGE, settings(server, test_to=ROOM), SECRETS) == Accepted("$event0")


def test_a_believed_transaction_is_answered_with_an_object_or_the_homeserver_repeats_it():
    with Matrix() as server:
        said = matrix.reply(server.pushed(AT), settings(server), SECRETS)
    assert (said.content_type, json.loads(said.body)) == ("application/json", {})
