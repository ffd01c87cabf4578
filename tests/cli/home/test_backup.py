"""``backup`` and ``restore``: a verified copy while others write, a home from it, and what was erased stays erased."""

from __future__ import annotations

import os
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import bagit
import msgspec
import pyrage
import pytest

from runner.files.bag import MAC, bag_digest, bag_info, write_bag
from runner.vault.keys import mac_of
from runner.vault.master_key import PREFIX, create_master, read_master
from tests.cli.at_desk import ORGANISATION, T0, AtDesk, Said
from tests.cli.home.test_integrity import CHANGED, tamper

SECRETS = ("master.key", "mail.password", "web.key", "copy-of-key.txt")
DAY = timedelta(days=1)


@pytest.fixture
def working(incident: AtDesk, tmp_path: Path) -> AtDesk:
    """An open incident with evidence, in a home with own files and secrets."""
    evidence = tmp_path / "log.txt"
    evidence.write_text("seen at the door")
    incident.done("attach", str(evidence))
    home = incident.home
    for name in SECRETS[1:]:
        (home / name).write_text(f"{PREFIX}x" if name.startswith("copy") else "s3cret")
    (home / "regimes").mkdir()
    (home / "regimes" / "note.txt").write_text("own law")
    (home / "cache").mkdir(exist_ok=True)
    (home / "cache" / "left").write_text("x")
    (home / "link").symlink_to("/etc/hostname")
    mail: dict[str, Any] = {"adapter": "smtp", "secrets": {"password": "file:mail.password"}}
    mail["settings"] = {"host": "127.0.0.1", "sender": "a@example.org", "username": "a"}
    screen = incident.channels["channels"]
    incident.settings(
        channels={**screen, "mail": mail},
        serve={"names": ["room.example.org"], "certificate": "web.pem", "key": "web.key"},
    )
    return incident


def test_what_makes_a_home_elsewhere_says_how_later_commands_find_it(working: AtDesk, tmp_path: Path) -> None:
    made = backup_of(working, tmp_path / "disk")
    key = ("--key", str(working.home / "master.key"))
    for words in (("restore", made["path"], *key), ("init",)):
        new = tmp_path / words[0]
        assert f"TOCSIN_HOME={new}" in working(*words, "--home", str(new)).out.split()
    assert "TOCSIN_HOME" not in AtDesk(tmp_path / "usual").done("init")
    assert "BACKUP." in working("next", "--home", str(tmp_path / "none")).err.split()


def backup_of(desk: AtDesk, to: Path, *words: str) -> dict[str, Any]:
    said = desk("backup", "--to", str(to), *words, "--format", "json")
    assert said.code == 0, said.err
    found: dict[str, Any] = said.json["backup"]
    return found


def restored(desk: AtDesk, backup: str, new: Path, *words: str) -> dict[str, Any]:
    said = desk(
        "restore",
        backup,
        "--home",
        str(new),
        "--key",
        str(desk.home / "master.key"),
        "--format",
        "json",
        *words,
    )
    assert said.code == 0, said.err
    found: dict[str, Any] = said.json["restored"]
    return found


def list_beside(backup: Path) -> Path:
    """Return the list of erased data that belongs to the home of a backup."""
    return backup.with_name(f"{backup.name.rpartition('-')[0]}.erased.jsonl")


def attempt(desk: AtDesk, backup: Path, new: Path, *words: str) -> Said:
    """Try a restore with the key of the home."""
    return desk("restore", str(backup), "--home", str(new), "--key", str(desk.home / "master.key"), *words)


def at(desk: AtDesk, home: Path) -> AtDesk:
    """Return the same person at another home."""
    return AtDesk(home, clock=desk.clock, chance=desk.chance)


def todo(desk: AtDesk) -> list[dict[str, str]]:
    return list(desk("status", "--format", "json").json["needs_attention"])


def state(desk: AtDesk) -> str:
    return str(desk("status", "--format", "json").json["state"])


