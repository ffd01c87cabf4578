"""What a bundle contains for each audience, and that nothing withheld is in it."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import shutil
import tempfile
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pypdfium2 as pdfium  # type: ignore[import-untyped]
import pytest

from runner.app.bundles.audiences import AUDIENCES, Audience
from runner.app.bundles.export import _write, export
from runner.app.bundles.papers import MOST_IN_PDF
from runner.app.core.transaction import entry
from runner.base.actor import Principal
from runner.base.table_file import table_rows
from runner.documents.contents.cover_sheet import PRIVILEGE
from runner.errors import Refused
from runner.incident.state.commands import AddNote
from runner.incident.state.events import AnyEvent, EventCorrected
from runner.store.port import Append, Appended
from tests.cli.at_desk import AtDesk
from tests.cli.bundles.bundled import PLANTED, Bundled
from tests.cli.notices.noticed import DUTY

GIVEN = {
    "counsel": set(PLANTED),
    "court": set(PLANTED) - {"privileged", "correction"},
    "regulator": {"source", "approval"},
    "insurer": set(),
    "board": {"source", "approval"},
    "public": set(),
}
"""Audience → the planted words that it may read, with every part that it receives."""


def files_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}


def words_of(content: bytes) -> bytes:
    """Return everything readable in a file: packed parts and the pages of a PDF, too."""
    if content.startswith(b"%PDF"):
        document = pdfium.PdfDocument(content)
        return "".join(page.get_textpage().get_text_bounded() for page in document).encode() + content
    return content


@pytest.mark.parametrize("audience", AUDIENCES)
def test_each_audience_reads_its_own_words_and_no_other(made: Bundled, audience: str) -> None:
    whole = b"\n".join(map(words_of, files_of(made.folder / f"{audience}.zip").values()))
    assert {name for name, word in PLANTED.items() if word.encode() in whole} == GIVEN[audience]


@pytest.mark.parametrize("audience", AUDIENCES)
def test_each_bundle_verifies_without_a_home_and_says_what_is_withheld(made: Bundled, audience: str) -> None:
    path = made.folder / f"{audience}.zip"
    key = made.check(path)["key"]
    found = made.check(path, "--key", key)
    scope = json.loads(files_of(path)["data/scope.json"])
    assert (found["code"], found["faults"], found["audience"]) == (0, [], audience)
    assert found["levels"] == scope["levels"]
    assert sum(found["levels"].values()) == found["entries"]
    assert sum(one["count"] for one in scope["withheld"]) == found["entries"] - found["levels"]["full"]
    assert {state["state"] for state in found["layers"].values()} == {"ok", "absent"}


def test_a_withheld_entry_has_neither_header_nor_author(made: Bundled) -> None:
    files = files_of(made.folder / "public.zip")
    assert files["data/record/events.jsonl"] == b""
    record = b"".join(body for name, body in files.items() if name.startswith("data/"))
    assert not re.findall(rb"maria|jonas|\bada\b|amber-falcon", record)


def test_a_privileged_entry_is_in_the_log_without_content(made: Bundled) -> None:
    log = files_of(made.folder / "court.zip")["data/legal/privilege-log.csv"].decode().splitlines()
    assert [row.split(",")[2] for row in log[1:]] == ["maria", "maria"]
    assert "data/legal/privilege-log.csv" not in files_of(made.folder / "insurer.zip")


def test_the_privilege_log_names_authors_also_if_the_dpo_exports(made: Bundled) -> None:
    desk, name = made.desk, made.another()
    desk.done("note", "the opinion", "--privileged", "-i", name)
    desk.done("role", "assign", "dpo", "maria", "-i", name)
    who = Principal(person="maria", proven_by="login:totp")
    office = desk.office()
    office.principal = who
    incident = office.load(office.find(name))
    assert not office.read(who).may("note.privileged", incident)
    export(office, incident, made.folder / "dpo.zip", Audience("court"), ())
    desk.cancelled(name)
    files = files_of(made.folder / "dpo.zip")
    rows = files["data/legal/privilege-log.csv"].decode().splitlines()[1:]
    assert [row.split(",")[2] for row in rows] == ["maria"]
    assert b"the opinion" not in b"\n".join(map(words_of, files.values()))


def test_an_older_correction_of_a_privileged_entry_is_withheld_as_that_entry_is(made: Bundled) -> None:
    """Before corrections had the stream of the corrected entry, all were operational."""
    desk, name = made.desk, made.another()
    desk.done("note", "the opinion", "--privileged", "-i", name)
    office = desk.office()
    incident = office.load(office.find(name))
    row = office.row(incident.id)
    assert row is not None
    older = []
    for back in (0, 1):  # the second one corrects the first one
        number = incident.version + back
        event = EventCorrected(seq=number, by="maria", reason=f"PLANTEDolder{number}")
        older.append(entry(event, desk.clock.time, office.principal.actor, None))
    after = msgspec.structs.replace(row, version=row.version + len(older))
    made_now = Append(incident=incident.id, expected_version=row.version, events=older, row=after)
    (said,) = office.store.append([made_now], recorded=desk.clock.time)
    assert isinstance(said, Appended)
    found = made.export("older.zip", "-i", name, "--for", "court")
    counsel = made.export("older-counsel.zip", "-i", name, "--for", "counsel")
    desk.cancelled(name)
    withheld = {one["reason"]: one["count"] for one in found["scope"]["withheld"]}
    assert withheld["privileged"] == 3
    assert "privileged" not in {one["reason"] for one in counsel["scope"]["withheld"]}
    whole = b"\n".join(map(words_of, files_of(made.folder / "older.zip").values()))
    assert b"PLANTEDolder" not in whole


def test_a_regulator_receives_what_was_filed_with_the_bytes_that_were_filed(made: Bundled) -> None:
    files = files_of(made.folder / "regulator.zip")
    (listed,) = json.loads(files["data/documents.json"])
    assert listed["duty"]
    for path in listed["files"].values():
        name = Path(path)
        assert hashlib.sha256(files[f"data/{path}"]).hexdigest() == name.stem


def test_counsel_receives_every_version_the_court_only_what_was_approved(made: Bundled) -> None:
    numbers = [
        len(json.loads(files_of(made.folder / f"{one}.zip")["data/documents.json"]))
        for one in ("counsel", "court")
    ]
    assert numbers == [2, 1]


def test_what_counsel_alone_receives_is_marked_as_privileged(made: Bundled) -> None:
    pages = {
        one: files_of(made.folder / f"{one}.zip")["README.html"].decode() for one in ("counsel", "court")
    }
    assert [PRIVILEGE in page for page in pages.values()] == [True, False]


def test_the_index_has_no_script_and_fetches_nothing(made: Bundled) -> None:
    page = files_of(made.folder / "court.zip")["README.html"].decode()
    assert not re.findall(r"<script|<img|<link|src=|@import|http-equiv=.refresh", page)
    assert all(name in page for name in ("data/scope.json", "data/record/chronology.pdf"))


def test_the_load_file_names_each_document_and_its_digest(made: Bundled) -> None:
    files = files_of(made.folder / "court.zip")
    head, *rows = [
        [cell.strip("þ") for cell in line.split("\x14")]
        for line in files["data/legal/load-file.dat"].decode("utf-8-sig").split("\r\n")[:-1]
    ]
    assert head[-2:] == ["SHA256", "FILEPATH"]
    assert all(hashlib.sha256(files[row[-1]]).hexdigest() == row[-2] for row in rows)
    assert {row[1] for row in rows} == {"document", "evidence"}


def test_each_exhibit_has_a_custody_form_for_those_who_receive_its_entries(made: Bundled) -> None:
    for audience in AUDIENCES:
        files = files_of(made.folder / f"{audience}.zip")
        found = [name for name in files if name.startswith("data/legal/custody-")]
        assert len(found) == (audience in ("counsel", "court")), audience
    rows = files_of(made.folder / "court.zip")["data/legal/custody.csv"].decode().splitlines()
    entries = [row.split(",")[5] for row in rows[1:]]
    assert (len(entries), entries) == (4, sorted(entries, key=int))


def test_facts_have_their_source_and_what_replaced_them(made: Bundled) -> None:
    files = files_of(made.folder / "regulator.zip")
    facts = json.loads(files["data/facts/facts.json"])
    summary = [one for one in facts if one["fact"] == "incident.summary"]
    assert [one["superseded"] for one in summary] == [summary[1]["entry"], None]
    assert summary[1]["source"] == PLANTED["source"]
    assert len(files["data/facts/history.csv"].decode().splitlines()) == len(facts) + 1
    assert "data/facts/facts.json" not in files_of(made.folder / "insurer.zip")


def test_nobody_reads_that_a_fact_is_right_where_its_correction_is_withheld(made: Bundled) -> None:
    desk, name = made.desk, made.another()
    said = desk("fact", "history", "incident.summary", "-i", name, "--format", "json").json
    desk.done("correct", str(said["history"][-1]["event"]), "--reason", "another office", "-i", name)
    for audience in ("regulator", "board", "court"):
        made.export(f"wrong-{audience}.zip", "-i", name, "--for", audience)
    desk.cancelled(name)
    for audience, wrong in (("regulator", None), ("board", None), ("court", "another office")):
        files = files_of(made.folder / f"wrong-{audience}.zip")
        facts = json.loads(files["data/facts/facts.json"])
        rows = files["data/facts/history.csv"].decode().splitlines()
        numbers = [number for number, one in enumerate(facts, 1) if one["fact"] == "incident.summary"]
        number, again = numbers
        assert [facts[number - 1]["wrong"], facts[again - 1]["wrong"] or None] == [wrong, None], audience
        assert rows[number].rpartition(",")[2] == (wrong or "withheld"), audience


def test_verdicts_have_reasons_and_the_law_that_was_pinned(made: Bundled) -> None:
    files = files_of(made.folder / "regulator.zip")
    duties = json.loads(files["data/duties/duties.json"])["duties"]
    (one,) = (one for one in duties if one["duty"] == DUTY)
    law = json.loads(files["data/law/law.json"])
    text = json.loads(files[f"data/{law['files'][one['regime']]}"])
    assert (one["verdict"], bool(one["because"]), text["id"]) == ("applies", True, one["regime"])
    assert one["law_version"] in {version["label"] for version in text["versions"]}
    public = files_of(made.folder / "public.zip")
    assert json.loads(public["data/law/law.json"])["files"] == {}
    assert "data/duties/duties.json" not in public


def test_verdicts_have_no_reasons_where_facts_behind_them_are_withheld(made: Bundled) -> None:
    desk, name = made.desk, made.another()
    desk.clock.advance(timedelta(seconds=1))
    desk.done("fact", "set", "people.by_jurisdiction.US-CA=5", "--source", "the list", "-i", name)
    made.export("later.zip", "-i", name, "--for", "court", "--since", "2026-11-24T09:00:01Z")
    made.export("whole.zip", "-i", name, "--for", "court")
    desk.cancelled(name)
    desk.clock.advance(timedelta(seconds=-1))
    later, whole = (
        json.loads(files_of(made.folder / one)["data/duties/duties.json"])["duties"]
        for one in ("later.zip", "whole.zip")
    )
    assert {"because" in one for one in later} == {False}
    assert {"because" in one for one in whole} == {True}
    assert len(later) < len(whole)
    order = [one["verdict"] for one in whole]
    assert order == sorted(order, key=lambda one: (one != "applies", one != "unknown"))
    starts = [one["clock"] for one in whole if "stand_in_for" in one.get("clock", {})]
    assert {one["start_fact"] == one["stand_in_for"] for one in starts} == {False}
    facts = json.loads(files_of(made.folder / "whole.zip")["data/facts/facts.json"])
    assert {one["source"] for one in facts} >= {"not stated", "the list"}
    assert "" not in {one["source"] for one in facts}


def test_a_later_start_gives_the_acts_with_an_exhibit_that_was_stored_before(made: Bundled) -> None:
    desk, name = made.desk, made.another()
    (made.folder / "early.log").write_text("x")
    desk.done("attach", str(made.folder / "early.log"), "-i", name)
    desk.clock.advance(timedelta(seconds=1))
    desk.done("evidence", "hand-over", "1", "jonas", "--purpose", "analysis", "-i", name)
    scope = made.export("acts.zip", "-i", name, "--for", "court", "--since", "2026-11-24T09:00:01Z")["scope"]
    desk.cancelled(name)
    desk.clock.advance(timedelta(seconds=-1))
    assert scope["duties"].startswith("no")
    files = files_of(made.folder / "acts.zip")
    heads, *rows = csv.reader(files["data/legal/custody.csv"].decode().splitlines())
    assert [(row[heads.index("SHA-256")], row[heads.index("Exhibit")]) for row in rows] == [("", "1")]
    assert b"early.log" not in b"".join(map(words_of, files.values()))
    assert "data/legal/custody-001.pdf" in files


def test_the_same_scope_and_head_give_the_same_bytes(made: Bundled, tmp_path: Path) -> None:
    first = made.export("first.zip", "--for", "regulator")
    other = AtDesk(tmp_path / "home", os_user="root")
    shutil.copytree(made.desk.home, other.home)
    other.clock.time = made.desk.clock.time.replace(year=2027)
    said = other(
        "audit", "export", "-i", "amber-falcon", "--for", "regulator", "--out", str(tmp_path / "b.zip")
    )
    assert said.code == 0, said.err
    assert (tmp_path / "b.zip").read_bytes() == (made.folder / "first.zip").read_bytes()
    assert hashlib.sha256((tmp_path / "b.zip").read_bytes()).hexdigest() == first["sha256"]


def test_an_export_is_on_record_and_changes_no_head(made: Bundled) -> None:
    before = made.desk("audit", "verify", "-i", "amber-falcon", "--format", "json").json["head"]
    answer = made.export("recorded.zip", "--for", "board")
    listed = made.desk("audit", "exports", "--format", "json").json["exports"][-1]
    assert (listed["bundle"]["sha256"], listed["bundle"]["audience"]) == (answer["sha256"], "board")
    assert listed["actor"].partition(" ")[0] == listed["bundle"]["by"]
    assert made.desk("audit", "verify", "-i", "amber-falcon", "--format", "json").json["head"] == before
    assert made.desk("audit", "verify").code == 0


def test_entries_from_before_the_scope_are_counted_as_such(made: Bundled) -> None:
    scope = made.export("since.zip", "--for", "court", "--since", "2026-11-24 11:00")["scope"]
    assert scope["levels"]["full"] == 0
    assert {one["reason"] for one in scope["withheld"]} == {"before_since", "privileged"}


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--for", "press"), "unknown_audience"),
        (("--with", "gossip"), "unknown_part"),
        (("--for", "public", "--with", "documents"), "audience_part"),
        (("--for", "regulator", "--with", "evidence"), "audience_part"),
    ],
)
def test_what_an_audience_does_not_receive_is_refused(
    made: Bundled, words: tuple[str, ...], code: str
) -> None:
    said = made.desk("audit", "export", "--out", str(made.folder / "no.zip"), *words)
    assert (said.code, said.error) == (2 if code.startswith("unknown") else 1, code)
    assert not (made.folder / "no.zip").exists()


def test_a_file_that_exists_is_not_replaced_and_nothing_is_recorded(made: Bundled) -> None:
    path = made.folder / "mine.zip"
    path.write_text("mine")
    number = len(made.desk("audit", "exports", "--format", "json").json["exports"])
    assert made.desk("audit", "export", "--out", str(path)).error == "file_unwritable"
    assert path.read_text() == "mine"
    assert len(made.desk("audit", "exports", "--format", "json").json["exports"]) == number


def test_an_export_to_the_same_file_does_not_disturb_the_one_that_runs(made: Bundled) -> None:
    path, partial = made.folder / "race.zip", made.folder / "race.zip.partial"
    partial.write_text("of another process")
    assert made.desk("audit", "export", "--out", str(path), "--for", "public").error == "file_unwritable"
    assert (partial.read_text(), path.exists()) == ("of another process", False)


def test_a_file_that_appears_during_the_export_is_not_replaced(tmp_path: Path) -> None:
    out = tmp_path / "late.zip"
    with pytest.raises(Refused):
        _write(out, "b", {"x": b"1"}, lambda _, __: void(out.write_text("mine")))
    assert {one.name: one.read_text() for one in tmp_path.iterdir()} == {"late.zip": "mine"}


def void(_: object) -> None:
    """Return nothing."""


def test_a_bundle_in_an_open_file_is_the_same_and_needs_no_name(made: Bundled, tmp_path: Path) -> None:
    office = made.desk.office()
    incident = office.load(office.find("amber-falcon"))
    with tempfile.TemporaryFile() as file:
        found, *_ = export(office, incident, file, Audience("board"), ())
        file.seek(0)
        whole = file.read()
    assert (found.bytes, found.sha256) == (len(whole), hashlib.sha256(whole).hexdigest())
    (tmp_path / "board.zip").write_bytes(whole)
    assert made.check(tmp_path / "board.zip")["ok"] is True


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
def test_an_open_file_without_space_is_refused(made: Bundled) -> None:
    with Path("/dev/full").open("wb", buffering=0) as full, pytest.raises(Refused) as refused:
        _write(full, "b", {"x": b"1"}, lambda _, __: void(pytest.fail("recorded")))
    assert refused.value.code == "file_unwritable"


def test_only_its_owner_can_read_a_new_bundle(made: Bundled) -> None:
    assert (made.folder / "counsel.zip").stat().st_mode & 0o777 == 0o600


def test_the_table_names_every_type_of_entry_and_nothing_else() -> None:
    rows: tuple[dict[str, Any], ...] = table_rows("runner.app.bundles", "audiences.csv")
    named = {row["name"] for row in rows if not row["name"].startswith("(")}
    assert named == {kind.__name__ for kind in AnyEvent.__args__}
    assert all(row["public"] in ("hash", "no", "none") for row in rows)


def test_a_bundle_of_an_erased_incident_is_refused(made: Bundled) -> None:
    desk, name = made.desk, made.another()
    desk.cancelled(name)
    desk.done("shred", name, "--reason", "policy", "--yes")
    said = desk("audit", "export", "-i", name, "--for", "court", "--out", str(made.folder / "erased.zip"))
    assert said.error == "shredded"


@pytest.mark.parametrize(
    ("person", "audience", "allowed"),
    [
        ("jonas", "counsel", True),
        ("jonas", "regulator", True),
        ("maria", "regulator", False),
        ("maria", "counsel", False),
        ("zoe", "public", False),
    ],
)
def test_who_proved_a_name_needs_the_right_to_export(
    made: Bundled, person: str, audience: str, allowed: bool
) -> None:
    who = Principal(person=person, proven_by="login:totp")
    desk = made.desk.office()
    reader = desk.read(who)
    incident = desk.load(desk.find("amber-falcon"))
    if allowed:
        Audience(audience).require(reader, who, incident, ())
    else:
        with pytest.raises(Refused) as refused:
            Audience(audience).require(reader, who, incident, ())
        assert refused.value.code == "no_right"


def test_a_long_record_has_its_chronology_as_a_table_alone(made: Bundled) -> None:
    desk, name = made.desk, made.another()
    office = desk.office()
    notes = [AddNote(text=f"note {number}") for number in range(MOST_IN_PDF)]
    office.act(office.principal, office.find(name), notes)
    made.export("long.zip", "-i", name, "--for", "court")
    desk.cancelled(name)
    files = files_of(made.folder / "long.zip")
    assert len(files["data/record/chronology.csv"].splitlines()) > MOST_IN_PDF
    assert "data/record/chronology.pdf" not in files
    assert made.check(made.folder / "long.zip")["ok"]
