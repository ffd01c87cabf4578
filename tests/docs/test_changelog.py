"""The changelog has the form of Keep a Changelog, and each entry is one line."""

from __future__ import annotations

import re

from tests.docs.consoles import ROOT

KINDS = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]
LONGEST = 120


def sections() -> list[list[str]]:
    """Return the lines of each version."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    return [part.splitlines() for part in text.split("\n## ")[1:]]


def test_the_kinds_of_change_in_a_version_are_in_order() -> None:
    for version, *lines in sections():
        kinds = [line.removeprefix("### ") for line in lines if line.startswith("###")]
        assert kinds == [kind for kind in KINDS if kind in kinds], version


def test_an_entry_is_one_short_line() -> None:
    entries = [line for _, *lines in sections() for line in lines if line and not line.startswith("###")]
    assert [line for line in entries if not re.fullmatch(r"- .+\.", line) or len(line) > LONGEST] == []