# bagit 1.9 calls re.sub as Python 3.13 discourages.
@pytest.mark.filterwarnings("ignore:'count' is passed:DeprecationWarning")
def test_a_backup_has_the_files_of_the_home_without_secrets_and_other_programs_can_check_it(
    working: AtDesk, tmp_path: Path
) -> None:
    made = backup_of(working, tmp_path / "to")
    path = Path(made["path"])
    assert {name for name, one in ((p.name, p) for p in path.rglob("*")) if one.is_file()} >= {
        "store.db",
        "tocsin.yaml",
        "note.txt",
    }
    assert not {p.name for p in path.rglob("*")} & {*SECRETS, "left", "link"}
    assert {one["path"]: one["reason"] for one in made["left_out"]} == {
        **dict.fromkeys(SECRETS, "secret"),
        "link": "link",
    }
    assert path.stat().st_mode & 0o777 == 0o700
    assert all(p.stat().st_mode & 0o077 == 0 for p in (path / "data").rglob("*"))
    assert bagit.Bag(str(path)).is_valid()
    assert made["recorded"]
    assert not list((tmp_path / "to").glob("*.partial"))


def test_the_check_needs_no_home_and_no_key_and_reads_a_copy_that_cannot_be_written(
    working: AtDesk, tmp_path: Path
) -> None:
    made = backup_of(working, tmp_path / "to")
    elsewhere = at(working, tmp_path / "no-home")
    for path in (Path(made["path"]), *Path(made["path"]).rglob("*")):
        path.chmod(0o500 if path.is_dir() else 0o400)
    said = elsewhere("backup", "--check", made["path"], "--format", "json")
    assert (said.code, said.json["ok"], said.json["backup"]["proved_by"]) == (4, True, "")
    assert said.json["backup"]["digest"] == made["digest"]
    assert said.json["backup"]["head"] == made["head"]
    assert said.json["backup"]["unread"] > 0
    assert elsewhere("backup", "--check", str(tmp_path), "--format", "json").error == "not_a_backup"


