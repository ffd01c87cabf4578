"""A closed incident accepts no work, but still accepts legal records, and says so."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.cli.at_desk import AtDesk, compare
from tests.cli.notices.noticed import DUTY, noticed


@pytest.fixture
def desk(tocsin: AtDesk, tmp_path: Path) -> AtDesk:
    desk = noticed(tocsin, tmp_path)
    found = desk("duties", "--format", "json").json["duties"]
    each = (f"{duty['id']}=next week" for duty in found if duty["verdict"] == "applies" and duty["in_sight"])
    left = (word for one in each for word in ("--leave-open", one))
    said = desk("close", "--reason", "contained", *left, "--format", "json")
    desk.done("confirm", str(said.json["second_person"][0]), "--as", "jonas")
    desk.done("use", "amber-falcon")
    return desk


def text(desk: AtDesk) -> tuple[str, ...]:
    """Return the words that name the draft that was filed, and why nobody had signed it."""
    made = desk("notice", "list", "--format", "json").json["notices"]
    [digest] = [notice["digest"] for notice in made if notice["duty"] == DUTY]
    return ("--digest", digest, "--reason", "counsel agreed by phone")


def test_a_filing_and_its_receipt_are_taken_after_the_end(desk: AtDesk, tmp_path: Path) -> None:
    receipt = tmp_path / "receipt.txt"
    receipt.write_text("received: A-1", encoding="utf-8")
    out = desk.done(
        "duty", "record-filed", DUTY, "--reference", "A-1", "--receipt", str(receipt), *text(desk)
    )
    compare("closed.filed", out, desk.home)
    assert duty(desk)["state"] == "filed"
    entries = desk("timeline", "--format", "json").json["entries"]
    assert [DUTY in entry["text"] for entry in entries if entry["type"] == "DutyRecorded"] == [True]


def test_a_late_filing_after_the_end_keeps_its_reasons(desk: AtDesk) -> None:
    desk.clock.advance(timedelta(days=9))
    said = desk("duty", "record-filed", DUTY, "--reference", "A-1", *text(desk))
    assert (said.code, said.error) == (1, "late_reason")
    desk.done(
        "duty",
        "record-filed",
        DUTY,
        "--reference",
        "A-1",
        "--late-reason",
        "the portal was down",
        *text(desk),
    )
    assert duty(desk)["state"] == "filed_late"


def test_a_filing_recorded_wrongly_is_corrected_after_the_end(desk: AtDesk) -> None:
    desk.done("duty", "record-filed", DUTY, "--reference", "A-1", *text(desk))
    events = desk("timeline", "--format", "json").json["entries"]
    number = next(event["event"] for event in events if event["type"] == "DutyRecorded")
    compare(
        "closed.corrected",
        desk.done("correct", str(number), "--reason", "it was the other office"),
        desk.home,
    )
    assert duty(desk)["state"] == "open"
    desk.done("duty", "record-filed", DUTY, "--reference", "A-2", *text(desk))
    assert duty(desk)["state"] == "filed"


def test_a_fact_is_corrected_after_the_end_and_the_law_looks_again(desk: AtDesk, tmp_path: Path) -> None:
    log = tmp_path / "late.log"
    log.write_text("late", encoding="utf-8")
    attached = desk("attach", str(log), "--source", "provider", "--format", "json")
    assert (attached.code, "amber-falcon" in attached.json["done"][-1]) == (0, True), (
        "it says that it is over"
    )
    words = (
        "incident.aware_at=2026-11-23T08:00:00Z",
        "--source",
        "the provider's log",
        "--grounds",
        "it says so",
    )
    said = desk("fact", "set", *words, "--format", "json")
    assert (said.code, "amber-falcon" in said.json["done"][-1]) == (0, True), "it says that it is over"
    assert duty(desk)["due"] == "2026-11-26T08:00:00Z"


def test_a_duty_that_a_late_fact_triggers_is_reported(desk: AtDesk) -> None:
    words = (
        "organisation.regulated_as=nis2_essential",
        "incident.significant=yes",
        "organisation.sectors=energy",
    )
    said = desk("fact", "set", *words, "--source", "counsel", "--format", "json")
    assert (said.code, "eu-nis2-23/early_warning" in said.json["done"][-1]) == (0, True)


def test_no_work_is_taken_after_the_end(desk: AtDesk) -> None:
    said = desk("task", "skip", "hand-in", "--reason", "no")
    assert (said.code, said.error) == (1, "incident_closed")


def test_undo_and_correct_name_the_reopening(incident: AtDesk) -> None:
    incident.done("task", "check", "block", "--all")
    incident.done("task", "done", "block")
    incident.done("role", "assign", "executive", "jonas", "--yes")
    incident.closed("--reason", "it was found again")
    incident.done("use", "amber-falcon")
    kinds = ("StepEnded", "StepChecked", "RoleAssigned", "SecondPersonAsked", "IncidentClosed")
    entries = {one["type"]: one["event"] for one in incident("timeline", "--format", "json").json["entries"]}
    for way in (("undo",), *(("correct", str(entries[kind]), "--reason", "not so") for kind in kinds)):
        said = incident(*way, "--format", "json")
        assert (said.code, "tocsin reopen --reason WHY" in said.json["hint"]) == (1, True), way
    incident.done("reopen", "--reason", "not so")
    incident.done("correct", str(entries["StepEnded"]), "--reason", "not so")


def test_a_reopening_names_the_tasks_and_duties_that_are_open(desk: AtDesk) -> None:
    before = desk("task", "list", "--format", "json").json["tasks"]
    said = desk("reopen", "amber-falcon", "--reason", "the attacker is back", "--format", "json").json
    compare("closed.reopened", "".join(f"{words}\n" for words in said["done"]), desk.home)
    rows = desk("task", "list", "--format", "json").json["tasks"]
    assert [row["state"] for row in rows] == [row["state"] for row in before]
    to_do = [row["invocation"] for row in rows if row["state"] in ("ready", "active")]
    assert to_do
    assert [one["invocation"] for one in said["ready"]] == to_do


def test_a_question_is_not_answered_by_a_late_fact(tocsin: AtDesk, playbook: Path) -> None:
    tocsin.done("open", str(playbook), "--yes")
    tocsin.closed("--reason", "found again")
    tocsin.done("use", "amber-falcon")
    tocsin.done("fact", "set", "data.encrypted=yes", "--source", "inventory")
    tasks = tocsin("task", "list", "--format", "json").json["tasks"]
    assert next(task for task in tasks if task["step"] == "used")["state"] != "done"


def duty(desk: AtDesk) -> dict[str, str]:
    found = desk("duties", "--format", "json").json["duties"]
    return dict(next(duty for duty in found if duty["id"] == DUTY))


def test_open_tasks_of_a_closed_incident_are_shown_without_an_action(incident: AtDesk) -> None:
    incident.closed("--reason", "it was found again")
    incident.clock.advance(timedelta(days=2))
    compare("closed.status", incident.done("status", "amber-falcon"), incident.home)
    assert incident("status", "amber-falcon", "--format", "json").json["needs_attention"] == []
    assert incident("doctor").code == 0


def test_without_an_open_incident_the_last_closed_one_is_named(incident: AtDesk, playbook: Path) -> None:
    incident.done("open", str(playbook), "--yes", "--fact", "incident.summary=Badge 4712")
    incident.cancelled("calm-heron")
    incident.clock.advance(timedelta(hours=2))
    incident.closed("amber-falcon", "--reason", "found in the canteen")
    incident.clock.advance(timedelta(days=3))
    said = incident("next", "--format", "json")
    assert (said.code, said.error) == (1, "no_incident")
    assert all(word in said.json["message"] for word in ("amber-falcon", "2026", "12:00")), "which, and when"
    assert "amber-falcon" in said.json["hint"]
    incident.done("status", "--incident", "amber-falcon")


def test_an_incident_that_was_shredded_is_not_the_one_to_look_at(incident: AtDesk, playbook: Path) -> None:
    incident.done("open", str(playbook), "--yes", "--fact", "incident.summary=Badge 4712")
    incident.closed("calm-heron", "--reason", "the same badge")
    incident.clock.advance(timedelta(hours=2))
    incident.closed("amber-falcon", "--reason", "found in the canteen")
    incident.done("shred", "amber-falcon", "--reason", "policy 7.2", "--yes")
    assert named(incident) == (True, False)
    incident.done("shred", "calm-heron", "--reason", "policy 7.2", "--yes")
    assert named(incident) == (False, False)


def named(incident: AtDesk) -> tuple[bool, bool]:
    """Tell whether calm-heron, and whether amber-falcon is named where there is none to look at."""
    said = incident("next", "--format", "json")
    assert (said.code, said.error) == (1, "no_incident")
    return "calm-heron" in said.out, "amber-falcon" in said.out


def test_the_report_of_the_incident_that_was_just_closed_needs_no_name(
    incident: AtDesk, tmp_path: Path
) -> None:
    incident.closed("--reason", "it was found again")
    said = incident("report", "--out", str(tmp_path), "--to", "md", "--format", "json")
    assert said.code == 0, said.err
    assert all("amber-falcon" in Path(file["path"]).name for file in said.json["files"])
    assert incident("drill", "report", "--out", str(tmp_path)).error == "no_incident"


def test_doctor_names_the_open_duties_of_a_closed_incident(desk: AtDesk) -> None:
    found = desk("doctor", "--format", "json").json["findings"]
    [one] = [finding for finding in found if finding["code"] == "duties_left"]
    assert (one["incident"], one["severity"]) == ("amber-falcon", "warning")
    assert ["duties", "-i", "amber-falcon"] in [line.split()[-3:] for line in desk("doctor").out.splitlines()]
