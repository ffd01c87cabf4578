"""Commands that are shown are pasted: none of them decides for a person, none of them runs anything else."""

from __future__ import annotations

import shlex

import pytest

from runner.reports.core import suggested_actions
from runner.reports.core.action_text import command_text

HOSTILE = "lanes[it's; rm -rf ~].one#1"


@pytest.mark.parametrize("kind", ["task", "ask", "form", "approve", "file", "message"])
def test_a_lane_with_a_hostile_name_stays_one_word(kind: str) -> None:
    assert HOSTILE in shlex.split(command_text(suggested_actions.complete_step(kind, HOSTILE)))


def test_every_kind_that_people_do_has_its_command() -> None:
    assert command_text(suggested_actions.complete_step("task", "wipe")) == "tocsin task done wipe"
    assert (
        command_text(suggested_actions.complete_step("task", "wipe", unticked=2)) == "tocsin task show wipe"
    )
    assert command_text(suggested_actions.complete_step("ask", "wipe")) == "tocsin answer wipe VALUE"
    assert command_text(suggested_actions.complete_step("approve", "sign")) == "tocsin approve sign"
    assert (
        command_text(suggested_actions.complete_step("file", "file", duty="a/b"))
        == "tocsin duty record-filed a/b --reference REFERENCE"
    )
    assert command_text(suggested_actions.complete_step("act", "isolate")) == "tocsin task show isolate"


def test_values_that_only_a_person_knows_are_left_to_fill_in() -> None:
    assert command_text(suggested_actions.call("d-1")) == "tocsin call d-1"
    assert command_text(suggested_actions.resolve("d-1")) == "tocsin message resolve d-1 --reason 'WHY'"
    assert suggested_actions.retry_step("outcome_unknown", "isolate") == suggested_actions.resolve("isolate")
    assert (
        command_text(suggested_actions.retry_step("failed", "isolate"))
        == "tocsin task retry isolate --reason 'WHY'"
    )
