"""Lanes over the duties of many states: none before its clock can begin, and alike ones are shown as one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.at_desk import AtDesk
from tests.law.test_late_state import FACTS, lanes

STATES = ["CA", "NY", "TX", "WA", "CO", "FL", "IL", "PA", "OR", "MA"]
AG = "us-ca-breach/attorney_general"


@pytest.fixture
def breach(tmp_path: Path) -> AtDesk:
    """A breach with people in ten states, whose lanes have begun."""
    desk = AtDesk(tmp_path / "home")
    desk.done("init")
    desk.settings()
    people = ",".join(f"US-{state}=900" for state in STATES)
    facts = [fact for fact in FACTS if not fact.startswith("people.by_jurisdiction")]
    words = [word for fact in (*facts, f"people.by_jurisdiction={people}") for word in ("--fact", fact)]
    desk.done("open", "personal-data-breach", "--yes", *words)
    desk.done("task", "done", "triage", "--all")
    desk.done("fact", "set", "incident.aware_at=2026-11-24T08:30:00Z", "--source", "counsel")
    return desk


def test_a_duty_waiting_for_an_event_gets_its_lane_with_the_event(breach: AtDesk) -> None:
    duty = next(duty for duty in breach("duties", "--format", "json").json["duties"] if duty["id"] == AG)
    assert (duty["verdict"], duty["due_kind"]) == ("applies", "waits_for_event")
    assert AG not in lanes(breach)
    sent = "incident.individual_notice_sent_at.US-CA=2026-11-24T09:00:00Z"
    breach.done("fact", "set", sent, "--source", "mail house")
    assert AG in lanes(breach)


def gathering(breach: AtDesk) -> str:
    """Return the title of the step that gathers what a notice lacks."""
    tasks = breach("status", "--format", "json").json["tasks"]
    (title,) = {task["title"] for task in tasks if task["step"] == "complete"}
    return str(title)


def test_lanes_that_are_alike_are_one_line_and_all_unfolds_them(breach: AtDesk) -> None:
    folded, unfolded = breach.done("status"), breach.done("status", "--all")
    assert len(folded.splitlines()) < 80 < len(unfolded.splitlines())
    (shown,) = re.findall(r"^TO DO \((\d+)\)", folded, re.MULTILINE)
    report = breach("status", "--format", "json").json
    ready = [task for task in report["tasks"] if task["state"] in ("ready", "active")]
    assert int(shown) <= len(ready) - 8  # nine letters of nine states are one line


def test_folded_lanes_say_how_many_by_when_to_begin_and_how_to_see_them(breach: AtDesk) -> None:
    report = breach("status", "--format", "json").json
    people = [lane for lane in report["lanes"] if lane["recipient"] == "people"]
    group = next(person for person in people if person["step"] == "complete")
    assert (group["count"], group["notice"], len(group["rows"])) == (9, "us-letter", 9)
    rows = {task["invocation"]: task for task in report["tasks"]}
    starts = {duty["id"]: duty["latest_safe_start"] for duty in report["duties"]}
    wanted = min(start for name in group["rows"] if (start := starts[rows[name]["item"]]))
    assert group["start_by"] == wanted
    assert group["first"] in group["rows"]


def test_next_lists_a_group_once(breach: AtDesk) -> None:
    title = gathering(breach)
    texts = [one["text"] for one in breach("next", "--format", "json").json["next"]]
    told = [text for text in texts if title in text]
    assert len(set(told)) == len(told)
    everything = [one["text"] for one in breach("next", "--all", "--format", "json").json["next"]]
    assert sum(title in text for text in everything) > 10
