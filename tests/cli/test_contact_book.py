"""The contact book kept in the store: taking lists in, moving it out of the settings, forgetting somebody, a lost laptop."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from runner.errors import Stale
from runner.service.importing import carry_out, planned
from tests.cli.at_desk import AtDesk

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
    return {one["person"]: one for one in desk("person", "list", "--format", "json").json["people"]}


def changes(desk: AtDesk, *words: str) -> dict[str, str]:
    said = desk("person", "import", *words, "--yes", "--format", "json")
    assert said.code == 0, said.err
    return {one["person"]: one["change"] for one in said.json["people"]}


def test_a_list_is_shown_before_it_is_written_and_a_second_time_changes_nothing(
    tocsin: AtDesk, people: Path
) -> None:
    shown = tocsin("person", "import", str(people), types="n\n")
    assert (shown.code, listed(tocsin)) == (1, {})
    assert "Maria Muster, + email m…@example.org, + phone +15…06" in shown.err
    assert "example.org" not in shown.err.replace("…@example.org", "")
    tocsin.done("person", "import", str(people), types="y\n")
    found = listed(tocsin)
    assert found["maria"]["roles"] == ["commander", "technical"]
    assert found["maria"]["contacts"][0]["domains"] == ["m365-tenant"]
    assert {one["origin"] for one in found.values()} == {"store"}
    assert tocsin.done("person", "import", str(people)) == "2 people as before\n"


def test_what_others_recorded_since_a_list_was_shown_is_not_written_over(
    tocsin: AtDesk, people: Path
) -> None:
    changes(tocsin, str(people))
    people.write_text(CSV.replace("Maria Muster", "Maria Meister"), encoding="utf-8")
    desk = tocsin.office("maria")
    shown = planned(desk, people)
    tocsin.done("person", "distrust", "maria", "phone", "--reason", "a new SIM card")
    with pytest.raises(Stale, match="since this was shown"):
        carry_out(desk, shown)
    carry_out(desk, planned(desk, people))
    maria = listed(tocsin)["maria"]
    assert (maria["name"], maria["contacts"][1]["risk_at"] is None) == ("Maria Meister", False)


def test_a_changed_address_begins_unverified_and_one_that_stays_keeps_what_is_known(
    tocsin: AtDesk, people: Path
) -> None:
    changes(tocsin, str(people))
    tocsin.done("person", "verify", "maria", "email", "--how", "in person")
    tocsin.clock.advance(timedelta(days=3))
    people.write_text(CSV.replace("0006", "0007").replace("counsel", "technical"), encoding="utf-8")
    said = tocsin.done("person", "import", str(people), "--yes")
    assert "changed  maria  Maria Muster, + phone +15…07, - phone +15…06" in said
    assert "technical is held by maria, jonas" in said
    assert "counsel is held by nobody" in said
    mail, phone = listed(tocsin)["maria"]["contacts"]
    assert mail["verified_at"] is not None
    assert phone["verified_at"] is None
    assert phone["changed_at"] > mail["changed_at"]


def test_whom_a_list_does_not_name_stays(tocsin: AtDesk, people: Path) -> None:
    changes(tocsin, str(people))
    people.write_text("person,email\nada,ada@example.org\n", encoding="utf-8")
    said = tocsin.done("person", "import", str(people), "--yes")
    assert "not in this list, and kept: jonas, maria (tocsin person forget PERSON)" in said
    assert set(listed(tocsin)) == {"ada", "jonas", "maria"}
    assert listed(tocsin)["jonas"]["roles"] == ["counsel"]


def test_every_problem_of_a_list_is_told_with_its_place_and_nothing_is_written(
    tocsin: AtDesk, people: Path
) -> None:
    people.write_text(
        'person,name,email,zone,alternate\nmaria,x,"m@example.org",Nowhere/x,nobdoy\n'
        "ma ria,x,no mail,,maria\nmaria,x,y\nmaria,x,m@example.org,,\n",
        encoding="utf-8",
    )
    relay = {"host": "127.0.0.1", "port": 9, "sender": "a@example.org", "tls": "none"}
    tocsin.settings(people={}, roles={}, channels={"mail": {"adapter": "smtp", "settings": relay}})
    said = tocsin("person", "import", str(people), "--yes", "--format", "json")
    assert said.code == 1
    assert [(one["line"], one["column"]) for one in json.loads(said.out)["problems"]] == [
        (2, 25),
        (2, 35),
        (3, 1),
        (3, 10),
        (4, 1),
        (5, 1),
    ]
    assert "no mail" not in said.out + said.err
    assert listed(tocsin) == {}
    people.write_text("person,nmae,emial\nmaria,x,y\n", encoding="utf-8")
    assert "did you mean email?" in tocsin("person", "import", str(people), "--yes").err


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
    assert [(one.channel, one.address) for one in card.contacts] == [
        ("email", "ada@example.org"),
        ("phone", "+15005550007"),
        ("email", "ada2@example.org"),
    ]
    assert (card.name, card.zone) == ("Ada Größe", "Europe/Vienna")


def test_the_people_of_the_settings_move_into_the_store_as_they_are(tocsin: AtDesk, playbook: Path) -> None:
    tocsin.done("person", "verify", "ada", "screen", "--how", "in person")
    before = listed(tocsin)
    assert before["maria"]["origin"] == "settings"
    assert "holds contacts of maria, jonas, ada in plain text" in " ".join(tocsin("doctor").out.split())
    said = " ".join(tocsin.done("person", "import", "--from-settings", "--yes").split())
    assert "moved ada" in said
    lines = said.rpartition("in plain text: ")[2].split()[0].split("-")
    config = tocsin.home / "tocsin.yaml"
    text = config.read_text(encoding="utf-8").splitlines()
    del text[int(lines[0]) - 1 : int(lines[1])]
    config.write_text("\n".join(text) + "\n", encoding="utf-8")
    after = listed(tocsin)
    assert {name: {**one, "origin": "settings"} for name, one in after.items()} == {
        name: {**one, "origin": "settings"} for name, one in before.items()
    }
    assert "people" not in msgspec.yaml.decode(config.read_bytes())
    assert "plain text" not in tocsin("doctor").out
    assert changes(tocsin, "--from-settings") == {}
    tocsin.done("open", str(playbook), "--yes", "--fact", "incident.summary=Badge 4711")
    assert "To: jonas" in tocsin.console


def test_moving_people_again_changes_nothing_and_says_which_lines_are_left(tocsin: AtDesk) -> None:
    tocsin.done("person", "import", "--from-settings", "--yes")
    said = " ".join(tocsin.done("person", "import", "--from-settings").split())
    assert said.startswith("3 people as before now delete these lines of tocsin.yaml")


def test_a_name_that_nobody_has_is_told_by_doctor_and_validate_wherever_people_are_kept(
    tocsin: AtDesk, people: Path
) -> None:
    changes(tocsin, str(people))
    config = tocsin.home / "tocsin.yaml"
    tocsin.settings(people={}, roles={"counsel": ["jonsa"]}, escalation=["person:maria"])
    said = tocsin("doctor")
    assert said.code == 4
    assert "nobody is called 'jonsa' [person] (did you mean jonas?)" in " ".join(said.out.split())
    assert "nobody is called 'jonsa'" in tocsin("playbook", "validate", str(config)).out
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
    said = " ".join(incident.done("person", "import", str(people), "--yes").split())
    assert "new addresses carry no approval in amber-falcon until they are verified (R7)" in said

    def refused(person: str) -> list[str]:
        rows = incident("message", "plan", "approval-request", "--to", person, "--format", "json").json[
            "plan"
        ]
        return [one["rule"] for one in rows[0]["refusals"]]

    assert (refused("jonas"), refused("ada")) == (["R7"], [])


def test_a_file_proves_nothing_of_its_addresses(tocsin: AtDesk, people: Path) -> None:
    given = people.with_suffix(".yaml")
    contact = {"channel": "screen", "address": "eve", "verified_at": "2099-01-01T00:00:00Z"}
    given.write_bytes(
        msgspec.yaml.encode({"people": {"eve": {"contacts": [contact]}}, "roles": {"counsel": ["eve"]}})
    )
    said = tocsin.done("person", "import", str(given), "--yes")
    assert "verified_at of a file is not taken over" in " ".join(said.split())
    eve = listed(tocsin)["eve"]
    assert (eve["contacts"][0]["verified_at"], eve["roles"]) == (None, ["counsel"])


def test_what_is_written_out_can_be_taken_in_again_and_only_its_owner_reads_it(
    tocsin: AtDesk, people: Path
) -> None:
    changes(tocsin, str(people))
    out = people.with_name("out.yaml")
    tocsin.done("person", "export", str(out))
    assert out.stat().st_mode & 0o077 == 0
    assert set(changes(tocsin, str(out)).values()) == {"unchanged"}
    assert tocsin("person", "export", str(out.with_suffix(".csv"))).code == 2


def test_an_export_does_not_write_over_a_file_unless_told_to(tocsin: AtDesk, tmp_path: Path) -> None:
    out = tmp_path / "notes.yaml"
    out.write_text("mine", encoding="utf-8")
    said = tocsin("person", "export", str(out))
    assert (said.code, out.read_text(encoding="utf-8")) == (1, "mine")
    assert "exists already" in said.err
    assert "--replace" in said.err
    tocsin.done("person", "export", str(out), "--replace")
    assert "Maria Muster" in out.read_text(encoding="utf-8")
    assert out.stat().st_mode & 0o077 == 0


def test_whoever_is_forgotten_is_on_no_list_and_holds_no_role(tocsin: AtDesk, people: Path) -> None:
    changes(tocsin, str(people))
    assert tocsin("person", "forget", "maria", types="n\n").code == 1
    assert "is forgotten" in tocsin.done("person", "forget", "maria", types="y\n")
    assert set(listed(tocsin)) == {"jonas"}
    assert tocsin("person", "forget", "maria", "--yes").code == 1
    assert tocsin("audit", "verify", "--format", "json").json["ok"]
    assert tocsin("doctor", "--repair").code == 0
    assert set(listed(tocsin)) == {"jonas"}


def test_whoever_is_forgotten_and_stands_in_the_settings_is_not_used_and_the_lines_are_told(
    tocsin: AtDesk,
) -> None:
    said = " ".join(tocsin.done("person", "forget", "ada", "--yes").split())
    assert "tocsin.yaml still names them, in lines" in said
    assert "ada" not in listed(tocsin)
    found = " ".join(tocsin("doctor").out.split())
    assert "tocsin.yaml still names ada (lines" in found
    assert "if they are to be known again: tocsin person add ada" in found
    assert "holds contacts of maria, jonas in plain text" in found
    assert changes(tocsin, "--from-settings") == {"jonas": "moved", "maria": "moved"}


def test_whoever_finds_the_disk_without_the_key_reads_no_number_and_no_address(
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
        assert not [one for one in (*ADDRESSES, b"ada-at-home") if one in content], file
    found = AtDesk(disk)
    said = found("person", "list")
    assert (said.code, "master key is not here" in said.err) == (1, True)
    shutil.copy(tocsin.home / "master.key", disk / "master.key")
    assert set(listed(found)) == {"ada", "jonas", "maria"}
