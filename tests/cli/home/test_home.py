"""``init`` and ``doctor``."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from runner.app.home.open_home import open_service
from runner.files.settings_file import load_home
from runner.workers.embedded import Worker
from tests.cli.at_desk import PLAYBOOK, AtDesk, compare


def test_a_new_home_works_and_is_not_made_twice(nowhere: AtDesk) -> None:
    made = json.loads(nowhere.done("init", "--format", "json"))
    assert made["settings"] == str(nowhere.home / "tocsin.yaml")
    assert areas(nowhere, "error") == {"people"}, "nobody can be reached yet"
    said = nowhere("init")
    assert (said.code, said.error) == (1, "home_exists")


def test_channels_offered_by_a_new_home_are_valid_when_uncommented(nowhere: AtDesk) -> None:
    nowhere.done("init")
    config = nowhere.home / "tocsin.yaml"
    text = config.read_text(encoding="utf-8")
    begin = text.index("channels:\n")
    end = text.index("\n\n", begin)
    offered = re.sub(r"^#  (?=( *)\S)", "  ", text[begin:end], flags=re.MULTILINE)
    config.write_text(text[:begin] + offered + text[end:], encoding="utf-8")
    (nowhere.home / "mail.password").write_text("secret", encoding="utf-8")
    (nowhere.home / "webhook.key").write_text(f"whsec_{'QUFB' * 8}", encoding="utf-8")
    for name in ("mail.password", "webhook.key"):
        (nowhere.home / name).chmod(0o600)
    home = load_home(config)
    assert {name: one.confidentiality for name, one in home.channels.items()} == {
        "console": "confidential",
        "mail": "confidential",
        "pager": "confidential",
    }
    assert areas(nowhere, "error", "--offline") == {"people"}, "nobody can be reached yet"


def test_the_message_plan_names_the_missing_settings_of_a_new_home(nowhere: AtDesk) -> None:
    nowhere.done("init")
    said = nowhere("open", "lost-device")
    assert (said.code, said.error) == (1, "no_terminal")
    compare("open.unreachable", said.err, nowhere.home)


def test_a_home_with_no_reachable_person_says_so_with_the_next_step(nowhere: AtDesk) -> None:
    nowhere.done("init")
    [of_one] = findings(nowhere, "people", "error")
    assert re.findall(r"\d+", of_one["what"]) == ["1"], "so many people are on record"
    assert "--contact" in of_one["hint"]
    nowhere.settings(people={}, roles={})
    [of_none] = findings(nowhere, "people", "warning")
    assert re.findall(r"\d+", of_none["what"]) == [], "nobody is on record"
    assert "--contact" in of_none["hint"]
    assert nowhere("doctor").code == 0
    nowhere.done("person", "add", "maria", "--contact", "screen=maria")
    assert findings(nowhere, "people", "warning") == []


def test_a_valid_home_needs_no_action(incident: AtDesk) -> None:
    assert areas(incident, "error") == {"do now"}
    incident.cancelled("amber-falcon")
    said = incident("doctor", "--format", "json")
    assert said.json["ok"]
    assert {finding["area"] for finding in said.json["findings"]} >= {
        "settings",
        "key",
        "channels",
        "journal",
        "lists",
    }


def test_a_missing_law_text_is_found(incident: AtDesk) -> None:
    with closing(sqlite3.connect(incident.home / "tocsin.db")) as store, store:
        ((law,),) = store.execute(
            "SELECT digest FROM blobs WHERE incident = '' ORDER BY length(body) DESC LIMIT 1"
        )
        store.execute("DELETE FROM blobs WHERE digest = ?", (law,))
    assert incident("doctor").code == 4
    [lost] = findings(incident, "blobs", "error")
    assert all(word in lost["what"] for word in ("amber-falcon", law[:12])), lost


def test_a_mistake_in_the_settings_is_found_with_its_line(tocsin: AtDesk) -> None:
    tocsin.settings(chanels={})
    assert tocsin("doctor").code == 4
    lines = (tocsin.home / "tocsin.yaml").read_text(encoding="utf-8").splitlines()
    [found] = [finding for finding in findings(tocsin, "settings", "error") if "chanels" in finding["what"]]
    assert f"tocsin.yaml:{lines.index('chanels: {}') + 1}:1:" in found["what"]
    assert all(word in found["what"] for word in ("[key]", "channels")), "its code, and the nearest"


def test_a_secret_that_is_not_here_is_found_without_a_message_being_sent(tocsin: AtDesk) -> None:
    tocsin.settings(
        channels={
            "pager": {
                "adapter": "webhook",
                "settings": {"url": "https://hooks.example.org/x"},
                "secrets": {"signing": "file:none.key"},
            }
        }
    )
    said = tocsin("doctor", "--format", "json")
    assert said.code == 4
    assert any(
        "pager" in finding["what"] and finding["severity"] == "error" for finding in said.json["findings"]
    )


def test_a_missing_store_is_made_by_repair_alone(tocsin: AtDesk) -> None:
    for file in tocsin.home.glob("tocsin.db*"):
        file.unlink()
    assert tocsin("doctor").code == 4
    assert not (tocsin.home / "tocsin.db").exists()
    assert areas(tocsin, "mended", "--repair") == {"store"}
    assert tocsin("doctor").code == 0
    tocsin.done("list")


def test_repair_declares_an_attempt_of_a_lost_worker_unknown(tocsin: AtDesk, playbook: Path) -> None:
    tocsin.done("open", str(playbook), "--yes", "--no-work", "--fact", "incident.summary=x")
    dead_worker_claims(tocsin)
    assert tocsin("doctor").code == 4
    assert areas(tocsin, "error") == {"attempts", "do now"}
    assert areas(tocsin, "mended", "--repair") == {"attempts"}
    attempts = [
        attempt["state"]
        for delivery in tocsin("message", "list", "--format", "json").json["deliveries"]
        for attempt in delivery["attempts"]
    ]
    assert "unknown" in attempts


def dead_worker_claims(tocsin: AtDesk) -> None:
    """Have a worker compose, claim its deliveries, and end before it has an outcome."""
    desk = open_service(tocsin.home, tocsin.world().who(""), clock=tocsin.clock, chance=tocsin.chance)
    with desk.store:
        worker = Worker(desk)
        worker.drain()
        worker.close()
        name = desk.find(None)
        desk.store.register_worker("w-dead").release()
        [*deliveries] = desk.load(name).deliveries
        from runner.effects.messages.compose import replan
        from runner.incident.state.commands import Resend

        desk.act(desk.principal, name, [Resend(delivery=deliveries[0], reason="again")])
        incident = desk.load(name)
        desk.act(desk.principal, name, [replan(incident, desk.tools(incident))])
        turn = desk.prepare(desk.load(name), (), worker="w-dead")
        desk.append(desk.principal, [turn])


def test_the_record_verifies_and_an_anchor_from_elsewhere_is_compared(incident: AtDesk) -> None:
    said = incident("audit", "verify", "-i", "amber-falcon", "--format", "json")
    assert said.json["ok"]
    head, events = said.json["head"], said.json["events"]
    assert incident("audit", "verify", "-i", "amber-falcon", "--anchor", f"{events}:{head}").code == 0
    anchor = ("--anchor", f"{events + 1}:{head}")
    wrong = incident("audit", "verify", "-i", "amber-falcon", *anchor, "--format", "json")
    broken = wrong.json["broken"]
    assert (wrong.code, wrong.json["ok"]) == (1, False)
    assert (broken["event"], broken["kind"]) == (events + 1, "truncated")
    of_none = incident("audit", "verify", "--anchor", f"{events}:{head}")
    assert (of_none.code, of_none.error) == (2, "option_missing")
    no_anchor = incident("audit", "verify", "-i", "amber-falcon", "--anchor", "soon")
    assert (no_anchor.code, no_anchor.error) == (2, "bad_anchor")


def test_a_home_that_cannot_be_created_is_refused(nowhere: AtDesk) -> None:
    nowhere.home.write_text("a file", encoding="utf-8")
    said = nowhere("init")
    assert (said.code, said.error) == (1, "home_unwritable")


def meddle(tocsin: AtDesk, *statements: str) -> None:
    """Change the store behind the program's back."""
    with closing(sqlite3.connect(tocsin.home / "tocsin.db")) as store, store:
        for statement in statements:
            store.execute(statement)


