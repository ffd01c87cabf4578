"""A damaged journal: the incident and the event are named, and other incidents continue."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from runner.store.port import Append, NewEvent
from tests.cli.at_desk import AtDesk, Said
from tests.servers.postgres import BOTH_STORES

DAMAGED, WHOLE = "amber-falcon", "calm-heron"


@pytest.fixture
def two(incident: AtDesk, playbook: Path) -> AtDesk:
    """A home with two incidents, of which the first one is about to be damaged."""
    incident.done("open", str(playbook), "--yes", "--no-work", "--fact", "incident.summary=Badge 5")
    return incident


def meddle(desk: AtDesk, statement: str, *values: Any) -> None:
    """Change the store behind the program's back; ``JOURNAL`` in the statement is that of the first incident."""
    if desk.store:
        import psycopg

        with psycopg.connect(desk.store, autocommit=True) as server:
            server.execute("SET search_path = tocsin; SET session_replication_role = replica")
            server.execute(_of(statement).replace("?", "%s"), values)
        return
    with closing(sqlite3.connect(desk.home / "tocsin.db")) as file, file:
        for (name,) in file.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            file.execute(f"DROP TRIGGER {name}")
        file.execute(_of(statement), values)


def _of(statement: str) -> str:
    return statement.replace("JOURNAL", "(SELECT id FROM incidents WHERE codename = 'amber-falcon')")


def plain(desk: AtDesk) -> int:
    """Return the number of an event in the middle whose payload is not sealed."""
    store = desk.office().store
    [row] = [row for row in store.rows() if row.codename == DAMAGED]
    return next(e.seq for e in store.read(row.id, 1) if not e.personal and e.seq < row.version)


def sealed(desk: AtDesk) -> int:
    """Return the number of an event in the middle whose payload is sealed."""
    store = desk.office().store
    [row] = [row for row in store.rows() if row.codename == DAMAGED]
    return next(e.seq for e in store.read(row.id, 1) if e.personal and e.seq < row.version)


def truncated(desk: AtDesk) -> int:
    meddle(
        desk,
        "UPDATE events SET payload = ? WHERE incident = JOURNAL AND seq = ?",
        b'{"type":"St',
        plain(desk),
    )
    return plain(desk)


def of_a_wrong_type(desk: AtDesk) -> int:
    seq = plain(desk)
    body = b'{"type":"StepEnded","step":5}'
    meddle(desk, "UPDATE events SET payload = ? WHERE incident = JOURNAL AND seq = ?", body, seq)
    return seq


def emptied(desk: AtDesk) -> int:
    seq = sealed(desk)
    meddle(desk, "UPDATE events SET payload = ? WHERE incident = JOURNAL AND seq = ?", b"\x01" * 60, seq)
    return seq


def removed(desk: AtDesk) -> int:
    seq = sealed(desk)
    meddle(desk, "DELETE FROM events WHERE incident = JOURNAL AND seq = ?", seq)
    return seq


def removed_at_the_end(desk: AtDesk) -> int:
    store = desk.office().store
    [version] = [row.version for row in store.rows() if row.codename == DAMAGED]
    meddle(desk, "DELETE FROM events WHERE incident = JOURNAL AND seq = ?", version)
    return version


def with_another_envelope(desk: AtDesk) -> int:
    seq = plain(desk)
    meddle(desk, "UPDATE events SET header = ? WHERE incident = JOURNAL AND seq = ?", "{", seq)
    return seq


DAMAGES = (truncated, of_a_wrong_type, emptied, removed, removed_at_the_end, with_another_envelope)


