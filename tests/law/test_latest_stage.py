"""DORA's final report counts its month from the latest intermediate report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.at_desk import AtDesk

BANK: dict[str, Any] = {
    "organisation": {"regulated_as": ["dora_credit_institution"], "country": "FR", "zone": "Europe/Paris"},
    "incident": {"major": True, "aware_at": "2026-12-07T08:00:00+01:00"},
}
INITIAL, FIRST, UPDATED = (
    f"eu-dora-19/{slug}" for slug in ("initial", "intermediate", "updated_intermediate")
)


@pytest.fixture
def nowhere(tmp_path: Path) -> AtDesk:
    """A machine without a home."""
    return AtDesk(tmp_path / "home")


@pytest.mark.parametrize(
    ("submitted", "due", "kind"),
    [
        ({INITIAL: "2026-12-08T08:00:00+01:00"}, None, "waits_for_event"),
        ({FIRST: "2026-12-11T08:00:00+01:00"}, "2027-01-11", "date"),
        ({FIRST: "2026-12-11T08:00:00+01:00", UPDATED: "2026-12-20T10:00:00+01:00"}, "2027-01-20", "date"),
        ({UPDATED: "2026-12-20T10:00:00+01:00"}, "2027-01-20", "date"),
    ],
)
def test_the_month_of_the_final_report_runs_from_the_latest_intermediate_one(
    submitted: dict[str, str], due: str | None, kind: str, nowhere: AtDesk, tmp_path: Path
) -> None:
    facts = {**BANK, "incident": {**BANK["incident"], "stage_submitted_at": submitted}}
    file = tmp_path / "facts.yaml"
    file.write_text(yaml.safe_dump({"schema": "tocsin/facts/v1", "source": "t", **facts}), encoding="utf-8")
    said = nowhere("duties", "--facts", str(file), "--at", "2026-12-21T12:00:00Z", "--format", "json")
    final = next(duty for duty in said.json["duties"] if duty["id"] == "eu-dora-19/final")
    assert (final["verdict"], final["due_date"], final["due_kind"]) == ("applies", due, kind)
    assert final["clock"]["rule"].startswith(
        "1 month after the intermediate stage or its latest update is filed"
    )
    assert not [note for note in final["notes"] if "first intermediate" in note]
