"""A wrong entry is taken back with its effect, or is refused with the command that does it."""

from __future__ import annotations

import shlex
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.at_desk import AtDesk
from tests.cli.messages.test_acknowledging import PLAYBOOK as CALL_OUT

WRONG = ("--reason", "the wrong one")


def later(tocsin: AtDesk, *words: str) -> int:
    """Run a command a minute after the last one; return its first entry."""
    tocsin.clock.advance(timedelta(minutes=1))
    before = version(tocsin)
    tocsin.done(*words)
    return before + 1


def version(tocsin: AtDesk) -> int:
    return int(tocsin("status", "--format", "json").json["version"])


def entry(tocsin: AtDesk, kind: str) -> str:
    """Return the number of the newest entry of a type."""
    entries = tocsin("timeline", "--format", "json").json["entries"]
    return str([one["event"] for one in entries if one["type"] == kind][-1])


def corrected(tocsin: AtDesk) -> list[str]:
    entries = tocsin("timeline", "--format", "json").json["entries"]
    return [str(one["event"]) for one in entries if one["corrections"]]


def state(tocsin: AtDesk, step: str) -> str:
    return str(tocsin("task", "show", step, "--format", "json").json["task"]["state"])


def facts(tocsin: AtDesk) -> dict[str, Any]:
    return {one["key"]: one["value"] for one in tocsin("fact", "show", "--format", "json").json["facts"]}


def deliveries(tocsin: AtDesk) -> dict[str, dict[str, Any]]:
    """Return the delivery of the alert to each person."""
    listed = tocsin("message", "list", "--format", "json").json["deliveries"]
    return {one["recipient"]: one for one in reversed(listed)}


def hinted(tocsin: AtDesk, *words: str) -> str:
    """Return the hint of a refusal that changes nothing."""
    before = version(tocsin)
    said = tocsin(*words, "--format", "json")
    assert (said.code, version(tocsin)) == (1, before)
    return str(said.json["hint"])


def test_a_corrected_task_is_open_again_with_the_rows_checked_before(incident: AtDesk) -> None:
    later(incident, "task", "check", "block", "2")
    later(incident, "task", "done", "block", "--all")
    later(incident, "answer", "used", "no")
    assert state(incident, "report") == "ready"
    incident.done("correct", entry(incident, "StepEnded"), *WRONG)
    assert state(incident, "used") == "ready"
    ended = [
        str(one["event"])
        for one in incident("timeline", "--format", "json").json["entries"]
        if one["type"] == "StepEnded"
    ]
    incident.done("correct", ended[0], *WRONG)
    shown = incident("task", "show", "block", "--format", "json").json
    assert (shown["task"]["state"], [one["row"] for one in shown["checklist"] if one["done"]]) == (
        "ready",
        [2],
    )
    again = incident("correct", ended[0], *WRONG)
    assert (again.code, state(incident, "block")) == (0, "ready"), "it has no effect any more"


@pytest.mark.parametrize("kind", ["FactsRecorded", "StepEnded"])
def test_a_corrected_answer_is_asked_for_again(incident: AtDesk, kind: str) -> None:
    later(incident, "answer", "used", "no")
    incident.done("correct", entry(incident, kind), *WRONG)
    assert state(incident, "used") == "ready"
    assert facts(incident).get("data.encrypted") is None


def test_a_corrected_fact_has_the_last_value_that_nobody_marked_as_wrong(incident: AtDesk) -> None:
    first, second, third = (
        later(incident, "fact", "set", f"people.total={n}", "--source", "count") for n in (3, 40, 41)
    )
    incident.done("correct", str(second), *WRONG)
    assert facts(incident)["people.total"] == 41
    incident.done("correct", str(third), *WRONG)
    assert facts(incident)["people.total"] == 3
    assert corrected(incident) == [str(second), str(third)]
    assert first < second


def test_a_fact_without_which_a_deadline_moves_later_needs_its_own_command(incident: AtDesk) -> None:
    later(incident, "fact", "set", "data.involved=true", "data.elements=name", "--source", "look")
    moved = later(
        incident, "fact", "set", "incident.aware_at=5h ago", "--source", "log", "--grounds", "the log"
    )
    for words in (("undo",), ("correct", str(moved), *WRONG)):
        assert hinted(incident, *words).startswith("tocsin fact set incident.aware_at=")


