"""The published worked examples of counting, through the command line: one row a deadline, each with its law.

``due`` is the instant or the day to bind to; ``latest_legal`` is a kinder reading that is only shown. An instant in a
row is written with its offset; the zone is the organisation's.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from tests.cli.at_desk import AtDesk


class Row(NamedTuple):
    """One published example: its number, the duty, what is known, and when it is due."""

    number: str
    duty: str
    zone: str
    facts: dict[str, str]
    due: str
    latest_legal: str = ""


US = "America/New_York"
ROWS = (
    Row(
        "US 1",
        "us-sec-8k-105/initial",
        US,
        {"incident.materiality_determined_at": "2026-11-20T17:45:00-05:00"},
        "2026-11-27",
    ),
    Row(
        "US 3",
        "us-sec-8k-105/initial",
        US,
        {"incident.materiality_determined_at": "2026-10-09T11:00:00-04:00"},
        "2026-10-16",
    ),
    Row(
        "US 5",
        "us-hipaa-164-400/individuals",
        US,
        {"incident.discovered_at": "2026-01-15T10:00:00-05:00"},
        "2026-03-16",
    ),
    Row(
        "US 7",
        "us-hipaa-164-400/hhs_secretary_annual",
        US,
        {"incident.discovered_at": "2026-05-20T10:00:00-04:00"},
        "2027-03-01",
    ),
    Row(
        "US 9",
        "us-fcc-64-2011-2007/fbi",
        US,
        {"incident.determined_at": "2026-06-15T14:00:00-04:00"},
        "2026-06-25",
    ),
    Row(
        "US 11",
        "us-bank-36h/primary_federal_banking_regulator",
        US,
        {"incident.determined_at": "2026-02-14T22:30:00-05:00"},
        "2026-02-16T10:30:00-05:00",
    ),
    Row(
        "US 13",
        "us-ncua-748-1c/ncua",
        "America/Chicago",
        {"incident.reason_to_believe_at": "2026-03-06T23:00:00-06:00"},
        "2026-03-10T00:00:00-05:00",
    ),
    Row(
        "US 15",
        "us-dfars-7012/initial",
        "America/Chicago",
        {"incident.discovered_at": "2026-10-09T18:20:00-05:00"},
        "2026-10-12T18:20:00-05:00",
    ),
    Row(
        "US 17",
        "us-vt-breach/attorney_general_preliminary",
        US,
        {"incident.discovered_at": "2026-08-03T10:00:00-04:00"},
        "2026-08-21",
    ),
    Row(
        "EU 1",
        "eu-gdpr-33-controller-sa/initial",
        "Europe/Dublin",
        {"incident.aware_at": "2026-11-24T09:10:00+00:00"},
        "2026-11-27T09:10:00+00:00",
        "2026-11-27T10:00:00+00:00",
    ),
    Row(
        "EU 3",
        "eu-gdpr-33-controller-sa/initial",
        "Europe/Berlin",
        {"incident.aware_at": "2027-03-26T10:00:00+01:00"},
        "2027-03-29T11:00:00+02:00",
        "2027-03-29T12:00:00+02:00",
    ),
    Row(
        "EU 5",
        "eu-eprivacy-611/initial",
        "Europe/Vienna",
        {"incident.detected_at": "2026-12-12T14:05:00+01:00"},
        "2026-12-13T14:05:00+01:00",
        "2026-12-13T15:00:00+01:00",
    ),
    Row(
        "EU 7",
        "eu-nis2-23/early_warning",
        "Europe/Rome",
        {"incident.aware_at": "2026-12-04T18:30:00+01:00"},
        "2026-12-05T18:30:00+01:00",
        "2026-12-05T19:00:00+01:00",
    ),
    Row(
        "EU 8",
        "eu-nis2-23/final",
        "Europe/Brussels",
        {
            "incident.aware_at": "2027-01-29T14:00:00+01:00",
            "incident.stage_submitted_at.eu-nis2-23/incident_notification": "2027-01-31T14:00:00+01:00",
        },
        "2027-02-28",
        "2027-03-01T23:59:59+01:00",
    ),
    Row(
        "EU 10",
        "eu-dora-19/initial",
        "Europe/Paris",
        {
            "incident.aware_at": "2026-12-07T08:00:00+01:00",
            "incident.classified_at": "2026-12-08T06:00:00+01:00",
        },
        "2026-12-08T08:00:00+01:00",
    ),
    Row(
        "EU 12",
        "eu-dora-19/initial",
        "Europe/Paris",
        {
            "incident.aware_at": "2026-12-11T20:00:00+01:00",
            "incident.classified_at": "2026-12-12T10:00:00+01:00",
            "organisation.regulated_as": "[dora_other_financial_entity]",
            "organisation.country": "FR",
        },
        "2026-12-12T14:00:00+01:00",
        "2026-12-14T12:00:00+01:00",
    ),
    Row(
        "EU 14",
        "eu-dora-19/final",
        "Europe/Paris",
        {
            "incident.aware_at": "2027-01-27T16:00:00+01:00",
            "incident.stage_submitted_at.eu-dora-19/intermediate": "2027-01-29T16:00:00+01:00",
            "organisation.country": "FR",
        },
        "2027-02-28",
        "2027-03-01T12:00:00+01:00",
    ),
    Row(
        "SG 16",
        "sg-pdpa-26d/pdpc",
        "Asia/Singapore",
        {"incident.assessment_done_at": "2026-12-03T17:00:00+08:00"},
        "2026-12-06",
    ),
    Row(
        "IN 18",
        "in-certin-2022/initial",
        "Asia/Kolkata",
        {"incident.aware_at": "2026-11-24T23:40:00+05:30"},
        "2026-11-25T05:40:00+05:30",
    ),
    Row(
        "CN 19.5",
        "cn-incident-measures-2025/initial",
        "Asia/Shanghai",
        {"incident.discovered_at": "2026-12-01T08:15:00+08:00"},
        "2026-12-01T12:15:00+08:00",
    ),
    Row(
        "AU 20.5",
        "au-ransomware-payment/initial",
        "Australia/Sydney",
        {"incident.ransom_paid_at": "2026-12-18T17:00:00+11:00"},
        "2026-12-21T17:00:00+11:00",
    ),
    Row(
        "ID 22",
        "id-pdp-46/authority",
        "Asia/Jakarta",
        {"incident.aware_at": "2026-11-30T10:00:00+07:00"},
        "2026-12-03T10:00:00+07:00",
    ),
    Row(
        "AU 24",
        "au-apra-cps234/initial",
        "Australia/Melbourne",
        {"incident.aware_at": "2027-04-02T12:00:00+11:00"},
        "2027-04-05T11:00:00+10:00",
    ),
)


@pytest.fixture
def nowhere(tmp_path: Path) -> AtDesk:
    """A machine without a home."""
    return AtDesk(tmp_path / "home")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.number)
def test_a_published_example_is_due_when_it_says(row: Row, nowhere: AtDesk, tmp_path: Path) -> None:
    file = tmp_path / "facts.yaml"
    facts = {
        "schema": "tocsin/facts/v1",
        "source": "worked example",
        "organisation.zone": row.zone,
        **{
            key: yaml.safe_load(value) if value.startswith("[") else value for key, value in row.facts.items()
        },
    }
    file.write_text(yaml.safe_dump(facts), encoding="utf-8")
    at = min(value for key, value in row.facts.items() if key.startswith("incident."))
    said = nowhere("duties", "--facts", str(file), "--at", at, "--format", "json")
    assert said.code == 0, said.err
    found: dict[str, Any] = {duty["id"]: duty for duty in said.json["duties"]}
    duty = found[row.duty]
    if "T" in row.due:
        assert datetime.fromisoformat(duty["due"]) == datetime.fromisoformat(row.due)
    else:
        assert duty["due_date"] == row.due
    if row.latest_legal:
        assert datetime.fromisoformat(duty["latest_legal"]) == datetime.fromisoformat(
            row.latest_legal
        ).astimezone(UTC)
