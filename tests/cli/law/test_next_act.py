"""The one next act for each duty, from the first question to the end: the same one on every screen and in JSON."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.at_desk import AtDesk
from tests.cli.notices.noticed import FACTS, noticed, rendered, verified

DUTY = "eu-gdpr-33-controller-sa/initial"
PLAIN = """\
schema: tocsin/playbook/v1
name: plain
version: 1.0.0
title: A breach
roles: {commander: {title: Incident commander}, counsel: {title: Legal counsel}, dpo: {title: Privacy lead}}
steps:
  - {id: law, duties: all}
  - {id: found, task: Contain it, role: commander, after: [law]}
  - {id: each, group: Notify, for_each: "duties('applies')", after: [found], steps: [
      {id: draft, notice: auto, duty: item},
      {id: sign, approve: draft, by: {roles: [counsel]}, after: [draft]},
      {id: file, file: draft, duty: item, role: counsel, after: [sign]}]}
"""


WAITS = """\
schema: tocsin/playbook/v1
name: waits
version: 1.0.0
title: A wait between draft and approval
roles: {commander: {title: Incident commander}, counsel: {title: Legal counsel}}
steps:
  - {id: law, duties: all}
  - {id: each, group: Notify, for_each: "duties('applies')", after: [law], steps: [
      {id: draft, notice: short-notice, duty: item},
      {id: quiet, wait: {fact: incident.contained_at, at_most: 4h}, title: Quiet},
      {id: sign, approve: draft, by: {roles: [counsel]}, after: [draft, quiet]}]}
