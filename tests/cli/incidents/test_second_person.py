"""Two-person acts: closing with open duties, moving a deadline later, and a decision not to notify."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.at_desk import ORGANISATION, AtDesk, Said

INITIAL = "eu-gdpr-33-controller-sa/initial"
LETTERS = "eu-gdpr-34-data-subjects/individuals"
ALONE = "one person runs this shop"
FACTS = """\
schema: tocsin/facts/v1
source: the demo
organisation: {role: [controller], established_in: [DE], zone: Europe/Berlin}
incident: {aware_at: "2026-11-24T09:10:00+01:00"}
data: {involved: true, elements: [name, contact]}
risk: {to_people: high}
"""
PEOPLE = {**ORGANISATION["people"], "zoe": {"name": "Zoe Zander"}, "eve": {"name": "Eve Ernst"}}
ROLES = {"commander": ["maria"], "counsel": ["jonas", "ada"], "executive": ["zoe"], "technical": ["eve"]}
PLAYBOOK = """\
schema: tocsin/playbook/v1
name: lost-badge
version: 1.0.0
title: Lost badge
roles: {commander: {title: Incident commander}, counsel: {title: Legal counsel},
  executive: {title: Executive}, technical: {title: Technical lead}}
steps:
  - {id: block, task: Block the badge, role: commander, due: 15m}
  - {id: aware, ask: "When did we become aware?", sets: incident.aware_at, role: commander}
