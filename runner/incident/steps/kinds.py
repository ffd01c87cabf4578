"""The behaviour of each kind of step in an incident: its start, its automatic changes, and the work that it starts.

``KINDS`` at the end is the table, one line for each kind. It has the keys of ``runner.playbook.format.KINDS``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from runner.facts.expression import Unknown
from runner.facts.vocabulary.nested_facts import flatten
from runner.facts.vocabulary.register import FactChange, lookup
from runner.incident.law.decision_not_to_notify import approved
from runner.incident.messages.deliveries import message_state
from runner.incident.state import events as e
from runner.incident.state.action_items import ActionRun, action_run
from runner.incident.state.due_times import due_time
from runner.incident.state.expression_view import item_of
from runner.incident.state.incident import Incident, Invocation
from runner.incident.state.library import Library
from runner.incident.state.steps import completion_state
from runner.incident.state.work import AnyWork, Compose, DoAct, Render
from runner.incident.steps.approvals import authors, counted, quorum_events, subject
from runner.incident.steps.containers import keep_open, open_bodies
from runner.incident.steps.forms import form_digest, is_known
from runner.playbook import format as p

ACT_LIMIT = timedelta(seconds=60)
"""How long an automatic action may take if its step has no limit."""

Claim = tuple[e.AnyEvent | None, AnyWork]
"""An intent to commit first, if there is one, and the work that follows it."""


class Moment(msgspec.Struct, frozen=True):
    """An invocation to decide on, with the incident and the time."""

    incident: Incident
    invocation: Invocation
    now: datetime
    library: Library

    def ready(self, step: p.AnyStep, **fields: Any) -> e.StepReady:
        """Return the event that the step is ready, with its due time."""
        due = due_time(self.incident, self.invocation, step, self.now)
        return e.StepReady(step=self.invocation.id, due=due, **fields)

    def settled(self, why: str, digest: str = "") -> e.StepSettled:
        """Return the event that the program ends the step."""
        state = completion_state(self.invocation, self.now)
        return e.StepSettled(step=self.invocation.id, state=state, why=why, digest=digest)


Rule = Callable[[Moment, Any], Iterable[e.AnyEvent]]
"""Yield events for a step; a rule gets steps of its own kind only."""


def _nothing(_at: Moment, _step: p.AnyStep) -> Iterator[e.AnyEvent]:
    return iter(())


class StepKind(NamedTuple):
    """The behaviour of one kind: ``claim`` returns the work of a kind with an external effect, for a worker."""

    begin: Rule
    advance: Rule = _nothing
    claim: Callable[[Incident, Invocation, Any, str], Claim] | None = None


def begin(
    incident: Incident, invocation: Invocation, now: datetime, library: Library
) -> Iterator[e.AnyEvent]:
    """Yield the events by which an invocation starts."""
    at = Moment(incident, invocation, now, library)
    yield from KINDS[invocation.kind].begin(at, library.step(incident, invocation.id))


def advance(incident: Incident, name: str, now: datetime, library: Library) -> Iterator[e.AnyEvent]:
    """Yield the automatic changes of one active invocation; a failed or expired one waits for a person."""
    invocation = incident.invocations[name]
    if invocation.state not in ("failed", "expired"):
        at = Moment(incident, invocation, now, library)
        yield from KINDS[invocation.kind].advance(at, library.step(incident, name))


def _task(at: Moment, step: p.Task | p.Ask | p.Form | p.File) -> Iterator[e.AnyEvent]:
    yield at.ready(step, assignee=at.invocation.assignee or step.assignee)


def _ask(at: Moment, step: p.Ask) -> Iterator[e.AnyEvent]:
    if step.skip_if_known and is_known(at.incident, at.invocation, step):
        yield e.StepSettled(step=at.invocation.id, state="done", why="known already")
    else:
        yield from _task(at, step)


def _form(at: Moment, step: p.Form) -> Iterator[e.AnyEvent]:
    yield from _form_end(at, step, "known already") or _task(at, step)


def _form_end(at: Moment, step: p.Form, why: str = "no field is open") -> tuple[e.AnyEvent, ...]:
    """Return the end of a form whose fields are all closed, as by facts that others recorded."""
    digest = form_digest(at.incident, at.invocation, step, at.library)
    return () if digest is None else (msgspec.structs.replace(at.settled(why), digest=digest),)


def _approve(at: Moment, step: p.Approve) -> Iterator[e.AnyEvent]:
    yield at.ready(step, wake_at=None if step.expires is None else at.now + step.expires)


def _count_approvals(at: Moment, step: p.Approve) -> Iterator[e.AnyEvent]:
    bound = subject(at.incident, at.invocation, step)
    run = action_run(at.incident, bound, at.library)
    if run is not None and (new := run.refill()):
        yield new
    elif run is not None and run.invocation.digest and not run.invocation.items:
        yield at.settled("the action has no items", digest=run.invocation.digest)
    else:
        ended = tuple(quorum_events(at.incident, at.invocation, step, at.now))
        yield from ended
        if (
            step.not_to_notify
            and bound is not None
            and any(isinstance(one, e.StepSettled) and one.digest for one in ended)
        ):
            given = counted(at.invocation, bound.digest, authors(at.incident, bound))
            people = {one.by: one.os_user for one in given}
            people |= dict.fromkeys(sorted(authors(at.incident, bound) - people.keys()), "")
            yield from approved(at.incident, step.not_to_notify, people, at.now, at.library)


def _effect(at: Moment, step: p.AnyStep) -> Iterator[e.AnyEvent]:
    yield at.ready(step, state="active", wake_at=at.now)


def _message(at: Moment, step: p.Message) -> Iterator[e.AnyEvent]:
    if at.invocation.message:
        yield from message_state(at.incident, at.invocation, step, at.now)


def _compose(incident: Incident, invocation: Invocation, step: p.Message, _worker: str) -> Claim:
    return None, Compose(incident=incident.id, step=invocation.id, template=step.message, to=step.to)


def _render(incident: Incident, invocation: Invocation, step: p.Notice, _worker: str) -> Claim:
    duty = item_of(incident, incident.scopes[invocation.scope], step.duty)
    render = Render(
        incident=incident.id, step=invocation.id, notice=step.notice, duty=duty, formats=step.formats
    )
    return None, render


def _act(at: Moment, step: p.Act) -> Iterator[e.AnyEvent]:
    """Without a due time, the first attempt of an action also says that it is ready: two events, not three.

    An action template starts with its filled requests: as a task without the integration, at once done without items.
    """
    run = action_run(at.incident, at.invocation, at.library)
    if run is not None:
        yield from _template(at, run)
        return
    ready = at.ready(step, state="active", wake_at=at.now)
    if ready.due is not None or at.invocation.id not in at.incident.agenda:
        yield ready


def _template(at: Moment, run: ActionRun) -> Iterator[e.AnyEvent]:
    new = run.fill()
    if isinstance(new, Unknown):  # a ready step has all facts
        return
    if new.digest != at.invocation.digest:
        yield new
    if not new.items:
        yield at.settled("no items")
    elif new.by_hand:
        yield at.ready(run.step, assignee=at.invocation.assignee or run.step.assignee)
    else:
        yield at.ready(run.step, state="active", wake_at=at.now)


def _act_barred(at: Moment, _step: p.Act) -> Iterator[e.AnyEvent]:
    run, wake_at = action_run(at.incident, at.invocation, at.library), at.invocation.wake_at
    due = wake_at is not None and wake_at <= at.now and not at.invocation.stuck
    if run is None or not due:
        return
    state, again, left = run.outcome((), at.now)
    if why := run.barred():
        yield e.StepStuck(step=at.invocation.id, why=why)
    elif again is None:  # every item is refused
        yield e.StepSettled(step=at.invocation.id, state=state, why=left)


def _key(incident: Incident, invocation: Invocation) -> str:
    """Return the idempotency key of an action: a new one only after a person retried a refused action."""
    anew = f"|{invocation.generation}" if invocation.generation else ""
    return hashlib.sha256(f"{incident.id}|{invocation.id}{anew}".encode()).hexdigest()[:32]


def _intent(incident: Incident, invocation: Invocation, worker: str) -> e.AttemptStarted:
    n, key = len(invocation.attempts) + 1, _key(incident, invocation)
    return e.AttemptStarted(effect=invocation.id, n=n, key=key, worker=worker)


def claim_act(
    incident: Incident, invocation: Invocation, step: p.Act, worker: str, run: ActionRun | None = None
) -> Claim:
    """Return the next attempt of an action; of an action template, for the next of its items."""
    claim, of_template = _intent(incident, invocation, worker), dict[str, Any]()
    if run is not None:
        state = run.next(invocation.wake_at or incident.opened_at)
        claim = msgspec.structs.replace(claim, key=run.key(state), item=state.place, verifies=state.verifies)
        of_template = {"run": run, "item": state}
    limit = step.timeout if step.timeout is not None else ACT_LIMIT
    work = DoAct(
        incident=incident.id,
        step=claim.effect,
        n=claim.n,
        key=claim.key,
        action=step,
        time_limit=limit,
        **of_template,
    )
    return claim, work


def _duties(at: Moment, step: p.Duties) -> Iterator[e.AnyEvent]:
    yield at.ready(step, state="active")


def _assessed(at: Moment, _step: p.Duties) -> Iterator[e.AnyEvent]:
    if at.incident.assessed and not at.incident.assess:
        yield at.settled("assessed")
    elif not at.library.regimes and not at.invocation.stuck:
        why = "no law is pinned to this incident"
        yield e.StepStuck(step=at.invocation.id, why=why)


def _wait(at: Moment, step: p.Wait) -> Iterator[e.AnyEvent]:
    wait, wake_at = step.wait, None
    if wait.duration is not None:
        wake_at = at.now + wait.duration
    elif wait.until:
        wake_at = datetime.fromisoformat(wait.until)
    yield at.ready(step, state="active", wake_at=wake_at)


def _wait_end(at: Moment, step: p.Wait) -> Iterator[e.AnyEvent]:
    if _waited(at, step.wait):
        yield at.settled("the wait has ended")


def _waited(at: Moment, wait: p.WaitFor) -> bool:
    incident, invocation = at.incident, at.invocation
    if invocation.wake_at is not None and invocation.wake_at <= at.now:
        return True
    if wait.fact:
        return not isinstance(lookup(incident.facts, wait.fact), Unknown)
    if wait.duty:
        duty = incident.duties.get(item_of(incident, incident.scopes[invocation.scope], wait.duty))
        settled = duty is not None and duty.record is not None and duty.record.kind == wait.state
        return settled or (duty is not None and duty.verdict == wait.state)
    return False


def _open(at: Moment, step: p.Group | p.Repeat | p.Call) -> Iterator[e.AnyEvent]:
    yield at.ready(step, state="active")
    yield from open_bodies(at.incident, at.invocation, step, at.library)
    if isinstance(step, p.Call):
        run = at.incident.runs[at.incident.scopes[at.invocation.scope].run]
        yield from assumed_facts(at.incident, at.library.plans[run.plan].playbook(step.name))


def assumed_facts(incident: Incident, playbook: p.Playbook) -> Iterator[e.FactsRecorded]:
    """Yield the facts that a playbook assumes at its start; a fact that a person recorded is never changed."""
    leaves = (leaf.stated for leaf in flatten("", playbook.facts, lambda _checked: None))
    changes = tuple(
        FactChange(
            key=stated.key,
            value=msgspec.Raw(msgspec.json.encode(stated.value)),
            source=f"playbook {playbook.name}",
            confidence="assumed",
        )
        for stated in leaves
        if stated.key not in incident.facts and isinstance(lookup(incident.facts, stated.key), Unknown)
    )
    if changes:
        yield e.FactsRecorded(facts=changes, by="")


def _keep_open(at: Moment, step: p.Group | p.Repeat | p.Call) -> Iterator[e.AnyEvent]:
    yield from keep_open(at.incident, at.invocation, step, at.now, at.library)


KINDS: Mapping[str, StepKind] = {
    "task": StepKind(_task),
    "ask": StepKind(_ask),
    "form": StepKind(_form, _form_end),
    "approve": StepKind(_approve, _count_approvals),
    "message": StepKind(_effect, _message, _compose),
    "notice": StepKind(_effect, claim=_render),
    "file": StepKind(_task),
    "duties": StepKind(_duties, _assessed),
    "act": StepKind(_act, _act_barred, claim_act),
    "wait": StepKind(_wait, _wait_end),
    "playbook": StepKind(_open, _keep_open),
    "group": StepKind(_open, _keep_open),
    "repeat": StepKind(_open, _keep_open),
}
