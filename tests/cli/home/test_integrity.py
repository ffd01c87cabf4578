"""``audit verify`` and ``doctor`` check documents, keys and rows beyond the chain; a recorded shredding is valid."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.at_desk import AtDesk

EVIDENCE = "digest = (SELECT digest FROM blobs WHERE incident = 'i-1' LIMIT 1)"
CHANGED = f"UPDATE blobs SET body = zeroblob(40) WHERE {EVIDENCE}"  # noqa: S608  # written here


def tamper(desk: AtDesk, *statements: str) -> None:
    """Change the tables as somebody with the file in hand would."""
    with closing(sqlite3.connect(desk.home / "tocsin.db", isolation_level=None)) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)


def faults(desk: AtDesk, *words: str) -> tuple[int, list[tuple[str, str]]]:
    said = desk("audit", "verify", *words, "--format", "json")
    return said.code, [(fault["code"], fault["incident"]) for fault in said.json["faults"]]


def findings(desk: AtDesk, *words: str) -> tuple[int, dict[str, str]]:
    said = desk("doctor", *words, "--format", "json")
    return said.code, {
        finding["code"]: finding["severity"] for finding in said.json["findings"] if finding["code"]
    }


@pytest.fixture
def kept(incident: AtDesk, tmp_path: Path) -> AtDesk:
    """An incident with evidence, in a store that verifies."""
    evidence = tmp_path / "log.txt"
    evidence.write_text("seen at the door")
    incident.done("attach", str(evidence))
    assert faults(incident) == (0, [])
    return incident


@pytest.mark.parametrize(
    ("statement", "code", "where"),
    [
        (CHANGED, "blob_changed", "i-1"),
        (
            "UPDATE blobs SET body = zeroblob(9) WHERE incident = '' AND length(body) > 100000",
            "blob_changed",
            "",
        ),
        (f"DELETE FROM blobs WHERE {EVIDENCE}", "blob_missing", "i-1"),  # noqa: S608
        ("UPDATE keys SET wrapped = NULL WHERE incident = 'i-1'", "key_missing", "i-1"),
        ("DELETE FROM keys WHERE incident = 'i-1'", "key_missing", "i-1"),
        ("DELETE FROM incidents WHERE id = 'i-1'", "row_missing", "i-1"),
    ],
)
def test_tampering_is_an_error_in_the_audit_and_in_doctor(
    kept: AtDesk, statement: str, code: str, where: str
) -> None:
    tamper(kept, statement)
    ended, found = faults(kept)
    assert ended == 1
    assert (code, where) in found
    ended, severities = findings(kept)
    assert ended == 4
    assert severities[code] == "error"


def test_doctor_names_the_log_of_heads_for_a_fault_of_it(kept: AtDesk) -> None:
    tamper(kept, "DELETE FROM checkpoints")
    said = kept("doctor", "--format", "json").json["findings"]
    (found,) = (one for one in said if one["code"] == "checkpoint_missing")
    assert found["what"].startswith("log")


def test_one_incident_is_verified_with_only_its_own_documents(kept: AtDesk) -> None:
    tamper(kept, CHANGED)
    assert faults(kept, "-i", "amber-falcon") == (1, [("blob_changed", "i-1")])


def test_a_row_is_rewritten_from_the_journal(kept: AtDesk) -> None:
    listed = kept("list", "--format", "json").json
    people = kept.done("person", "add", "eve", "--contact", "screen=eve")
    assert people
    tamper(kept, "DELETE FROM incidents")
    assert kept("list", "--format", "json").json != listed
    found = findings(kept, "--repair")[1]
    assert found["row_missing"] == "mended"
    assert kept("list", "--format", "json").json == listed
    assert "eve" in kept("person", "list", "--format", "json").out
    assert faults(kept) == (0, [])
    assert "row_missing" not in findings(kept)[1]


def test_a_recorded_shredding_is_not_a_fault(kept: AtDesk) -> None:
    kept.done("person", "add", "eve", "--contact", "screen=eve")
    kept.done("person", "forget", "eve", types="y\n")
    kept.closed("--reason", "over")
    kept.done("shred", "amber-falcon", "--reason", "period over", types="y\n")
    assert faults(kept) == (0, [])
    assert "key_missing" not in findings(kept)[1]


def test_a_missing_key_without_a_shredding_record_is_a_fault(kept: AtDesk) -> None:
    kept.closed("--reason", "over")
    kept.done("shred", "amber-falcon", "--reason", "period over", types="y\n")
    tamper(kept, "UPDATE keys SET wrapped = NULL WHERE incident = 'retention'")
    assert ("key_missing", "retention") in faults(kept)[1]


def test_an_erasure_beside_a_reader_is_unfinished_until_the_reader_ends(kept: AtDesk) -> None:
    kept.closed("--reason", "over")
    reader = sqlite3.connect(kept.home / "tocsin.db", isolation_level=None)
    reader.execute("BEGIN")
    keys = reader.execute("SELECT wrapped FROM keys WHERE incident LIKE 'i-%'").fetchall()
    said = kept("shred", "amber-falcon", "--reason", "period over", "--yes")
    assert (said.code, said.warnings) == (0, ["erasure_unfinished"])
    assert findings(kept, "--repair")[1]["erasure_unfinished"] == "error"
    reader.close()
    assert findings(kept)[1]["erasure_unfinished"] == "error", "the doctor only looks"
    assert findings(kept, "--repair")[1]["erasure_unfinished"] == "mended"
    assert "erasure_unfinished" not in findings(kept)[1]
    assert not any(key in file.read_bytes() for file in kept.home.glob("tocsin.db*") for (key,) in keys)


def test_a_worker_finishes_an_erasure(kept: AtDesk) -> None:
    kept.closed("--reason", "over")
    reader = sqlite3.connect(kept.home / "tocsin.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT wrapped FROM keys").fetchall()
    kept.done("shred", "amber-falcon", "--reason", "period over", "--yes")
    reader.close()
    kept("worker", "--once")
    assert "erasure_unfinished" not in findings(kept)[1]