def changed(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_every_changed_missing_or_added_file_is_found_and_nothing_is_restored(
    working: AtDesk, tmp_path: Path
) -> None:
    made = backup_of(working, tmp_path / "to")
    whole = Path(made["path"])
    names = [p.relative_to(whole) for p in sorted(whole.rglob("*")) if p.is_file()]
    for n, name in enumerate(names):
        for harm in ("changed", "missing"):
            bad = tmp_path / f"bad-{harm}-{n}"
            shutil.copytree(whole, bad)
            (changed if harm == "changed" else Path.unlink)(bad / name)
            said = working("backup", "--check", str(bad), "--format", "json")
            # Where all files agree with one another, the code of the master key tells.
            assert said.code in (1, 4), (name, harm)
            if said.code == 4:
                assert attempt(working, bad, tmp_path / "new").error == "backup_unproved"
    extra = tmp_path / "extra"
    shutil.copytree(whole, extra)
    (extra / "data" / "home" / "regimes" / "more.yaml").write_text("x")
    refusal = working(
        "restore", str(extra), "--home", str(tmp_path / "new"), "--key", str(working.home / "master.key")
    )
    assert refusal.error == "backup_damaged"
    assert not (tmp_path / "new").exists()
    assert not list(tmp_path.glob(".*restoring"))


def test_a_check_says_what_proved_the_backup(working: AtDesk, tmp_path: Path) -> None:
    made = backup_of(working, tmp_path / "to")
    elsewhere, key = at(working, tmp_path / "no-home"), str(working.home / "master.key")
    other = at(working, tmp_path / "other")
    other.done("init")
    false = str(forged(Path(made["path"]), tmp_path / "false", "Example GmbH", "Example SE"))
    given = ("--digest", made["digest"])

    def checked(desk: AtDesk, path: str, *words: str) -> tuple[int, str, bool]:
        said = desk("backup", "--check", path, *words, "--format", "json")
        return said.code, said.json["backup"]["proved_by"], said.json["ok"]

    for desk, words, proof in (
        (working, (), "master_key"),
        (elsewhere, ("--key", key), "master_key"),
        (elsewhere, given, "digest"),
        (elsewhere, ("--digest", made["digest"][7:40]), "digest"),
    ):
        assert checked(desk, made["path"], *words) == (0, proof, True), words
    assert checked(other, made["path"]) == (4, "", True)
    assert checked(other, made["path"], "--key", str(other.home / "master.key")) == (1, "", False)
    for desk, words, code in (
        (working, (), 4),
        (working, ("--key", key), 1),
        (elsewhere, given, 1),
        (elsewhere, ("--digest", made["digest"][:20]), 1),
    ):
        assert checked(desk, false, *words)[:2] == (code, ""), words
    assert elsewhere("backup", "--check", false, "--key", str(tmp_path / "none")).error == "file_missing"
    assert elsewhere("backup", "--to", str(tmp_path / "to"), *given).error == "options_conflict"


def test_a_check_names_a_master_key_in_a_backup(working: AtDesk, tmp_path: Path) -> None:
    made = Path(backup_of(working, tmp_path / "to")["path"])
    shutil.copy(working.home / "master.key", made / "data" / "home" / "spare")
    write_bag(made, [(name, value) for name, value in bag_info(made).items() if name != "Payload-Oxum"])
    words = ("backup", "--check", str(made), "--digest", f"sha256:{bag_digest(made)}")
    said = working(*words, "--format", "json")
    assert (said.code, said.json["backup"]["master_keys"]) == (4, ["data/home/spare"])
    assert "data/home/spare" in working(*words).out


def test_a_restored_home_is_paused_and_goes_on_after_a_person_resumed_it(
    working: AtDesk, tmp_path: Path
) -> None:
    made = backup_of(working, tmp_path / "to")
    working.done("note", "written after the backup")
    new = at(working, tmp_path / "new")
    found = restored(working, made["path"], new.home)
    assert found["paused"] == ["amber-falcon"]
    assert {*found["missing"]} == {f"{name} (secret)" for name in SECRETS[1:]} | {"link (link)"}
    assert (new.home / "regimes" / "note.txt").read_text() == "own law"
    assert new("audit", "verify").code == 0
    assert state(new) == "paused"
    (paused,) = [one for one in todo(new) if one["kind"] == "paused"]
    assert (Path(made["path"]).name in paused["text"], paused["detail"] != "") == (True, True)
    new.done("resume", "--reason", "compared with the phones")
    assert state(new) == "open"
    new.done("pause", "--reason", "waits-for-counsel")
    (paused,) = [one for one in todo(new) if one["kind"] == "paused"]
    assert ("waits-for-counsel" in paused["text"], paused["detail"]) == (True, "")
    assert state(working) == "open"
    assert new("audit", "verify", "--format", "json").json["documents_unread"] == 0


def test_a_restore_replaces_nothing_and_needs_the_key(working: AtDesk, tmp_path: Path) -> None:
    made = backup_of(working, tmp_path / "to")
    again = working("restore", made["path"], "--home", str(working.home))
    assert again.error == "home_exists"
    without = working("restore", made["path"], "--home", str(tmp_path / "new"))
    assert without.error == "backup_unproved"
    assert "--digest" not in without.err.split(), (
        "the backup does not contain the key: its digest alone is refused"
    )
    other = tmp_path / "other"
    at(working, other).done("init")
    wrong = working(
        "restore", made["path"], "--home", str(tmp_path / "new"), "--key", str(other / "master.key")
    )
    assert wrong.error == "backup_unproved"
    assert not (tmp_path / "new").exists()
    assert not list(tmp_path.glob(".*restoring"))


@pytest.mark.parametrize(
    "spelling", ["new", "./new/", "../{}/new", "here/../new", "there/new", "there/../new"]
)
def test_every_spelling_of_the_new_folder_works(working: AtDesk, tmp_path: Path, spelling: str) -> None:
    here = working.home.parent
    (here / "here").mkdir()
    (tmp_path / "real").mkdir()
    (here / "there").symlink_to(tmp_path / "real")
    made = backup_of(working, tmp_path / "to")
    new = spelling.format(here.name)
    said = working(
        "restore", made["path"], "--home", new, "--key", "./here/../home/master.key", "--format", "json"
    )
    assert said.code == 0, said.err
    there = at(working, (here / new).resolve())
    assert (said.json["restored"]["home"], state(there)) == (str(there.home), "paused")
    assert there("audit", "verify").code == 0


@pytest.mark.parametrize(
    "reference", ["file:own.key", "file:{}/own.key", "env:OWN_KEY", "command:/bin/cat {}/own.key"]
)
def test_a_backup_that_brings_its_own_key_proves_nothing(
    working: AtDesk, tmp_path: Path, reference: str
) -> None:
    """Somebody has the folder of backups, makes a key, and makes every code of the backup with it."""
    made, hostile = Path(backup_of(working, tmp_path / "to")["path"]), tmp_path / "hostile"
    create_master("file:own.key", base=tmp_path)
    shutil.copytree(made, hostile)
    inside = hostile / "data" / "home"
    settings = {**ORGANISATION, "master_key": reference.format(tmp_path)}
    (inside / "tocsin.yaml").write_text(msgspec.yaml.encode(settings).decode())
    shutil.copy(tmp_path / "own.key", inside / "own.key")
    digest, _ = write_bag(
        hostile, [(name, value) for name, value in bag_info(made).items() if name != "Payload-Oxum"]
    )
    own = read_master("file:own.key", base=tmp_path)
    (hostile / MAC).write_text(mac_of(own, digest.encode()))
    words = ("restore", str(hostile), "--home", str(tmp_path / "new"))
    said = working(*words)
    assert said.error == "backup_unproved"
    assert "--key" in said.err
    assert working(*words, "--key", str(working.home / "master.key")).error == "backup_unproved"
    assert not (tmp_path / "new").exists()


def test_a_given_digest_must_match_also_if_the_key_does(working: AtDesk, tmp_path: Path) -> None:
    made = backup_of(working, tmp_path / "to")
    said = attempt(working, Path(made["path"]), tmp_path / "new", "--digest", "0" * 64)
    assert said.error == "digest_differs"
    assert not (tmp_path / "new").exists()


def test_what_was_erased_after_the_backup_is_erased_again(working: AtDesk, tmp_path: Path) -> None:
    working.done("person", "add", "petra", "--name", "Petra Probst", "--contact", "screen=petra")
    made = backup_of(working, tmp_path / "to")
    working.closed("--reason", "over")
    shred = working("shred", "amber-falcon", "--reason", "policy", "--yes")
    assert (shred.code, shred.warnings) == (0, ["backup_keeps_data"])
    forget = working("person", "forget", "petra", "--yes")
    assert (forget.code, forget.warnings) == (0, ["backup_keeps_data"])
    new = at(working, tmp_path / "new")
    found = restored(working, made["path"], new.home)
    assert len(found["erased_again"]) == 2
    assert new("audit", "verify").code == 0
    assert new("status", "-i", "amber-falcon").error == "shredded"
    assert "petra" not in new.done("person", "list", "--format", "json")
    listed = list_beside(Path(made["path"])).read_text()
    assert "petra" not in listed.lower()


def test_a_folder_of_backups_that_cannot_be_reached_is_named(working: AtDesk, tmp_path: Path) -> None:
    backup_of(working, tmp_path / "to")
    working.closed("--reason", "over")
    shutil.rmtree(tmp_path / "to")
    said = working("shred", "amber-falcon", "--reason", "policy", "--yes")
    assert said.warnings == ["backup_keeps_data", "backup_unreachable"]


def test_all_access_by_a_secret_ends_with_a_restore(working: AtDesk, tmp_path: Path) -> None:
    working.done("token", "create", "siem", "--scope", "incident.read", "--owner", "maria")
    working.done("account", "invite", "maria")
    working.done("calendar", "address", "--as", "maria")
    working.done("step-link", "create", "maria", "block")
    assert working.office().marks("login-invited/")
    made = backup_of(working, tmp_path / "to")
    new = at(working, tmp_path / "new")
    assert restored(working, made["path"], new.home)["tokens"] == 1
    assert new("token", "list", "--format", "json").json["tokens"] == []
    office = new.office()
    assert not [
        name for prefix in ("login-invited/", "calendar/", "step-link/") for name in office.marks(prefix)
    ]
    office.close()


def test_old_backups_go_by_rule_and_those_of_another_home_stay(working: AtDesk, tmp_path: Path) -> None:
    to = tmp_path / "to"
    stranger = to / "tocsin-zzz-20200101T000000Z"
    stranger.mkdir(parents=True)
    odd = to / f"{Path(backup_of(working, to)['path']).name.rpartition('-')[0]}-20261399T999999Z"
    odd.mkdir()  # no time
    working.clock.advance(DAY)
    names = []
    for _ in range(4):
        names.append(Path(backup_of(working, to, "--keep", "2d")["path"]).name)
        working.clock.advance(DAY)
    assert {p.name for p in to.iterdir() if p.is_dir()} == {stranger.name, odd.name, *names[-2:]}
    assert working("backup", "--to", str(to), "--keep", "soon").error == "bad_keep"


def test_all_backups_of_the_last_24_hours_are_kept(working: AtDesk, tmp_path: Path) -> None:
    to, names = tmp_path / "to", []
    for _ in range(3):
        names.append(Path(backup_of(working, to, "--keep", "1d")["path"]).name)
        working.clock.advance(timedelta(minutes=1))
    assert {path.name for path in to.iterdir() if path.is_dir()} == set(names)
    working.clock.advance(DAY - timedelta(minutes=1, seconds=30))
    names.append(Path(backup_of(working, to, "--keep", "1d")["path"]).name)
    assert {path.name for path in to.iterdir() if path.is_dir()} == set(names[2:])


def test_a_copy_that_does_not_verify_is_kept_under_another_name_and_no_older_one_is_removed(
    working: AtDesk, tmp_path: Path
) -> None:
    to = tmp_path / "to"
    good = backup_of(working, to)
    working.clock.advance(DAY)
    tamper(working, CHANGED)
    said = working("backup", "--to", str(to), "--keep", "1d", "--format", "json")
    assert (said.code, said.json["ok"]) == (1, False)
    assert Path(said.json["backup"]["path"]).suffix == ".unverified"
    assert Path(good["path"]).is_dir()
    assert not said.json["backup"]["recorded"]


def test_the_doctor_says_when_the_last_backup_was_made(working: AtDesk, tmp_path: Path) -> None:
    def backup_findings() -> list[tuple[str, str]]:
        found = working("doctor", "--offline", "--format", "json").json["findings"]
        return [(one["code"], one["severity"]) for one in found if one["area"] == "backup"]

    assert backup_findings() == [("no_backup", "warning")]
    backup_of(working, tmp_path / "to")
    assert backup_findings() == [("", "good")]
    working.clock.advance(8 * DAY)
    assert backup_findings() == [("backup_old", "warning")]


def test_a_scheduled_backup_runs_where_the_settings_say(incident: AtDesk, tmp_path: Path) -> None:
    assert incident("routine", "add", "backup", "--every", "1d").error == "backup_folder_missing"
    incident.settings(backup={"to": str(tmp_path / "to"), "keep": "3d"})
    incident.done("routine", "add", "backup", "--every", "1d")
    incident.clock.advance(DAY)
    assert incident("drill", "run", "--due").code == 0
    (made,) = (tmp_path / "to").glob("tocsin-*Z")
    assert made.name.endswith(f"{T0 + DAY:%Y%m%dT%H%M%SZ}")
    (schedule,) = incident("routine", "list", "--format", "json").json["schedules"]
    assert [fired["state"] for fired in schedule["firings"]] == ["passed"]


def test_without_a_folder_nothing_is_written(incident: AtDesk, tmp_path: Path) -> None:
    assert incident("backup").error == "option_missing"
    (tmp_path / "file").write_text("x")
    assert incident("backup", "--to", str(tmp_path / "file")).error == "backup_unwritable"


def test_an_encrypted_backup_is_one_file_that_only_its_key_opens(working: AtDesk, tmp_path: Path) -> None:
    identity, stranger = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    (tmp_path / "key.txt").write_text(f"# made for a test\n{identity}\n")
    (tmp_path / "other.txt").write_text(f"{stranger}\n")
    made = backup_of(working, tmp_path / "to", "--encrypt", str(identity.to_public()))
    path = Path(made["path"])
    assert {one.name for one in (tmp_path / "to").iterdir()} == {path.name, list_beside(path).name}
    assert not list((working.home / "backups").iterdir())
    assert path.stat().st_mode & 0o777 == 0o600
    assert b"amber-falcon" not in path.read_bytes()
    secret = ("--identity", str(tmp_path / "key.txt"))
    said = working("backup", "--check", str(path), *secret, "--format", "json")
    assert (said.code, said.json["backup"]["digest"]) == (0, made["digest"])
    assert said.json["backup"]["proved_by"] == "master_key"
    for words in ((), ("--identity", str(tmp_path / "other.txt"))):
        assert working("backup", "--check", str(path), *words).error == "age_sealed"
    new = at(working, tmp_path / "new")
    assert restored(working, str(path), new.home, *secret)["paused"] == ["amber-falcon"]
    assert new("audit", "verify").code == 0
    assert not list(tmp_path.glob(".tocsin-*"))
    cut = tmp_path / path.name
    cut.write_bytes(path.read_bytes()[:-20])
    assert working("backup", "--check", str(cut), *secret).error == "age_sealed"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--encrypt", "age1nothing"), "bad_recipient"),
        (("--encrypt", "ssh-ed25519 nothing"), "bad_recipient"),
    ],
)
def test_a_wrong_key_is_refused_before_anything_is_written(
    working: AtDesk, tmp_path: Path, words: tuple[str, ...], code: str
) -> None:
    assert working("backup", "--to", str(tmp_path / "to"), *words).error == code
    assert not (tmp_path / "to").exists()


