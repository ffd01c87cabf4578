"""A printed command acts on the incident that the person named, also when a bare one would act on another."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.cli.at_desk import AtDesk

FIRST, SECOND = "amber-falcon", "calm-heron"


@pytest.fixture
def two(tocsin: AtDesk, playbook: Path) -> AtDesk:
    """Two incidents are open; a bare command is about the second."""
    tocsin.done("open", str(playbook), "--yes")
    tocsin.done("open", str(playbook), "--yes")
    return tocsin


def told(text: str) -> list[list[str]]:
    """Return the commands that a text prints."""
    return [shlex.split(one) for one in re.findall(r"(?:→|:) (tocsin [^\n→·]+)", text)]


@pytest.mark.parametrize("words", [("next", FIRST), ("next", "-i", FIRST), ("status", FIRST)])
def test_commands_on_a_screen_about_another_incident_name_it(two: AtDesk, words: tuple[str, ...]) -> None:
    commands = [
        one for one in told(two.done(*words)) if one[1] in ("task", "answer", "approve", "ack", "facts")
    ]
    assert commands
    assert [one for one in commands if FIRST not in one] == []


def test_commands_about_the_active_incident_stay_short(two: AtDesk) -> None:
    assert [one for one in told(two.done("next", SECOND)) if SECOND in one] == []


def test_the_next_step_of_an_error_names_the_incident(two: AtDesk) -> None:
    refused = two("approve", "sign", "-i", FIRST)
    assert refused.code != 0
    commands = told(refused.err)
    assert commands
    assert all(FIRST in one for one in commands)
    assert refused.error == two("approve", "sign").error
    assert FIRST not in two("approve", "sign", "-i", FIRST, "--format", "json").json["hint"]


def test_a_closed_incident_is_named_although_none_is_open(tocsin: AtDesk, playbook: Path) -> None:
    tocsin.done("open", str(playbook), "--yes")
    tocsin.closed("--reason", "done")
    commands = told(tocsin.done("status", FIRST))
    assert all(FIRST in one for one in commands)


def test_a_command_about_no_incident_gets_no_name(two: AtDesk) -> None:
    said = two("task", "show", "none", "-i", FIRST)
    assert said.code == 1
    assert not re.search(r"tocsin (?:doctor|list|people) -i", said.err + said.out)
