"""Replies of mail servers, each with what it is about: code and words together."""

from __future__ import annotations

import email
import re

import pytest
from flufl.bounce import all_failures

from integrations.smtp import reports
from integrations.smtp.session import refused
from integrations.smtp.verdicts import TABLE, Row, Verdict, fits, verdict
from tests.integrations.test_smtp_reports import AT, KEY, group, report

GONE, MAILBOX, US = Verdict("recipient", "gone"), Verdict("message"), Verdict("destination")


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.sample)
def test_each_row_is_the_first_that_fits_its_own_sample(row: Row) -> None:
    assert next(one for one in TABLE if fits(one, row.sample)) is row


@pytest.mark.parametrize(
    ("reply", "wanted"),
    [
        ("550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found", GONE),
        ("550 5.1.2 Host unknown", GONE),
        ("550 Unknown user", GONE),
        ("550 5.4.1 All recipient addresses rejected : Access denied", GONE),
        ("550 5.1.7 Invalid sender address", US),
        ("550 5.1.8 Access denied, bad outbound sender", US),
        ("552 5.2.2 mailbox full", MAILBOX),
        ("550 5.7.1 You are not allowed to send to this mailbox", MAILBOX),
        ("550 5.7.1 The sender is blocked by recipient", MAILBOX),
        ("550 5.7.129 RESOLVER.RST.RestrictedToRecipientsPermission", MAILBOX),
        ("550 5.7.1 Service unavailable; client [192.0.2.1] blocked using zen.spamhaus.org", US),
        ("550 5.7.26 This mail is unauthenticated", US),
        ("554 Your mail server has a poor reputation", US),
        ("550 5.7.1 Messages from 192.0.2.1 were not sent, it is on our block list (S3150)", US),
        ("4.4.7 expired", MAILBOX),
        ("554 delivery error: dd This user doesn't have a people.example account", GONE),
        ("550 5.4.5 Daily user sending limit exceeded", Verdict("account")),
        ("554 5.6.0 bad content", None),
        ("550 5.1.1.2 of a program", None),
    ],
)
def test_reply_code_and_words_determine_the_subject(reply: str, wanted: object) -> None:
    assert verdict(reply, "") == wanted


@pytest.mark.parametrize("row", [row for row in TABLE if row.sample[0] == "5"], ids=lambda row: row.sample)
def test_another_reader_of_bounces_finds_the_same_reader_in_each_sample(row: Row) -> None:
    """Mailman's reader judges codes and no words; whom a report is about must be the same."""
    code = re.search(r"5\.\d+\.\d+", row.sample)
    raw = report(group("failed", code[0] if code else "5.0.0") + f"Diagnostic-Code: smtp; {row.sample}\n")
    temporary, permanent = all_failures(email.message_from_bytes(raw))
    [ours] = reports.read(raw, AT)
    assert (temporary, permanent) == (set(), {b"ada@example.org"})
    assert (ours.kind, ours.idempotency_key, ours.about) == ("failed", KEY, row.verdict.about)


def test_another_reader_of_bounces_calls_a_delay_temporary_too() -> None:
    raw = report(group("delayed", "4.4.1"))
    assert all_failures(email.message_from_bytes(raw)) == ({b"ada@example.org"}, set())
    assert [one.kind for one in reports.read(raw, AT)] == ["delayed"]


def test_a_reply_in_the_transaction_is_judged_alike() -> None:
    gone = refused("recipient", 550, b"5.1.1 no such user")
    mine = refused("recipient", 550, b"5.7.1 refused by a rule of the mailbox")
    ours = refused("answer", 550, b"5.7.26 unauthenticated")
    other = refused("recipient", 550, b"nothing known")
    told = [(one.about, one.address) for one in (gone, mine, ours, other)]
    assert told == [("recipient", "gone"), ("message", ""), ("destination", ""), ("recipient", "")]


def test_a_delivery_report_is_judged_by_its_diagnostic_code() -> None:
    def told(words: str) -> tuple[str, str]:
        status = f"Diagnostic-Code: smtp; {words}\n"
        [one] = reports.read(report(group("failed", "5.7.1") + status), AT)
        return one.about, one.address

    assert told("550 5.7.1 not authorized") == ("message", "")
    assert told("550 5.7.1 your IP has a bad reputation") == ("destination", "")


def complaint(kind: str = "abuse", returned: str = KEY) -> bytes:
    """Return a complaint as a mailbox provider sends it (RFC 5965), the reader left out."""
    return (
        "From: feedback@provider.example\nTo: notice@breach.example\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=feedback-report; boundary="b1"\n\n'
        "--b1\nContent-Type: text/plain\n\nThis is an abuse report.\n"
        f"--b1\nContent-Type: message/feedback-report\n\nFeedback-Type: {kind}\nUser-Agent: P/1\nVersion: 1\n"
        f"--b1\nContent-Type: message/rfc822\n\nMessage-ID: <{returned}@breach.example>\nSubject: x\n\nwords\n"
        "--b1--\n"
    ).encode()


def test_a_complaint_names_its_message_by_our_own_message_id() -> None:
    [one] = reports.read(complaint(), AT)
    assert (one.kind, one.idempotency_key, one.code) == ("complained", KEY, "abuse")
    assert reports.read(complaint("not-spam"), AT) == ()
    assert reports.read(complaint(returned="someone-else"), AT) == ()


def test_a_delay_report_ends_nothing() -> None:
    [one] = reports.read(report(group("delayed", "4.4.1")), AT)
    assert (one.kind, one.idempotency_key) == ("delayed", KEY)
