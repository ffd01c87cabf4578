"""Unheld roles are named before they are needed, with the blocked tasks."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from runner.playbook.catalogue import Catalog
from runner.reports.people.unassigned_roles import unreachable
from tests.cli.at_desk import AtDesk

PLAYBOOK = """\
schema: tocsin/playbook/v1
name: payout
version: 1.0.0
title: Pay out
roles: {commander: {title: Incident commander}, executive: {title: Management}}
messages:
  alert: {class: task-notice, text: "It begins", to: [role:executive]}
steps:
  - {id: tell, message: alert}
  - {id: work, task: Work, role: commander, due: 1h, on_overdue: {escalate: executive}}
  - {id: sign, title: Sign the payment, approve: work, by: {roles: [executive]}, after: [work]}
"""


@pytest.fixture
def payout(tmp_path: Path) -> str:
    """A playbook with a role that nobody in the home holds."""
    path = tmp_path / "payout.yaml"
    path.write_text(PLAYBOOK, encoding="utf-8")
    return str(path)


def test_init_writes_every_playbook_role_and_names_unheld_ones(nowhere: AtDesk) -> None:
    report = nowhere("init", "--format", "json").json
    catalog = Catalog(None)
    wanted: set[str] = set()
    for name in catalog.playbook_files:
        read = catalog.find_playbook(name)[1].playbook
        assert read is not None
        wanted |= set(read.roles)
    written = msgspec.yaml.decode((nowhere.home / "tocsin.yaml").read_bytes())["roles"]
    mobilised = {"deputy_commander", "scribe", "business_owner"}
    assert set(written) == wanted | mobilised
    empty = {name for name, held in written.items() if not held}
    assert {one["role"] for one in report["unheld"]} == empty & wanted
    assert "executive" in {one["role"] for one in report["unheld"]}


def test_opening_warns_about_an_unheld_role_and_succeeds(tocsin: AtDesk, payout: str) -> None:
    said = tocsin("open", payout, "--yes", "--format", "json")
    assert (said.code, said.warnings) == (0, ["unheld_role", "no_worker"])
    assert said.json["unheld"] == [
        {
            "role": "executive",
            "title": "Management",
            "playbooks": ["payout"],
            "approvals": ["Sign the payment"],
            "escalations": ["Work"],
            "messages": ["alert"],
        }
    ]


def test_a_terminal_asks_for_the_role_holder_and_the_plan_follows(tocsin: AtDesk, payout: str) -> None:
    said = tocsin("open", payout, "--format", "json", types="y\nnobody\nada\ny\n")
    assert (said.code, said.json["unheld"]) == (0, [])
    assert [one["recipient"] for one in said.json["plan"]["plan"]] == ["ada"]
    found = tocsin("role", "list", "--format", "json").json
    assert {role["role"]: role["incident_persons"] for role in found["roles"]}["executive"] == ["ada"]
    assert found["unheld"] == []


def test_at_a_terminal_a_role_can_be_left_open(tocsin: AtDesk, payout: str) -> None:
    said = tocsin("open", payout, types="n\ny\n")
    assert (said.code, said.warnings) == (0, ["unheld_role", "no_worker"])
    found = tocsin("role", "list", "--format", "json").json["unheld"]
    assert [one["role"] for one in found] == ["executive"]


def test_an_approval_that_others_can_give_is_not_named(tocsin: AtDesk, tmp_path: Path) -> None:
    path = tmp_path / "shared.yaml"
    shared = PLAYBOOK.replace("by: {roles: [executive]}", "by: {roles: [executive, commander]}")
    path.write_text(shared, encoding="utf-8")
    said = tocsin("open", str(path), "--yes", "--format", "json")
    assert said.json["unheld"][0]["approvals"] == []


def test_doctor_and_readiness_name_the_roles_of_all_playbooks(tocsin: AtDesk) -> None:
    own = tocsin.home / "playbooks"
    own.mkdir(exist_ok=True)
    (own / "payout.yaml").write_text(PLAYBOOK, encoding="utf-8")
    findings = tocsin("doctor", "--format", "json").json["findings"]
    found, *_ = [finding for finding in findings if finding["area"] == "roles"]
    assert (found["severity"], "executive" in found["what"]) == ("warning", True)
    ready = tocsin("drill", "readiness", "--format", "json").json
    roles = [one["role"] for one in ready["unheld"]]
    assert "executive" in roles
    assert "counsel" not in roles
    assert {"finance", "executive"} <= set(roles)
    wanted = [one["ref"] for one in ready["needs_attention"] if one["kind"] == "role_unheld"]
    assert wanted == ["executive"], "the roles of a shipped playbook that nobody uses are only named"
    assert [one["role"] for one in tocsin("role", "list", "--format", "json").json["unheld"]] == roles


def test_doctor_names_the_approvals_that_too_few_people_can_give(tocsin: AtDesk) -> None:
    own = tocsin.home / "playbooks"
    own.mkdir(exist_ok=True)
    (own / "payout.yaml").write_text(PLAYBOOK, encoding="utf-8")
    payout = Catalog(tocsin.home).find_playbook("payout")[1].playbook
    assert payout is not None
    alone = unreachable([payout], {"commander": ["maria"], "executive": ["maria"]})
    assert len(alone) == 1, "maria does the work, so nobody else can sign it"
    assert unreachable([payout], {"commander": ["maria"], "executive": ["maria", "jonas"]}) == ()
    assert unreachable([payout], {"commander": ["maria"]}) == (), "an unheld role is named as such"
    tocsin.settings(roles={"commander": ["maria"], "executive": ["maria"]})
    findings = tocsin("doctor", "--format", "json").json["findings"]
    assert "approval_unreachable" in {one["code"] for one in findings}


BOTH = PLAYBOOK.replace(
    "by: {roles: [executive]}", "by: {roles: [counsel, dpo], distinct: 2, every_role: true}"
)


def test_three_people_are_enough_or_init_and_open_say_it(nowhere: AtDesk, tmp_path: Path) -> None:
    nowhere.done("init")
    own = nowhere.home / "playbooks"
    own.mkdir(exist_ok=True)
    both = BOTH.replace(
        "executive: {title: Management}", "counsel: {title: Counsel}, dpo: {title: Privacy lead}"
    )
    both = both.replace("role:executive", "role:dpo").replace("escalate: executive", "escalate: dpo")
    (own / "payout.yaml").write_text(both, encoding="utf-8")

    def told(**roles: list[str]) -> list[tuple[str, list[str]]]:
        nowhere.settings(roles={"commander": ["maria"], **roles})
        asked = nowhere("init", "--interview", "--format", "json", types="\n" * 60)
        opened = nowhere("open", "payout", "--yes", "--format", "json")
        assert [one for one in asked.json["unreachable"] if one["playbook"] == "payout"] == opened.json[
            "unreachable"
        ]
        return [(one["title"], one["ways"]) for one in opened.json["unreachable"]]

    assert told(counsel=["jonas"], dpo=["jonas"]) == [("Sign the payment", ["counsel", "dpo"])]
    assert told(counsel=["jonas"], dpo=["ada"]) == []
    assert told(counsel=["jonas"], dpo=["jonas", "ada"]) == []


def test_two_people_cannot_approve_what_one_of_them_writes() -> None:
    playbook = Catalog(None).find_playbook("breach-duties")[1].playbook
    assert playbook is not None
    for third, named in (((), True), (("cyd",), False)):
        held = {"counsel": ("ana", "ben", *third), "dpo": ("ana",), "commander": ("ana",)}
        titles = [one.title for one in unreachable([playbook], held)]
        assert ("Approve the decision not to notify" in titles) is named


def test_an_empty_role_in_the_settings_is_not_held_by_one_person(tocsin: AtDesk) -> None:
    tocsin.settings(roles={"commander": ["maria"], "counsel": ["jonas", "ada"], "executive": []})
    assert "executive" not in tocsin("drill", "readiness", "--format", "json").json["without_alternate"]
