"""A whole organisation in memory: its playbook, its people and channels, its journal, its clock, and what goes wrong.

A ``World`` does what the service and the drivers do, without a store: it prepares each turn as the service does; claims
are committed before their effects; outcomes come back as commands. Nothing waits: ``advance`` moves the clock, ``cut``
takes a channel down, ``crash_at`` ends the process at a boundary, ``crash`` forgets everything but the journal.
"""

from __future__ import annotations

import importlib.resources
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import msgspec

from runner.app.core.transaction import Transaction, make_transaction
from runner.base.actor import PROGRAM, Principal
from runner.base.states import Kind, Profile
from runner.effects.messages.compose import deputies
from runner.facts.expression import LOOP_NAMES, Expression
from runner.facts.expressions.parser import parse, parse_condition
from runner.incident.messages.deliveries import reached_places
from runner.incident.state import commands as c
from runner.incident.state import events as e
from runner.incident.state.incident import Approval, Attempt, Delivery, Incident, Invocation, Run
from runner.incident.state.library import Library
from runner.incident.state.work import (
    Announce,
    AnyWork,
    Compose,
    Deliver,
    DoAct,
    Host,
    Recall,
    Render,
    Replan,
)
from runner.incident.steps.migrate import decide_migration
from runner.incident.turn.fold import begin, fold
from runner.incident.turn.settle import next_wakeup
from runner.law.regime import Regime
from runner.playbook import format as p
from runner.playbook.plan import compile_plan
from runner.playbook.profiles import bundle_of_profile
from runner.routing.messaging import MessageClass, SendResult
from runner.routing.organisation import Directory, Person