def areas(tocsin: AtDesk, severity: str, *words: str) -> set[str]:
    found = tocsin("doctor", *words, "--format", "json").json["findings"]
    return {finding["area"] for finding in found if finding["severity"] == severity}


def findings(tocsin: AtDesk, area: str, severity: str, *words: str) -> list[dict[str, Any]]:
    """Return what doctor finds in an area, of one severity."""
    found = tocsin("doctor", *words, "--format", "json").json["findings"]
    return [finding for finding in found if (finding["area"], finding["severity"]) == (area, severity)]


def test_repair_rewrites_lists_that_differ_from_the_journals(incident: AtDesk) -> None:
    meddle(incident, "UPDATE incidents SET codename = 'other-name'")
    assert "lists" in areas(incident, "error")
    assert areas(incident, "mended", "--repair") == {"lists"}
    assert incident("list", "--format", "json").json["incidents"][0]["codename"] == "amber-falcon"


def test_a_missing_document_and_a_clock_behind_the_journal_are_found(incident: AtDesk) -> None:
    meddle(incident, "DELETE FROM blobs WHERE incident <> ''")
    incident.clock.advance(timedelta(hours=-1))
    assert {"blobs", "clock"} <= areas(incident, "error")


def test_an_event_that_was_changed_is_found_by_doctor_and_audit(incident: AtDesk) -> None:
    meddle(
        incident,
        "DROP TRIGGER events_are_never_changed",
        "UPDATE events SET header = replace(header, 'desk', 'dusk') WHERE seq = 3",
    )
    assert "journal" in areas(incident, "error")
    said = incident("audit", "verify", "--format", "json")
    assert (said.code, said.json["ok"], said.json["broken"]["event"]) == (1, False, 3)
    compare("audit.broken", incident("audit", "verify").out, incident.home)


