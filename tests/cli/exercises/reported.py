"""What after-action reports are tested with: an exercise and a real incident in which much goes wrong, played to their end.

People acknowledge in time, late and never; a channel fails; one person cannot be reached; a deadline is missed and another
kept; injects come in time, late, by hand and never.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from runner.app.core.incident_service import IncidentService
from runner.app.exercises.exercises import prepare_drill, set_clock
from runner.app.incidents.open_incident import commit_opening
from runner.base.actor import Principal
from runner.files.exercise_file import load_exercise
from runner.incident.state import commands as c
from runner.playbook.catalogue import Catalog
from runner.workers.embedded import Worker
from runner.workers.simulated_exercise import Conductor
from tests.cli.at_desk import ORGANISATION, AtDesk

MINUTE = timedelta(minutes=1)
GDPR = "eu-gdpr-33-controller-sa/initial"
LETTERS = "us-ca-breach/individuals"

PLAYBOOK = """\
schema: tocsin/playbook/v1
name: open-bucket
version: 1.0.0
title: A bucket stood open
roles: {commander: {title: Incident commander}, responder: {title: Responder}, counsel: {title: Legal counsel}}
classes: {everybody: {from: urgent-confidential, ack_quorum: all, fail_over_after: 10m, first_wave: 1}}
messages:
  alert: {class: everybody, text: "A bucket stood open: {{ incident.summary }}"}
steps:
  - {id: alert, message: alert, to: [role:responder]}
  - {id: close, task: Close the bucket, role: commander, due: 15m}
  - {id: logs, task: Keep the logs of who read it, role: commander, due: 1h}
  - {id: sure, ask: "Was it read by a stranger?", sets: incident.malicious, role: commander, due: 2h}
  - {id: duties, duties: all}
"""

EXERCISE = """\
schema: tocsin/exercise/v1
name: bucket-morning
title: A bucket stood open
type: functional
playbook: ./open-bucket.yaml
clock: {mode: accelerated, rate: 60, start: 2026-10-05T08:00:00+02:00}
facts: [PLACE]
objectives:
  - id: O1
    text: The bucket is closed and people are reached
    capability: Operational Coordination
    targets:
      - {id: T1, text: Closed within 15 minutes, tasks: [{step: close, within: 15m}]}
      - {id: T2, text: Everybody has acknowledged within half an hour, tasks: [{message: alert, within: 30m}]}
participants:
  - {person: maria, role: player, plays: commander}
  - {person: jonas, role: player, plays: responder}
  - {person: ada, role: player, plays: responder}
  - {person: noor, role: player, plays: responder}
  - {person: wanda-wilhelmina, role: player, plays: responder}
  - {person: olga, role: evaluator, covers: [O1]}
events:
  - {number: "1", title: A journalist calls, at: 0m, to: [commander], via: phone, text: "Your bucket is open.", expected: [{step: close, within: 15m}], if_missed: "9"}
  - {number: "2", title: Mail fails, at: 2m, via: system, faults: [{channel: mail, lasts: 2h}, {person: noor, lasts: 4h}]}
  - {number: "3", title: The logs are about to be rotated, at: 20m, to: [commander], text: "They go in an hour.", expected: [{step: logs, within: 1h}]}
  - {number: "4", title: A stranger posts rows of it on a forum that everybody reads, after: logs, text: "Look!"}
  - {number: "5", title: The insurer asks, at: 40m, text: "Was it read?", expected: [{step: sure, within: 30m}]}
  - {number: "6", title: The minister calls, text: "What is going on?"}
  - {number: "7", title: The board meets, at: 50m, text: "Tell us."}
  - {number: "9", title: Nobody closed it, category: contingency, text: "Has anybody closed it?"}
