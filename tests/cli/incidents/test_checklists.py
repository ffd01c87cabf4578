"""Checklists: items are checked and unchecked singly, all at once only if nothing depends on them."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from tests.cli.at_desk import PLAYBOOK, AtDesk

ROWS = PLAYBOOK.replace(
    "[Door system, Canteen]", "[Door system, {must: Nobody is locked in}, Canteen, {must: Keep the log}]"
)


@pytest.fixture
def badge(tocsin: AtDesk) -> AtDesk:
    path = tocsin.home.parent / "rows.yaml"
    path.write_text(ROWS, encoding="utf-8")
    tocsin.done("open", str(path), "--yes", "--fact", "incident.summary=Badge 4711")
    return tocsin


def shown(tocsin: AtDesk) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tocsin("task", "show", "block", "--format", "json").json["checklist"]
    return found


def ticked(tocsin: AtDesk) -> list[int]:
    return [one["row"] for one in shown(tocsin) if one["done"]]


def events(tocsin: AtDesk, kind: str) -> list[dict[str, Any]]:
    entries = tocsin("timeline", "--format", "json").json["entries"]
    return [entry for entry in entries if entry["type"] == kind]


def test_several_rows_are_ticked_together_and_one_is_unticked(badge: AtDesk) -> None:
    badge.done("task", "check", "block", "1", "3", "4")
    assert ticked(badge) == [1, 3, 4]
    badge.done("task", "uncheck", "block", "3")
    assert ticked(badge) == [1, 4]
    assert len(events(badge, "StepUnchecked")) == 1


def test_a_row_that_is_not_there_ticks_none(badge: AtDesk) -> None:
    for deed in ("check", "uncheck"):
        assert badge("task", deed, "block", "1", "9").error == "unknown_row"
        assert badge("task", deed, "block").error == "argument_missing"
    assert badge("task", "check", "block", "1", "--all").error == "options_conflict"
    assert ticked(badge) == []


def test_a_repeated_check_or_uncheck_changes_nothing(badge: AtDesk) -> None:
    badge.done("task", "check", "block", "1")
    version = badge("status", "--format", "json").json["version"]
    for deed, row in (("check", "1"), ("uncheck", "2")):
        assert badge("task", deed, "block", row, "--format", "json").json["version"] == version


def test_rows_on_which_safety_depends_are_shown(badge: AtDesk) -> None:
    assert [one["must"] for one in shown(badge)] == [False, True, False, True]


@pytest.mark.parametrize("deed", ["check", "done"])
def test_all_at_once_needs_a_yes_for_each_row_that_must_be_checked(badge: AtDesk, deed: str) -> None:
    said = badge("task", deed, "block", "--all", "--format", "json")
    assert (said.code, said.error) == (1, "no_terminal")
    assert shlex.split(said.json["hint"])[-4:] == ["check", "block", "2", "4"]
    assert badge("task", deed, "block", "--all", types="y\nn\n").error == "not_confirmed"
    assert ticked(badge) == []
    badge.done("task", deed, "block", "--all", types="y\ny\n")
    assert ticked(badge) == [1, 2, 3, 4]
    assert [one["at_once"] for one in shown(badge)] == [True, False, True, False]


def test_a_terminal_asks_for_each_open_row_before_a_task_is_done(badge: AtDesk) -> None:
    badge.done("task", "check", "block", "2")
    said = badge("task", "done", "block", "--format", "json")
    assert (said.code, said.error) == (1, "open_rows")
    assert badge("task", "done", "block", types="y\nn\n").error == "not_confirmed"
    assert ticked(badge) == [2]
    badge.done("task", "done", "block", types="y\ny\ny\n")
    assert ticked(badge) == [1, 2, 3, 4]
    assert not any(one["at_once"] for one in shown(badge))


def test_rows_that_were_checked_by_number_are_not_asked_for(badge: AtDesk) -> None:
    badge.done("task", "check", "block", "2", "4")
    badge.done("task", "done", "block", "--all")
    assert [one["at_once"] for one in shown(badge)] == [True, False, True, False]
    (ended,) = events(badge, "StepEnded")
    assert "2 checklist items marked done at once" in ended["text"]


def test_items_checked_singly_after_an_uncheck_are_not_marked_at_once(badge: AtDesk) -> None:
    badge.done("task", "check", "block", "2", "4")
    badge.done("task", "check", "block", "--all")
    badge.done("task", "uncheck", "block", "1", "3")
    badge.done("task", "check", "block", "1", "3")
    assert not any(one["at_once"] for one in shown(badge))
