"""Every YAML file that a command writes into a home names its schema for editors, beside it and without a network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from runner.files.validate import EDITOR_SCHEMAS
from runner.yamlfile.source import scan
from tests.cli.at_desk import AtDesk
from tests.docs.picture import SETTINGS

ROOT = Path(__file__).parents[3]
MARK = "# yaml-language-server: $schema="


def check(file: Path) -> str:
    """Check a file against the schema that its first line names; return the schema's id."""
    first, _, rest = file.read_text(encoding="utf-8").partition("\n")
    assert first.startswith(MARK)
    assert MARK not in rest
    named = (file.parent / first.removeprefix(MARK)).resolve()
    schema: dict[str, Any] = json.loads(named.read_bytes())
    jsonschema.validate(scan(file.read_bytes(), file.name).data, schema)
    return str(schema["$id"])


def test_the_settings_and_a_copied_playbook_name_their_schemas(nowhere: AtDesk) -> None:
    nowhere.done("init")
    assert check(nowhere.home / "tocsin.yaml") == "tocsin/home/v1"
    shipped = nowhere("playbook", "show", "lost-device", "--format", "json").json["digest"]
    nowhere.done("playbook", "copy", "lost-device")
    assert check(nowhere.home / "playbooks" / "lost-device.yaml") == "tocsin/playbook/v1"
    found = nowhere("playbook", "show", "lost-device", "--format", "json").json
    assert found["digest"] == shipped, "a comment is no part of what an incident pins"
    nowhere.done("playbook", "copy", "lost-device", "--as", "lost-laptop")
    assert check(nowhere.home / "playbooks" / "lost-laptop.yaml") == "tocsin/playbook/v1"
    assert nowhere("playbook", "validate", "lost-laptop").code == 0


def test_a_test_from_an_incident_names_its_schema_inside_of_the_home_only(
    incident: AtDesk, tmp_path: Path
) -> None:
    inside, outside = incident.home / "badge.test.yaml", tmp_path / "badge.test.yaml"
    for file in (inside, outside):
        incident.done("playbook", "fixture", "--from-incident", "amber-falcon", "--out", str(file))
    assert check(inside) == "tocsin/playbook-test/v1"
    assert MARK not in outside.read_text(encoding="utf-8")


@pytest.mark.parametrize("worker", ["auto", "{mode: manual, ping: 'https://ping.example.org/1'}"])
def test_the_schema_of_the_settings_takes_what_the_program_takes(tocsin: AtDesk, worker: str) -> None:
    own = yaml.safe_load((tocsin.home / "tocsin.yaml").read_text(encoding="utf-8"))
    for settings in (own, yaml.safe_load(SETTINGS)):
        given = {**settings, "worker": yaml.safe_load(worker)}
        assert [*jsonschema.Draft202012Validator(EDITOR_SCHEMAS["home"]()).iter_errors(given)] == []
    wrong = {**own, "peeple": {}}
    assert [*jsonschema.Draft202012Validator(EDITOR_SCHEMAS["home"]()).iter_errors(wrong)] != []
