"""People who work a shipped playbook to its end: a real home, the real service, the worker, a clock that is moved.

A scenario says only what is particular to it: facts, answers, and what is done otherwise than one hopes. Everything else
is done as the playbook asks, by somebody who holds the role, until nothing is left to do and the incident can be closed.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from runner.drivers.embedded import Worker
from runner.effects.compose import Body
from runner.engine.outlining import outline
from runner.engine.timing import PEOPLE
from runner.engine.view import find_step
from runner.errors import Refused
from runner.model import commands as c
from runner.model import playbook as p
from runner.model.actor import Actor
from runner.model.catalogue import Catalogue
from runner.model.commands import AnyCommand
from runner.model.events import AnyEvent, DocumentRendered, StepBlocked, StepOverdue, decode
from runner.model.incident import Incident, Invocation
from runner.service import duties, facts, notices, opening, starting
from runner.service.desk import Desk
from tests.cli.at_desk import Chance, Clock

ROUNDS = 2_000
"""More deeds than any scenario needs: more means that it goes round in circles."""
MOMENT = timedelta(seconds=10)
"""What a deed takes."""
LAST = timedelta(minutes=5)
"""Where nothing is done before it must be, it is begun so long before it is due."""
LAWS = ("eu-gdpr-33-controller-sa", "eu-gdpr-34-data-subjects", "us-ca-breach")
NOTICES = ("gdpr-33-initial", "gdpr-33-register-entry", "gdpr-34-letter", "us-ca-individual")
"""Every other duty of these laws is one that people write a notice for by hand."""
HOLDERS = {
    "commander": ("maria",),
    "technical": ("tom",),
    "counsel": ("jonas",),
    "dpo": ("ada", "olga"),
    "communications": ("nina",),
}
SETTINGS = {
    "schema": "tocsin/home/v1",
    "organisation": {
        "name": "Example GmbH",
        "country": "DE",
        "zone": "Europe/Berlin",
        "address": "Musterweg 1\n10115 Berlin",
        "established_in": ["DE"],
        "does_business_in": ["DE", "US-CA"],
        "role": ["controller", "data_owner"],
        "dpo": {"name": "Ada Adler", "email": "dpo@example.org"},
        "contact": {"name": "Sam Sommer", "email": "privacy@example.org", "phone": "+49 30 1"},
        "source_of_breach": True,
    },
    "people": {
        one: {"name": one.title(), "contacts": [{"channel": "screen", "address": one}]}
        for some in HOLDERS.values()
        for one in some
    },
    "roles": {role: list(some) for role, some in HOLDERS.items()},
    "channels": {
        "screen": {
            "adapter": "console",
            "confidentiality": "confidential",
            "settings": {"path": "console.txt"},
        }
    },
}


ENDINGS: dict[str, Callable[..., AnyCommand]] = {
    "skip": c.SkipStep,
    "fail": c.FailStep,
    "retry": c.RetryStep,
}


@dataclass(frozen=True)
class Usual:
    """What people usually answer and find out in one playbook."""

    answers: Mapping[str, str]
    finds: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Scenario:
    """What is particular to one way through a playbook. Steps are named by their path: ``notify.sign``."""

    facts: Sequence[str] = ()
    """Assignments at the opening."""
    answers: Mapping[str, str] = field(default_factory=dict)
    """Question → answer, over the usual ones."""
    finds: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Task → assignments that whoever does it records."""
    deeds: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Step → what is done instead, each time that it is met; afterwards it is done as asked."""
    learns: Mapping[str, str] = field(default_factory=dict)
    """Fact → assignment that settles it, once a step waits for it and nothing else can be done."""
    at_the_last_moment: bool = False
    """Nothing is done before the minute in which it is due."""


@dataclass
class Ended:
    """What came of a scenario."""

    incident: Incident
    steps: dict[str, set[str]]
    """Step by its path → the states in which its newest invocations ended, one for each lane."""
    ever: dict[str, set[str]]
    """The same of every invocation."""
    texts: dict[str, str]
    """Message step → its words."""
    documents: dict[str, str]
    """Notice step with its lane → the words of its newest document."""
    waited_for: dict[str, set[str]] = field(default_factory=dict)
    """Step → facts that its condition waited for."""
    gaps: dict[str, set[str]] = field(default_factory=dict)
    """Notice → the gaps that it ever had."""
    late: dict[str, str] = field(default_factory=dict)
    """Step that was overdue → the role that was told."""
    close: str = ""
    """Why it could not be closed without a reason; nothing when it could."""

    def in_state(self, *states: str) -> set[str]:
        """Return the steps of which one at least ended so."""
        return {step for step, found in self.steps.items() if found & set(states)}

    def count(self, step: str) -> int:
        """Return how often a step was reached in the one place where it was reached most often."""
        return max(i.n for i in self.incident.invocations.values() if path_of(i.id) == step)

    @property
    def refused(self) -> set[str]:
        """Return the approvals that somebody refused."""
        all_ = self.incident.invocations.values()
        return {path_of(i.id) for i in all_ if any(not a.approved for a in i.approvals)}


def lane_of(invocation: str) -> str:
    """Return a step's path with its lane, without run and number."""
    return invocation.partition(":")[2].rpartition("#")[0]


