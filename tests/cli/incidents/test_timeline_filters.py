"""The timeline, narrowed to a text, a kind of entry, a person or a time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, get_args

import pytest

from runner.incident.state.events import AnyEvent
from runner.reports.incidents.event_descriptions import kind_of
from tests.cli.at_desk import AtDesk


@pytest.fixture
def story(incident: AtDesk) -> AtDesk:
    incident.done("note", "The porter saw nobody")
    incident.clock.advance(timedelta(hours=2))
    incident.done("fact", "set", "incident.summary=Badge 4711, blue", "--source", "porter", "--as", "ada")
    incident.done("task", "check", "block", "1", "--as", "jonas", "--on-behalf-of", "ada", "--via", "phone")
    return incident


def told(tocsin: AtDesk, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tocsin("timeline", *words, "--format", "json").json["entries"]
    return found


def test_a_text_is_found_whatever_its_case(story: AtDesk) -> None:
    assert [one["type"] for one in told(story, "--search", "PORTER SAW")] == ["NoteAdded"]
    assert told(story, "--search", "nothing like it") == []


def test_entries_of_a_kind(story: AtDesk) -> None:
    assert {one["type"] for one in told(story, "--kind", "fact")} == {"FactsRecorded"}
    assert {one["kind"] for one in told(story, "--kind", "task")} == {"task"}
    said = story("timeline", "--kind", "weather")
    assert (said.code, said.error) == (2, "unknown_kind")


def test_entries_of_a_person_are_also_those_on_their_behalf(story: AtDesk) -> None:
    assert [one["type"] for one in told(story, "--by", "ada")] == [
        "FactsRecorded",
        "StepChecked",
        "ActedOnBehalf",
    ]
    assert told(story, "--by", "tocsin")
    assert story("timeline", "--by", "adda").error == "unknown_person"


def test_entries_since_an_instant(story: AtDesk) -> None:
    assert all(one["at"] >= "2026-11-24T11:00:00Z" for one in told(story, "--since", "1h ago"))
    assert len(told(story, "--since", "1h ago", "--by", "ada", "--kind", "fact", "--search", "blue")) == 1


def test_entries_left_out_by_a_filter_are_counted(story: AtDesk) -> None:
    whole = len(told(story))
    found = story("timeline", "--kind", "note", "--format", "json").json
    assert (len(found["entries"]), found["left_out"]) == (1, whole - 1)
    assert story("timeline", "--format", "json").json["left_out"] == 0
    assert str(whole - 1) in story("timeline", "--kind", "note").out.split()


def test_privileged_entries_are_found_only_on_request(story: AtDesk) -> None:
    story.done("note", "Advice on the contract", "--privileged")
    assert told(story, "--search", "advice on") == []
    assert len(told(story, "--search", "advice on", "--privileged")) == 1


def test_every_event_has_a_kind() -> None:
    kinds = {kind_of(arg.__name__) for arg in get_args(AnyEvent)}
    assert "" not in kinds
    assert {"task", "approval", "message", "fact", "duty", "notice", "note", "incident"} <= kinds