"""


def opened(desk: AtDesk, folder: Path, facts: str = FACTS) -> AtDesk:
    """Open an incident whose playbook makes notices only after a question."""
    desk.settings(roles={"commander": ["maria"], "counsel": ["jonas"], "dpo": ["ada"]})
    for name, text in (("plain.yaml", PLAIN), ("facts.yaml", facts)):
        (folder / name).write_text(text, encoding="utf-8")
    desk.done("open", str(folder / "plain.yaml"), "--yes", "--facts", str(folder / "facts.yaml"))
    return desk


def acts(desk: AtDesk, duty: str = DUTY) -> dict[str, Any]:
    """Return the next act of a duty in every JSON that has it."""
    lists = {name: desk(*name.split(), "--format", "json").json for name in ("duties", "status")}
    found = {
        name: next(one.get("next") for one in told["duties"] if one["id"] == duty)
        for name, told in lists.items()
    }
    rows = desk("duties", "calendar", "--format", "json").json["deadlines"]
    found |= {row["duty"]: row["next"] for row in rows if row["duty"] == duty}
    found["show"] = desk("duty", "show", duty, "--format", "json").json["duty"]["next"]
    return found


def act(desk: AtDesk, duty: str = DUTY) -> Any:
    """Return the next act of a duty, which is the same everywhere."""
    found = acts(desk, duty)
    assert all(one == found["show"] for one in found.values()), found
    return found["show"]


def pressing(desk: AtDesk, duty: str = DUTY) -> list[tuple[str, str]]:
    """Return the kind and the command of what DO NOW says of a duty."""
    found = desk("status", "--format", "json").json["needs_attention"]
    return [(one["kind"], one["command"]) for one in found if one["ref"] == duty]


def test_a_duty_leads_from_the_question_to_its_end_without_a_step_of_a_playbook(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    desk = opened(tocsin, tmp_path, FACTS.replace("\nrisk: {to_people: high}", ""))
    asked = act(desk)
    assert (asked["act"], asked["command"].split()[1:4]) == (
        "answer",
        ["fact", "set", "risk.to_people=VALUE"],
    )
    desk.done("fact", "set", "risk.to_people=high", "--source", "dpo", "--as", "ada")
    made = act(desk)
    assert (made["act"], made["who"], made["command"]) == (
        "generate",
        "Ada Adler",
        f"tocsin notice render {DUTY}",
    )
    desk.done("notice", "render", DUTY, "--as", "ada")
    assert act(desk)["act"] == "complete"
    for fact in missing(desk):
        desk.done("fact", "set", fact, "--source", "log")
    assert act(desk)["act"] == "generate"
    desk.done("notice", "render", DUTY)
    row = rendered(desk)
    assert (row["duty"], row["status"]) == (DUTY, "final")
    wanted = act(desk)
    assert (wanted["act"], "to verify" in wanted["blocked_by"]) == ("approve", True)
    verified(desk, "draft-notice", "ada")
    wanted = act(desk)
    assert (wanted["act"], wanted["who"], wanted["blocked_by"]) == ("approve", "Jonas Jansen, Ada Adler", "")
    desk.done("approve", "approve-notice", "--digest", row["digest"], "--as", "jonas")
    assert act(desk)["who"] == "Ada Adler"
    assert pressing(desk) == []
    desk.done("approve", "approve-notice", "--digest", row["digest"], "--as", "ada")
    assert (act(desk)["act"], act(desk)["who"]) == ("file", "Ada Adler")
    [(kind, command)] = pressing(desk)
    assert (kind, command.split()[1:4]) == ("duty_to_file", ["duty", "record-filed", DUTY])
    assert DUTY in desk.done("next")
    desk.done("duty", "record-filed", DUTY, "--reference", "4711", "--as", "ada")
    found = acts(desk)
    assert found.pop("show") == {"act": "done", "who": "", "blocked_by": "", "action": None}
    assert (found["duties"]["act"], pressing(desk)) == ("done", [])


def test_a_draft_from_before_the_filing_is_made_again_and_no_filing_is_typed(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    desk, phases = opened(tocsin, tmp_path), DUTY.replace("initial", "phases")
    desk.done("notice", "render", phases, "--as", "ada")
    for fact in missing(desk):
        if not fact.startswith("duty."):
            desk.done("fact", "set", fact, "--source", "log")
    desk.done("duty", "record-filed", DUTY, "--reference", "4711", "--as", "ada")
    assert act(desk, phases)["command"].split()[1:3] == ["notice", "render"]


def missing(desk: AtDesk) -> list[str]:
    """Return values for the facts that the newest draft lacks."""
    words = {"organisation.contact.name": "Ada Adler", "organisation.contact.email": "ada@x.example"}
    gaps = [gap.partition(": ")[2] for gap in rendered(desk)["gaps"] if gap.startswith("missing")]
    return [f"{gap}={words.get(gap, 'not yet')}" for gap in gaps]


def test_a_playbook_takes_over_the_draft_that_a_person_began(tocsin: AtDesk, tmp_path: Path) -> None:
    desk = opened(tocsin, tmp_path)
    desk.done("notice", "render", DUTY)
    desk.done("task", "done", "found")
    rows = [row for row in desk("notice", "list", "--format", "json").json["notices"] if row["duty"] == DUTY]
    assert [row["current"] for row in rows] == [False, True]
    assert rows[0]["digest"] == rows[1]["digest"]
    tasks = desk("status", "--format", "json").json["tasks"]
    states = {row["step"]: row["state"] for row in tasks if row["item"] == DUTY}
    assert (states["approve-notice"], states["file-notice"]) == ("cancelled", "cancelled")
    assert states["sign"] in ("ready", "active")


def test_a_playbook_begins_no_second_notice_while_people_approve_the_first(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    desk = opened(tocsin, tmp_path)
    desk.done("notice", "render", DUTY)
    desk.done("notice", "render", DUTY, "--override", "by telephone", "--as", "jonas")
    verified(desk, "draft-notice", "ada")
    desk.done("task", "done", "found")
    rows = [row for row in desk("notice", "list", "--format", "json").json["notices"] if row["duty"] == DUTY]
    assert {row["step"].rpartition(".")[2] for row in rows} == {"draft-notice#1"}
    tasks = desk("status", "--format", "json").json["tasks"]
    states = {row["step"]: row["state"] for row in tasks if row["item"] == DUTY}
    assert (states["sign"], states["file"], states["approve-notice"]) == ("cancelled", "cancelled", "ready")
    assert act(desk)["act"] == "approve"


@pytest.mark.parametrize(
    ("name", "code"), [("us-ca-breach/individuals", "not_owed"), ("eu-x/y", "unknown_step")]
)
def test_a_notice_of_no_duty_is_refused(tocsin: AtDesk, tmp_path: Path, name: str, code: str) -> None:
    desk = opened(tocsin, tmp_path)
    said = desk("notice", "render", name)
    assert (said.code, said.error) == (1, code)
    assert desk("notice", "list", "--format", "json").json["notices"] == []


def test_a_recorded_notice_is_made_again_by_its_name(tocsin: AtDesk, tmp_path: Path) -> None:
    desk = noticed(tocsin, tmp_path)
    desk.done("fact", "set", "incident.summary=Two mailboxes.", "--source", "log")
    assert [row["stale"] for row in desk("notice", "list", "--format", "json").json["notices"]] == [True]
    desk.done("notice", "render", "short-notice")
    assert (rendered(desk)["stale"], rendered(desk)["step"]) == (False, "noticed:draft#1")
    assert desk("notice", "render", "short-notice", "--out", str(tmp_path / "out")).code == 0


def test_a_duty_whose_clock_presses_is_generated_before_an_exemption_is_judged(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    desk = opened(tocsin, tmp_path, FACTS.replace("\nrisk: {to_people: high}", ""))
    desk.clock.advance(timedelta(hours=70))
    assert act(desk)["act"] == "generate"
    [(kind, command)] = pressing(desk)
    assert (kind, command) == ("clock", f"tocsin notice render {DUTY}")


def test_a_decision_waits_for_the_second_person_and_then_nothing_is_to_do(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    desk = opened(tocsin, tmp_path)
    decide = ("duty", "decide", DUTY, "--not-to-notify", "--ground", "risk_unlikely", "--reason", "encrypted")
    desk.done(*decide, "--as", "jonas")
    wanted = act(desk)
    assert (wanted["act"], wanted["who"], wanted["command"].split()[1]) == ("decide", "Ada Adler", "confirm")
    desk.done("confirm", wanted["command"].split()[2], "--as", "ada")
    assert acts(desk)["show"]["act"] == "done"


def test_what_is_unknown_about_the_organisation_is_asked_first(tocsin: AtDesk, tmp_path: Path) -> None:
    tocsin.settings(organisation={"name": "Example GmbH"})
    said = tocsin("open", "personal-data-breach", "--yes", "--fact", "data.involved=yes")
    assert (said.code, "organisation_unknown" in said.warnings) == (0, True)
    asked = ["organisation.country", "organisation.role"]
    for command in ("status", "next"):
        report = tocsin(command, "--format", "json").json
        first = report["needs_attention" if command == "status" else "next"][:2]
        assert [(one["kind"], one["ref"]) for one in first] == [
            ("organisation_unknown", ref) for ref in asked
        ]
    [row] = tocsin("list", "--format", "json").json["incidents"]
    assert row["unknown"] == asked
    assert "organisation.country" in tocsin.done("list")
    tocsin.done(
        "fact", "set", "organisation.country=DE", "organisation.role+=controller", "--source", "maria"
    )
    assert tocsin("list", "--format", "json").json["incidents"][0]["unknown"] == []
    kinds = [one["kind"] for one in tocsin("status", "--format", "json").json["needs_attention"]]
    assert "organisation_unknown" not in kinds


JUDGED = """\
schema: tocsin/playbook/v1
name: judged
version: 1.0.0
title: A breach
roles: {commander: {title: Commander}, counsel: {title: Legal counsel}, dpo: {title: Privacy lead}}
steps:
  - {id: law, duties: all}
  - {id: found, task: Contain it, role: commander, due: 1h, after: [law]}
  - {id: each, group: Notify, for_each: "duties('applies')", after: [law], steps: [
      {id: gather, task: Complete the notice, role: counsel}]}
  - {id: risk, form: Assess the risk, role: dpo, due: 24h, after: [found], fields: [
      {fact: risk.harm_assessment.grounds, ask: On what grounds?},
      {fact: risk.to_people, ask: How high is the risk?}]}