def test_a_home_on_a_synchronised_folder_is_warned_of(tmp_path: Path) -> None:
    there = AtDesk(tmp_path / "Dropbox" / "home")
    said = there("init")
    assert (said.code, said.warnings) == (0, ["shared_folder"])
    assert "dropbox" in said.err
    assert "folder" in areas(there, "warning")


def test_a_secret_that_is_not_here_is_said_once(tocsin: AtDesk) -> None:
    mail = {"host": "h.example", "sender": "a@h.example", "username": "u"}
    tocsin.settings(
        channels={
            "mail": {"adapter": "smtp", "settings": mail, "secrets": {"password": "file:none"}},
            "pager": {
                "adapter": "webhook",
                "settings": {"url": "https://hooks.example.org/x"},
                "secrets": {"signing": "file:none.key"},
            },
        }
    )
    found = tocsin("doctor", "--offline", "--format", "json").json["findings"]
    said = [finding["what"].partition(":")[0] for finding in found if finding["severity"] == "error"]
    assert {*said} >= {"mail", "pager"}
    assert len(said) == 3, "each once, and that nobody can be reached"


def test_a_relative_path_of_a_channel_counts_from_the_home(tocsin: AtDesk, playbook: Path) -> None:
    tocsin.settings(channels={"screen": {"adapter": "console", "settings": {"path": "shown.txt"}}})
    tocsin.done("open", str(playbook), "--yes", "--fact", "incident.summary=x")
    assert "A badge is missing" in (tocsin.home / "shown.txt").read_text(encoding="utf-8")
    tocsin.settings(channels={"screen": {"adapter": "console", "settings": {"path": "no/shown.txt"}}})
    [found] = findings(tocsin, "channels", "error")
    assert {"screen:", "path"} <= set(found["what"].split())


