"""Message classes of a home's or a playbook's own begin as another one, and hold from the check to the delivery."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from runner.routing.message_classes import derived
from runner.routing.messaging import BUILT_IN_CLASSES
from tests.cli.at_desk import PLAYBOOK, AtDesk, Said
from tests.cli.exercises.test_drills import EXERCISE

NIGHT = {"night-call": {"from": "urgent-internal", "fail_over_after": "2m", "first_wave": 1}}


def classed(path: Path, name: str, more: str = "") -> None:
    path.write_text(PLAYBOOK.replace("class: task-notice", f"class: {name}") + more, encoding="utf-8")


def problems(said: Said) -> list[tuple[str, int, int]]:
    """Return the problems that a command found in a file: code, line and column."""
    return [(problem["code"], problem["line"], problem["column"]) for problem in said.json["problems"]]


def words(said: Said) -> set[str]:
    """Return the names and words that the problems hold."""
    return {word.strip(":?") for problem in said.json["problems"] for word in problem["message"].split()}


def test_a_derived_class_differs_only_in_the_given_values() -> None:
    base = BUILT_IN_CLASSES["urgent-internal"]
    found = derived("night-call", NIGHT["night-call"], BUILT_IN_CLASSES)
    assert (found.name, found.fail_over_after, found.first_wave) == ("night-call", timedelta(minutes=2), 1)
    assert (found.goal, found.availability) == (base.goal, base.availability)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"from": "urgent-internl"}, "urgent-internal"),
        ({"goal": "acked"}, next(iter(BUILT_IN_CLASSES))),
        ({"from": "task-notice", "gaol": "acked"}, "goal"),
        ({"from": "task-notice", "name": "x"}, '"name"'),
        ({"from": "task-notice", "goal": "arrived"}, "arrived"),
        ({"from": "task-notice", "stale_after": "soon"}, "1d12h"),
    ],
)
def test_an_invalid_class_is_refused_with_the_invalid_or_valid_values(
    given: dict[str, str], named: str
) -> None:
    with pytest.raises(ValueError, match=named):
        derived("mine", given, BUILT_IN_CLASSES)


def test_a_home_gives_its_playbooks_a_class_of_its_own(tocsin: AtDesk, playbook: Path) -> None:
    classed(playbook, "night-call")
    (problem,) = problems(tocsin("playbook", "validate", str(playbook), "--format", "json"))
    assert problem == ("unknown-class", 7, 21)
    tocsin.settings(classes=NIGHT)
    said = tocsin("playbook", "validate", str(playbook), "--format", "json")
    assert (said.code, [problem for problem in problems(said) if problem[0] == "unknown-class"]) == (0, [])
    row = tocsin("message", "plan", "night-call", "--to", "ada", "--format", "json").json["plan"][0]
    assert row["message_class"] == "night-call"
    tocsin.done("open", str(playbook), "--yes", "--fact", "incident.summary=x")
    found = tocsin("message", "list", "--format", "json").json["deliveries"]
    assert {(delivery["message_class"], delivery["goal"]) for delivery in found} == {("night-call", "acked")}


def test_a_playbooks_own_class_goes_before_the_homes(tocsin: AtDesk, playbook: Path) -> None:
    tocsin.settings(classes=NIGHT)
    classed(playbook, "night-call", "classes: {night-call: {from: night-call, goal: accepted}}\n")
    tocsin.done("open", str(playbook), "--yes", "--fact", "incident.summary=x")
    found = tocsin("message", "list", "--format", "json").json["deliveries"]
    assert {(delivery["message_class"], delivery["goal"]) for delivery in found} == {
        ("night-call", "accepted")
    }


def test_a_wrong_class_is_named_with_its_place_in_both_files(tocsin: AtDesk, playbook: Path) -> None:
    classed(playbook, "mine", "classes: {mine: {from: urgent-internl}}\n")
    said = tocsin("playbook", "validate", str(playbook), "--format", "json")
    assert (said.code, problems(said)) == (1, [("class", 15, 17)])
    assert {"mine", '"urgent-internl"'} <= words(said)
    tocsin.settings(classes={"mine": {"from": "task-notice", "gaol": "acked"}})
    said = tocsin("person", "list", "--format", "json")
    assert (said.code, said.error, [problem[0] for problem in problems(said)]) == (
        1,
        "bad_settings",
        ["class"],
    )
    assert {'"mine"', '"gaol"'} <= words(said)


def test_a_rehearsal_and_an_exercise_know_the_homes_classes(
    tocsin: AtDesk, playbook: Path, tmp_path: Path
) -> None:
    classed(playbook, "night-call")
    tests = tmp_path / "lost-badge.test.yaml"
    tests.write_text(
        "schema: tocsin/playbook-test/v1\nplaybook: ./lost-badge.yaml\nlaws: []\nnotices: []\n"
        "cases: [{name: as asked, answers: {used: no}, expect: {messages: {tell: [A badge is missing]}}}]\n",
        encoding="utf-8",
    )
    exercise = tmp_path / "badge-evening.yaml"
    exercise.write_text(EXERCISE, encoding="utf-8")
    for command in (("playbook", "test", str(tests)), ("drill", "run", str(exercise), "--unattended")):
        said = tocsin(*command, "--format", "json")
        assert (said.code, said.error) == (1, "bad_playbook")
        assert problems(said) == [("unknown-class", 7, 21)]
    tocsin.settings(classes=NIGHT)
    report = tocsin("playbook", "test", str(tests), "--format", "json").json
    assert (report["passed"], report["failed"]) == (1, 0)
    tocsin.done("drill", "run", str(exercise), "--unattended")
    tocsin.done("drill", "schedule", str(exercise), "--every", "1d")
    tocsin.clock.advance(timedelta(days=1))
    assert tocsin("drill", "run", "--due").code == 0
    assert (
        tocsin("drill", "schedules", "--format", "json").json["schedules"][0]["firings"][0]["state"]
        == "opened"
    )
