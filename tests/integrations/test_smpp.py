"""SMPP against a stand-in for an SMSC: alphabets, parts, receipts, and what is confirmed when."""

from __future__ import annotations

import ssl
import struct
import threading
import time
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations import alphabet, smpp
from integrations.port import (
    Accepted,
    Answer,
    NotSent,
    Outbound,
    Receipt,
    Rejected,
    Throttled,
    Timeouts,
    Took,
    Unknown,
)
from integrations.smpp import pdu
from integrations.smpp.pdu import at_bind, at_submission
from integrations.smpp.session import read_incoming
from integrations.testing.chaos import ChaosServer, Talk, closed_port
from integrations.testing.conformance import AT, IMPATIENT, Row, Subject, check, outbound
from runner.effects.gateway.translation import Held
from tests.servers.stand_ins.smsc import PASSWORD, ROWS, SYSTEM_ID, Smsc, delivery, hear, receipt, say

TO = "+15005550010"
MESSAGE = outbound(TO)
SECRETS = {"password": Held(PASSWORD)}
DELIVERED = Receipt(kind="delivered", event_id="M1:2", provider_id="M1", at=AT)


def settings(port: int = 1, **more) -> smpp.Settings:
    given = {"host": "127.0.0.1", "line": "private", "sender": "+15005550006", "system_id": SYSTEM_ID, **more}
    return smpp.Settings(port=port, **given)


def saying(text: str, **more):
    return msgspec.structs.replace(MESSAGE, text=text, marking="", footer="", **more)


def keeping(kept: list[Receipt | Answer]) -> Took:
    def took(one: Receipt | Answer) -> bool:
        kept.append(one)
        return True

    return took


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_each_event_gives_the_correct_outcome(row: Row):
    subject = Subject(
        adapter=smpp,
        transport="smpp",
        settings=lambda host, port, tls: settings(port, host=host, line="tls" if tls else "private"),
        recipient=TO,
        secrets=SECRETS,
    )
    assert check(row, subject) == ""


def test_a_short_message_goes_in_one_part_and_asks_for_a_receipt():
    with Smsc() as smsc:
        found = smpp.send(
            saying("Call €1", deadline=AT + timedelta(minutes=90)), settings(smsc.port), SECRETS
        )
    assert found == Accepted("M1")
    (one,) = smsc.submitted
    assert smsc.bound == [pdu.BIND_TRANSMITTER]
    assert (one.source, one.recipient) == ((1, 1, "15005550006"), (1, 1, "15005550010"))
    assert (one.coding, one.esm_class, one.registered) == (0, 0, 1)
    assert one.octets == b"Call \x1be1"
    assert one.validity == "000000013000000R"


@pytest.mark.parametrize(
    ("sender", "wanted"),
    [("12345", (3, 0, "12345")), ("Tocsin", (5, 0, "Tocsin")), ("+15005550006", (1, 1, "15005550006"))],
)
def test_a_sender_is_a_number_a_short_code_or_a_name(sender, wanted):
    with Smsc() as smsc:
        smpp.send(saying("x"), settings(smsc.port, sender=sender), SECRETS)
    assert smsc.submitted[0].source == wanted


def test_a_long_message_goes_in_parts_with_one_reference_whatever_the_attempt():
    text = "Ä" * 160 + "€" * 80
    with Smsc() as smsc:
        again = saying(text, attempt=2)
        names = [smpp.send(one, settings(smsc.port), SECRETS) for one in (saying(text), again)]
    assert names == [Accepted("M1 M2 M3"), Accepted("M4 M5 M6")]
    parts = smsc.submitted[:3]
    assert [part.octets for part in parts] == [one.octets for one in smsc.submitted[3:]]
    assert all(part.esm_class == 0x40 for part in parts)
    assert [part.octets[:3] + part.octets[5:7] for part in parts] == [
        bytes([6, 8, 4, 3, number]) for number in (1, 2, 3)
    ]
    assert max(len(part.octets) for part in parts) <= 159
    assert "".join(alphabet.read(part.octets, 0, headed=True) for part in parts) == text