laws: []
"""

FACTS = (
    "incident.summary=A bucket stood open",
    "incident.discovered_at={aware}",
    "incident.aware_at={aware}",
    "incident.impact=confidentiality",
    "data.involved=yes",
    "data.elements=ssn",
    "data.with_name=yes",
    "data.encrypted=no",
    "incident.exfiltration=confirmed",
    "people.total=1400",
    "people.by_jurisdiction.US-CA=700",
    "people.by_jurisdiction.US-NY=700",
    "risk.to_people=risk",
    "risk.harm_assessment.by=Ada Adler",
    "risk.harm_assessment.at={aware}",
    "risk.harm_assessment.grounds=Names and addresses stood open.",
)


def staffed(tocsin: AtDesk, *, down: bool = False) -> AtDesk:
    """Give the home five people, mail and a pager; ``down`` has mail fail from the beginning."""
    path = tocsin.home / ("nowhere/mail.txt" if down else "mail.txt")
    channels = {
        "mail": {
            "adapter": "console",
            "domains": ["tenant"],
            "confidentiality": "confidential",
            "settings": {"path": str(path)},
        },
        "pager": {
            "adapter": "console",
            "domains": ["carrier"],
            "confidentiality": "confidential",
            "settings": {"path": str(tocsin.home / "pager.txt")},
        },
    }
    people = {
        name: {
            "name": name.title(),
            "contacts": [{"channel": channel, "address": name} for channel in ("mail", "pager")],
        }
        for name in ("maria", "jonas", "ada", "noor", "wanda-wilhelmina", "olga")
    }
    roles = {
        "commander": ["maria"],
        "responder": ["jonas", "ada", "noor", "wanda-wilhelmina"],
        "counsel": ["ada"],
    }
    organisation = {**ORGANISATION["organisation"], "established_in": ["DE"]}
    tocsin.settings(channels=channels, people=people, roles=roles, organisation=organisation)
    return tocsin


def conducted(tocsin: AtDesk, folder: Path) -> tuple[IncidentService, Conductor]:
    """Begin the exercise and return its desk and what conducts it, one step at a time."""
    (folder / "open-bucket.yaml").write_text(PLAYBOOK, encoding="utf-8")
    facts = ", ".join(f'"{fact.format(aware="2026-10-02T07:30:00Z")}"' for fact in FACTS)
    (folder / "bucket.yaml").write_text(EXERCISE.replace("PLACE", facts), encoding="utf-8")
    desk = tocsin.office()
    opening = prepare_drill(desk, load_exercise(str(folder / "bucket.yaml"), Catalog(tocsin.home)))
    name = commit_opening(desk, opening).after.id
    set_clock(desk, name, "begun")
    return desk, Conductor(desk, name, lambda _: None)


def acknowledged(desk: IncidentService, name: str, person: str) -> None:
    """Have a person acknowledge whatever is addressed to them."""
    for delivery in desk.load(name).deliveries.values():
        if delivery.person == person and delivery.acked_at is None:
            desk.act(
                Principal(person=person, host="desk", os_user=person),
                name,
                [c.Acknowledge(person=person, delivery=delivery.id, via="pager")],
            )


def played(tocsin: AtDesk, folder: Path) -> None:
    """Play the exercise to its end: three hours and a half of it, in as many minutes."""
    desk, conductor = conducted(tocsin, folder)
    (name,) = (row.id for row in desk.store.rows())

    def after(minutes: float) -> None:
        """Let so many minutes of the exercise go by."""
        tocsin.clock.advance(timedelta(minutes=minutes) / 60)
        conductor.step()

    conductor.step()
    after(2)
    after(2)
    acknowledged(desk, name, "jonas")
    after(10)
    tocsin.done("task", "done", "close")
    after(14)
    tocsin.done("drill", "pause", "--reason", "lunch")
    tocsin.clock.advance(20 * MINUTE)
    tocsin.done("drill", "resume")
    after(12)
    acknowledged(desk, name, "ada")
    tocsin.done("drill", "leave-out", "7", "--reason", "we have seen enough")
    after(20)
    after(35)
    tocsin.done("task", "done", "logs")
    after(25)
    tocsin.done("duty", "record-filed", GDPR, "--reference", "AZ 1", "--late-reason", "nobody had the form")
    tocsin.done("role", "assign", "executive", "maria")
    decided = ("duty", "decide", LETTERS, "--not-to-notify", "--reason", "written by the parent")
    entry = tocsin(*decided, "--ground", "none", "--as", "ada", "--format", "json").json["second_person"][0]
    tocsin.done("confirm", str(entry), "--as", "maria")
    tocsin.done(
        "drill", "observe", "Mail was left at once", "--objective", "O1", "--kind", "strength", "--as", "olga"
    )
    tocsin.done(
        "drill",
        "observe",
        "Nobody knew the logs",
        "--objective",
        "O1",
        "--kind",
        "improvement",
        "--as",
        "olga",
    )
    after(90)
    tocsin.done("drill", "end")


def worked(tocsin: AtDesk, folder: Path) -> None:
    """Work the same as a real incident while mail fails, and close it."""
    path = folder / "open-bucket.yaml"
    path.write_text(PLAYBOOK, encoding="utf-8")
    facts = [word for fact in FACTS for word in ("--fact", fact.format(aware="2026-11-21T10:00:00Z"))]
    tocsin.done("open", str(path), "--title", "A bucket stood open", "--yes", *facts)
    desk = tocsin.office()
    (name,) = (row.id for row in desk.store.rows())

    def after(minutes: float) -> None:
        """Let so many minutes go by."""
        tocsin.clock.advance(minutes * MINUTE)
        worker = Worker(desk)
        worker.drain()
        worker.close()

    after(3)
    acknowledged(desk, name, "jonas")
    after(14)
    tocsin.done("task", "done", "close")
    after(30)
    acknowledged(desk, name, "ada")
    after(40)
    tocsin.done("task", "done", "logs")
    tocsin.done("task", "skip", "sure", "--reason", "the logs say it")
    tocsin.done("duty", "record-filed", GDPR, "--reference", "AZ 1", "--late-reason", "nobody had the form")
    after(300)
    found = tocsin("duties", "--format", "json").json["duties"]
    owed = [
        duty["id"] for duty in found if duty["verdict"] == "applies" and duty["state"] in ("open", "overdue")
    ]
    left = [word for one in owed for word in ("--leave-open", f"{one}=the parent does it")]
    said = tocsin("close", "--reason", "the bucket is closed", *left, "--format", "json")
    tocsin.done("confirm", str(said.json["second_person"][0]), "--as", "ada")
