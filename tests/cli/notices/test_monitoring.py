"""A letter offers the monitoring that was bought; what the law owes and nobody bought keeps it from being approved."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.cli.at_desk import AtDesk
from tests.cli.notices.noticed import rendered, verified
from tests.cli.notices.test_letters import FACTS

PLAYBOOK = """\
schema: tocsin/playbook/v1
name: letter
version: 1.0.0
title: A letter
roles: {commander: {title: Incident commander}, counsel: {title: Legal counsel}}
steps:
  - {id: law, duties: all}
  - {id: draft, notice: us-letter, duty: us-ma-breach/individuals, after: [law]}
  - {id: sign, approve: draft, by: {roles: [counsel]}, after: [draft]}
"""


def test_a_letter_waits_until_monitoring_was_bought(tocsin: AtDesk, tmp_path: Path) -> None:
    (tmp_path / "letter.yaml").write_text(PLAYBOOK, encoding="utf-8")
    (tmp_path / "facts.yaml").write_text(FACTS, encoding="utf-8")
    tocsin.done("open", str(tmp_path / "letter.yaml"), "--yes", "--facts", str(tmp_path / "facts.yaml"))
    said = tocsin("approve", "sign", "--as", "ada", "--digest", rendered(tocsin)["digest"])
    assert (said.code, said.error, "risk.monitoring.provider" in said.err) == (1, "draft", True)
    owed = gap(tocsin)
    assert re.findall(r"\d+", owed["item"]) == ["18"], "so many months at least"
    assert set(owed["facts"]) >= {"risk.monitoring.provider", "risk.monitoring.months"}
    bought = ("risk.monitoring.provider=Northwind", "risk.monitoring.months=12", "risk.monitoring.code=NW-1")
    until = "risk.monitoring.enrol_until=2027-02-28T23:59:00Z"
    parent = "organisation.parent=Example Holdings Inc."
    tocsin.done("fact", "set", *bought, until, parent, "--source", "the order")
    tocsin.done("notice", "render", "draft")
    assert rendered(tocsin)["status"] == "draft"
    owed = gap(tocsin)
    assert re.findall(r"\d+", owed["item"]) == ["18", "12"], "and so many are recorded"
    assert owed["facts"] == ["risk.monitoring.months"]
    tocsin.done("fact", "set", "risk.monitoring.months=18", "--source", "the order, extended")
    tocsin.done("notice", "render", "draft")
    verified(tocsin)
    tocsin.done("approve", "sign", "--as", "ada", "--digest", rendered(tocsin)["digest"])


def gap(tocsin: AtDesk) -> Any:
    """Return what the letter lacks about the monitoring that the law owes."""
    words = ("notice", "check", "us-letter", "--duty", "us-ma-breach/individuals")
    said = tocsin(*words, "--format", "json")
    assert said.code == 1
    [found] = [one for one in said.json["coverage"] if one["ref"] == "monitoring"]
    assert found["state"] == "gap"
    return found