def test_doctor_queries_dns_about_senders_only_on_request(tocsin: AtDesk) -> None:
    pytest.importorskip("dns", reason="NOT TESTED: dnspython is not installed (make install)")
    from tests.servers.nameserver import nameserver

    with nameserver({("corp.example", "TXT"): ('"v=spf1 mx -all"',)}) as where:
        mail = {
            "host": "127.0.0.1",
            "port": 25,
            "sender": "a@corp.example",
            "tls": "none",
            "nameserver": where,
        }
        tocsin.settings(channels={"mail": {"adapter": "smtp", "settings": mail}})
        [fine] = findings(tocsin, "channels", "good")
        assert ("mail" in fine["what"], findings(tocsin, "channels", "warning")) == (True, [])
        said = findings(tocsin, "channels", "warning", "--dns")
    assert all({"mail:", "corp.example"} <= set(finding["what"].split()) for finding in said)
    assert [re.findall(r"\b(MX|SPF|DMARC|TLSA)\b", finding["what"]) for finding in said] == [
        ["MX"],
        ["DMARC"],
        ["TLSA"],
    ]


def test_empty_settings_are_reported_with_the_required_first_line(tocsin: AtDesk) -> None:
    (tocsin.home / "tocsin.yaml").write_text("", encoding="utf-8")
    said = tocsin("status", "--format", "json")
    assert (said.code, said.error) == (1, "bad_settings")
    [problem] = said.json["problems"]
    assert (problem["code"], problem["line"], "tocsin/home/v1" in problem["hint"]) == ("yaml-empty", 1, True)


def test_doctor_names_the_command_that_makes_the_device_of_a_channel(tocsin: AtDesk) -> None:
    matrix = {"url": "https://matrix.example.org", "user": "@tocsin:example.org", "encrypted": True}
    secrets = {"device": "file:chat.device"}
    tocsin.settings(channels={"chat": {"adapter": "matrix", "settings": matrix, "secrets": secrets}})
    hints = [finding["hint"] for finding in findings(tocsin, "channels", "error", "--offline")]
    assert "Publish it: tocsin channel keys chat" in hints


def test_a_home_with_seed_mailboxes_opens_and_doctor_says_that_they_have_no_effect(tocsin: AtDesk) -> None:
    mailbox = {"host": "imap.people.example", "username": "seed", "state": "seed.state"}
    seeds = {"people": {"address": "seed@people.example", "mailbox": mailbox}}
    settings = {"host": "smtp.corp.example", "sender": "incident@corp.example", "seeds": seeds}
    tocsin.settings(channels={"mail": {"adapter": "smtp", "settings": settings}})
    [told] = [
        finding["what"]
        for finding in findings(tocsin, "channels", "warning", "--offline")
        if "seeds" in finding["what"]
    ]
    assert told.startswith("mail: ")
    assert findings(tocsin, "channels", "error", "--offline") == []


def test_doctor_names_a_contact_on_an_unknown_channel(tocsin: AtDesk) -> None:
    contacts = [{"channel": "scren", "address": "ada"}, {"channel": "phone", "address": "+15005550006"}]
    tocsin.settings(
        people={"maria": {"contacts": [{"channel": "screen", "address": "m"}]}, "ada": {"contacts": contacts}}
    )
    [told] = [finding for finding in findings(tocsin, "people", "warning") if "scren" in finding["what"]]
    assert ("ada" in told["what"].split(), "screen" in told["hint"]) == (True, True), "whose, and the nearest"
    everything = str(tocsin("doctor", "--format", "json").json["findings"])
    assert "phone" not in everything, "it is a way by itself"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://tocsin:geheim@db.example.org/tocsin",
        "postgres://db.example.org/tocsin?user=t&password=geheim",
    ],
)
def test_a_password_in_the_store_s_url_is_refused_and_not_repeated(tocsin: AtDesk, url: str) -> None:
    path = tocsin.home / "tocsin.yaml"
    path.write_text(f"schema: tocsin/home/v1\nstore: {url}\n", encoding="utf-8")
    said = tocsin("status", "--format", "json")
    assert (said.code, said.error) == (1, "bad_settings")
    [problem] = said.json["problems"]
    assert (problem["line"], problem["column"], problem["code"]) == (2, 8, "secret")
    assert "store_password" in problem["hint"]
    assert "geheim" not in said.out + said.err + tocsin("status").err


