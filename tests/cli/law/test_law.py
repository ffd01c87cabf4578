"""Duties and notices from the command line, on the playbook that ships for a misdirected message."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from tests.cli.at_desk import AtDesk, Said

INITIAL = "eu-gdpr-33-controller-sa/initial"
FACTS = """\
schema: tocsin/facts/v1
source: the demo
organisation: {role: [controller], established_in: [DE], zone: Europe/Berlin}
incident: {aware_at: "2026-11-24T09:10:00+01:00"}
data: {involved: true, elements: [name, contact]}
risk: {to_people: high}
"""
PEOPLE = {
    "roles": {
        "commander": ["maria"],
        "dpo": ["jonas"],
        "counsel": ["jonas", "ada"],
    }
}


@pytest.fixture
def facts(tmp_path: Path) -> Path:
    path = tmp_path / "facts.yaml"
    path.write_text(FACTS, encoding="utf-8")
    return path


def test_duties_are_judged_on_a_facts_file_without_a_home(nowhere: AtDesk, facts: Path) -> None:
    said = nowhere("duties", "--facts", str(facts), "--at", "2026-11-24T10:00:00Z", "--format", "json")
    assert said.code == 0
    assert said.json["schema"] == "tocsin/duties/v1"
    duty = next(duty for duty in said.json["duties"] if duty["id"] == INITIAL)
    assert (duty["verdict"], duty["state"], duty["due"]) == ("applies", "open", "2026-11-27T08:10:00Z")


def test_an_instant_without_an_offset_is_a_usage_error(nowhere: AtDesk, facts: Path) -> None:
    said = nowhere("duties", "--facts", str(facts), "--at", "2026-11-24 10:00")
    assert (said.code, said.error) == (2, "bad_instant")


@pytest.fixture
def breach(tocsin: AtDesk, facts: Path) -> AtDesk:
    """An incident in which the law asks for a notice, drafted already."""
    tocsin.settings(**PEOPLE)
    tocsin.done(
        "open", "misdirected-message", "--yes", "--facts", str(facts), "--fact", "incident.summary=a letter"
    )
    return tocsin


def test_a_notice_is_checked_drafted_and_pulled(breach: AtDesk, tmp_path: Path) -> None:
    check = breach("notice", "check", "gdpr-33-initial", "--format", "json")
    assert (check.code, check.json["complete"]) == (1, False)
    out = tmp_path / "drafts"
    written = breach(
        "notice", "render", "gdpr-33-initial", "--out", str(out), "--to", "txt,md", "--format", "json"
    ).json["files"]
    assert [Path(file["path"]).name for file in written] == [
        "DRAFT_gdpr-33-initial_eu-gdpr-33-controller-sa_initial_1.2.0_en-GB.txt",
        "DRAFT_gdpr-33-initial_eu-gdpr-33-controller-sa_initial_1.2.0_en-GB.md",
    ]
    assert breach("notice", "render", "gdpr-33-initial").code == 2
    said = breach("notice", "check", "gdpr-33-inital", "--format", "json")
    assert (said.code, said.error, "gdpr-33-initial" in said.json["hint"]) == (1, "unknown_notice", True)


def test_the_rendered_bytes_are_pulled_as_they_were_kept(breach: AtDesk, tmp_path: Path) -> None:
    assert breach("notice", "pull", "--out", str(tmp_path)).error == "not_rendered"
    when = "2026-11-24T08:10:00Z"
    started = (
        f"incident.started_at={when}",
        f"incident.detected_at={when}",
        f"incident.discovered_at={when}",
    )
    breach("answer", "report", *started, "data.involved=yes", "data.form=electronic", "data.encrypted=no")
    breach.done("task", "done", "recall", "--all")
    breach.done("answer", "confirmed", "no")
    breach.done("task", "done", "people", "--all")
    texts = ("consequences", "mitigation", "advice", "harm_assessment.by", "harm_assessment.grounds")
    said = (f"risk.{text}=as discussed" for text in texts)
    times = (f"incident.aware_at={when}", "incident.determined_at=unknown", f"risk.harm_assessment.at={when}")
    categories = "data.categories_text=names"
    breach.done("answer", "risk", "data.retrieved=no", categories, *times, *said, "risk.to_people=high")
    listed = breach("notice", "list", "--format", "json").json["notices"]
    assert {(notice["notice"], notice["status"]) for notice in listed} == {
        ("gdpr-33-initial", "draft"),
        ("gdpr-34-letter", "draft"),
    }
    files = breach("notice", "pull", "--to", "txt", "--out", str(tmp_path), "--format", "json").json["files"]
    kept = [file for file in files if file["format"] == "txt" and file["status"] == "draft"]
    assert {file["sha256"] for file in kept} == {notice["files"]["txt"] for notice in listed}
    for one in kept:
        assert hashlib.sha256(Path(one["path"]).read_bytes()).hexdigest() == one["sha256"]
    assert breach("notice", "pull", "--to", "md", "--out", str(tmp_path)).error == "format_missing"
    show = ("notice", "show", "gdpr-33-initial")
    gaps = breach(*show, "--format", "json").json["notice"]["gaps"]
    shown = " ".join(breach.done(*show).split())
    assert gaps
    # A fact that was recorded since is named as such, not as missing.
    assert [gap for gap in gaps if gap not in shown and gap.removeprefix("to_follow: ") not in shown] == []


def test_a_filing_is_recorded_with_its_receipt_in_custody(breach: AtDesk, tmp_path: Path) -> None:
    receipt = tmp_path / "receipt.txt"
    receipt.write_text("received", encoding="utf-8")
    assert breach("duty", "record-filed", INITIAL).error == "proof_missing"
    breach.done("duty", "record-filed", INITIAL, "--reference", "2026-4711", "--receipt", str(receipt))
    duty = next(duty for duty in breach("duties", "--format", "json").json["duties"] if duty["id"] == INITIAL)
    assert duty["state"] == "filed"


def test_a_decision_not_to_notify_needs_its_grounds(breach: AtDesk) -> None:
    letter = "eu-gdpr-34-data-subjects/individuals"
    assert breach("duty", "decide", letter, "--reason", "x").code == 2
    assert breach("duty", "decide", letter, "--not-to-notify").error == "reason_missing"
    words = ("duty", "decide", letter, "--not-to-notify", "--reason", "disk encrypted", "--as", "ada")
    assert breach(*words).error == "ground_missing"
    entry = breach(*words, "--ground", "none", "--format", "json").json["second_person"][0]
    breach.done("confirm", str(entry), "--as", "jonas")
    assert breach("duty", "waive", "x/y", "--reason", "z").error == "unknown_duty"


HARM = """\
schema: tocsin/facts/v1
source: the desk
incident: {aware_at: "2026-11-24T09:10:00+01:00"}
data: {involved: true, elements: [name]}
risk: {to_people: high}
"""
DE = {"role": ["controller"], "established_in": ["DE"], "zone": "Europe/Berlin"}


def verdict(said: Said) -> str:
    assert said.code == 0, said.err
    found = said.json["duties"]
    return str(next(duty["verdict"] for duty in found if duty["id"] == "eu-gdpr-33-controller-sa/initial"))


def test_a_facts_file_is_judged_on_the_organisation_of_the_home(tocsin: AtDesk, tmp_path: Path) -> None:
    path = tmp_path / "harm.yaml"
    path.write_text(HARM, encoding="utf-8")
    command = ("duties", "--facts", str(path), "--format", "json")
    tocsin.settings(organisation=DE)
    said = tocsin(*command)
    assert verdict(said) == "applies"
    assert str(tocsin.home / "tocsin.yaml") in said.err
    alone = tocsin(*command, "--no-home")
    assert (verdict(alone), alone.err) == ("unknown", "")


def test_the_file_wins_over_the_home(tocsin: AtDesk, tmp_path: Path) -> None:
    path = tmp_path / "harm.yaml"
    path.write_text(f"{HARM}organisation: {{role: [processor]}}\n", encoding="utf-8")
    tocsin.settings(organisation=DE)
    assert verdict(tocsin("duties", "--facts", str(path), "--format", "json")) == "not_applicable"


HOSPITAL = """\
schema: tocsin/facts/v1
source: the desk
organisation: {role: [controller], regulated_as: [hipaa_covered_entity], country: US, established_in: [US-NY]}
incident: {detected_at: "2026-11-24T09:10:00-05:00", vector: ransomware, impact: [confidentiality]}
data: {involved: true, elements: [name, medical], encrypted: false, form: [electronic]}
people: {by_jurisdiction: {US-NY: 600}, total: 600}
"""


@pytest.mark.parametrize(
    ("answer", "verdict"), [(None, "unknown"), ("true", "applies"), ("false", "not_applicable")]
)
def test_a_health_care_provider_in_new_york_is_asked_first_whether_it_is_a_hospital(
    nowhere: AtDesk, tmp_path: Path, answer: str | None, verdict: str
) -> None:
    path = tmp_path / "facts.yaml"
    said = f"country: US, licensed_hospital: {answer}" if answer else "country: US"
    path.write_text(HOSPITAL.replace("country: US", said), encoding="utf-8")
    words = ("duties", "--facts", str(path), "--at", "2026-11-24T15:00:00Z")
    rows = {one["id"]: one for one in nowhere(*words, "--format", "json").json["duties"]}
    duty = rows["us-ny-doh-405-46/ny_department_of_health"]
    asked = re.findall(r"tocsin fact set ([\w.]+)=", nowhere.done(*words))
    assert (duty["verdict"], asked[:1] == ["organisation.licensed_hospital"]) == (verdict, answer is None)
