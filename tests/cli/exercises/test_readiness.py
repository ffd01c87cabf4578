"""Readiness of an organisation, from the command line: exercised playbooks, changes, reachable people, open items."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.cli.at_desk import PLAYBOOK, AtDesk, compare
from tests.cli.exercises.test_drills import EXERCISE, exercise
from tests.cli.exercises.test_improvements import played

__all__ = ["exercise"]
DAY = timedelta(days=1)


@pytest.fixture
def ready(tocsin: AtDesk) -> AtDesk:
    """A home with a playbook of its own and an exercise of it."""
    for place, name, text in (
        ("playbooks", "lost-badge", PLAYBOOK),
        ("exercises", "badge-evening", EXERCISE),
    ):
        (tocsin.home / place).mkdir()
        (tocsin.home / place / f"{name}.yaml").write_text(
            text.replace("./lost-badge.yaml", "lost-badge"), encoding="utf-8"
        )
    return tocsin


def found(tocsin: AtDesk, name: str = "lost-badge") -> tuple[dict[str, Any], list[str]]:
    """Return what is said of a playbook, and the kinds of what needs a person because of it."""
    report = json.loads(tocsin.done("drill", "readiness", "--format", "json"))
    (one,) = [each for each in report["playbooks"] if each["playbook"] == name]
    return one, [
        each["kind"] for each in report["needs_attention"] if each["ref"].startswith((name, "badge-evening"))
    ]


def test_an_own_unexercised_playbook_needs_action_and_a_shipped_one_does_not(
    ready: AtDesk,
) -> None:
    one, needs = found(ready)
    assert (one["own"], one["exercised"], one["changed"]) == (True, None, False)
    assert needs == ["playbook_unexercised"]
    assert found(ready, "ransomware")[0]["own"] is False
    parts = found(ready, "breach-duties")[0]["part_of"]
    assert "ransomware" in parts
    compare("readiness.never", ready.done("drill", "readiness"), ready.home)


def test_the_last_attended_exercise_counts_and_a_changed_playbook_is_reported(
    ready: AtDesk,
) -> None:
    file = ready.home / "exercises" / "badge-evening.yaml"
    ready.done("drill", "run", "badge-evening", "--unattended")
    assert found(ready)[0]["exercised"] is None
    name = played(ready, file, "S")
    ready.clock.advance(3 * DAY)
    one, needs = found(ready)
    last = one["exercised"]
    assert (last["codename"], last["exercise"], last["ratings"]) == (name, "badge-evening", {"O1": "S"})
    assert last["at"].startswith("2026-11-24T09:00:00")
    assert (one["changed"], needs) == (False, [])
    second = played(ready, file, "")
    last = found(ready)[0]["exercised"]
    assert (last["codename"], last["ratings"]) == (second, {"O1": ""})
    book = ready.home / "playbooks" / "lost-badge.yaml"
    book.write_text(PLAYBOOK.replace("Tell the front desk", "Tell everybody"), encoding="utf-8")
    one, needs = found(ready)
    assert (one["changed"], needs) == (True, ["playbook_changed"])
    ready.clock.advance(3 * DAY)
    compare("readiness.changed", ready.done("drill", "readiness"), ready.home)


def test_readiness_shows_the_next_and_missed_exercises_by_playbook(ready: AtDesk) -> None:
    ready.done("drill", "schedule", "badge-evening", "--every", "1d", "--on-missed", "skip")
    one, needs = found(ready)
    assert (one["next"], one["scheduled"], one["missed"]) == (
        "2026-11-25T10:00:00+01:00",
        ["badge-evening"],
        [],
    )
    assert needs == []
    ready.clock.advance(DAY + timedelta(hours=3))
    assert ready("drill", "run", "--due").code == 4
    one, needs = found(ready)
    assert (one["missed"], needs) == (["badge-evening/2026-11-25T09:00:00Z"], ["drill_missed"])
    compare("readiness.missed", ready.done("drill", "readiness"), ready.home)
    ready.done("drill", "acknowledge", "badge-evening", "--reason", "the office moved")
    one, needs = found(ready)
    assert (one["missed"], needs) == ([], [])


def test_an_unattended_schedule_does_not_count_as_a_planned_exercise(ready: AtDesk) -> None:
    ready.done("drill", "schedule", "badge-evening", "--every", "1d", "--unattended")
    one, needs = found(ready)
    assert (one["scheduled"], one["scripted"], needs) == ([], ["badge-evening"], ["playbook_unexercised"])


def test_the_moment_of_an_exercise_without_notice_is_not_given_away(ready: AtDesk) -> None:
    ready.done("drill", "schedule", "badge-evening", "--every", "1d", "--no-notice", "8h")
    one, _ = found(ready)
    assert (one["scheduled"], one["next"]) == (["badge-evening"], None)


def test_people_count_as_reached_by_the_communications_check_alone(ready: AtDesk) -> None:
    def people() -> set[tuple[int, str | None, bool]]:
        """Return how many ways there are to people, when one worked, and whether that is a problem."""
        report = ready("drill", "readiness", "--format", "json").json
        return {(person["ways"], person["worked_at"], bool(person["problem"])) for person in report["people"]}

    assert people() == {(1, None, True)}
    ready.done("channel", "check", "--yes")
    assert people() == {(1, "2026-11-24T09:00:00Z", False)}
    ready.clock.advance(100 * DAY)
    assert people() == {(1, "2026-11-24T09:00:00Z", True)}
    ready.settings(channels={}, people={"maria": {"name": "Maria"}, "jonas": {}, "ada": {}})
    assert {(ways, problem) for ways, _, problem in people()} == {(0, True)}
    report = ready("drill", "readiness", "--format", "json").json
    assert "tocsin person add maria --contact CHANNEL=ADDRESS" in [
        one["command"] for one in report["needs_attention"] if one["kind"] == "person_unreached"
    ]


def test_a_role_that_one_person_holds_wants_an_alternate(ready: AtDesk) -> None:
    def alone() -> list[str]:
        return list(ready("drill", "readiness", "--format", "json").json["without_alternate"])

    assert alone() == ["commander"]
    ready.settings(alternates={"commander": ["ada"]})
    assert alone() == []


def test_open_items_are_counted_by_playbook_and_check_exits_with_4(
    ready: AtDesk,
) -> None:
    file = ready.home / "exercises" / "badge-evening.yaml"
    name = played(ready, file, "U", blocks=False)
    for due in ("2026-11-30", "2027-11-30"):
        ready.done("improvement", "add", "slow", "--from", name, "--objective", "T1", "--due", due)
    ready.done("improvement", "add", "loud", "--from", name)
    ready.done("improvement", "done", "I-3", "--note", "quiet now")
    ready.done("channel", "check", "--yes")
    ready.settings(alternates={"commander": ["ada"]})
    assert ready("drill", "readiness", "--check").code == 0
    ready.clock.advance(10 * DAY)
    one, _ = found(ready)
    assert (one["open"], one["late"]) == (["I-1", "I-2"], ["I-1"])
    said = ready("drill", "readiness", "--check")
    assert said.code == 4
    compare("readiness.items", said.out, ready.home)
    report = ready("drill", "readiness", "--format", "json").json
    counts = report["improvements"]
    assert (counts["open"], counts["late"], counts["done"]) == (2, 1, 1)
    assert [one["kind"] for one in report["needs_attention"]] == ["improvement_late"]
    assert ready("drill", "readiness").code == 0


def test_a_playbook_that_cannot_be_read_says_so(ready: AtDesk) -> None:
    (ready.home / "playbooks" / "lost-badge.yaml").write_text(
        "schema: tocsin/playbook/v1\n", encoding="utf-8"
    )
    one, _ = found(ready)
    assert (one["digest"], bool(one["problem"])) == ("", True)
