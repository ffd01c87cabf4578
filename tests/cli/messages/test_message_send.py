"""Say things to people: a message by hand is planned, refused, delivered and proved as every other one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.at_desk import AtDesk

CALL = "All hands call 04:00, bridge {{ incident.title }}"


def sent(tocsin: AtDesk) -> list[dict[str, Any]]:
    """Return the deliveries of messages that no step sent."""
    return [one for one in listed(tocsin) if not one["step"]]


def listed(tocsin: AtDesk) -> list[dict[str, Any]]:
    """Return every delivery."""
    found: list[dict[str, Any]] = tocsin("message", "list", "--format", "json").json["deliveries"]
    return found


def state(tocsin: AtDesk) -> dict[str, str]:
    """Return where the delivery to each person stands."""
    return {one["recipient"]: one["state"] for one in sent(tocsin)}


def test_a_text_reaches_every_role_holder_except_its_sender(incident: AtDesk) -> None:
    said = incident("message", "send", CALL, "--to", "everybody", "--yes")
    assert said.code == 0
    assert state(incident) == {"jonas": "satisfied", "ada": "satisfied"}
    assert CALL in incident.console, "the text is taken literally, never as a template"
    timeline = incident("timeline", "--all", "--format", "json").json["entries"]
    [composed] = [
        entry for entry in timeline if entry["type"] == "MessageComposed" and "jonas" in entry["text"]
    ][-1:]
    assert composed["claimed"] == "maria"


@pytest.mark.parametrize(
    ("to", "people"),
    [(["counsel"], {"jonas", "ada"}), (["role:counsel"], {"jonas", "ada"}), (["ada"], {"ada"})],
)
def test_it_goes_to_a_role_or_a_person(incident: AtDesk, to: list[str], people: set[str]) -> None:
    words = [word for one in to for word in ("--to", one)]
    incident.done("message", "send", "Call me", *words, "--yes")
    assert set(state(incident)) == people


def test_the_plan_is_shown_and_nothing_leaves_without_a_yes(incident: AtDesk) -> None:
    before = len(listed(incident))
    said = incident("message", "send", "Call me", "--to", "ada")
    assert (said.code, said.error) == (1, "no_terminal")
    assert "screen" in said.err, "the plan"
    said = incident("message", "send", "Call me", "--to", "ada", types="n\n")
    assert (said.code, said.error) == (1, "not_confirmed")
    assert len(listed(incident)) == before
    assert incident("message", "send", "Call me", "--to", "ada", types="y\n").code == 0
    assert len(listed(incident)) == before + 1


def test_an_acknowledgement_of_each_person_is_asked_for(incident: AtDesk) -> None:
    incident.done("message", "send", "Call me", "--to", "counsel", "--ask-ack", "--yes")
    assert state(incident) == {"jonas": "active", "ada": "active"}
    delivery = next(one["delivery"] for one in sent(incident) if one["recipient"] == "ada")
    code = incident("message", "show", delivery, "--format", "json").json["code"]
    incident.done("ack", code, "--as", "ada")
    assert state(incident) == {"jonas": "active", "ada": "satisfied"}
    assert incident("message", "prove", delivery).code == 0
    incident.done("message", "retry", delivery, "--reason", "again")
    assert incident.console.count("Call me") >= 3


def test_the_rules_of_its_class_hold(incident: AtDesk) -> None:
    incident.done(
        "message", "send", "Call me", "--to", "ada", "--class", "urgent-confidential", "--ask-ack", "--yes"
    )
    [one] = sent(incident)
    assert [refusal["rule"] for refusal in one["refusals"]] == ["R8"]
    assert one["attempts"] == []
    wanted = incident("status", "--format", "json").json["needs_attention"]
    assert one["delivery"] in {entry["ref"] for entry in wanted}


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("The key is -----BEGIN RSA PRIVATE KEY-----", "--to", "ada"), "forbidden_text"),
        (("  ", "--to", "ada"), "text_missing"),
        (("Hello",), "option_missing"),
        (("Hello", "--to", "nobody"), "unknown_recipient"),
        (("Hello", "--to", "person:nobody"), "unknown_person"),
        (("Hello", "--to", "role:dpo"), "no_recipient"),
        (("Hello", "--to", "commander"), "no_recipient"),
        (("Hello", "--to", "ada", "--class", "urgnt"), "unknown_message_class"),
    ],
)
def test_invalid_messages_are_refused_and_not_sent(
    incident: AtDesk, words: tuple[str, ...], error: str
) -> None:
    said = incident("message", "send", *words, "--yes")
    assert said.error == error
    assert sent(incident) == []


def test_a_secret_may_leave_once_its_approver_says_that_it_is_none(incident: AtDesk) -> None:
    text = "The key is -----BEGIN RSA PRIVATE KEY-----"
    said = incident("message", "send", text, "--to", "ada", "--yes")
    digest = said.err.partition("--text ")[2].split()[0]
    incident.done("message", "override", "R10", "--text", digest, "--reason", "an example")
    assert incident("message", "send", text, "--to", "ada", "--yes").code == 0


@pytest.mark.parametrize(
    ("before", "error"),
    [
        (("close", "--reason", "over"), "incident_closed"),
        (("pause", "--reason", "wait"), "incident_paused"),
    ],
)
def test_a_closed_or_paused_incident_sends_no_messages(
    incident: AtDesk, before: tuple[str, ...], error: str
) -> None:
    incident.closed(*before[1:]) if before[0] == "close" else incident.done(*before)
    said = incident("message", "send", "Hello", "--to", "ada", "--yes", "-i", "amber-falcon")
    assert (said.code, said.error) == (1, error)


def test_a_text_of_an_exercise_is_marked(tocsin: AtDesk, playbook: Any) -> None:
    channel = {"screen": {**tocsin.channels["channels"]["screen"], "exercise": True}}
    tocsin.settings(channels=channel)
    words = ("open", str(playbook), "--kind", "exercise", "--yes", "--fact", "incident.summary=x")
    tocsin.done(*words)
    tocsin.done("message", "send", "Call me", "--to", "ada", "--yes")
    told = tocsin.console.rpartition("To: ")[2]
    assert ("EXERCISE" in told, "Call me" in told) == (True, True)
