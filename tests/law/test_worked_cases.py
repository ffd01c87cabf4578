"""The published worked cases, through the command line: each duty at its recipient, by its date, and none besides.

The expected rows of ``cases/*.yaml`` are the published ones. ``besides`` holds the duties that we show and the published
case does not list, each with the reason; it is reviewed by hand.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.at_desk import AtDesk

FILES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))
Row = dict[str, Any]


@pytest.fixture
def nowhere(tmp_path: Path) -> AtDesk:
    """A machine without a home."""
    return AtDesk(tmp_path / "home")


def duties_of(case: Row, desk: AtDesk, folder: Path) -> list[Row]:
    """Judge a case's facts as ``tocsin duties --facts`` does."""
    file = folder / "facts.yaml"
    facts = {"schema": "tocsin/facts/v1", "source": f"worked case {case['id']}", **case["facts"]}
    file.write_text(yaml.safe_dump(facts, sort_keys=False), encoding="utf-8")
    said = desk("duties", "--facts", str(file), "--at", case["at"], "--format", "json")
    assert said.code == 0, said.err
    rows: list[Row] = said.json["duties"]
    return rows


def answers(row: Row, duty: Row) -> bool:
    """Whether a duty is the one that a published row expects."""
    wanted = ("applies", "unknown") if row.get("conditional") else ("applies",)
    return (
        duty["regime"] == row["regime"]
        and duty["recipient"] == row["to"]
        and duty["verdict"] in wanted
        and row.get("stage", duty["stage"]) == duty["stage"]
        and _due(row) == (_instant(duty["due"]) if "T" in str(row["due"]) else duty["due_date"])
        and row.get("due_kind", duty["due_kind"]) == duty["due_kind"]
    )


def _due(row: Row) -> Any:
    return _instant(row["due"]) if "T" in str(row["due"]) else row["due"]


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_published_case_gives_its_duties_and_no_other(file: Path, nowhere: AtDesk, tmp_path: Path) -> None:
    case = yaml.safe_load(file.read_text(encoding="utf-8"))
    rows = duties_of(case, nowhere, tmp_path)
    left = [duty for duty in rows if duty["verdict"] == "applies" and not _not_due(duty)]
    wanting = []
    for row in case["expected"]:
        match = next((duty for duty in rows if answers(row, duty)), None)
        if match is None:
            seen = [d for d in rows if (d["regime"], d["recipient"]) == (row["regime"], row["to"])]
            wanting.append((row, [_short(duty) for duty in seen]))
            continue
        rows.remove(match)
        left = [duty for duty in left if duty["id"] != match["id"]]
    assert not wanting, json.dumps(wanting, indent=1)
    besides = {row["duty"] for row in case.get("besides", [])}
    assert {duty["id"] for duty in left} == besides


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_duties_not_due_in_a_published_case_do_not_apply(file: Path, nowhere: AtDesk, tmp_path: Path) -> None:
    case = yaml.safe_load(file.read_text(encoding="utf-8"))
    rows = duties_of(case, nowhere, tmp_path)
    for row in case["not_due"]:
        here = [
            duty
            for duty in rows
            if row.get("jurisdiction", duty["jurisdiction"]) == duty["jurisdiction"]
            and row.get("to", duty["recipient"]) == duty["recipient"]
        ]
        assert here, row
        assert all(_not_due(duty) for duty in here), (row, [_short(duty) for duty in here])


def _not_due(duty: Row) -> bool:
    """Whether a duty does not bind, or stands only until somebody claims an exemption that the facts speak for."""
    return duty["verdict"] in ("not_applicable", "advisory") or any(
        one["met"] for one in duty.get("unless", ())
    )


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_months_of_credit_monitoring_match_the_published_case(
    file: Path, nowhere: AtDesk, tmp_path: Path
) -> None:
    case = yaml.safe_load(file.read_text(encoding="utf-8"))
    rows = duties_of(case, nowhere, tmp_path)
    offers = {
        duty["jurisdiction"]: int(note.split()[1])
        for duty in rows
        for note in duty["notes"]
        if note.startswith("offer ") and duty["recipient"] == "individuals" and not _not_due(duty)
    }
    assert offers == case.get("credit_monitoring", {})


def _short(duty: Row) -> Row:
    keys = ("id", "verdict", "due", "due_kind", "stage", "missing_facts")
    return {key: duty[key] for key in keys} | {"because": [one["text"] for one in duty["because"]][:4]}
