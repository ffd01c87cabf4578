"""``pack`` and ``unpack``: a home that goes on elsewhere, and two copies that both go on are found."""

from __future__ import annotations

import os
import pty
import shutil
import sqlite3
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyrage
import pytest

from runner.app.core.proof.checkpoints import memory_of
from runner.app.home.doctor import glance
from runner.files.encrypted_folder import unpack
from runner.vault.master_key import PREFIX
from tests.cli.at_desk import PLAYBOOK, AtDesk, Said
from tests.servers.needed import absent

PASSPHRASE = "lantern gravel 7 otter quilt"  # of invented homes
AGE = shutil.which("age")


MACHINES: list[AtDesk] = []


def at(desk: AtDesk, home: Path, state: Path) -> AtDesk:
    """Return a machine with its own state folder."""
    made = AtDesk(home, clock=desk.clock, chance=desk.chance, environ={"TOCSIN_STATE": str(state)})
    MACHINES.append(made)
    return made


@pytest.fixture(autouse=True)
def let_go() -> Iterator[None]:
    """Close the databases that a test opened."""
    yield
    for one in MACHINES:
        one.close()


class Packed:
    """A home, its pack with a passphrase, and a home on another machine that continues from it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        first = at(AtDesk(root / "home"), root / "home", root / "state")
        first.done("init")
        first.settings(master_key="file:../own.key", store="sqlite:data/record.db")
        (root / "home" / "master.key").rename(root / "own.key")
        (root / "home" / "data").mkdir()
        (root / "home" / "tocsin.db").rename(root / "home" / "data" / "record.db")
        (root / "badge.yaml").write_text(PLAYBOOK, encoding="utf-8")
        first.done("open", str(root / "badge.yaml"), "--yes", "--fact", "incident.summary=Badge 4711")
        (root / "secret.txt").write_text(f"{PASSPHRASE}\n")
        (root / "secret.txt").chmod(0o600)
        self.first, self.file, self.card = first, root / "home.age", root / "card.html"
        self.by_file = ("--passphrase-file", str(root / "secret.txt"))
        said = first(
            *("pack", "--out", str(self.file), "--card", str(self.card), *self.by_file, "--format", "json")
        )
        assert said.code == 0, said.err
        self.report: dict[str, Any] = said.json
        self.second = at(first, root / "elsewhere" / "home", root / "elsewhere" / "state")
        said = self.second(
            *("unpack", str(self.file), "--home", str(self.second.home), *self.by_file, "--format", "json")
        )
        assert said.code == 0, said.err
        self.restored: dict[str, Any] = said.json["restored"]


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Packed]:
    made = Packed(tmp_path_factory.mktemp("pack"))
    yield made
    made.first.close()
    made.second.close()


def faults(said: Said) -> list[str]:
    return [one["code"] for one in said.json["faults"]]


def verify(desk: AtDesk, *words: str) -> Said:
    return desk("audit", "verify", *words, "--format", "json")


def test_the_home_continues_paused_with_its_own_key_and_verifies(packed: Packed) -> None:
    second = packed.second
    assert packed.restored["paused"] == ["amber-falcon"]
    assert (second.home / "master.key").read_text().startswith(PREFIX)
    assert (second.home / "master.key").stat().st_mode & 0o777 == 0o600
    found = verify(second)
    assert (found.code, found.json["documents_unread"], found.json["keyed"]) == (0, 0, True)
    assert second("status", "--format", "json").json["state"] == "paused"
    for words, rows in (("status", "needs_attention"), ("next", "next")):
        assert second(words, "--format", "json").json[rows][0]["kind"] == "paused"
    keys = second("key", "list", "--format", "json").json["keys"]["signing"]
    assert [one["until"] is None for one in keys] == [False, True]
    assert not list(second.home.parent.glob(".tocsin-*"))


def test_the_pack_is_one_private_file_and_nothing_clear_stays(packed: Packed) -> None:
    assert packed.file.stat().st_mode & 0o777 == 0o600
    assert not list((packed.first.home / "backups").iterdir())
    assert not list(packed.root.glob("*.partial"))
    sealed = packed.file.read_bytes()
    assert not [word for word in (b"amber-falcon", PREFIX.encode(), b"tocsin") if word in sealed]
    with closing(sqlite3.connect(packed.first.home / "data" / "record.db")) as store:
        rows = store.execute("SELECT header FROM events").fetchall()
    assert PASSPHRASE not in str(rows)


def test_the_doctor_of_each_copy_says_that_there_is_another(packed: Packed) -> None:
    for desk in (packed.first, packed.second):
        found = desk("doctor", "--offline", "--format", "json").json["findings"]
        assert [one["severity"] for one in found if one["code"] == "pack"] == ["good"]


def test_the_card_has_people_deadlines_and_what_to_compare(packed: Packed) -> None:
    text = packed.card.read_text()
    digest = packed.report["pack"]["digest"].removeprefix("sha256:")
    for word in ("amber-falcon", "Jonas", digest, packed.report["key"], packed.report["checkpoint"]):
        assert word in text
    assert PASSPHRASE not in text
    assert "tocsin[backup]" not in text
    assert "key rotate --to" in text
    assert packed.card.stat().st_mode & 0o777 == 0o600


def test_each_copy_finds_and_remembers_a_checkpoint_of_the_other(packed: Packed, tmp_path: Path) -> None:
    first, second = (
        at(packed.first, one.home, tmp_path / name)
        for name, one in (("one", packed.first), ("two", packed.second))
    )
    assert (verify(first).code, verify(second).code) == (0, 0)
    first.clock.advance(timedelta(minutes=11))
    for desk in (first, second):
        desk.done("note", "went on")
        assert verify(desk, "--checkpoint", packed.report["checkpoint"]).code == 0
    newest = {desk.home: desk.office().checkpoints.newest() for desk in (first, second)}
    for here, other in ((first, second), (second, first)):
        found = verify(here, "--checkpoint", newest[other.home])
        assert (found.code, faults(found)) == (1, ["two_copies"])
        note = memory_of(Path(other.environ["TOCSIN_STATE"]), other.home)
        found = verify(here, "--checkpoint", str(note))
        assert (found.code, faults(found)) == (1, ["two_copies"])
        assert (verify(here).code, here("status").warnings) == (1, ["two_copies"])
        found = here("doctor", "--offline", "--format", "json").json["findings"]
        assert [one["severity"] for one in found if one["code"] == "two_copies"] == ["error"]


def test_the_checkpoint_in_a_footer_of_the_other_copy_is_enough(packed: Packed, tmp_path: Path) -> None:
    one = at(packed.first, packed.first.home, tmp_path / "one")
    one.clock.advance(timedelta(minutes=11))
    one.done("note", "still here")
    size, root = one.office().checkpoints.newest().split(":")
    found = verify(one, "--checkpoint", f"{size}:{'0' * len(root)}")
    assert (found.code, faults(found), one("status").warnings) == (1, ["two_copies"], ["two_copies"])
    desk = one.office()
    desk.checkpoints.begin(tmp_path / "one", one.home, lambda text: None)
    assert "two_copies" in [found.code for found in glance(desk).findings]
    assert verify(one, "--checkpoint", packed.report["checkpoint"]).code == 1  # what was remembered
    assert len(list((tmp_path / "one").glob("checkpoint-*.note"))) == 2


def test_a_machine_that_has_seen_both_copies_warns_at_each_command(packed: Packed, tmp_path: Path) -> None:
    both = str(tmp_path / "state")
    first = at(packed.first, packed.first.home, Path(both))
    second = at(packed.first, packed.second.home, Path(both))
    first.done("status")
    first.clock.advance(timedelta(minutes=11))
    first.done("note", "the first goes on")
    said = second("status")
    assert (said.code, said.warnings) == (0, ["two_copies"])
    second.done("note", "the second, too")
    said = first("status")
    assert (said.code, said.warnings) == (0, ["two_copies"])
    assert str(second.home) in said.err
    found = verify(first)
    assert (found.code, faults(found)) == (1, ["two_copies"])
    found = first("doctor", "--offline", "--format", "json").json["findings"]
    assert [one["severity"] for one in found if one["code"] == "two_copies"] == ["error"]


def test_a_checkpoint_of_another_home_is_no_copy(packed: Packed, tmp_path: Path) -> None:
    other = at(packed.first, tmp_path / "other", Path(packed.first.environ["TOCSIN_STATE"]))
    other.done("init")
    other.settings()
    other.done("open", str(packed.root / "badge.yaml"), "--yes", "--no-work", "--fact", "incident.summary=x")
    assert other("status").warnings == []
    assert packed.first("status").warnings == []


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("short\nshort\n", "weak_password"),
        ("passwordpassword1234\npasswordpassword1234\n", "weak_password"),
        ("lantern gravel 7 otter\nlantern gravel 8 otter\n", "passphrase_differs"),
        ("\nnot what was shown\n", "passphrase_differs"),
    ],
)
def test_a_weak_or_mistyped_passphrase_makes_no_pack(
    packed: Packed, tmp_path: Path, typed: str, code: str
) -> None:
    said = packed.first("pack", "--out", str(tmp_path / "x.age"), "--format", "json", types=typed)
    assert (said.error, list(tmp_path.iterdir())) == (code, [])


def test_what_cannot_be_asked_or_read_is_refused(packed: Packed, tmp_path: Path) -> None:
    first, out = packed.first, ("--out", str(tmp_path / "x.age"))
    assert first("pack", *out).error == "no_terminal"
    assert first("pack", "--out", str(packed.file), *packed.by_file).error == "file_exists"
    assert first("pack", *out, "--card", "card.exe", *packed.by_file).error == "unknown_ending"
    assert first("pack", *out, "--encrypt", "age1x", *packed.by_file).error == "options_conflict"
    assert first("pack", *out, "--passphrase-file", str(tmp_path / "none")).error == "secret_missing"
    new = ("--home", str(tmp_path / "new"))
    assert first("unpack", str(tmp_path / "none.age"), *new).error == "not_a_backup"
    assert first("unpack", str(packed.file), *new).error == "no_terminal"
    assert (
        first("unpack", str(packed.file), "--home", str(first.home), *packed.by_file).error == "home_exists"
    )
    assert not (tmp_path / "new").exists()


def test_without_an_option_a_pack_continues_in_the_usual_folder_and_replaces_nothing(
    packed: Packed, tmp_path: Path
) -> None:
    desk = at(packed.first, tmp_path / "usual", tmp_path / "state")
    desk.done("unpack", str(packed.file), *packed.by_file)
    assert verify(desk).code == 0
    assert desk("unpack", str(packed.file), *packed.by_file).error == "home_exists"


def test_a_pack_for_a_key_is_proved_by_the_digest_on_the_card(packed: Packed, tmp_path: Path) -> None:
    identity = pyrage.x25519.Identity.generate()
    (tmp_path / "key.txt").write_text(f"{identity}\n")
    file = tmp_path / "home.age"
    said = packed.first(
        *("pack", "--out", str(file), "--encrypt", str(identity.to_public()), "--format", "json")
    )
    assert said.code == 0, said.err
    digest = said.json["pack"]["digest"].removeprefix("sha256:")
    desk = at(packed.first, tmp_path / "new", tmp_path / "state")
    words = ("unpack", str(file), "--home", str(desk.home), "--identity", str(tmp_path / "key.txt"))
    assert desk("unpack", str(file), "--home", str(desk.home)).error == "age_sealed"
    assert desk(*words).error == "pack_unproved"
    for given in (digest[:31], "0" * 64):
        assert desk(*words, "--digest", given).error == "digest_differs"
    assert not desk.home.exists()
    assert desk(*words, "--digest", digest[:32]).code == 0
    assert verify(desk).code == 0
    # Data that is erased later is listed beside the pack, as beside a backup.
    assert list(tmp_path.glob("tocsin-*.erased.jsonl"))


def test_a_pack_continues_in_a_folder_named_by_a_path_that_goes_up(packed: Packed, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    desk = at(packed.first, tmp_path / "here" / "home", tmp_path / "state")
    desk.done("unpack", str(packed.file), "--home", "../new", *packed.by_file)
    new = at(packed.first, tmp_path / "new", tmp_path / "state")
    assert new("status", "--format", "json").json["state"] == "paused"
    new.close()


def test_a_given_digest_must_match_a_pack_with_a_passphrase(packed: Packed, tmp_path: Path) -> None:
    words = ("unpack", str(packed.file), "--home", str(tmp_path / "new"), *packed.by_file)
    assert packed.first(*words, "--digest", "0" * 64).error == "digest_differs"
    assert not (tmp_path / "new").exists()


def test_a_pack_is_checked_without_its_master_key_on_the_disk(packed: Packed, tmp_path: Path) -> None:
    digest = packed.report["pack"]["digest"]
    words = ("backup", "--check", str(packed.file), *packed.by_file, "--format", "json")
    checked = packed.first(*words)
    assert (checked.code, checked.json["backup"]["digest"]) == (0, digest)
    assert checked.json["backup"]["proved_by"] == "master_key"
    elsewhere = AtDesk(tmp_path / "no-home")(*words)
    assert (elsewhere.code, elsewhere.json["backup"]["proved_by"]) == (0, "passphrase")
    folder = unpack(packed.file, tmp_path, None, PASSPHRASE, without="master.key")
    assert list(tmp_path.iterdir()) == [folder]


def test_an_existing_card_and_an_open_passphrase_are_refused_before_a_pack_is_made(
    packed: Packed, tmp_path: Path
) -> None:
    out, card = tmp_path / "x.age", tmp_path / "card.html"
    card.write_text("of another pack")
    assert (
        packed.first("pack", "--out", str(out), "--card", str(card), *packed.by_file).error == "file_exists"
    )
    same = ("--out", str(tmp_path / "x.html"), "--card", str(tmp_path / "x.html"))
    assert packed.first("pack", *same, *packed.by_file).error == "file_exists"
    secret = tmp_path / "secret.txt"
    secret.write_text(PASSPHRASE)
    secret.chmod(0o640)
    for words in (("pack", "--out", str(out)), ("unpack", str(packed.file), "--home", str(tmp_path / "new"))):
        assert packed.first(*words, "--passphrase-file", str(secret)).error == "master_exposed"
    assert {one.name for one in tmp_path.iterdir()} == {card.name, secret.name}


def by_hand(words: list[str], typed: str, times: int) -> int:
    """Run ``age`` at a terminal, and answer its questions."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(words[0], words)  # noqa: S606  # no shell
    with suppress(OSError):  # the terminal ends with the program
        for _ in range(times):
            seen = b""
            while b": " not in seen:
                seen += os.read(terminal, 1024)
            os.write(terminal, f"{typed}\n".encode())
        while os.read(terminal, 1024):
            pass
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_the_program_age_opens_a_pack_and_a_file_of_it_that_is_none_is_refused(
    packed: Packed, tmp_path: Path
) -> None:
    if AGE is None:
        absent("age", "apt-get install age")
    opened = tmp_path / "home.tar"
    assert by_hand([AGE, "-d", "-o", str(opened), str(packed.file)], PASSPHRASE, 1) == 0
    with tarfile.open(opened) as tar:
        names = tar.getnames()
        key = tar.extractfile("master.key")
        assert key is not None
        assert key.read() == (packed.root / "own.key").read_bytes()
    assert [name for name in names if name.endswith("data/store.db")]
    (tmp_path / "letter.txt").write_text("not a pack")
    strange = tmp_path / "letter.age"
    assert by_hand([AGE, "-p", "-o", str(strange), str(tmp_path / "letter.txt")], PASSPHRASE, 2) == 0
    new = ("--home", str(tmp_path / "new"))
    assert packed.first("unpack", str(strange), *new, *packed.by_file).error == "not_a_backup"
    keys = subprocess.run(["age-keygen"], check=True, capture_output=True, text=True).stdout
    (tmp_path / "key.txt").write_text(keys)
    said = packed.first(
        *("unpack", str(packed.file), *new, "--identity", str(tmp_path / "key.txt"), "--format", "json"),
        types="wrong\n",
    )
    assert said.error == "age_sealed"
    assert not (tmp_path / "new").exists()


@pytest.mark.postgres
@pytest.mark.parametrize("kept_in", ["postgres"], indirect=True)
def test_a_home_on_a_server_continues_in_a_file(incident: AtDesk, tmp_path: Path) -> None:
    identity = pyrage.x25519.Identity.generate()
    (tmp_path / "key.txt").write_text(f"{identity}\n")
    words = ("--out", str(tmp_path / "home.age"), "--encrypt", str(identity.to_public()), "--format", "json")
    made = incident("pack", *words)
    assert made.code == 0, made.err
    new = at(incident, tmp_path / "new", tmp_path / "elsewhere")
    proved = ("--identity", str(tmp_path / "key.txt"), "--digest", made.json["pack"]["digest"])
    new.done("unpack", str(tmp_path / "home.age"), "--home", str(new.home), *proved)
    new.done("note", "went on")
    incident.done("note", "went on")
    assert verify(new).code == 0
    incident.clock.advance(timedelta(minutes=11))
    incident.done("note", "and on")
    found = verify(incident, "--checkpoint", new.office().checkpoints.newest())
    assert (found.code, faults(found)) == (1, ["two_copies"])
    new.close()
