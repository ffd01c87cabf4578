"""Messages, calls, the worker, and what only a person can say about an unanswered attempt."""

from __future__ import annotations

from pathlib import Path

from tests.cli.at_desk import AtDesk, compare


def test_deliveries_are_listed_as_the_contract_says(incident: AtDesk) -> None:
    found = incident("message", "list", "--format", "json").json["deliveries"]
    assert [
        (delivery["recipient"], delivery["goal"], delivery["evidence"], delivery["state"])
        for delivery in found
    ] == [
        ("jonas", "accepted", "accepted", "satisfied"),
        ("ada", "accepted", "accepted", "satisfied"),
    ]
    assert {"n", "channel", "state", "provider_id", "at"} <= found[0]["attempts"][0].keys()
    shown = incident("message", "show", found[0]["delivery"], "--format", "json").json
    assert shown["delivery"]["recipient"] == "jonas"


CALL_OUT = """\
schema: tocsin/playbook/v1
name: call-out
version: 1.0.0
title: Call out
roles: {counsel: {title: Legal counsel}}
messages:
  alert: {class: task-notice, subject: "Call out: {{ incident.summary }}", text: "It begins"}
steps:
  - {id: tell, message: alert, to: [role:counsel]}
"""


def test_a_subject_is_one_line_whatever_the_facts_in_it_hold(tocsin: AtDesk, tmp_path: Path) -> None:
    path = tmp_path / "call-out.yaml"
    path.write_text(CALL_OUT, encoding="utf-8")
    tocsin.done(
        "open", str(path), "--yes", "--fact", "incident.summary=A badge\nBcc: all@example.org\n\tis gone"
    )
    assert "Call out: A badge Bcc: all@example.org is gone\n" in tocsin.console


def test_the_plan_of_a_running_incident_shows_the_sent_messages(incident: AtDesk, playbook: Path) -> None:
    report = incident("message", "plan", "--format", "json").json
    assert (report["sent"], {one["step"] for one in report["plan"]}) == (2, {"heads-up"})
    compare("message.plan", incident.done("message", "plan"), incident.home)
    words = ("open", str(playbook), "--yes", "--fact", "incident.summary=x", "--format", "json")
    opened = incident(*words).json["plan"]
    assert (opened["sent"], {one["step"] for one in opened["plan"]}) == (0, {"heads-up"})


def test_the_plan_of_a_running_incident_shows_the_blocked_channels(incident: AtDesk) -> None:
    before = incident("message", "plan", "--format", "json").json["plan"]
    assert [[way["channel"] for way in one["channels"]] for one in before] == [["screen"], ["screen"]]
    incident.done("domain", "compromised", "this-machine")
    after = incident("message", "plan", "--format", "json").json["plan"]
    assert [one["channels"] for one in after] == [[], []]
    assert after[0]["refusals"][0]["channel"] == "screen"


def test_a_telephone_call_is_recorded_on_its_delivery(incident: AtDesk) -> None:
    delivery = incident("message", "list", "--format", "json").json["deliveries"][0]["delivery"]
    said = incident("call", delivery)
    assert (said.code, said.error) == (2, "option_missing")
    said = incident("call", delivery, "--reached", "--note", "on her way")
    assert (said.code, "jonas" in said.out) == (0, True)
    assert incident("message", "list", "--format", "json").json["deliveries"][0]["evidence"] == "acked"
    (row,) = [
        one
        for one in incident("message", "list", "--format", "json").json["deliveries"]
        if one["delivery"] == delivery
    ]
    assert (row["acked_via"], row["acked_by"]) == ("telephone", "maria")
    said = incident("call", "d-none", "--reached")
    assert (said.code, said.error, "d-none" in said.err) == (1, "unknown_delivery", True)


def test_a_message_is_sent_again_with_a_reason(incident: AtDesk) -> None:
    delivery = incident("message", "list", "--format", "json").json["deliveries"][0]["delivery"]
    said = incident("message", "retry", delivery)
    assert (said.code, said.error) == (1, "reason_missing")
    incident.done("message", "retry", delivery, "--reason", "lost the screen")
    assert incident.console.count("To: jonas") == 2


