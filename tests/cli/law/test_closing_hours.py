"""A closing hour, as EDGAR's 17:30 Eastern time, stands wherever the deadline does."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.at_desk import AtDesk
from tests.law.test_late_state import FACTS

DUTY = "us-sec-8k-105/initial"
LISTED = (
    "organisation.zone=America/Los_Angeles",
    "organisation.regulated_as=sec_domestic_filer",
    "incident.materiality_determined_at=2026-11-24T08:10:00Z",
    "incident.material=true",
)
CLOSES = "2026-12-01T22:30:00Z"
HERE, THERE = "14:30 PST", "17:30 EST"


@pytest.fixture
def breach(tmp_path: Path) -> AtDesk:
    """A listed company in California whose incident is material."""
    desk = AtDesk(tmp_path / "home")
    desk.done("init")
    desk.settings()
    own = {fact.partition("=")[0] for fact in LISTED}
    facts = [*(fact for fact in FACTS if fact.partition("=")[0] not in own), *LISTED]
    desk.done("open", "personal-data-breach", "--yes", *(word for fact in facts for word in ("--fact", fact)))
    desk.done("task", "done", "triage", "--all")
    desk.done("fact", "set", "incident.aware_at=2026-11-24T08:30:00Z", "--source", "counsel")
    return desk


def test_the_closing_hour_stands_wherever_the_deadline_does(breach: AtDesk, tmp_path: Path) -> None:
    duty = next(one for one in breach("duties", "--format", "json").json["duties"] if one["id"] == DUTY)
    assert (duty["due"], duty["due_kind"], duty["due_local"]) == (
        CLOSES,
        "instant",
        "2026-12-01T17:30:00-05:00",
    )
    assert "17:30" in breach.done("duties", "--all").split()
    for page in (("status", "--all"), ("brief",)):
        assert {HERE.split()[0], THERE.split()[0]} <= set(breach.done(*page).replace("(", " ").split()), page
    for dated in (breach.done("duties", "calendar"), breach.done("regime", "show", DUTY.partition("/")[0])):
        assert "17:30" in dated.split()
    tasks = breach("status", "--format", "json").json["tasks"]
    lane = next(task["invocation"] for task in tasks if f"[{DUTY}].complete" in (task["invocation"] or ""))
    shown = breach("task", "show", lane, "--format", "json").json
    assert shown["legal_deadline"] == "2026-12-01T17:30:00-05:00"
    assert "17:30" in breach.done("task", "show", lane).replace("(", " ").split()
    out = tmp_path / "deadlines.ics"
    breach.done("duties", "calendar", "--out", str(out))
    written = out.read_text(encoding="utf-8").replace("\r\n ", "")
    assert "DTSTART:20261201T223000Z" in written.splitlines()
    assert THERE in written
