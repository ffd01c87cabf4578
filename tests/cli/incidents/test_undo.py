"""Undo reverses the last own command if nothing depends on it; its entries stay, marked as wrong."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.at_desk import PLAYBOOK, AtDesk


def later(tocsin: AtDesk, *words: str) -> None:
    """Run a command a minute after the last one."""
    tocsin.clock.advance(timedelta(minutes=1))
    tocsin.done(*words)


def undone(tocsin: AtDesk) -> list[str]:
    """Undo, and return the types of the entries that are marked as wrong."""
    later(tocsin, "undo")
    entries = tocsin("timeline", "--format", "json").json["entries"]
    return [entry["type"] for entry in entries if entry["corrections"]]


def refusal(tocsin: AtDesk, *words: str) -> str:
    tocsin.clock.advance(timedelta(minutes=1))
    said = tocsin("undo", *words)
    assert said.code == 1
    return said.error


def task(tocsin: AtDesk, step: str) -> dict[str, Any]:
    found: dict[str, Any] = tocsin("task", "show", step, "--format", "json").json
    return found


def ticked(tocsin: AtDesk) -> list[int]:
    return [one["row"] for one in task(tocsin, "block")["checklist"] if one["done"]]


def test_a_note_is_marked_as_wrong(incident: AtDesk) -> None:
    later(incident, "note", "the porter saw nobody")
    assert undone(incident) == ["NoteAdded"]
    assert refusal(incident) == "cannot_undo"


def test_a_fact_has_its_value_from_before(incident: AtDesk) -> None:
    later(incident, "fact", "set", "people.total=3", "--source", "first count", "--confidence", "estimated")
    later(incident, "fact", "set", "people.total=40", "data.elements=name", "--source", "second count")
    assert undone(incident) == ["FactsRecorded"]
    facts = {fact["key"]: fact for fact in incident("fact", "show", "--format", "json").json["facts"]}
    kept = facts["people.total"]
    assert (kept["value"], kept["source"], kept["confidence"]) == (3, "first count", "estimated")
    assert facts.get("data.elements", {}).get("value") is None


def test_checked_items_are_unchecked_and_checked_again_by_undo(incident: AtDesk) -> None:
    later(incident, "task", "check", "block", "1", "2")
    assert undone(incident) == ["StepChecked", "StepChecked"]
    assert ticked(incident) == []
    later(incident, "task", "check", "block", "2")
    later(incident, "task", "uncheck", "block", "2")
    later(incident, "undo")
    assert ticked(incident) == [2]


def test_a_task_that_is_done_is_open_again_with_the_rows_checked_before(incident: AtDesk) -> None:
    later(incident, "task", "check", "block", "2")
    later(incident, "task", "done", "block", "--all")
    assert undone(incident) == ["StepChecked", "StepEnded"]
    assert task(incident, "block")["task"]["state"] == "ready"
    assert ticked(incident) == [2]


def test_an_answer_is_asked_for_again(incident: AtDesk) -> None:
    later(incident, "answer", "used", "no")
    assert undone(incident) == ["FactsRecorded", "StepEnded"]
    assert task(incident, "used")["task"]["state"] == "ready"
    facts = {
        fact["key"]: fact["value"] for fact in incident("fact", "show", "--format", "json").json["facts"]
    }
    assert facts.get("data.encrypted") is None


def test_a_severity_and_an_added_task(incident: AtDesk) -> None:
    later(incident, "severity", "sev3")
    assert refusal(incident) == "cannot_undo"
    later(incident, "severity", "sev1")
    later(incident, "undo")
    assert incident("status", "--format", "json").json["severity"] == "sev3"
    later(incident, "task", "add", "Call the locksmith", "--role", "counsel")
    later(incident, "undo")
    assert task(incident, "call-the-locksmith")["task"]["state"] == "cancelled"


def test_an_entry_that_others_depend_on_cannot_be_undone(incident: AtDesk) -> None:
    later(incident, "task", "done", "block", "--all")
    later(incident, "answer", "used", "no")
    before = incident("status", "--format", "json").json["version"]
    incident.clock.advance(timedelta(minutes=1))
    said = incident("undo", "--format", "json")
    assert (said.code, said.error) == (1, "followed")
    assert "Write the report" in said.json["message"]
    assert incident("status", "--format", "json").json["version"] == before


def test_an_effect_of_the_program_is_not_repeated_by_undo(tocsin: AtDesk, tmp_path: Path) -> None:
    path = tmp_path / "calls.yaml"
    call = "{id: tell, act: Wipe it, http: {url: 'https://edr.example.org/wipe'}}"
    steps = PLAYBOOK.replace("{id: tell, message: heads-up, to: [role:counsel]}", call)
    path.write_text(steps, encoding="utf-8")
    tocsin.done("open", str(path), "--yes", "--fact", "incident.summary=Badge 4711")
    later(tocsin, "task", "skip", "tell", "--reason", "wiped by hand")
    assert refusal(tocsin) == "cannot_undo"


def test_an_entry_of_another_person_cannot_be_undone(incident: AtDesk) -> None:
    later(incident, "note", "the porter saw nobody", "--as", "ada")
    assert refusal(incident) == "not_own_entry"
    assert refusal(incident, "--as", "jonas") == "not_own_entry"
    later(incident, "undo", "--as", "ada")


@pytest.mark.parametrize(
    "words",
    [
        ("role", "assign", "counsel", "ada", "--yes"),
        ("task", "start", "block"),
        ("domain", "declare-down", "this-machine"),
    ],
)
def test_entries_with_wider_effects_cannot_be_undone(incident: AtDesk, words: tuple[str, ...]) -> None:
    later(incident, *words)
    assert refusal(incident) in ("cannot_undo", "followed")


def test_a_note_for_another_person_awaits_no_confirmation_any_more(incident: AtDesk) -> None:
    later(incident, "note", "x", "--on-behalf-of", "ada", "--via", "phone")
    assert undone(incident) == ["NoteAdded", "ActedOnBehalf"]
    needs = incident("status", "--format", "json").json["needs_attention"]
    assert not [one for one in needs if one["kind"] == "unconfirmed"]


def test_a_fact_that_only_changed_the_missing_facts_can_be_undone(tocsin: AtDesk, tmp_path: Path) -> None:
    waiting = '{id: over, when: "people.total > 9 and data.encrypted", '
    path = tmp_path / "waits.yaml"
    path.write_text(
        PLAYBOOK.replace("{id: over, ", waiting).replace(", after: [sign]}", "}"), encoding="utf-8"
    )
    tocsin.done("open", str(path), "--yes", "--fact", "incident.summary=Badge 4711")
    later(tocsin, "fact", "set", "people.total=40", "--source", "count")
    assert task(tocsin, "over")["task"]["missing"] == ["data.encrypted"]
    assert undone(tocsin) == ["FactsRecorded"]
    assert "people.total" in task(tocsin, "over")["task"]["missing"]


def test_a_deadline_is_not_moved_later_by_undoing(incident: AtDesk) -> None:
    later(incident, "fact", "set", "data.involved=true", "data.elements=name", "--source", "look")
    later(incident, "fact", "set", "incident.aware_at=5h ago", "--source", "log", "--grounds", "the log")
    assert refusal(incident) == "cannot_undo"
