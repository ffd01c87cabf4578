"""``key rotate``: another master key and another signing key; nothing is encrypted anew, and older backups need the old key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runner.app.core.proof.signing_keys import listed_keys
from runner.app.home.home_journal import MasterKeyChanged, SigningKeyChanged, kept
from runner.proof.note import NoteKey, verify_note
from tests.cli.at_desk import AtDesk
from tests.cli.home.test_backup import DAY, at, backup_of
from tests.cli.messages.test_callbacks import CHAT
from tests.refusals import refused
from tests.servers.postgres import BOTH_STORES
from tests.store.journals import personal, write


@pytest.fixture
def working(incident: AtDesk, tmp_path: Path) -> AtDesk:
    """An open incident with evidence, and a channel whose provider calls back."""
    evidence = tmp_path / "log.txt"
    evidence.write_text("seen at the door")
    incident.done("attach", str(evidence))
    incident.settings(channels={**incident.channels["channels"], "chat": CHAT})
    return incident


def rotated(desk: AtDesk, to: str = "file:second.key") -> dict[str, Any]:
    said = desk("key", "rotate", "--to", to, "--format", "json")
    assert said.code == 0, said.err
    found: dict[str, Any] = said.json["master"]
    return found


def line(desk: AtDesk, key: str, value: str) -> None:
    """Write one line of the settings."""
    path = desk.home / "tocsin.yaml"
    lines = [one for one in path.read_text().splitlines() if not one.startswith(f"{key}:")]
    path.write_text("\n".join([*lines, f"{key}: {value}", ""]))


def wrapped(desk: AtDesk) -> dict[str, bytes]:
    with desk.office().store.frozen() as frozen:
        return dict(frozen.run("SELECT incident, wrapped FROM tocsin.keys", ()))


@BOTH_STORES
def test_all_data_opens_with_the_new_master_key_and_none_with_the_old_one(working: AtDesk) -> None:
    before, places = wrapped(working), working.done("serve-callbacks", "--list")
    running = working.office().store
    found = rotated(working)
    assert (found["keys"], found["old_reference"]) == (len(wrapped(working)) - 1, "file:master.key")
    again = working("audit", "verify", "--format", "json").json
    assert (again["ok"], again["documents_unread"], again["unread"]) == (True, 0, 0)
    assert working.done("serve-callbacks", "--list") == places
    after = wrapped(working)
    assert all(after[name] != body for name, body in before.items())
    if not working.store:
        bytes_of_files = b"".join(path.read_bytes() for path in working.home.glob("tocsin.db*"))
        assert not any(body in bytes_of_files for body in before.values() if body)
    ((_, event),) = kept(working.office()).made
    assert isinstance(event, MasterKeyChanged)
    assert (event.old, event.new, event.by) == (found["old"], found["new"], "maria")
    with refused("other_master"):
        write(running, "late", personal())
    line(working, "master_key", "file:master.key")
    assert working("note", "with the old key", "-i", "amber-falcon").error == "other_master"
    assert working("status").error == "other_master"
    line(working, "master_key", "file:second.key")
    working.done("note", "with the new key", "-i", "amber-falcon")
    rotated(working, "file:third.key")
    assert working("audit", "verify").code == 0


def test_a_change_that_was_stopped_before_the_settings_changed_goes_on(working: AtDesk) -> None:
    first = rotated(working)
    line(working, "master_key", "file:master.key")  # as a kill after the database leaves it
    again = rotated(working)
    assert (again["old"], again["new"], working("audit", "verify").code) == (first["old"], first["new"], 0)
    assert len(kept(working.office()).made) == 1
    assert working("key", "rotate", "--to", "file:second.key").error == "master_same"
    assert working("key", "rotate", "--to", "env:TOCSIN_NO_SUCH").error == "no_master"
    assert working("key", "rotate").error == "option_missing"
    assert (
        working("key", "rotate", "--to", "file:x", "--signing", "--reason", "y").error == "options_conflict"
    )


def test_a_running_worker_refuses_the_change_before_a_key_is_made(working: AtDesk) -> None:
    alive = working.office().register_worker("w-1")
    assert working("key", "rotate", "--to", "file:never.key").error == "store_in_use"
    alive.release()
    assert not (working.home / "never.key").exists()


def test_a_backup_from_before_needs_the_old_key_and_erases_again_what_was_erased_since(
    working: AtDesk, tmp_path: Path
) -> None:
    made = backup_of(working, tmp_path / "to")
    assert rotated(working)["backups"] == 1
    codes = [one["code"] for one in working("doctor", "--offline", "--format", "json").json["findings"]]
    assert "backup_old_key" in codes
    working.closed("--reason", "over")
    assert working("shred", "amber-falcon", "--reason", "policy", "--yes").code == 0
    new = at(working, tmp_path / "new")
    words = ("restore", made["path"], "--home", str(new.home), "--key")
    assert working(*words, str(working.home / "second.key")).error == "backup_unproved"
    assert working(*words, str(working.home / "master.key")).code == 0
    assert new("status", "-i", "amber-falcon").error == "shredded"
    assert new("audit", "verify").code == 0
    working.clock.advance(DAY)
    later = backup_of(working, tmp_path / "to")
    newer = at(working, tmp_path / "newer")
    words = ("restore", later["path"], "--home", str(newer.home), "--key")
    assert working(*words, str(working.home / "second.key")).code == 0
    codes = [one["code"] for one in working("doctor", "--offline", "--format", "json").json["findings"]]
    assert "backup_old_key" not in codes


def test_a_new_signing_key_is_announced_by_the_old_one_which_stays_listed(working: AtDesk) -> None:
    working.closed("--reason", "over")
    (old,) = listed_keys(working.office().store)
    said = working("key", "rotate", "--signing", "--reason", "Ben left", "--format", "json").json
    listed = working("key", "list", "--format", "json").json["keys"]["signing"]
    assert [(one["number"], one.get("until") is None) for one in listed] == [(1, False), (2, True)]
    assert listed[0]["until"] == listed[1]["since"]
    ((_, event),) = kept(working.office()).made
    assert isinstance(event, SigningKeyChanged)
    assert (event.old, event.statement, event.reason) == (
        old.fingerprint,
        said["signing"]["statement"],
        "Ben left",
    )
    note = Path(said["statement"]).read_bytes()
    name = f"tocsin/{old.fingerprint.removeprefix('sha256:')[:16]}"
    by_old, by_new = (NoteKey(name, bytes.fromhex(one["public"])) for one in listed)
    assert verify_note(note, [by_old])[1] == by_old
    assert verify_note(note, [by_new])[1] is None
    assert by_new.text() in note.decode()
    working.done("reopen", "amber-falcon", "--reason", "again")
    working.closed("--reason", "over")
    newest = working.office().store.log.newest()
    assert newest is not None
    assert verify_note(newest.note.encode(), [by_new])[1] == by_new
    assert working("audit", "verify").code == 0
    assert working("key", "rotate", "--signing").error == "option_missing"
