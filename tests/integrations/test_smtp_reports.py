"""Delivery reports and replies by email: their message and their evidence, and other mail."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations import smtp
from integrations.port import Answer, Receipt, Timeouts
from integrations.smtp import mailbox, reports
from integrations.smtp.reports import LARGEST

AT = datetime(2026, 11, 24, 14, 2, tzinfo=UTC)
KEY = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
OTHER = "Z" * 32

ENGLISH = "This is the mail system at host relay.example.\n\nYour message could not be delivered."
GERMAN = "Ihre Nachricht konnte nicht zugestellt werden: Empfänger unbekannt, Postfach geschlossen."


def group(action: str, status: str = "2.0.0", recipient: str = "ada@example.org") -> str:
    return f"Final-Recipient: rfc822; {recipient}\nAction: {action}\nStatus: {status}\n"


def report(
    *groups: str, envelope: str = KEY, words: str = ENGLISH, returned: str = OTHER, headers_only: bool = True
) -> bytes:
    """Return a report as Postfix writes it."""
    about = "Reporting-MTA: dns; relay.example\n"
    about += f"Original-Envelope-Id: {envelope}\n" if envelope else ""
    original = f"From: incident@example.org\nMessage-ID: <{returned}@example.org>\nSubject: amber-falcon\n"
    kind = "text/rfc822-headers" if headers_only else "message/rfc822"
    parts = [
        f"Content-Type: text/plain; charset=utf-8\n\n{words}",
        "Content-Type: message/delivery-status\n\n" + "\n".join((about, *groups)),
        f"Content-Type: {kind}\n\n{original}" + ("" if headers_only else "\nIt begins\n"),
    ]
    body = "".join(f"--b1\n{part}\n" for part in parts)
    head = (
        "From: MAILER-DAEMON@relay.example\nTo: incident@example.org\nAuto-Submitted: auto-replied\n"
        'MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary="b1"\n\n'
    )
    return f"{head}{body}--b1--\n".encode()


def kinds(raw: bytes) -> list[tuple[str, str, str]]:
    return [(event.kind, event.idempotency_key, event.code) for event in reports.read(raw, AT)]


@pytest.mark.parametrize(
    ("action", "status", "kind"),
    [
        ("delivered", "2.0.0", "delivered"),
        ("relayed", "2.0.0", "relayed"),
        ("expanded (to a list)", "2.0.0", "relayed"),
        ("FAILED", "5.1.1", "failed"),
        ("failed", "5.1.1 (bad destination)", "failed"),
    ],
)
def test_each_report_of_a_relay_is_read_and_relayed_is_not_delivered(
    action: str, status: str, kind: str
) -> None:
    assert kinds(report(group(action, status))) == [(kind, KEY, status[:5])]


def test_a_report_in_another_language_says_the_same() -> None:
    assert kinds(report(group("failed", "5.1.1"), words=GERMAN)) == [("failed", KEY, "5.1.1")]


def test_a_report_on_several_recipients_is_several_receipts() -> None:
    found = reports.read(report(group("delivered"), group("failed", "5.1.1")), AT)
    assert [event.kind for event in found] == ["delivered", "failed"]
    assert len({event.event_id for event in found}) == 2


@pytest.mark.parametrize("headers_only", [True, False])
def test_a_relay_that_lost_the_envelope_is_understood_by_the_message_it_returns(headers_only: bool) -> None:
    raw = report(group("failed", "5.1.1"), envelope="", returned=KEY, headers_only=headers_only)
    assert kinds(raw) == [("failed", KEY, "5.1.1")]


@pytest.mark.parametrize("envelope", [KEY.lower(), f"<{KEY}>", f"{KEY[:5]}+{ord(KEY[5]):02X}{KEY[6:]}"])
def test_an_envelopes_identifier_may_come_back_in_another_spelling(envelope: str) -> None:
    assert kinds(report(group("delivered"), envelope=envelope)) == [("delivered", KEY, "2.0.0")]


def test_a_report_about_another_message_is_ignored() -> None:
    assert kinds(report(group("failed", "5.1.1"), envelope="", returned="someone-elses")) == []


def mail(text: str, **headers: str) -> bytes:
    message = EmailMessage()
    message["From"] = "Ada Adler <ada@example.org>"
    message["To"] = "incident@example.org"
    message["Subject"] = "Re: amber-falcon"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message.as_bytes()


NO_REPORTS = {
    "a bounce in prose": mail(ENGLISH, Auto_Submitted="auto-replied"),
    "a vacation notice": mail(
        "I am away.", Auto_Submitted="auto-replied", In_Reply_To=f"<{KEY}@example.org>"
    ),
    "a reply": mail("K7M2QX"),
    "a report of another type": report(group("failed")).replace(b"delivery-status;", b"feedback-report;"),
    "a report without recipients": report(),
    "nothing": b"",
    "bytes": bytes(range(256)) * 9,
    "more than a report": report(group("failed")) + b"x" * LARGEST,
}


@pytest.mark.parametrize("name", NO_REPORTS)
def test_mail_that_is_not_a_report_is_not_read_as_one(name: str) -> None:
    assert reports.read(NO_REPORTS[name], AT) == ()


@given(st.binary(max_size=400), st.integers(0, 900))
def test_no_bytes_break_the_reader(noise: bytes, place: int) -> None:
    raw = report(group("failed", "5.1.1"))
    for hostile in (noise, raw[:place] + noise + raw[place:], raw[:place]):
        assert all(isinstance(event, Receipt) for event in reports.read(hostile, AT))
        assert isinstance(mailbox.read_reply(hostile, AT), Answer | None)


@pytest.mark.parametrize("kind", ["multipart/mixed; boundary=b{}\n\n--b{}\n", "message/rfc822\n\n"])
def test_a_mail_of_parts_within_parts_without_end_says_nothing(kind: str) -> None:
    raw = "".join("Content-Type: " + kind.format(n, n) for n in range(3_000)).encode()
    assert reports.read(raw, AT) == ()
    assert mailbox.read_reply(raw, AT) is None


HEAD = b"From: ada@example.org\nContent-Type: "
MANY = 900_000
COSTLY = {
    "parameters without end": HEAD + b'text/plain; x="' + b";" * MANY + b"\n\nK7M2QX",
    "parameters of a report": HEAD + b'multipart/report; x="' + b";" * MANY + b"\n\nK7M2QX",
    "folded parameters": HEAD + b'text/plain; x="' + b";\n " * (MANY // 40) + b"\n\nK7M2QX",
    "a codec that is no character set": HEAD
    + b"text/plain; charset=punycode\n\nK7M2QX"
    + b"a" * (MANY // 2)
    + b"-"
    + b"b" * (MANY // 2),
    "containers within containers": b"".join(
        HEAD + b"multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(200)
    )
    + b"x\n" * 20_000,
    "containers beside each other": HEAD
    + b"multipart/mixed; boundary=b\n\n"
    + (b'--b\nContent-Type: multipart/mixed; x="' + b";" * 900 + b"\n\n") * 900,
    "lines without end": HEAD
    + b"multipart/report; report-type=delivery-status; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n"
    + b"\n" * MANY,
}


@pytest.mark.parametrize("name", COSTLY)
def test_the_cost_of_a_hostile_mail_depends_only_on_its_size(name: str) -> None:
    answer = mailbox.read_reply(COSTLY[name], AT)
    assert reports.read(COSTLY[name], AT) == ()
    assert answer is None or 0 < len(answer.text) <= mailbox.LONGEST_LINE


def test_a_report_with_long_headers_is_read_all_the_same() -> None:
    raw = report(group("failed", "5.1.1")).replace(b"To: inc", b"X-Seen: " + b"y" * 50_000 + b"\nTo: inc")
    assert kinds(raw) == [("failed", KEY, "5.1.1")]


def test_a_reply_is_its_first_line_and_nothing_that_is_quoted() -> None:
    answer = mailbox.read_reply(mail("  K7M2QX \n\n> Tocsin amber-falcon, code ABCDEF\n"), AT)
    assert answer is not None
    assert (answer.text, answer.sender, answer.idempotency_key) == ("K7M2QX", "ada@example.org", "")


@pytest.mark.parametrize(
    "raw",
    [
        mail("> K7M2QX"),
        mail("K7M2QX", Auto_Submitted="auto-replied"),
        mail("K7M2QX", Precedence="bulk"),
        mail("\n \n"),
        report(group("failed")),
    ],
)
def test_a_program_and_a_quotation_do_not_answer(raw: bytes) -> None:
    assert mailbox.read_reply(raw, AT) is None


def collected(folder: Path, keep: bool = True) -> tuple[list[Receipt | Answer], str]:
    got: list[Receipt | Answer] = []

    def took(one: Receipt | Answer) -> bool:
        got.append(one)
        return keep

    settings = smtp.Settings(host="127.0.0.1", sender="incident@example.org", mailbox=folder)
    return got, smtp.collect(took, AT, Timeouts(read=timedelta(seconds=1)), settings, {})


def test_a_mailbox_is_read_once_and_other_mail_stays_unread(tmp_path: Path) -> None:
    new, cur = tmp_path / "new", tmp_path / "cur"
    new.mkdir()
    for name, raw in {"1": report(group("delivered")), "2": mail("K7M2QX"), "3": mail("> hello")}.items():
        (new / name).write_bytes(raw)
    got, trouble = collected(tmp_path)
    assert ([type(one) for one in got], trouble) == ([Receipt, Answer], "")
    assert sorted(one.name for one in cur.iterdir()) == ["1:2,S", "2:2,", "3:2,"]
    assert collected(tmp_path)[0] == []


def test_a_report_that_could_not_be_stored_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "1").write_bytes(report(group("delivered")))
    assert collected(tmp_path, keep=False)[1] == "a received email could not be stored"
    assert [one.kind for one in collected(tmp_path)[0] if isinstance(one, Receipt)] == ["delivered"]


def test_a_mailbox_that_is_not_there_is_said(tmp_path: Path) -> None:
    assert "cannot be read" in collected(tmp_path / "none")[1]


def test_without_a_mailbox_nothing_is_fetched() -> None:
    settings = smtp.Settings(host="127.0.0.1", sender="incident@example.org")
    assert smtp.collect(lambda one: True, AT, Timeouts(), settings, {}) == ""


BOUNCES = "bounces@example.org"
PROSE = "Your message to ada could not be delivered: 550 5.1.1 no such user"


def bounced(text: str = PROSE, **headers: str) -> list[tuple[str, str, str]]:
    """Return what is made of a bounce without a report, which came to an address with our key in it."""
    message = EmailMessage()
    given = {
        "From": "MAILER-DAEMON@far.example",
        "To": f"bounces+{KEY.lower()}@example.org",
        "Return-Path": "<>",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    for name, value in given.items():
        if value:
            message[name] = value
    message.set_content(text)
    return [
        (event.kind, event.idempotency_key, event.code) for event in reports.read(bytes(message), AT, BOUNCES)
    ]


REPLIES = [
    ("    550 no such user here", "550"),
    ("host mx.example[192.0.2.1] said:\n    554-blocked\n    554 for good", "554"),
    ('It was answered "521 takes no mail"', "521"),
]
DELAYED = (
    "Not delivered for 500 minutes: the mail is tried for 5 days more. There is nothing to do.",
    "Your message is delayed; 500 other messages wait before it.",
    "Delay: 500 seconds\nSize: 512 KB\n550 bytes are in the queue",
    "Verzögert seit\n  530 Minuten",
)
"""Notices of delay in prose: the relay goes on trying, whatever it counts."""


@pytest.mark.parametrize(
    ("text", "code"),
    [(PROSE, "5.1.1"), ("The server said: 550-Rejected", "550"), ("Unbekannt (5.7.26)", "5.7.26"), *REPLIES],
)
def test_a_bounce_in_prose_is_known_by_the_address_that_it_came_to(text: str, code: str) -> None:
    assert bounced(text) == [("failed", KEY, code)]
    assert bounced(text, To="x@example.org", Delivered_To=f"bounces+{KEY}@example.org") == [
        ("failed", KEY, code)
    ]
    assert bounced(text, Return_Path="") == [("failed", KEY, code)]


@pytest.mark.parametrize(
    ("text", "headers"),
    [
        ("Still trying: 451 4.3.2 later", {}),
        ("I am away until 5 May, call 555 0100", {"Auto-Submitted": "auto-replied"}),
        (PROSE, {"Auto_Submitted": "auto-replied (vacation)"}),
        (PROSE, {"Return_Path": "<ada@example.org>"}),
        (PROSE, {"Return_Path": "", "From": "ada@example.org"}),
        (PROSE, {"To": "bounces@example.org"}),
        (PROSE, {"To": f"others+{KEY}@example.org"}),
        (PROSE, {"To": f"bounces+{KEY[:-1]}1@example.org"}),
        ("Version 15.1.1 and 5.1.1.2 of a program, 1550 bytes", {}),
        *((text, {}) for text in DELAYED),
    ],
)
def test_a_bounce_of_another_message_fails_nothing(text: str, headers: dict[str, str]) -> None:
    assert bounced(text, **headers) == []


def test_a_report_without_a_key_is_recognised_by_its_address() -> None:
    nameless = report(group("failed", "5.1.1"), envelope="", returned="none").replace(
        b"To: incident@example.org", f"To: bounces+{KEY.lower()}@example.org".encode()
    )
    assert reports.read(nameless, AT) == ()
    assert [event.idempotency_key for event in reports.read(nameless, AT, BOUNCES)] == [KEY]


@given(st.binary(max_size=400))
def test_no_bounce_breaks_the_reader(noise: bytes) -> None:
    head = f"From: <>\r\nReturn-Path: <>\r\nTo: bounces+{KEY}@example.org\r\n".encode()
    for raw in (head + noise, head + b"\r\n" + noise):
        assert all(event.kind == "failed" for event in reports.read(raw, AT, BOUNCES))