@pytest.mark.postgres
@pytest.mark.parametrize("kept_in", ["postgres"], indirect=True)
def test_a_home_on_a_server_is_restored_into_a_file(working: AtDesk, tmp_path: Path) -> None:
    made = backup_of(working, tmp_path / "to")
    new = at(working, tmp_path / "new")
    found = restored(working, made["path"], new.home)
    assert (found["store_moved"], found["paused"]) == (True, ["amber-falcon"])
    assert "postgresql" not in (new.home / "tocsin.yaml").read_text()
    assert new("audit", "verify", "--format", "json").json["documents_unread"] == 0
    assert (state(new), state(working)) == ("paused", "open")


def forged(backup: Path, to: Path, old: str, new: str) -> Path:
    """Return a copy with other settings and right manifests, as somebody with the folder in hand can make it."""
    shutil.copytree(backup, to)
    settings = to / "data" / "home" / "tocsin.yaml"
    text = settings.read_text()
    settings.write_text(text.replace(old, new) if old in text else f"{new}\n{text}")
    write_bag(to, [(name, value) for name, value in bag_info(to).items() if name != "Payload-Oxum"])
    return to


def test_the_settings_of_a_backup_that_nobody_proved_are_not_obeyed(working: AtDesk, tmp_path: Path) -> None:
    made = Path(backup_of(working, tmp_path / "to")["path"])
    ran, victim = tmp_path / "ran", tmp_path / "victim"
    victim.write_text("precious")
    victim.chmod(0o600)
    command = forged(made, tmp_path / "a", "\0", f"master_key: 'command:/bin/touch {ran}'")
    assert working("backup", "--check", str(command)).code == 4
    for words in ((), ("--key", str(working.home / "master.key"))):
        said = working("restore", str(command), "--home", str(tmp_path / "new"), *words)
        assert said.error == "backup_unproved"
    outside = forged(made, tmp_path / "b", "\0", f"master_key: 'file:{victim}'")
    assert attempt(working, outside, tmp_path / "new").error == "backup_unproved"
    assert (ran.exists(), victim.read_text(), (tmp_path / "new").exists()) == (False, "precious", False)
    digest = working("backup", "--check", str(outside), "--format", "json").json["backup"]["digest"]
    said = attempt(working, outside, tmp_path / "new", "--digest", digest)
    assert (
        said.error == "master_invalid"
    )  # proved by its digest: the file of the settings is read, never written
    assert victim.read_text() == "precious"


