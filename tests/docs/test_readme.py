"""The figures of the README are those of the files, and the page is short."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from runner.app.law.regimes import checked
from runner.playbook.catalogue import Catalog
from tests.docs.consoles import ROOT

PLAYBOOKS = ROOT / "playbooks"
WORDS = 500


def readme() -> str:
    """Return the README as a reader sees it."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)


def figure(noun: str) -> int:
    """Return the only number that the README gives before a noun."""
    (number,) = set(re.findall(rf"(\d+) {noun}", " ".join(readme().split())))
    return int(number)


@pytest.mark.parametrize(
    ("noun", "folder", "ending"),
    [
        ("playbooks", PLAYBOOKS, "*.yaml"),
        ("exercises", PLAYBOOKS / "exercises", "*.yaml"),
        ("notices and letters", PLAYBOOKS / "notices", "*.md"),
    ],
)
def test_the_readme_counts_the_files(noun: str, folder: Path, ending: str) -> None:
    assert figure(noun) == len(list(folder.glob(ending)))


def test_the_readme_counts_the_channels() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert figure("channels") == len(project["entry-points"]["tocsin.integrations"])


def test_the_readme_says_how_many_duties_are_verified() -> None:
    found = checked((), Catalog())
    sure = found.confidence
    text = " ".join(readme().split())
    assert f"{found.regimes} laws with {found.duties} duties" in text
    assert (
        f"Of {found.duties} duties, {sure['verified']} are verified by a person against the official page"
        in text
    )
    assert f"{sure['text']} rest on words seen in a stored copy" in text
    assert (
        f"{sure['secondary']} on sources that cite the law, and {sure['unverified']} are unverified" in text
    )


def test_the_two_commands_are_the_demo_and_the_tests() -> None:
    section = readme().partition("\n## Two commands\n")[2].partition("\n## ")[0]
    (block,) = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    commands = [line.partition("#")[0].strip() for line in block.splitlines()]
    assert commands == ["make demo", "make test"]


def test_the_readme_is_short() -> None:
    assert len(readme().split()) <= WORDS


def test_the_picture_of_the_whole_loads_nothing_from_elsewhere() -> None:
    drawn = (ROOT / "docs" / "_static" / "overview.svg").read_text(encoding="utf-8")
    for forbidden in ("font-face", "url(http", "href=", "<script"):
        assert forbidden not in drawn
