"""An incident whose work fails repeatedly is suspended and shown everywhere, until a person resumes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.app.core.suspended_incidents import FAILED, Tries
from tests.cli.at_desk import PLAYBOOK, AtDesk
from tests.servers.postgres import BOTH_STORES, kept_in, postgres_server, postgres_url

__all__ = ["kept_in", "postgres_server", "postgres_url"]

pytestmark = BOTH_STORES


@pytest.fixture
def tocsin(tmp_path: Path, kept_in: str) -> Iterator[AtDesk]:
    """A machine with two open incidents, the first of which was set aside."""
    playbook = tmp_path / "badge.yaml"
    playbook.write_text(PLAYBOOK, encoding="utf-8")
    desk = AtDesk(tmp_path / "home", store=kept_in)
    desk.done("init")
    desk.settings()
    for _ in range(2):
        desk.done("open", str(playbook), "--yes", "--no-work", "--fact", "incident.summary=Badge 4711")
    office = desk.office()
    tries = Tries(office, "w-dead")
    for _ in range(3):
        tries.fail(office.find("amber-falcon"), "ZeroDivisionError", desk.clock.now())
    yield desk
    desk.close()


def test_it_is_shown_with_its_reason_and_ends_checks_with_4(tocsin: AtDesk) -> None:
    status = tocsin("status", "amber-falcon", "--check", "--format", "json")
    assert status.code == 4
    assert status.json["set_aside"]["why"] == "ZeroDivisionError"
    (one,) = (each for each in status.json["needs_attention"] if each["kind"] == "set_aside")
    assert one["command"] == "tocsin resume amber-falcon --reason 'WHY'"
    listed = {
        each["codename"]: each["set_aside"] for each in tocsin("list", "--format", "json").json["incidents"]
    }
    assert (listed["amber-falcon"]["times"], listed["calm-heron"]) == (3, None)
    doctor = tocsin("doctor", "--format", "json")
    (found,) = (each for each in doctor.json["findings"] if each["area"] == "incidents")
    assert (doctor.code, found["severity"], found["hint"]) == (4, "error", one["command"])


def test_a_worker_leaves_it_alone_and_works_on_the_others(tocsin: AtDesk) -> None:
    said = tocsin("worker", "--once", "--format", "json")
    assert said.code == 4
    assert [one["command"] for one in said.json["needs_attention"] if "resume" in one["command"]]
    assert tocsin.console.count("A badge is missing: Badge 4711") == 2


def test_commands_in_a_set_aside_incident_are_recorded_with_a_warning(tocsin: AtDesk) -> None:
    said = tocsin("note", "The badge was found", "-i", "amber-falcon")
    assert (said.code, "set_aside" in said.warnings) == (0, True)
    assert tocsin.console.count("A badge is missing") == 2


def test_a_person_resumes_it_with_a_reason_that_the_journal_keeps(tocsin: AtDesk) -> None:
    assert tocsin("resume", "amber-falcon").error == "reason_missing"
    tocsin.done("resume", "amber-falcon", "--reason", "the update is in")
    assert tocsin.console.count("A badge is missing: Badge 4711") == 4
    assert tocsin("status", "amber-falcon", "--format", "json").json["set_aside"] is None
    office = tocsin.office()
    types = [event.type for event in office.store.read(office.find("amber-falcon"))]
    assert "IncidentResumed" in types
    assert office.store.marks(FAILED) == {}
    assert tocsin("resume", "amber-falcon", "--reason", "again").error == "not_paused"