def test_a_secret_is_left_out_whatever_its_reference_is_called(incident: AtDesk, tmp_path: Path) -> None:
    home = incident.home
    (home / "secrets").mkdir()
    for name in ("mail.password", "pager.key", "secrets/hook.key"):
        (home / name).write_text("whsec_" + "c2VjcmV0" * 6)
    (home / "pager.link").symlink_to("pager.key")
    mail: dict[str, Any] = {"adapter": "smtp", "secrets": {"password": "file:secrets/../mail.password"}}
    mail["settings"] = {"host": "127.0.0.1", "sender": "a@example.org", "username": "a"}
    screen = incident.channels["channels"]
    incident.settings(channels={**screen, "mail": mail}, act={"secrets": {"pager": "file:pager.link"}})
    incident.done(
        "webhook",
        "add",
        "siem",
        "https://hooks.example.org/x",
        "--secret",
        "file:secrets/hook.key",
        "--as",
        "maria",
    )
    (home / "uploads").mkdir()
    (home / "uploads" / "people.csv").write_text("name\nAda")
    made = backup_of(incident, tmp_path / "to")
    names = {path.name for path in Path(made["path"]).rglob("*")}
    assert not names & {"mail.password", "pager.key", "hook.key", "people.csv", "master.key"}
    again = AtDesk(tmp_path / "alias", clock=incident.clock, chance=incident.chance)
    again.home.symlink_to(home)
    incident.clock.advance(DAY)
    assert "mail.password" not in {
        path.name for path in Path(backup_of(again, tmp_path / "to")["path"]).rglob("*")
    }


