"""A playbook that is added to an incident shares what runs there already, and takes the roles of the home."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.at_desk import AtDesk

BLOCK = """\
schema: tocsin/playbook/v1
name: block
version: 1.0.0
title: Block
roles: {commander: {title: Incident commander}}
steps:
  - {id: lead, task: Take command, role: commander}
  - {id: asked, ask: "Is anything known?", sets: incident.summary, role: commander, after: [lead]}
"""
FIRST = """\
schema: tocsin/playbook/v1
name: @name
version: 1.0.0
title: @name
roles: {commander: {title: Incident commander}, technical: {title: Technical lead}, @role: {title: Another}}
messages:
  alert: {class: urgent-internal, text: "@name begins", to: [role:technical, role:@role]}
steps:
  - {id: tell, message: alert}
  - {id: block, playbook: block@1.0.0}
  - {id: own, task: "Do @name", role: commander, after: [block]}
"""
ROLES = {"commander": ["maria"], "technical": ["jonas"], "legal": ["jonas"], "supplier": ["ada"]}


@pytest.fixture
def desk(tocsin: AtDesk) -> AtDesk:
    """An incident whose playbook runs a block and has alerted jonas."""
    tocsin.settings(roles=ROLES)
    own = tocsin.home / "playbooks"
    own.mkdir(exist_ok=True)
    (own / "block.yaml").write_text(BLOCK, encoding="utf-8")
    for name, role in (("fire", "legal"), ("theft", "supplier"), ("flood", "legal")):
        text = FIRST.replace("@name", name).replace("@role", role)
        (own / f"{name}.yaml").write_text(text, encoding="utf-8")
    tocsin.done("open", "fire", "--yes")
    return tocsin


def tasks(desk: AtDesk) -> dict[str, str]:
    """Return the state of each task, by its invocation."""
    rows = desk("status", "--format", "json").json["tasks"]
    return {row["invocation"]: row["state"] for row in rows if row["invocation"]}


def paged(desk: AtDesk) -> list[str]:
    """Return who was alerted, each time."""
    found: list[dict[str, Any]] = desk("message", "list", "--format", "json").json["deliveries"]
    return [one["recipient"] for one in found]


def test_a_block_that_runs_is_shared_with_its_answers_and_ends_for_both(desk: AtDesk) -> None:
    desk.done("graft", "theft", "--reason", "a laptop is gone, too")
    assert [name for name in tasks(desk) if "lead" in name] == ["fire:block.lead#1"], "not begun twice"
    assert tasks(desk)["theft:block#1"] == "active"
    assert "theft:own#1" not in {name for name, state in tasks(desk).items() if state == "ready"}, (
        "it waits for the block"
    )
    desk.done("task", "done", "fire:block.lead")
    desk.done("answer", "fire:block.asked", "Somebody took it")
    assert {tasks(desk)[f"{run}:block#1"] for run in ("fire", "theft")} == {"done"}
    assert {tasks(desk)[f"{run}:own#1"] for run in ("fire", "theft")} == {"ready"}
    desk.done("graft", "flood", "--reason", "and the cellar")
    assert (tasks(desk)["flood:block#1"], tasks(desk)["flood:own#1"]) == ("done", "ready"), (
        "what ended is not begun again"
    )
    assert desk("audit", "verify").code == 0


def test_a_block_of_its_own_begins_when_the_shared_one_is_skipped(desk: AtDesk) -> None:
    desk.done("graft", "theft", "--reason", "a laptop is gone, too")
    desk.done("task", "skip", "fire:block", "--reason", "not needed for the fire")
    assert tasks(desk)["theft:block.lead#1"] == "ready"


def test_people_are_alerted_once_and_roles_of_the_home_are_taken(desk: AtDesk) -> None:
    assert paged(desk) == ["jonas"]
    desk.done("graft", "theft", "--reason", "a laptop is gone, too")
    assert paged(desk) == ["jonas", "ada"], "jonas was alerted; ada is new"
    roles = {
        one["role"]: one["incident_persons"] for one in desk("role", "list", "--format", "json").json["roles"]
    }
    assert (roles["supplier"], roles["technical"]) == (["ada"], ["jonas"])
    desk.done("graft", "flood", "--reason", "and the cellar")
    assert paged(desk) == ["jonas", "ada"], "everybody was alerted already"
    assert tasks(desk)["flood:tell#1"] in ("done", "active")
    desk.done("message", "send", "Leave the house", "--to", "role:technical", "--yes")
    assert paged(desk)[2:] == ["jonas"], "what a person sends reaches everybody"


def test_opening_a_second_incident_proposes_to_add_its_playbook(desk: AtDesk) -> None:
    said = desk("open", "theft", "--yes")
    assert (said.code, "open_already" in said.warnings) == (0, True)
    assert all(word in said.err for word in ("graft", "theft", "amber-falcon"))
    desk.done("restrict", "amber-falcon", "--reason", "an employee")
    outsider = AtDesk(desk.home, desk.clock, desk.chance, os_user="ida")
    said = outsider("open", "flood", "--yes")
    assert (said.code, "amber-falcon" in said.err + said.out, "calm-heron" in said.err) == (0, False, True)
    assert "open_already" not in desk("open", "flood", "--yes", "--kind", "exercise").warnings
