"""The glossary finds every old word, and has each term once."""

from __future__ import annotations

import re

from tests.docs.consoles import ROOT


def entries(part: str) -> list[list[str]]:
    """Return the lines of each entry: its terms, its definition, and perhaps its old words."""
    blocks = re.findall(r"^```\{glossary\}\n(.*?)^```$", part, re.DOTALL | re.MULTILINE)
    return [
        entry.splitlines()
        for block in blocks
        for entry in re.split(r"\n\n(?=\S)", block.removeprefix(":sorted:\n\n").strip("\n"))
    ]


def parts() -> list[str]:
    """Return the terms for everybody, and those for developers."""
    return (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").split("\n## ")[1:]


def test_each_term_for_everybody_has_its_old_words() -> None:
    everybody, _ = parts()
    assert [entry[0] for entry in entries(everybody) if not entry[-1].startswith("  was: ")] == []


def test_each_entry_has_one_definition_of_a_line() -> None:
    for part in parts():
        for entry in entries(part):
            texts = [line for line in entry if line.startswith("  ") and not line.startswith("  was: ")]
            assert len(texts) == 1, entry


def test_a_term_is_defined_once() -> None:
    terms = [line for part in parts() for entry in entries(part) for line in entry if line[:1].strip()]
    assert sorted(terms) == sorted(set(terms))
