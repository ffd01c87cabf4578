"""A task says how to do it with the tools of the organisation; other tools are only counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.at_desk import AtDesk, compare

PLAYBOOK = """\
schema: tocsin/playbook/v1
name: lock
version: 1.0.0
title: Lock
roles: {commander: {title: Incident commander}}
steps:
  - id: lock
    task: Lock the account
    role: commander
    how: {entra: Users > the user > Block sign-in, okta: Directory > People > Suspend}
"""


@pytest.mark.parametrize("tools", [["entra"], []], ids=["entra", "none"])
def test_a_task_shows_how_for_the_tools_of_the_settings(
    tocsin: AtDesk, tmp_path: Path, tools: list[str]
) -> None:
    (tmp_path / "lock.yaml").write_text(PLAYBOOK, encoding="utf-8")
    tocsin.settings(tools=tools)
    tocsin.done("open", str(tmp_path / "lock.yaml"), "--yes")
    shown = tocsin("task", "show", "lock", "--format", "json").json
    assert (set(shown["how"]), shown["tools"]) == ({"entra", "okta"}, tools)
    compare(f"task.how.{'-'.join(tools) or 'none'}", tocsin.done("task", "show", "lock"), tocsin.home)
