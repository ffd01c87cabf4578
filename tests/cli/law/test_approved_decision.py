"""A decision not to notify that a playbook has approved is the decision for the duty: nothing asks again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.cli.at_desk import AtDesk, Said
from tests.cli.incidents.test_second_person import INITIAL, PEOPLE, acts, asked, by, duty, status

PLAY = """\
schema: tocsin/playbook/v1
name: misdirected
version: 1.0.0
title: Misdirected mail
roles: {commander: {title: Commander}, counsel: {title: Counsel}, executive: {title: Executive}, dpo: {title: Privacy}}
steps:
  - {id: law, duties: all}
  - {id: written, task: Write down the decision not to notify, role: dpo, after: [law]}
  - id: sign
    approve: written
    by: {roles: [counsel, executive]}
    not_to_notify: risk_unlikely
    after: [written]
"""
FACTS = """\
schema: tocsin/facts/v1
source: the demo
organisation: {role: [controller], established_in: [DE], zone: Europe/Berlin}
incident: {aware_at: "2026-11-24T09:10:00+01:00"}
data: {involved: true, elements: [name, contact]}
risk: {harm_assessment: {grounds: deleted unread}}
"""


def approve(desk: AtDesk, person: str) -> Said:
    """Approve the decision that was written down, by its digest."""
    found = desk("task", "show", "misdirected:written#1", "--format", "json").json
    return by(desk, person, "approve", "sign", "--digest", found["digest"])


def misdirected(tocsin: AtDesk, folder: Path, **roles: Any) -> AtDesk:
    tocsin.settings(people=PEOPLE, roles={"commander": ["maria"], "counsel": ["jonas"], **roles})
    for name, text in (("facts.yaml", FACTS), ("mail.yaml", PLAY)):
        (folder / name).write_text(text, encoding="utf-8")
    tocsin.done("open", str(folder / "mail.yaml"), "--yes", "--facts", str(folder / "facts.yaml"))
    assert duty(tocsin)["verdict"] == "applies"
    return tocsin


def test_an_approved_decision_not_to_notify_is_recorded_for_its_duty(tocsin: AtDesk, tmp_path: Path) -> None:
    desk = misdirected(tocsin, tmp_path, executive=["zoe"], dpo=["eve"])
    assert by(desk, "eve", "task", "done", "written").code == 0
    assert approve(desk, "jonas").code == 0
    found = duty(desk)
    assert (found["state"], found["record"]["ground"]) == ("decided_not_to_notify", "risk_unlikely")
    assert (found["record"]["by"], found["record"]["signed"]) == ("jonas", ["eve"])
    assert found["record"]["reason"] == "deleted unread"
    assert acts(desk) == []
    assert INITIAL not in [one["ref"] for one in status(desk)["needs_attention"]]
    desk.done("audit", "verify")


def test_a_step_decides_nothing_against_the_facts(tocsin: AtDesk, tmp_path: Path) -> None:
    desk = misdirected(tocsin, tmp_path, executive=["zoe"], dpo=["eve"])
    grounds = "risk.harm_assessment.grounds=seen by many"
    assert by(desk, "eve", "fact", "set", "risk.to_people=high", grounds, "--source", "eve").code == 0
    assert by(desk, "eve", "task", "done", "written").code == 0
    assert approve(desk, "jonas").code == 0
    assert (duty(desk)["state"], acts(desk)) == ("open", [])


def test_an_approval_without_counsel_asks_counsel_to_confirm_the_decision(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    desk = misdirected(tocsin, tmp_path, executive=["zoe"], dpo=["eve"])
    assert by(desk, "eve", "task", "done", "written").code == 0
    assert approve(desk, "zoe").code == 0
    assert (duty(desk)["state"], acts(desk)) == ("open", [("decide", "zoe", "awaiting", "")])
    assert by(desk, "jonas", "confirm", asked(desk)).code == 0
    assert duty(desk)["state"] == "decided_not_to_notify"


def test_the_request_of_an_approval_names_the_system_user_who_approved(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    desk = misdirected(tocsin, tmp_path, executive=["zoe"], dpo=["eve"])
    assert by(desk, "eve", "task", "done", "written").code == 0
    assert approve(desk, "zoe").code == 0
    assert by(desk, "jonas", "confirm", asked(desk), at="zoe").code == 0
    (act,) = status(desk)["second_person"]
    assert act["one_user"]


def test_one_person_alone_does_not_decide_for_the_law(tocsin: AtDesk, tmp_path: Path) -> None:
    desk = misdirected(tocsin, tmp_path, executive=["jonas"], dpo=["maria"])
    assert by(desk, "eve", "task", "done", "written").code == 0
    assert approve(desk, "jonas").code == 0
    assert (duty(desk)["state"], acts(desk)) == ("open", [("decide", "jonas", "awaiting", "")])


def test_a_ground_that_no_law_has_is_an_error_with_its_line(tocsin: AtDesk, tmp_path: Path) -> None:
    path = tmp_path / "mail.yaml"
    path.write_text(PLAY.replace("risk_unlikely", "risk_unlikley"), encoding="utf-8")
    said = tocsin("playbook", "validate", str(path), "--format", "json")
    (found,) = [one for one in said.json["problems"] if one["code"] == "unknown-ground"]
    assert (said.code, found["line"], "risk_unlikely" in found["hint"]) == (1, 12, True)


def test_what_only_a_filing_starts_does_not_wait_for_one_that_is_decided_against(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    desk = misdirected(tocsin, tmp_path, executive=["zoe"], dpo=["eve"])
    phases = INITIAL.replace("initial", "phases")
    assert duty(desk, phases)["verdict"] == "applies"
    assert by(desk, "eve", "task", "done", "written").code == 0
    assert approve(desk, "jonas").code == 0
    found = duty(desk, phases)
    assert (found["verdict"], [one["code"] for one in found["because"]]) == (
        "not_applicable",
        ["first_not_notified"],
    )
    desk.done(
        "fact", "set", "risk.to_people=high", "--source", "new findings", "--grounds", "read", "--as", "eve"
    )
    assert (duty(desk)["verdict"], duty(desk, phases)["verdict"]) == ("applies", "applies"), (
        "the decision fell"
    )