def test_one_wide_character_makes_the_whole_message_wide():
    with Smsc() as smsc:
        smpp.send(saying("caution…"), settings(smsc.port), SECRETS)
        smpp.send(saying("🔔" * 40), settings(smsc.port), SECRETS)
    short, *parts = smsc.submitted
    assert (short.coding, short.octets.decode("utf-16-be")) == (8, "caution…")
    assert [alphabet.read(part.octets, 8, headed=True) for part in parts] == ["🔔" * 33, "🔔" * 7]


def test_a_payload_split_by_the_smsc_is_one_message_with_one_name():
    with Smsc() as smsc:
        found = smpp.send(saying("x" * 400), settings(smsc.port, long_messages="payload"), SECRETS)
    assert found == Accepted("M1")
    assert (smsc.submitted[0].esm_class, smsc.submitted[0].octets) == (0, b"x" * 400)


def test_a_message_with_a_refused_or_unanswered_part_is_not_accepted():
    long = saying("x" * 400)
    for act, wanted in ((0x58, Throttled), (0x01, Rejected), (Talk.stay_silent, Unknown)):
        with Smsc(None, act) as smsc:
            assert isinstance(smpp.send(long, settings(smsc.port), SECRETS), wanted)
        assert len(smsc.submitted) == 1


def texts(*words: str) -> list[Outbound]:
    return [saying(word, delivery=f"dlv-{n}") for n, word in enumerate(words)]


def test_many_messages_go_over_one_bind_and_each_has_its_own_outcome():
    with Smsc(None, 0x58, 0x0B) as smsc:
        line = smpp.open_line(settings(smsc.port), SECRETS)
        refused = [saying("x" * 4_000), outbound("Maria")]
        outcomes = line.send([*texts("a", "b", "c", "d"), *refused])
        more = line.send(texts("e"))
        assert line.send([]) == ()
        line.close()
        line.close()
    assert [type(one) for one in outcomes] == [Accepted, Throttled, Rejected, Accepted, Rejected, Rejected]
    assert [one.provider_id for one in (outcomes[0], outcomes[3], *more)] == ["M1", "M2", "M3"]
    assert smsc.bound == [pdu.BIND_TRANSMITTER]


def test_no_more_messages_than_the_window_wait_for_an_answer():
    waiting: list[int] = []

    def patient(talk: Talk) -> None:
        while (unit := hear(talk)) is not None:
            if unit.command == pdu.SUBMIT_SM:
                waiting.append(unit.sequence)
                if len(waiting) == 3:  # in another order
                    say(talk, pdu.DELIVER_SM, 9, 0, receipt("M0"))
                    for sequence in reversed(waiting):
                        say(talk, pdu.SUBMIT_SM | pdu.ANSWER, sequence, 0, b"M%d\0" % sequence)
                    waiting.clear()
            elif not unit.command & pdu.ANSWER:
                say(talk, unit.command | pdu.ANSWER, unit.sequence, 0, b"smsc\0")

    with ChaosServer(patient) as server:
        line = smpp.open_line(settings(server.port, window=3), SECRETS)
        outcomes = line.send(texts(*"abcdef"))
        line.close()
    assert outcomes == tuple(Accepted(f"M{n}") for n in range(2, 8))


def test_after_a_loss_begun_messages_are_unknown_and_the_others_not_sent():
    with Smsc(None, lambda talk: talk.reset()) as smsc:
        line = smpp.open_line(settings(smsc.port, window=1), SECRETS)
        outcomes = line.send(texts("a", "b", "c"))
        again = line.send(texts("c"))
        line.close()
    assert [type(one) for one in outcomes] == [Accepted, Unknown, NotSent]
    assert again == (Accepted("M2"),)
    assert len(smsc.bound) == 2


def test_a_refused_bind_settles_the_whole_batch():
    with Smsc(binds=(0x0E,)) as smsc:
        line = smpp.open_line(settings(smsc.port), SECRETS)
        assert [one.about for one in line.send(texts("a", "b"))] == ["account"] * 2
    nowhere = smpp.open_line(settings(closed_port()), SECRETS)
    assert [type(one) for one in nowhere.send(texts("a", "b"))] == [NotSent] * 2
    assert [one.code for one in smpp.open_line(settings(), {}).send(texts("a"))] == ["secret"]


