"""Scheduled jobs: the channel test, the deadline watch, the retention check; and ``shred``."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from runner.app.core.contact_store import ContactStore
from runner.app.core.directory import record_try
from runner.app.exercises import schedules
from runner.app.home.workers import dismiss, enlist
from runner.app.messages.communications_check import check_contacts, ways
from runner.workers.schedule_runner import ScheduleRunner
from runner.workers.scheduler import Scheduler
from tests.cli.at_desk import AtDesk, compare
from tests.cli.law.test_law import FACTS, PEOPLE

DAY = timedelta(days=1)
CLOCK = "eu-gdpr-33-controller-sa/initial"


@pytest.fixture
def breach(tocsin: AtDesk, tmp_path: Path) -> AtDesk:
    """An incident in which a legal clock runs for 72 hours."""
    facts = tmp_path / "facts.yaml"
    facts.write_text(FACTS, encoding="utf-8")
    tocsin.settings(**PEOPLE)
    tocsin.done("open", "misdirected-message", "--yes", "--facts", str(facts))
    return tocsin


def came(tocsin: AtDesk) -> list[tuple[str, str]]:
    """Return what came of each time of each routine."""
    found: Any = json.loads(tocsin.done("routine", "list", "--format", "json"))
    return [
        (fired["state"], fired["detail"]) for schedule in found["schedules"] for fired in schedule["firings"]
    ]


def ways_worked(detail: str) -> tuple[list[int], list[str]]:
    """Return how many ways worked of how many, and who is reached over none."""
    return [int(one) for one in re.findall(r"\d+", detail)], re.findall(r"\b(?:ada|jonas|maria)\b", detail)


def checks(tocsin: AtDesk) -> int:
    """Return how many messages of a check came over the console."""
    return len(re.findall(r"^-+ message \w+ -+$", tocsin.console, re.MULTILINE))


def test_a_scheduled_channel_test_runs_and_reports_unreachable_people(tocsin: AtDesk) -> None:
    tocsin.done("routine", "add", "comcheck", "--every", "7d")
    tocsin.clock.advance(7 * DAY)
    said = tocsin("drill", "run", "--due")
    assert said.code == 0, said.err
    ((state, detail),) = came(tocsin)
    assert (state, ways_worked(detail)) == ("passed", ([3, 3], []))
    assert checks(tocsin) == 3
    people = tocsin("channel", "check", "--show", "--format", "json").json
    assert "2026-12-01T09:00:00Z" in json.dumps(people)
    (tocsin.home / "console.txt").unlink()
    (tocsin.home / "console.txt").mkdir()
    tocsin.clock.advance(7 * DAY)
    assert tocsin("drill", "run", "--due").code == 4
    nobody = ([0, 3], ["ada", "jonas", "maria"])
    assert ways_worked(came(tocsin)[-1][1]) == nobody
    (one,) = tocsin("worker", "--once", "--format", "json").json["needs_attention"]
    assert one["text"].endswith(came(tocsin)[-1][1])
    tocsin.done(*one["command"].split()[1:-1], "the disk was full")
    assert tocsin("worker", "--once").code == 0


def test_a_channel_test_of_a_dead_scheduler_resumes_without_repeated_messages(tocsin: AtDesk) -> None:
    """It had reached ada, and was about to write to jonas; a check of the week before counts for nothing."""
    tocsin.done("routine", "add", "comcheck", "--every", "7d")
    tocsin.clock.advance(timedelta(hours=1))
    tocsin.done("channel", "check", "--to", "maria", "--yes")
    tocsin.clock.advance(7 * DAY)
    desk = tocsin.office()
    schedules.take(desk, "dead", lambda: 0.0)
    trying = check_contacts(desk, ways(desk))
    assert next(trying)[0].person == "ada"
    trying.close()
    record_try(desk, "jonas", "screen", "dead", ContactStore(desk))
    tocsin.clock.advance(timedelta(minutes=5))
    assert tocsin("drill", "run", "--due").code == 4
    assert [(state, ways_worked(detail)) for state, detail in came(tocsin)] == [
        ("failed", ([2, 3], ["jonas"]))
    ]
    assert checks(tocsin) == 3, "maria twice, ada once, jonas not again"
    tocsin.clock.advance(7 * DAY)
    assert tocsin("drill", "run", "--due").code == 0
    state, detail = came(tocsin)[-1]
    assert (state, ways_worked(detail)) == ("passed", ([3, 3], []))


def test_the_deadline_watch_alerts_leaders_also_in_a_real_incident(
    breach: AtDesk,
) -> None:
    breach.done("routine", "add", "watch", "--every", "12h", "--ahead", "12h")
    breach.clock.advance(timedelta(hours=12))
    breach.done("drill", "run", "--due")
    ((state, detail),) = came(breach)
    assert (state, "amber-falcon" in detail, CLOCK in breach.console) == ("passed", False, False)
    breach.clock.advance(DAY)
    breach.done("drill", "run", "--due")
    state, detail = came(breach)[-1]
    assert (state, "amber-falcon" in detail, CLOCK in breach.console) == ("passed", True, True)
    to_maria = re.findall(r"^To: maria\n.*?^-- $", breach.console, re.DOTALL | re.MULTILINE)
    (of_the_watch,) = (one for one in to_maria if CLOCK in one)
    compare("routine.watch", of_the_watch, breach.home)
    deliveries = [
        delivery
        for delivery in breach("message", "list", "--format", "json").json["deliveries"]
        if delivery["message_class"] == "deadline-watch"
    ]
    assert {delivery["evidence"] for delivery in deliveries} == {"accepted"}
    assert {delivery["recipient"] for delivery in deliveries} == {"maria", "jonas", "ada"}
    entries = breach("timeline", "--format", "json").json["entries"]
    composed = [entry["text"] for entry in entries if entry["type"] == "MessageComposed"]
    (asked,) = (one for one in composed if "deadline-watch" in one)
    assert all(word in asked for word in ("maria", "jonas", "ada"))


def test_the_deadline_watch_reports_a_paused_incident(breach: AtDesk) -> None:
    breach.done("routine", "add", "watch", "--every", "12h", "--ahead", "12h")
    breach.done("pause", "--reason", "waiting for counsel")
    breach.clock.advance(2 * DAY)
    assert breach("drill", "run", "--due").code == 4
    state, detail = came(breach)[-1]
    assert (state, "amber-falcon" in detail, "paused" in detail) == ("failed", True, True)
    assert CLOCK not in breach.console


def test_the_retention_job_names_old_incidents_and_a_person_erases_them(incident: AtDesk) -> None:
    incident.done("routine", "add", "retention", "--every", "1d", "--closed-for", "30d")
    said = incident("shred", "amber-falcon", "--reason", "policy", "--yes")
    assert (said.code, said.error) == (1, "not_closed")
    incident.closed("--reason", "found again")
    incident.clock.advance(31 * DAY)
    assert incident("drill", "run", "--due").code == 4
    state, detail = came(incident)[-1]
    assert (state, "amber-falcon" in detail, "shred" in detail) == ("failed", True, True)
    said = incident("shred", "amber-falcon", "--yes")
    assert (said.code, said.error) == (1, "reason_missing")
    said = incident("shred", "amber-falcon", "--reason", "policy 7.2", types="no\n")
    assert (said.code, said.error) == (1, "not_confirmed")
    found = incident("shred", "amber-falcon", "--reason", "policy 7.2", "--yes", "--format", "json")
    assert (found.code, found.json["schema"]) == (0, "tocsin/shredded/v1")
    said = incident("timeline", "--incident", "amber-falcon")
    assert (said.code, said.error) == (1, "shredded")
    assert incident("audit", "verify").code == 0
    incident.clock.advance(DAY)
    assert incident("drill", "run", "--due").code == 0
    incident.done("shred", "amber-falcon", "--reason", "policy 7.2", "--yes")


def test_an_incident_on_hold_is_not_erased_before_the_hold_ends(incident: AtDesk) -> None:
    hold = ("law_enforcement.hold.form=written", "law_enforcement.hold.from=2026-11-24T09:00:00Z")
    incident.done("fact", "set", *hold, "--source", "letter")
    incident.closed("--reason", "found again")
    incident.clock.advance(DAY)
    words = ("shred", "amber-falcon", "--reason", "policy 7.2", "--yes")
    said = incident(*words)
    assert (said.code, said.error, "law_enforcement.hold.form" in said.err) == (1, "held", True)
    incident.done(
        "fact",
        "set",
        "law_enforcement.hold.until=2026-11-24T12:00:00Z",
        "--source",
        "letter",
        "-i",
        "amber-falcon",
    )
    incident.done(*words)


def test_a_scheduler_sends_due_messages_without_a_worker(tocsin: AtDesk, playbook: Path) -> None:
    tocsin.done("open", str(playbook), "--yes", "--no-work", "--fact", "incident.summary=x")
    desk = tocsin.office()
    firer = ScheduleRunner(desk, "here", lambda: 0.0, None, lambda event: None)
    scheduler = Scheduler(desk, firer, lambda words: None)
    name = desk.chance.name("worker")
    alive = desk.store.register_worker(name)
    enlist(desk, name)
    scheduler.look()
    assert tocsin.console == "", "a worker that goes on does it"
    dismiss(desk, name)
    alive.release()
    scheduler.look()
    assert "A badge is missing" in tocsin.console


def test_routines_and_exercises_are_listed_apart_and_dropped(tocsin: AtDesk) -> None:
    tocsin.done("routine", "add", "comcheck", "--cron", "0 9 * * 1")
    tocsin.done("drill", "schedule", "lost-laptop", "--every", "90d")

    def listed(*words: str) -> list[tuple[str, str]]:
        """Return what comes by itself, and when next."""
        found = tocsin(*words, "--format", "json").json["schedules"]
        return [(schedule["schedule"], schedule["next"]) for schedule in found]

    assert listed("drill", "schedules") == [("lost-laptop", "2027-02-22T10:00:00+01:00")]
    assert listed("routine", "list") == [("comcheck", "2026-11-30T09:00:00+01:00")]
    compare("routine.list", tocsin.done("routine", "list"), tocsin.home)
    said = tocsin("routine", "add", "comcheck", "--cron", "0 9 * * 1")
    assert (said.code, said.error) == (1, "already_scheduled")
    said = tocsin("drill", "unschedule", "comcheck")
    assert (said.code, said.error) == (1, "unknown_schedule")
    tocsin.done("routine", "drop", "comcheck")
    assert listed("routine", "list") == []
    assert "comcheck" in tocsin.done("routine", "list"), "how to add one"


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("comchek", "--every", "1d"), "unknown_routine", "comchek"),
        (("comcheck",), "option_missing", "--every"),
        (("comcheck", "--every", "1d", "--ahead", "2h"), "options_conflict", "--ahead"),
        (("watch", "--every", "1d", "--closed-for", "2d"), "options_conflict", "--closed-for"),
        (("watch", "--every", "sometimes"), "bad_duration", "--every"),
    ],
)
def test_a_routine_that_says_nothing_sensible_is_refused(
    tocsin: AtDesk, words: tuple[str, ...], code: str, told: str
) -> None:
    said = tocsin("routine", "add", *words)
    assert (said.code, said.error, told in said.err) == (2, code, True)
