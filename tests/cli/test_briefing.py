"""Shift handover: what the next commander is told, and the taking over by reading it back."""

from __future__ import annotations

from datetime import timedelta

from tests.cli.at_desk import AtDesk, compare


def test_the_brief_tells_what_is_open_decided_and_waited_for(incident: AtDesk) -> None:
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


def test_who_takes_over_reads_back_what_they_were_told_and_holds_the_role(incident: AtDesk) -> None:
    said = incident("brief", "--give", "jonas", "--as", "maria", "--format", "json")
    assert (said.json["schema"], said.json["since"]) == ("tocsin/brief/v1", 0)
    assert "jonas is briefed" in said.err
    assert "say it back" in incident("brief", "--take-over", "--as", "jonas").err
    assert (
        "nobody has briefed ada" in incident("brief", "--take-over", "--read-back", "all", "--as", "ada").err
    )
    words = "the badge is not blocked yet, and counsel is waited for"
    assert "jonas has taken over" in incident.done(
        "brief", "--take-over", "--read-back", words, "--as", "jonas"
    )
    after = incident("brief", "--format", "json").json
    assert after["command"] == ["jonas"]
    assert (after["last"]["read_back"], after["last"]["to"]) == (words, "jonas")
    assert any(words in one["text"] for one in after["changes"])
    assert incident("brief", "--take-over", "--read-back", "again", "--as", "jonas").code == 1


def test_a_brief_goes_to_somebody_else_who_is_known(incident: AtDesk) -> None:
    assert "nobody hands over to themselves" in incident("brief", "--give", "maria", "--as", "maria").err
    assert "did you mean jonas?" in incident("brief", "--give", "jonsa").err
    assert incident("brief", "--give", "jonas", "--take-over").code == 2


def test_changes_are_counted_from_the_last_brief(incident: AtDesk) -> None:
    incident.done("brief", "--give", "jonas", "--as", "maria")
    incident.done("note", "the canteen called")
    changes = incident("brief", "--format", "json").json["changes"]
    assert any("the canteen called" in one["text"] for one in changes)
    assert not any("opened" in one["text"] for one in changes)


def test_who_gives_a_brief_without_holding_the_role_is_told_who_will_keep_it(incident: AtDesk) -> None:
    said = incident("brief", "--give", "jonas", "--as", "root")
    assert "warning: root does not hold commander, and maria will keep it beside jonas" in said.err
    assert "to hand it over: tocsin brief --give jonas --as maria" in said.err
    incident.done("brief", "--take-over", "--read-back", "all of it", "--as", "jonas")
    assert incident("brief", "--format", "json").json["command"] == ["jonas", "maria"]
    assert "warning" not in incident("brief", "--give", "ada", "--as", "maria").err
