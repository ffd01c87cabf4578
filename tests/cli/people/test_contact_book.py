"""The contact book kept in the store: taking lists in, moving it out of the settings, forgetting somebody, a lost laptop."""

from __future__ import annotations

import contextlib
import re
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from runner.app.people.contact_import import carry_out, planned
from runner.errors import Stale
from tests.cli.at_desk import AtDesk, compare
from tests.refusals import refused

CSV = """\
person,name,email,phone,zone,roles,email.domains
maria,Maria Muster,maria@example.org,+15005550006,Europe/Berlin,commander technical,m365-tenant
jonas,"Jansen, Jonas",jonas@example.org,,,counsel,
"""
ADDRESSES = (b"maria@example.org", b"jonas@example.org", b"5005550006")


@pytest.fixture
def people(tocsin: AtDesk, tmp_path: Path) -> Path:
    """A list, and a home whose settings hold nobody."""
    tocsin.settings(people={}, roles={})
    path = tmp_path / "people.csv"
    path.write_text(CSV, encoding="utf-8")
    return path


def listed(desk: AtDesk) -> dict[str, dict]:
    return {person["person"]: person for person in desk("person", "list", "--format", "json").json["people"]}


def imported(desk: AtDesk, *words: str) -> Any:
    """Take people in and return the report of it."""
    said = desk("person", "import", *words, "--yes", "--format", "json")
    assert said.code == 0, said.err
    return said.json


def changes(desk: AtDesk, *words: str) -> dict[str, str]:
    return {person["person"]: person["change"] for person in imported(desk, *words)["people"]}


def told(desk: AtDesk) -> list[tuple[str, set[str]]]:
    """Return what doctor finds about people: how bad it is, and whom it names."""
    findings = desk("doctor", "--format", "json").json["findings"]
    return [
        (
            finding["severity"],
            {name for name in ("ada", "jonas", "maria") if name in re.split(r"\W", finding["what"])},
        )
        for finding in findings
        if finding["area"] == "people"
    ]


def test_a_list_is_shown_before_it_is_written_and_a_second_time_changes_nothing(
    tocsin: AtDesk, people: Path
) -> None:
    shown = tocsin("person", "import", str(people), types="n\n")
    assert (shown.code, listed(tocsin)) == (1, {})
    assert {"m…@example.org,", "+15…06", "j…@example.org"} <= set(shown.err.split())
    assert "example.org" not in shown.err.replace("…@example.org", "")
    tocsin.done("person", "import", str(people), types="y\n")
    found = listed(tocsin)
    assert found["maria"]["roles"] == ["commander", "technical"]
    assert found["maria"]["contacts"][0]["domains"] == ["m365-tenant"]
    assert {one["origin"] for one in found.values()} == {"store"}
    assert changes(tocsin, str(people)) == {"maria": "unchanged", "jonas": "unchanged"}
    again = tocsin("person", "import", str(people), "--format", "json").json
    assert (again["written"], again["roles"], again["missing"]) == (False, {}, [])


def test_an_import_does_not_overwrite_entries_recorded_since_its_plan(tocsin: AtDesk, people: Path) -> None:
    changes(tocsin, str(people))
    people.write_text(CSV.replace("Maria Muster", "Maria Meister"), encoding="utf-8")
    desk = tocsin.office("maria")
    shown = planned(desk, people)
    tocsin.done("person", "distrust", "maria", "phone", "--reason", "a new SIM card")
    with refused("stale", Stale):
        carry_out(desk, shown)
    carry_out(desk, planned(desk, people))
    maria = listed(tocsin)["maria"]
    assert (maria["name"], maria["contacts"][1]["risk_at"] is None) == ("Maria Meister", False)


def test_a_changed_address_starts_unverified_and_an_unchanged_one_stays_verified(
    tocsin: AtDesk, people: Path
) -> None:
    changes(tocsin, str(people))
    tocsin.done("person", "verify", "maria", "email", "--how", "in person")
    tocsin.clock.advance(timedelta(days=3))
    people.write_text(CSV.replace("0006", "0007").replace("counsel", "technical"), encoding="utf-8")
    report = imported(tocsin, str(people))
    maria = {"person": "maria", "change": "changed", "name": "Maria Muster"}
    assert report["people"][0] == {**maria, "gained": ["phone +15…07"], "lost": ["phone +15…06"]}
    assert report["roles"] == {"technical": ["maria", "jonas"], "counsel": []}
    mail, phone = listed(tocsin)["maria"]["contacts"]
    assert mail["verified_at"] is not None
    assert phone["verified_at"] is None
    assert phone["changed_at"] > mail["changed_at"]