T0 = datetime(2026, 11, 24, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
GDPR = "eu-gdpr-33-controller-sa"
ACCEPTED = SendResult(state="accepted")
REJECTED = SendResult(state="rejected", reason="no")
UNKNOWN = SendResult(state="unknown", reason="no answer")
THROTTLED = SendResult(state="throttled", reason="slow down")
NOT_SENT = SendResult(state="not_sent", reason="no connection")

# --------------------------------------------------------------------------------------------------- playbooks


def condition(source: str) -> Expression:
    return parse_condition(source, LOOP_NAMES)


def after(*steps: str) -> p.After:
    return p.After(steps=steps)


def after_any(*steps: str) -> p.After:
    return p.After(steps=steps, join="any")


def _fields(id_: str, more: dict[str, Any]) -> dict[str, Any]:
    """Let conditions be written as text and ``after`` as words."""
    found = {"id": id_, **more}
    for name in ("when", "until"):
        if isinstance(found.get(name), str):
            found[name] = condition(found[name])
    if isinstance(found.get("for_each"), str):
        found["for_each"] = parse(found["for_each"], LOOP_NAMES)
    if isinstance(found.get("after"), str):
        found["after"] = after(*found["after"].split())
    return found


def task(id_: str, **more: Any) -> p.Task:
    return p.Task(**{"task": id_, **_fields(id_, more)})


def ask(id_: str, sets: str, **more: Any) -> p.Ask:
    return p.Ask(ask=f"{id_}?", sets=sets, **_fields(id_, more))


def form(id_: str, *fields: str | p.FormField, **more: Any) -> p.Form:
    """A form; a field is written ``data.encrypted`` or ``data.key_compromised if data.encrypted``."""
    return p.Form(form=id_, fields=tuple(map(form_field, fields)), **_fields(id_, more))


def form_field(field: str | p.FormField) -> p.FormField:
    if not isinstance(field, str):
        return field
    fact, _, when = field.partition(" if ")
    return p.FormField(fact=fact, ask=f"{fact}?", when=condition(when) if when else None)


def approve(
    id_: str, of: str, roles: str, distinct: int = 1, *, every: bool = False, **more: Any
) -> p.Approve:
    by = p.Quorum(roles=tuple(roles.split()), distinct=distinct, every_role=every)
    return p.Approve(approve=of, by=by, **_fields(id_, more))


def message(id_: str, **more: Any) -> p.Message:
    return p.Message(**{"message": "alert", "to": ("role:lead",), **_fields(id_, more)})


def notice(id_: str, **more: Any) -> p.Notice:
    return p.Notice(**{"notice": "gdpr-33-initial", **_fields(id_, more)})


def file(id_: str, of: str, **more: Any) -> p.File:
    return p.File(file=of, **_fields(id_, more))


def act(id_: str, **more: Any) -> p.Act:
    return p.Act(act=id_, **_fields(id_, more))


def wait(id_: str, **more: Any) -> p.Wait:
    names = set(p.WaitFor.__struct_fields__)
    waited = {name: more.pop(name) for name in list(more) if name in names}
    return p.Wait(wait=p.WaitFor(**waited), **_fields(id_, more))


def duties(id_: str, **more: Any) -> p.Duties:
    return p.Duties(duties=("all",), **_fields(id_, more))


def call(id_: str, playbook_: str, inputs: dict[str, str] | None = None, **more: Any) -> p.Call:
    given = {name: parse(source, LOOP_NAMES) for name, source in (inputs or {}).items()}
    return p.Call(playbook=playbook_, inputs=given, **_fields(id_, more))


def group(id_: str, *steps: p.AnyStep, **more: Any) -> p.Group:
    return p.Group(group=id_, steps=steps, **_fields(id_, more))


def repeat(id_: str, *steps: p.AnyStep, until: str, **more: Any) -> p.Repeat:
    return p.Repeat(repeat=id_, steps=steps, **_fields(id_, {"until": until, **more}))


def playbook(*steps: p.AnyStep, name: str = "main", version: str = "1.0.0") -> p.Playbook:
    return p.Playbook(schema="tocsin/playbook/v1", name=name, version=version, title=name, steps=steps)


def bundle(main: p.Playbook, *includes: p.Playbook) -> p.Bundle:
    return p.Bundle(
        playbook=main,
        includes={include.name: include for include in includes},
        digest=f"sha256:{main.name}-{main.version}",
    )


@cache
def law(*names: str) -> tuple[Regime, ...]:
    from runner.law.files.regime_file import load_regime

    folder = importlib.resources.files("playbooks") / "regimes"
    return tuple(load_regime((folder / f"{name}.yaml").read_bytes(), name) for name in names)


def waivable(regimes: tuple[Regime, ...]) -> tuple[Regime, ...]:
    """Return laws whose authority may waive every duty."""
    replace = msgspec.structs.replace
    return tuple(
        replace(
            law_,
            versions=tuple(
                replace(
                    version,
                    duties=tuple(replace(rule, waiver="the authority may") for rule in version.duties),
                )
                for version in law_.versions
            ),
        )
        for law_ in regimes
    )


def change(key: str, value: Any) -> e.FactChange:
    return e.FactChange(key=key, value=msgspec.Raw(msgspec.json.encode(value)), source="test")


# ------------------------------------------------------------------------------------------------------- world


class Crash(Exception):
    """The process is gone; only the journal is left."""


class World:
    """One incident and everything around it. Steps are named as in the playbook, inner ones ``group.step``."""

    def __init__(
        self,
        *steps: p.AnyStep,
        includes: Iterable[p.Playbook] = (),
        regimes: tuple[Regime, ...] = (),
        roles: dict[str, str] | None = None,
        facts: dict[str, Any] | None = None,
        kind: Kind = "real",
        message_class: MessageClass | None = None,
        channels: Sequence[str] = ("mail", "sms"),
        stand_ins: dict[str, str] | None = None,
        above: str = "",
    ) -> None:
        """Open an incident on a playbook of these steps, settled and with nothing performed yet."""
        self.now = T0
        self.journal: list[e.Recorded] = []
        self.library = Library({}, regimes, alone="there is nobody else in this world")
        self.message_class = message_class or MessageClass(name="alert")
        self.channels = tuple(channels)
        self.stand_ins = stand_ins or {}
        self.above = tuple(above.split())
        self.down: set[str] = set()
        self.outcomes: defaultdict[str, list[SendResult]] = defaultdict(list)
        self.performed: list[AnyWork] = []
        self.digests: dict[str, str] = {}
        self.boundary = 0
        self.crash_at = 0
        self.names = 0
        opened = e.IncidentOpened(incident="i1", codename="calm otter", title="A test", kind=kind, by="ann")
        self.incident = begin(e.Recorded(1, self.now, opened))
        self.journal.append(e.Recorded(1, self.now, opened))
        commands: list[c.AnyCommand] = [
            c.AssignRole(role=role, persons=tuple(persons.split()))
            for role, persons in (roles or {"lead": "ann bob"}).items()
        ]
        if facts:
            commands.append(c.RecordFacts(changes=tuple(change(*item) for item in facts.items())))
        run = self.pin(bundle(playbook(*steps), *includes))
        self.give(*commands, c.PinPlaybook(run=run), by="ann")

    # --- commands and time --------------------------------------------------------------------------------

    def pin(self, pinned: p.Bundle, run: str = "main", profile: Profile = "large") -> Run:
        """Put a bundle into the library and return the run that would use it."""
        stored = f"{pinned.digest}/{len(self.library.plans)}"
        main = pinned.playbook
        made = Run(
            profile=profile,
            id=run,
            playbook=main.name,
            version=main.version,
            digest=pinned.digest,
            bundle=stored,
            at=self.now,
        )
        plans = {**self.library.plans, made.plan: compile_plan(bundle_of_profile(pinned, profile))}
        self.library = msgspec.structs.replace(self.library, plans=plans)
        return made

    def give(self, *commands: c.AnyCommand, by: str | Principal = "") -> list[e.AnyEvent]:
        """Decide commands together, settle, and append it all; returns every event. Refusals come through."""
        principal = Principal(person=by) if isinstance(by, str) else by
        return self._append(make_transaction(self.incident, commands, self.now, self.library, principal))

    def migrate(
        self, *steps: p.AnyStep, version: str = "2.0.0", includes: Iterable[p.Playbook] = ()
    ) -> e.PlaybookMigrated:
        """Move the run to other steps; refusals come through."""
        new = bundle(playbook(*steps, version=version), *includes)
        event = decide_migration(self.incident, self.pin(new), new, self.library, "better")
        self.give(c.MigratePlaybook(event=event))
        return event

    def _append(self, turn: Transaction) -> list[e.AnyEvent]:
        """Keep what a turn appends, unless the process ends before."""
        self._cross()
        self.journal.extend(turn.events)
        self.incident = turn.incident
        return [recorded.event for recorded in turn.events]

    def _cross(self) -> None:
        self.boundary += 1
        if self.boundary == self.crash_at:
            raise Crash

    def advance(self, by: timedelta = timedelta()) -> list[e.AnyEvent]:
        """Let time pass and settle."""
        self.now += by
        return self.give()

    def crash(self) -> None:
        """Lose the process: what was not appended is gone, the incident comes back from the journal's bytes."""
        self.crash_at = 0
        self.incident = self.replayed()

    def replayed(self) -> Incident:
        """Return the incident as the journal's bytes tell it, from the beginning, event by event."""
        return self.folded(self.journal, self.library)

    @staticmethod
    def folded(journal: Sequence[e.Recorded], library: Library) -> Incident:
        """Return the incident that a journal's bytes tell."""
        rows = [
            e.Recorded(recorded.seq, recorded.at, e.decode(e.encode(recorded.event))) for recorded in journal
        ]
        return fold(begin(rows[0]), rows[1:], library)

    def recover(self) -> None:
        """Say of every attempt whose worker is gone that nobody knows what became of it."""
        lost = sorted(self.incident.sending)
        if lost:
            self.give(
                *(
                    c.AttemptLost(effect=name.rsplit("|", 1)[0], n=int(name.rsplit("|", 1)[1]))
                    for name in lost
                )
            )

    def next_look(self) -> datetime | None:
        return next_wakeup(self.incident, self.now, self.library)

    # --- effects ------------------------------------------------------------------------------------------

    def claim(self, worker: str = "w1") -> list[AnyWork]:
        """Commit the intents of what may start now; returns the work."""
        program = Principal(person=PROGRAM)
        turn = make_transaction(self.incident, (), self.now, self.library, program, worker)
        if turn.events:
            self._append(turn)
        return list(turn.work)

    def perform(self, work: AnyWork) -> list[e.AnyEvent]:
        """Touch the world, once, and report what became of it."""
        self._cross()
        self.performed.append(work)
        return self.give(self.outcome(work))

    def outcome(self, work: AnyWork) -> c.AnyCommand:
        """Return the scripted outcome: by step or channel, in order, else what a healthy world answers."""
        match work:
            case Compose(step=step):
                composed = self._composed(work)
                definition = self.library.step(self.incident, step)
                if not work.reminder or not isinstance(definition, p.Approve):
                    return composed
                people = {name: Person(alternate=deputy) for name, deputy in self.stand_ins.items()}
                named = deputies(self.incident, Directory(people=people), step, definition.by.roles)
                return msgspec.structs.replace(composed, deputies=named)
            case Announce(message=message):
                return self._announced(message)
            case Replan():
                return self._replanned()
            case Render(step=step):
                digest = self.digests.get(self.incident.invocations[step].step, "sha256:first")
                return c.Rendered(
                    event=e.DocumentRendered(
                        document=f"{step}/{work.notice}",
                        step=step,
                        notice=work.notice,
                        version="1",
                        digest=digest,
                        files={"txt": digest},
                        gaps=(),
                        facts={},
                        duty=work.duty,
                        status="final",
                    )
                )
            case Recall(delivery=delivery, n=n):
                return c.TakeReceipt(
                    event=e.ReceiptTaken(delivery=delivery, n=n, kind="recalled", event=f"recall {n}")
                )
            case Deliver(channel=channel):
                result = NOT_SENT if channel in self.down else self._scripted(channel)
                return c.AttemptDone(effect=work.delivery, n=work.n, result=result)
            case Host(errand=errand):
                result = NOT_SENT if work.channel in self.down else self._scripted(work.channel)
                return c.AttemptDone(effect=errand, n=work.n, result=result)
            case DoAct(step=step):
                result = self._scripted(self.incident.invocations[step].step)
                return c.AttemptDone(effect=step, n=work.n, result=result)

    def _replanned(self) -> c.Replanned:
        """Leave out the channels that fall with a compromised domain: here a channel is its own domain."""
        fallen = {d.name for d in self.incident.domains.values() if d.state != "up"}
        plans = [
            e.PlannedDelivery(
                delivery=name,
                person=self.incident.deliveries[name].person,
                channels=tuple(channel for channel in self.channels if channel not in fallen),
                goal=self.incident.deliveries[name].goal,
            )
            for name in sorted(self.incident.moving)
        ]
        asked = self.incident.replan_asked
        return c.Replanned(plans=tuple(plans), reason="domains changed", asked=asked)

    def _scripted(self, name: str) -> SendResult:
        script = self.outcomes[name]
        return script.pop(0) if script else SendResult(state="accepted", evidence="accepted")

    def _composed(self, work: Compose) -> c.Composed:
        persons: dict[str, list[str]] = {}
        for role in work.to or ("role:lead",):
            for person in self.incident.roles.get(role[5:], ()):
                persons.setdefault(person, []).append(role[5:])
        self.names += 1
        meant = tuple(persons)
        later = {self.stand_ins[p]: p for p in meant if self.stand_ins.get(p, p) not in meant}
        above = tuple(p for p in self.above if p not in meant and p not in later)
        leveled = [*((p, 0) for p in meant), *((p, 1) for p in later), *((p, 2) for p in above)]
        return c.Composed(
            event=e.MessageComposed(
                step=work.step,
                message=f"m{self.names}",
                message_class=self.message_class,
                body=f"body{self.names}",
                to=meant,
                plans=tuple(
                    msgspec.structs.replace(
                        self._planned(
                            person, level, (f"d{self.names}-{later[person]}",) if level == 1 else ()
                        ),
                        roles=tuple(persons[person]) if level == 0 else (),
                    )
                    for person, level in leveled
                    if level == 0 or self.message_class.escalate_after is not None
                ),
                reason=e.REPEATED if work.reminder else "",
                requested_by="ann",
            )
        )

    def _planned(self, person: str, level: int = 0, stands_for: tuple[str, ...] = ()) -> e.PlannedDelivery:
        return e.PlannedDelivery(
            delivery=f"d{self.names}-{person}",
            person=person,
            channels=self.channels,
            goal=self.message_class.goal,
            level=level,
            stands_for=stands_for,
        )

    def _announced(self, message: str) -> c.AnyCommand:
        """Tell whom the message reached, over what it reached them."""
        self.names += 1
        kind = MessageClass(name="acknowledgement", ack_quorum="all", first_wave=9)
        places = reached_places(self.incident, message)
        plans = [
            msgspec.structs.replace(
                self._planned(self.incident.deliveries[name].person), channels=channels, goal="accepted"
            )
            for name, channels in places.items()
        ]
        return c.Composed(
            event=e.MessageComposed(
                step="",
                message=f"m{self.names}",
                message_class=kind,
                body=f"body{self.names}",
                to=tuple(plan.person for plan in plans),
                plans=tuple(plans),
                about=message,
            )
        )

    def work(self, rounds: int = 50) -> list[AnyWork]:
        """Perform everything that is due now, and what follows from it; returns what was done."""
        done: list[AnyWork] = []
        for _ in range(rounds):
            found = self.claim()
            if not found:
                return done
            for work in found:
                self.perform(work)
            done.extend(found)
        raise AssertionError(f"no rest after {rounds} rounds: {done[-3:]}")

    def cut(self, *channels: str) -> None:
        """Take channels down: nothing gets a connection."""
        self.down.update(channels)

    def restore(self, *channels: str) -> None:
        """Bring channels up again."""
        self.down.difference_update(channels)

    # --- looking ------------------------------------------------------------------------------------------

    def id(self, step: str, run: str = "main") -> str:
        """Return the id of a step's newest invocation."""
        count = self.incident.counts[f"{run}:{step}"]
        return f"{run}:{step}#{count}"

    def at(self, step: str) -> Invocation:
        return self.incident.invocations[step if "#" in step else self.id(step)]

    def state(self, step: str) -> str:
        return self.at(step).state

    def states(self, *steps: str) -> list[str]:
        return [self.state(step) for step in steps]

    def delivery(self, person: str) -> Delivery:
        """Return a person's newest delivery."""
        return [d for d in self.incident.deliveries.values() if d.person == person][-1]

    def attempts(self, effect: str) -> tuple[Attempt, ...]:
        holder = self.incident.deliveries.get(effect) or self.at(effect)
        return holder.attempts

    def approvals(self, step: str) -> tuple[Approval, ...]:
        return self.at(step).approvals

    def said(self, kind: type[e.AnyEvent]) -> list[Any]:
        """Return every event of a type in the journal."""
        return [one.event for one in self.journal if isinstance(one.event, kind)]

    # --- people -------------------------------------------------------------------------------------------

    def ack(self, person: str, **way: Any) -> list[e.AnyEvent]:
        """Have somebody say that they have their newest message; the way is one that proves it, unless told."""
        mine = [d for d in self.incident.deliveries.values() if d.person == person and d.goal != "accepted"]
        return self.give(c.Acknowledge(**{"delivery": mine[-1].id, "person": person, "via": "button", **way}))

    def done(self, *steps: str, by: str = "bob") -> None:
        for step in steps:
            self.give(c.CompleteTask(step=self.id(step)), by=by)

    def answer(self, step: str, value: Any, by: str = "bob") -> list[e.AnyEvent]:
        return self.give(c.Answer(step=self.id(step), change=change(self.at(step).sets, value)), by=by)

    def fill(self, step: str, values: dict[str, Any], by: str = "bob") -> list[e.AnyEvent]:
        """Answer fields of a form together; None is the answer "unknown"."""
        changes = tuple(change(*item) for item in values.items())
        return self.give(c.AnswerForm(step=self.id(step), changes=changes, grounds="it was so"), by=by)

    def fact(self, key: str, value: Any, by: str = "ann") -> list[e.AnyEvent]:
        return self.give(
            c.RecordFacts(changes=(change(key, value),), grounds="it was so" if key.endswith("_at") else ""),
            by=by,
        )

    def skip(self, step: str, by: str = "ann") -> list[e.AnyEvent]:
        return self.give(c.SkipStep(step=self.id(step), reason="not needed"), by=by)

    def cancel(self, step: str, by: str = "ann") -> list[e.AnyEvent]:
        return self.give(c.CancelStep(step=self.id(step), reason="taken back"), by=by)

    def fail(self, step: str, by: str = "ann") -> list[e.AnyEvent]:
        return self.give(c.FailStep(step=self.id(step), reason="did not work"), by=by)

    def reopen(self, step: str, by: str = "ann") -> list[e.AnyEvent]:
        return self.give(c.ReopenStep(step=self.at(step).id, reason="do it again"), by=by)

    def retry(self, step: str, by: str = "ann") -> list[e.AnyEvent]:
        return self.give(c.RetryStep(step=self.at(step).id), by=by)

    def sign(self, step: str, by: str, *, approved: bool = True, digest: str = "") -> list[e.AnyEvent]:
        found = self.at(step)
        bound = digest or self.at(found.subject).digest
        return self.give(
            c.Decide(step=found.id, digest=bound, approved=approved, reason="looked at it"), by=by
        )