def test_an_smsc_that_only_keeps_the_connection_alive_does_not_hold_a_batch():
    def never_answers(talk: Talk) -> None:
        unit = hear(talk)
        say(talk, unit.command | pdu.ANSWER, unit.sequence, 0, b"smsc\0")
        unit = hear(talk)
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            say(talk, pdu.ENQUIRE_LINK, 9)
            hear(talk)
        say(talk, unit.command | pdu.ANSWER, unit.sequence, 0, b"M1\0")
        hear(talk)

    brief = msgspec.structs.replace(IMPATIENT, after_body=timedelta(seconds=0.1))
    with ChaosServer(never_answers) as server:
        line = smpp.open_line(settings(server.port, window=1), SECRETS)
        found = line.send([msgspec.structs.replace(one, timeouts=brief) for one in texts("a", "b")])
        line.close()
    assert [type(one) for one in found] == [Unknown, NotSent]


def test_types_and_plans_of_addresses_are_those_of_the_provider():
    kinds = {"sender_ton": 2, "sender_npi": 8, "recipient_ton": 0, "recipient_npi": 0}
    with Smsc() as smsc:
        smpp.send(saying("x"), settings(smsc.port, **kinds), SECRETS)
    (one,) = smsc.submitted
    assert (one.source, one.recipient) == ((2, 8, "15005550006"), (0, 0, "15005550010"))
    wrong = smpp.lint(settings(sender_ton=300, window=0), SECRETS)
    assert [finding.severity for finding in wrong] == ["error", "error"]


def test_an_smsc_with_latin_1_gets_it_and_counts_as_the_network_does():
    latin = {"alphabet": "latin1"}
    with Smsc() as smsc:
        for text in ("Grüße [1]", "€", "[" * 81):
            smpp.send(saying(text), settings(smsc.port, **latin), SECRETS)
    first, second, *parts = smsc.submitted
    assert (first.coding, first.octets) == (0, "Grüße [1]".encode("latin-1"))
    assert second.coding == 8
    assert [len(part.octets) for part in parts] == [7 + 76, 7 + 5]
    answer = read_incoming(pdu.read_delivery(delivery("15005550010", b"\xfc")), 7, AT, settings(**latin))
    assert isinstance(answer, Answer)
    assert answer.text == "ü"


def test_invalid_messages_are_refused_before_a_connection_opens():
    nowhere = settings(closed_port())
    found = [
        smpp.send(outbound("Maria"), nowhere, SECRETS),
        smpp.send(saying("x" * 1521), nowhere, SECRETS),
        smpp.send(MESSAGE, msgspec.structs.replace(nowhere, sender="a long name here"), SECRETS),
        smpp.send(MESSAGE, nowhere, {}),
        smpp.send(MESSAGE, nowhere, {"password": Held("a\0b")}),
        smpp.self_test(MESSAGE, nowhere, SECRETS),
    ]
    assert [one.code for one in found] == ["address", "length", "sender", "secret", "secret", "own_number"]


def test_a_receipt_during_a_send_is_delivered_again_to_the_collector():
    with Smsc() as smsc:
        smsc.waiting = [receipt("M0")]
        both = settings(smsc.port, bind="transceiver")
        assert smpp.send(saying("x"), both, SECRETS) == Accepted("M1")
        smsc.rest()
        receipts: list[Receipt | Answer] = []
        assert smpp.collect(keeping(receipts), AT, IMPATIENT, both, SECRETS) == ""
        assert smsc.bound == [pdu.BIND_TRANSCEIVER] * 2
    assert [receipt.provider_id for receipt in receipts] == ["M0"]
    assert smsc.answers[0] == (pdu.DELIVER_SM | pdu.ANSWER, pdu.TEMPORARY)
    assert smsc.waiting == []


def test_waiting_messages_are_confirmed_only_after_they_are_stored():
    with Smsc() as smsc:
        at = settings(smsc.port)
        smsc.waiting = [receipt("M1"), receipt("M1"), delivery("15005550010", b"OK")]
        kept: list[Receipt | Answer] = []

        def full(one: Receipt | Answer) -> bool:
            kept.append(one)
            return len(kept) < 2

        assert smpp.collect(full, AT, IMPATIENT, at, SECRETS) != ""
        smsc.rest()
        assert len(smsc.waiting) == 2
        assert smsc.bound == [pdu.BIND_RECEIVER]
        assert smpp.collect(keeping(kept), AT, IMPATIENT, at, SECRETS) == ""
        smsc.rest()
        assert smsc.waiting == []
    assert kept[:3] == [DELIVERED] * 3
    assert isinstance(kept[3], Answer)
    assert (kept[3].sender, kept[3].text) == (TO, "OK")