def test_people_missing_from_an_imported_list_stay(tocsin: AtDesk, people: Path) -> None:
    changes(tocsin, str(people))
    people.write_text("person,email\nada,ada@example.org\n", encoding="utf-8")
    assert imported(tocsin, str(people))["missing"] == ["jonas", "maria"]
    assert set(listed(tocsin)) == {"ada", "jonas", "maria"}
    assert listed(tocsin)["jonas"]["roles"] == ["counsel"]


def test_every_problem_of_a_list_is_reported_with_its_position_and_nothing_written(
    tocsin: AtDesk, people: Path
) -> None:
    typed = "no mail"
    people.write_text(
        'person,name,email,zone,alternate\nmaria,x,"m@example.org",Nowhere/x,nobdoy\n'
        f"ma ria,x,{typed},,maria\nmaria,x,y\nmaria,x,m@example.org,,\n",
        encoding="utf-8",
    )
    relay = {"host": "127.0.0.1", "port": 9, "sender": "a@example.org", "tls": "none"}
    tocsin.settings(people={}, roles={}, channels={"mail": {"adapter": "smtp", "settings": relay}})
    said = tocsin("person", "import", str(people), "--yes", "--format", "json")
    assert (said.code, said.error) == (1, "contact-list")
    assert [(problem["line"], problem["column"]) for problem in said.json["problems"]] == [
        (2, 25),
        (2, 35),
        (3, 1),
        (3, 10),
        (4, 1),
        (5, 1),
    ]
    assert typed not in said.out + said.err
    assert listed(tocsin) == {}
    people.write_text("person,nmae,emial\nmaria,x,y\n", encoding="utf-8")
    said = tocsin("person", "import", str(people), "--yes", "--format", "json")
    assert (said.code, said.error) == (1, "contact-list")
    found = [
        (problem["line"], problem["column"], problem["hint"].split('"')[1])
        for problem in said.json["problems"]
    ]
    assert found == [(1, 8, "name"), (1, 13, "email")]


def test_vcards_of_an_address_book_are_taken(tocsin: AtDesk, people: Path) -> None:
    cards = people.with_suffix(".vcf")
    cards.write_text(
        'BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Ada Größe\r\nTEL;VALUE=uri;TYPE="cell":tel:+1-500-555-0007\r\n'
        "TEL;TYPE=fax:+15005550008\r\nEMAIL:ada2@example.org\r\nitem1.EMAIL;PREF=1:ada@exam\r\n ple.org\r\n"
        "TZ:Europe/Vienna\r\nEND:VCARD\r\n",
        encoding="utf-8",
    )
    assert changes(tocsin, str(cards)) == {"ada-grosse": "new"}
    assert changes(tocsin, str(cards)) == {"ada-grosse": "unchanged"}
    desk = tocsin.office()
    card = desk.directory.people["ada-grosse"]
    assert [(contact.channel, contact.address) for contact in card.contacts] == [
        ("email", "ada@example.org"),
        ("phone", "+15005550007"),
        ("email", "ada2@example.org"),
    ]
    assert (card.name, card.zone) == ("Ada Größe", "Europe/Vienna")


def test_the_people_of_the_settings_move_into_the_store_as_they_are(tocsin: AtDesk, playbook: Path) -> None:
    tocsin.done("person", "verify", "ada", "screen", "--how", "in person")
    before = listed(tocsin)
    assert before["maria"]["origin"] == "settings"
    assert told(tocsin) == [("warning", {"ada", "jonas", "maria"})]
    report = imported(tocsin, "--from-settings")
    assert {person["change"] for person in report["people"]} == {"moved"}
    [span] = report["delete"]
    lines = span.split("-")
    config = tocsin.home / "tocsin.yaml"
    text = config.read_text(encoding="utf-8").splitlines()
    del text[int(lines[0]) - 1 : int(lines[1])]
    config.write_text("\n".join(text) + "\n", encoding="utf-8")
    after = listed(tocsin)
    assert {name: {**one, "origin": "settings"} for name, one in after.items()} == {
        name: {**one, "origin": "settings"} for name, one in before.items()
    }
    assert "people" not in msgspec.yaml.decode(config.read_bytes())
    assert told(tocsin) == []
    assert changes(tocsin, "--from-settings") == {}
    tocsin.done("open", str(playbook), "--yes", "--fact", "incident.summary=Badge 4711")
    assert "To: jonas" in tocsin.console