@pytest.mark.parametrize("damage", DAMAGES)
@BOTH_STORES
def test_the_incident_and_the_event_are_named_and_the_rest_is_shown(
    two: AtDesk, damage: Callable[[AtDesk], int]
) -> None:
    seq = damage(two)
    code = "event_missing" if damage in (removed, removed_at_the_end) else "event_damaged"
    for words in ("status", "timeline", "task list"):
        said = two(*words.split(), "--incident", DAMAGED)
        assert (said.code, said.error) == (1, code), (words, said.err)
        assert {"i-1", str(seq)} <= set(re.findall(r"[\w-]+", said.err)), words
    assert WHOLE in two("status", DAMAGED).err
    assert two("status", DAMAGED, "--format", "json").error == code
    assert {incident["codename"] for incident in two("list", "--format", "json").json["incidents"]} == {
        DAMAGED,
        WHOLE,
    }
    assert two("status", WHOLE).code == 0
    if damage is not removed_at_the_end:
        known = two("status", DAMAGED, "--as-known-at", "2027-01-01T00:00:00+00:00")
        assert (known.code, known.error) == (1, code)
    examined(two, two("doctor", "--format", "json"), seq)
    broken = two("audit", "verify", "--format", "json").json["broken"]
    assert broken["event"] == seq


def examined(desk: AtDesk, report: Said, seq: int) -> None:
    """Look whether a report is whole and names the event."""
    assert report.code == 4
    findings = report.json["findings"]
    [told] = [
        finding for finding in findings if finding["area"] == "incidents" and finding["severity"] == "error"
    ]
    assert told["what"].startswith(DAMAGED)
    assert str(seq) in told["what"]
    assert {finding["area"] for finding in findings} >= {"journal", "lists", "people", "clock"}


def test_a_worker_works_on_the_others(two: AtDesk) -> None:
    truncated(two)
    said = two("worker", "--once")
    assert said.code in (0, 4)
    assert two("message", "list", "-i", WHOLE, "--format", "json").json["deliveries"]


def test_an_event_of_a_later_version_is_not_reported_as_damage(two: AtDesk) -> None:
    desk = two.office()
    name = desk.find(DAMAGED)
    row = desk.store.row(name)
    assert row is not None
    event = NewEvent(
        type="Invented", at=two.clock.now(), actor=desk.principal.actor, payload=b'{"type":"Invented"}'
    )
    version = row.version + 1
    after = type(row)(**{**{f: getattr(row, f) for f in row.__struct_fields__}, "version": version})
    append = Append(incident=name, expected_version=row.version, events=[event], row=after)
    desk.store.append([append], recorded=two.clock.now())
    said = two("status", DAMAGED)
    assert (said.code, said.error) == (1, "store_too_new")
    assert str(version) in said.err
    assert WHOLE in said.err
    assert two("audit", "verify").code == 0
    report = two("doctor", "--format", "json").json
    assert any(
        finding["what"].startswith(DAMAGED)
        for finding in report["findings"]
        if finding["area"] == "incidents"
    )
    assert any(finding["area"] == "clock" for finding in report["findings"])


def test_a_damaged_entry_of_the_contact_book_is_named(two: AtDesk) -> None:
    two.done("person", "add", "eva", "--name", "Eva")
    meddle(two, "UPDATE events SET payload = ? WHERE incident LIKE 'person-%'", b"\x01" * 60)
    said = two("person", "list")
    assert (said.code, said.error) == (1, "event_damaged")
    report = two("doctor", "--format", "json").json
    assert {finding["area"] for finding in report["findings"] if finding["severity"] == "error"} >= {
        "journal",
        "people",
    }
    assert any(finding["area"] == "clock" for finding in report["findings"])


def test_a_title_that_was_changed_hides_no_other_incident(two: AtDesk) -> None:
    meddle(two, "UPDATE incidents SET private = ? WHERE codename = ?", b"\x01" * 60, DAMAGED)
    rows = two("list", "--format", "json").json["incidents"]
    assert {row["codename"]: row["unread"] for row in rows} == {DAMAGED: True, WHOLE: False}
    assert two("status", DAMAGED).code == 0
    report = two("doctor", "--repair", "--format", "json").json
    # The row is complete again, and is still reported: somebody changed it without the key.
    assert {finding["area"] for finding in report["findings"] if finding["severity"] == "error"} == {
        "do now",
        "integrity",
    }
    assert not any(incident["unread"] for incident in two("list", "--format", "json").json["incidents"])