def test_a_collector_that_fails_confirms_nothing():
    def fails(one: Receipt | Answer) -> bool:
        raise RuntimeError("no room")

    with Smsc() as smsc:
        smsc.waiting = [receipt("M1")]
        with pytest.raises(RuntimeError):
            smpp.collect(fails, AT, IMPATIENT, settings(smsc.port), SECRETS)
        smsc.rest()
        assert len(smsc.waiting) == 1


def test_errors_of_a_collection_are_reported():
    def collected(port: int, secrets=SECRETS) -> str:
        return smpp.collect(lambda _: True, AT, IMPATIENT, settings(port), secrets)

    lost = collected(closed_port())
    assert lost != ""
    assert "password" in collected(1, {})
    with Smsc(binds=(0x0E,)) as smsc:
        assert "0x0000000E" in collected(smsc.port)

    def dead(talk: Talk) -> None:
        unit = hear(talk)
        say(talk, unit.command | pdu.ANSWER, unit.sequence, 0, b"smsc\0")
        talk.stay_silent()

    with ChaosServer(dead) as server:
        assert collected(server.port) == lost

    def leaves(talk: Talk) -> None:
        unit = hear(talk)
        say(talk, unit.command | pdu.ANSWER, unit.sequence, 0, b"smsc\0")
        say(talk, pdu.UNBIND, 9)
        hear(talk)

    with ChaosServer(leaves) as server:
        assert collected(server.port) == ""


def test_a_round_of_collecting_has_an_end_even_when_things_keep_coming():
    def never_quiet(talk: Talk) -> None:
        unit = hear(talk)
        say(talk, unit.command | pdu.ANSWER, unit.sequence, 0, b"smsc\0")
        for number in range(100_000):
            say(talk, pdu.DELIVER_SM, number, 0, receipt("M1"))
            hear(talk)

    brief = msgspec.structs.replace(IMPATIENT, total=timedelta(seconds=0.3))
    with ChaosServer(never_quiet) as server:
        assert smpp.collect(lambda _: True, AT, brief, settings(server.port), SECRETS) == ""


def test_a_unit_that_comes_in_two_halves_around_a_silence_is_one_unit():
    def halves(talk: Talk) -> None:
        unit = hear(talk)
        say(talk, unit.command | pdu.ANSWER, unit.sequence, 0, b"smsc\0")
        whole = pdu.pack(pdu.Pdu(pdu.DELIVER_SM, 1, body=receipt("M1")))
        talk.say(whole[:20])
        asked = hear(talk)  # our question, after the silence
        talk.say(whole[20:])
        say(talk, asked.command | pdu.ANSWER, asked.sequence)
        hear(talk)

    kept: list[Receipt | Answer] = []
    with ChaosServer(halves) as server:
        at = settings(server.port)
        assert smpp.collect(keeping(kept), AT, IMPATIENT, at, SECRETS) == ""
    assert kept == [DELIVERED]


def found_in(body: bytes, **more) -> Receipt | Answer | None:
    return read_incoming(pdu.read_delivery(body), 7, AT, settings(**more))


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("DELIVRD", "delivered"),
        ("ACCEPTD", "accepted"),
        ("ENROUTE", "accepted"),
        ("EXPIRED", "failed"),
        ("UNDELIV", "failed"),
        ("REJECTD", "failed"),
        ("DELETED", "failed"),
    ],
)
def test_each_state_gives_the_evidence_it_proves(state, kind):
    found = found_in(receipt("M1", state, "011"))
    assert (found.kind, found.provider_id, found.code) == (kind, "M1", "011" if kind == "failed" else "")


def test_a_state_that_the_smsc_calls_unknown_says_nothing():
    assert found_in(receipt("M1", "UNKNOWN")) is None
    assert found_in(delivery("1", b"hello", esm_class=pdu.RECEIPT)) is None
    assert found_in(delivery("1", b"read it", esm_class=0x10)) is None


def test_a_receipt_that_was_written_to_be_costly_says_nothing():
    extras = pdu.parameter(pdu.MESSAGE_PAYLOAD, b"id:aaaaaaaaaaaa " * 4_000)
    assert found_in(delivery("1", b"", esm_class=pdu.RECEIPT, extras=extras)) is None


