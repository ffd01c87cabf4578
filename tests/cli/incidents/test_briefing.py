"""Shift handover: the brief for the next commander, and its confirmation by reading it back."""

from __future__ import annotations

from datetime import timedelta

from tests.cli.at_desk import AtDesk, compare


def test_the_brief_lists_open_decided_and_waiting_matters(incident: AtDesk) -> None:
    incident.done("task", "skip", "block", "--reason", "it is old", "--as", "maria")
    incident.clock.advance(timedelta(minutes=30))
    incident.done("answer", "used", "yes", "--as", "maria")
    said = incident("brief", "--no-work")
    compare("brief", said.out, incident.home)
    assert said.code == 0


def test_looking_at_the_brief_writes_nothing(incident: AtDesk) -> None:
    before = incident("status", "--format", "json").json["version"]
    incident.done("brief")
    assert incident("status", "--format", "json").json["version"] == before


def test_the_new_commander_reads_the_brief_back_and_gets_the_role(incident: AtDesk) -> None:
    said = incident("brief", "--give", "jonas", "--as", "maria", "--format", "json")
    assert (said.json["schema"], said.json["since"]) == ("tocsin/brief/v1", 0)
    assert (said.warnings, "jonas" in said.err) == ([], True)
    silent = incident("brief", "--take-over", "--as", "jonas")
    assert (silent.code, silent.error) == (1, "no_read_back")
    unbriefed = incident("brief", "--take-over", "--read-back", "all", "--as", "ada")
    assert (unbriefed.code, unbriefed.error, "ada" in unbriefed.err) == (1, "not_briefed", True)
    words = "the badge is not blocked yet, and counsel is waited for"
    assert "jonas" in incident.done("brief", "--take-over", "--read-back", words, "--as", "jonas")
    after = incident("brief", "--format", "json").json
    assert after["command"] == ["jonas"]
    assert (after["last"]["read_back"], after["last"]["to"]) == (words, "jonas")
    assert any(words in change["text"] for change in after["changes"])
    again = incident("brief", "--take-over", "--read-back", "again", "--as", "jonas")
    assert (again.code, again.error) == (1, "not_briefed")


def test_a_brief_goes_only_to_another_known_person(incident: AtDesk) -> None:
    said = incident("brief", "--give", "maria", "--as", "maria")
    assert (said.code, said.error) == (1, "same_person")
    said = incident("brief", "--give", "jonsa", "--format", "json")
    assert (said.code, said.error, "jonas" in said.json["hint"]) == (1, "unknown_person", True)
    said = incident("brief", "--give", "jonas", "--take-over")
    assert (said.code, said.error) == (2, "options_conflict")


def test_changes_are_counted_from_the_last_brief(incident: AtDesk) -> None:
    incident.done("brief", "--give", "jonas", "--as", "maria")
    incident.done("note", "the canteen called")
    found = incident("brief", "--format", "json").json
    changes = found["changes"]
    assert any("the canteen called" in change["text"] for change in changes)
    assert found["since"] == found["last"]["version"] > 1
    assert all(change["event"] > found["since"] for change in changes)


def test_a_brief_from_a_person_without_the_role_is_warned_about(incident: AtDesk) -> None:
    incident.os_user = "root"
    said = incident("brief", "--give", "jonas")
    [told] = [line for line in said.err.splitlines() if "[role_not_held]" in line]
    assert said.warnings == ["role_not_held"]
    assert all(word in told for word in ("root", "commander", "maria", "jonas", "--give", "--as"))
    incident.done("brief", "--take-over", "--read-back", "all of it", "--as", "jonas")
    assert incident("brief", "--format", "json").json["command"] == ["jonas", "maria"]
    assert incident("brief", "--give", "ada", "--as", "maria").warnings == []