@pytest.fixture
def called(tocsin: AtDesk, tmp_path: Path) -> AtDesk:
    """A home in which jonas was told, ada stands in for him, and maria is above them."""
    tocsin.settings(roles={"commander": ["maria"], "counsel": ["jonas"]}, alternates={"counsel": ["ada"]})
    path = tmp_path / "call-out.yaml"
    path.write_text(CALL_OUT, encoding="utf-8")
    tocsin.done("open", str(path), "--yes")
    return tocsin


def worked(tocsin: AtDesk, span: timedelta) -> None:
    tocsin.clock.advance(span)
    tocsin("worker", "--once")


@pytest.mark.parametrize("way", ["call", "ack"])
def test_an_alert_goes_on_after_a_wrong_acknowledgement(called: AtDesk, way: str) -> None:
    delivery = str(deliveries(called)["jonas"]["delivery"])
    code = called("message", "show", delivery, "--format", "json").json["code"]
    words = ("call", delivery, "--reached") if way == "call" else ("ack", code, "--as", "jonas")
    later(called, *words)
    assert {one["state"] for one in deliveries(called).values()} == {"satisfied", "cancelled"}
    worked(called, timedelta(minutes=1))
    sent = called.console.count("To: jonas")
    person = ("--as", "jonas") if way == "ack" else ()
    hint = hinted(called, "undo", *person)
    assert hint.startswith(f"tocsin correct {entry(called, 'EvidenceRaised')} ")
    called.done(*shlex.split(hint)[1:3], *WRONG, *person)
    after = deliveries(called)
    assert {name: one["state"] for name, one in after.items()} == dict.fromkeys(after, "active")
    assert after["jonas"]["evidence"] != "acked"
    worked(called, timedelta(minutes=1))
    assert called.console.count("To: jonas") == sent + 1
    for _ in range(6):
        worked(called, timedelta(minutes=10))
    assert called.console.count("To: ada"), "the escalation goes on, too"
    again = called("correct", entry(called, "EvidenceRaised"), *WRONG)
    assert (again.code, called.console.count("To: jonas") > sent) == (0, True)


def test_a_call_that_did_not_reach_takes_no_acknowledgement_back(called: AtDesk) -> None:
    delivery = str(deliveries(called)["jonas"]["delivery"])
    later(called, "call", delivery, "--reached")
    hint = hinted(called, "call", delivery, "--not-reached")
    later(called, *shlex.split(hint[hint.index("tocsin") :])[1:4], *WRONG)
    assert deliveries(called)["jonas"]["state"] == "active"
    later(called, "call", delivery, "--not-reached")


def test_a_wrong_role_is_refused_with_the_command_that_gives_it_back(incident: AtDesk) -> None:
    wrong = later(incident, "role", "assign", "counsel", "maria", "--yes")
    hint = hinted(incident, "undo")
    assert hint == hinted(incident, "correct", str(wrong), *WRONG) == "tocsin role assign counsel jonas ada"
    incident.done(*shlex.split(hint)[1:6], "--yes")
    later(incident, "correct", str(wrong), *WRONG)
    assert corrected(incident) == [str(wrong)], "it has no effect any more"


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (("task", "start", "block"), "Say in a note what is wrong: tocsin note"),
        (("domain", "declare-down", "this-machine"), "domain declare-up this-machine"),
        (("task", "assign", "block", "ada", "--reason", "busy"), "task assign"),
        (("pause", "--reason", "power cut"), "resume"),
        (("severity", "sev3"), "severity"),
    ],
)
def test_what_is_not_taken_back_names_the_command_that_does(
    incident: AtDesk, words: tuple[str, ...], command: str
) -> None:
    wrong = later(incident, *words)
    for take in (("undo",), ("correct", str(wrong), *WRONG)):
        said = incident(*take, "--format", "json")
        assert (said.code, said.error) == (1, "cannot_undo")
        assert said.json["hint"].removeprefix("tocsin ").startswith(command)
    assert corrected(incident) == []


def test_an_entry_of_the_program_is_not_marked_as_wrong(incident: AtDesk) -> None:
    said = incident("correct", entry(incident, "StepReady"), *WRONG)
    assert (said.code, said.error, corrected(incident)) == (1, "cannot_undo", [])


def test_a_wrong_severity_and_a_wrong_task_are_taken_back(incident: AtDesk) -> None:
    later(incident, "severity", "sev3")
    wrong = later(incident, "severity", "sev1")
    added = later(incident, "task", "add", "Call the locksmith", "--role", "counsel")
    incident.done("correct", str(wrong), *WRONG)
    assert incident("status", "--format", "json").json["severity"] == "sev3"
    incident.done("correct", str(added), *WRONG)
    assert state(incident, "call-the-locksmith") == "cancelled"