def test_a_folder_that_is_a_secret_as_a_whole_is_left_out_and_named(incident: AtDesk, tmp_path: Path) -> None:
    account = incident.home / "signal" / "account"
    account.mkdir(parents=True)
    for name in (".tocsin-secret", "account.db"):
        (account / name).write_text("made up")
    made = backup_of(incident, tmp_path / "to")
    assert {"path": "signal/account", "reason": "secret"} in made["left_out"]
    assert "account.db" not in {path.name for path in Path(made["path"]).rglob("*")}


def test_a_restored_home_sends_no_webhook_and_removes_no_backup_of_the_other_home(
    working: AtDesk, tmp_path: Path
) -> None:
    working.done("webhook", "add", "siem", "https://hooks.example.org/x", "--as", "maria")
    made = backup_of(working, tmp_path / "to")
    new = at(working, tmp_path / "new")
    found = restored(working, made["path"], new.home)
    assert (found["webhooks"], found["erased_list"]) == (["siem"], True)
    findings = new("doctor", "--offline", "--format", "json").json["findings"]
    assert [Path(made["path"]).name in one["what"] for one in findings if one["code"] == "no_backup"] == [
        True
    ]
    (hook,) = new("webhook", "list", "--format", "json").json["webhooks"]
    assert made["path"].rpartition("/")[2] in hook["paused"]
    for _ in range(3):
        working.clock.advance(DAY)
        backup_of(new, tmp_path / "to", "--keep", "1d")
    assert Path(made["path"]).is_dir()


