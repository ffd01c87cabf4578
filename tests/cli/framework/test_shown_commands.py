"""Every command that a page recommends can be typed: as it stands, or once its capitals and brackets are filled in."""

from __future__ import annotations

import re
import shlex
from datetime import timedelta

import pytest

from tests.cli.at_desk import AtDesk

FILLED = {
    "VALUE": "x",
    "SOURCE": "meeting",
    "REFERENCE": "R-1",
    "PERSON": "ada",
    "ROW": "1",
    "WHY": "because",
}
ASKED = {"call": ["--not-reached"], "resolve": ["--not-happened"]}
"""What the terminal asks."""
ENDLESS = ("tocsin close", "tocsin worker")
"""Begins of commands after which there is nothing more to do, or that go on until they are stopped."""
ROUNDS = 12
"""How often what is shown is done, in turn, before the next playbook."""


def filled(command: str) -> list[str]:
    """Return the words of a command with its gaps filled in."""
    words = shlex.split(command)
    assert words[0] == "tocsin"
    words += next((flags for name, flags in ASKED.items() if name in words[1:3]), [])
    return [FILLED.get(word, word.replace("=VALUE", "=x")) for word in words[1:]]


def shown(desk: AtDesk) -> list[str]:
    """Return every command that the pages of an incident recommend now."""
    found = [one["command"] for one in desk("next", "--all", "--format", "json").json["next"]]
    found += [one["command"] for one in desk("status", "--format", "json").json["needs_attention"]]
    for row in desk("task", "list", "--open", "--format", "json").json["tasks"]:
        if row["row"] and row["state"] != "waiting":
            found += re.findall(r"^→ (tocsin .*)$", desk("task", "show", str(row["row"])).out, re.MULTILINE)
    for delivery in desk("message", "list", "--format", "json").json["deliveries"]:
        found += re.findall(
            r"→ (tocsin .*)$", desk("message", "show", delivery["delivery"]).out, re.MULTILINE
        )
    return list(dict.fromkeys(found))


@pytest.mark.slow
@pytest.mark.parametrize("playbook", ["lost-device", "misdirected-message"])
def test_no_recommended_command_is_refused_for_its_form(tocsin: AtDesk, playbook: str) -> None:
    roles = ("commander", "technical", "counsel", "dpo", "communications")
    tocsin.settings(roles={role: ["maria", "jonas"] for role in roles})
    tocsin.done("open", playbook, "--yes", "--fact", "incident.summary=A laptop is gone")
    typed: set[str] = set()
    for _ in range(ROUNDS):
        fresh = [one for one in shown(tocsin) if one not in typed and not one.startswith(ENDLESS)]
        if not fresh:
            tocsin.clock.advance(timedelta(hours=30))
        for command in fresh[:6]:
            typed.add(command)
            said = tocsin(*filled(command))
            assert said.code != 2, (command, said.err)
            if not re.search(r"[A-Z]{3,}|\[", command):
                assert said.code in (0, 1), (command, said.err)
                assert said.error != "open_rows", command
    assert len(typed) >= 8
