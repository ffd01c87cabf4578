"""From a message to an answer at the command line: codes, links, levels, the call at the end, and what is proved."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from runner.app.messages import acknowledgement
from runner.app.messages.acknowledgement import Acknowledged, acknowledge, look_at
from runner.cli.framework.session import Options, Session
from runner.incident.state.events import decode
from runner.incident.state.messages import LevelFired
from tests.cli.at_desk import AtDesk, compare
from tests.refusals import refused
from tests.servers.postgres import BOTH_STORES

PLAYBOOK = """\
schema: tocsin/playbook/v1
name: call-out
version: 1.0.0
title: Call out
roles: {commander: {title: Incident commander}, counsel: {title: Legal counsel}}
messages:
  alert: {class: urgent-internal, text: "It begins", escalate_to: [role:commander]}
steps:
  - {id: tell, message: alert, to: [role:counsel]}
  - {id: next, task: Go on, role: commander, after: [tell]}
"""
MINUTES = timedelta(minutes=1)


@pytest.fixture
def called(tocsin: AtDesk, tmp_path: Path) -> AtDesk:
    """A home in which jonas was told, ada stands in for him, and maria is above them."""
    tocsin.settings(roles={"commander": ["maria"], "counsel": ["jonas"]}, alternates={"counsel": ["ada"]})
    path = tmp_path / "call-out.yaml"
    path.write_text(PLAYBOOK, encoding="utf-8")
    tocsin.done("open", str(path), "--yes")
    return tocsin


def delivery(at: AtDesk, person: str) -> dict[str, object]:
    found = at("message", "list", "--format", "json").json["deliveries"]
    return next(delivery for delivery in found if delivery["recipient"] == person)


def code(at: AtDesk, person: str) -> str:
    shown = at("message", "show", str(delivery(at, person)["delivery"]), "--format", "json").json
    return str(shown["code"])


def told(at: AtDesk) -> list[str]:
    return re.findall(r"^To: (\w+)", at.console, re.MULTILINE)


def shown(at: AtDesk) -> list[str]:
    """Return the messages that were shown, without the digests and codes, which are never the same."""
    text = re.sub(
        r"journal \S+( · log \S+)?", "journal HEAD", re.sub(r"code \w{6}\n", "code CODE\n", at.console)
    )
    return re.findall(r"^----- message \w+ -----\n(.*?)^----- end -----$", text, re.MULTILINE | re.DOTALL)


def wait(at: AtDesk, span: timedelta) -> None:
    """Let time pass and have what is due done."""
    at.clock.advance(span)
    at("worker", "--once")


@BOTH_STORES
def test_the_code_in_the_message_acknowledges_it_and_stops_the_calling(called: AtDesk) -> None:
    mine = code(called, "jonas")
    assert mine in called.console
    answer = called("ack", f"{mine[:3]}-{mine[3:].lower()}", "--as", "jonas", "--format", "json").json
    assert (answer["person"], answer["evidence"], answer["changed"]) == ("jonas", "acked", True)
    states = {
        delivery["recipient"]: delivery["state"]
        for delivery in called("message", "list", "--format", "json").json["deliveries"]
    }
    assert states == {"jonas": "satisfied", "ada": "cancelled", "maria": "cancelled"}
    wait(called, timedelta(hours=3))
    assert told(called) == ["jonas"]


@BOTH_STORES
def test_a_second_answer_changes_nothing(called: AtDesk) -> None:
    mine = code(called, "jonas")
    called.done("ack", mine, "--as", "jonas")
    before = called("status", "--format", "json").json["version"]
    again = called("ack", mine, "--as", "jonas", "--format", "json").json
    assert (again["person"], again["evidence"], again["changed"]) == ("jonas", "acked", False)
    assert called("status", "--format", "json").json["version"] == before


def test_a_code_is_valid_only_for_its_recipient(called: AtDesk) -> None:
    said = called("ack", code(called, "jonas"), "--as", "ada")
    assert (said.code, said.error, "jonas" in said.err) == (1, "ack_of_another", True)
    assert delivery(called, "jonas")["evidence"] == "accepted"
    for no_code in ("AAAAAA", "no code"):
        said = called("ack", no_code, "--as", "jonas")
        assert (said.code, said.error) == (1, "ack_refused")


def test_an_answer_on_somebodys_behalf_is_recorded_as_one(called: AtDesk) -> None:
    called.done("ack", code(called, "jonas"), "--on-behalf-of", "jonas", "--via", "phone")
    assert delivery(called, "jonas")["evidence"] == "acked"
    entries = called("timeline", "--format", "json").json["entries"]
    [found] = [entry for entry in entries if entry["type"] == "EvidenceRaised"]
    assert (found["claimed"], found["on_behalf_of"]) == ("maria", "jonas via phone")


def test_levels_are_alerted_in_order_with_their_reason(called: AtDesk) -> None:
    wait(called, 5 * MINUTES)
    assert (told(called), delivery(called, "jonas")["reminders"]) == (["jonas", "jonas"], 1)
    wait(called, 5 * MINUTES)
    assert told(called) == ["jonas", "jonas", "ada"]
    wait(called, 10 * MINUTES)
    assert "maria" in told(called)
    compare("acknowledging-levels", "\n".join(sorted(shown(called))), called.home)


def test_after_a_standstill_only_the_current_level_is_alerted(called: AtDesk) -> None:
    wait(called, timedelta(hours=1))
    assert set(told(called)) == {"jonas", "maria"}
    store = called.office().store
    [row] = store.rows()
    events = [decode(event.payload) for event in store.read(row.id) if event.payload is not None]
    [fired] = [event for event in events if isinstance(event, LevelFired)]
    assert (fired.level, fired.late_by, fired.passed_over) == (2, 40 * MINUTES, (1,))


def test_reached_people_are_told_who_acknowledged(called: AtDesk) -> None:
    wait(called, 10 * MINUTES)
    called.done("ack", code(called, "ada"), "--as", "ada")
    assert told(called)[-1] == "jonas"
    compare("acknowledging-answered", shown(called)[-1], called.home)


def test_an_unanswered_alert_ends_with_a_call_that_stays_listed(called: AtDesk) -> None:
    for _ in range(12):
        wait(called, 5 * MINUTES)
    mine = str(delivery(called, "jonas")["delivery"])
    [owed] = [
        one
        for one in called("status", "--format", "json").json["needs_attention"]
        if one["kind"] == "unreachable"
    ]
    assert (owed["ref"], owed["severity"], owed["command"]) == (
        mine,
        "critical",
        f"tocsin call {mine}",
    )
    assert "Maria" in owed["who"]
    assert mine in called.done("next")
    assert called("worker", "--once").code == 4
    called.done("call", mine, "--reached", "--note", "on his way")
    kinds = {one["kind"] for one in called("status", "--format", "json").json["needs_attention"]}
    assert "unreachable" not in kinds
    assert "call-out:next#1" in [one["ref"] for one in called("next", "--format", "json").json["next"]]


# ------------------------------------------------------------------------------------------------------------ links


@pytest.fixture
def linked(tocsin: AtDesk, tmp_path: Path) -> AtDesk:
    """The same with a public address, so that messages hold links."""
    tocsin.settings(
        roles={"commander": ["maria"], "counsel": ["jonas"]}, public_url="https://ack.example.org/tocsin/"
    )
    path = tmp_path / "call-out.yaml"
    path.write_text(PLAYBOOK, encoding="utf-8")
    tocsin.done("open", str(path), "--yes")
    return tocsin


def link(at: AtDesk, which: int = 0) -> str:
    return re.findall(r"https://ack\.example\.org/tocsin/ack/(\S+)", at.console)[which]


def by_link(at: AtDesk, token: str, person: str = "") -> Acknowledged:
    with Session(at.world(), Options(claimed="callbacks")) as session:
        return acknowledge(session.service, token=token, person=person)


def look(at: AtDesk, token: str) -> str:
    with Session(at.world(), Options(claimed="callbacks")) as session:
        return look_at(session.service, token).state


def test_looking_at_a_links_page_acknowledges_nothing_and_its_button_does(linked: AtDesk) -> None:
    token = link(linked)
    assert [look(linked, token) for _ in range(3)] == ["open", "open", "open"]
    assert delivery(linked, "jonas")["evidence"] == "accepted"
    found = by_link(linked, token)
    assert (found.person, found.evidence, found.changed) == ("jonas", "acked", True)
    assert look(linked, token) == "done"


def test_a_link_works_once(linked: AtDesk) -> None:
    token = link(linked)
    by_link(linked, token)
    again = by_link(linked, token)
    assert (again.changed, again.evidence) == (False, "acked")


@pytest.mark.parametrize("spoil", ["person", "seal", "delivery", "incident", "attempt", "nothing", "late"])
def test_a_link_that_does_not_hold_is_refused_in_the_same_words_as_any_other(
    linked: AtDesk, spoil: str
) -> None:
    incident, mine, attempt, ends, seal = link(linked).split(".")
    other = str(delivery(linked, "maria")["delivery"])
    tokens = {
        "person": link(linked),
        "seal": f"{incident}.{mine}.{attempt}.{ends}.{seal[:-1]}{'A' if seal[-1] != 'A' else 'B'}",
        "delivery": f"{incident}.{other}.{attempt}.{ends}.{seal}",
        "incident": f"i-none.{mine}.{attempt}.{ends}.{seal}",
        "attempt": f"{incident}.{mine}.2.{ends}.{seal}",
        "nothing": "hello",
        "late": link(linked),
    }
    if spoil == "late":
        linked.clock.advance(timedelta(hours=25))
    with refused("ack_refused") as found:
        by_link(linked, tokens[spoil], person="maria" if spoil == "person" else "")
    same = acknowledgement.refused()
    assert (found.value.message, found.value.action) == (same.message, same.action)
    assert delivery(linked, "jonas")["evidence"] == "accepted"


def test_a_link_that_went_through_a_compromised_domain_does_not_stop_the_calling(linked: AtDesk) -> None:
    linked.done("domain", "compromised", "this-machine")
    assert by_link(linked, link(linked)).evidence == "read"
    assert delivery(linked, "jonas")["state"] != "satisfied"


def test_an_answer_over_a_channel_that_is_not_ours_is_refused(linked: AtDesk) -> None:
    mine = code(linked, "jonas")
    with (
        Session(linked.world(), Options(claimed="callbacks")) as session,
        refused("ack_refused"),
    ):
        acknowledge(session.service, code=mine, person="jonas", via="carrier-pigeon")


def test_an_answer_over_a_channel_counts_as_the_channel_says(linked: AtDesk) -> None:
    one = delivery(linked, "jonas")
    incident = linked("status", "--format", "json").json["incident"]
    with Session(linked.world(), Options(claimed="callbacks")) as session:
        found = acknowledge(
            session.service,
            incident=incident,
            delivery=str(one["delivery"]),
            person="jonas",
            via="screen",
            strength="authorises",
        )
    assert found.evidence == "acked"


# ------------------------------------------------------------------------------------------------------------ proof


def test_the_evidence_report_separates_proven_from_unproven_statements(called: AtDesk) -> None:
    mine = str(delivery(called, "jonas")["delivery"])
    report = called("message", "prove", mine, "--format", "json").json
    assert (report["recipient"], report["delivery"], report["evidence"]) == ("jonas", mine, "accepted")
    assert [entry["at"] for entry in report["entries"]] == ["2026-11-24T09:00:00Z"]
    before = called.done("message", "prove", mine)
    called.clock.advance(MINUTES)
    called.done("ack", code(called, "jonas"), "--as", "jonas")
    report = called("message", "prove", mine, "--format", "json").json
    assert report["evidence"] == "acked"
    assert [entry["at"] for entry in report["entries"]] == ["2026-11-24T09:00:00Z", "2026-11-24T09:01:00Z"]
    assert all(re.fullmatch(r"[0-9a-f]{64}", entry["hash"]) for entry in report["entries"])
    assert called("audit", "verify", "--format", "json").json["head"].startswith("sha256:")
    pages = before + called.done("message", "prove", mine)
    compare("acknowledging-proof", re.sub(r"[0-9a-f]{64}", "HASH", pages), called.home)


def test_a_message_that_was_never_sent_has_no_evidence(called: AtDesk) -> None:
    one = str(delivery(called, "maria")["delivery"])
    report = called("message", "prove", one, "--format", "json").json
    assert (report["recipient"], report["evidence"], report["entries"]) == ("maria", "none", [])
    page = re.sub(r"[0-9a-f]{64}", "HASH", called.done("message", "prove", one))
    compare("acknowledging-unproved", page, called.home)
    said = called("message", "prove", "d-none")
    assert (said.code, said.error) == (1, "unknown_delivery")
