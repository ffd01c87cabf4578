"""The register of breaches (GDPR Art. 33(5)) from the command line."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest

from runner.base.states import MARKS
from tests.cli.at_desk import PLAYBOOK, AtDesk, compare

INITIAL = "eu-gdpr-33-controller-sa/initial"
KNOWN = (
    "organisation.role=controller",
    "organisation.established_in=DE",
    "data.involved=true",
    "data.elements=name",
    "people.total=3",
    "risk.to_people=risk",
    "incident.aware_at=2026-11-24T09:00:00Z",
)


@pytest.fixture
def home(tmp_path: Path) -> AtDesk:
    """A home with a real breach, one without personal data, and an exercise."""
    playbook = tmp_path / "badge.yaml"
    playbook.write_text(PLAYBOOK, encoding="utf-8")
    desk = AtDesk(tmp_path / "home")
    desk.done("init")
    desk.settings()
    given = [word for fact in KNOWN for word in ("--fact", fact)]
    for title, words in (
        ("Badge in a taxi", ["--fact", "incident.summary==SUM(1)", *given]),
        ("Empty badge", ["--fact", "data.involved=false"]),
        ("Rehearsal", ["--kind", "exercise", *given]),
    ):
        desk.done("open", str(playbook), "--yes", "--title", title, *words)
    return desk


def test_the_register_holds_every_real_breach_with_its_gaps(home: AtDesk) -> None:
    report = home("duties", "register", "--format", "json").json
    assert (report["schema"], report["kind"], report["no_personal_data"]) == ("tocsin/register/v1", "real", 1)
    [one] = report["breaches"]
    assert (one["codename"], one["facts"]["people.total"]) == ("amber-falcon", 3)
    assert one["effects"] == {"risk.to_people": "risk"}
    assert one["missing"] == ["risk.consequences", "risk.mitigation", "decision"]


def test_the_register_shows_the_decision_with_person_time_and_reason(home: AtDesk) -> None:
    why = "all badges are void"
    there = ("-i", "amber-falcon")
    home.done("role", "assign", "executive", "maria", *there)
    words = ("duty", "decide", INITIAL, "--not-to-notify", "--reason", why, "--ground", "none", *there)
    entry = home(*words, "--format", "json").json["second_person"][0]
    home.done("confirm", str(entry), "--as", "ada", *there)
    for fact in ("risk.consequences=none", "risk.mitigation=blocked"):
        home.done("fact", "set", fact, "--source", "ada", "-i", "amber-falcon")
    [one] = home("duties", "register", "--format", "json").json["breaches"]
    [found] = [decision for decision in one["decisions"] if decision["duty"] == INITIAL]
    assert (found["state"], found["by"], found["reasons"]) == ("decided_not_to_notify", "maria", why)
    assert one["missing"] == []
    compare("register-decided", home.done("duties", "register"), home.home)


def test_a_withdrawn_filing_is_shown_in_the_register(home: AtDesk) -> None:
    there = ("-i", "amber-falcon")
    home.done("duty", "record-filed", INITIAL, "--reference", "4711", *there)
    entries = home("timeline", "--format", "json", *there).json["entries"]
    number = next(entry["event"] for entry in entries if entry["type"] == "DutyRecorded")
    said = home.done("correct", str(number), "--reason", "that was the drill", *there)
    assert INITIAL in said
    [one] = home("duties", "register", "--format", "json").json["breaches"]
    [found] = [decision for decision in one["decisions"] if decision["duty"] == INITIAL]
    assert (found["state"], found["at"], "decision" in one["missing"]) == ("open", None, True)
    assert {"2026", "10:00", "maria", str(number)} <= set(re.findall(r"[\w:]+\w", found["reasons"]))
    waits = home("status", "--format", "json", *there).json["needs_attention"]
    commands = [each["command"] for each in waits if each["kind"] == "duty_reopened"]
    assert [command.split()[2] for command in commands] == ["render", "decide"]
    entries = home("timeline", "--format", "json", *there).json["entries"]
    [wrong] = [entry for entry in entries if entry["event"] == number]
    assert [correction["reason"] for correction in wrong["corrections"]] == ["that was the drill"]
    home.done("duty", "record-filed", INITIAL, "--reference", "4712", *there)
    [one] = home("duties", "register", "--format", "json").json["breaches"]
    assert [each["reference"] for each in one["decisions"] if each["duty"] == INITIAL] == ["4712"]


def test_a_list_that_is_not_complete_has_words_for_what_may_be_missing(home: AtDesk) -> None:
    home.done("fact", "set", "data.elements=ssn,?", "--source", "ada", "-i", "amber-falcon")
    [row] = csv.DictReader(io.StringIO(home("duties", "register", "--format", "csv").out))
    assert ("?" in row["Data types"], "perhaps" in row["Data types"]) == (False, True)


def test_a_drill_is_not_in_the_register_unless_drills_are_asked_for(home: AtDesk) -> None:
    assert "Rehearsal" not in home.done("duties", "register")
    page = home.done("duties", "register", "--kind", "exercise")
    assert page.startswith(MARKS["exercise"])
    assert ("Rehearsal" in page, "amber-falcon" in page) == (True, False)


def test_a_table_of_it_holds_no_formulas(home: AtDesk) -> None:
    rows = list(csv.DictReader(io.StringIO(home.done("duties", "register", "--format", "csv"))))
    assert [row["What happened"] for row in rows] == ["'=SUM(1)"]
    assert rows[0]["Not recorded"] == "risk.consequences, risk.mitigation, decision"
    [told] = [one for one in rows[0]["Notifications and decisions"].split("|") if "33(1)" in one]
    assert {"required", "notified", "due"} <= set(re.findall(r"\w+", told))


def test_only_laws_that_bind_are_in_the_register_and_american_incidents_are_not(home: AtDesk) -> None:
    abroad = (
        "organisation.role=data_owner",
        "organisation.country=US",
        "data.involved=true",
        "data.elements=ssn",
    )
    given = [word for fact in abroad for word in ("--fact", fact)]
    home.done("open", str(home.home.parent / "badge.yaml"), "--yes", "--title", "Oakland", *given)
    report = home("duties", "register", "--format", "json").json
    assert ([one["title"] for one in report["breaches"]], report["other_laws"]) == (["Badge in a taxi"], 1)
    assert [one["duty"] for one in report["breaches"][0]["decisions"]] == [
        INITIAL,
        "eu-gdpr-33-controller-sa/phases",
        "eu-gdpr-34-data-subjects/individuals",
    ]


def test_an_export_is_without_reasons_and_codenames_unless_they_are_asked_for(home: AtDesk) -> None:
    record = ("duty", "record-filed", INITIAL, "--reference", "4711", "--late-reason", "PLANTED")
    home.done(*record, "-i", "amber-falcon")
    csv_of = ("duties", "register", "--format", "csv")
    assert "4711" in home.done(*csv_of)
    assert ("PLANTED" in home.done(*csv_of), "PLANTED" in home.done(*csv_of, "--privileged")) == (False, True)
    assert "amber-falcon" not in home.done(*csv_of)


def test_the_register_has_a_column_for_the_entities_whose_people_are_affected(home: AtDesk) -> None:
    there = ("--source", "counsel", "-i", "amber-falcon")
    names = ("organisation.entities.de.name=Example GmbH", "organisation.entities.nl.name=Example BV")
    home.done("fact", "set", *names, *there)
    assert _rows(home)[0]["Entities"] == "Example GmbH; Example BV"
    home.done("fact", "set", "populations.staff.entity=nl", "populations.staff.people.total=3", *there)
    assert _rows(home)[0]["Entities"] == "Example BV"
    [one] = home("duties", "register", "--format", "json").json["breaches"]
    assert one["entities"] == ["Example BV"]


def test_each_exported_entry_carries_the_head_of_its_journal(home: AtDesk) -> None:
    number, _, digest = _rows(home)[0]["Journal head"].partition(":")
    journal = home("audit", "verify", "-i", "amber-falcon", "--format", "json").json
    assert (int(number), digest) == (journal["events"], journal["head"])


def _rows(home: AtDesk) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(home.done("duties", "register", "--format", "csv"))))


def test_a_title_of_the_playbook_gives_way_to_what_happened(home: AtDesk) -> None:
    given = [word for fact in KNOWN for word in ("--fact", fact)]
    home.done(
        *("open", str(home.home.parent / "badge.yaml"), "--yes", *given),
        *("--fact", "incident.summary=A folder was lost. It was found."),
    )
    titles = [one["title"] for one in home("duties", "register", "--format", "json").json["breaches"]]
    assert titles == ["Badge in a taxi", "A folder was lost"]


def test_only_the_register_is_a_table_and_other_reports_there_are_none(home: AtDesk) -> None:
    said = home("duties", "-i", "amber-falcon", "--format", "csv")
    assert (said.code, said.error) == (2, "unknown_format")
    said = home("duties", "ledger")
    assert (said.code, said.error, "register" in said.err) == (2, "unknown_report", True)
    said = home("duties", "register", "--kind", "drill")
    assert (said.code, said.error) == (2, "unknown_kind")
    assert all(kind in said.err for kind in MARKS)
