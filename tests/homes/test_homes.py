"""Homes that older versions wrote are opened, verified, read and worked on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.homes.homes import HERE, facts_of, look, unpack

NAMES = sorted(path.name.removesuffix(".tar.xz") for path in HERE.glob("*.tar.xz"))


def said(name: str) -> dict[str, Any]:
    """Return what a home said of itself when it was written."""
    answers: dict[str, Any] = json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))
    return answers


@pytest.mark.parametrize("name", NAMES)
def test_an_older_home_says_the_same_as_when_it_was_written(name: str, tmp_path: Path) -> None:
    expected = said(name)
    desk = unpack(HERE / f"{name}.tar.xz", tmp_path, expected["now"])
    assert facts_of(desk) == expected
    assert expected["verify"]["ok"]


@pytest.mark.parametrize("name", NAMES)
def test_work_goes_on_in_an_older_home(name: str, tmp_path: Path) -> None:
    desk = unpack(HERE / f"{name}.tar.xz", tmp_path, said(name)["now"])
    before = look(desk, "status")
    desk.type('tocsin note "the backup server is isolated"', ())
    desk.type('tocsin fact set people.total=7 --source "help desk"', ())
    assert look(desk, "status")["version"] >= before["version"] + 2
    assert look(desk, "audit verify")["ok"]


def test_a_home_is_kept_for_each_format() -> None:
    assert NAMES
