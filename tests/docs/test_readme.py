"""The figures of the README are those of the files, and the page is short."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest
import yaml

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


def test_the_readme_says_how_many_laws_are_verified() -> None:
    paths = (PLAYBOOKS / "regimes").glob("*.yaml")
    laws = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in paths]
    read = [law for law in laws if law["confidence"] == "text"]
    duties = Counter(
        duty.get("confidence", law["confidence"]) for law in laws for duty in law.get("duties", ())
    )
    text = " ".join(readme().split())
    assert f"{len(laws)} laws with {duties.total()} duties" in text
    assert f"{len(read)} of {len(laws)} laws are verified" in text
    assert f"of {duties.total()} duties, {duties['text']} rest on the wording of the law" in text
    assert f"{duties['secondary']} on sources that cite it, and {duties['unverified']} are unverified" in text


def test_the_readme_is_short() -> None:
    assert len(readme().split()) <= WORDS


def test_the_picture_of_the_whole_loads_nothing_from_elsewhere() -> None:
    drawn = (ROOT / "docs" / "_static" / "overview.svg").read_text(encoding="utf-8")
    for forbidden in ("font-face", "url(http", "href=", "<script"):
        assert forbidden not in drawn
