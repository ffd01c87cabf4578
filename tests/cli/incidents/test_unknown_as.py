"""The answer "unknown" to a question that cannot wait: it counts as what the playbook says, recorded as assumed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.at_desk import AtDesk

PLAYBOOK = """\
schema: tocsin/playbook/v1
name: quiet-limit
version: 1.0.0
title: Quiet limit
roles: {commander: {title: Incident commander}}
steps:
  - id: leaving
    ask: Are data still leaving?
    sets: incident.insider.data_leaving
    unknown_as: yes
    instructions: Unknown counts as yes.
  - {id: limit, task: Limit the transfer, after: [leaving], when: incident.insider.data_leaving}
  - id: seen
    form: What is seen
    fields:
      - {fact: incident.urgent.harm, ask: Does harm continue?, help: Unknown counts as no., unknown_as: no}
      - {fact: data.encrypted, ask: Were the data encrypted?}
  - {id: over, task: Look again, after: [seen], when: not incident.urgent.harm}
"""
SHOWN = ("--format", "json")


@pytest.fixture
def asked(tocsin: AtDesk, tmp_path: Path) -> AtDesk:
    path = tmp_path / "quiet-limit.yaml"
    path.write_text(PLAYBOOK, encoding="utf-8")
    tocsin.done("open", str(path), "--yes")
    return tocsin


def state(desk: AtDesk, step: str) -> str:
    found: str = desk("task", "show", step, *SHOWN).json["task"]["state"]
    return found


def fact(desk: AtDesk, path: str) -> tuple[Any, str, str]:
    (found,) = desk("fact", "show", path, *SHOWN).json["facts"]
    return found["value"], found["confidence"], found["source"]


def test_an_unknown_answer_opens_the_gate_and_a_later_answer_replaces_it(asked: AtDesk) -> None:
    assert state(asked, "limit") == "waiting"
    asked.done("answer", "leaving", "--unknown")
    assert (state(asked, "leaving"), state(asked, "limit")) == ("done", "ready")
    path = "incident.insider.data_leaving"
    assert fact(asked, path) == (True, "assumed", "unknown counts as yes")
    asked.done("fact", "set", f"{path}=no", "--source", "proxy log")
    assert fact(asked, path)[:2] == (False, "confirmed")


def test_an_unknown_answer_that_counts_at_once_is_not_asked_again(asked: AtDesk) -> None:
    said = asked("answer", "leaving", "--unknown", "--ask-again", "2h", *SHOWN)
    assert (said.code, said.error) == (1, "not_asked_again")
    assert state(asked, "leaving") == "ready"


@pytest.mark.parametrize("again", [(), ("--ask-again", "2h")])
def test_an_unknown_field_counts_as_no_and_the_others_stay_as_they_are(
    asked: AtDesk, again: tuple[str, ...]
) -> None:
    asked.done("answer", "seen", "--unknown", "incident.urgent.harm", *again)
    assert fact(asked, "incident.urgent.harm")[:2] == (False, "assumed")
    assert asked("task", "show", "seen", *SHOWN).json["task"]["open_fields"] == ["data.encrypted"]
    asked.done("answer", "seen", "data.encrypted=unknown")
    assert (state(asked, "seen"), state(asked, "over")) == ("done", "ready")
    assert asked("audit", "verify", *SHOWN).code == 0


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        ("    unknown_as: yes\n", "", "unknown-as", 10),
        ("    unknown_as: yes\n", "    unknown_as: no\n", "unknown-as", 11),
        (", unknown_as: no", "", "unknown-as", 16),
        ("sets: incident.insider.data_leaving", "sets: data.involved", "unknown-as-law", 10),
        ("sets: incident.insider.data_leaving", "sets: incident.summary", "unknown-as-type", 10),
    ],
)
def test_a_text_and_a_key_that_do_not_agree_are_an_error_with_line_and_hint(
    tocsin: AtDesk, tmp_path: Path, old: str, new: str, code: str, line: int
) -> None:
    path = tmp_path / "quiet-limit.yaml"
    path.write_text(PLAYBOOK.replace(old, new, 1), encoding="utf-8")
    said = tocsin("playbook", "validate", str(path), *SHOWN)
    found = [one for one in said.json["problems"] if one["code"].startswith("unknown-as")]
    assert (said.code, [(one["code"], one["line"], one["severity"]) for one in found]) == (
        1,
        [(code, line, "error")],
    )
    assert found[0]["hint"]


def test_no_law_reads_a_fact_for_which_unknown_counts_in_a_shipped_playbook(tocsin: AtDesk) -> None:
    shipped = (
        "insider-exfiltration",
        "software-supply-chain",
        "credential-stuffing",
        "cisa-federal-incident",
    )
    for name in shipped:
        assert "unknown_as: " in tocsin.done("playbook", "show", name, "--yaml")
        found = tocsin("playbook", "validate", name, *SHOWN).json["problems"]
        assert [one for one in found if one["code"].startswith("unknown-as")] == []
