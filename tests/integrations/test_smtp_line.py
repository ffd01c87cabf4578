"""Many mails over one connection: each has its own outcome, whatever the server does in the middle."""

from __future__ import annotations

import binascii
import email
import email.policy
import io
import smtplib
from collections.abc import Iterator
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations import smtp
from integrations.port import Accepted, NotSent, Outbound, Outcome, Rejected, Throttled, Unknown, plain_body
from integrations.smtp.line import reply
from integrations.smtp.mime import assembled
from integrations.testing.conformance import outbound
from tests.integrations.test_smtp import Mailbox, Relay, settings
from tests.servers.receivers import free_port

PEOPLE = [f"person{n}@people.example" for n in range(5)]


class Peer(Mailbox):
    """A relay that pipelines, and answers as its script says: by recipient, at RCPT or after the dot."""

    def __init__(self, *, pipelines: bool = True) -> None:
        super().__init__()
        self.pipelines = pipelines
        self.connections = 0
        self.rcpt: dict[str, str] = {}
        self.dot: dict[str, str] = {}
        self.hang_up: dict[str, str] = {}

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        self.connections += 1
        session.host_name = hostname
        return [*responses[:-1], *(["250-PIPELINING"] if self.pipelines else []), responses[-1]]

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.hang_up.get(address) == "rcpt":
            server.transport.abort()
        if address in self.rcpt:
            return self.rcpt[address]
        return await super().handle_RCPT(server, session, envelope, address, options)

    async def handle_DATA(self, server, session, envelope):
        (address,) = envelope.rcpt_tos
        if address in self.dot:
            return self.dot[address]
        answer = await super().handle_DATA(server, session, envelope)
        if self.hang_up.get(address) == "dot":
            server.transport.abort()
        return answer


@pytest.fixture(params=[True, False], ids=["pipelined", "one by one"])
def peer(request) -> Peer:
    return Peer(pipelines=request.param)


@pytest.fixture
def relay(peer: Peer) -> Iterator[Relay]:
    server = Relay(peer)
    server.start()
    yield server
    server.stop()


def to(address: str, **more: object) -> Outbound:
    key = f"K{abs(hash(address)):031d}"[:32]
    patient = outbound(address)
    limits = msgspec.structs.replace(
        patient.timeouts, total=timedelta(seconds=20), read=timedelta(seconds=10)
    )
    return msgspec.structs.replace(patient, idempotency_key=key, timeouts=limits, **more)


def sent(relay: Relay, *addresses: str) -> tuple[Outcome, ...]:
    line = smtp.open_line(settings(relay), {})
    try:
        return line.send([to(address) for address in addresses])
    finally:
        line.close()


def taken(peer: Peer) -> list[str]:
    return [envelope.rcpt_tos[0] for envelope, _ in peer.envelopes]


def test_all_go_over_one_connection_and_each_is_answered(peer: Peer, relay: Relay) -> None:
    line = smtp.open_line(settings(relay), {})
    first = line.send([to(address) for address in PEOPLE])
    second = line.send([to("late@people.example")])
    line.close()
    assert [type(one) for one in (*first, *second)] == [Accepted] * 6
    assert first[0] == Accepted("Q7")
    assert taken(peer) == [*PEOPLE, "late@people.example"]
    assert peer.connections == 1


def test_a_refused_recipient_blocks_no_other_recipient(peer: Peer, relay: Relay) -> None:
    peer.rcpt = {PEOPLE[1]: "550 5.1.1 no such user", PEOPLE[3]: "451 4.7.1 greylisted"}
    outcomes = sent(relay, *PEOPLE)
    assert isinstance(outcomes[1], Rejected)
    assert (outcomes[1].code, outcomes[1].about) == ("550 5.1.1", "recipient")
    assert isinstance(outcomes[3], Throttled)
    assert taken(peer) == [PEOPLE[0], PEOPLE[2], PEOPLE[4]]


def test_a_refusal_after_the_dot_is_the_message_s_own(peer: Peer, relay: Relay) -> None:
    peer.dot = {PEOPLE[0]: "554 5.7.1 spam", PEOPLE[4]: "452 4.3.1 full"}
    outcomes = sent(relay, *PEOPLE)
    assert isinstance(outcomes[0], Rejected)
    assert outcomes[0].code == "554 5.7.1"
    assert isinstance(outcomes[4], Throttled)
    assert [type(outcome) for outcome in outcomes[1:4]] == [Accepted] * 3


def test_a_line_lost_after_a_dot_leaves_one_unknown_and_the_rest_not_sent(peer: Peer, relay: Relay) -> None:
    peer.hang_up = {PEOPLE[2]: "dot"}
    outcomes = sent(relay, *PEOPLE)
    assert [type(outcome) for outcome in outcomes] == [Accepted, Accepted, Unknown, NotSent, NotSent]
    assert taken(peer) == PEOPLE[:3]