def test_moving_people_again_changes_nothing_and_says_which_lines_are_left(tocsin: AtDesk) -> None:
    tocsin.done("person", "import", "--from-settings", "--yes")
    report = tocsin("person", "import", "--from-settings", "--format", "json").json
    assert [person["change"] for person in report["people"]] == ["unchanged"] * 3
    assert (report["written"], len(report["delete"])) == (False, 1)


def test_an_address_that_is_not_valid_stays_in_the_settings_and_is_an_error_of_doctor(tocsin: AtDesk) -> None:
    contacts = [{"channel": "sim", "address": "0171 123"}]
    settings = {"operator": "carrier-x", "folder": str(tocsin.home)}
    channels = {"sim": {"adapter": "modem", "settings": settings}}
    tocsin.settings(channels=channels, people={"ada": {"name": "Ada", "contacts": contacts}})
    said = tocsin("person", "import", "--from-settings", "--yes", "--format", "json")
    assert (said.code, said.error, "0171" in said.out + said.err) == (1, "contact-list", False)
    assert ("error", {"ada"}) in told(tocsin)
    assert listed(tocsin)["ada"]["origin"] == "settings"


def test_an_unknown_person_name_is_reported_by_doctor_and_validate(tocsin: AtDesk, people: Path) -> None:
    changes(tocsin, str(people))
    config = tocsin.home / "tocsin.yaml"
    tocsin.settings(people={}, roles={"counsel": ["jonsa"]}, escalation=["person:maria"])
    assert tocsin("doctor").code == 4
    assert ("error", {"jonas"}) in told(tocsin)
    [problem] = tocsin("playbook", "validate", str(config), "--format", "json").json["problems"]
    assert (problem["severity"], problem["code"], '"jonsa"' in problem["message"]) == (
        "error",
        "person",
        True,
    )
    assert problem["hint"].split('"')[1] == "jonas"
    tocsin.settings(people={}, roles={"counsel": ["jonas"]})
    assert tocsin("playbook", "validate", str(config)).code == 0


def test_a_new_address_of_a_list_carries_no_approval_in_an_incident_that_is_open(
    incident: AtDesk, tmp_path: Path
) -> None:
    path = str(incident.home / "console.txt")
    screen = {"adapter": "console", "confidentiality": "confidential", "settings": {"path": path}}
    incident.settings(channels={"screen": screen})
    people = tmp_path / "people.csv"
    people.write_text("person,screen\njonas,jonas-2\nada,ada\n", encoding="utf-8")
    report = imported(incident, str(people))
    assert report["open"] == ["amber-falcon"]
    assert [person["gained"] != [] for person in report["people"]] == [True, False]

    def rules(person: str) -> list[str]:
        rows = incident("message", "plan", "approval-request", "--to", person, "--format", "json").json[
            "plan"
        ]
        return [row["rule"] for row in rows[0]["refusals"]]

    assert (rules("jonas"), rules("ada")) == (["R7"], [])


def test_a_file_proves_nothing_of_its_addresses(tocsin: AtDesk, people: Path) -> None:
    given = people.with_suffix(".yaml")
    contact = {"channel": "screen", "address": "eve", "verified_at": "2099-01-01T00:00:00Z"}
    given.write_bytes(
        msgspec.yaml.encode({"people": {"eve": {"contacts": [contact]}}, "roles": {"counsel": ["eve"]}})
    )
    [warning] = imported(tocsin, str(given))["warnings"]
    assert (warning["severity"], warning["code"]) == ("warning", "contact-list")
    assert "verified_at" in warning["message"]
    eve = listed(tocsin)["eve"]
    assert (eve["contacts"][0]["verified_at"], eve["roles"]) == (None, ["counsel"])


def test_an_export_can_be_imported_and_is_private(tocsin: AtDesk, people: Path) -> None:
    changes(tocsin, str(people))
    out = people.with_name("out.yaml")
    tocsin.done("person", "export", str(out))
    assert out.stat().st_mode & 0o077 == 0
    assert set(changes(tocsin, str(out)).values()) == {"unchanged"}
    said = tocsin("person", "export", str(out.with_suffix(".csv")))
    assert (said.code, said.error) == (2, "unknown_ending")


