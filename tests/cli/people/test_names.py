"""Only a known person can write: an unknown name is refused and nothing is recorded."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.at_desk import AtDesk


def entries(desk: AtDesk) -> list[dict[str, str]]:
    """Return the entries of the journal."""
    found: list[dict[str, str]] = desk("timeline", "--all", "--format", "json").json["entries"]
    return found


@pytest.mark.parametrize(
    "words",
    [
        ("note", "found it"),
        ("close", "--reason", "bored"),
        ("person", "away", "jonas"),
        ("role", "assign", "counsel", "ada", "--always"),
        ("improvement", "add", "More keys", "--owner", "ada", "--due", "2026-12-31"),
    ],
)
def test_a_writing_command_refuses_an_unknown_name_and_records_nothing(
    incident: AtDesk, words: tuple[str, ...]
) -> None:
    before = (entries(incident), incident("person", "list", "--format", "json").out)
    said = incident(*words, "--as", "mria")
    assert (said.code, said.error) == (1, "unknown_person")
    assert {"--as", "maria,", "person", "add", "mria"} <= set(said.err.split())
    assert (entries(incident), incident("person", "list", "--format", "json").out) == before


def test_an_unknown_name_opens_nothing(tocsin: AtDesk, playbook: Path) -> None:
    said = tocsin("open", str(playbook), "--yes", "--as", "zzz")
    assert (said.code, said.error) == (1, "unknown_person")
    assert tocsin("list", "--all", "--format", "json").json["incidents"] == []


def test_an_added_person_can_write(incident: AtDesk) -> None:
    assert incident("note", "here", "--as", "petra").error == "unknown_person"
    incident.done("person", "add", "petra")
    assert incident("note", "here", "--as", "petra").code == 0


def test_the_environment_names_the_writer_and_the_reader(incident: AtDesk) -> None:
    incident.environ["TOCSIN_PERSON"] = "ada"
    incident.done("note", "by ada")
    assert entries(incident)[-1]["claimed"] == "ada"
    incident.done("note", "by jonas", "--as", "jonas")
    assert entries(incident)[-1]["claimed"] == "jonas"
    incident.environ["TOCSIN_PERSON"] = "adda"
    assert incident("note", "by nobody").error == "unknown_person"
    assert incident("status").code == 0
    assert incident("timeline").code == 0


def test_a_system_user_without_a_claimed_name_is_recorded_as_themselves(incident: AtDesk) -> None:
    cron = AtDesk(incident.home, incident.clock, incident.chance, os_user="cron")
    cron.done("note", "nightly")
    assert entries(incident)[-1]["claimed"] == "cron"


def test_the_first_person_of_a_home_is_its_creator(nowhere: AtDesk, playbook: Path) -> None:
    nowhere.done("init", "--as", "petra")
    assert nowhere("note", "x", "--as", "petra").error == "no_incident"
    assert nowhere("note", "x", "--as", "maria").error == "unknown_person"


def test_in_an_empty_home_anybody_can_add_the_first_person(tocsin: AtDesk) -> None:
    tocsin.settings(people={}, roles={})
    tocsin.done("person", "add", "petra", "--as", "petra")
    assert tocsin("person", "add", "ben", "--as", "ben").error == "unknown_person"
    tocsin.done("person", "add", "ben", "--as", "petra")


def test_an_incident_to_be_opened_has_no_incident_to_be_opened_in(incident: AtDesk, playbook: Path) -> None:
    said = incident("open", str(playbook), "-i", "amber-falcon", "--yes")
    assert (said.code, said.error) == (2, "unknown_option")
    assert len(incident("list", "--all", "--format", "json").json["incidents"]) == 1
