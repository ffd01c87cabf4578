"""``tocsin open``."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from runner.app.home.workers import enlist
from tests.cli.at_desk import AtDesk, compare


def test_opening_without_a_terminal_and_without_yes_shows_the_plan_and_sends_nothing(
    tocsin: AtDesk, playbook: Path
) -> None:
    said = tocsin("open", str(playbook), "--fact", "incident.summary=Badge 4711")
    assert (said.code, said.error, said.out) == (1, "no_terminal", "")
    compare("open.asked", said.err, tocsin.home)
    assert tocsin("list", "--format", "json").json["incidents"] == []
    assert tocsin.console == ""


def test_opening_warns_a_user_who_is_not_in_the_contact_list(tocsin: AtDesk, playbook: Path) -> None:
    assert "opener_unknown" not in tocsin("open", str(playbook)).warnings
    assert "opener_unknown" in replace(tocsin, os_user="root")("open", str(playbook)).warnings


def test_a_negative_answer_at_the_terminal_opens_nothing(tocsin: AtDesk, playbook: Path) -> None:
    said = tocsin("open", str(playbook), "--fact", "incident.summary=x", types="n\n")
    assert (said.code, "[not_confirmed]" in said.err) == (1, True)
    assert tocsin("list", "--format", "json").json["incidents"] == []


def test_a_positive_answer_opens_the_incident_and_sends_messages_first(
    tocsin: AtDesk, playbook: Path
) -> None:
    tocsin.done("open", str(playbook), "--fact", "incident.summary=Badge 4711", types="y\n")
    assert "A badge is missing: Badge 4711" in tocsin.console
    assert [d["evidence"] for d in tocsin("message", "list", "--format", "json").json["deliveries"]] == [
        "accepted",
        "accepted",
    ]


def test_a_compromised_domain_that_nothing_depends_on_is_refused_with_the_nearest_name(
    tocsin: AtDesk, playbook: Path
) -> None:
    asked = ("open", str(playbook), "--fact", "incident.summary=x")
    said = tocsin(*asked, "--compromised", "this-machin")
    assert said.error == "unknown_domain"
    assert "this-machine" in re.findall(r"[\w-]+", said.err)
    assert tocsin(*asked, "--compromised", "this-machine").error == "no_terminal"


def test_the_plan_says_when_only_this_terminal_would_show_the_messages(
    tocsin: AtDesk, playbook: Path
) -> None:
    tocsin.settings(worker="auto", channels={"screen": {"adapter": "console"}})
    compare("open.only-here", tocsin("open", str(playbook)).err, tocsin.home)


def test_no_work_leaves_the_messages_to_a_worker(tocsin: AtDesk, playbook: Path) -> None:
    tocsin.done("open", str(playbook), "--yes", "--no-work", "--fact", "incident.summary=x")
    assert tocsin.console == ""
    tocsin("worker", "--once")
    assert tocsin.console.count("A badge is missing") == 2


def test_opening_warns_about_later_work_without_a_running_worker(tocsin: AtDesk, playbook: Path) -> None:
    opening = ("open", str(playbook), "--yes", "--fact", "incident.summary=x")
    said = tocsin(*opening)
    compare("open.no-worker", said.err, tocsin.home)
    waits = said.err.splitlines()[-1]
    desk = tocsin.office()
    alive = desk.store.register_worker("worker-1")
    enlist(desk, "worker-1")
    assert waits not in tocsin(*opening, "--no-work").err.splitlines()
    alive.release()


def test_opening_answers_with_the_plan_in_json(tocsin: AtDesk, playbook: Path) -> None:
    said = tocsin(
        "open",
        str(playbook),
        "--yes",
        "--format",
        "json",
        "--kind",
        "exercise",
        "--fact",
        "incident.summary=x",
    )
    assert said.json["schema"] == "tocsin/opened/v1"
    assert (said.json["kind"], said.json["codename"]) == ("exercise", "amber-falcon")
    assert [one["recipient"] for one in said.json["plan"]["plan"]] == ["jonas", "ada"]


def test_a_writing_command_that_makes_a_home_says_so(nowhere: AtDesk, playbook: Path) -> None:
    said = nowhere("open", str(playbook), "--yes", "--fact", "incident.summary=x", "--no-worker")
    assert (said.code, str(nowhere.home) in said.err) == (0, True)
    said = nowhere("open", str(playbook), "--yes", "--fact", "incident.summary=x", "--no-worker")
    assert (said.code, str(nowhere.home) in said.err) == (0, False), "it is said once"


def test_every_mistake_in_the_playbook_is_listed_and_nothing_is_opened(
    tocsin: AtDesk, playbook: Path
) -> None:
    playbook.write_text(playbook.read_text(encoding="utf-8").replace("role: commander", "role: comander"))
    said = tocsin("open", str(playbook), "--yes")
    assert (said.code, said.error) == (1, "bad_playbook")
    assert said.err.count("unknown-role") == 4
    assert f"{playbook}:10:" in said.err


def test_a_veris_record_is_imported_and_unmapped_values_are_reported(
    tocsin: AtDesk, playbook: Path, tmp_path: Path
) -> None:
    record = tmp_path / "record.json"
    mapped = '"victim": {"country": ["DE"]}, "action": {"error": {"variety": ["Loss"]}}'
    record.write_text(f'{{{mapped}, "plus": {{"mood": "bad"}}}}')
    facts = ("--facts", f"veris:{record}", "--fact", "incident.summary=x")
    said = tocsin("open", str(playbook), "--yes", *facts, "--format", "json")
    assert said.code == 0
    (unmapped,) = said.json["unmapped"]
    assert "plus.mood" in unmapped
    assert "plus.mood" in said.err
    rows = tocsin("fact", "show", "--format", "json").json["facts"]
    found = {row["key"]: row["value"] for row in rows}
    assert (found["organisation.country"], found["incident.vector"]) == ("DE", "loss")


def test_two_open_incidents_must_be_named_until_one_is_chosen(incident: AtDesk, playbook: Path) -> None:
    incident.done("open", str(playbook), "--yes", "--fact", "incident.summary=another")
    incident.done("use")
    said = incident("status")
    assert (said.code, said.error) == (1, "which_incident")
    assert ("amber-falcon" in said.err, "calm-heron" in said.err) == (True, True)
    incident.done("use", "calm-heron")
    assert incident("status", "--format", "json").json["codename"] == "calm-heron"
    assert incident("status", "-i", "amber-falcon", "--format", "json").json["codename"] == "amber-falcon"


def test_a_playbook_that_runs_another_shows_its_steps_as_soon_as_it_is_open(tocsin: AtDesk) -> None:
    tocsin.done("open", "ransomware", "--yes", "--no-work")
    ahead = {
        task["step"] for task in tocsin("status", "--format", "json").json["tasks"] if not task["invocation"]
    }
    assert {"proposal", "notify"} <= ahead, "steps of demand and, two levels down, of duty-lanes"


def test_a_person_who_was_not_reached_is_reported_first_in_next(tocsin: AtDesk, tmp_path: Path) -> None:
    relay = {"host": "127.0.0.1", "port": 9, "sender": "incident@corp.example", "tls": "none"}
    mail = {"adapter": "smtp", "settings": relay, "confidentiality": "confidential"}
    contact = [
        {"channel": "mail", "address": "jonas@corp.example"},
        {"channel": "phone", "address": "+4930555010"},
    ]
    tocsin.settings(channels={"mail": mail}, people={"maria": {}, "jonas": {"contacts": contact}})
    path = tmp_path / "call-out.yaml"
    path.write_text(CALL_OUT, encoding="utf-8")
    said = tocsin("open", str(path), "--yes")
    assert said.code == 0
    compare("open.nothing-left", said.err, tocsin.home)
    [delivery] = tocsin("message", "list", "--format", "json").json["deliveries"]
    first = tocsin("next", "--format", "json").json["next"][0]
    assert first["command"] == f"tocsin call {delivery['delivery']}"
    assert (first["kind"], first["ref"]) == ("unreachable", delivery["delivery"])
    assert {"jonas", "1", "mail"} <= set(re.findall(r"\w+", f"{first['text']} {first['detail']}"))
    for word in ("status", "next"):
        assert "+4930555010" in tocsin(word).out
        assert "+4930555010" not in tocsin(word, "--format", "json").out  # programs do not get numbers
    for _ in range(2):
        tocsin.done("call", delivery["delivery"], "--not-reached")
    [tried] = tocsin("message", "list", "--format", "json").json["deliveries"]
    assert (tried["calls"], tried["called_by"]) == (2, "maria")
    tocsin.done("call", delivery["delivery"], "--reached")
    kinds = {one["kind"] for one in tocsin("status", "--format", "json").json["needs_attention"]}
    assert "unreachable" not in kinds


CALL_OUT = """\
schema: tocsin/playbook/v1
name: call-out
version: 1.0.0
title: Call counsel out
roles: {commander: {title: Incident commander}, counsel: {title: Legal counsel}}
messages: {alert: {class: urgent-confidential, text: "{{ incident.codename }} needs you"}}
steps:
  - {id: tell, message: alert, to: [person:jonas]}
"""


def test_two_playbooks_that_run_the_same_playbook_are_questioned_before_anybody_says_yes(
    tocsin: AtDesk,
) -> None:
    said = tocsin("open", "ransomware", "personal-data-breach")
    assert said.error == "no_terminal"
    assert "breach-duties" in said.err + said.out
    said = tocsin("open", "ransomware")
    assert "breach-duties" not in said.err + said.out
