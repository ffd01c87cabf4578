"""Real incidents as VERIS records: none of them breaks the law engine, and ten have their verdicts written out by hand.

A record says what happened and to whom in the large. It has no roles, no risk and no places where people live, so nearly
every duty is unknown: what matters is that it is unknown for the right reason, in sight only where the record points.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.cli.at_desk import AtDesk

RECORDS = (Path(__file__).parent / "veris" / "records.jsonl").read_text(encoding="utf-8").splitlines()
AT = "2026-11-24T12:00:00Z"
Duties = dict[str, dict[str, Any]]


class Expected(NamedTuple):
    """One verdict, whether the duty is in sight, and a fact that it waits for."""

    duty: str
    verdict: str
    in_sight: bool
    missing: str = ""


BY_HAND: dict[int, tuple[str, tuple[Expected, ...]]] = {
    0: (
        "a hospital in Wisconsin, a stolen laptop: nothing says where the patients live or that HIPAA binds it",
        (
            Expected("us-hipaa-164-400/individuals", "unknown", False, "organisation.regulated_as"),
            Expected("us-wi-breach/individuals", "unknown", False, "people.by_jurisdiction.US-WI"),
            Expected("eu-gdpr-33-controller-sa/initial", "unknown", False, "organisation.offers_to"),
        ),
    ),
    5: (
        "a service in California: its users live nobody knows where",
        (
            Expected("us-ca-breach/individuals", "unknown", False, "people.by_jurisdiction.US-CA"),
            Expected("us-sec-8k-105/initial", "unknown", False, "organisation.regulated_as"),
        ),
    ),
    6: (
        "an NHS trust: the United Kingdom is its country, its role and the risk are open",
        (
            Expected("uk-gdpr-33-34/initial", "unknown", True, "organisation.role"),
            Expected("uk-gdpr-33-34/processor", "unknown", True, "organisation.role"),
            Expected("eu-gdpr-33-controller-sa/initial", "unknown", False, "organisation.offers_to"),
        ),
    ),
    12: (
        "an Australian health authority: the suspicion alone makes the assessment due, the rest hangs on the harm",
        (
            Expected("au-ndb/assessment", "applies", True),
            Expected("au-ndb/initial", "applies", True, "risk.harm"),
        ),
    ),
    17: (
        "the European Central Bank sits in Germany; that it is an institution of the Union is not recorded",
        (
            Expected("eu-gdpr-33-controller-sa/initial", "unknown", True, "organisation.role"),
            Expected("eu-eudpr-34/initial", "unknown", False, "organisation.regulated_as"),
        ),
    ),
    20: (
        "a hospital in New Zealand, one curious employee: the harm decides",
        (
            Expected("nz-privacy-114/initial", "unknown", True, "organisation.role"),
            Expected("au-ndb/initial", "unknown", False),
        ),
    ),
    22: (
        "an Indian site was hacked: CERT-In asks for six hours from every body corporate",
        (
            Expected("in-certin-2022/initial", "applies", True),
            Expected("in-sebi-cscrf/initial", "unknown", False),
        ),
    ),
    26: (
        "Brazil's health service: LGPD waits for the role and the risk",
        (Expected("br-lgpd-48/initial", "unknown", True, "organisation.role"),),
    ),
    28: (
        "a Dutch telecom operator: the GDPR is near, the telecom rule waits for what it is regulated as",
        (
            Expected("eu-gdpr-33-controller-sa/initial", "unknown", True, "organisation.role"),
            Expected("eu-gdpr-34-data-subjects/individuals", "unknown", True, "organisation.role"),
            Expected("eu-eprivacy-611/initial", "unknown", False, "organisation.regulated_as"),
        ),
    ),
    31: (
        "a South African bank: POPIA has no threshold of risk and asks only for the role",
        (Expected("za-popia-22/initial", "unknown", True, "organisation.role"),),
    ),
}


@pytest.fixture
def nowhere(tmp_path: Path) -> AtDesk:
    """A machine without a home."""
    return AtDesk(tmp_path / "home")


def judged(number: int, desk: AtDesk, folder: Path) -> Duties:
    file = folder / f"record-{number}.json"
    file.write_text(RECORDS[number], encoding="utf-8")
    said = desk("duties", "--facts", f"veris:{file}", "--at", AT, "--format", "json")
    assert said.code == 0, said.err
    return {duty["id"]: duty for duty in said.json["duties"]}


def test_no_record_breaks_anything_and_none_but_two_say_enough_for_a_duty(
    nowhere: AtDesk, tmp_path: Path
) -> None:
    applying = {}
    for number in range(len(RECORDS)):
        found = judged(number, nowhere, tmp_path)
        assert all(duty["missing_facts"] for duty in found.values() if duty["verdict"] == "unknown")
        applying[number] = {duty["id"] for duty in found.values() if duty["verdict"] == "applies"}
    assert {number: duties for number, duties in applying.items() if duties} == {
        12: {"au-ndb/assessment", "au-ndb/initial", "au-ndb/individuals"},
        22: {"in-certin-2022/initial"},
    }


@pytest.mark.parametrize("number", BY_HAND, ids=lambda number: f"record {number}")
def test_a_record_s_verdicts_are_those_worked_out_by_hand(
    number: int, nowhere: AtDesk, tmp_path: Path
) -> None:
    duties = judged(number, nowhere, tmp_path)
    why, rows = BY_HAND[number]
    for row in rows:
        duty = duties[row.duty]
        assert (duty["verdict"], duty["in_sight"]) == (row.verdict, row.in_sight), (
            why,
            row,
            duty["missing_facts"],
        )
        assert not row.missing or row.missing in duty["missing_facts"], (why, row, duty["missing_facts"])
