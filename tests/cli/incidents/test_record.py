"""Facts, evidence, notes, people, domains and the incident's life from the command line."""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.at_desk import AtDesk


def test_a_note_without_words_is_none(incident: AtDesk) -> None:
    said = incident("note", " ")
    assert (said.code, said.error) == (2, "words_missing")


@pytest.mark.parametrize(
    "hidden", ["\x1b[31m", "\u202e", "\u2066", "\u200b", "\u2028", "\ufeff", "\U000e0041"]
)
@pytest.mark.parametrize(
    "words",
    [
        ("note",),
        ("task", "comment", "block"),
        ("severity", "sev2", "--reason"),
        ("task", "skip", "block", "--reason"),
        ("pause", "--reason"),
    ],
    ids=" ".join,
)
def test_no_typed_text_hides_what_it_is(incident: AtDesk, words: tuple[str, ...], hidden: str) -> None:
    before = len(incident("timeline", "--all", "--format", "json").json["entries"])
    said = incident(*words, f"read {hidden}this")
    assert (said.code, said.error, f"U+{ord(hidden[0]):04X}" in said.err) == (1, "bad_text", True)
    assert len(incident("timeline", "--all", "--format", "json").json["entries"]) == before


def test_names_may_have_the_joiners_that_their_script_needs(incident: AtDesk) -> None:
    incident.done("note", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 \u0915\u094d\u200d\u0937")


def test_a_comment_without_words_is_none(incident: AtDesk) -> None:
    assert incident("task", "comment", "block", " ").error == "words_missing"


def test_a_number_with_too_many_digits_is_refused_with_the_maximum(incident: AtDesk) -> None:
    said = incident("fact", "set", f"people.total={10**20}", "--source", "export")
    assert (said.code, said.error) == (1, "fact")
    assert all(word in said.err for word in ("people.total", f"{2**53:,}")), "of which fact, and the highest"


def test_a_fact_needs_its_source(incident: AtDesk) -> None:
    said = incident("fact", "set", "people.total=3")
    assert (said.code, said.error) == (2, "source_missing")
    incident.done("fact", "set", "people.total=3", "data.elements+=ssn", "--source", "export")
    facts = {fact["key"]: fact for fact in incident("fact", "show", "--format", "json").json["facts"]}
    assert (facts["people.total"]["value"], facts["people.total"]["source"]) == (3, "export")
    assert facts["data.elements"]["value"] == ["ssn", "?"]


def recorded(incident: AtDesk) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = incident("fact", "show", "--format", "json").json["facts"]
    return found


def test_facts_are_set_together_or_not_at_all(incident: AtDesk) -> None:
    said = incident("fact", "set", "people.total=3", "people.totel=4", "--source", "export")
    assert (said.code, said.error, "people.totel" in said.err) == (1, "fact", True)
    assert "people.total" not in {one["key"] for one in recorded(incident)}


def test_all_rejected_facts_are_named_at_once(incident: AtDesk) -> None:
    words = ("people.total=many", "data.involved=true", "data.encrypted=perhaps")
    said = incident("fact", "set", *words, "--source", "memo", "--format", "json")
    assert (said.code, said.error) == (1, "fact")
    assert {"people.total", "data.encrypted"} <= set(re.findall(r"[\w.]+\w", said.json["message"]))
    assert "data.involved" not in {one["key"] for one in recorded(incident)}


def test_earlier_knowledge_is_shown_without_later_facts(incident: AtDesk) -> None:
    incident.done("fact", "set", "people.total=3", "--source", "first count")
    incident.clock.advance(timedelta(hours=1))
    incident.done("fact", "set", "people.total=40", "--source", "second count")
    then = incident("fact", "show", "people", "--as-known-at", "30m ago", "--format", "json").json
    assert [fact["value"] for fact in then["facts"]] == [3]
    status = incident("status", "--as-known-at", "2026-11-24T09:30:00Z", "--format", "json").json
    assert status["as_of"] == "2026-11-24T09:30:00Z"
    before = incident("duties", "--as-known-at", "3h ago")
    assert (before.code, before.error) == (1, "not_opened")


def test_the_history_of_a_fact_holds_everything_that_was_said(incident: AtDesk) -> None:
    incident.done("fact", "set", "people.total=3", "--source", "first count", "--confidence", "estimated")
    incident.done("fact", "set", "people.total=?", "--source", "the list was wrong")
    found = incident("fact", "history", "people.total", "--format", "json").json["history"]
    assert [(one["value"], one["confidence"]) for one in found] == [(3, "estimated"), (None, "confirmed")]


def test_the_vocabulary_is_shown_without_an_incident(tocsin: AtDesk) -> None:
    found = tocsin("fact", "show", "people", "--all", "--format", "json").json["facts"]
    assert {"key": "people.total", "type": "int"}.items() <= next(
        fact for fact in found if fact["key"] == "people.total"
    ).items()


def test_evidence_is_kept_sealed_with_its_digest_and_its_source(incident: AtDesk, tmp_path: Path) -> None:
    file = tmp_path / "login.log"
    file.write_bytes(b"4711 Muster")
    digest = hashlib.sha256(b"4711 Muster").hexdigest()
    said = incident("attach", str(file), "--source", "tenant export", "--format", "json")
    assert (said.code, f"sha256:{digest}" in said.json["done"][0]) == (0, True)
    assert b"Muster" not in b"".join(p.read_bytes() for p in incident.home.glob("tocsin.db*"))
    said = incident("attach", str(tmp_path / "none"))
    assert (said.code, said.error) == (1, "file_missing")


def test_a_privileged_note_is_withheld_from_the_timeline_unless_asked_for(incident: AtDesk) -> None:
    incident.done("note", "--privileged", "whistleblower")
    incident.done("note", "told the board", "--at", "20m ago")
    for words in ((), ("--format", "json")):
        assert "whistleblower" not in incident.done("timeline", *words)
        assert "whistleblower" in incident.done("timeline", "--privileged", *words)


def test_a_correction_is_shown_beside_the_corrected_entry(incident: AtDesk) -> None:
    incident.done("note", "it was the front door")
    number = incident("timeline", "--format", "json").json["entries"][-1]["event"]
    incident.done("correct", str(number), "--reason", "it was the back door")
    entries = incident("timeline", "--format", "json").json["entries"]
    wrong = next(entry for entry in entries if entry["event"] == number)
    assert [correction["reason"] for correction in wrong["corrections"]] == ["it was the back door"]


def test_a_correction_of_a_privileged_note_is_withheld_with_it(incident: AtDesk) -> None:
    incident.done("note", "--privileged", "whistleblower")
    number = incident("timeline", "--format", "json").json["entries"][-1]["event"]
    incident.done("correct", str(number), "--reason", "two-whistleblowers")
    for words in ((), ("--format", "json")):
        assert "two-whistleblowers" not in incident.done("timeline", *words)
    entries = incident("timeline", "--privileged", "--format", "json").json["entries"]
    wrong = next(entry for entry in entries if entry["event"] == number)
    assert [correction["reason"] for correction in wrong["corrections"]] == ["two-whistleblowers"]


def test_an_incident_is_paused_resumed_and_closed_with_reasons(incident: AtDesk) -> None:
    said = incident("pause")
    assert (said.code, said.error) == (1, "reason_missing")
    incident.done("pause", "--reason", "power cut")
    assert incident("status", "--format", "json").json["state"] == "paused"
    incident.done("resume")
    said = incident("close")
    assert (said.code, said.error) == (1, "open_work")
    incident.closed("--reason", "a test")
    said = incident("task", "done", "block", "-i", "amber-falcon")
    assert (said.code, said.error) == (1, "incident_closed")
    incident.done("note", "afterthought", "-i", "amber-falcon")


def test_a_compromised_domain_is_shown_with_its_dependent_channels(incident: AtDesk) -> None:
    incident.done("domain", "compromised", "this-machine", "--since", "1h ago")
    rows = incident("domain", "list", "--format", "json").json["domains"]
    assert [row for row in rows if row["state"] != "up"] == [
        {
            "domain": "this-machine",
            "state": "compromised",
            "since": "2026-11-24T08:00:00Z",
            "assumed": False,
            "why": "",
            "channels": ["screen"],
            "contacts": [],
            "war_rooms": [],
            "logins": [],
            "declared_in": [],
            "assumed_in": [],
        }
    ]
    said = incident("domain", "declare-down", "m365-tenan")
    assert (said.error, "m365" in said.err) == ("unknown_domain", True)
    assert '"this-machine",' in incident("domain", "declare-down", "this-machin").err.split()


def test_people_are_added_with_contacts_that_no_list_shows_whole(tocsin: AtDesk) -> None:
    tocsin.done("person", "add", "eva", "--name", "Eva Engel", "--contact", "email=eva@example.org")
    tocsin.done("person", "verify", "eva", "email", "--how", "in person")
    tocsin.done("person", "away", "eva", "--alternate", "ada")
    people = tocsin("person", "list", "--format", "json").json["people"]
    (eva,) = (person for person in people if person["person"] == "eva")
    assert (eva["name"], eva["away"], eva["alternate"]) == ("Eva Engel", True, "ada")
    for words in ((), ("--format", "json")):
        assert "eva@example.org" not in tocsin.done("person", "list", *words)


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["kim", "--contact", "scren=kim"], "unknown_channel", ["screen"]),
        (["kim", "--contact", "fax=kim"], "unknown_channel", ["screen", "email", "phone", "handle"]),
        (["jo nas"], "bad_name", []),
        (["jo,nas"], "bad_name", []),
        (["kim", "--contact", "screen=kim", "--contact", "telefon=1"], "unknown_channel", ["telefon"]),
    ],
)
def test_a_person_with_a_mistyped_contact_is_not_added(
    tocsin: AtDesk, words: list[str], code: str, told: list[str]
) -> None:
    said = tocsin("person", "add", *words)
    assert (said.code, said.error) == (1, code)
    assert all(one in said.err for one in told), said.err
    assert ("phone" in said.err) is (words[-1] in ("fax=kim", "telefon=1")), "all ways where none is near"
    assert [person["person"] for person in tocsin("person", "list", "--format", "json").json["people"]] == [
        "ada",
        "jonas",
        "maria",
    ]


