"""Custody of evidence: who collected, gave and received what, when, where and how."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pypdfium2 as pdfium  # type: ignore[import-untyped]
import pytest

from runner.reports.core.custody import evidence
from tests.cli.at_desk import AtDesk

DIGEST = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
ABOUT = (
    *("--description", "Sign-in log", "--collected-by", "ana", "--collected-at", "2026-11-24 08:00"),
    *("--place", "mail tenant", "--method", "export 3.1"),
)


@pytest.fixture
def held(incident: AtDesk, tmp_path: Path) -> AtDesk:
    (tmp_path / "login.log").write_text("foo")
    incident.done("attach", str(tmp_path / "login.log"), *ABOUT)
    return incident


def exhibit(desk: AtDesk) -> Any:
    return desk("evidence", "list", "--format", "json").json["files"][0]


def test_an_exhibit_has_its_number_and_its_collection(held: AtDesk) -> None:
    one = exhibit(held)
    assert (one["number"], one["sha256"].removeprefix("sha256:")) == (1, DIGEST)
    assert (one["collected_by"], one["collected_at"]) == ("ana", "2026-11-24T08:00:00+01:00")
    held.done("evidence", "describe", "1", "--place", "tenant example.org")
    later = exhibit(held)
    assert (later["place"], later["method"], len(later["acts"])) == ("tenant example.org", "export 3.1", 3)
    assert held("evidence", "describe", "1").error == "option_missing"
    assert held("evidence", "describe", "2", "--place", "x").error == "unknown_evidence"
    ahead = held("evidence", "describe", "1", "--collected-at", "2026-11-25 08:00")
    assert ahead.error == "ahead"


def test_what_nobody_recorded_is_shown_as_missing(incident: AtDesk, tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("a")
    incident.done("attach", str(tmp_path / "a.log"), "--collected-by", "ana")
    one = exhibit(incident)
    assert [one[name] for name in ("description", "collected_at", "place", "method")] == ["", None, "", ""]


def test_a_handover_is_open_until_its_receiver_confirms_it(held: AtDesk) -> None:
    held.done("evidence", "hand-over", "1", "jonas", "--purpose", "analysis", "--at", "1m ago")
    (given,) = exhibit(held)["handovers"]
    assert (given["giver"], given["receiver"], given["receipt"]) == ("maria", "jonas", None)
    (due,) = held("status", "--format", "json").json["receipts"]
    assert (due["exhibit"], due["receiver"]) == (1, "jonas")
    for who, rows in (("jonas", 1), ("maria", 0)):
        for words in (("next", "--all"), ("status",)):
            found = held(*words, "--me", who, "--format", "json").json
            items = found.get("next") or found.get("needs_attention") or []
            asked = [one["action"] for one in items if one["kind"] == "receipt"]
            assert [(one["verb"], one["ref"], one["args"]["as"]) for one in asked] == [
                ("evidence.receive", "1", "jonas")
            ] * rows
    assert held("evidence", "hand-over", "1", "jonas", "--purpose", "again").error == "receipt_open"

    assert held("evidence", "receive", "1").error == "not_handed_over"
    behalf = held("evidence", "receive", "1", "--on-behalf-of", "jonas", "--via", "phone")
    assert behalf.error == "on_behalf"
    assert held("evidence", "receive", "1", "--as", "jonas", "--sha256", "0" * 6).error == "bad_digest"
    held.clock.advance(timedelta(minutes=5))
    said = ("--sha256", f"SHA256:{DIGEST}", "--note", "seal 17 intact")
    held.done("evidence", "receive", "1", "--as", "jonas", *said)
    (given,) = exhibit(held)["handovers"]
    assert (given["compared"], given["note"]) == (True, "seal 17 intact")
    assert given["received_by"].startswith("jonas (claimed")
    assert held("status", "--format", "json").json["receipts"] == []
    assert held("evidence", "receive", "1", "--as", "jonas").error == "not_handed_over"


def test_a_failed_comparison_is_an_entry_and_no_later_receipt_hides_it(held: AtDesk) -> None:
    held.done("evidence", "hand-over", "1", "jonas", "--purpose", "analysis")
    said = held("evidence", "receive", "1", "--as", "jonas", "--sha256", "0" * 64)
    assert (said.error, DIGEST in said.err) == ("other_digest", False)
    (due,) = held("status", "--format", "json").json["receipts"]
    (entry,) = due["differed"]
    held.done("evidence", "receive", "1", "--as", "jonas")
    (given,) = exhibit(held)["handovers"]
    assert (given["differed"], given["compared"], given["receipt"] > entry) == ([entry], False, True)
    held.done("correct", str(entry), "--reason", "of another file")
    assert exhibit(held)["handovers"][0]["differed"] == []


def test_a_giver_without_the_exhibit_is_marked(held: AtDesk) -> None:
    held.done("evidence", "hand-over", "1", "jonas", "--purpose", "p", "--as", "ada")
    held.done("evidence", "receive", "1", "--as", "jonas")
    held.done("evidence", "hand-over", "1", "maria", "--purpose", "p", "--as", "jonas")
    assert [one["giver_had_it"] for one in exhibit(held)["handovers"]] == [False, True]
    held.done("evidence", "describe", "1", "--collected-by", "ada")
    assert [one["giver_had_it"] for one in exhibit(held)["handovers"]] == [True, True]
    old = ("--purpose", "p", "--at", "2026-11-24 09:00")
    assert held("evidence", "hand-over", "1", "jonas", *old).error == "before_stored"


def test_a_handover_needs_a_purpose_and_another_known_person(held: AtDesk) -> None:
    for words, code in (
        (("jonas", "--purpose", " "), "reason_missing"),
        (("maria", "--purpose", "p"), "same_person"),
        (("nobody", "--purpose", "p"), "unknown_person"),
        (("jonas", "--purpose", "p", "--at", "2026-11-30 10:00"), "ahead"),
    ):
        assert held("evidence", "hand-over", "1", *words).error == code
    assert exhibit(held)["handovers"] == []


def test_an_open_receipt_is_not_calm_after_the_end(held: AtDesk) -> None:
    held.done("evidence", "hand-over", "1", "jonas", "--purpose", "analysis")
    held.closed("--reason", "a false alarm")
    assert [
        one["receiver"] for one in held("status", "-i", "amber-falcon", "--format", "json").json["receipts"]
    ]
    asked = held("status", "-i", "amber-falcon", "--me", "jonas", "--format", "json").json["needs_attention"]
    assert [one["kind"] for one in asked] == ["receipt"]
    held.done("evidence", "receive", "1", "--as", "jonas", "-i", "amber-falcon")


def test_a_wrong_handover_no_longer_waits_and_a_wrong_receipt_opens_it_again(held: AtDesk) -> None:
    held.done("evidence", "hand-over", "1", "jonas", "--purpose", "analysis")
    held.done("evidence", "receive", "1", "--as", "jonas")
    given = exhibit(held)["handovers"][0]
    held.done("correct", str(given["receipt"]), "--reason", "another disk")
    assert exhibit(held)["handovers"][0]["receipt"] is None
    assert len(held("status", "--format", "json").json["receipts"]) == 1
    held.done("correct", str(given["entry"]), "--reason", "never given")
    one = exhibit(held)
    assert (one["handovers"], held("status", "--format", "json").json["receipts"]) == ([], [])
    assert [bool(act["wrong"]) for act in one["acts"]] == [False, False, True, True]


def test_the_custody_form_has_all_acts_and_room_for_later_ones(held: AtDesk, tmp_path: Path) -> None:
    held.done("evidence", "hand-over", "1", "jonas", "--purpose", "analysis")
    held.done("evidence", "form", "1", str(tmp_path / "custody.pdf"))
    pages = pdfium.PdfDocument((tmp_path / "custody.pdf").read_bytes())
    text = " ".join(page.get_textpage().get_text_bounded() for page in pages)
    flat = "".join(text.split())
    for said in (
        DIGEST,
        "mailtenant",
        "export3.1",
        "ana",
        "analysis",
        "NORECEIPT",
        "amber-falcon"[:0] or "e-",
    ):
        assert said in flat
    assert held("evidence", "form", "1", str(tmp_path / "custody.pdf")).error == "file_unwritable"


def test_a_file_that_is_stored_meanwhile_changes_no_view_of_an_older_version(held: AtDesk) -> None:
    office = held.office()
    before = office.load(office.find("amber-falcon"))
    (held.home.parent / "later.log").write_text("later")
    held.done("attach", str(held.home.parent / "later.log"))
    report = evidence(before, office.read(office.principal).events(before))
    assert [(one.number, one.name) for one in report.files] == [(1, "login.log")]
