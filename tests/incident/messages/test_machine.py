"""Any order of commands, outcomes, crashes and hours over small playbooks: what must hold after every one of them.

The world is that of ``scenario``. Rules draw whatever a person or the program could do next, whether it is allowed or
not; a refusal must change nothing. The invariants are the promises of the engine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from runner.app.core import snapshots
from runner.errors import Refused
from runner.incident.messages.deliveries import delivery_events, next_action
from runner.incident.messages.escalation import called_off
from runner.incident.messages.failover import Send, WaitUntil
from runner.incident.state import commands as c
from runner.incident.state import events as e
from runner.incident.state.expression_view import outwards
from runner.incident.state.incident import Incident, Invocation
from runner.incident.state.quorum import Answers, quorum_met
from runner.incident.state.work import Announce, AnyWork, Compose, Deliver, DoAct, Render
from runner.incident.turn.claims import claims
from runner.incident.turn.fold import fold
from runner.incident.turn.settle import number, settle
from runner.playbook import format as p
from runner.routing.messaging import EVIDENCE, MessageClass, SendResult
from tests.drawn import INNER, bodies
from tests.scenario import ACCEPTED, HOUR, MINUTE, NOT_SENT, REJECTED, THROTTLED, UNKNOWN, World, change

PEOPLE = ("ann", "bob", "cid")
ROLES = {"lead": "ann bob", "counsel": "bob cid"}
RESULTS = (ACCEPTED, ACCEPTED, ACCEPTED, REJECTED, UNKNOWN, THROTTLED, NOT_SENT)
VALUES: dict[str, list[Any]] = {
    "data.encrypted": [True, False, None],
    "people.total": [3, 9, None],
    "data.elements": [["ssn"], ["ssn", "name"], [], None],
    "incident.aware_at": ["2026-11-24T08:00:00Z", "2026-11-24T10:00:00Z", None],
}
AGAINST = (c.SkipStep, c.CancelStep, c.FailStep, c.ReopenStep, c.RetryStep)
CALLING = tuple(
    MessageClass(
        name=f"calling-{quorum}",
        goal="acked",
        ack_quorum=quorum,
        fail_over_after=5 * MINUTE,
        stale_after=12 * HOUR,
        escalate_after=15 * MINUTE,
        remind_after=30 * MINUTE,
        re_remind_after=HOUR,
        reminders=2,
        tell_acknowledged=True,
    )
    for quorum in ("any", "all", 2, "each_role")
)
CLASSES = (
    MessageClass(name="easy"),
    MessageClass(name="careful", on_unknown="ask", duplicate_tolerance="harmful", ack_quorum="all"),
    MessageClass(name="urgent", goal="acked", first_wave=2, fail_over_after=5 * MINUTE, stale_after=2 * HOUR),
    *CALLING,
)
STAND_INS = {"ann": "dee", "bob": "cid", "cid": "dee"}


class Machine(RuleBasedStateMachine):
    """One incident, three persons, several workers, and a process that can die at any time."""

    world: World

    @initialize(steps=bodies(), kind=st.sampled_from(CLASSES))
    def open(self, steps: tuple[p.AnyStep, ...], kind: MessageClass) -> None:
        self.start(
            World(*steps, includes=[INNER], roles=ROLES, message_class=kind, stand_ins=STAND_INS, above="eve")
        )

    def start(self, world: World) -> None:
        """Take a world, and remember nothing of another."""
        self.world = world
        self.pending: list[AnyWork] = []
        self.ended: dict[str, Any] = {}
        self.seen = 0
        self.proved: dict[tuple[str, int], int] = {}

    def effects(self) -> list[Any]:
        """Return everything that can have attempts."""
        return [*self.world.incident.deliveries.values(), *self.world.incident.invocations.values()]

    def give(self, *commands: c.AnyCommand, by: str = "") -> None:
        """Give commands; a refusal changes nothing."""
        before = self.world.incident
        try:
            self.world.give(*commands, by=by)
        except Refused:
            assert self.world.incident is before

    def pick(self, data: st.DataObject) -> Invocation:
        """Return any invocation, open ones more often than ended ones."""
        every = list(self.world.incident.invocations.values())
        return data.draw(st.sampled_from([i for i in every if i.id in self.world.incident.active] or every))

    # --- people -------------------------------------------------------------------------------------------

    @rule(data=st.data(), count=st.integers(1, 6))
    def go_on(self, data: st.DataObject, count: int) -> None:
        """Do some of what is open, as people and the program would on a good day."""
        for _ in range(count):
            data.draw(st.sampled_from(self.possible(data)))()

    @rule(data=st.data(), count=st.integers(1, 6))
    def go_on_further(self, data: st.DataObject, count: int) -> None:
        self.go_on(data, count)

    def possible(self, data: st.DataObject) -> list[Callable[[], None]]:
        """Return what would bring the incident forward now."""
        found, by = self.world.incident, data.draw(st.sampled_from(PEOPLE))
        moves: list[Callable[[], None]] = [
            partial(self.work_for_a_while, [data.draw(st.sampled_from(RESULTS))])
        ]
        for invocation in found.invocations.values():
            if invocation.state in ("ready", "failed", "expired", "outcome_unknown") or invocation.stuck:
                moves.append(partial(self.give, self.fitting(invocation, data), by=by))
            moves.extend(partial(self.learn, fact, data) for fact in invocation.missing if fact in VALUES)
        look = self.world.next_look()
        if look is not None:
            moves.append(partial(self.time_passes, max(look - self.world.now, timedelta())))
        return moves

    def fitting(self, one: Invocation, data: st.DataObject) -> c.AnyCommand:
        """Return a command that fits an open step."""
        if one.stuck or one.state != "ready":
            make: Any = data.draw(st.sampled_from([c.RetryStep, c.SkipStep]))
            return make(step=one.id, reason="because")
        match one.kind:
            case "ask":
                value = data.draw(st.sampled_from(VALUES[one.sets][:2]))
                return c.Answer(step=one.id, change=change(one.sets, value))
            case "form":
                path = data.draw(st.sampled_from(one.fields))
                value = data.draw(st.sampled_from([*VALUES[path][:2], None]))
                return c.AnswerForm(step=one.id, changes=(change(path, value),))
            case "approve":
                bound = [i for i in self.world.incident.invocations.values() if i.step == one.subject]
                return c.Decide(step=one.id, digest=bound[-1].digest if bound else "", approved=True)
            case "file":
                return c.SkipStep(step=one.id, reason="by hand")
            case _:
                return c.CompleteTask(step=one.id)

    @rule(data=st.data(), by=st.sampled_from(PEOPLE))
    def work_on_a_step(self, data: st.DataObject, by: str) -> None:
        name = self.pick(data).id
        make = data.draw(st.sampled_from([c.StartTask, c.CompleteTask, c.CompleteTask, c.CompleteTask]))
        self.give(make(step=name), by=by)

    @rule(data=st.data(), by=st.sampled_from(PEOPLE))
    def decide_against_a_step(self, data: st.DataObject, by: str) -> None:
        every = list(self.world.incident.invocations.values())
        name = data.draw(st.sampled_from(every)).id
        make: Any = data.draw(st.sampled_from(AGAINST))
        self.give(make(step=name, reason="because"), by=by)

    @rule(data=st.data(), by=st.sampled_from(PEOPLE), value=st.sampled_from([True, False, 3, 9, None]))
    def answer(self, data: st.DataObject, by: str, value: object) -> None:
        invocation = self.pick(data)
        if value is None:
            self.give(c.AnswerUnknown(step=invocation.id, ask_again=self.world.now + HOUR), by=by)
        else:
            self.give(
                c.Answer(step=invocation.id, change=change(invocation.sets or "people.total", value)), by=by
            )

    @rule(data=st.data(), by=st.sampled_from(PEOPLE), approved=st.sampled_from([True, True, True, False]))
    def sign(self, data: st.DataObject, by: str, approved: bool) -> None:
        invocations = [
            i for i in self.world.incident.invocations.values() if i.kind == "approve" and not i.over
        ]
        if invocations:
            found = data.draw(st.sampled_from(invocations))
            digests = {i.digest for i in self.world.incident.invocations.values() if i.step == found.subject}
            digest = data.draw(st.sampled_from(sorted(digests | {"sha256:none"})))
            self.give(c.Decide(step=found.id, digest=digest, approved=approved, reason="looked"), by=by)

    @rule(fact=st.sampled_from(sorted(VALUES)), data=st.data())
    def learn(self, fact: str, data: st.DataObject) -> None:
        learned = change(fact, data.draw(st.sampled_from(VALUES[fact])))
        self.give(c.RecordFacts(changes=(learned,)), by="ann")

    @rule(
        role=st.sampled_from(["lead", "counsel"]),
        persons=st.lists(st.sampled_from(PEOPLE), min_size=1, unique=True),
    )
    def assign_a_role(self, role: str, persons: list[str]) -> None:
        self.give(c.AssignRole(role=role, persons=tuple(persons)))

    @rule(data=st.data(), happened=st.booleans())
    def resolve_what_is_unknown(self, data: st.DataObject, happened: bool) -> None:
        effects = [effect.id for effect in self.effects() if effect.attempts]
        if effects:
            effect = data.draw(st.sampled_from(effects))
            self.give(c.ResolveAttempt(effect=effect, happened=happened, reason="asked"), by="ann")

    @rule(data=st.data(), make=st.sampled_from(["call", "nobody", "again"]))
    def take_a_delivery_in_hand(self, data: st.DataObject, make: str) -> None:
        if self.world.incident.deliveries:
            name = data.draw(st.sampled_from(sorted(self.world.incident.deliveries)))
            if make == "again":
                self.give(c.Resend(delivery=name, reason="again"), by="ann")
            else:
                self.give(c.ReportCall(delivery=name, reached=make == "call"), by="ann")

    @rule(data=st.data(), swappable=st.booleans(), token=st.sampled_from(["", "t1", "t2"]))
    def somebody_says_that_they_have_it(self, data: st.DataObject, swappable: bool, token: str) -> None:
        """Whoever it went to, the way it came, however often; now and then somebody else."""
        if self.world.incident.deliveries:
            name = data.draw(st.sampled_from(sorted(self.world.incident.deliveries)))
            person = self.world.incident.deliveries[name].person
            by = data.draw(st.sampled_from([person, person, person, "ann"]))
            self.give(
                c.Acknowledge(delivery=name, person=by, via="button", token=token, sim_swappable=swappable)
            )

    @rule(domain=st.sampled_from(["mail", "sms"]), state=st.sampled_from(["compromised", "up"]))
    def declare_a_domain(self, domain: str, state: Any) -> None:
        self.give(c.DeclareDomain(domain=domain, state=state, since=self.world.now), by="ann")

    @rule(wanted=st.integers(0, 3))
    def pause_or_resume(self, wanted: int) -> None:
        """A pause does not last long: most rules would find nothing to do."""
        if wanted and self.world.incident.state == "open":
            return
        paused = self.world.incident.state == "paused"
        self.give(c.Resume() if paused else c.Pause(reason="wait"))

    @precondition(lambda self: len(self.world.journal) > 40)
    @rule(cancel=st.booleans())
    def end_the_incident(self, cancel: bool) -> None:
        self.give(c.CancelIncident(reason="over") if cancel else c.Close(reason="over"), by="ann")

    @rule(steps=bodies(1))
    def migrate(self, steps: tuple[p.AnyStep, ...]) -> None:
        version = f"{len(self.world.journal)}.0.0"
        before = self.world.incident
        ended = {i.id: i for i in before.invocations.values() if i.over}
        try:
            self.world.migrate(*steps, version=version, includes=[INNER])
        except Refused:
            assert self.world.incident is before
        for name, one in ended.items():
            assert self.world.incident.invocations[name].state in (one.state, "active")

    # --- the program --------------------------------------------------------------------------------------

    @rule(by=st.sampled_from([timedelta(), MINUTE, HOUR, 3 * HOUR]))
    def time_passes(self, by: timedelta) -> None:
        self.world.advance(by)

    @rule(worker=st.sampled_from(["w1", "w2"]))
    def claim(self, worker: str) -> None:
        self.pending.extend(self.world.claim(worker))

    @precondition(lambda self: self.pending)
    @rule(data=st.data(), result=st.sampled_from(RESULTS))
    def perform(self, data: st.DataObject, result: SendResult) -> None:
        self.report(self.pending.pop(data.draw(st.integers(0, len(self.pending) - 1))), result)

    @rule(results=st.lists(st.sampled_from(RESULTS), min_size=1, max_size=6))
    def work_for_a_while(self, results: list[SendResult]) -> None:
        for result in results:
            self.pending.extend(self.world.claim("w3"))
            if self.pending:
                self.report(self.pending.pop(0), result)

    def report(self, work: AnyWork, result: SendResult) -> None:
        """Say what became of a piece of work; a notice has other bytes unless all is well."""
        match work:
            case Deliver():
                self.give(c.AttemptDone(effect=work.delivery, n=work.n, result=result))
            case DoAct():
                self.give(c.AttemptDone(effect=work.step, n=work.n, result=result))
            case Announce() if result is REJECTED:
                self.give(c.NotAnnounced(message=work.message, why="could not"))
            case Compose() | Render() if result is REJECTED:
                self.give(c.EffectFailed(step=work.step, why="could not"))
            case _:
                other = (
                    {} if result is ACCEPTED else dict.fromkeys("abcd", f"sha256:{len(self.world.journal)}")
                )
                self.world.digests = other
                self.give(self.world.outcome(work))

    @rule()
    def the_process_dies(self) -> None:
        self.pending.clear()
        self.world.crash()
        self.world.recover()

    @rule()
    def a_late_worker_reports_what_was_given_up(self) -> None:
        lost = [
            c.AttemptDone(effect=effect.id, n=attempt.n, result=ACCEPTED)
            for effect in self.effects()
            for attempt in effect.attempts
            if attempt.state == "unknown"
        ]
        self.give(*lost[:1])

    # --- what must hold -----------------------------------------------------------------------------------

    @invariant()
    def settling_again_gives_nothing(self) -> None:
        found, followed = settle(self.world.incident, self.world.now, self.world.library)
        assert followed == ()
        assert found == self.world.incident

    @invariant()
    def the_journal_tells_the_same_incident(self) -> None:
        assert self.world.replayed() == self.world.incident

    @invariant()
    def a_snapshot_is_the_same_incident_and_goes_on_as_one(self) -> None:
        assert snapshots.decode(snapshots.encode(self.world.incident)) == self.world.incident
        *before, last = self.world.journal
        if before:
            kept = snapshots.decode(snapshots.encode(self.world.folded(before, self.world.library)))
            assert fold(kept, [last], self.world.library) == self.world.incident

    @invariant()
    def every_event_survives_its_own_bytes(self) -> None:
        for one in self.world.journal[-12:]:
            told = e.decode(e.encode(one.event))
            assert told == one.event
            assert e.encode(told) == e.encode(one.event)

    @invariant()
    def scopes_count_what_is_open_in_them(self) -> None:
        found = self.world.incident
        counted = Counter(i.scope for i in found.invocations.values() if not i.over)
        assert {scope.id: scope.open for scope in found.scopes.values()} == {
            name: counted[name] for name in found.scopes
        }

    @invariant()
    def indexes_are_what_they_say(self) -> None:
        found = self.world.incident
        begun = {i.id for i in found.invocations.values() if not i.over and i.state != "waiting"}
        assert found.active == begun
        waiting = {i.id for i in found.invocations.values() if i.state == "waiting"}
        joined = {name for name in waiting if self._joined(found, name)}
        assert (found.agenda | found.blocked) - begun == joined
        assert not found.agenda & (found.blocked | begun)
        assert found.blocked == {i.id for i in found.invocations.values() if i.missing and not i.over}
        assert found.sending == {
            f"{effect.id}|{attempt.n}"
            for effect in self.effects()
            for attempt in effect.attempts
            if attempt.state == "sending"
        }
        assert found.moving == {d.id for d in found.deliveries.values() if d.state == "active"}
        assert found.looks.keys() | found.sends.keys() <= found.moving
        assert found.lapsing <= {d.id for d in found.deliveries.values() if d.state == "satisfied"}

    @invariant()
    def the_times_of_deliveries_are_those_that_looking_at_each_would_find(self) -> None:
        found, now = self.world.incident, self.world.now
        for name in found.moving if found.state == "open" else ():
            events = list(delivery_events(found, name, now, Answers(found)))
            comes = next_action(found, found.deliveries[name], now)
            assert events == []
            assert (name in found.sends and found.sends[name] <= now) == isinstance(comes, Send)
            if isinstance(comes, WaitUntil):
                times = [table[name] for table in (found.looks, found.sends) if name in table]
                assert min(times) >= comes.instant or found.deliveries[name].waits

    def _joined(self, found: Incident, name: str) -> bool:
        invocation = found.invocations[name]
        scope = found.scopes[invocation.scope]
        definition = self.world.library.step(found, name)
        before = self._before(scope.id, definition)
        invocations = [i for i in before if i.over and i.state not in ("not_applicable", "cancelled")]
        return all(i.over for i in before) or (definition.after.join == "any" and bool(invocations))

    def _before(self, scope: str, definition: p.AnyStep) -> list[Invocation]:
        """Return what stands before a step where both were opened."""
        names = [self.world.incident.latest.get(f"{scope}|{name}") for name in definition.after.steps]
        return [self.world.incident.invocations[name] for name in names if name is not None]

    @invariant()
    def what_has_ended_stays_ended_but_for_an_event_that_says_so(self) -> None:
        """A container comes to life again only by what was reopened in it; nothing else ever does."""
        found = self.world.incident
        said = [type(one.event) for one in self.world.journal[self.seen :]]
        for name, (state, at) in self.ended.items():
            one = found.invocations[name]
            if one.kind in ("group", "repeat", "playbook") and not one.over:
                assert set(said) & {e.StepReopened, e.ApprovalVoided, e.PlaybookMigrated}
            else:
                assert (one.state, one.ended_at) == (state, at) or one.kind in ("group", "repeat", "playbook")
        self.seen = len(self.world.journal)
        self.ended = {i.id: (i.state, i.ended_at) for i in found.invocations.values() if i.over}

    @invariant()
    def no_author_and_no_stranger_signs(self) -> None:
        for invocation in self.world.incident.invocations.values():
            if invocation.kind != "approve" or invocation.state not in ("done", "done_late"):
                continue
            voices = {
                a.by
                for a in invocation.approvals
                if a.approved and not a.void and a.digest == invocation.digest
            }
            assert voices
            author = self._author_then(invocation)
            assert voices - {author}

    def _author_then(self, signed: Invocation) -> str:
        found = self.world.incident
        makers = [
            i for i in found.invocations.values() if i.step == signed.subject and i.digest == signed.digest
        ]
        return makers[-1].ended_by if len(makers) == 1 else ""

    @invariant()
    def no_outcome_without_an_intent_and_no_two_intents_at_once(self) -> None:
        sending: Counter[str] = Counter()
        started: set[tuple[str, int]] = set()
        for one in self.world.journal:
            match one.event:
                case e.AttemptStarted(effect=effect, n=n, key=key):
                    assert (effect, n) not in started
                    assert sending[key] == 0
                    started.add((effect, n))
                    sending[key] += 1
                case e.AttemptEnded(effect=effect, n=n):
                    assert (effect, n) in started
                    sending = Counter({k: v for k, v in sending.items() if k != self._key(effect, n)})
                case _:
                    pass

    def _key(self, effect: str, n: int) -> str:
        found = self.world.incident
        holder = found.deliveries.get(effect) or found.invocations[effect]
        return next(attempt.key for attempt in holder.attempts if attempt.n == n)

    @invariant()
    def when_nothing_is_due_nothing_can_happen(self) -> None:
        """No work, no time to wait for, nobody asked, nothing known to be missing: then all of it is over."""
        found, world = self.world.incident, self.world
        if found.state != "open" or found.sending:
            return
        if any(claims(found, world.now, world.library, "w")) or world.next_look() is not None:
            return
        for invocation in found.invocations.values():
            if (
                invocation.over
                or invocation.stuck
                or invocation.missing
                or invocation.state in ("failed", "expired", "outcome_unknown")
            ):
                continue
            asks = invocation.kind in ("task", "ask", "form", "approve", "file") and invocation.state in (
                "ready",
                "active",
            )
            waits = invocation.kind == "wait" and invocation.state == "active"
            doubt = bool(invocation.message) and any(
                found.deliveries[name].stuck or found.deliveries[name].state != "active"
                for name in found.messages[invocation.message].deliveries
            )
            assert asks or waits or doubt or self._holds_on(invocation), f"{invocation.id} can never end"

    def _holds_on(self, one: Invocation) -> bool:
        """A container waits for what is in it, and a waiting step for a step before it that is open."""
        found = self.world.incident
        if one.state == "waiting":
            scope = found.scopes[one.scope]
            definition = self.world.library.step(found, one.id)
            before = [
                found.invocations[found.latest[f"{scope.id}|{name}"]] for name in definition.after.steps
            ]
            return any(not i.over for i in before)
        return any(found.scopes[name].open for name in one.scopes)

    @invariant()
    def the_next_look_lies_ahead_or_there_is_work(self) -> None:
        world = self.world
        look = world.next_look()
        if look is not None and look <= world.now:
            assert any(claims(world.incident, world.now, world.library, "w"))

    @invariant()
    def a_level_is_told_once_and_nobody_of_it_before(self) -> None:
        told: set[tuple[str, int]] = set()
        found = self.world.incident
        by_hand = {
            one.event.delivery for one in self.world.journal if isinstance(one.event, e.DeliveryResent)
        }
        for one in self.world.journal:
            match one.event:
                case e.LevelFired(message=message, level=level, passed_over=missed):
                    assert (message, level) not in told
                    told |= {(message, level), *((message, other) for other in missed)}
                case e.AttemptStarted(effect=effect) if effect in found.deliveries and effect not in by_hand:
                    delivery = found.deliveries[effect]
                    assert delivery.level == 0 or (delivery.message, delivery.level) in told
                case _:
                    pass

    @invariant()
    def nothing_is_claimed_after_enough_people_have_answered(self) -> None:
        found, world = self.world.incident, self.world
        if found.state != "open":
            return
        for intent, _ in claims(found, world.now, world.library, "w"):
            if isinstance(intent, e.AttemptStarted) and intent.effect in found.deliveries:
                delivery = found.deliveries[intent.effect]
                kind = found.messages[delivery.message].message_class
                assert delivery.lapsed or not (kind.wants_answer and quorum_met(found, delivery.message))

    @invariant()
    def what_is_proved_is_lost_only_when_a_person_sends_it_again(self) -> None:
        proved: dict[tuple[str, int], int] = {}
        found = self.world.incident
        for delivery in found.deliveries.values():
            proved[delivery.id, delivery.generation] = EVIDENCE.index(delivery.evidence)
        for name, rank in self.proved.items():
            assert proved.get(name, rank) >= rank
        self.proved = proved

    @invariant()
    def a_message_that_nobody_answered_ends_in_a_call(self) -> None:
        """Never in silence: what is over, still wanted and not answered is either stuck or owed a call."""
        found = self.world.incident
        if found.state != "open":
            return
        for message in found.messages.values():
            mine = [found.deliveries[name] for name in message.deliveries]
            if not mine or message.about or any(one.state == "active" for one in mine):
                continue
            if any(called_off(found, one) for one in mine) or quorum_met(found, message.id):
                continue
            assert message.owed is not None, message.id

    @invariant()
    def what_is_inside_a_container_that_ended_has_ended(self) -> None:
        found = self.world.incident
        for invocation in found.invocations.values():
            if not invocation.over:
                around = outwards(found, found.scopes[invocation.scope])
                assert all(not scope.parent or not found.invocations[scope.parent].over for scope in around)

    @invariant()
    def a_crash_before_the_append_loses_only_what_was_not_claimed(self) -> None:
        found, world = self.world.incident, self.world
        intents = [intent for intent, _ in claims(found, world.now, world.library, "w") if intent is not None]
        claimed = fold(found, number(found, world.now, intents), world.library)
        again = [intent for intent, _ in claims(claimed, world.now, world.library, "w") if intent is not None]
        assert again == []


TestMachine = Machine.TestCase
TestMachine.settings = settings(
    max_examples=120,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