def test_a_role_is_assigned_in_the_incident_and_without_one_for_those_to_come(
    tocsin: AtDesk, playbook: Path
) -> None:
    tocsin.done("role", "assign", "commander", "ada")
    assert leading(tocsin) == (["ada"], [])
    tocsin.done("open", str(playbook), "--yes", "--fact", "incident.summary=x")
    said = tocsin("role", "assign", "commander", "mario")
    assert (said.code, said.error, "maria" in said.err) == (1, "unknown_person", True)
    assert leading(tocsin) == (["ada"], ["ada"])
    tocsin.done("role", "assign", "commander", "maria", "jonas")
    assert leading(tocsin) == (["ada"], ["maria", "jonas"])


def leading(tocsin: AtDesk) -> tuple[list[str], list[str]]:
    """Return who leads: in incidents to come, and in the open one."""
    found = tocsin("role", "list", "--format", "json").json["roles"]
    (one,) = (each for each in found if each["role"] == "commander")
    return one["persons"], one["incident_persons"]


def test_a_second_playbook_is_grafted_and_the_first_moved_to_a_newer_version(
    incident: AtDesk, playbook: Path
) -> None:
    incident.done("graft", str(playbook), "--reason", "a second badge")
    newer = playbook.with_name("newer.yaml")
    newer.write_text(
        playbook.read_text(encoding="utf-8").replace("version: 1.0.0", "version: 1.1.0")
        + "  - {id: later, task: Order a new badge, role: commander, after: [over]}\n"
    )
    said = incident("migrate", "--to", str(newer), "--plan")
    assert (said.code, said.error) == (1, "ambiguous_run")
    plan = incident("migrate", "--to", str(newer), "--run", "lost-badge", "--plan", "--format", "json").json[
        "plan"
    ]
    assert plan["added"] == ["lost-badge:later#1"]
    said = incident("migrate", "--to", str(newer), "--run", "lost-badge")
    assert (said.code, said.error) == (1, "reason_missing")
    incident.done("migrate", "--to", str(newer), "--run", "lost-badge", "--reason", "new badge")
    versions = [playbook["version"] for playbook in incident("status", "--format", "json").json["playbooks"]]
    assert sorted(versions) == ["1.0.0", "1.1.0"]
    assert incident("audit", "verify").code == 0