def path_of(invocation: str) -> str:
    """Return a step's path inside its playbook, without run, lane and number."""
    return re.sub(r"\[[^\]]*\]|#\d+", "", invocation.partition(":")[2])


class Team:
    """A home with people who do what is to be done."""

    def __init__(self, folder: Path, playbook: str, scenario: Scenario, usual: Usual) -> None:
        """Make the home and open the incident."""
        self.scenario = scenario
        self.answers = {**usual.answers, **scenario.answers}
        self.finds = {**usual.finds, **scenario.finds}
        self.deeds = {step: list(deeds) for step, deeds in scenario.deeds.items()}
        self.clock = Clock()
        opening.init_home(folder, "maria")
        (folder.parent / "cache").mkdir(exist_ok=True)
        (folder / "cache").symlink_to(folder.parent / "cache")  # the law is compiled once for all
        settings = msgspec.yaml.encode(SETTINGS).decode().replace("console.txt", str(folder / "console.txt"))
        (folder / "tocsin.yaml").write_text(settings, encoding="utf-8")
        self.desk = opening.open_desk(folder, actor("maria"), clock=self.clock, chance=Chance())
        request = starting.Request(playbooks=(playbook,), assignments=tuple(scenario.facts))
        self.name = starting.commit_opening(self.desk, self.under_these_laws(request)).id
        self.machine = copy(self.desk)
        self.machine.actor = actor("tocsin")
        self.worker = Worker(self.machine, threads=1)

    def under_these_laws(self, request: starting.Request) -> starting.Opening:
        """Return the opening under the laws and notices that the playbooks are complete for, whatever else is shipped."""
        made = starting.prepare_opening(self.desk, request)
        pinned = self.desk.pinned(made.event.catalogue)
        regimes = tuple(regime for regime in pinned.regimes if regime.id in LAWS)
        kept = {name: pinned.notices[name] for name in NOTICES}
        laws = Catalogue(regimes=regimes, outline=outline(regimes), notices=kept)
        digest = self.desk.store.put_blob(None, msgspec.json.encode(laws))
        return msgspec.structs.replace(made, event=msgspec.structs.replace(made.event, catalogue=digest))

    @property
    def incident(self) -> Incident:
        """Return it as of now."""
        return self.desk.load(self.name)

    def end(self) -> Ended:
        """Work until nothing is left to do, close, and return what came of it."""
        for _ in range(ROUNDS):
            self.worker.drain()
            if not self.something_done() and not self.something_learnt() and not self.time_passes():
                break
        else:
            raise AssertionError(
                f"no end: {[i.id for i in self.incident.invocations.values() if not i.over]}"
            )
        found = self.told()
        try:
            self.desk.submit(self.name, c.Close(by="maria"))
        except Refused as refusal:
            found.close = refusal.message
        self.worker.close()
        self.desk.store.close()
        return found

    # --- what people do -----------------------------------------------------------------------------------

    def something_done(self) -> bool:
        """Do the next thing that a person can do; tell whether there was one."""
        incident = self.incident
        never = datetime.max.replace(tzinfo=UTC)
        open_ = [incident.invocations[name] for name in sorted(incident.active)]
        for invocation in sorted(open_, key=lambda one: (one.kind != "message", one.due or never)):
            name = invocation.id
            step = self.desk.library(incident).step(incident, name)
            if self.deed(invocation, step):
                self.clock.advance(MOMENT)
                return True
        return False

    def deed(self, invocation: Invocation, step: p.AnyStep) -> bool:
        """Do what is asked at one step, or what the scenario says instead."""
        lined_up = self.deeds.get(lane_of(invocation.id)) or self.deeds.get(path_of(invocation.id)) or []
        halted = invocation.stuck or invocation.state in ("failed", "expired")
        if lined_up and (halted or invocation.kind in (*PEOPLE, "message", "wait")):
            return self.otherwise(lined_up.pop(0), invocation, step)
        if self.scenario.at_the_last_moment and invocation.kind in PEOPLE and self.has_time(invocation):
            return False
        if invocation.kind == "message" and not invocation.stuck:
            return self.telephoned(invocation)
        if halted:
            raise AssertionError(f"{invocation.id} is stuck: {invocation.stuck}")
        match step:
            case p.Task():
                self.complete(invocation, step)
            case p.Ask():
                self.answer(invocation)
            case p.Approve():
                self.decide(invocation, step, approved=True)
            case p.File():
                self.hand_in(invocation)
            case _:
                return False
        return True

    def has_time(self, invocation: Invocation) -> bool:
        """Tell whether a step can wait: it is due later, or never while others are due."""
        if invocation.due is not None:
            return invocation.due > self.clock.now() + LAST
        return any(self.incident.invocations[name].due is not None for name in self.incident.active)

    def otherwise(self, deed: str, invocation: Invocation, step: p.AnyStep) -> bool:
        """Do what the scenario says instead."""
        word, _, rest = deed.partition(" ")
        if word in ENDINGS:
            end = ENDINGS[word]
            self.desk.submit(self.name, end(step=invocation.id, by="maria", reason="as things stood"))
            return True
        match word:
            case "unknown":
                again = self.clock.now() + timedelta(hours=1)
                self.desk.submit(self.name, c.AnswerUnknown(step=invocation.id, by="maria", ask_again=again))
            case "reject":
                assert isinstance(step, p.Approve)
                self.decide(invocation, step, approved=False)
            case "sleep":
                self.clock.advance(timedelta(hours=float(rest)))
            case "learn":
                self.record([rest])
            case _:
                self.anew(word, rest)
        return True

    def anew(self, word: str, rest: str) -> None:
        """Decide on a duty, or take up again what had ended."""
        match word:
            case "reopen":
                step, _, self.answers[step] = rest.partition(" ")
                reopened = c.ReopenStep(step=self.newest(step), by="maria", reason="it came on line")
                self.desk.submit(self.name, reopened)
            case "render":
                self.desk.submit(self.name, notices.render_step(self.desk, self.incident, self.newest(rest)))
            case "not-to-notify" | "waive":
                self.settle(rest, word)
            case _:
                raise AssertionError(f"nobody knows how to {word}")

    def newest(self, step: str) -> str:
        """Return the newest invocation of a step by its path."""
        return next(one for one in self.incident.latest.values() if path_of(one) == step)

    def complete(self, invocation: Invocation, step: p.Task) -> None:
        """Find out what the task is about, tick its rows, and end it."""
        self.record(self.finds.get(path_of(invocation.id), ()))
        by = self.holder(step.role)
        rows = [c.CheckRow(step=invocation.id, row=n, by=by) for n in range(len(step.checklist))]
        self.at(by).submit(self.name, *rows, c.CompleteTask(step=invocation.id, by=by, comment="done"))
        if step.id == "not_notifying":
            for one in self.desk.duties(self.incident):
                if any(reason.code == "risk_unlikely" for reason in one.because):
                    self.settle(one.id, "not-to-notify")

    def answer(self, invocation: Invocation) -> None:
        """Answer a question."""
        value = self.answers[path_of(invocation.id)]
        by = invocation.assignee or "ada"
        facts.record_answer(self.at(by), self.name, invocation.id, value, "who knows", "confirmed")

    def decide(self, invocation: Invocation, step: p.Approve, *, approved: bool) -> None:
        """Have the next person decide who holds one of the roles and has not decided yet."""
        given = {a.by for a in invocation.approvals if not a.void}
        incident = self.incident
        subject = find_step(incident, incident.scopes[invocation.scope], step.approve)
        assert subject is not None
        for role in step.by.roles:
            if step.by.every_role and any(role in a.roles for a in invocation.approvals if not a.void):
                continue
            for person in HOLDERS[role]:
                if person in given | {subject.ended_by}:
                    continue
                self.at(person).submit(
                    self.name,
                    c.Decide(
                        step=invocation.id,
                        by=person,
                        digest=subject.digest,
                        approved=approved,
                        reason="" if approved else "not like this",
                    ),
                )
                return
        raise AssertionError(f"nobody can decide {invocation.id}")

    def hand_in(self, invocation: Invocation) -> None:
        """Record the filing of the lane's duty, with its reasons when it is late."""
        incident = self.incident
        duty = incident.scopes[invocation.scope].item or ""
        due = incident.duties[duty].due
        late = "the mailbox was down" if due is not None and self.clock.now() > due else ""
        desk = self.at(self.holder("dpo"))
        made = duties.filing(
            desk, incident, duty, at=self.clock.now(), reference="4711", receipt=None, late_reason=late,
            step=invocation.id,
        )  # fmt: skip
        desk.submit(self.name, *made)

    def settle(self, duty: str, how: str) -> None:
        """Decide against a duty, or record its waiver."""
        kind = "waived" if how == "waive" else "decided_not_to_notify"
        made = duties.decision(self.at("jonas"), duty, kind, self.clock.now(), "no risk to anybody")
        self.at("jonas").submit(self.name, made)

    def telephoned(self, invocation: Invocation) -> bool:
        """Reach those by telephone who have to say that they know."""
        incident = self.incident
        open_ = [
            d for d in incident.deliveries.values() if d.step == invocation.id and d.id in incident.moving
        ]
        for delivery in open_:
            self.desk.submit(self.name, c.ReportCall(delivery=delivery.id, reached=True, by="maria"))
        return bool(open_)

    def record(self, assignments: Sequence[str]) -> None:
        """Record facts."""
        if assignments:
            facts.record_facts(self.at("ada"), self.name, assignments, "who knows", "confirmed")

    def at(self, person: str) -> Desk:
        """Return the desk with a person at it."""
        found = copy(self.desk)
        found.actor = actor(person)
        return found

    def holder(self, role: str) -> str:
        """Return who holds a role."""
        return HOLDERS[role][0]

    # --- when nobody can do anything ----------------------------------------------------------------------

    def something_learnt(self) -> bool:
        """Record a fact that a step waits for."""
        incident = self.incident
        for name in sorted(incident.blocked | incident.live):
            for fact in incident.invocations[name].missing:
                if fact in self.scenario.learns:
                    self.record([self.scenario.learns[fact]])
                    return True
        return False

    def time_passes(self) -> bool:
        """Go on to when something is due; tell whether there is such a time while steps are open."""
        due = self.desk.store.next_due()
        if due is None or all(i.over for i in self.incident.invocations.values()):
            return False
        if self.scenario.at_the_last_moment:
            dues = [self.incident.invocations[name].due for name in self.incident.active]
            due = min(due, *(one - LAST for one in dues if one is not None and one - LAST > self.clock.time))
        self.clock.time = max(self.clock.time, due)
        return True

    # --- what came of it ----------------------------------------------------------------------------------

    def told(self) -> Ended:
        """Return what came of it so far."""
        incident = self.incident
        steps, ever = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
        newest = set(incident.latest.values())
        for invocation in incident.invocations.values():
            ever[path_of(invocation.id)].add(invocation.state)
            if invocation.id in newest:
                steps[path_of(invocation.id)].add(invocation.state)
        ended = Ended(incident, dict(steps), dict(ever), self.texts(), self.documents())
        for event in self.events():
            match event:
                case StepBlocked(step=step, missing=missing):
                    ended.waited_for.setdefault(path_of(step), set()).update(missing)
                case StepOverdue(step=step, escalate_to=role):
                    ended.late[path_of(step)] = role
                case DocumentRendered(notice=notice, gaps=gaps) if gaps:
                    ended.gaps.setdefault(notice, set()).update(gaps)
                case _:
                    pass
        return ended

    def texts(self) -> dict[str, str]:
        """Return the words of every message, by its step."""
        bodies = {
            path_of(m.step): msgspec.json.decode(self.desk.store.get_blob(m.body), type=Body)
            for m in self.incident.messages.values()
        }
        return {step: f"{body.subject}\n{body.text}" for step, body in bodies.items()}

    def documents(self) -> dict[str, str]:
        """Return the words of every notice, by its step."""
        made = self.incident.documents.values()
        return {lane_of(d.step): self.desk.store.get_blob(d.files["txt"]).decode() for d in made}

    def events(self) -> Iterator[AnyEvent]:
        """Return everything that happened."""
        for row in self.desk.store.read(self.name):
            if row.payload is not None:
                yield decode(row.payload)


def actor(person: str) -> Actor:
    """Return somebody at a machine of their own."""
    return Actor(claimed=person, host=f"desk-of-{person}", os_user=person)