"""


def opened(tocsin: AtDesk, folder: Path, **settings: Any) -> AtDesk:
    """Open an incident in which Art. 33 applies and 72 hours run from 08:10 UTC."""
    tocsin.settings(people=PEOPLE, roles=ROLES, **settings)
    for name, text in (("facts.yaml", FACTS), ("badge.yaml", PLAYBOOK)):
        (folder / name).write_text(text, encoding="utf-8")
    tocsin.done("open", str(folder / "badge.yaml"), "--yes", "--facts", str(folder / "facts.yaml"))
    return tocsin


@pytest.fixture
def desk(tocsin: AtDesk, tmp_path: Path) -> AtDesk:
    return opened(tocsin, tmp_path)


@pytest.fixture
def alone(tocsin: AtDesk, tmp_path: Path) -> AtDesk:
    return opened(tocsin, tmp_path, second_person={"none": ALONE})


def by(desk: AtDesk, person: str, *words: str, at: str = "") -> Said:
    """Run a command as a person, at an operating-system user of their own."""
    before, desk.os_user = desk.os_user, at or person
    said = desk(*words, "--as", person)
    desk.os_user = before
    return said


def status(desk: AtDesk) -> Any:
    return desk("status", "amber-falcon", "--format", "json").json


def acts(desk: AtDesk) -> list[tuple[str, str, str, str]]:
    """Return every act that needs two people: what, by whom, how it stands, and who the second was."""
    return [(one["kind"], one["by"], one["state"], one["second"]) for one in status(desk)["second_person"]]


def duties(desk: AtDesk) -> Any:
    return desk("duties", "-i", "amber-falcon", "--format", "json").json["duties"]


def duty(desk: AtDesk, name: str = INITIAL) -> Any:
    return next(duty for duty in duties(desk) if duty["id"] == name)


def asked(desk: AtDesk) -> str:
    """Return the entry that waits for a second person, as the status names it."""
    [one] = [one for one in status(desk)["needs_attention"] if one["kind"] == "second_person"]
    words = one["command"].split()
    assert words[:2] == ["tocsin", "confirm"]
    return str(words[2])


def left_open(desk: AtDesk, why: str = "the authority said that it will not look") -> list[str]:
    """Return the options that leave every duty open which applies."""
    found = [
        duty["id"] for duty in status(desk)["duties"] if duty["verdict"] == "applies" and duty["in_sight"]
    ]
    return [word for one in found for word in ("--leave-open", f"{one}={why}")]


# --------------------------------------------------------------------------------------------------- closing


def test_close_names_every_open_duty_and_task(desk: AtDesk) -> None:
    said = desk("close", "--format", "json")
    assert (said.code, said.error) == (1, "open_work")
    named = {(problem["code"], problem["file"]) for problem in said.json["problems"]}
    assert {("open_duty", INITIAL), ("open_task", "lost-badge:block#1")} <= named
    assert ("open_duty", LETTERS) in named, "encryption that nobody claims leaves it standing"
    assert "09:10" in said.out  # in the organisation's zone
    words = {problem["file"]: problem["message"] for problem in said.json["problems"]}
    assert words["lost-badge:block#1"] == "Block the badge"
    assert "33(1)" in words[INITIAL]


def test_a_reason_alone_closes_nothing_while_a_duty_applies(desk: AtDesk) -> None:
    said = desk("close", "--reason", "bored")
    assert (said.code, said.error) == (1, "open_work")
    said = desk("close", "--reason", "bored", *left_open(desk)[:2])
    assert (said.code, said.error) == (1, "open_work")
    said = desk("close", "--reason", "bored", "--leave-open", f"{INITIAL}= ")
    assert (said.code, said.error) == (1, "reason_missing")
    said = desk("close", "--reason", "bored", "--leave-open", "eu-gdpr-33/initial=x")
    assert (said.code, said.error) == (1, "unknown_duty")
    said = by(desk, "eve", "close", "--reason", "bored", *left_open(desk))
    assert (said.code, said.error) == (1, "role")
    assert status(desk)["state"] == "open"


def test_close_lists_what_is_open_before_the_incident_closes(desk: AtDesk) -> None:
    said = by(desk, "maria", "close", "--reason", "over", *left_open(desk))
    named = re.findall(r"[\w-]+/\w+|\d+ tasks?", said.err)
    assert [one for one in named if one in (INITIAL, LETTERS)] == [INITIAL, LETTERS]
    assert named[-1].endswith(("task", "tasks"))


def test_closing_with_a_duty_open_waits_for_counsel_or_an_executive(desk: AtDesk) -> None:
    by(desk, "maria", "close", "--reason", "over", *left_open(desk))
    entry = asked(desk)
    assert (status(desk)["state"], acts(desk)) == ("open", [("close", "maria", "awaiting", "")])
    again = by(desk, "maria", "close", "--reason", "over", *left_open(desk))
    assert (again.code, again.error) == (1, "second_person")
    for person, error in (("maria", "same_person"), ("eve", "role")):
        said = by(desk, person, "confirm", entry)
        assert (said.code, said.error) == (1, error)
    behalf = desk("confirm", entry, "--as", "maria", "--on-behalf-of", "jonas", "--via", "phone")
    assert (behalf.code, behalf.error) == (1, "on_behalf")
    assert status(desk)["state"] == "open"
    assert by(desk, "zoe", "confirm", entry).code == 0
    assert (status(desk)["state"], acts(desk)) == ("closed", [("close", "maria", "confirmed", "zoe")])
    told = desk("timeline", "amber-falcon", "--format", "json").json["entries"]
    [closed] = [entry["text"] for entry in told if entry["type"] == "IncidentClosed"]
    assert all(word in closed for word in ("maria", "zoe", INITIAL, "will not look"))


def test_a_second_person_cannot_be_requested_on_behalf_of_another(desk: AtDesk) -> None:
    words = ("close", "--reason", "over", *left_open(desk), "--on-behalf-of", "jonas", "--via", "phone")
    said = by(desk, "maria", *words)
    assert (said.code, said.error) == (1, "on_behalf")
    assert acts(desk) == []


def test_a_withdrawn_request_no_longer_counts(desk: AtDesk) -> None:
    by(desk, "maria", "close", "--reason", "over", *left_open(desk))
    entry = asked(desk)
    desk.done("correct", entry, "--reason", "not yet")
    assert acts(desk) == []
    said = by(desk, "zoe", "confirm", entry)
    assert (said.code, said.error) == (1, "nothing_to_confirm")


def test_a_duty_that_came_since_keeps_the_incident_open(desk: AtDesk) -> None:
    by(desk, "maria", "close", "--reason", "over", *left_open(desk))
    entry = asked(desk)
    facts = ("organisation.regulated_as=nis2_essential", "incident.significant=yes")
    desk.done("fact", "set", *facts, "organisation.sectors=energy", "--source", "counsel")
    said = by(desk, "zoe", "confirm", entry)
    assert (said.code, said.error) == (1, "open_work")
    assert status(desk)["state"] == "open"


def test_one_system_user_for_both_people_is_flagged(desk: AtDesk) -> None:
    by(desk, "maria", "close", "--reason", "over", *left_open(desk))
    said = by(desk, "zoe", "confirm", asked(desk), at="maria")
    assert (said.code, said.warnings) == (0, ["one_user"])
    assert [one["one_user"] for one in status(desk)["second_person"]] == [True]


def test_a_home_without_a_second_person_says_so_on_every_screen(alone: AtDesk) -> None:
    alone.done("close", "--reason", "over", *left_open(alone))
    assert (status(alone)["state"], acts(alone)) == ("closed", [("close", "maria", "alone", "")])
    for page in ("status", "timeline", "duties"):
        assert ALONE in " ".join(alone.done(page, "-i", "amber-falcon").split()), page
    found = alone("doctor", "--format", "json").json["findings"]
    assert any(ALONE in finding["what"] for finding in found)


def test_a_blank_reason_for_having_no_second_person_is_invalid(desk: AtDesk) -> None:
    desk.settings(people=PEOPLE, roles=ROLES, second_person={"none": " "})
    assert desk("status").error == "bad_settings"


def test_a_confirmation_is_offered_to_those_who_can_give_it(desk: AtDesk) -> None:
    by(desk, "maria", "close", "--reason", "over", *left_open(desk))
    for person, offered in (("maria", []), ("zoe", [asked(desk)]), ("jonas", [asked(desk)])):
        things = desk("next", "--all", "--me", person, "--format", "json").json
        assert [one["ref"] for one in things["next"] if one["kind"] == "second_person"] == offered, person
        assert any(f"entry {asked(desk)}" in words for words in things["waiting"])


# ------------------------------------------------------------------------------------------- after the closing


@pytest.fixture
def closed(desk: AtDesk) -> AtDesk:
    """The same incident, closed with its duties open."""
    by(desk, "maria", "close", "--reason", "over", *left_open(desk))
    assert by(desk, "zoe", "confirm", asked(desk)).code == 0
    return desk


def watched(desk: AtDesk) -> list[str]:
    return [one["ref"] for one in status(desk)["needs_attention"] if one["kind"] in ("duty_overdue", "clock")]


def test_clocks_of_duties_left_open_are_watched_after_closing(closed: AtDesk) -> None:
    [row] = closed("list", "--format", "json").json["incidents"]
    assert (row["state"], INITIAL in row["left_open"]) == ("closed", True)
    assert "amber-falcon" in closed.done("list")
    assert watched(closed) == []
    closed.clock.advance(timedelta(days=4))
    closed.done("worker", "--once") if closed("worker", "--once").code == 0 else None
    assert watched(closed)[0] == INITIAL
    assert closed("status", "amber-falcon", "--check").code == 4
    assert closed("doctor").code == 4
    things = closed("next", "amber-falcon", "--format", "json").json["next"]
    assert INITIAL in [thing["ref"] for thing in things]
    [row] = closed("list", "--format", "json").json["incidents"]
    assert INITIAL in row["left_open"]
    late = ("--reference", "A-1", "--late-reason", "left open")
    closed.done("duty", "record-filed", INITIAL, *late, "-i", "amber-falcon")
    assert INITIAL not in watched(closed)


def test_a_clock_that_runs_out_after_closing_is_announced(closed: AtDesk) -> None:
    closed.done("routine", "add", "watch", "--every", "12h", "--ahead", "12h")
    closed.clock.advance(timedelta(days=3))
    assert INITIAL not in closed.console
    assert closed("drill", "run", "--due").code == 0
    assert INITIAL in closed.console


def test_a_deadline_in_a_closed_incident_is_reported_in_another_incident(
    closed: AtDesk, tmp_path: Path
) -> None:
    closed.done("open", str(tmp_path / "badge.yaml"), "--yes")
    closed.clock.advance(timedelta(days=4))
    said = closed("status", "calm-heron", "--check", "--format", "json")
    assert (said.code, INITIAL in [one["ref"] for one in said.json["needs_attention"]]) == (4, True)


def test_a_closed_incident_is_reopened_with_a_reason(closed: AtDesk) -> None:
    assert closed("reopen", "amber-falcon").error == "reason_missing"
    closed.done("reopen", "amber-falcon", "--reason", "the attacker is back")
    assert status(closed)["state"] == "open"
    said = closed("reopen", "amber-falcon", "--reason", "again")
    assert (said.code, said.error) == (1, "not_closed")
    closed.done("task", "done", "block")
    told = closed("timeline", "--format", "json").json["entries"]
    assert [("attacker" in entry["text"]) for entry in told if entry["type"] == "IncidentReopened"] == [True]
    said = closed("cancel", "--reason", "a mistake", "--format", "json")
    assert (said.code, said.error, status(closed)["state"]) == (1, "open_duties", "open")


# ------------------------------------------------------------------------------------------ moving a clock

LATER = "incident.aware_at=2026-11-24T08:40:00Z"
EARLIER = "incident.aware_at=2026-11-24T07:00:00Z"
SAID = ("--source", "the log", "--format", "json")
WHY = ("--grounds", "the first report was about another badge")


def test_a_deadline_that_would_move_later_waits_for_a_second_person(desk: AtDesk) -> None:
    said = desk("fact", "set", LATER, *SAID)
    assert (said.code, said.error) == (1, "grounds_missing")
    said = by(desk, "eve", "fact", "set", LATER, *SAID, *WHY)
    [move] = [deadline for deadline in said.json["deadlines"] if deadline["duty"] == INITIAL]
    assert (move["old"], move["new"], move["later"]) == ("2026-11-27T08:10:00Z", "2026-11-27T08:40:00Z", True)
    assert (duty(desk)["due"], acts(desk)) == (
        "2026-11-27T08:10:00Z",
        [("move_clock", "eve", "awaiting", "")],
    )
    entry = asked(desk)
    assert by(desk, "eve", "confirm", entry).error == "same_person"
    assert duty(desk)["due"] == "2026-11-27T08:10:00Z"
    assert by(desk, "jonas", "confirm", entry).code == 0
    assert (duty(desk)["due"], acts(desk)) == (
        "2026-11-27T08:40:00Z",
        [("move_clock", "eve", "confirmed", "jonas")],
    )
    history = desk("fact", "history", "incident.aware_at", "--format", "json").json
    assert WHY[1] in [one["grounds"] for one in history["history"]]


def test_a_deadline_that_moves_earlier_counts_at_once_and_is_shown(desk: AtDesk) -> None:
    assert desk("fact", "set", EARLIER, *SAID).error == "grounds_missing"
    said = desk("fact", "set", EARLIER, *SAID, *WHY)
    [move] = [deadline for deadline in said.json["deadlines"] if deadline["duty"] == INITIAL]
    assert (move["old"], move["new"], move["later"]) == (
        "2026-11-27T08:10:00Z",
        "2026-11-27T07:00:00Z",
        False,
    )
    assert (duty(desk)["due"], acts(desk)) == ("2026-11-27T07:00:00Z", [])


def test_an_instant_that_moves_no_deadline_is_recorded_as_ever(desk: AtDesk) -> None:
    said = desk("fact", "set", "incident.contained_at=2026-11-24T08:50:00Z", *SAID)
    assert (said.code, said.json["deadlines"], acts(desk)) == (0, [], [])


def test_an_answer_that_moves_a_provisional_deadline_later_waits_as_well(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    facts = FACTS.replace("incident: {aware_at", "incident: {discovered_at")
    tocsin.settings(people=PEOPLE, roles=ROLES)
    for name, text in (("facts.yaml", facts), ("badge.yaml", PLAYBOOK)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    tocsin.done("open", str(tmp_path / "badge.yaml"), "--yes", "--facts", str(tmp_path / "facts.yaml"))
    assert (duty(tocsin)["provisional"], duty(tocsin)["due"]) == (True, "2026-11-27T08:10:00Z")
    assert tocsin("answer", "aware", "2026-11-24T08:40:00Z").error == "grounds_missing"
    tocsin.done("answer", "aware", "2026-11-24T08:40:00Z", *WHY)
    assert (duty(tocsin)["provisional"], duty(tocsin)["due"]) == (True, "2026-11-27T08:10:00Z")
    tasks = tocsin("task", "list", "--format", "json").json["tasks"]
    [row] = [task for task in tasks if task["step"] == "aware"]
    assert (str(row["awaits"]), row["state"]) == (asked(tocsin), "ready"), "nobody is asked again"
    found = tocsin("next", "--all", "--format", "json").json["next"]
    verbs = {one["action"]["verb"] for one in found if one["ref"] in (row["invocation"], "incident.aware_at")}
    assert verbs <= {"entry.confirm"}
    assert by(tocsin, "jonas", "confirm", asked(tocsin)).code == 0
    assert (duty(tocsin)["provisional"], duty(tocsin)["due"]) == (False, "2026-11-27T08:40:00Z")
    tasks = tocsin("task", "list", "--format", "json").json["tasks"]
    assert next(task["state"] for task in tasks if task["step"] == "aware") == "done"


def test_a_first_instant_that_moves_no_deadline_later_needs_no_grounds(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    facts = FACTS.replace("incident: {aware_at", "incident: {discovered_at")
    tocsin.settings(people=PEOPLE, roles=ROLES)
    for name, text in (("facts.yaml", facts), ("badge.yaml", PLAYBOOK)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    tocsin.done("open", str(tmp_path / "badge.yaml"), "--yes", "--facts", str(tmp_path / "facts.yaml"))
    tocsin.done("answer", "aware", "2026-11-24T08:10:00Z")
    assert duty(tocsin)["provisional"] is False


def test_without_a_second_person_a_clock_moves_at_once_and_is_flagged(alone: AtDesk) -> None:
    alone.done("fact", "set", LATER, "--source", "the log", *WHY)
    assert (duty(alone)["due"], acts(alone)) == (
        "2026-11-27T08:40:00Z",
        [("move_clock", "maria", "alone", "")],
    )


# ---------------------------------------------------------------------------------------------- not notifying

DECIDE = ("duty", "decide", INITIAL, "--not-to-notify", "--reason", "nobody read it")


def test_not_notifying_needs_counsel_a_ground_and_an_executive(desk: AtDesk) -> None:
    said = by(desk, "jonas", *DECIDE, "--format", "json")
    assert (said.code, said.error) == (1, "ground_missing")
    assert ("risk_unlikely" in said.json["hint"], "none" in said.json["hint"]) == (True, True)
    assert by(desk, "jonas", *DECIDE, "--ground", "bored").error == "unknown_ground"
    assert by(desk, "eve", *DECIDE, "--ground", "risk_unlikely").error == "role"
    assert by(desk, "jonas", *DECIDE, "--ground", "risk_unlikely").code == 0
    assert (duty(desk)["state"], acts(desk)) == ("open", [("decide", "jonas", "awaiting", "")])
    entry = asked(desk)
    assert [by(desk, one, "confirm", entry).error for one in ("jonas", "ada", "eve")] == [
        "same_person",
        "role",
        "role",
    ]
    assert duty(desk)["state"] == "open"
    assert by(desk, "zoe", "confirm", entry).code == 0
    found = duty(desk)
    assert (found["state"], found["record"]["ground"]) == ("decided_not_to_notify", "risk_unlikely")
    assert (found["record"]["by"], found["record"]["signed"]) == ("jonas", ["zoe"])


def test_an_executive_may_be_first_and_counsel_second(desk: AtDesk) -> None:
    assert by(desk, "zoe", *DECIDE, "--ground", "none").code == 0
    entry = asked(desk)
    assert by(desk, "maria", "confirm", entry).error == "role"
    assert by(desk, "ada", "confirm", entry).code == 0
    assert duty(desk)["record"]["ground"] == "none"


def test_a_decision_against_the_law_is_flagged_and_stays_listed(desk: AtDesk) -> None:
    by(desk, "jonas", *DECIDE, "--ground", "none")
    by(desk, "zoe", "confirm", asked(desk))
    [row] = [
        deadline
        for deadline in desk("duties", "calendar", "--format", "json").json["deadlines"]
        if deadline["duty"] == INITIAL
    ]
    assert (row["state"], row["due"]) == ("decided_not_to_notify", "2026-11-27T08:10:00Z")
    for page in (("status",), ("duties",), ("duties", "calendar"), ("timeline",)):
        assert "AGAINST" in desk.done(*page).split(), page


def test_a_later_decision_is_shown_beside_the_earlier_one(desk: AtDesk) -> None:
    decided = (("nobody read it", "none"), ("counsel of the group agrees", "risk_unlikely"))
    for why, ground in decided:
        words = ("duty", "decide", INITIAL, "--not-to-notify", "--reason", why, "--ground", ground)
        assert by(desk, "jonas", *words).code == 0
        assert by(desk, "zoe", "confirm", asked(desk)).code == 0
    found = duty(desk)
    assert found["record"]["ground"] == "risk_unlikely"
    assert [one["ground"] for one in found["earlier"]] == ["none"]
    for page in ("status", "duties"):
        text = " ".join(desk.done(page).split())
        assert all(why in text for why, _ in decided), page


def test_letters_to_people_with_a_decision_not_to_notify_are_refused(desk: AtDesk, tmp_path: Path) -> None:
    people = tmp_path / "people.csv"
    people.write_text(
        "reference,name,address,jurisdiction,email\nr1,Ann One,Street 1,DE,ann@example.org\n",
        encoding="utf-8",
    )
    words = ("--people", str(people))
    letters = ("notice", "letters", "gdpr-34-letter", *words, "--out", str(tmp_path / "out"), "--draft")
    desk.done("fact", "set", "data.encrypted=no", "--source", "inventory")
    assert desk(*letters).error != "decided_not_to_notify"
    decided = ("duty", "decide", LETTERS, "--not-to-notify", "--reason", "no", "--ground", "none")
    assert by(desk, "jonas", *decided).code == 0
    assert by(desk, "zoe", "confirm", asked(desk)).code == 0
    assert desk(*letters).error == "decided_not_to_notify"
    assert desk("bulk", "plan", "gdpr-34-letter", *words).error == "decided_not_to_notify"


def test_only_a_waivable_duty_can_be_waived(desk: AtDesk) -> None:
    said = by(desk, "jonas", "duty", "waive", INITIAL, "--reason", "the CEO says so")
    assert (said.code, said.error) == (1, "no_waiver")
    assert duty(desk)["state"] == "open"


def test_a_decision_alone_is_shown_as_one(alone: AtDesk) -> None:
    alone.done("role", "assign", "counsel", "maria")
    alone.done(*DECIDE, "--ground", "none")
    assert (duty(alone)["state"], acts(alone)) == (
        "decided_not_to_notify",
        [("decide", "maria", "alone", "")],
    )


def test_one_person_can_decide_a_duty_that_does_not_apply(desk: AtDesk) -> None:
    other = next(duty["id"] for duty in duties(desk) if duty["verdict"] == "not_applicable")
    desk.done("duty", "decide", other, "--not-to-notify", "--reason", "we are not a processor")
    assert (duty(desk, other)["state"], acts(desk)) == ("decided_not_to_notify", [])


# --------------------------------------------------------------------------- what ends a duty, or leaves it undetermined


JUDGED = (
    "risk.to_people=unlikely",
    "risk.harm_assessment.by=Jonas",
    "risk.harm_assessment.at=2026-11-24T08:50:00Z",
    "risk.harm_assessment.grounds=encrypted",
)


def test_an_answer_that_ends_a_running_duty_needs_grounds_and_a_second_person(desk: AtDesk) -> None:
    words = ("fact", "set", *JUDGED, "--source", "assessment", "--format", "json")
    assert by(desk, "maria", *words).error == "grounds_missing"
    said = by(desk, "maria", *words, "--grounds", "the badge system keeps no names").json
    assert [(one["duty"], one["ends"], one["later"]) for one in said["deadlines"]] == [(LETTERS, True, True)]
    assert acts(desk) == [("move_clock", "maria", "awaiting", "")]
    assert duty(desk, LETTERS)["verdict"] == "applies"
    entry = asked(desk)
    assert by(desk, "eve", "confirm", entry).error == "role"
    assert by(desk, "jonas", "confirm", entry).code == 0
    assert duty(desk, LETTERS)["verdict"] == "not_applicable"


def test_an_incident_with_undetermined_duties_is_cancelled_by_two_people(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    tocsin.settings(people=PEOPLE, roles=ROLES)
    (tmp_path / "badge.yaml").write_text(PLAYBOOK, encoding="utf-8")
    tocsin.done("open", str(tmp_path / "badge.yaml"), "--yes")
    assert {one["verdict"] for one in duties(tocsin)} >= {"unknown"}
    assert by(tocsin, "eve", "cancel", "--reason", "false alarm").error == "role"
    assert by(tocsin, "maria", "cancel", "--reason", "false alarm").code == 0
    assert status(tocsin)["state"] == "open"
    assert acts(tocsin) == [("cancel", "maria", "awaiting", "")]
    assert by(tocsin, "zoe", "confirm", asked(tocsin)).code == 0
    assert status(tocsin)["state"] == "cancelled"


OTHER = ("organisation.role=processor", *SAID)


def test_a_duty_that_became_undetermined_is_ended_by_two_people(desk: AtDesk) -> None:
    assert by(desk, "eve", "fact", "set", "organisation.role=?", "--source", "none").code == 0
    assert duty(desk)["verdict"] == "unknown"
    assert by(desk, "eve", "fact", "set", *OTHER).error == "grounds_missing"
    assert by(desk, "maria", "close", "--reason", "over").error == "open_work"
    assert by(desk, "maria", "cancel", "--reason", "over").error == "open_duties"
    said = by(desk, "eve", "fact", "set", *OTHER, *WHY).json
    assert (INITIAL, True) in [(one["duty"], one["ends"]) for one in said["deadlines"]]
    assert (duty(desk)["verdict"], len(acts(desk))) == ("unknown", 1)
    assert by(desk, "jonas", "confirm", asked(desk)).code == 0
    assert duty(desk)["verdict"] == "not_applicable"


def test_a_first_answer_is_free_while_a_duty_never_applied(tocsin: AtDesk, tmp_path: Path) -> None:
    tocsin.settings(people=PEOPLE, roles=ROLES)
    (tmp_path / "badge.yaml").write_text(PLAYBOOK, encoding="utf-8")
    tocsin.done("open", str(tmp_path / "badge.yaml"), "--yes")
    assert by(tocsin, "eve", "fact", "set", *OTHER).code == 0
    assert acts(tocsin) == []