"""


def test_what_a_person_decides_is_asked_in_its_form_and_before_the_text(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    """No screen offers ``fact set`` for the risk: until its form starts, the form is shown."""
    tocsin.settings(roles={"commander": ["maria"], "counsel": ["jonas"], "dpo": ["ada"]})
    (tmp_path / "judged.yaml").write_text(JUDGED, encoding="utf-8")
    (tmp_path / "facts.yaml").write_text(FACTS.replace("\nrisk: {to_people: high}", ""), encoding="utf-8")
    tocsin.done("open", str(tmp_path / "judged.yaml"), "--yes", "--facts", str(tmp_path / "facts.yaml"))
    for way in ("task show risk", "answer risk FACT=VALUE"):
        shown = tocsin("next", "--all", "--format", "json").json["next"]
        risk = next(one for one in shown if one["ref"] == "risk.to_people")
        gather = next(one for one in shown if ".gather#1" in one["ref"] and DUTY in one["ref"])
        assert (risk["command"], risk["who"]) == (f"tocsin {way}", "Ada Adler")
        assert shown.index(risk) < shown.index(gather)
        assert act(tocsin)["command"] == f"tocsin {way}"
        assert tocsin(*way.split()[:3]).code == 0 or "answer" in way
        tocsin("task", "done", "found")
    tocsin.done("answer", "risk", "risk.harm_assessment.grounds=copied", "risk.to_people=high", "--as", "ada")
    shown = tocsin("next", "--all", "--format", "json").json["next"]
    assert [one["rank"] for one in shown if ".gather#1" in one["ref"] and DUTY in one["ref"]] == [5]


def test_next_offers_no_approval_that_is_refused_and_no_id_that_a_terminal_breaks(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    desk = opened(tocsin, tmp_path)
    desk.done("task", "done", "found")
    desk.done("notice", "render", DUTY, "--override", "by telephone", "--as", "jonas")
    wanted = next_of(desk, ".sign#1")
    assert (wanted["command"].split()[1:3], "to verify" in wanted["detail"]) == (["notice", "tick"], True)
    assert wanted["command"].split()[3].isdecimal()
    assert desk(*wanted["command"].split()[1:], "--as", "jonas").error == "no_terminal"
    verified(desk, "draft", "ada")
    wanted = next_of(desk, ".sign#1")
    assert wanted["command"].split()[1:4] == ["role", "assign", "counsel"], (
        "jonas alone is counsel, and wrote it"
    )
    notices = desk("notice", "list", "--format", "json").json["notices"]
    digest = next(row["digest"] for row in notices if row["duty"] == DUTY and row["current"])
    desk.done("role", "assign", "counsel", "jonas", "maria")  # the author of a text approves it nowhere
    wanted = next_of(desk, ".sign#1")
    assert wanted["command"].split()[1] == "approve"
    desk.done(*wanted["command"].split()[1:], "--digest", digest, "--as", "maria")


def next_of(desk: AtDesk, step: str) -> Any:
    """Return what ``next`` shows for the step of the duty's lane."""
    shown = desk("next", "--all", "--format", "json").json["next"]
    return next(one for one in shown if DUTY in one["ref"] and one["ref"].endswith(step))


def test_a_wait_of_the_playbook_is_named_with_the_command_that_ends_it(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    desk = noticed(tocsin, tmp_path, playbook=WAITS)
    assert act(desk)["action"]["verb"] == "fact.set"
    desk.done("fact", "set", "incident.vector=phishing", "--source", "ada")
    desk.done("notice", "render", DUTY)
    found = act(desk)
    assert (found["act"], found["blocked_by"]) == ("complete", "Quiet")
    assert found["action"]["verb"] == "task.skip"
    desk.done("task", "skip", found["action"]["ref"], "--reason", "the draft is complete")
    assert act(desk)["act"] == "approve"
