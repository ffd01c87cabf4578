"""Reading works where nothing can be written: a read-only medium, a full disk, a home without its master key, damaged events."""

from __future__ import annotations

import errno
import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.cli.at_desk import AtDesk

NOTE = "the last word"
READING = (
    ("status",),
    ("timeline",),
    ("list",),
    ("audit", "verify"),
    ("duties",),
    ("next",),
    ("task", "list"),
)


@pytest.fixture(autouse=True)
def file_only(tocsin: AtDesk) -> None:
    if tocsin.store:
        pytest.skip("a store on PostgreSQL has its files elsewhere")


def tail_in_wal(desk: AtDesk) -> sqlite3.Connection:
    """Note something while another connection keeps it from being moved out of the WAL; return that connection."""
    reader = sqlite3.connect(desk.home / "tocsin.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM events").fetchone()
    desk.done("note", NOTE, "--no-work")
    return reader


def copied(desk: AtDesk, to: Path) -> AtDesk:
    """Return the home as a medium has it that was taken away while a worker ran: with events in the WAL alone."""
    with closing(tail_in_wal(desk)):
        shutil.copytree(desk.home, to, ignore=shutil.ignore_patterns("*-shm"))
    assert (to / "tocsin.db-wal").stat().st_size > 0
    return AtDesk(to, clock=desk.clock)


