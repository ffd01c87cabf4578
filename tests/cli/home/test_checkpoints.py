"""Checkpoints: when they are made, who remembers them, and a database that is older than one of them."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from runner.app.core.organisation_journal import entries
from runner.app.core.proof.checkpoints import checkpoint_of, set_aside
from runner.app.core.proof.signing_keys import listed_keys
from runner.app.home.backups import JOURNAL, READER, HomeRestored
from runner.proof.note import NoteKey, verify_note
from tests.cli.at_desk import T0, AtDesk


def size(desk: AtDesk) -> int:
    newest = desk.office().store.log.newest()
    return 0 if newest is None else newest.size


def copied(desk: AtDesk, to: Path) -> Path:
    with closing(sqlite3.connect(desk.home / "tocsin.db")) as connection:
        connection.execute("VACUUM INTO ?", (str(to),))
    return to


def put_back(desk: AtDesk, copy: Path) -> None:
    for path in desk.home.glob("tocsin.db*"):
        path.unlink()
    shutil.copyfile(copy, desk.home / "tocsin.db")


@pytest.fixture
def watched(incident: AtDesk, tmp_path: Path) -> AtDesk:
    """A desk whose user has a state folder."""
    incident.environ["TOCSIN_STATE"] = str(tmp_path / "state")
    return incident


def test_a_checkpoint_is_made_at_a_close_and_after_ten_minutes(watched: AtDesk):
    first = size(watched)
    watched.done("note", "a moment later")
    assert size(watched) == first
    office = watched.office()
    office.checkpoints.round(office.clock.now())
    assert size(watched) == first
    watched.clock.advance(timedelta(minutes=10))
    watched.done("note", "eleven minutes later")
    second = size(watched)
    assert second > first
    watched.closed("--reason", "a false alarm")
    assert size(watched) > second
    store = watched.office().store
    newest, (key,) = store.log.newest(), listed_keys(store)
    name = checkpoint_of(newest.note).origin
    assert verify_note(newest.note.encode(), [NoteKey(name, bytes.fromhex(key.public))])[1]


def test_a_database_put_back_is_found_by_each_machine_that_saw_a_later_checkpoint(
    watched: AtDesk, tmp_path: Path
):
    copy = copied(watched, tmp_path / "before.db")
    watched.clock.advance(timedelta(minutes=10))
    watched.done("note", "to be forgotten")
    footer = watched.office().checkpoints.footer().rpartition(" ")[2]
    assert watched("audit", "verify", "--checkpoint", footer).code == 0
    put_back(watched, copy)
    said = watched("status")
    assert (said.code, said.warnings) == (0, ["rolled_back"])
    found = watched("audit", "verify", "--format", "json")
    assert (found.code, [fault["code"] for fault in found.json["faults"]]) == (1, ["rolled_back"])
    # A machine that has not seen it needs the footer of a message.
    watched.environ["TOCSIN_STATE"] = str(tmp_path / "elsewhere")
    assert watched("audit", "verify").code == 0
    found = watched("audit", "verify", "--checkpoint", footer, "--format", "json")
    assert (found.code, [fault["code"] for fault in found.json["faults"]]) == (1, ["rolled_back"])
    assert watched("audit", "verify", "--checkpoint", "no").error == "bad_checkpoint"


def test_a_restore_and_a_new_home_at_the_same_path_are_no_attack(watched: AtDesk, tmp_path: Path):
    state = tmp_path / "state"
    watched.done("backup", "--to", str(tmp_path / "to"))
    watched.clock.advance(timedelta(minutes=10))
    watched.done("note", "after the backup")
    footer = watched.office().checkpoints.footer().rpartition(" ")[2]
    watched.close()
    watched.home.rename(tmp_path / "old")
    (backup,) = (path for path in (tmp_path / "to").iterdir() if path.is_dir())
    given = ("--home", str(watched.home), "--key", str(tmp_path / "old/master.key"))
    said = watched("restore", str(backup), *given, "--format", "json")
    assert (said.code, said.warnings) == (0, [])
    found = said.json["restored"]
    assert found["forgotten"].startswith(footer)
    assert Path(found["set_aside"]).exists()
    said = watched("status")
    assert (said.code, said.warnings) == (0, [])
    assert watched("audit", "verify").code == 0
    recorded = [event for _, _, event in entries(watched.office(), JOURNAL, READER)]
    (made,) = (event for event in recorded if isinstance(event, HomeRestored))
    assert made.seen_before == found["forgotten"]
    # The machine still finds an older copy of the new home.
    assert len(list(state.glob("checkpoint-*.note"))) == 2
    watched.close()
    watched.home.rename(tmp_path / "older")
    assert watched("init").warnings == ["memory_set_aside"]
    assert watched("audit", "verify").code == 0


def test_a_checkpoint_that_cannot_be_read_stops_no_command(watched: AtDesk):
    with closing(sqlite3.connect(watched.home / "tocsin.db")) as connection, connection:
        connection.execute("UPDATE checkpoints SET note = 'no note'")
    assert watched.office().checkpoints.footer() == ""
    assert watched("status").warnings == ["rolled_back"]
    assert watched("audit", "verify").code == 1


def test_without_the_master_key_chains_and_log_are_verified_and_macs_are_not(watched: AtDesk):
    with_key = watched("audit", "verify", "--format", "json").json
    (watched.home / "master.key").rename(watched.home / "elsewhere")
    without = watched("audit", "verify", "--format", "json")
    assert (without.code, without.json["ok"], without.json["keyed"]) == (0, True, False)
    assert with_key["keyed"]
    same = ("heads", "checkpoint", "events", "head")
    assert [with_key[name] for name in same] == [without.json[name] for name in same]


def test_a_signing_key_that_somebody_else_listed_is_not_trusted(watched: AtDesk):
    with closing(sqlite3.connect(watched.home / "tocsin.db")) as connection, connection:
        connection.execute(
            "UPDATE marks SET body = CAST(replace(CAST(body AS TEXT), 'mac\":\"', 'mac\":\"00') AS BLOB)"
            " WHERE name = 'home/signing_keys'"
        )
    found = watched("audit", "verify", "--format", "json")
    assert (found.code, [fault["code"] for fault in found.json["faults"]]) == (1, ["checkpoint_forged"])


def test_verification_goes_on_after_a_fault(watched: AtDesk, playbook: Path):
    watched.done("open", str(playbook), "--yes", "--no-work", "--fact", "incident.summary=Badge 5")
    with closing(sqlite3.connect(watched.home / "tocsin.db")) as connection, connection:
        connection.execute("DROP TRIGGER events_are_never_changed")
        connection.execute("UPDATE events SET header = header || ' ' WHERE seq = 2")
        connection.execute("UPDATE incidents SET state = 'closed'")
    found = watched("audit", "verify", "--format", "json").json
    assert found["broken"]["event"] == 2
    assert {one["event"] for one in found["others"]} == {2}
    assert {fault["code"] for fault in found["faults"]} == {"row_changed"}


@pytest.mark.parametrize("value", [None, bytes(60)])
def test_a_signing_key_that_cannot_be_read_is_named_and_stops_no_work(watched: AtDesk, value: bytes | None):
    with closing(sqlite3.connect(watched.home / "tocsin.db")) as connection, connection:
        connection.execute("UPDATE keys SET wrapped = ? WHERE incident = 'home/signing/1'", (value,))
    watched.clock.advance(timedelta(minutes=11))
    said = watched("note", "work goes on")
    assert (said.code, said.warnings) == (0, ["checkpoint_failed"])
    found = watched("audit", "verify", "--format", "json")
    assert found.code == 1
    assert "signing_key_missing" in {fault["code"] for fault in found.json["faults"]}
    assert "signing_key_missing" in findings(watched)


def test_a_state_folder_that_cannot_be_looked_into_stops_no_command(watched: AtDesk, tmp_path: Path):
    """Such as that of root, if a service has its environment."""
    state = tmp_path / ("x" * 300)
    watched.environ["TOCSIN_STATE"] = str(state)
    assert watched("note", "work goes on").code == 0
    assert "our_fault" not in findings(watched)
    assert set_aside(state / "checkpoint.note", T0) == ""


def test_a_state_folder_that_cannot_be_written_is_named(watched: AtDesk, tmp_path: Path):
    state = tmp_path / "state"
    assert "checkpoint_not_remembered" not in findings(watched)
    shutil.rmtree(state)
    state.write_text("not a folder")
    assert watched("note", "work goes on").code == 0
    assert findings(watched)["checkpoint_not_remembered"] == "warning"


def test_heads_without_a_checkpoint_are_named(watched: AtDesk):
    watched.done("note", "no checkpoint covers this")
    assert "uncovered" not in findings(watched)
    watched.clock.advance(timedelta(minutes=11))
    assert findings(watched)["uncovered"] == "warning"
    watched.done("note", "the next change makes one")
    assert "uncovered" not in findings(watched)


def findings(desk: AtDesk) -> dict[str, str]:
    found = desk("doctor", "--offline", "--format", "json").json["findings"]
    return {one["code"]: one["severity"] for one in found}
