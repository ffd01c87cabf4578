"""Closing names all that is open, and needs a second person while something may be owed; the report names it too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.at_desk import ORGANISATION, AtDesk
from tests.cli.incidents.test_second_person import INITIAL, PEOPLE, PLAYBOOK, ROLES
from tests.cli.incidents.test_undetermined_after_closing import UNKNOWN

WHY = ("--reason", "the wrong one")
SIGNED = "  - {id: sign, approve: block, by: {roles: [counsel]}, after: [block]}\n"


def opened(tocsin: AtDesk, folder: Path, *words: str, facts: str = UNKNOWN, **settings: Any) -> AtDesk:
    """Open an incident in which nobody knows whether personal data are involved, while 72 hours run."""
    tocsin.settings(people=PEOPLE, roles=ROLES, **settings)
    for name, text in (("facts.yaml", facts), ("badge.yaml", PLAYBOOK + SIGNED)):
        (folder / name).write_text(text, encoding="utf-8")
    tocsin.done("open", str(folder / "badge.yaml"), "--yes", "--facts", str(folder / "facts.yaml"), *words)
    return tocsin


def closing(tocsin: AtDesk) -> tuple[str, list[tuple[str, str, str]]]:
    """Return the state of the incident, and the acts that need two people."""
    found = tocsin("status", "amber-falcon", "--format", "json").json
    return found["state"], [(one["kind"], one["state"], one["second"]) for one in found["second_person"]]


def test_a_second_person_confirms_while_a_duty_with_a_clock_is_undetermined(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    opened(tocsin, tmp_path)
    tocsin.done("close", *WHY)
    assert closing(tocsin) == ("open", [("close", "awaiting", "")])
    [asked] = tocsin("status", "--format", "json").json["second_person"]
    assert INITIAL in asked["text"]
    tocsin.done("confirm", str(asked["entry"]), "--as", "jonas")
    assert closing(tocsin) == ("closed", [("close", "confirmed", "jonas")])


@pytest.mark.parametrize("end", ["close", "cancel"])
@pytest.mark.parametrize("missing", ["country", "role"])
def test_a_second_person_confirms_while_nobody_said_what_the_organisation_is(
    tocsin: AtDesk, tmp_path: Path, missing: str, end: str
) -> None:
    organisation = {name: said for name, said in ORGANISATION["organisation"].items() if name != missing}
    opened(tocsin, tmp_path, facts="schema: tocsin/facts/v1\nsource: none\n", organisation=organisation)
    found = tocsin("close", "--format", "json").json["problems"]
    assert [one["file"] for one in found if one["code"] == "organisation_unknown"] == [
        f"organisation.{missing}"
    ]
    tocsin.done(end, *WHY)
    assert closing(tocsin) == ("open", [(end, "awaiting", "")])


@pytest.mark.parametrize("kind", ["exercise", "test"])
def test_an_exercise_is_closed_by_one_person(tocsin: AtDesk, tmp_path: Path, kind: str) -> None:
    opened(tocsin, tmp_path, "--kind", kind)
    tocsin.done("close", *WHY)
    assert closing(tocsin) == ("closed", [])


def test_a_home_without_a_second_person_closes_at_once_and_says_so(tocsin: AtDesk, tmp_path: Path) -> None:
    opened(tocsin, tmp_path, second_person={"none": "one person runs this shop"})
    tocsin.done("close", *WHY)
    assert closing(tocsin) == ("closed", [("close", "alone", "")])


def test_what_is_open_is_named_before_closing_and_in_the_report(tocsin: AtDesk, tmp_path: Path) -> None:
    opened(tocsin, tmp_path, "--compromised", "this-machine")
    tocsin.done("note", "seen", "--on-behalf-of", "eve", "--via", "phone")
    said = tocsin("close", "--format", "json")
    named = {(one["code"], one["file"]) for one in said.json["problems"]}
    unconfirmed = next(name for code, name in named if code == "unconfirmed")
    sign = next(name for code, name in named if code == "open_approval")
    assert ("compromised_domain", "this-machine") in named
    assert ("undetermined_duty", INITIAL) in named
    shown = tocsin("close", *WHY).err
    for name in ("this-machine", INITIAL, sign):
        assert name in shown
    [asked] = tocsin("status", "--format", "json").json["second_person"]
    tocsin.done("confirm", str(asked["entry"]), "--as", "jonas")
    report = tocsin(
        "report", "-i", "amber-falcon", "--to", "md", "--out", str(tmp_path), "--format", "json"
    ).json
    assert {"this-machine", INITIAL, sign, unconfirmed} <= report["dropped"].keys()
    assert len(report["dropped"]) == len(named), "tasks, too"
