"""SMPP against a server that is not ours: npm's ``smpp``, where Node and the package are there.

``make servers`` brings it, or ``NODE_PATH`` names where it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import msgspec
import pytest

from integrations import smpp
from integrations.port import Accepted, Answer, Receipt, Rejected, Throttled, Timeouts, Unknown
from integrations.testing.conformance import AT, outbound
from runner.effects.gateway.translation import Held
from tests.servers.smsc import PASSWORD, Peer, running_smsc

SECRETS = {"password": Held(PASSWORD)}
PATIENT = Timeouts(read=timedelta(seconds=1), after_body=timedelta(seconds=1))


@pytest.fixture
def peer() -> Iterator[Peer]:
    with running_smsc() as found:
        yield found


def saying(text: str, **more):
    return msgspec.structs.replace(
        outbound("+15005550010"), text=text, marking="", footer="", timeouts=PATIENT, **more
    )


def collected(settings: smpp.Settings) -> list[Receipt | Answer]:
    kept: list[Receipt | Answer] = []

    def took(one: Receipt | Answer) -> bool:
        kept.append(one)
        return True

    assert smpp.collect(took, AT, PATIENT, settings, SECRETS) == ""
    return kept


def test_a_message_arrives_and_its_receipt_comes_twice_and_counts_once(peer: Peer):
    sent = smpp.send(saying("Call €1", deadline=AT + timedelta(minutes=5)), peer.settings, SECRETS)
    assert sent == Accepted("real-1")
    heard = peer.heard()
    assert (heard["to"], heard["from"], heard["coding"]) == ("15005550010", "Tocsin", 0)
    assert heard["validity"] != ""
    receipts = collected(peer.settings)
    assert [(receipt.kind, receipt.provider_id) for receipt in receipts] == [("delivered", "real-1")] * 2
    assert len({receipt.event_id for receipt in receipts}) == 1
    assert collected(peer.settings) == []


def test_a_long_message_arrives_in_parts_with_headers(peer: Peer):
    text = "é" * 300 + "…"
    sent = smpp.send(saying(text), peer.settings, SECRETS)
    assert sent == Accepted("real-1 real-2 real-3 real-4 real-5")
    parts = [peer.heard() for _ in range(5)]
    assert "".join(str(part["text"]) for part in parts) == text
    assert {(part["coding"], part["esm"]) for part in parts} == {(8, 64)}
    assert len(collected(peer.settings)) == 10


def test_a_payload_arrives_whole_over_a_transceiver(peer: Peer):
    both = msgspec.structs.replace(peer.settings, bind="transceiver", long_messages="payload")
    assert smpp.send(saying("x" * 300), both, SECRETS) == Accepted("real-1")
    assert peer.heard()["text"] == "x" * 300
    # What came while we only sent was turned back, and is brought again.
    assert {receipt.provider_id for receipt in collected(both)} == {"real-1"}


def test_throttled_unanswered_and_refused_messages_have_their_outcome(peer: Peer):
    assert isinstance(smpp.send(saying("THROTTLE"), peer.settings, SECRETS), Throttled)
    assert isinstance(smpp.send(saying("SILENT"), peer.settings, SECRETS), Unknown)
    wrong = smpp.send(saying("x"), peer.settings, {"password": Held("other")})
    assert wrong == Rejected("0x0000000E", "the SMSC refused the bind with 0x0000000E", about="account")


def test_many_messages_arrive_over_one_bind(peer: Peer):
    line = smpp.open_line(peer.settings, SECRETS)
    texts = [saying(f"text {n}") for n in range(25)]
    outcomes = [*line.send([*texts, saying("THROTTLE")]), *line.send([saying("é" * 200)])]
    line.close()
    assert [type(one) for one in outcomes] == [*[Accepted] * 25, Throttled, Accepted]
    assert {peer.heard()["text"] for _ in range(25)} == {f"text {n}" for n in range(25)}
