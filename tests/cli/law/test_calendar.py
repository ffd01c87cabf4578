"""Legal deadlines for the calendar and the spreadsheet that people already look at."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from icalendar import Calendar

from runner.base.states import MARKS
from tests.cli.at_desk import AtDesk, compare

FACTS = (
    "organisation.role=controller,data_owner",
    "organisation.country=DE",
    "organisation.zone=Europe/Berlin",
    "data.involved=true",
    "data.with_name=true",
    "data.elements=ssn",
    "data.encrypted=false",
    "people.by_jurisdiction.US-CA=600",
    "people.by_jurisdiction.DE=10",
    "risk.to_people=risk",
    "incident.impact=confidentiality",
    "incident.aware_at=2026-11-24T08:00:00Z",
    "incident.discovered_at=2026-11-24T08:00:00Z",
    "people.good_faith_only=false",
)

INITIAL = "eu-gdpr-33-controller-sa/initial"


@pytest.fixture
def breach(tocsin: AtDesk) -> AtDesk:
    facts = [word for fact in FACTS for word in ("--fact", fact)]
    tocsin.done("open", "lost-device", "--yes", *facts)
    return tocsin


def test_the_deadlines_come_in_order_and_all_letters_in_the_united_states_have_one_day(
    breach: AtDesk,
) -> None:
    found = breach("duties", "calendar", "--format", "json").json
    assert found["schema"] == "tocsin/deadlines/v1"
    assert (found["mail_by"], found["mail_by_because"]) == ("2026-12-24", "us-ca-breach/individuals")
    due = [row["due"] for row in found["deadlines"] if row["due"]]
    assert due == sorted(due)
    assert found["deadlines"][0]["duty"] == "eu-gdpr-33-controller-sa/initial"
    [last] = [row for row in found["deadlines"] if row["duty"] == "us-ca-breach/attorney_general"]
    assert (last["recipient"], last["due"], last["due_kind"]) == ("attorney_general", None, "waits_for_event")
    compare("calendar-deadlines", breach.done("duties", "calendar"), breach.home)


def test_the_last_day_to_mail_is_a_day_with_mail(tocsin: AtDesk) -> None:
    tocsin.clock.advance(timedelta(days=1))
    facts = [word for fact in FACTS for word in ("--fact", fact.replace("2026-11-24", "2026-11-25"))]
    tocsin.done("open", "lost-device", "--yes", *facts)
    found = tocsin("duties", "calendar", "--format", "json").json
    due = {row["duty"]: row["due_date"] for row in found["deadlines"]}
    assert (due[found["mail_by_because"]], found["mail_by"]) == ("2026-12-25", "2026-12-24")


def test_a_calendar_program_reads_them_with_an_alarm_at_the_last_safe_start(
    breach: AtDesk, tmp_path: Path
) -> None:
    out = tmp_path / "deadlines.ics"
    said = breach("duties", "calendar", "--out", str(out)).err
    book = Calendar.from_ical(out.read_bytes())
    events = {str(event["uid"]).partition("/")[2]: event for event in book.walk("VEVENT")}
    rows = breach("duties", "calendar", "--format", "json").json["deadlines"]
    undated = [row["duty"] for row in rows if row["due"] is None]
    mailing = events.pop("mail-by@tocsin")
    assert str(mailing.decoded("dtstart")) == "2026-12-24"
    assert "us-ca-breach/individuals" in mailing["description"]
    assert {str(len(events)), str(len(rows))} <= set(said.split())
    assert [row["duty"] for row in rows if row["duty"] in said] == undated
    notice = events["eu-gdpr-33-controller-sa/initial@tocsin"]
    assert notice.decoded("dtstart") == datetime(2026, 11, 27, 8, tzinfo=UTC)
    assert len(notice.walk("VALARM")) == 1
    assert str(events["us-ca-breach/individuals@tocsin"].decoded("dtstart")) == "2026-12-24"


def test_another_ending_or_a_folder_that_is_not_there_is_refused(breach: AtDesk, tmp_path: Path) -> None:
    said = breach("duties", "calendar", "--out", str(tmp_path / "deadlines.pdf"))
    assert (said.code, said.error) == (2, "unknown_ending")
    said = breach("duties", "calendar", "--out", str(tmp_path / "none" / "deadlines.ics"))
    assert (said.code, said.error) == (1, "file_unwritable")
    said = breach("duties", "diary")
    assert (said.code, said.error) == (2, "unknown_report")


def test_deadlines_of_exercises_and_tests_are_marked_in_every_format(tocsin: AtDesk, tmp_path: Path) -> None:
    facts = [word for fact in FACTS for word in ("--fact", fact)]
    tocsin.done("open", "lost-device", "--yes", "--kind", "test", *facts)
    assert tocsin("duties", "calendar", "--format", "json").json["kind"] == "test"
    mark = MARKS["test"]
    assert tocsin.done("duties", "calendar").startswith(mark)
    ics = tmp_path / "deadlines.ics"
    tocsin.done("duties", "calendar", "--out", str(ics))
    events = Calendar.from_ical(ics.read_bytes()).walk("VEVENT")
    assert events
    assert all(mark in event["summary"] for event in events)


def test_a_duty_without_a_number_has_an_internal_target_and_keeps_its_entry(
    breach: AtDesk, tmp_path: Path
) -> None:
    breach.done(
        *("fact", "set", "risk.to_people=high", "organisation.name=Harbor & Pine", "--source", "counsel"),
        "incident.file_number=2026-014",
    )
    letters = "eu-gdpr-34-data-subjects/individuals"
    rows = {row["duty"]: row for row in breach("duties", "calendar", "--format", "json").json["deadlines"]}
    assert (rows[letters]["due"], rows[letters]["target"]) == (None, "2026-11-27T08:00:00Z")
    assert "advisory" not in {row["verdict"] for row in rows.values()}
    first = _events(breach, tmp_path / "one.ics")
    breach.done(
        *("fact", "set", "incident.aware_at=2026-11-23T08:00:00Z", "--source", "log", "--grounds", "mail")
    )
    moved = _events(breach, tmp_path / "two.ics")
    assert first.keys() == moved.keys()
    for duty, words in (
        (letters, {"Harbor", "Pine", "GDPR", "34", "2026-014", "target"}),
        ("eu-gdpr-33-controller-sa/initial", {"Harbor", "German", "33", "09:00", "CET", "2026-014"}),
    ):
        assert words <= set(re.findall(r"[\w:-]+", str(first[duty]["summary"])))
        assert "amber-falcon" not in first[duty]["summary"]
        assert str(first[duty].decoded("dtstart")) > str(moved[duty].decoded("dtstart"))


def test_the_internal_target_is_a_setting(breach: AtDesk) -> None:
    breach.done("fact", "set", "risk.to_people=high", "--source", "counsel")
    breach.settings(law={"internal_target": "36h"})
    rows = {row["duty"]: row for row in breach("duties", "calendar", "--format", "json").json["deadlines"]}
    assert rows["eu-gdpr-34-data-subjects/individuals"]["target"] == "2026-11-25T20:00:00Z"
    for wrong in ("0d", "3", "3 weeks"):
        breach.settings(law={"internal_target": wrong})
        assert breach("status").error == "bad_settings", wrong
        assert breach("doctor").code == 4, wrong


def test_a_decision_not_to_notify_is_in_the_calendar_on_the_day_to_look_again(
    breach: AtDesk, tmp_path: Path
) -> None:
    breach.done("role", "assign", "executive", "maria")
    initial = ("duty", "decide", INITIAL, "--not-to-notify", "--reason", "no", "--ground", "none")
    entry = breach(*initial, "--look-again", "2027-01-15", "--format", "json").json["second_person"]
    breach.done("confirm", str(entry[0]), "--as", "ada")
    [row] = [
        one
        for one in breach("duties", "calendar", "--format", "json").json["deadlines"]
        if one["duty"] == INITIAL
    ]
    assert (row["state"], row["look_again"]) == ("decided_not_to_notify", "2027-01-15")
    event = _events(breach, tmp_path / "decided.ics")[INITIAL]
    assert str(event.decoded("dtstart")) == "2027-01-15"
    assert {"look", "again", "decision"} <= set(re.findall(r"\w+", str(event["summary"])))
    assert not event.walk("VALARM")
    assert {"look", "again", "2027"} <= set(breach.done("duties", "calendar").split())
    breach.clock.advance(timedelta(days=60))
    assert "PASSED" in breach.done("duties", "calendar")


def _events(desk: AtDesk, out: Path) -> dict[str, Any]:
    desk.done("duties", "calendar", "--out", str(out))
    events = Calendar.from_ical(out.read_bytes()).walk("VEVENT")
    return {str(event["uid"]).partition("/")[2].removesuffix("@tocsin"): event for event in events}
