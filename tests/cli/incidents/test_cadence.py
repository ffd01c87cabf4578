"""Update cadence, from the command line: each update promises the next one, and a missed update is shown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runner.incident.state.events import decode
from runner.incident.state.messages import MessageComposed
from tests.cli.at_desk import AtDesk

PLAYBOOK = """\
schema: tocsin/playbook/v1
name: cadence
version: 1.0.0
title: Updates
roles: {commander: {title: Incident commander}, counsel: {title: Legal counsel}}
messages:
  early:
    class: task-notice
    to: [role:counsel]
    text: "Early word. {% if next_update is known %}Next update: {{ next_update|datetime }}.{% endif %}"
  update:
    class: task-notice
    to: [role:counsel]
    text: "Update. {% if next_update is known %}Next update: {{ next_update|datetime }}.{% else %}This is the last one.{% endif %}"
steps:
  - {id: early, message: early}
  - {id: hour, wait: 1h, after: [early]}
  - {id: first, message: update, after: [hour]}
  - id: rounds
    repeat: An update every four hours
    until: incident.contained_at is known
    at_most: 3
    after: [early]
    steps:
      - {id: short, wait: 1h}
      - {id: long, wait: 3h, after: [short]}
      - {id: tell, message: update, after: [long]}
  - {id: contained, task: Contain it, role: commander}
"""


@pytest.fixture
def updates(tocsin: AtDesk, tmp_path: Path) -> AtDesk:
    """An incident in which counsel is updated."""
    path = tmp_path / "cadence.yaml"
    path.write_text(PLAYBOOK, encoding="utf-8")
    tocsin.done("open", str(path), "--yes")
    return tocsin


def later(desk: AtDesk, *hours: float) -> str:
    """Let time pass, have the worker do what is due each time, and return what was told meanwhile."""
    before = len(desk.console)
    for some in hours:
        desk.clock.advance(timedelta(hours=some))
        desk("worker", "--once")
    return desk.console[before:]


def missed(desk: AtDesk) -> list[tuple[str, str]]:
    """Return what was promised and did not come: after which update, and for when it was promised."""
    rows = desk("status", "--format", "json").json["needs_attention"]
    return [(row["ref"], row["since"]) for row in rows if row["kind"] == "update_missed"]


def promises(desk: AtDesk) -> list[tuple[timedelta | None, datetime | None]]:
    """Return of each update, as it is on record, how late it came and when the next one was promised."""
    store = desk.office().store
    [row] = store.rows()
    found = [decode(event.payload) for event in store.read(row.id) if event.payload is not None]
    return [(one.late_by, one.next_update) for one in found if isinstance(one, MessageComposed)]


def test_each_update_says_when_the_next_one_comes_and_the_last_that_it_is_the_last(updates: AtDesk) -> None:
    assert "Early word. Next update: 24 November 2026, 11:00 (UTC+01:00)." in updates.console
    assert "This is the last one." in later(updates, 1)
    assert "Next update: 24 November 2026, 18:00 (UTC+01:00)." in later(updates, 3)
    assert "Next update: 24 November 2026, 22:00 (UTC+01:00)." in later(updates, 1, 3)
    assert "This is the last one." in later(updates, 1, 3)
    assert missed(updates) == []


def test_an_update_that_was_promised_and_skipped_is_seen_until_the_next_one_which_says_that_it_is_late(
    updates: AtDesk,
) -> None:
    later(updates, 1, 3)
    updates.clock.advance(timedelta(hours=4))
    assert missed(updates) == []
    updates.clock.advance(timedelta(minutes=16))
    assert missed(updates) == [("cadence:rounds.tell#1", "2026-11-24T17:00:00Z")]
    assert "Next update: 25 November 2026, 01:16 (UTC+01:00)." in later(updates, 0, 3)
    assert missed(updates) == []
    late, then = timedelta(hours=3, minutes=16), datetime(2026, 11, 25, 0, 16, tzinfo=UTC)
    assert promises(updates)[-1] == (late, then)


def test_a_promise_lapses_with_the_rounds(updates: AtDesk) -> None:
    later(updates, 1, 3)
    updates.done("fact", "set", "incident.contained_at=2026-11-24T12:30:00Z", "--source", "test")
    later(updates, 1, 3, 4)
    assert missed(updates) == []


def test_a_message_can_promise_only_the_next_update(tocsin: AtDesk, tmp_path: Path) -> None:
    path = tmp_path / "cadence.yaml"
    path.write_text(PLAYBOOK.replace("{{ next_update|", "{{ next_updates|"), encoding="utf-8")
    problems = tocsin("playbook", "validate", str(path), "--format", "json").json["problems"]
    wrong = [problem for problem in problems if problem["code"] == "unknown-fact"]
    assert [(problem["line"], problem["column"]) for problem in wrong] == [(10, 69), (14, 65)]
    assert all("next_updates" in problem["message"] for problem in wrong)
