"""Delta Chat with the real program on both sides, a real Postfix and a real Dovecot."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from integrations import deltachat
from integrations.port import (
    Accepted,
    Answer,
    NotSent,
    Outbound,
    Receipt,
    Rejected,
    Throttled,
    Timeouts,
    Unknown,
)
from integrations.testing.chaos import ChaosServer, closed_port
from integrations.testing.conformance import MARK, Subject, outbound, repeats
from runner.effects.gateway.translation import Held
from tests.servers.deltachat_reader import Reader, program
from tests.servers.dovecot import PASSWORD
from tests.servers.mail_host import DOMAIN, MailHost, running_mail_host

AT = datetime(2026, 11, 24, 14, 2, tzinfo=UTC)
SECRETS = {"password": Held(PASSWORD)}
WAITS = Timeouts(read=timedelta(seconds=50), total=timedelta(seconds=100))
FINGERPRINT = "BF671A53F7668640B5750D5D9F08539D51A3FEE0"
LINK = f"https://i.delta.chat/#{FINGERPRINT}&v=3&i=P3uuTGrolpXgWixbJ2rWUCvM&s=XA68O4TmPGcggReXeDkd56XM&a=reader%40relay.example&n=Ada"


@pytest.fixture(scope="module")
def host(certificate: tuple[Path, Path]) -> Iterator[MailHost]:
    program()
    with running_mail_host(*certificate) as running:
        yield running


@pytest.fixture(scope="module")
def reader(host: MailHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    with Reader(host, tmp_path_factory.mktemp("reader")) as running:
        yield running


@pytest.fixture(scope="module")
def settings(host: MailHost, tmp_path_factory: pytest.TempPathFactory) -> deltachat.Settings:
    return deltachat.Settings(
        account=f"tocsin@{DOMAIN}",
        folder=tmp_path_factory.mktemp("home") / "account",
        host="127.0.0.1",
        port=host.postfix.port,
        imap_port=host.dovecot.plain,
        tls="none",
    )


def message(recipient: str, key: str, **more: object) -> Outbound:
    told = {"recipient": recipient, "idempotency_key": key.ljust(32, "A"), "timeouts": WAITS, **more}
    return msgspec.structs.replace(outbound(recipient), **told)


def collected(settings: deltachat.Settings, *, keep: bool = True) -> tuple[list[Receipt | Answer], str]:
    got: list[Receipt | Answer] = []

    def took(one: Receipt | Answer) -> bool:
        got.append(one)
        return keep

    return got, deltachat.collect(took, AT, WAITS, settings, SECRETS)


def script(folder: Path, text: str) -> Path:
    """Return a program in Python."""
    made = folder / "program.py"
    made.write_text(f"#!{sys.executable}\n{text}", encoding="utf-8")
    made.chmod(0o700)
    return made


def killed(folder: Path, moment: str) -> Path:
    """Return a program that hands all to the real one, and kills it before or after it sends a draft."""
    return script(
        folder,
        f"""
