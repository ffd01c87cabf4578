"""A mailbox read by IMAP: a real server, nothing lost, nothing taken twice, nothing changed in it."""

from __future__ import annotations

import imaplib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from integrations import smtp
from integrations.http.cutoff import CutOff
from integrations.port import Answer, Receipt, Timeouts
from integrations.smtp import Imap, Settings, imap
from integrations.smtp.reports import LARGEST
from integrations.testing.chaos import ChaosServer, Script, Talk
from runner.effects.gateway.translation import Held
from tests.integrations.test_smtp_reports import group, mail, report
from tests.servers import dovecot
from tests.servers.needed import absent
from tests.servers.receivers import free_port

AT = datetime(2026, 11, 24, 14, 2, tzinfo=UTC)
SECRETS = {"imap_password": Held(dovecot.PASSWORD)}


@pytest.fixture
def server(certificate: tuple[Path, Path]) -> Iterator[dovecot.Dovecot]:
    program = dovecot.dovecot_program()
    if program is None:
        absent("dovecot", "apt-get install dovecot-imapd; only root may run it")
    with dovecot.running_dovecot(program, *certificate) as running:
        yield running


def box(port: int, tmp_path: Path, **more: object) -> Imap:
    given = {"host": "127.0.0.1", "port": port, "username": dovecot.USER, "state": tmp_path / "state"}
    return Imap(**{**given, **more})


def collected(
    inbox: Imap, ca_file: Path | None, *, keep: bool = True, secrets: dict[str, Held] | None = None
) -> tuple[list[Receipt | Answer], str]:
    got: list[Receipt | Answer] = []

    def took(one: Receipt | Answer) -> bool:
        got.append(one)
        return keep

    channel = Settings(
        host="127.0.0.1", sender="incident@example.org", ca_file=str(ca_file or ""), imap=inbox
    )
    waits = Timeouts(connect=timedelta(seconds=5), read=timedelta(seconds=10))
    return got, smtp.collect(took, AT, waits, channel, SECRETS if secrets is None else secrets)


@pytest.mark.slow
@pytest.mark.parametrize("tls", ["implicit", "starttls", "none"])
def test_each_mail_is_taken_once_and_the_mailbox_is_left_as_it_was(
    server: dovecot.Dovecot, certificate: tuple[Path, Path], tmp_path: Path, tls: str
) -> None:
    inbox = box(server.port if tls == "implicit" else server.plain, tmp_path, tls=tls)
    server.put("1", report(group("relayed")))
    server.put("2", mail("K7M2QX"))
    server.put("3", b"Subject: long\r\n\r\n" + b"x" * (LARGEST + 10))
    got, trouble = collected(inbox, certificate[0])
    assert ([type(one) for one in got], trouble) == ([Receipt, Answer], "")
    assert collected(inbox, certificate[0]) == ([], "")
    server.put("4", report(group("delivered")))
    again, _ = collected(inbox, certificate[0])
    assert [one.kind for one in again if isinstance(one, Receipt)] == ["delivered"]
    assert server.mails() == 4
    assert not any("S" in one.name.rpartition(",")[2] for one in (server.mailbox / "cur").iterdir())