def test_doctor_without_the_postgresql_package_says_what_to_install(
    tocsin: AtDesk,
) -> None:
    path = tocsin.home / "tocsin.yaml"
    path.write_text("schema: tocsin/home/v1\nstore: postgresql://db.example.org/tocsin\n", encoding="utf-8")
    program = (
        "import sys; sys.modules['psycopg'] = None; from runner.__main__ import main;"
        f" sys.exit(main(['doctor', '--home', {str(tocsin.home)!r}, '--format', 'json']))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ran.returncode == 4, ran.stderr
    found = {(load["area"], load["severity"]): load for load in json.loads(ran.stdout)["findings"]}
    assert ("settings", "good") in found
    lacking = found["store", "error"]
    assert ("psycopg" in lacking["what"], "tocsin[postgres]" in lacking["hint"]) == (True, True)


STORE = {"store": "sqlite:tocsin.db", "master_key": "file:master.key"}


@pytest.mark.parametrize(
    ("wrong", "left_out"),
    [
        ({"poeple": {}}, "poeple"),
        ({"worker": "always"}, "worker"),
        ({"war_rooms": {"chat": {}}, "serve": {"names": ["room.example.org"]}}, "war_rooms"),
    ],
)
def test_a_typo_in_the_settings_stops_no_reading(
    tocsin: AtDesk, wrong: dict[str, Any], left_out: str
) -> None:
    path = tocsin.home.with_name("lost-badge.yaml")
    path.write_text(PLAYBOOK, encoding="utf-8")
    tocsin.settings(**STORE)
    tocsin.done("open", str(path), "--title", "A badge", "--yes")
    tocsin.settings(**STORE, **wrong)
    for words in (("status",), ("next",), ("timeline",), ("task", "list"), ("duties",)):
        said = tocsin(*words)
        assert (said.code in (0, 4), said.warnings[:1]) == (True, ["settings_wrong"]), said.err
        assert left_out in re.split(r"[\s:]", said.err)
        assert left_out in re.split(r"\W+", said.out.splitlines()[0]), said.out
        shown = tocsin(*words, "--format", "json").json
        assert left_out in shown["settings_left_out"], words
    assert tocsin("status", "--format", "json").json["title"] == "A badge"
    for words in (("note", "it is found"), ("worker", "--once"), ("serve", "--link"), ("person", "list")):
        assert tocsin(*words).error == "bad_settings", words
    tocsin.settings(**STORE)
    assert "settings_left_out" not in tocsin("status", "--format", "json").json
    assert [
        one["text"]
        for one in tocsin("timeline", "--format", "json").json["entries"]
        if "found" in one["text"]
    ] == []


@pytest.mark.parametrize(
    "wrong", [{"stroe": "sqlite:other.db"}, {"store": 7}, {"store": "sqlite:tocsin.db", "shcema": 1}]
)
def test_a_typo_in_what_reading_needs_stops_reading(tocsin: AtDesk, wrong: dict[str, Any]) -> None:
    tocsin.settings(**wrong)
    if "shcema" in wrong:
        path = tocsin.home / "tocsin.yaml"
        path.write_text(
            path.read_text(encoding="utf-8").replace("schema: tocsin/home/v1\n", ""), encoding="utf-8"
        )
    assert tocsin("status").error == "bad_settings"
