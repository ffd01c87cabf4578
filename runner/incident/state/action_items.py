"""Items of an action template: their filled requests, and what each of them needs next.

The requests are filled when an approval of them is asked for, and for the last time when the action starts. What was approved is what
runs: an approval binds to the digest of the filled requests, the template, and the account that the profile uses. Other items void it,
and so does reopening the action: an approval is for one run.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from runner.base.states import TaskState
from runner.facts.expression import Unknown
from runner.facts.expressions.evaluate import evaluate, merged
from runner.incident.state import events as e
from runner.incident.state.due_times import backoff
from runner.incident.state.expression_view import ScopeView, find_step
from runner.incident.state.incident import ActionItem, Attempt, Incident, Invocation
from runner.incident.state.library import Library
from runner.incident.state.steps import completion_state
from runner.playbook import format as p
from runner.playbook.action_template import (
    MOST,
    ActionTemplate,
    Filled,
    fill,
    input_problem,
    span,
    values_of,
)
from runner.playbook.parts import host_of

RETRY = p.Retry(times=4)
"""How often a throttled or unreachable service is tried, if the step does not say so."""


def is_on_list(value: str, name: str) -> bool:
    """Return whether a name of the never-list means a value; only ``*`` stands for other text."""
    pattern = ".*".join(map(re.escape, _plain(name).split("*")))
    return re.fullmatch(pattern, _plain(value), re.DOTALL) is not None


def _plain(text: str) -> str:
    """Return a name as services compare it: without case, letter width, spaces around it, and the dot that ends a host."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).strip().rstrip(".")


class ItemState(msgspec.Struct, frozen=True, kw_only=True):
    """What an item needs next: an attempt ``at`` a time, or nothing."""

    place: int
    name: str
    state: Literal["open", "done", "failed", "unknown"] = "open"
    why: str = ""
    at: datetime | None = None
    """When its next attempt may start; None before the first one."""
    verifies: bool = False
    receipt: str = ""