@pytest.mark.slow
def test_mail_that_could_not_be_stored_is_read_again_and_blocks_nothing(
    server: dovecot.Dovecot, certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    inbox = box(server.port, tmp_path)
    server.put("1", report(group("relayed")))
    assert collected(inbox, certificate[0], keep=False)[1] == "a received email could not be stored"
    server.put("2", report(group("delivered")))
    got, trouble = collected(inbox, certificate[0])
    assert ([one.kind for one in got if isinstance(one, Receipt)], trouble) == (["relayed", "delivered"], "")
    assert collected(inbox, certificate[0]) == ([], "")


@pytest.mark.slow
def test_a_lost_state_or_another_numbering_reads_all_once_more(
    server: dovecot.Dovecot, certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    inbox = box(server.port, tmp_path)
    server.put("1", report(group("delivered")))
    first, _ = collected(inbox, certificate[0])
    for state in (b"", b'{"validity": 7, "next": 99, "again": [5]}'):
        inbox.state.write_bytes(state)
        assert collected(inbox, certificate[0]) == (first, ""), "with the same digests, so it does no harm"
    inbox.state.unlink()
    assert collected(inbox, certificate[0]) == (first, "")


@pytest.mark.slow
def test_mailbox_errors_are_reported_without_the_words_of_the_server(
    server: dovecot.Dovecot, certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    inbox = box(server.port, tmp_path)
    wrong = {"imap_password": Held("marker-word")}
    refused = "the mailbox server refuses the login"
    assert collected(inbox, certificate[0], secrets=wrong) == ([], refused)
    assert collected(inbox, certificate[0], secrets={}) == ([], "the secret imap_password is missing")
    no_such = msgspec.structs.replace(inbox, folder='odd "name')
    assert collected(no_such, certificate[0]) == ([], "the mailbox has no such folder")


def test_a_missing_server_and_another_protocol_are_reported(tmp_path: Path) -> None:
    lost = "the connection to the mailbox was lost, or the server does not support IMAP"
    assert collected(box(free_port(), tmp_path, tls="none"), None)[1] == lost

    def chat(talk: Talk) -> None:
        talk.say(b"220 this is no IMAP\r\n")

    with ChaosServer(chat) as server:
        assert collected(box(server.port, tmp_path, tls="none"), None)[1] == lost


def test_a_server_that_promises_too_much_is_not_listened_to(tmp_path: Path) -> None:
    def flood(talk: Talk) -> None:
        talk.say(b"* PREAUTH [CAPABILITY IMAP4rev1] ready {99999999999}\r\n")

    with ChaosServer(flood) as server:
        got, trouble = collected(box(server.port, tmp_path, tls="none"), None)
    assert (got, trouble) == (
        [],
        "the connection to the mailbox was lost, or the server does not support IMAP",
    )
    assert not (tmp_path / "state").exists()


def test_a_server_that_never_stops_answering_is_not_listened_to(tmp_path: Path) -> None:
    said = 0

    def flood(talk: Talk) -> None:
        nonlocal said
        talk.say(b"* OK ready\r\n")
        talk.hear()
        while said < 4 * imap.MOST_HEARD:
            talk.say(b"* NO " + b"x" * 500_000 + b"\r\n")
            said += 500_000

    with ChaosServer(flood) as server:
        got, trouble = collected(box(server.port, tmp_path, tls="none"), None)
    assert (got, trouble) == (
        [],
        "the connection to the mailbox was lost, or the server does not support IMAP",
    )
    assert said < 2 * imap.MOST_HEARD


def full(mails: int) -> Script:
    """Return a server whose one mailbox has so many mails, all of them expunged when they are asked for."""
    said = {
        b"CAPABILITY": b"* CAPABILITY IMAP4rev1\r\n",
        b"LOGIN": b"",
        b"EXAMINE": b"* OK [UIDVALIDITY 7] ids\r\n",
        b"SEARCH": b"* SEARCH " + b" ".join(b"%d" % n for n in range(1, mails + 1)) + b"\r\n",
        b"(UID)": b"".join(b"* %d FETCH (UID %d)\r\n" % (n, n) for n in range(1, mails + 1)),
    }

    def script(talk: Talk) -> None:
        talk.say(b"* OK ready\r\n")
        while part := talk.hear():
            tag = part.partition(b" ")[0]
            item = next((text for word, text in said.items() if word in part), b"")
            talk.say(item + tag + b" OK done\r\n")

    return script


def test_a_mailbox_with_more_mails_than_one_line_can_name_is_read_a_round_at_a_time(tmp_path: Path) -> None:
    with ChaosServer(full(170_000)) as server:
        inbox = box(server.port, tmp_path, tls="none")
        assert collected(inbox, None) == ([], "")
    assert msgspec.json.decode(inbox.state.read_bytes()) == {
        "validity": 7,
        "next": imap.MOST + 1,
        "again": [],
    }


def test_a_greeting_that_drips_has_an_end(tmp_path: Path) -> None:
    with ChaosServer(lambda talk: talk.drip(b"* OK " + b"x" * 100, pause=0.02)) as server:
        slow = box(server.port, tmp_path, tls="none")
        with CutOff(timedelta(milliseconds=50)) as cut:
            with pytest.raises((OSError, imaplib.IMAP4.error)):
                imap.opened(slow, SECRETS, Timeouts(), "", cut)
            assert cut.fired


def test_the_password_goes_over_no_line_in_clear(tmp_path: Path) -> None:
    outside = msgspec.structs.replace(box(143, tmp_path, tls="none"), host="mail.example.org")
    assert collected(outside, None) == ([], "the password is not sent without TLS")


@pytest.mark.slow
def test_a_mailbox_position_that_cannot_be_stored_is_reported(
    server: dovecot.Dovecot, certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    nowhere = box(server.port, tmp_path, state=tmp_path / "missing" / "state")
    why = "the position in the mailbox cannot be stored: No such file or directory"
    assert collected(nowhere, certificate[0]) == ([], why)


def holding(mails: list[bytes]) -> Script:
    """Return a server whose one mailbox has these mails, for as many lines as come."""

    def answer(part: bytes) -> bytes:
        if b"BODY.PEEK" in part:
            n = int(part.split(b" ")[3])
            return b"* %d FETCH (UID %d BODY[]<0> {%d}\r\n%s)\r\n" % (n, n, len(mails[n - 1]), mails[n - 1])
        said = {
            b"CAPABILITY": b"* CAPABILITY IMAP4rev1\r\n",
            b"EXAMINE": b"* OK [UIDVALIDITY 7] ids\r\n",
            b"(UID)": b"".join(b"* %d FETCH (UID %d)\r\n" % (n, n) for n in range(1, len(mails) + 1)),
        }
        return next((text for word, text in said.items() if word in part), b"")

    def script(talk: Talk) -> None:
        talk.say(b"* OK ready\r\n")
        while part := talk.hear():
            talk.say(answer(part) + part.partition(b" ")[0] + b" OK done\r\n")

    return script


def test_of_two_workers_on_one_mailbox_only_one_collects(tmp_path: Path) -> None:
    mails = [bytes(report(group("relayed"))), bytes(report(group("delivered")))]
    others: list[tuple[list[Receipt | Answer], str]] = []
    got: list[Receipt | Answer] = []
    with ChaosServer(holding(mails)) as server:
        inbox = box(server.port, tmp_path, tls="none")

        def took(one: Receipt | Answer) -> bool:
            got.append(one)
            others.append(collected(inbox, None))
            return True

        channel = Settings(host="127.0.0.1", sender="incident@example.org", imap=inbox)
        waits = Timeouts(connect=timedelta(seconds=5), read=timedelta(seconds=10))
        assert smtp.collect(took, AT, waits, channel, SECRETS) == ""
        assert [receipt.kind for receipt in got if isinstance(receipt, Receipt)] == ["relayed", "delivered"]
        assert others == [([], ""), ([], "")], "the other finds nothing, and nothing wrong"
        assert collected(inbox, None) == ([], "")
    assert msgspec.json.decode(inbox.state.read_bytes()) == {"validity": 7, "next": 3, "again": []}


def test_a_lock_of_a_dead_worker_blocks_no_other_worker(tmp_path: Path) -> None:
    with ChaosServer(holding([bytes(report(group("relayed")))])) as server:
        inbox = box(server.port, tmp_path, tls="none")
        inbox.state.with_name("state.lock").write_bytes(b"")
        assert [type(one) for one in collected(inbox, None)[0]] == [Receipt]