def test_parameters_of_a_receipt_go_before_its_text():
    extras = pdu.parameter(pdu.RECEIPTED_ID, b"A7\0") + pdu.parameter(pdu.MESSAGE_STATE, b"\x05")
    body = delivery("1", b"id:9 stat:DELIVRD err:000", esm_class=pdu.RECEIPT, extras=extras)
    receipt = found_in(body)
    assert (receipt.provider_id, receipt.kind) == ("A7", "failed")
    assert found_in(delivery("1", b"", esm_class=pdu.RECEIPT, extras=extras)).provider_id == "A7"


def test_converted_message_ids_are_matched_when_the_settings_say_so():
    assert found_in(receipt("0000000255")).provider_id == "0000000255"
    assert found_in(receipt("0000000255"), receipt_ids="hex_to_decimal").provider_id == "FF"
    assert found_in(receipt("abc"), receipt_ids="hex_to_decimal").provider_id == "abc"


def test_a_reply_is_read_in_its_alphabet_and_two_equal_replies_are_two():
    wide = found_in(delivery("+15005550010", "Grüße €".encode("utf-16-be"), coding=8))
    assert (wide.sender, wide.text) == (TO, "Grüße €")
    headed = delivery("15005550010", bytes([5, 0, 3, 1, 2, 1]) + b"one\x1be", esm_class=0x40)
    assert found_in(headed).text == "one€"
    assert found_in(delivery("12345", b"\xe9", coding=3)).text == "é"
    assert found_in(delivery("Bank", b"ok", coding=1)).sender == "Bank"
    assert found_in(delivery("", b"ok")) is None
    same = pdu.read_delivery(delivery("15005550010", b"OK"))
    first, second = (read_incoming(same, sequence, AT, settings()) for sequence in (1, 2))
    assert first.event_id != second.event_id
    payload = delivery("15005550010", b"", extras=pdu.parameter(pdu.MESSAGE_PAYLOAD, b"long"))
    assert found_in(payload).text == "long"


@given(st.binary(max_size=200))
def test_any_smsc_delivery_is_read_or_refused(body):
    try:
        one = pdu.read_delivery(body)
    except ValueError:
        return
    assert repr(one) == f"Delivered(esm_class={one.esm_class:#x})"
    receipt = read_incoming(one, 1, AT, settings())
    assert receipt is None or isinstance(receipt, Receipt | Answer)
    assert "\0" not in pdu.name(body)


@given(st.text(max_size=700), st.integers(0, 65535))
def test_any_text_can_be_coded_and_its_parts_fit_and_join(text, reference):
    coded = alphabet.code(text, reference)
    assert all(len(part) <= (160 if coded.coding == alphabet.NARROW else 140) for part in coded.parts)
    joined = "".join(alphabet.read(part, coded.coding, headed=coded.joined) for part in coded.parts)
    wanted = text.replace("\r\n", "\n")
    assert joined == wanted.encode("utf-16-be", "replace").decode("utf-16-be")
    if coded.joined:
        assert {part[3:5] for part in coded.parts} == {struct.pack(">H", reference)}


def test_the_alphabet_is_that_of_the_standard():
    assert len(alphabet.BASIC) == 128
    assert alphabet.code("@£ _ΞÉ é\n", 0).whole == bytes([0, 1, 32, 17, 26, 31, 32, 5, 10])
    assert alphabet.code("^{}\\[~]|€\f", 0).whole == bytes.fromhex("1b141b281b291b2f1b3c1b3d1b3e1b401b651b0a")
    assert alphabet.read(b"a\x80\x1b", 0, headed=False) == "a�"


def test_units_are_those_of_the_specification():
    # The header's example of chapter 3.2.4, and the octets of a bind as chapter 5.1 orders them.
    assert pdu.pack(pdu.Pdu(pdu.BIND_TRANSMITTER, 1, body=pdu.bind("SMPP3TEST", "secret08", "SUBMIT1"))) == (
        bytes.fromhex(
            "0000002F000000020000000000000001534D50503354455354007365637265743038005355424D495431003400 0000"
        )
    )
    assert repr(pdu.Pdu(4, 1, body=b"marker")) == "Pdu(command=0x4, sequence=1, status=0x0)"
    one = pdu.Submission(sender="a", recipient="b", coding=0, octets=b"marker")
    assert repr(one) == "Submission(coding=0)"