class ActionRun(msgspec.Struct, frozen=True):
    """An action template in one invocation, with all that its requests are made from."""

    incident: Incident
    invocation: Invocation
    step: p.Act
    template: ActionTemplate
    library: Library

    def fill(self) -> e.ActionFilled | Unknown:
        """Return the requests as the facts are now, of an open set those of its known items; Unknown with the missing facts."""
        items = self._items()
        return items if isinstance(items, Unknown) else self._filled(items)

    def refill(self) -> e.ActionFilled | None:
        """Return the new requests of an action that has not started; None if nothing changed."""
        now = self.fill() if self.invocation.state == "waiting" else Unknown()
        return None if isinstance(now, Unknown) or now.digest == self.invocation.digest else now

    def _filled(self, items: Sequence[ActionItem]) -> e.ActionFilled:
        by_hand = not self.library.acting.integrates(self.template.auth, host_of(self.template.http.url))
        checked = tuple(self._checked(item, 0 if by_hand else len(items)) for item in items)
        requests = [[item, *self.requests(item)] for item in checked]
        one = self.library.acting.auth.get(self.template.auth)
        account = (one.token_url, one.client_id, one.subject) if one is not None else ()
        run = (self.invocation.n, self.template, account, by_hand)
        bound = msgspec.json.encode((run, requests), order="deterministic")
        digest = f"sha256:{hashlib.sha256(bound).hexdigest()}"
        return e.ActionFilled(step=self.invocation.id, digest=digest, items=checked, by_hand=by_hand)

    def _items(self) -> tuple[ActionItem, ...] | Unknown:
        scope = self.incident.scopes[self.invocation.scope]
        view, each = ScopeView(self.incident, scope, self.library), self.step.for_each
        names = ("",) if each is None else evaluate(each, view)
        if not isinstance(names, tuple):
            return names if isinstance(names, Unknown) else Unknown(("a list",))
        found: list[ActionItem] = []
        missing: list[Unknown] = []
        known = tuple(dict.fromkeys(str(name) for name in names if not isinstance(name, Unknown)))
        if names and not known:
            return merged([name for name in names if isinstance(name, Unknown)])
        for name in known:
            own = msgspec.structs.replace(view, scope=msgspec.structs.replace(scope, item=name or scope.item))
            values = {key: evaluate(expression, own) for key, expression in self.step.inputs.items()}
            missing += [value for value in values.values() if isinstance(value, Unknown)]
            inputs = {key: str(value) for key, value in values.items()}
            found.append(ActionItem(item=name, inputs=inputs))
        return merged(missing) if missing else tuple(found)

    def _checked(self, item: ActionItem, count: int) -> ActionItem:
        """Return an item with the reason why the action does not run on it."""
        expects, never = self.template.expects, self.library.acting.never
        why = next(filter(None, (input_problem(expects[key], text) for key, text in item.inputs.items())), "")
        said = {
            item.item,
            *item.inputs.values(),
            *(() if why else values_of(self.template, item.inputs).values()),
        }
        if any(is_on_list(one, name) for one in said for name in never):
            why = "it is on the never-list of the settings"
        if count > MOST:
            why = f"{count} items are more than {MOST} in one run"
        return msgspec.structs.replace(item, refused=why)

    def requests(self, item: ActionItem) -> Iterator[Filled]:
        """Yield the requests of one item in the order of the template's; nothing for a refused item."""
        if item.refused:
            return
        own = {"incident": self.incident.id, "step": self.invocation.step}
        values = own | values_of(self.template, item.inputs)
        for _, request in self.template.requests():
            yield fill(request, values, self.library.acting.address(self.template.auth))

    def barred(self) -> str:
        """Return why the next attempt must not start, or the empty string."""
        given, needed = len(self._approvers()), self.template.approvers
        if given < needed:
            return f"{given} of {needed} approvals of exactly these requests"
        if self._filled(self.invocation.items).digest != self.invocation.digest:
            return "the settings of actions changed since its start: restore them, or do it by hand"
        known = self.incident.domains.get(self.template.depends)
        domain = known.own if known is not None else None  # another incident decides nothing here
        if (
            domain is not None
            and domain.state == "compromised"
            and self.invocation.retry_entry < domain.declared
        ):
            return f"it uses {domain.name}, which is compromised: retry runs it, or do it by hand"
        return ""

    def _approvers(self) -> set[str]:
        """Return the persons who approved exactly these requests, in approvals that are done."""
        digest, scopes = self.invocation.digest, self.incident.scopes
        gates = (self.incident.invocations[name] for name in self.incident.signed)
        return {
            one.by
            for gate in gates
            if gate.digest == digest
            and find_step(self.incident, scopes[gate.scope], gate.subject) == self.invocation
            for one in gate.approvals
            if one.approved and not one.void and not one.provisional and one.digest == digest
        }

    def states(self, attempts: Sequence[Attempt] | None = None) -> tuple[ItemState, ...]:
        """Return the state of every item after its attempts."""
        every = self.invocation.attempts if attempts is None else attempts
        return tuple(
            self._state(ItemState(place=place, name=item.name), item, [a for a in every if a.item == place])
            for place, item in enumerate(self.invocation.items)
        )

    def _state(self, state: ItemState, item: ActionItem, own: list[Attempt]) -> ItemState:
        retry = RETRY if self.step.retry == p.Retry() else self.step.retry
        if item.refused:
            return msgspec.structs.replace(state, state="failed", why=item.refused)
        done = next((a for a in reversed(own) if a.state == "accepted" and not a.verifies), None)
        if done is not None:
            return self._verified(state, done, [a for a in own if a.verifies])
        tries = [a for a in own if a.n > self.invocation.retried_at and not a.verifies]
        if not tries or tries[-1].state == "sending":
            return state
        last = tries[-1]
        ended = last.ended_at or last.started_at
        left = len(tries) <= retry.times or bool(last.resolved_by)
        if last.state == "unknown":
            left = left and (self.template.idempotent or self.step.on_unknown == "retry")
        if left and last.state != "rejected":
            return msgspec.structs.replace(
                state, at=ended if last.resolved_by else ended + backoff(retry, len(tries))
            )
        over: Literal["unknown", "failed"] = "unknown" if last.state == "unknown" else "failed"
        return msgspec.structs.replace(state, state=over, why=last.reason)

    def _verified(self, state: ItemState, done: Attempt, reads: list[Attempt]) -> ItemState:
        verify, since = self.template.verify, done.ended_at or done.started_at
        if verify is None or any(read.state == "accepted" for read in reads):
            return msgspec.structs.replace(state, state="done")
        again = ((reads[-1].ended_at or reads[-1].started_at) if reads else since) + span(verify.every)
        asked = bool(reads) and reads[-1].n <= self.invocation.retried_at
        if again > since + span(verify.until) and not asked:
            why = f"accepted, but the effect was not seen{f': {reads[-1].reason}' if reads else ''}"
            return msgspec.structs.replace(state, state="failed", why=why)
        return msgspec.structs.replace(state, at=again, verifies=True, receipt=done.provider_id)

    def next(self, now: datetime) -> ItemState:
        """Return the item with the next attempt: first those that were never tried, then the longest waiting."""
        waits = [state for state in self.states() if state.state == "open"]
        return min(waits, key=lambda state: (state.at is not None, state.at or now, state.place))

    def key(self, state: ItemState) -> str:
        """Return the idempotency key of an item: a new one only after a certain refusal."""
        own = [a for a in self.invocation.attempts if a.item == state.place and not a.verifies]
        doubtful = {a.key for a in own if a.state == "unknown"}
        anew = sum(a.state == "rejected" and a.key not in doubtful for a in own)
        text = f"{self.incident.id}|{self.invocation.id}|{state.place}|{anew}|{state.verifies}"
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def outcome(
        self, changed: Sequence[Attempt], now: datetime, pause: timedelta | None = None
    ) -> tuple[TaskState, datetime | None, str]:
        """Return the next state of the step after changed attempts, when it goes on, and for a person the items that are not done.

        A service that asks for a pause gets it for all items.
        """
        new = {attempt.n: attempt for attempt in changed}
        states = self.states([new.get(a.n, a) for a in self.invocation.attempts])
        waits = [state.at or now for state in states if state.state == "open"]
        if waits:
            return "active", max(min(waits), now + (pause or timedelta())), ""
        left = [state for state in states if state.state != "done"]
        if not left:
            return completion_state(self.invocation, now), None, ""
        listed = "; ".join(f"{state.name}: {state.why}" for state in left)
        why = f"{len(states) - len(left)} of {len(states)} done. Not done: {listed}"
        over: TaskState = "outcome_unknown" if any(s.state == "unknown" for s in left) else "failed"
        return over, None, why if self.step.on_failure == "ask" else ""


def action_run(incident: Incident, invocation: Invocation | None, library: Library) -> ActionRun | None:
    """Return the action template of an invocation, also if people do it by hand; None for other steps."""
    if invocation is None or invocation.kind not in ("act", "task"):
        return None
    step = library.body(incident.runs, incident.scopes[invocation.scope]).steps.get(invocation.step)
    if not isinstance(step, p.Act) or not step.use:
        return None
    return ActionRun(incident, invocation, step, library.action(incident, invocation, step), library)


def left_items(incident: Incident, invocation: Invocation, library: Library) -> dict[str, str]:
    """Return the items that an action did not do and leaves to people, each with the reason; without a list by its title."""
    run = action_run(incident, invocation, library)
    waits = invocation.state in ("outcome_unknown", "failed") or invocation.stuck
    if run is None or invocation.kind != "act" or not waits:
        return {}
    states = (state for state in run.states() if state.state != "done")
    return {state.name or run.template.title: state.why or "not tried" for state in states}
