"""After a filing: the filed text stays, a changed fact stands at the duty, and a correction or a decision settles it."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.at_desk import AtDesk, Said
from tests.cli.notices.noticed import BODY, DUTY, PLAYBOOK, noticed, verified

PLAY = (
    PLAYBOOK
    + "  - {id: more, notice: gdpr-33-supplementary, duty: eu-gdpr-33-controller-sa/phases, after: [law]}\n"
)
PEOPLE = f"{BODY}\nPeople: {{{{ people.total }}}}.\n"
FILED = ("duty", "record-filed", DUTY, "--reference", "IC-123456")
SUPPLEMENT = "eu-gdpr-33-controller-sa/phases"
NO_CORRECTION = ("duty", "decide", DUTY, "--no-correction", "--reason", "three people more, rounding")


def rendered(desk: AtDesk, step: str = "draft") -> Any:
    """Return the newest version of a step, as JSON."""
    made = desk("notice", "list", "--format", "json").json["notices"]
    return [row for row in made if f":{step}#" in row["step"]][-1]


@pytest.fixture
def desk(tocsin: AtDesk, tmp_path: Path) -> AtDesk:
    """A notice with 21,500 people is signed and filed."""
    made = noticed(tocsin, tmp_path, body=PEOPLE, playbook=PLAY)
    made.done("person", "add", "tom")
    made.done("role", "assign", "executive", "tom")
    made.done("fact", "set", "incident.vector=phishing", "people.total=21500", "--source", "log")
    made.done("notice", "render", "draft")
    made.done("approve", "sign", "--as", "ada", "--digest", rendered(made)["digest"])
    made.clock.advance(timedelta(minutes=1))
    made.done(*FILED)
    return made


def duty(desk: AtDesk, name: str = DUTY) -> Any:
    return desk("duty", "show", name, "--format", "json").json["duty"]


def grow(desk: AtDesk, people: int = 30000) -> None:
    desk.done("fact", "set", f"people.total={people}", "--source", "forensics")


def confirm(desk: AtDesk, person: str) -> Said:
    [one] = [
        one
        for one in desk("status", "--format", "json").json["needs_attention"]
        if one["kind"] == "second_person"
    ]
    return desk("confirm", one["ref"], "--as", person)


def test_a_fact_that_the_filed_text_states_differs_at_the_duty(desk: AtDesk) -> None:
    assert duty(desk).get("differs") is None
    desk.done("fact", "set", "data.key_compromised=no", "--source", "the vault")
    assert duty(desk).get("differs") is None, "the text does not read it"
    grow(desk)
    found = duty(desk)
    assert found["differs"] == [{"fact": "people.total", "before": 21500, "after": 30000}]
    assert found["state"] == "filed"
    for page in (("duty", "show", DUTY), ("duties",), ("status",)):
        words = desk.done(*page)
        assert ("21,500" in words, "30,000" in words) == (True, True), page
    assert "correct" in desk.done("duties").partition("DUTIES")[0].split(), "it is to do now"
    grow(desk, 21500)
    assert duty(desk).get("differs") is None


def test_a_fact_that_only_a_condition_read_while_it_was_unknown_differs_in_nothing(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    asks = "{% if law_enforcement.engaged is known and law_enforcement.engaged %}The police know.{% endif %}"
    made = noticed(tocsin, tmp_path, body=f"{BODY}\n{asks}\n", playbook=PLAY)
    made.done("fact", "set", "incident.vector=phishing", "--source", "log")
    made.done("notice", "render", "draft")
    made.done("approve", "sign", "--as", "ada", "--digest", rendered(made)["digest"])
    made.clock.advance(timedelta(minutes=1))
    made.done(*FILED)
    made.done("fact", "set", "law_enforcement.engaged=no", "--source", "ada")
    assert duty(made).get("differs") is None
    made.done("fact", "set", "incident.vector=ransomware", "--source", "forensics")
    assert [one["fact"] for one in duty(made)["differs"]] == ["incident.vector"]


def test_the_ways_on_after_a_change_are_those_that_work(desk: AtDesk) -> None:
    """The decision that there is nothing to add falls: what corrects the filing is offered, and no older task."""
    decide = (
        "duty",
        "decide",
        SUPPLEMENT,
        "--not-to-notify",
        "--ground",
        "nothing_further",
        "--reason",
        "all said",
    )
    desk.done(*decide, "--as", "jonas")
    confirm(desk, "tom")
    grow(desk)
    found = desk("status", "--format", "json").json["needs_attention"]
    ways = [one["action"] for one in found if one["kind"] == "duty_reopened"]
    assert ways[-1]["args"]["no_correction"] is True
    assert ways[-1]["ref"] == DUTY


def test_consistency_counts_a_filed_text_that_differs(desk: AtDesk) -> None:
    assert desk("notice", "consistency", "--format", "json").json["filed"] == {}
    grow(desk)
    assert desk("notice", "consistency", "--format", "json").json["filed"] == {
        DUTY: [{"fact": "people.total", "before": 21500, "after": 30000}]
    }


def test_pull_keeps_the_filed_bytes_whatever_changed_later(desk: AtDesk, tmp_path: Path) -> None:
    filed = rendered(desk)
    grow(desk)
    desk.done("notice", "render", "draft")
    desk.done("notice", "pull", "--out", str(tmp_path / "out"))
    found = {path.suffix[1:]: path for path in (tmp_path / "out" / "filed").iterdir()}
    assert {form: hashlib.sha256(path.read_bytes()).hexdigest() for form, path in found.items()} == filed[
        "files"
    ]
    assert all("IC-123456" in path.name and path.name.startswith("2026-11-24") for path in found.values())


def test_register_has_what_was_filed_and_what_differs(desk: AtDesk) -> None:
    grow(desk)
    [entry] = desk("duties", "register", "--format", "json").json["breaches"]
    [decision] = [one for one in entry["decisions"] if one["duty"] == DUTY]
    assert (decision["reference"], decision["digest"]) == ("IC-123456", rendered(desk)["digest"])
    assert decision["differs"] == [{"fact": "people.total", "before": 21500, "after": 30000}]
    words = " ".join(desk.done("duties", "register").split())
    assert ("21,500" in words, "30,000" in words) == (True, True)


def test_counsel_and_a_second_person_decide_that_no_correction_is_owed(desk: AtDesk) -> None:
    assert desk(*NO_CORRECTION, "--as", "jonas").error == "already_filed", "nothing differs"
    grow(desk, 21503)
    assert desk(*NO_CORRECTION[:-2], "--as", "jonas").error == "reason_missing"
    assert desk(*NO_CORRECTION, "--as", "maria").error == "role"
    assert desk(*NO_CORRECTION, "--as", "jonas").code == 0
    assert duty(desk)["differs"], "one person alone settles nothing"
    assert confirm(desk, "tom").code == 0
    found = duty(desk)
    assert found.get("differs") is None
    assert [(one["kind"], one["by"], one["signed"]) for one in found["corrections"]] == [
        ("no_correction", "jonas", ["tom"])
    ]
    assert (found["record"]["reference"], found["state"]) == ("IC-123456", "filed")
    assert desk("notice", "consistency", "--format", "json").json["filed"] == {}
    grow(desk)
    assert duty(desk)["differs"][0]["after"] == 30000, "a later change asks again"


def test_a_correction_under_the_same_duty_stands_beside_the_first_filing(desk: AtDesk) -> None:
    first = rendered(desk)["digest"]
    assert desk(*FILED).error == "already_filed"
    grow(desk)
    desk.done("notice", "render", "draft")
    newest = rendered(desk)["digest"]
    assert desk(*FILED, "--digest", first, "--reason", "again", "--as-it-was", "x").error != ""
    desk.done(
        "duty", "record-filed", DUTY, "--reference", "IC-2", "--digest", newest, "--reason", "by telephone"
    )
    assert desk("notice", "show", DUTY, "--format", "json").json["notice"]["digest"] == newest
    assert desk("notice", "list").out.count("filed,") == 1, "the first version, now superseded"
    found = duty(desk)
    assert found.get("differs") is None
    assert (found["record"]["digest"], found["state"]) == (first, "filed")
    assert [(one["digest"], one["reference"]) for one in found["corrections"]] == [(newest, "IC-2")]
    rows = {one["digest"]: one for one in desk("notice", "list", "--format", "json").json["notices"]}
    assert [(rows[one]["filed"], rows[one]["stale"]) for one in (first, newest)] == [(True, False)] * 2
    desk.done("audit", "verify")


def test_a_filing_is_never_undone(desk: AtDesk) -> None:
    said = desk("undo", "--format", "json")
    assert (said.code, said.error) == (1, "filing_stays")
    assert "render" in said.json["hint"]
    assert duty(desk)["state"] == "filed"


def test_a_duty_to_supplement_ends_when_nothing_is_to_add_and_opens_with_a_change(desk: AtDesk) -> None:
    nothing = (
        "duty", "decide", SUPPLEMENT, "--not-to-notify", "--ground", "nothing_further", "--reason", "all was said",
    )  # fmt: skip
    assert duty(desk, SUPPLEMENT)["verdict"] == "applies"
    grow(desk)
    assert desk(*nothing, "--as", "jonas").error == "filing_differs"
    grow(desk, 21500)
    assert desk(*nothing, "--as", "jonas").code == 0
    assert confirm(desk, "tom").code == 0
    found = duty(desk, SUPPLEMENT)
    assert (found["state"], found["record"]["ground"]) == ("decided_not_to_notify", "nothing_further")
    grow(desk)
    assert duty(desk, SUPPLEMENT)["state"] == "open"
    assert duty(desk)["differs"]


def test_a_filed_supplement_settles_the_difference_of_the_first_filing(desk: AtDesk) -> None:
    grow(desk)
    desk.done("fact", "set", "incident.new_information=30,000 people are affected.", "--source", "forensics")
    desk.done("notice", "render", "more")
    newest = rendered(desk, "more")
    assert newest["duty"] == SUPPLEMENT
    told = ("duty", "record-filed", SUPPLEMENT, "--reference", "S-1", "--digest", newest["digest"])
    desk.done(*told, "--reason", "approved on paper")
    assert duty(desk).get("differs") is None
    assert [one["reference"] for one in duty(desk)["corrections"]] == ["S-1"]
    grow(desk, 40000)
    assert (duty(desk).get("differs"), duty(desk, SUPPLEMENT)["differs"][0]["before"]) == (None, 30000)


def test_the_next_act_is_to_correct_only_while_a_fact_differs(desk: AtDesk) -> None:
    assert duty(desk)["next"]["act"] == "done"
    grow(desk)
    found = duty(desk)["next"]
    assert (found["act"], bool(found["who"])) == ("correct", True)
    assert (found["action"]["verb"], found["action"]["ref"]) == ("notice.render", SUPPLEMENT)
    desk.done("fact", "set", "incident.new_information=30,000 people are affected.", "--source", "forensics")
    desk.done("notice", "render", SUPPLEMENT)
    assert rendered(desk, "more")["duty"] == SUPPLEMENT, "the task of the playbook takes the draft over"
    grow(desk, 21500)
    assert duty(desk)["next"]["act"] == "done"


def test_the_next_act_leads_on_after_the_correction_was_generated(desk: AtDesk) -> None:
    grow(desk)
    desk.done("notice", "render", SUPPLEMENT)
    found = duty(desk)["next"]
    assert (found["act"], found["action"]["ref"]) == ("complete", "incident.new_information")
    [item] = [
        one
        for one in desk("status", "--format", "json").json["needs_attention"]
        if one["kind"] == "filing_differs"
    ]
    assert item["action"] == found["action"]


def test_a_filing_without_a_supplement_is_corrected_by_a_text_that_is_approved_and_filed(
    desk: AtDesk,
) -> None:
    grow(desk)
    desk.done("notice", "render", "more", "--override", "counsel knows", "--as", "jonas")
    told = ("duty", "record-filed", SUPPLEMENT, "--reference", "S-1", "--reason", "approved on paper")
    desk.done(*told, "--digest", rendered(desk, "more")["digest"])
    grow(desk, 40000)
    found = duty(desk, SUPPLEMENT)["next"]
    assert (found["act"], found["action"]["ref"]) == ("correct", SUPPLEMENT)
    desk.done("notice", "render", SUPPLEMENT)
    desk.done("notice", "render", SUPPLEMENT, "--override", "counsel knows", "--as", "jonas")
    made = [
        one for one in desk("notice", "list", "--format", "json").json["notices"] if "added:" in one["step"]
    ]
    digest = made[-1]["digest"]
    signed = 0
    for person in ("ada", "tom"):
        found = duty(desk, SUPPLEMENT)["next"]
        assert found["act"] == "approve", found
        if found["blocked_by"]:
            verified(desk, "draft-notice")
            found = duty(desk, SUPPLEMENT)["next"]
        signed += desk("approve", found["action"]["ref"], "--as", person, "--digest", digest).code == 0
    assert signed == 2
    found = duty(desk, SUPPLEMENT)["next"]
    assert (found["act"], found["action"]["verb"]) == ("file", "duty.record_filed")
    desk.done("duty", "record-filed", SUPPLEMENT, "--reference", "S-2")
    assert duty(desk, SUPPLEMENT)["next"]["act"] == "done"
    tasks = desk("task", "list", "--format", "json").json["tasks"]
    assert [one["state"] for one in tasks if one["step"] == "file-notice"] == ["done"]


def test_a_decision_that_no_correction_is_owed_ends_the_draft_of_the_correction(desk: AtDesk) -> None:
    grow(desk)
    desk.done("notice", "render", "more", "--override", "counsel knows", "--as", "jonas")
    told = ("duty", "record-filed", SUPPLEMENT, "--reference", "S-1", "--reason", "approved on paper")
    desk.done(*told, "--digest", rendered(desk, "more")["digest"])
    grow(desk, 40000)
    desk.done("notice", "render", SUPPLEMENT, "--override", "counsel knows", "--as", "jonas")
    added = [
        one for one in desk("task", "list", "--format", "json").json["tasks"] if "added:" in one["invocation"]
    ]
    assert "approve-notice" in [one["step"] for one in added if not one["over"]]
    desk.done("duty", "decide", SUPPLEMENT, *NO_CORRECTION[3:], "--as", "jonas")
    assert confirm(desk, "tom").code == 0
    tasks = desk("task", "list", "--format", "json").json["tasks"]
    assert [one["state"] for one in tasks if one["step"] == "approve-notice"] == ["cancelled"]
    assert duty(desk, SUPPLEMENT)["next"]["act"] == "done"
    grow(desk, 50000)
    assert duty(desk, SUPPLEMENT)["next"]["act"] == "correct"
    desk.done("notice", "render", SUPPLEMENT, "--override", "counsel knows", "--as", "jonas")
    assert duty(desk, SUPPLEMENT)["next"]["act"] == "approve"


def test_no_notice_is_generated_in_a_closed_incident_and_the_person_is_told(desk: AtDesk) -> None:
    grow(desk)
    left = [
        f"--leave-open={one}=counsel files it" for one in (SUPPLEMENT, "eu-gdpr-34-data-subjects/individuals")
    ]
    desk.closed("--reason", "contained", *left)
    before = desk.office().store.head(desk.office().incidents()[-1].id)
    refused = desk("notice", "render", "draft", "-i", "amber-falcon")
    assert (refused.code, refused.error) == (1, "incident_closed")
    assert desk.office().store.head(desk.office().incidents()[-1].id) == before
