"""Simultaneous facts of two people: each is decided on the facts of the other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runner.app.core.conflict_retry import TRIES
from runner.app.core.incident_service import IncidentService
from runner.app.incidents.facts import record_answer, record_facts
from runner.errors import Stale
from tests.regression.desks import Desks
from tests.scenario import ask


@pytest.fixture
def desks(tmp_path: Path) -> Any:
    with Desks(tmp_path) as opened:
        yield opened


def before_each_write(desk: IncidentService, happen: Callable[[], object]) -> None:
    """Have something happen between what a desk has read and what it appends."""
    write = desk.write

    def late(batch: Any, **given: Any) -> Any:
        happen()
        return write(batch, **given)

    desk.write = late


def once(happen: Callable[[], object]) -> Callable[[], object]:
    rest = [happen]
    return lambda: rest.pop()() if rest else None


def test_two_people_who_add_to_a_list_at_once_both_add(desks: Desks) -> None:
    one, other = desks.open(), desks.open()
    desks.incident("i1", ask("q", "data.elements"), facts={"data.elements": ["name"]})
    before_each_write(
        one,
        once(
            lambda: record_facts(other, "i1", ["data.elements+=full_date_of_birth"], "the log", "confirmed")
        ),
    )
    turn, changes = record_facts(one, "i1", ["data.elements+=ssn"], "the log", "confirmed")
    assert [change.key for change in changes] == ["data.elements"]
    assert set(turn.after.facts["data.elements"].value) == {"name", "ssn", "full_date_of_birth"}
    assert desks.open().load("i1") == turn.after


def test_an_answer_is_merged_with_a_simultaneous_fact(desks: Desks) -> None:
    one, other = desks.open(), desks.open()
    desks.incident("i1", ask("q", "data.encrypted"))
    before_each_write(one, once(lambda: record_facts(other, "i1", ["people.total=12"], "log", "confirmed")))
    turn, _ = record_answer(one, "i1", "main:q#1", "no", "", "confirmed")
    assert turn.after.facts["data.encrypted"].value is False
    assert turn.after.facts["people.total"].value == 12


def test_a_writer_that_always_conflicts_gets_stale(desks: Desks) -> None:
    one, other = desks.open(), desks.open()
    desks.incident("i1", ask("q", "data.encrypted"))
    counted = iter(range(100))
    before_each_write(
        one,
        lambda: record_facts(other, "i1", [f"people.total={next(counted)}"], "log", "confirmed"),
    )
    with pytest.raises(Stale):
        record_facts(one, "i1", ["people.minimum=1"], "log", "confirmed")
    assert next(counted) == TRIES
