"""Without the right master key, unencrypted data is readable and the journal verifies."""

from __future__ import annotations

import pytest

from runner.vault.master_key import create_master
from tests.cli.at_desk import AtDesk
from tests.servers.postgres import BOTH_STORES

pytestmark = BOTH_STORES


@pytest.fixture(params=["gone", "another", "a command that fails"])
def keyless(request: pytest.FixtureRequest, incident: AtDesk) -> AtDesk:
    """A home in which an incident was opened and somebody was added, and whose master key is not here any more."""
    incident.done("person", "add", "eva", "--name", "Eva")
    key = incident.home / "master.key"
    key.rename(incident.home / "master.kept")
    if request.param == "another":
        create_master("file:master.key", base=incident.home)
    if request.param == "a command that fails":
        incident.settings(master_key="command:/bin/false")
    return incident


def test_the_record_verifies_and_says_how_much_was_not_read(keyless: AtDesk) -> None:
    before = keyless("audit", "verify", "--format", "json")
    assert (before.code, before.json["ok"], before.json["broken"]) == (0, True, None)
    assert before.json["unread"] > 0
    one = keyless("audit", "verify", "-i", "amber-falcon", "--format", "json").json
    assert (one["ok"], one["unread"] > 0) == (True, True)
    assert str(before.json["unread"]) in keyless.done("audit", "verify")


def test_incidents_are_listed_without_their_encrypted_titles(keyless: AtDesk) -> None:
    [row] = keyless("list", "--format", "json").json["incidents"]
    assert (row["codename"], row["state"], row["title"], row["unread"]) == ("amber-falcon", "open", "", True)
    assert "amber-falcon" in keyless.done("list")
    keyless.done("use", "amber-falcon")


def test_status_shows_the_list_line_and_why_no_more_is_readable(keyless: AtDesk) -> None:
    said = keyless("status")
    assert (said.code, said.error) == (1, keyless("timeline").error)
    assert said.error in ("no_master", "other_master")
    assert "amber-falcon" in said.err
    assert keyless("status", "--format", "json").error == said.error


def test_doctor_gives_its_whole_report(keyless: AtDesk) -> None:
    said = keyless("doctor", "--format", "json")
    assert said.code == 4
    found = {finding["area"]: finding["severity"] for finding in said.json["findings"]}
    assert found.keys() >= {
        "machine",
        "settings",
        "channels",
        "journal",
        "incidents",
        "lists",
        "people",
        "clock",
    }
    assert keyless("doctor", "--repair").code == 4


def test_people_are_not_listed_as_forgotten_without_the_master_key(keyless: AtDesk) -> None:
    assert keyless("person", "list").error in ("no_master", "other_master")
    assert keyless("person", "add", "ida", "--name", "Ida").code == 1
    (keyless.home / "master.kept").replace(keyless.home / "master.key")
    keyless.settings()
    people = keyless("person", "list", "--format", "json").json["people"]
    assert "eva" in {person["person"] for person in people}
    assert keyless("list", "--format", "json").json["incidents"][0]["title"] == "Lost badge"
    report = keyless("doctor", "--format", "json").json
    assert {finding["area"] for finding in report["findings"] if finding["severity"] == "error"} == {"do now"}
