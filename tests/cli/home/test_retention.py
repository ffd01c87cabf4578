"""The list of decisions about erasure, the decisions that it takes, and the certificate of an erasure."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pypdfium2  # type: ignore[import-untyped]
import pyrage
import pytest

from runner.app.core import organisation_journal
from runner.app.home import retention
from runner.incident.people.contact_journal import JOURNAL, IncidentShredded
from tests.cli.at_desk import AtDesk, compare

WHY = ("--reason", "policy 7.2")
YEARS = timedelta(days=3 * 365 + 2)


@pytest.fixture
def old(incident: AtDesk, tmp_path: Path) -> AtDesk:
    """A home with a closed incident, a person and a backup, all three years old."""
    log = tmp_path / "gate.log"
    log.write_text("badge 4711 used", encoding="utf-8")
    incident.done("attach", str(log), "--source", "gate")
    incident.done("person", "add", "petra", "--name", "Petra Probst", "--contact", "screen=petra")
    incident.done("backup", "--to", str(tmp_path / "to"))
    incident.closed("--reason", "found again")
    incident.clock.advance(YEARS)
    return incident


def due(desk: AtDesk) -> list[tuple[str, str]]:
    found: Any = desk("shred", "--format", "json")
    assert found.code == 0, found.err
    return [(one["kind"], Path(one["ref"]).name.partition("-2")[0]) for one in found.json["due"]]


def test_the_list_has_incidents_people_and_backups_until_a_person_decides(old: AtDesk) -> None:
    assert due(old) == [("incident", "amber-falcon"), ("person", "petra")]
    compare("retention.due", old.done("shred"), old.home)
    old.done("routine", "add", "retention", "--every", "1d")
    old.clock.advance(timedelta(days=1))
    assert old("drill", "run", "--due").code == 4
    old.done("person", "verify", "petra", "screen", "--how", "in person")
    until = f"{old.clock.now() + timedelta(days=30):%Y-%m-%d}"
    old.done("hold", "amber-falcon", "--until", until, "--reason", "limitation of claims")
    assert due(old) == []
    assert old("shred", "amber-falcon", "--yes", *WHY).error == "held"
    old.clock.advance(timedelta(days=30))
    assert due(old) == [("incident", "amber-falcon")]
    (over,) = old("hold", "--format", "json").json["ended"]
    assert (over["ends"], over["ended_by"]) == (until, "")
    assert old("hold", "amber-falcon", "--until", until, *WHY).error == "day_past"
    old.done("shred", "amber-falcon", "--yes", *WHY)
    assert due(old) == [("backup", next((old.home.parent / "to").glob("*Z")).name.partition("-2")[0])]


def test_the_schedule_says_how_long_data_are_kept(incident: AtDesk) -> None:
    incident.closed("--reason", "found again")
    incident.done("routine", "add", "retention", "--every", "1d", "--closed-for", "30d")
    assert due(incident) == []
    incident.clock.advance(timedelta(days=31))
    assert due(incident) == [("incident", "amber-falcon")]


def test_a_person_with_a_role_in_an_incident_on_hold_is_not_forgotten(old: AtDesk) -> None:
    old.done("hold", "amber-falcon", *WHY)
    assert old("person", "forget", "maria", "--yes").error == "held"
    old.done("person", "forget", "petra", "--yes")


def test_the_certificate_names_the_backups_with_the_key_and_no_content(old: AtDesk, tmp_path: Path) -> None:
    file = tmp_path / "erased.pdf"
    file.touch()
    refused = old("shred", "amber-falcon", "--yes", "--certificate", str(file), *WHY)
    assert (refused.error, due(old)[0][1]) == ("file_exists", "amber-falcon")
    file.unlink()
    old.done("shred", "amber-falcon", "--yes", *WHY, "--as", "maria")
    said = old("shred", "amber-falcon", "--certificate", str(file), "--format", "json").json
    assert said["sha256"] == sha256(file.read_bytes()).hexdigest()
    text = re.sub(r"[\s\ufffe]", "", pypdfium2.PdfDocument(file)[0].get_textpage().get_text_range())
    (backup,) = (one.name for one in (tmp_path / "to").glob("*Z"))
    assert all(word in text for word in ("amber-falcon", "maria", backup, "2027-06-29"))
    assert not re.search("4711|Petra|gate", text)
    assert json.dumps(said).count("4711") == 0


def certified(desk: AtDesk, file: Path, incident: str = "amber-falcon") -> str:
    """Return the text of a certificate without spaces and line ends."""
    desk.done("shred", incident, "--certificate", str(file))
    pages = (page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(file))
    return re.sub(r"[\s\ufffe]", "", "".join(pages))


def test_a_backup_that_is_not_found_stays_in_the_list_and_the_certificate(
    old: AtDesk, tmp_path: Path
) -> None:
    """An unplugged mount point is an empty folder."""
    old.done("shred", "amber-falcon", "--yes", *WHY)
    (backup,) = (tmp_path / "to").glob("*Z")
    backup.rename(tmp_path / "unplugged")
    assert [kind for kind, _ in due(old)] == ["person", "backup"]
    assert backup.name in certified(old, tmp_path / "a.pdf")
    old.done("backup", "--to", str(tmp_path / "to"))
    assert [kind for kind, _ in due(old)] == ["person"], "its folder is reached: somebody removed it"
    assert backup.name in certified(old, tmp_path / "b.pdf"), "but perhaps to another place"
    (tmp_path / "unplugged").rename(backup)
    old.clock.advance(timedelta(hours=1))
    old.done("backup", "--to", str(tmp_path / "to"), "--keep", "1d")
    assert backup.name not in certified(old, tmp_path / "c.pdf"), "Tocsin removed it"


def test_a_backup_from_before_the_incident_is_not_in_its_certificate(
    old: AtDesk, playbook: Path, tmp_path: Path
) -> None:
    lock = ("--encrypt", str(pyrage.x25519.Identity.generate().to_public()))
    old.done("pack", "--out", str(tmp_path / "early.age"), *lock)
    old.clock.advance(timedelta(hours=1))
    later = old("open", str(playbook), "--yes", "--format", "json").json["codename"]
    old.closed("-i", later, "--reason", "found again")
    old.done("shred", later, "--yes", *WHY)
    text = certified(old, tmp_path / "erased.pdf", later)
    (backup,) = (one.name for one in (tmp_path / "to").glob("*Z"))
    assert [name in text for name in ("Norecordedbackup", "early.age", backup)] == [True, False, False]


def test_each_pack_from_before_the_erasure_is_named_and_no_rule_removes_it(
    old: AtDesk, tmp_path: Path
) -> None:
    lock = ("--encrypt", str(pyrage.x25519.Identity.generate().to_public()))
    for name in ("one.age", "two.age"):
        old.done("pack", "--out", str(tmp_path / name), *lock)
    old.done("shred", "amber-falcon", "--yes", *WHY)
    old.clock.advance(timedelta(days=1))
    old.done("pack", "--out", str(tmp_path / "later.age"), *lock)
    text = certified(old, tmp_path / "erased.pdf")
    assert [name in text for name in ("one.age", "two.age", "later.age")] == [True, True, False]
    old.clock.advance(YEARS)
    assert [name for kind, name in due(old) if kind == "backup" and name.endswith(".age")] == []


def test_a_backup_between_the_order_and_the_end_of_the_erasure_has_the_key(
    old: AtDesk, tmp_path: Path
) -> None:
    service = old.office()
    row = next(row for row in service.incidents() if row.codename == "amber-falcon")
    order = IncidentShredded(incident=row.id, codename=row.codename, by="maria", reason="policy 7.2")
    organisation_journal.change(service, JOURNAL, retention.kept, lambda before: (order,))
    old.clock.advance(timedelta(hours=1))
    old.done("backup", "--to", str(tmp_path / "between"))
    old.clock.advance(timedelta(hours=1))
    old.done("shred", "amber-falcon", "--yes", *WHY)
    old.clock.advance(timedelta(hours=1))
    old.done("backup", "--to", str(tmp_path / "after"))
    text = certified(old, tmp_path / "erased.pdf")
    assert ["/between/" in text, "/after/" in text] == [True, False]


def test_only_the_notes_of_a_hold_do_not_renew_the_time(old: AtDesk) -> None:
    old.done("hold", "amber-falcon", *WHY)
    old.done("hold", "amber-falcon", "--release", *WHY, "--as", "jonas")
    assert ("incident", "amber-falcon") in due(old)
    old.done("note", "-i", "amber-falcon", "asked again")
    assert ("incident", "amber-falcon") not in due(old)


def test_a_person_whom_a_hold_protects_is_not_listed(old: AtDesk) -> None:
    old.done("note", "-i", "amber-falcon", "seen", "--as", "petra")
    assert ("person", "petra") in due(old)
    old.done("hold", "amber-falcon", *WHY)
    assert due(old) == []
    assert old("person", "forget", "petra", "--yes").error == "held"