@pytest.fixture
def medium(incident: AtDesk, tmp_path: Path) -> Iterator[AtDesk]:
    """The home on a mount that takes no writes."""
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED: a read-only mount (mounting needs the rights of root)")
    place = tmp_path / "medium"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", place], check=False, capture_output=True).returncode:
        pytest.skip("NOT TESTED: a read-only mount (this machine lets nobody mount)")
    try:
        desk = copied(incident, place / "home")
        subprocess.run(["mount", "-o", "remount,ro", place], check=True)
        yield desk
    finally:
        subprocess.run(["umount", "-l", place], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own."""
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED: a full disk (mounting needs the rights of root)")
    place = tmp_path / "full"
    place.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", place]
    if subprocess.run(mounting, check=False, capture_output=True).returncode:
        pytest.skip("NOT TESTED: a full disk (this machine lets nobody mount)")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def fill(disk: Path, spare: int = 0) -> None:
    """Leave only so many bytes free."""
    with (disk / "filler").open("wb", buffering=0) as filler:
        with suppress(OSError):
            while filler.write(b"\0" * 65536):
                pass
        filler.truncate(filler.tell() - spare)


@pytest.fixture
def full(incident: AtDesk, disk: Path) -> AtDesk:
    """The home on a disk without a byte to spare."""
    desk = copied(incident, disk / "home")
    fill(disk)
    return desk


@pytest.mark.parametrize("where", ["medium", "full"])
def test_reading_commands_work_on_a_read_only_store_with_a_warning(
    where: str, request: pytest.FixtureRequest
) -> None:
    desk: AtDesk = request.getfixturevalue(where)
    for words in READING:
        said = desk(*words, "--format", "json")
        assert (said.code, said.error, said.warnings) == (0, "", ["store_read_only"]), (words, said.err)
    entries = desk("timeline", "--format", "json").json["entries"]
    assert NOTE in str(entries[-1])


@pytest.mark.parametrize("where", ["medium", "full"])
def test_writing_commands_are_refused_and_doctor_still_gives_a_full_report(
    where: str, request: pytest.FixtureRequest
) -> None:
    desk: AtDesk = request.getfixturevalue(where)
    said = desk("note", "one more")
    assert (said.code, said.error[:6]) == (1, "store_")
    assert desk("worker", "--once").error == "store_read_only"
    report = desk("doctor", "--format", "json")
    found = {(finding["area"], finding["severity"]) for finding in report.json["findings"]}
    assert report.code == 4
    assert {("store", "error"), ("journal", "good"), ("integrity", "good"), ("clock", "good")} <= found


def test_a_reading_command_changes_no_file(incident: AtDesk) -> None:
    before = files(incident.home)
    for words in READING:
        incident.done(*words)
    assert files(incident.home) == before


def files(home: Path) -> dict[str, tuple[bytes, int]]:
    """Return every file but what only saves time: the cache, and SQLite's index of its WAL."""
    return {
        str(one.relative_to(home)): (one.read_bytes(), one.stat().st_mtime_ns)
        for one in home.rglob("*")
        if one.is_file() and one.suffix != ".db-shm" and one.parent.name != "cache"
    }


@pytest.mark.parametrize("key", ["gone", "another"])
def test_without_the_master_key_the_list_and_the_proof_are_there(incident: AtDesk, key: str) -> None:
    (incident.home / "master.key").unlink()
    if key == "another":
        other = AtDesk(incident.home.parent / "other")
        other.done("init")
        shutil.copy(other.home / "master.key", incident.home / "master.key")
    (row,) = incident("list", "--format", "json").json["incidents"]
    assert (row["codename"], row["state"], row["title"], row["unread"]) == ("amber-falcon", "open", "", True)
    proof = incident("audit", "verify", "--format", "json")
    assert (proof.code, proof.json["ok"], proof.json["unread"] > 0) == (0, True, True)
    assert incident("status").error in ("no_master", "other_master")
    report = incident("doctor", "--format", "json")
    areas = {finding["area"] for finding in report.json["findings"]}
    assert (report.code, {"key", "journal", "integrity", "incidents", "clock"} <= areas) == (4, True)


def test_a_repair_without_the_master_key_keeps_the_sealed_titles(incident: AtDesk) -> None:
    key = incident.home / "master.key"
    key.rename(key.with_suffix(".away"))
    incident("doctor", "--repair")
    key.with_suffix(".away").rename(key)
    (row,) = incident("list", "--format", "json").json["incidents"]
    assert (row["title"], row["unread"]) == ("Lost badge", False)


def test_a_home_that_cannot_be_made_leaves_nothing_and_is_made_when_it_can(tmp_path: Path) -> None:
    desk = AtDesk(tmp_path / "new")
    (in_the_way := desk.home / "tocsin.db").mkdir(parents=True)
    assert desk("init").code != 0
    assert list(desk.home.rglob("*")) == [in_the_way]
    in_the_way.rmdir()
    desk.done("init")


CHANGE = "UPDATE events SET salt = x'00', payload = CAST(? AS BLOB) WHERE incident = ? AND seq = ?"
DAMAGES = {
    "cut short": ("event_damaged", '{"type":'),
    "of a wrong type": ("event_damaged", '{"type":"NoteAdded","text":5}'),
    "missing": ("event_missing", None),
    "of a later version": ("store_too_new", '{"type":"Later"}'),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_event_is_named_and_other_incidents_are_shown(
    incident: AtDesk, playbook: Path, damage: str
) -> None:
    incident.done("note", "something", "--no-work")
    incident.done("open", str(playbook), "--yes", "--no-work", "--fact", "incident.summary=Another")
    code, payload = DAMAGES[damage]
    with closing(sqlite3.connect(incident.home / "tocsin.db")) as store:
        for (trigger,) in store.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            store.execute(f"DROP TRIGGER {trigger}")
        store.execute("DELETE FROM snapshots")
        place = store.execute(
            "SELECT incident, max(seq) - 1 FROM events GROUP BY incident LIMIT 1"
        ).fetchone()
        if payload is None:
            store.execute("DELETE FROM events WHERE incident = ? AND seq = ?", place)
        else:
            store.execute(CHANGE, (payload, *place))
        store.commit()
    said = incident("status", "-i", "amber-falcon", "--format", "json")
    assert (said.code, said.error) == (1, code)
    assert str(place[1]) in re.findall(r"\d+", said.json["message"])
    assert incident("status", "-i", "calm-heron").code == 0
    listed = incident("list", "--format", "json").json["incidents"]
    assert {incident["codename"] for incident in listed} == {"amber-falcon", "calm-heron"}
    report = incident("doctor", "--format", "json")
    found = {
        (finding["area"], finding["severity"], finding.get("code", "")) for finding in report.json["findings"]
    }
    assert report.code == 4
    assert ("incidents", "error", code) in found
    assert {area for area, _, _ in found} >= {"journal", "lists", "clock"}


def test_a_home_on_a_medium_is_backed_up_with_its_last_entry_and_without_a_record(
    medium: AtDesk, tmp_path: Path
) -> None:
    said = medium("backup", "--to", str(tmp_path / "to"), "--format", "json")
    assert said.code == 0, said.err
    made = said.json["backup"]
    assert not made["recorded"]
    assert made["events"] == medium("audit", "verify", "--format", "json").json["events"]
    assert medium("backup", "--check", made["path"]).code == 0


@pytest.mark.parametrize("spare", [0, 8192, 65536])
def test_what_makes_a_folder_on_a_full_disk_names_it_and_leaves_none(
    incident: AtDesk, disk: Path, tmp_path: Path, spare: int
) -> None:
    made = incident("backup", "--to", str(tmp_path / "to"), "--format", "json").json["backup"]["path"]
    fill(disk, spare)
    new, key = disk / "new" / "one", str(incident.home / "master.key")
    for words in (
        ("backup", "--to", str(new)),
        ("backup", "--to", str(disk)),
        ("restore", made, "--home", str(new), "--key", key),
        ("report", "--out", str(new), "--to", "txt"),
        ("audit", "export", "--out", str(disk / "bundle.zip")),
        ("pack", "--out", str(disk / "home.age"), "--passphrase-file", str(passphrase(tmp_path))),
    ):
        if spare and words[0] in ("report", "audit", "pack"):  # small enough for what is left
            continue
        said = incident(*words, "--format", "json")
        assert said.error in ("backup_unwritable", "store_full", "home_unwritable", "file_unwritable")
        assert f'"{disk}' in said.json["message"], said.json
        assert os.strerror(errno.ENOSPC) in said.json["message"] or said.error == "store_full"
        assert [one.name for one in disk.iterdir()] == ["filler"], words


def passphrase(folder: Path) -> Path:
    file = folder / "passphrase"
    file.write_text("correct horse battery staple wombat")
    file.chmod(0o600)
    return file