import subprocess, sys
run = subprocess.Popen([{program()!r}], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
for line in sys.stdin.buffer:
    last = b'"misc_send_draft"' in line
    if not (last and {moment!r} == "before"):
        run.stdin.write(line)
        run.stdin.flush()
        said = run.stdout.readline()
        last = last or not said
    if last:
        run.kill()
        run.wait()
        break
    sys.stdout.buffer.write(said)
    sys.stdout.buffer.flush()
""",
    )


def pretending(folder: Path, answers: dict[str, object]) -> Path:
    """Return a stand-in for the program that gives fixed answers, and writes down what it was asked."""
    return script(
        folder,
        f"""
import json, sys
answers = {answers!r}
for line in sys.stdin:
    asked = json.loads(line)
    with open({str(folder / "asked")!r}, "a") as log:
        log.write(asked["method"] + chr(10))
    found = answers.get(asked["method"])
    if found == "dead":
        break
    if found == "silent":
        continue
    said = {{"id": asked["id"], "result": found}}
    if found == "error":
        said = {{"id": asked["id"], "error": {{"code": -1, "message": {MARK!r}}}}}
    print("{{" if found == "garbage" else json.dumps(said), flush=True)
""",
    )


@pytest.mark.slow
def test_a_message_is_encrypted_sent_once_read_and_answered(
    host: MailHost, reader: Reader, settings: deltachat.Settings
) -> None:
    told = message(reader.link, "ONCE", text=f"{MARK} once")
    first = deltachat.send(told, settings, SECRETS)
    assert isinstance(first, Accepted)
    got = reader.receive(told.text)
    assert got["showPadlock"]
    assert deltachat.send(msgspec.structs.replace(told, attempt=2), settings, SECRETS) == first
    reader.read(got)
    reader.reply(got, "on my way")
    reader.call("send_reaction", got["id"], ["\N{THUMBS UP SIGN}"])
    heard: dict[str, Receipt | Answer] = {}
    for _ in range(20):
        events, trouble = collected(settings)
        assert trouble == ""
        heard |= {one.event_id: one for one in events}
        if len(heard) >= 3:
            break
    read, reaction = heard.pop(f"{first.provider_id}:read"), heard.pop(f"{first.provider_id}:reaction")
    (reply,) = heard.values()
    assert isinstance(read, Receipt)
    assert (read.kind, read.provider_id, read.idempotency_key) == (
        "read",
        first.provider_id,
        "ONCE".ljust(32, "A"),
    )
    for one in (reaction, reply):
        assert isinstance(one, Answer)
        assert (one.sender, one.provider_id) == (reader.link, first.provider_id)
    assert collected(settings) == ([], "")
    assert deltachat.send(told, settings, SECRETS) == Accepted(first.provider_id, "read")
    assert reader.count(told.text) == 1
    assert MARK not in host.seen()
    assert settings.folder.stat().st_mode & 0o077 == 0
    assert (settings.folder / ".tocsin-secret").exists()


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_program_that_dies_around_the_send_leaves_one_message(
    reader: Reader, settings: deltachat.Settings, tmp_path: Path, moment: str
) -> None:
    dying = msgspec.structs.replace(settings, program=str(killed(tmp_path, moment)))
    told = message(reader.link, f"DIES{moment.upper()}", text=f"dies {moment}")
    assert isinstance(deltachat.send(told, dying, SECRETS), Unknown)
    assert isinstance(deltachat.send(told, settings, SECRETS), Accepted)
    last = message(reader.link, f"LAST{moment.upper()}", text=f"last {moment}")
    assert isinstance(deltachat.send(last, settings, SECRETS), Accepted)
    reader.receive(last.text)
    assert reader.count(told.text) == 1


@pytest.mark.slow
def test_a_person_whose_device_does_not_answer_gets_nothing_in_clear(
    host: MailHost, settings: deltachat.Settings
) -> None:
    link = LINK.replace("reader%40", "nobody%40")
    waits = msgspec.structs.replace(WAITS, read=timedelta(seconds=1))
    refused = deltachat.send(message(link, "NOKEY", timeouts=waits), settings, SECRETS)
    assert isinstance(refused, Rejected)
    assert (refused.code, refused.about, refused.permanent) == ("no_key", "recipient", False)
    assert MARK not in host.seen()


@pytest.mark.slow
def test_a_second_process_does_not_use_the_account_at_the_same_time(
    reader: Reader, settings: deltachat.Settings
) -> None:
    with subprocess.Popen(
        [program()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"DC_ACCOUNTS_PATH": str(settings.folder)},
    ) as other:
        other.stdin.write(b'{"jsonrpc": "2.0", "id": 1, "method": "get_all_account_ids", "params": []}\n')
        other.stdin.flush()
        assert other.stdout.readline()
        later = deltachat.send(message(reader.link, "SECOND"), settings, SECRETS)
        other.kill()
    assert isinstance(later, Throttled)
    assert isinstance(deltachat.send(message(reader.link, "SECOND"), settings, SECRETS), Accepted)


@pytest.mark.parametrize(
    "address",
    [
        "ada@people.example",
        "",
        f"OPENPGP4FPR:{FINGERPRINT}",
        f"https://i.delta.chat/#{FINGERPRINT}&a=ada%40people.example",
        f"{LINK}&g=Group&x=abc",
        LINK.replace("i.delta.chat", "i.delta.chat.example"),
        LINK + "x" * 300,
    ],
)
def test_what_is_not_the_invite_link_of_a_person_is_refused(address: str) -> None:
    able = deltachat.Settings(account="t@relay.example", folder=Path("/nowhere"), host="relay.example")
    refused = deltachat.send(outbound(address), able, SECRETS)
    assert isinstance(refused, Rejected)
    assert (refused.code, refused.about) == ("address", "recipient")
    assert deltachat.address_problem(LINK) == ""


USUAL = {
    "get_all_account_ids": [1],
    "list_transports": [],
    "get_connectivity": 4000,
    "check_qr": {"kind": "askVerifyContact", "contact_id": 10},
    "get_contact": {"e2eeAvail": True},
    "create_chat_by_contact_id": 12,
    "get_full_chat_by_id": {"isEncrypted": True, "canSend": True},
    "get_draft": {"id": 7},
    "get_message_info_object": {"rfc724Mid": "a-1@localhost"},
}
"""What the program says; a number for a method is the place in a list, the last of which stays."""


def says(state: int, error: str = "") -> dict[str, object]:
    return {"7": {"kind": "message", "isInfo": False, "id": 7, "fromId": 1, "state": state, "error": error}}


DEAD, SILENT, ERROR, GARBAGE = "dead", "silent", "error", "garbage"
ROWS: dict[str, tuple[dict[str, object], type, str, str]] = {
    "accepted": ({"get_messages": says(26)}, Accepted, "", ""),
    "dead at the start": ({"get_all_account_ids": DEAD}, Throttled, "", ""),
    "garbage": ({"add_or_update_transport": GARBAGE}, NotSent, "", ""),
    "silent before the send": ({"get_draft": SILENT}, NotSent, "", ""),
    "login refused": ({"add_or_update_transport": ERROR}, NotSent, "", ""),
    "folder of another account": (
        {"list_transports": [{"addr": "o@relay.example"}]},
        Rejected,
        "account",
        "account",
    ),
    "own link": ({"check_qr": {"kind": "withdrawVerifyContact"}}, Rejected, "address", "recipient"),
    "link refused": ({"check_qr": ERROR}, Rejected, "address", "recipient"),
    "no key": ({"get_contact": {"e2eeAvail": False}}, Rejected, "no_key", "recipient"),
    "clear chat": (
        {"get_full_chat_by_id": {"isEncrypted": False, "canSend": True}},
        Rejected,
        "no_key",
        "recipient",
    ),
    "draft refused": ({"misc_set_draft": ERROR}, Rejected, "refused", "message"),
    "dead at the send": ({"misc_send_draft": DEAD, "get_messages": says(19)}, Unknown, "", ""),
    "send refused": ({"misc_send_draft": ERROR, "get_messages": says(19)}, Rejected, "refused", "message"),
    "silent after the send": ({"get_messages": SILENT}, Unknown, "", ""),
    "error after the send": ({"get_messages": ERROR}, Unknown, "", ""),
    "stays in the queue": ({"get_messages": says(20)}, Unknown, "", ""),
    "no such mailbox": ({"get_messages": says(24, f"550 5.1.1 <{MARK}>")}, Rejected, "5.1.1", "recipient"),
    "blocked": ({"get_messages": says(24, f"554 5.7.1 {MARK}")}, Rejected, "5.7.1", "account"),
    "failed": ({"get_messages": says(24, MARK)}, Rejected, "failed", "message"),
}
"""Each way that the program can answer, with its outcome, code and subject: its rows of the conformance suite."""


@pytest.mark.parametrize("name", ROWS)
def test_each_answer_of_the_program_gives_the_correct_outcome(tmp_path: Path, name: str, caplog) -> None:
    answers, outcome, code, about = ROWS[name]
    waits = Timeouts(read=timedelta(seconds=0.2), total=timedelta(seconds=1))
    with ChaosServer(lambda talk: None) as server:
        able = deltachat.Settings(
            account="t@relay.example",
            folder=tmp_path / "account",
            host="127.0.0.1",
            port=server.port,
            program=str(pretending(tmp_path, {**USUAL, **answers})),
        )
        got = deltachat.send(message(LINK, "ROW", timeouts=waits), able, SECRETS)
    assert isinstance(got, outcome)
    assert (getattr(got, "code", ""), getattr(got, "about", "")) == (code, about)
    subject = Subject(
        adapter=deltachat, transport="http", settings=lambda *_: able, recipient=LINK, secrets=SECRETS
    )
    assert repeats(repr(got) + caplog.text, subject) == ""


def test_a_missing_server_and_a_missing_program_send_nothing(tmp_path: Path) -> None:
    able = deltachat.Settings(
        account="t@relay.example", folder=tmp_path / "account", host="127.0.0.1", port=closed_port()
    )
    assert isinstance(deltachat.send(outbound(LINK), able, SECRETS), NotSent)
    with ChaosServer(lambda talk: None) as server:
        there = msgspec.structs.replace(able, port=server.port, program=str(tmp_path / "none"))
        missing = deltachat.send(outbound(LINK), there, SECRETS)
        assert (missing.code, missing.about) == ("program", "account")
        assert deltachat.send(outbound(LINK), there, {}).about == "account"
        open_line = msgspec.structs.replace(there, host="localhost.example", tls="none")
        assert [one.severity for one in deltachat.lint(open_line, {})] == ["error"] * 2


def test_failed_messages_are_reported_and_other_email_is_deleted_unread(tmp_path: Path) -> None:
    strange = {
        "kind": "message",
        "isInfo": False,
        "id": 8,
        "fromId": 11,
        "state": 10,
        "text": MARK,
        "timestamp": 0,
    }
    held = says(24, "550 5.1.1") | {"8": {**strange, "showPadlock": False}}
    answers = {
        **USUAL,
        "get_messages": held,
        "get_config": "KEY",
        "get_chatlist_entries": [12],
        "get_message_ids": [7, 8],
    }
    able = deltachat.Settings(
        account="t@relay.example",
        folder=tmp_path / "account",
        host="127.0.0.1",
        program=str(pretending(tmp_path, answers)),
    )
    got, trouble = collected(able)
    assert [(one.kind, one.code, one.about) for one in got if isinstance(one, Receipt)] == [
        ("failed", "5.1.1", "recipient")
    ]
    assert (len(got), trouble) == (1, "")
    asked = (tmp_path / "asked").read_text(encoding="utf-8").split()
    assert asked.count("delete_messages") == 1
    assert collected(able, keep=False)[1] != ""


def test_lint_accepts_good_settings_and_finds_a_folder_that_others_can_read(tmp_path: Path) -> None:
    able = deltachat.Settings(
        account="t@relay.example", folder=tmp_path / "a", host="relay.example", program="/p"
    )
    assert deltachat.lint(able, SECRETS) == ()
    (tmp_path / "a").mkdir(mode=0o755)
    bad = msgspec.structs.replace(able, test_to="t@relay.example")
    assert [one.severity for one in deltachat.lint(bad, SECRETS)] == ["error"] * 2
    claimed = deltachat.capabilities(able)
    assert (claimed.confidentiality, claimed.e2ee, claimed.idempotency) == ("restricted", True, "key")
    assert claimed.receipts == {"accepted", "read"}
