"""The facts of an incident leave as a VERIS record, and another incident takes them in."""

from __future__ import annotations

import json
import stat
from pathlib import Path

from tests.cli.at_desk import AtDesk


def test_a_record_goes_out_without_names_and_comes_back_into_another_incident(
    incident: AtDesk, playbook: Path, tmp_path: Path
) -> None:
    file = tmp_path / "record.json"
    said = incident("fact", "export", f"veris:{file}")
    assert (said.code, said.error, file.exists()) == (1, "veris_without_year", False)
    facts = ("incident.occurred_at=2026-11-23T10:00:00Z", "incident.vector=theft", "organisation.country=DE")
    incident.done("fact", "set", *facts, "--source", "the guard")
    said = incident("fact", "export", f"veris:{file}", "--format", "json")
    assert said.code == 0, said.err
    assert {"incident.vector", "organisation.country"} <= {*said.json["facts"]}
    assert any(line.startswith("incident.summary (") for line in said.json["unmapped"])
    assert ("4711" in file.read_text(), stat.S_IMODE(file.stat().st_mode)) == (False, 0o600)
    before = incident("fact", "show", "--format", "json").json["facts"]
    known = tuple(f"--with={word}" for word in ("name,summary",))
    assert incident("fact", "export", f"veris:{file}", *known).error == "file_exists"
    incident.done("fact", "export", f"veris:{file}", "--replace", *known)
    assert json.loads(file.read_bytes())["summary"] == "Badge 4711"
    incident.done("open", str(playbook), "--yes", "--facts", f"veris:{file}")
    rows = incident("fact", "show", "-i", "calm-heron", "--format", "json").json["facts"]
    found, original = ({row["key"]: row["value"] for row in each} for each in (rows, before))
    assert {key: found[key] for key in ("incident.vector", "organisation.country", "incident.summary")} == {
        key: original[key] for key in ("incident.vector", "organisation.country", "incident.summary")
    }


def test_an_exercise_an_unknown_format_and_an_unknown_part_are_refused(
    tocsin: AtDesk, playbook: Path, tmp_path: Path
) -> None:
    tocsin.done("open", str(playbook), "--yes", "--kind", "test", "--fact", "incident.summary=x")
    file = tmp_path / "record.json"
    refused = [
        tocsin("fact", "export", f"veris:{file}").error,
        tocsin("fact", "export", str(file)).error,
        tocsin("fact", "export", f"veris:{file}", "--with", "people").error,
    ]
    assert (refused, file.exists()) == (["not_real", "unknown_format", "unknown_choice"], False)