@pytest.mark.parametrize("size", [0, 15, 70_001, 0xFFFFFFFF])
def test_an_invalid_length_is_refused(size):
    with pytest.raises(ValueError):  # noqa: PT011  # a length is all that is read here
        pdu.length(struct.pack(">IIII", size, 0, 0, 0))


@pytest.mark.parametrize(
    ("left", "wanted"),
    [
        (timedelta(seconds=-5), "000000000001000R"),
        (timedelta(hours=25, seconds=1), "000001010001000R"),
        (timedelta(days=400), "000028000000000R"),
    ],
)
def test_a_deadline_is_said_relative_to_the_smscs_own_clock(left, wanted):
    with Smsc() as smsc:
        smpp.send(saying("x", deadline=AT + left), settings(smsc.port), SECRETS)
    assert smsc.submitted[0].validity == wanted


def test_statuses_name_their_subject():
    outcome = at_submission(0x0B)
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.about, outcome.permanent) == ("0x0000000B", "recipient", True)
    assert at_submission(0x0A).about == "account"
    assert not at_submission(0x0401).permanent
    assert isinstance(at_bind(0xFF), Throttled)
    assert at_bind(0x0D).about == "account"


def test_over_tls_the_certificate_is_checked_against_the_channels_own_authority(
    certificate: tuple[Path, Path],
):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with Smsc() as smsc, context_relay(context, smsc.port) as port:
        trusting = settings(port, line="tls", ca_file=str(certificate[0]))
        patient = saying("x", timeouts=Timeouts(read=timedelta(seconds=5)))
        assert smpp.send(patient, trusting, SECRETS) == Accepted("M1")
        untrusting = settings(port, line="tls")
        assert isinstance(smpp.send(patient, untrusting, SECRETS), NotSent)
        assert len(smsc.bound) == 1, "whom we do not trust gets no password"


class context_relay:  # read as a statement
    """Puts TLS in front of a plain port: two connections, one after the other."""

    def __init__(self, context: ssl.SSLContext, port: int) -> None:
        self._context, self._port = context, port

    def __enter__(self) -> int:
        self._server = ChaosServer(self._relay)
        self._server.__enter__()
        return self._server.port

    def __exit__(self, *_) -> None:
        self._server.__exit__(None, None, None)

    def _relay(self, talk: Talk) -> None:
        import socket

        with (
            self._context.wrap_socket(talk._connection, server_side=True) as near,
            socket.create_connection(("127.0.0.1", self._port)) as far,
        ):
            back = threading.Thread(target=_copy, args=(far, near))
            back.start()
            _copy(near, far)
            far.shutdown(socket.SHUT_RDWR)
            back.join()


def _copy(source, target) -> None:
    try:
        while part := source.recv(4096):
            target.sendall(part)
    except OSError:
        return


def test_the_self_test_goes_to_our_own_telephone():
    with Smsc() as smsc:
        own = settings(smsc.port, own_number="+15005550099")
        assert smpp.self_test(MESSAGE, own, SECRETS) == Accepted("M1")
    assert smsc.submitted[0].recipient == (1, 1, "15005550099")


def test_a_number_can_be_taken_over_so_nothing_private_and_no_authority():
    able = smpp.capabilities(settings(host="SMSC.example"))
    assert able.sim_swappable
    assert (able.confidentiality, able.personal_data, able.ack_strength) == ("public", "none", "seen")
    assert (able.idempotency, able.reconcile) == ("none", "none")
    assert able.domains == {"smpp:smsc.example:1"}
    assert smpp.address_problem(TO) == ""


def test_the_lint_finds_settings_that_would_fail_or_leak():
    assert smpp.lint(settings(), SECRETS) == ()
    bad = settings(0, host="smsc.example", sender="a name too long", own_number="1")
    found = smpp.lint(bad, {})
    assert [one.severity for one in found] == ["error"] * 4 + ["warning"]
    named = ("port", "password", "sender", "own_number", "line")
    assert [word for one, word in zip(found, named, strict=True) if word not in one.what] == []
    (strange,) = smpp.lint(settings(sender="Ünfug"), SECRETS)
    assert (strange.severity, "sender" in strange.what) == ("error", True)
    assert strange.what != found[2].what, "one is too long, the other no ASCII"
