"""What a person reads about a file with mistakes, compared whole: every code of a playbook's problems stands here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from runner.files.validate import validate_source
from runner.playbook.catalogue import Catalog
from runner.routing.messaging import ChannelConfig, ContactPoint
from runner.routing.organisation import Acting, Home, Person
from runner.yamlfile.source import scan
from tests.golden_files import same

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "validate"
HOME = Home(
    schema="tocsin/home/v1",
    people={
        "anna": Person(contacts=(ContactPoint(channel="mail", address="anna@example.org"),)),
        "bob": Person(),
    },
    roles={"commander": ("anna",), "counsel": ("bob",)},
    channels={"mail": ChannelConfig(adapter="smtp", domains=frozenset({"m365-tenant"}))},
    act=Acting(hosts=frozenset({"allowed.example"})),
)
ELSEWHERE = {
    *("file-missing", "file-unreadable", "file-not-regular", "yaml-too-large"),
    *("playbook-circle", "missing-input"),
}
"""Codes that need more than one small file; their tests are in test_source and test_catalog."""


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_problem_of_a_file_reads_as_the_golden_text_says(path: Path) -> None:
    home = HOME if path.stem.startswith("home-") else None
    problems = validate_source(scan(path.read_bytes(), path.name), Catalog(), home)
    told = "".join(f"{problem}\n" for problem in problems)
    same(path.with_suffix(".txt"), told)


def test_every_documented_code_has_a_golden_message_and_vice_versa() -> None:
    page = (ROOT / "docs" / "reference" / "playbook-format.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `([a-z0-9-]+)` \|", page.split("## Codes of the check")[1], re.MULTILINE))
    codes = {
        code
        for golden in GOLDEN.glob("*.txt")
        for code in re.findall(
            r"\[([a-z0-9-]+)\](?: \(.*\))?$", golden.read_text(encoding="utf-8"), re.MULTILINE
        )
    }
    assert listed == codes | ELSEWHERE


def test_the_how_to_page_shows_a_valid_playbook_and_the_errors_of_another() -> None:
    page = (ROOT / "docs" / "how-to" / "write-a-playbook.md").read_text(encoding="utf-8")
    good, bad = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    told = re.findall(r"```\n(lost-laptop.*?)```", page, re.DOTALL)[0]
    name = "lost-laptop.yaml"
    assert [problem.code for problem in validate_source(scan(good, name), Catalog())] == [
        "people-not-checked"
    ]
    spoiled = "\n".join(good.split("\n")[:-2]) + "\n" + bad
    problems = [
        problem for problem in validate_source(scan(spoiled, name), Catalog()) if problem.severity == "error"
    ]
    assert "".join(f"{problem}\n" for problem in problems) == told
