"""Each decision has a title and a status in one form, and stands in one chapter of the index."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.consoles import ROOT

FOLDER = ROOT / "docs" / "decisions"
PAGES = sorted(FOLDER.glob("0*.md"))
STATUS = re.compile(r"\*\*Status\*\*: (?:proposed|accepted|replaced by \[\d{4}\]\([^)]+\))\.(?: .+\.)?")
CHAPTERS = [
    "Layout and code",
    "Playbooks and files",
    "Facts and law",
    "Notices and documents",
    "Messages and channels",
    "People",
    "Campaigns",
    "Exercises",
    "Engine, store and workers",
    "Command line and screens",
    "Operation and security",
]


def chapters() -> dict[str, list[str]]:
    """Return the pages of each chapter of the index."""
    _, *parts = (FOLDER / "index.md").read_text(encoding="utf-8").split("\n## ")
    return {
        part.partition("\n")[0]: re.findall(r"^(\d{4}-[a-z0-9-]+)$", part, re.MULTILINE) for part in parts
    }


def links(page: Path, verb: str) -> set[str]:
    """Return the numbers of the decisions that the status names behind a verb."""
    (status,) = re.findall(r"^\*\*Status\*\*: .*$", page.read_text(encoding="utf-8"), re.MULTILINE)
    sentences = re.findall(rf"\b{verb} (\[\d{{4}}\].*?)\.(?: |$)", status)
    return {number for sentence in sentences for number in re.findall(r"\[(\d{4})\]", sentence)}


def test_the_index_has_its_chapters() -> None:
    assert list(chapters()) == CHAPTERS


def test_each_decision_is_in_one_chapter() -> None:
    listed = [name for names in chapters().values() for name in names]
    assert sorted(listed) == [page.stem for page in PAGES]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem[:4])
def test_a_decision_has_a_numbered_title_and_a_status(page: Path) -> None:
    lines = page.read_text(encoding="utf-8").splitlines()
    assert re.fullmatch(rf"# {page.stem[:4]}: \S.*[^.]", lines[0])
    found = [line for line in lines if line.startswith("**Status**")]
    assert len(found) == 1
    assert STATUS.fullmatch(found[0])


def test_a_changed_decision_and_the_one_that_changes_it_name_each_other() -> None:
    changed = {(number, page.stem[:4]) for page in PAGES for number in links(page, "Changed by")}
    changes = {(page.stem[:4], number) for page in PAGES for number in links(page, "Changes")}
    assert changed == changes