def test_reading_commands_take_no_actor_option(incident: AtDesk) -> None:
    said = incident("timeline", "--as", "mria")
    assert (said.code, said.error) == (2, "unknown_option")


def test_a_role_name_close_to_another_is_warned_about(incident: AtDesk) -> None:
    said = incident("role", "assign", "comander", "ada")
    assert (said.code, said.warnings, said.err.count("\n")) == (0, ["unknown_role"], 1)
    assert {"comander", "commander"} <= set(re.findall(r"\w+", said.err))
    assert incident("role", "assign", "commander", "ada").warnings == ["role_replaced"]
    assert incident("role", "assign", "press", "ada").err == ""


@pytest.mark.parametrize("words", [["next"], ["status"]])
def test_tasks_of_an_unknown_person_are_refused(incident: AtDesk, words: list[str]) -> None:
    said = incident(*words, "--me", "mria")
    assert (said.code, said.error, said.out, "maria" in said.err) == (1, "unknown_person", "", True)
    assert incident(*words, "--me", "maria").code == 0


def test_a_local_time_is_read_in_the_zone_of_the_organisation_and_shown_with_it(incident: AtDesk) -> None:
    setting = ("fact", "set", "--source", "log")
    said = incident(*setting, "incident.detected_at=2026-11-20 09:10")
    assert (said.code, "Europe/Berlin" in said.out + said.err) == (0, True)
    assert {one["key"]: one["value"] for one in recorded(incident)}["incident.detected_at"].endswith(
        "T09:10:00+01:00"
    )
    twice = incident(*setting, "incident.detected_at=2026-10-25 02:30", "--format", "json")
    assert (twice.code, twice.error) == (1, "fact")
    assert {"2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"} <= set(twice.json["hint"].split())
    never = incident("note", "The door was open.", "--at", "2026-03-29 02:30", "--format", "json")
    assert (never.code, never.error) == (2, "bad_instant")
    assert {"2026-03-29T01:30:00+01:00", "2026-03-29T03:30:00+02:00"} <= set(never.json["hint"].split())
    noted = incident("note", "The door was open.", "--at", "2026-11-20 09:10")
    assert (noted.code, "Europe/Berlin" in noted.out + noted.err) == (0, True)


def test_an_empty_text_is_no_text(incident: AtDesk, playbook: Path) -> None:
    duty = "eu-gdpr-33-controller-sa/initial"
    for words, code in (
        (("role", "assign", " ", "ada"), "argument_missing"),
        (("duty", "record-filed", duty, "--reference", " "), "proof_missing"),
        (("note", "Told", "--on-behalf-of", "jonas", "--via", " "), "option_missing"),
    ):
        before = incident("status", "--format", "json").json["version"]
        assert incident(*words).error == code
        assert incident("status", "--format", "json").json["version"] == before
    incident.done("person", "add", "bob", "--name", "Bob Berg")
    incident.done("person", "add", "bob", "--name", " ")  # as without the option
    people = incident("person", "list", "--format", "json").json["people"]
    assert next(one["name"] for one in people if one["person"] == "bob") == "Bob Berg"
    opened = incident("open", str(playbook), "--title", " ", "--yes", "--format", "json")
    assert incident("status", opened.json["codename"], "--format", "json").json["title"] == "Lost badge"
