"""A playbook's links to affected people are looked at before the day (R28): they lead to us, or to whom the class names."""

from __future__ import annotations

import re

import pytest

from runner.files.validate import validate_source
from runner.playbook.catalogue import Catalog
from runner.routing.organisation import Home
from runner.yamlfile.source import scan

HOME = Home(
    schema="tocsin/home/v1",
    organisation={
        "name": "Corp",
        "hotline": {"url": "https://www.corp.example/breach"},
        "regulated_as": ["x"],
        "lei": 1,
    },
)
PLAYBOOK = """\
schema: tocsin/playbook/v1
name: tell
version: 1.0.0
title: Tell
roles: {commander: {title: Commander}}
classes: {pointing: {from: affected-notice, links: [freeze.example]}}
messages:
  told: {class: CLASS, text: "See https://LINK now"}
steps:
  - {id: tell, message: told, to: [role:commander]}
"""


def findings(kind: str, link: str, home: Home | None = HOME) -> list[str]:
    text = PLAYBOOK.replace("CLASS", kind).replace("LINK", link)
    problems = validate_source(scan(text, "tell.yaml"), Catalog(), home)
    found = [problem.message for problem in problems if problem.code == "R28"]
    return [(re.findall(r'"(.+)"', message) or ["counter"])[0] for message in found]


@pytest.mark.parametrize(
    ("kind", "link", "wanted"),
    [
        ("affected-notice", "help.corp.example/x", []),
        ("affected-notice", "short.test/x", ["short.test"]),
        ("affected-notice", "corp.example/?utm_source=x", ["counter"]),
        ("pointing", "freeze.example", []),
        ("public-statement", "short.test", ["short.test"]),
        ("status-update", "short.test", []),
        ("no-such-class", "short.test", []),
    ],
)
def test_a_link_outside_the_organisation_is_a_warning(kind: str, link: str, wanted: list[str]) -> None:
    assert findings(kind, link) == wanted


def test_without_a_home_every_link_is_a_warning() -> None:
    assert findings("affected-notice", "www.corp.example", None) == ["www.corp.example"]
