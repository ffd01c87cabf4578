"""A state found on day nine: its duties come up with their own clocks, and each gets a lane of notice, approval and filing."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.at_desk import AtDesk

FACTS = (
    "organisation.name=Example Inc",
    "organisation.address=1 Main Street, Springfield",
    "organisation.country=US",
    "organisation.zone=America/New_York",
    "organisation.role=data_owner",
    "organisation.does_business_in=US",
    "organisation.offers_to=none",
    "organisation.established_in=US",
    "organisation.main_establishment=US",
    "organisation.sectors=retail",
    "organisation.regulated_as=none",
    "organisation.public_body=false",
    "organisation.source_of_breach=true",
    "organisation.hotline.phone=+1 555 0100",
    "incident.detected_at=2026-11-24T08:00:00Z",
    "incident.discovered_at=2026-11-24T08:00:00Z",
    "incident.contained_at=2026-11-24T08:20:00Z",
    "incident.determined_at=2026-11-24T08:30:00Z",
    "incident.started_at=2026-11-23T08:00:00Z",
    "incident.impact=confidentiality",
    "data.involved=true",
    "data.form=electronic",
    "data.with_name=true",
    "data.elements=ssn",
    "data.encrypted=false",
    "risk.harm=likely",
    "people.good_faith_only=false",
    "people.by_jurisdiction.US-CA=600",
)
LATE = "us-ny-breach"


@pytest.fixture
def breach(tmp_path: Path) -> AtDesk:
    desk = AtDesk(tmp_path / "home")
    desk.done("init")
    desk.settings()
    desk.done("open", "personal-data-breach", "--yes", *(word for fact in FACTS for word in ("--fact", fact)))
    desk.done("task", "done", "triage", "--all")
    return desk


def lanes(desk: AtDesk) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for task in desk("status", "--format", "json").json["tasks"]:
        if task["invocation"] and "notify[" in task["invocation"]:
            found.setdefault(task["invocation"].partition("[")[2].partition("]")[0], []).append(task)
    return found


def test_a_state_found_on_day_nine_gets_its_own_clock_lane_and_letter(breach: AtDesk) -> None:
    breach.done("fact", "set", "incident.aware_at=2026-11-24T08:30:00Z", "--source", "counsel")
    before = lanes(breach)
    assert "us-ca-breach/individuals" in before
    assert not any(duty.startswith(LATE) for duty in before)
    breach.clock.advance(timedelta(days=9))
    breach.done("fact", "set", "people.by_jurisdiction.US-NY=40", "--source", "second export of the log")
    late = {duty: tasks for duty, tasks in lanes(breach).items() if duty.startswith(LATE)}
    assert {f"{LATE}/individuals", f"{LATE}/attorney_general", f"{LATE}/department_of_state"} <= set(late)
    steps = {task["step"]: task["state"] for task in late[f"{LATE}/individuals"]}
    assert steps["draft"] == "done"
    assert steps["complete"] == "ready"
    duties = {duty["id"]: duty for duty in breach("duties", "--format", "json").json["duties"]}
    assert duties[f"{LATE}/individuals"]["due_date"] == "2026-12-24"
    made = breach("notice", "list", "--format", "json").json["notices"]
    assert {notice["duty"]: notice["notice"] for notice in made}[f"{LATE}/individuals"] == "us-letter"
    said = breach("timeline", "--format", "json").json["entries"]
    assert any(f"{LATE}/individuals applies" in entry["text"] and "US-NY" in entry["text"] for entry in said)