def test_only_an_unknown_attempt_is_resolved(incident: AtDesk) -> None:
    delivery = incident("message", "list", "--format", "json").json["deliveries"][0]["delivery"]
    said = incident("message", "resolve", delivery)
    assert (said.code, said.error) == (2, "option_missing")
    said = incident("message", "resolve", delivery, "--happened", "--reason", "asked")
    assert (said.code, said.error) == (1, "nothing_to_resolve")
    said = incident("message", "resolve", "d-none", "--happened")
    assert (said.code, said.error, "d-none" in said.err) == (1, "unknown_delivery", True)


def test_a_single_worker_run_lists_required_actions_and_exits_with_4(incident: AtDesk) -> None:
    said = incident("worker", "--once")
    found = incident("status", "--format", "json").json["needs_attention"]
    assert said.code == (4 if found else 0)
    for one in found:
        assert one["command"] in said.err


def test_automatic_entries_are_recorded_under_the_program_name(incident: AtDesk) -> None:
    entries = incident("timeline", "--format", "json").json["entries"]
    by_itself = {entry["claimed"] for entry in entries if entry["type"] in ("AttemptStarted", "AttemptEnded")}
    assert by_itself == {"tocsin"}


PLAYBOOK = """\
schema: tocsin/playbook/v1
name: call-out
version: 1.0.0
title: Call out
roles: {counsel: {title: Legal counsel}}
messages:
  alert: {class: urgent-confidential, text: "It begins"}
steps:
  - {id: tell, message: alert, to: [role:counsel]}
"""


def test_new_contacts_are_used_for_open_deliveries(tocsin: AtDesk, tmp_path: Path) -> None:
    sure = {"confidentiality": "confidential"}
    mail = {"host": "127.0.0.1", "port": 9, "sender": "incident@example.org", "tls": "none"}
    channels = {
        "screen": {"adapter": "console", "priority": 1, "settings": {"path": "shown.txt"}, **sure},
        "mail": {"adapter": "smtp", "priority": 2, "settings": mail, **sure},
    }
    people = {"ada": {"name": "Ada", "contacts": [{"channel": "screen", "address": "ada"}]}}
    tocsin.settings(channels=channels, people=people, roles={"counsel": ["ada"]})
    path = tmp_path / "call-out.yaml"
    path.write_text(PLAYBOOK, encoding="utf-8")
    tocsin.done("open", str(path), "--yes")

    def channels_used() -> list[str]:
        [one] = tocsin("message", "list", "--format", "json").json["deliveries"]
        return list(one["channels"])

    before = channels_used()
    said = tocsin("person", "add", "ada", "--contact", "mail=ada@example.org")
    assert (said.code, "amber-falcon" in said.err) == (0, True)
    assert planned_anew(tocsin) == ["ReplanAsked", "DeliveriesReplanned"]
    assert (before, channels_used()) == (["screen"], ["screen", "mail"])


def test_a_delivery_that_failed_earlier_is_reported_and_not_resent(tocsin: AtDesk, tmp_path: Path) -> None:
    people = {"ada": {"name": "Ada", "contacts": []}}
    tocsin.settings(people=people, roles={"counsel": ["ada"]})
    path = tmp_path / "call-out.yaml"
    path.write_text(PLAYBOOK, encoding="utf-8")
    tocsin.done("open", str(path), "--yes")
    [given_up] = tocsin("message", "list", "--format", "json").json["deliveries"]
    said = tocsin("person", "add", "ada", "--contact", "screen=ada")
    assert (said.code, given_up["delivery"] in said.err.split()) == (0, True)
    assert "amber-falcon" not in said.err
    assert planned_anew(tocsin) == []
    assert tocsin("message", "list", "--format", "json").json["deliveries"] == [given_up]


def planned_anew(tocsin: AtDesk) -> list[str]:
    """Return what is on record of ada's messages taking other ways from now on."""
    entries = tocsin("timeline", "--format", "json").json["entries"]
    return [
        entry["type"] for entry in entries if "replan" in entry["type"].lower() and "ada" in entry["text"]
    ]
