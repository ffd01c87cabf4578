"""The plan of a class, rules, overrides and secrets in texts, from the command line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.cli.at_desk import PLAYBOOK, AtDesk, compare

CARD = "4111 1111 1111 1111"


def plan(desk: AtDesk, *words: str) -> list[dict[str, object]]:
    found = desk("message", "plan", *words, "--format", "json")
    assert found.code == 0, found.err
    return list(found.json["plan"])


def rules_of(row: dict[str, object], key: str) -> list[str]:
    return [one["rule"] for one in row[key]]  # type: ignore[attr-defined]


def test_a_class_is_planned_to_a_role_without_an_incident_and_nothing_is_sent(tocsin: AtDesk) -> None:
    rows = plan(tocsin, "urgent-internal", "--to", "counsel")
    assert [(row["recipient"], row["message_class"]) for row in rows] == [
        ("jonas", "urgent-internal"),
        ("ada", "urgent-internal"),
    ]
    refused = plan(tocsin, "urgent-confidential", "--to", "person:ada")[0]
    assert (rules_of(refused, "refusals"), rules_of(refused, "warnings")) == (["R8"], ["R3"])
    assert tocsin.console == ""


def test_a_plan_may_assume_a_compromised_domain_or_an_exercise(tocsin: AtDesk) -> None:
    fallen = plan(tocsin, "task-notice", "--to", "ada", "--compromised", "this-machine")[0]
    assert rules_of(fallen, "refusals") == ["R1"]
    outside = plan(tocsin, "affected-notice", "--to", "ada", "--kind", "exercise")[0]
    assert rules_of(outside, "refusals") == ["R36"]


def test_a_class_or_an_addressee_that_is_not_there_is_refused_with_the_nearest(tocsin: AtDesk) -> None:
    said = tocsin("message", "plan", "urgent-internl")
    assert (said.code, said.error, "urgent-internal" in said.err) == (1, "unknown_message_class", True)
    said = tocsin("message", "plan", "task-notice", "--to", "counsle")
    assert (said.code, said.error, "counsel" in said.err) == (1, "unknown_recipient", True)
    said = tocsin("message", "plan", "--to", "counsel")
    assert (said.code, said.error) == (2, "argument_missing")


def test_an_approver_sets_a_rule_aside_and_it_shows_wherever_it_has_effect(incident: AtDesk) -> None:
    def shown() -> set[str]:
        return {"R8", "ada", "counsel"} & set(re.findall(r"\w+", incident.done("status")))

    assert shown() == set()
    said = incident(
        "message", "override", "R8", "--channel", "screen", "--as", "ada", "--reason", "ada alone sees it"
    )
    assert said.code == 0, said.err
    row = plan(incident, "urgent-confidential", "--to", "ada")[0]
    assert [channel["channel"] for channel in row["channels"]] == ["screen"]  # type: ignore[attr-defined]
    assert (rules_of(row, "overridden"), rules_of(row, "warnings")) == (["R8"], ["R8", "R3"])
    assert shown() == {"R8", "ada", "counsel"}
    (kept,) = incident("message", "rules", "--format", "json").json["overrides"]
    assert incident("status", "--format", "json").json["overrides"] == [kept]
    assert (kept["rule"], kept["by"], kept["role"]) == ("R8", "ada", "counsel")
    assert (kept["channel"], kept["reason"]) == ("screen", "ada alone sees it")
    entries = incident("timeline", "--format", "json").json["entries"]
    (told,) = [entry for entry in entries if entry["type"] == "RuleOverridden"]
    assert told["event"] == kept["entry"]
    assert {"R8", "ada", "counsel", "screen"} <= set(re.findall(r"\w+", told["text"]))
    incident.done("correct", str(kept["entry"]), "--reason", "no longer needed")
    assert rules_of(plan(incident, "urgent-confidential", "--to", "ada")[0], "refusals") == ["R8"]
    assert shown() == set()


def test_only_an_approver_can_override_a_rule(incident: AtDesk) -> None:
    def refused(*words: str) -> tuple[int, str]:
        said = incident("message", "override", *words)
        return said.code, said.error

    assert refused("R8") == (1, "reason_missing")
    assert refused("R8", "--as", "mallory", "--reason", "x") == (1, "unknown_person")
    assert refused("R36", "--reason", "x") == (1, "firm_rule")
    assert refused("R8", "--channel", "mail", "--reason", "x") == (1, "unknown_channel")
    assert refused("R8", "--on-behalf-of", "ada", "--via", "phone", "--reason", "x") == (2, "on_behalf")


def test_an_override_without_a_limit_is_a_warning(incident: AtDesk) -> None:
    words = ("message", "override", "R8", "--as", "ada", "--reason", "x")
    assert incident(*words, "--to", "ada").warnings == []
    assert incident(*words).warnings == ["override_unlimited"]


def test_the_rules_are_listed_with_their_grounds_and_how_sure_they_are(tocsin: AtDesk) -> None:
    found = {rule["rule"]: rule for rule in tocsin("message", "rules", "--format", "json").json["rules"]}
    assert {f"R{n}" for n in range(1, 37)} <= found.keys()
    assert all(one["source"] and one["jurisdiction"] and one["as_of"] for one in found.values())
    assert {one["confirmed"] for one in found.values()} == {True, False}
    compare("rules-listed", tocsin.done("message", "rules"), tocsin.home)


CRITICAL = PLAYBOOK.replace("class: task-notice", "class: urgent-internal")


def r3(desk: AtDesk, path: Path) -> list[set[str]]:
    """Return the people and the channels that each warning about too few channels names."""
    found: list[dict[str, Any]] = desk("playbook", "validate", str(path), "--format", "json").json["problems"]
    names = {"ada", "jonas", "screen", "mail"}
    told = [(one["severity"], one["message"]) for one in found if one["code"] == "R3"]
    assert {severity for severity, _ in told} <= {"warning"}
    return [names & set(re.findall(r"\w+", text)) for _, text in told]


def test_a_critical_message_blocked_by_one_domain_is_reported_by_validate(
    tocsin: AtDesk, playbook: Path
) -> None:
    assert r3(tocsin, playbook) == []
    playbook.write_text(CRITICAL, encoding="utf-8")
    assert r3(tocsin, playbook) == [{"ada", "jonas", "screen"}]
    assert tocsin("playbook", "validate", str(playbook), "--strict").code == 1
    two = {
        "screen": {"adapter": "console", "settings": {"path": "one.txt"}},
        "mail": {
            "adapter": "smtp",
            "settings": {"host": "127.0.0.1", "port": 9, "sender": "a@example.org", "tls": "none"},
        },
    }
    tocsin.settings(channels=two)
    for name in ("ada", "jonas"):
        tocsin.done("person", "add", name, "--contact", f"mail={name}@example.org")
    assert r3(tocsin, playbook) == []
    playbook.write_text(f"{CRITICAL}assume_compromised: [this-machine]\n", encoding="utf-8")
    assert r3(tocsin, playbook) == [{"ada", "jonas", "mail"}]


@pytest.fixture
def with_card(tocsin: AtDesk, playbook: Path) -> AtDesk:
    """An incident whose first message holds a card number as soon as its fact is filled in."""
    playbook.write_text(PLAYBOOK, encoding="utf-8")
    tocsin.done("open", str(playbook), "--yes", "--fact", f"incident.summary=paid with {CARD}")
    return tocsin


def test_a_card_number_leaves_over_no_channel_and_no_error_repeats_it(with_card: AtDesk) -> None:
    assert CARD not in with_card.console
    (stuck,) = [
        one
        for one in with_card("status", "--format", "json").json["needs_attention"]
        if one["kind"] == "stuck"
    ]
    assert (stuck["ref"], CARD in stuck["text"]) == ("lost-badge:tell#1", False)
    assert {"R10", "1"} <= set(re.findall(r"\w+", stuck["text"]))
    page = with_card.done("status")
    assert ("R10" in page, CARD in page) == (True, False)


def test_an_approver_lets_exactly_that_text_go(with_card: AtDesk) -> None:
    told = next(
        one["text"]
        for one in with_card("status", "--format", "json").json["needs_attention"]
        if "R10" in one["text"]
    )
    digest = told.partition("--text ")[2].split()[0]
    with_card.done("message", "override", "R10", "--text", digest, "--reason", "a test card of the scheme")
    with_card.done("task", "retry", "tell", "--reason", "it may go")
    assert with_card.console.count(CARD) == 2


def test_above_internal_the_subject_says_nothing(tocsin: AtDesk, playbook: Path) -> None:
    path = str(tocsin.home / "console.txt")
    screen = {"adapter": "console", "confidentiality": "confidential", "settings": {"path": path}}
    tocsin.settings(channels={"screen": screen})
    words = (
        'heads-up: {class: executive-brief, subject: "A badge of the vault is missing", text: "Look at it"}'
    )
    playbook.write_text(PLAYBOOK.replace(PLAYBOOK.splitlines()[6].strip(), words), encoding="utf-8")
    tocsin.done("open", str(playbook), "--yes")
    assert "vault" not in tocsin.console
    subjects = re.findall(r"^Subject: (.+)$", tocsin.console, re.MULTILINE)
    assert [subject.startswith("amber-falcon") for subject in subjects] == [True, True]
