"""The severity of an incident: set at opening or later, shown everywhere, defined in the settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.at_desk import AtDesk


def open_(tocsin: AtDesk, playbook: Path, *more: str) -> None:
    tocsin.done("open", str(playbook), "--yes", "--fact", "incident.summary=Badge 4711", *more)


def test_it_is_set_at_opening_and_changed_later(tocsin: AtDesk, playbook: Path) -> None:
    open_(tocsin, playbook, "--severity", "sev3")
    assert tocsin("status", "--format", "json").json["severity"] == "sev3"
    tocsin.done("severity", "sev1", "--reason", "customer data are taken")
    assert tocsin("status", "--format", "json").json["severity"] == "sev1"
    entries = tocsin("timeline", "--format", "json").json["entries"]
    changed = [entry["text"] for entry in entries if entry["type"] == "SeveritySet"]
    assert len(changed) == 2
    assert all(word in changed[-1] for word in ("sev3", "sev1", "customer data are taken"))


def test_it_is_shown_everywhere(tocsin: AtDesk, playbook: Path) -> None:
    open_(tocsin, playbook, "--severity", "sev2")
    for view in ("brief", "timeline", "task show block"):
        said = tocsin(*view.split(), "--format", "json").json
        assert said.get("heading", said).get("severity") == "sev2", view
    assert tocsin("list", "--format", "json").json["incidents"][0]["severity"] == "sev2"
    assert tocsin("next", "--format", "json").json["severity"] == "sev2"
    for view in ("status", "next", "list", "brief", "timeline", "duties", "task show block"):
        found = tocsin(*view.split())
        assert found.code == 0
        shown = found.out.split()
        assert "SEV2" in shown, view


def test_an_incident_has_no_severity_until_a_person_sets_it(incident: AtDesk) -> None:
    assert incident("status", "--format", "json").json["severity"] == ""
    found = incident("severity", "--format", "json").json
    assert (found["severity"], list(found["levels"])) == ("", ["sev1", "sev2", "sev3", "sev4"])


def test_the_same_again_changes_nothing(incident: AtDesk) -> None:
    incident.done("severity", "sev2")
    version = incident("status", "--format", "json").json["version"]
    assert incident("severity", "sev2", "--format", "json").json["version"] == version


@pytest.mark.parametrize("words", [("severity", "sev5"), ("open", "x", "--severity", "high")])
def test_a_level_that_is_not_there_is_refused(incident: AtDesk, words: tuple[str, ...]) -> None:
    said = incident(*words)
    assert (said.code, said.error) == (2, "unknown_severity")


def test_the_levels_are_defined_in_the_settings(incident: AtDesk) -> None:
    incident.settings(severities={"sev1": "The plant stands still"})
    levels = incident("severity", "--format", "json").json["levels"]
    assert levels["sev1"] == "The plant stands still"
    assert all(levels.values())
    incident.settings(severities={"sev0": "The end"})
    said = incident("severity")
    assert (said.code, said.error) == (1, "bad_settings")


def test_severity_levels_are_listed_without_an_incident(tocsin: AtDesk) -> None:
    found = tocsin("severity", "--format", "json").json
    assert (found["incident"], len(found["levels"])) == (None, 4)


def test_it_may_be_corrected_after_closing(incident: AtDesk) -> None:
    incident.closed("--reason", "found")
    incident.done("severity", "sev4", "-i", "amber-falcon")
    assert incident("status", "amber-falcon", "--format", "json").json["severity"] == "sev4"
