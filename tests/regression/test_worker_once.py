"""``worker --once`` with an incident that cannot be read any more: the others are worked on and told of."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.app.core import organisation_journal
from runner.app.home.open_home import open_service
from runner.app.home.retention import kept
from runner.incident.people.contact_journal import JOURNAL, IncidentShredded
from tests.cli.at_desk import PLAYBOOK, AtDesk


@pytest.fixture
def tocsin(tmp_path: Path) -> AtDesk:
    """A machine with two open incidents, the first of which was shredded."""
    playbook = tmp_path / "badge.yaml"
    playbook.write_text(PLAYBOOK, encoding="utf-8")
    made = AtDesk(tmp_path / "home")
    made.done("init")
    made.settings()
    for _ in range(2):
        made.done("open", str(playbook), "--yes", "--no-work", "--fact", "incident.summary=Badge 4711")
    desk = open_service(made.home, made.world().who(""), clock=made.clock, chance=made.chance)
    name = desk.find("amber-falcon")
    record = IncidentShredded(incident=name, codename="amber-falcon", by="maria", reason="test")
    with desk.store:
        organisation_journal.change(desk, JOURNAL, kept, lambda before: (record,))
        desk.store.shred(name)
    return made


def test_the_others_are_worked_on_and_the_shredded_one_is_reported(tocsin: AtDesk) -> None:
    said = tocsin("worker", "--once")
    assert said.code == 4
    lines = said.err.splitlines()
    (told,) = (n for n, line in enumerate(lines) if line.startswith("amber-falcon:"))
    assert lines[told + 1].split()[-3:] == ["tocsin", "close", "amber-falcon"]
    assert tocsin.console.count("A badge is missing: Badge 4711") == 2


def test_an_unreadable_incident_is_named_in_json(tocsin: AtDesk) -> None:
    report = tocsin("worker", "--once", "--format", "json").json
    (one,) = (each for each in report["needs_attention"] if each["incident"] == "amber-falcon")
    assert one["command"] == "tocsin close amber-falcon"


@pytest.mark.parametrize("words", [("status",), ("next",)])
def test_to_look_at_the_shredded_one_says_that_it_was(tocsin: AtDesk, words: tuple[str, ...]) -> None:
    said = tocsin(*words, "--incident", "amber-falcon")
    assert (said.code, said.error) == (1, "shredded")


def test_a_closed_shredded_incident_needs_no_action(tocsin: AtDesk) -> None:
    for step in ("block", "used"):
        words = ("task", "skip", step, "--reason", "found", "-i", "calm-heron", "--no-work")
        tocsin.done(*words)
    tocsin.closed("calm-heron", "--reason", "found")
    assert tocsin("close", "amber-falcon").code == 0
    assert tocsin("worker", "--once").code == 0
    said = tocsin("close", "amber-falcon")
    assert (said.code, said.error) == (1, "incident_closed")
    rows = tocsin("list", "--all", "--format", "json").json["incidents"]
    assert {row["codename"]: row["state"] for row in rows} == {
        "amber-falcon": "closed",
        "calm-heron": "closed",
    }
    verified = tocsin("audit", "verify", "--format", "json").json
    assert verified["ok"]
    assert tocsin("doctor").code == 0