def test_a_missing_or_changed_list_of_erased_data_is_told(working: AtDesk, tmp_path: Path) -> None:
    made = Path(backup_of(working, tmp_path / "to")["path"])
    alone = tmp_path / "elsewhere" / made.name
    shutil.copytree(made, alone)
    assert not restored(working, str(alone), tmp_path / "one")["erased_list"]
    list_beside(alone).write_text('{"journal":"i-1","kind":"incident","mac":"00"}\n')
    assert attempt(working, alone, tmp_path / "two").error == "erased_damaged"
    assert not (tmp_path / "two").exists()


def test_two_homes_share_a_folder_and_each_has_its_own_list_of_erased_data(
    working: AtDesk, playbook: Path, tmp_path: Path
) -> None:
    other = at(working, tmp_path / "other")
    other.done("init")
    other.done("person", "add", "lena", "--name", "Lena Holm")
    other.done("person", "forget", "lena", "--yes")
    mine, theirs = (Path(backup_of(desk, tmp_path / "to")["path"]) for desk in (working, other))
    assert list_beside(mine) != list_beside(theirs)
    assert len(list_beside(theirs).read_text().splitlines()) == 1
    assert restored(working, str(mine), tmp_path / "new")["erased_list"]


def test_the_clear_copy_of_a_stopped_backup_is_removed_by_a_later_one(
    working: AtDesk, tmp_path: Path
) -> None:
    identity = pyrage.x25519.Identity.generate()
    words = ("--encrypt", str(identity.to_public()))
    first = Path(backup_of(working, tmp_path / "to", *words)["path"])
    left = working.home / "backups" / first.name.replace(".tar.age", ".partial")
    sealed = first.with_name(f"{first.name}.partial")
    for path in (left, sealed):
        path.mkdir()
        os.utime(path, (0, 0))
    working.clock.advance(DAY)
    backup_of(working, tmp_path / "to", *words)
    assert (left.exists(), sealed.exists()) == (False, False)