def test_an_export_overwrites_a_file_only_on_request(tocsin: AtDesk, tmp_path: Path) -> None:
    out = tmp_path / "notes.yaml"
    out.write_text("mine", encoding="utf-8")
    said = tocsin("person", "export", str(out))
    assert (said.code, said.error, out.read_text(encoding="utf-8")) == (1, "file_exists", "mine")
    assert "--replace" in said.err
    tocsin.done("person", "export", str(out), "--replace")
    assert "Maria Muster" in out.read_text(encoding="utf-8")
    assert out.stat().st_mode & 0o077 == 0


def test_results_of_an_import_match_their_golden_page(tocsin: AtDesk, people: Path, playbook: Path) -> None:
    with contextlib.chdir(people.parent):
        pages = [tocsin.done("person", "import", str(people), "--yes")]
        people.write_text(CSV.partition("jonas")[0].replace("0006", "0007"), encoding="utf-8")
        pages.append(tocsin.done("person", "import", str(people), "--yes"))
        pages.append(tocsin.done("person", "import", str(people), "--yes"))
        tocsin.settings()
        tocsin.done("open", str(playbook), "--yes", "--fact", "incident.summary=Badge 4711")
        given = people.with_suffix(".yaml")
        contact = {"channel": "screen", "address": "eve", "verified_at": "2099-01-01T00:00:00Z"}
        given.write_bytes(
            msgspec.yaml.encode({"people": {"eve": {"contacts": [contact]}}, "roles": {"scribe": ["eve"]}})
        )
        pages.append(tocsin.done("person", "import", given.name, "--yes"))
        pages.append(tocsin.done("person", "import", "--from-settings", "--yes"))
        pages.append(tocsin.done("person", "forget", "ada", "--yes"))
        findings = tocsin("doctor", "--format", "json").json["findings"]
        pages += [
            f"{finding['what']}\n{finding['hint']}\n" for finding in findings if finding["area"] == "people"
        ]
        compare("contact-book", "\n".join(pages), tocsin.home.parent)


def test_a_forgotten_person_is_in_no_list_and_has_no_role(tocsin: AtDesk, people: Path) -> None:
    changes(tocsin, str(people))
    said = tocsin("person", "forget", "maria", types="n\n")
    assert (said.code, "[not_confirmed]" in said.err) == (1, True)
    assert "maria" in tocsin.done("person", "forget", "maria", types="y\n").split()
    assert set(listed(tocsin)) == {"jonas"}
    said = tocsin("person", "forget", "maria", "--yes")
    assert (said.code, said.error) == (1, "unknown_person")
    assert tocsin("audit", "verify", "--format", "json").json["ok"]
    found = tocsin("doctor", "--repair", "--format", "json").json["findings"]
    assert {one["area"] for one in found if one["severity"] == "error"} <= {"people"}
    assert set(listed(tocsin)) == {"jonas"}


def test_a_forgotten_person_in_the_settings_is_ignored_and_reported(
    tocsin: AtDesk,
) -> None:
    report = tocsin("person", "forget", "ada", "--yes", "--format", "json").json
    assert (report["person"], report["in_settings"]) == ("ada", True)
    assert "ada" not in listed(tocsin)
    assert told(tocsin) == [("error", {"ada"}), ("warning", {"jonas", "maria"}), ("warning", {"ada"})]
    assert changes(tocsin, "--from-settings") == {"jonas": "moved", "maria": "moved"}


def test_the_disk_without_the_key_shows_no_number_and_no_address(
    tocsin: AtDesk, people: Path, playbook: Path, tmp_path: Path
) -> None:
    changes(tocsin, str(people))
    tocsin.done("person", "add", "ada", "--contact", "screen=ada-at-home")
    tocsin.done("role", "assign", "commander", "ada", "--always")
    tocsin.done("role", "assign", "counsel", "ada", "jonas", "--always")
    tocsin.done("open", str(playbook), "--yes", "--fact", "incident.summary=Badge 4711")
    tocsin.done("channel", "check", "--yes")
    disk = tmp_path / "disk"
    shutil.copytree(tocsin.home, disk, ignore=shutil.ignore_patterns("master.key", "console.txt"))
    for file in (one for one in disk.rglob("*") if one.is_file()):
        content = file.read_bytes()
        assert not [address for address in (*ADDRESSES, b"ada-at-home") if address in content], file
    desk = AtDesk(disk)
    said = desk("person", "list")
    assert (said.code, said.error) == (1, "no_master")
    shutil.copy(tocsin.home / "master.key", disk / "master.key")
    assert set(listed(desk)) == {"ada", "jonas", "maria"}