def test_a_line_lost_before_a_dot_leaves_that_message_and_the_rest_not_sent(peer: Peer, relay: Relay) -> None:
    peer.hang_up = {PEOPLE[2]: "rcpt"}
    outcomes = sent(relay, *PEOPLE)
    assert isinstance(outcomes[0], Accepted)
    # a connection that is reset takes along an answer that was on its way: then that one is not known
    assert isinstance(outcomes[1], Accepted if not peer.pipelines else Accepted | Unknown)
    assert [type(outcome) for outcome in outcomes[2:]] == [NotSent] * 3


def test_a_lost_line_is_opened_again_for_the_next_batch(peer: Peer, relay: Relay) -> None:
    peer.hang_up = {PEOPLE[0]: "rcpt"}
    line = smtp.open_line(settings(relay), {})
    assert isinstance(line.send([to(PEOPLE[0])])[0], NotSent)
    assert line.send([to(PEOPLE[1])]) == (Accepted("Q7"),)
    line.close()


def test_nothing_is_sent_after_the_server_announces_its_close(peer: Peer, relay: Relay) -> None:
    peer.rcpt = {PEOPLE[1]: "421 4.3.2 closing"}
    outcomes = sent(relay, *PEOPLE)
    assert [type(outcome) for outcome in outcomes] == [Accepted, Throttled, NotSent, NotSent, NotSent]


def test_without_a_server_every_message_is_not_sent() -> None:
    nowhere = smtp.Settings(host="127.0.0.1", port=free_port(), sender="alerts@breach.example", tls="none")
    found = smtp.open_line(nowhere, {}).send([to(address) for address in PEOPLE])
    assert [type(one) for one in found] == [NotSent] * 5


def test_an_address_that_would_break_out_is_refused_and_the_others_go(peer: Peer, relay: Relay) -> None:
    outcomes = sent(relay, "a@b.example>\r\nRCPT TO:<c@d.example", PEOPLE[0])
    assert isinstance(outcomes[0], Rejected)
    assert outcomes[1] == Accepted("Q7")
    assert taken(peer) == [PEOPLE[0]]


@pytest.mark.parametrize("html", [None, "<p>Zoë &amp; <b>you</b></p>\n.\n"])
@pytest.mark.parametrize("name", ["", "Büro für Datenschutz", 'Quote " and, comma'])
def test_a_message_contains_its_given_text(name: str, html: str | None) -> None:
    text = "Dear Zoë,\n\n.a dot leads\n.\nFrom the start = 50 %  \n" + "long " * 60
    one = to("zoe@people.example", text=text, html=html, subject="Ihre Daten – was geschah")
    mail = email.message_from_bytes(
        assembled(one, "alerts@breach.example", name).replace(b"\r\n..", b"\r\n."), policy=email.policy.SMTP
    )
    sender = mail["From"].addresses[0]
    assert (sender.display_name, sender.addr_spec) == (name, "alerts@breach.example")
    assert (str(mail["To"]), str(mail["Subject"])) == ("zoe@people.example", one.subject)
    assert mail["Date"].datetime == one.at.replace(microsecond=0)
    assert str(mail["Message-ID"]) == f"<{one.idempotency_key}@breach.example>"
    assert (str(mail["Auto-Submitted"]), str(mail["MIME-Version"])) == ("auto-generated", "1.0")
    wanted = {"plain": plain_body(one), **({"html": html} if html else {})}
    for kind, content in wanted.items():
        assert mail.get_body((kind,)).get_content().replace("\r\n", "\n").rstrip("\n") == content.rstrip("\n")


def test_the_longest_line_on_the_wire_is_one_that_every_server_takes() -> None:
    one = to("zoe@people.example", text="ä" * 5000, html="<p>" + "x" * 5000 + "</p>")
    assert max(len(line) for line in assembled(one, "alerts@breach.example", "").split(b"\r\n")) <= 100


@given(st.text(alphabet="aä.=- \t\n~\u2028", max_size=200))
def test_a_page_encoded_line_by_line_is_the_page_encoded_as_a_whole(text: str) -> None:
    one = to("zoe@people.example", text="Dear Zoë", html=f"<p>{text}</p>")
    whole = binascii.b2a_qp(f"<p>{text}</p>".encode(), istext=True).replace(b"\n", b"\r\n")
    assert whole in assembled(one, "alerts@breach.example", "").replace(b"\r\n..", b"\r\n.")


def answered(said: bytes) -> tuple[int, bytes]:
    smtp = smtplib.SMTP()
    smtp.file = io.BytesIO(said)
    return reply(smtp)


def test_an_answer_of_several_lines_is_one_answer() -> None:
    assert answered(b"250-2.0.0 so\r\n250 far\r\n354 next\r\n") == (250, b"2.0.0 so\nfar")
    assert answered(b"250\r\n") == (250, b"")


@pytest.mark.parametrize("said", [b"", b"hello\r\n", b"250 ends in the mid", b"250-one\r\nwhat\r\n"])
def test_an_invalid_reply_ends_the_connection(said: bytes) -> None:
    with pytest.raises(smtplib.SMTPServerDisconnected):
        answered(said)
