"""Texts by an own modem: what ``gammu-smsd`` sends, reports and receives, and what happens without it."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from integrations import modem
from integrations.port import Accepted, Answer, NotSent, Receipt, Rejected, Timeouts, Unknown
from integrations.testing.conformance import Subject, leaked, outbound
from tests.servers.modem import Modem, hexed, section

TO, KEY = "+15005550010", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
PART = KEY[:16]
MESSAGE = outbound(TO)
NOW = datetime.fromtimestamp(1_795_528_920, UTC)


@pytest.fixture
def phone(tmp_path: Path) -> Modem:
    return Modem(tmp_path)


def saying(text: str, **more):
    return msgspec.structs.replace(MESSAGE, **{"text": text, "marking": "", "footer": "", "at": NOW, **more})


def collected(phone: Modem, *, keep: bool = True, at: datetime | None = None) -> tuple[str, list]:
    """Return the problem, and what was read a minute after the daemon worked."""
    got: list[Receipt | Answer] = []

    def took(one: Receipt | Answer) -> bool:
        got.append(one)
        return keep

    at = at or datetime.now(UTC) + timedelta(minutes=1)
    return modem.collect(took, at, Timeouts(), phone.settings, {}), got


def proved(got: Sequence[Receipt | Answer]) -> list[tuple[str, str]]:
    return sorted((one.kind, one.idempotency_key) for one in got if isinstance(one, Receipt))


def reported(phone: Modem, reference: int, status: str) -> list[tuple[str, str]]:
    """Return what a delivery report of the network proves; each part of a text has its own reference."""
    said = {"PDU": "Status_Report", "Number": TO, "MessageReference": str(reference)}
    report = section({**said, "Coding": "Default_No_Compression", "Text00": hexed(status)})
    (phone.folder / f"inbox/IN20261124_140200_{reference}_{TO}_00.smsbackup").write_text(report)
    return proved(collected(phone)[1])


def numbered(phone: Modem) -> None:
    """Give each sent part the reference that has its number: the dummy phone knows only one reference."""
    for n, path in enumerate(sorted((phone.folder / "sent").iterdir()), 1):
        path.write_text(path.read_text().replace("Reference = 255", f"Reference = {n}", 1))


def lies(phone: Modem, folder: str) -> list[str]:
    return sorted(path.name for path in (phone.folder / folder).iterdir())


def old(phone: Modem, folder: str, by: timedelta) -> None:
    for path in (phone.folder / folder).iterdir():
        os.utime(path, (NOW.timestamp() - by.total_seconds(),) * 2)


def test_the_daemon_sends_a_text_and_a_report_proves_its_delivery(phone):
    assert modem.send(saying("Call me"), phone.settings, {}) == Accepted(f"{PART}-01")
    phone.work()
    assert (lies(phone, "outbox"), lies(phone, "error")) == ([], [])
    trouble, got = collected(phone)
    assert (trouble, proved(got)) == ("", [("relayed", KEY)])
    phone.arrive("15005550010", "Delivered", PDU="Status_Report", MessageReference="255")
    phone.work()
    assert proved(collected(phone)[1]) == [("delivered", KEY)]
    assert collected(phone) == ("", [])
    assert lies(phone, "inbox") == []


def test_no_text_remains_in_the_folders_after_it_was_sent(phone):
    modem.send(saying("MARKER"), phone.settings, {})
    phone.work()
    collected(phone)
    [kept] = (phone.folder / "sent").iterdir()
    assert hexed("MARKER") not in kept.read_text()


def test_no_number_remains_in_the_folders_when_no_report_can_come(phone):
    modem.send(saying("Call me"), phone.settings, {})
    phone.work()
    refused = phone.folder / "error" / f"OUT{'Z' * 32}-01.smsbackup"
    refused.write_text(section({"Number": TO}))
    foreign = phone.folder / "sent" / "OUT_+15005550010_00.smsbackup"
    foreign.write_text(section({"Number": TO}))
    now = datetime.now(UTC)
    collected(phone, at=now + modem.REPORTED - timedelta(hours=1))
    assert (len(lies(phone, "sent")), len(lies(phone, "error"))) == (2, 1)
    assert collected(phone, at=now + modem.REPORTED + timedelta(hours=1)) == ("", [])
    assert (lies(phone, "sent"), lies(phone, "error")) == ([foreign.name], [])


def test_a_long_text_has_parts_that_fit_exactly(phone):
    text = "Ä" * 160 + "€" * 80
    name = " ".join(f"{PART}-{n:02}" for n in (1, 2, 3))
    assert modem.send(saying(text), phone.settings, {}) == Accepted(name)
    log = phone.work()
    assert re.findall(r"7 bit SMS, length (\d+)", log) == ["140", "140", "21"]
    assert proved(collected(phone)[1]) == [("relayed", KEY)]


def test_a_long_text_is_delivered_when_each_part_is(phone):
    modem.send(saying("x" * 200), phone.settings, {})
    phone.work()
    late = phone.folder / "sent" / f"OUT{KEY}-02.smsbackup"
    waits = late.rename(phone.folder / "outbox" / late.name)
    assert proved(collected(phone)[1]) == [], "a part waits"
    waits.rename(late)
    assert proved(collected(phone)[1]) == [("relayed", KEY)]
    numbered(phone)
    assert reported(phone, 2, "Delivered") == []
    assert reported(phone, 1, "Delivered") == [("delivered", KEY)]


def test_a_long_text_with_a_failed_part_is_never_delivered(phone):
    modem.send(saying("x" * 200), phone.settings, {})
    phone.work()
    numbered(phone)
    collected(phone)
    assert reported(phone, 1, "Failed") == [("failed", KEY)]
    assert reported(phone, 2, "Delivered") == []
    assert collected(phone) == ("", [])


def test_characters_outside_the_networks_alphabet_arrive(phone):
    modem.send(saying("🔔" * 40), phone.settings, {})
    assert re.findall(r"Unicode SMS, length (\d+)", phone.work()) == ["66", "14"]


def test_a_repetition_is_the_same_text_before_and_after_it_was_sent(phone):
    again = saying("Call me", attempt=2)
    first = modem.send(saying("Call me"), phone.settings, {})
    assert modem.send(again, phone.settings, {}) == first
    assert len(lies(phone, "outbox")) == 1
    phone.work()
    assert modem.send(again, phone.settings, {}) == first
    collected(phone)
    assert modem.send(again, phone.settings, {}) == first
    assert lies(phone, "outbox") == []


def test_a_repetition_writes_only_the_parts_that_a_crash_left_out(phone):
    blocked = phone.folder / f"outbox/.OUT{KEY}-02.new"
    blocked.mkdir()
    text = "x" * 200
    assert isinstance(modem.send(saying(text), phone.settings, {}), Unknown)
    blocked.rmdir()
    (phone.folder / f"outbox/OUT{KEY}-01.smsbackup").rename(phone.folder / f"sent/OUT{KEY}-01.smsbackup")
    assert modem.send(saying(text, attempt=2), phone.settings, {}) == Accepted(f"{PART}-01 {PART}-02")
    assert lies(phone, "outbox") == [f"OUT{KEY}-02.smsbackup"]


def test_the_daemon_sees_only_whole_files_that_its_group_may_change(phone):
    modem.send(saying("x" * 200), phone.settings, {})
    assert lies(phone, "outbox") == [f"OUT{KEY}-01.smsbackup", f"OUT{KEY}-02.smsbackup"]
    assert {path.stat().st_mode & 0o777 for path in (phone.folder / "outbox").iterdir()} == {0o660}


def test_a_failed_report_and_a_refused_file_are_failures(phone):
    modem.send(saying("Call me"), phone.settings, {})
    phone.work()
    collected(phone)
    phone.arrive(TO, "Failed", PDU="Status_Report", MessageReference="255")
    phone.arrive(TO, "Pending", PDU="Status_Report", MessageReference="255")
    phone.work()
    assert proved(collected(phone)[1]) == [("failed", KEY)]
    other = saying("Call me", idempotency_key="Z" * 32)
    modem.send(other, phone.settings, {})
    moved = phone.folder / "outbox" / lies(phone, "outbox")[0]
    moved.rename(phone.folder / "error" / moved.name)
    _, [receipt] = collected(phone)
    assert (receipt.kind, receipt.about) == ("failed", "account")
    refused = modem.send(other, phone.settings, {})
    assert isinstance(refused, Rejected)
    assert (refused.code, refused.about) == ("error", "account")


def test_reports_of_other_texts_prove_nothing(phone):
    modem.send(saying("Call me"), phone.settings, {})
    (phone.folder / "sent/OUT_+15005550010_00.smsbackup").write_text(section({"Number": TO}))
    phone.work()
    collected(phone)
    phone.arrive(TO, "Delivered", PDU="Status_Report", MessageReference="254")
    phone.arrive("+15005550099", "Delivered", PDU="Status_Report", MessageReference="255")
    phone.work()
    assert collected(phone) == ("", [])


def test_replies_are_read_once_and_long_ones_as_one(phone):
    phone.arrive(TO, "OK … 4711")
    phone.arrive("+15005550011", "one ", "two")
    phone.arrive("+15005550012", "\x01", Coding="8bit")
    phone.work()
    trouble, got = collected(phone, keep=False)
    assert trouble != ""
    assert lies(phone, "inbox") != []
    again = collected(phone)[1]
    assert {one.event_id for one in again} == {one.event_id for one in got}
    found = sorted((one.sender, one.text) for one in again if one.text)
    assert found == [(TO, "OK … 4711"), ("+15005550011", "one two")]
    assert collected(phone) == ("", [])


def test_a_text_cannot_pretend_to_be_another_persons_or_a_report(phone):
    lines = ["x", "[SMSBackup001]", 'Number = "+15005550099"', "PDU = Status_Report"]
    texts = {
        f"+1500555002{n}": gap.join(lines)
        for n, gap in enumerate(("\n", "\r", "\u2028", "\x85", "\x0b", "\x0c", "\x1c"))
    }
    for number, text in texts.items():
        phone.arrive(number, text)
    phone.work()
    assert {one.sender: one.text for one in collected(phone)[1]} == texts


def test_a_file_that_the_daemon_may_still_write_is_left_alone(phone):
    phone.arrive(TO, "OK")
    phone.work()
    assert collected(phone, at=datetime.now(UTC)) == ("", [])
    assert len(lies(phone, "inbox")) == 1


def test_an_inbox_in_another_format_is_reported(phone):
    (phone.folder / "inbox/IN20261124_140200_00_+15005550010_00.txt").write_text("STOP")
    trouble, got = collected(phone)
    assert (trouble != "", got) == (True, [])
    assert len(lies(phone, "inbox")) == 1


def test_texts_that_wait_show_that_the_network_is_down(phone):
    modem.send(saying("Call me"), phone.settings, {})
    assert collected(phone, at=NOW)[0] == ""
    old(phone, "outbox", timedelta(minutes=6))
    busy = saying("Call me", idempotency_key="Y" * 32)
    assert isinstance(modem.send(busy, phone.settings, {}), Accepted), "another text was sent just now"
    assert collected(phone, at=NOW)[0] == ""
    idle = NOW.timestamp() - 600
    os.utime(phone.folder / "sent", (idle, idle))
    other = saying("Call me", idempotency_key="Z" * 32)
    assert isinstance(modem.send(other, phone.settings, {}), NotSent)
    assert collected(phone, at=NOW)[0].startswith("1 ")
    assert len(lies(phone, "outbox")) == 2


def test_a_text_is_not_sent_after_its_deadline_or_after_its_recall(phone):
    modem.send(saying("Call me", deadline=NOW - timedelta(minutes=1)), phone.settings, {})
    old(phone, "outbox", timedelta(minutes=6))
    assert collected(phone, at=NOW, keep=False)[1] != []
    _, [receipt] = collected(phone, at=NOW)
    assert (receipt.kind, receipt.code, receipt.about) == ("failed", "expired", "message")
    assert lies(phone, "outbox") == []
    modem.send(saying("x" * 200), phone.settings, {})
    assert modem.recall(MESSAGE, f"{PART}-01", phone.settings, {}) == Accepted(f"{PART}-01")
    assert modem.recall(MESSAGE, f"{PART}-01", phone.settings, {}) == Accepted(f"{PART}-01")
    assert lies(phone, "outbox") == []


def test_invalid_texts_and_missing_folders_are_outcomes_without_data(phone, tmp_path):
    nowhere = modem.Settings(operator="carrier-x", folder=tmp_path / "missing")
    subject = Subject(adapter=modem, transport="http", settings=lambda *_: nowhere, recipient=TO)
    found = [
        modem.send(outbound("Maria"), phone.settings, {}),
        modem.send(saying("x" * 451), phone.settings, {}),
        modem.send(MESSAGE, nowhere, {}),
        modem.self_test(MESSAGE, phone.settings, {}),
    ]
    assert [getattr(one, "code", "") for one in found] == ["address", "length", "", "own_number"]
    assert isinstance(found[2], NotSent)
    assert [leaked(one, subject) for one in found] == [""] * 4
    assert lies(phone, "outbox") == []


def test_a_missing_folder_does_not_look_empty(phone):
    modem.send(saying("Call me"), phone.settings, {})
    (phone.folder / "sent").rmdir()
    assert isinstance(modem.send(saying("Call me", attempt=2), phone.settings, {}), NotSent)
    assert isinstance(modem.recall(MESSAGE, "", phone.settings, {}), NotSent)
    assert collected(phone)[0] != ""


def test_it_depends_on_the_operator_alone(phone):
    able = modem.capabilities(phone.settings)
    assert able.domains | able.hosts == {"carrier-x"}
    assert (able.confidentiality, able.personal_data, able.sim_swappable) == ("public", "none", True)


def test_the_lint_finds_texts_that_nothing_sends(phone):
    assert modem.lint_at(NOW, msgspec.structs.replace(phone.settings, folder=phone.folder / "none"), {}) == ()
    modem.send(saying("Call me"), phone.settings, {})
    assert modem.unsent(saying("Call me"), phone.settings) != ""
    old(phone, "outbox", timedelta(minutes=20))
    assert modem.lint_at(NOW, phone.settings, {}) == ()
    os.utime(phone.folder / "sent", (NOW.timestamp() - 1200,) * 2)
    assert [one.severity for one in modem.lint_at(NOW, phone.settings, {})] == ["error"]
    phone.work()
    assert modem.unsent(saying("Call me"), phone.settings) == ""


def test_the_lint_finds_settings_that_would_fail(phone, tmp_path):
    assert modem.lint(phone.settings, {}) == ()
    bad = modem.Settings(operator=" ", folder=tmp_path / "missing", own_number="x")
    assert [one.severity for one in modem.lint(bad, {})] == ["error"] * 3
    (tmp_path / "missing" / "sent").mkdir(parents=True)
    assert [one.what.split()[2] for one in modem.lint(bad, {})[1:-1]] == ["outbox", "error", "inbox"]
