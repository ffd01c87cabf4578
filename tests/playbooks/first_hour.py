"""Measure of a playbook: every person step is done exactly when it is due, and every answer opens the most steps.

The real engine plays the playbook in virtual time. ``python -m tests.playbooks.first_hour NAME --profile small`` prints which
steps are open at each moment, and for whom.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import cache, cached_property
from typing import Any

import msgspec

from runner.base.states import PROFILES, Profile
from runner.errors import Refused
from runner.facts.expression import Compare, Const, Expression, FactRef, Unknown, Value, walk
from runner.facts.expressions.evaluate import truth
from runner.facts.vocabulary.fact_types import FactType
from runner.facts.vocabulary.lookup import find
from runner.facts.vocabulary.register import Fact, lookup
from runner.incident.state import commands as c
from runner.incident.state.incident import Invocation, Run
from runner.incident.state.steps import step_path, step_path_with_items
from runner.law.duty import DutyRecord
from runner.law.regime import Regime
from runner.playbook import format as p
from runner.playbook.bundle import load_bundle
from runner.playbook.catalogue import Catalog, shipped_folder
from runner.playbook.playbook_test_file import paths, roles_of
from runner.playbook.profiles import bundle_of_profile
from runner.routing.messaging import MessageClass
from tests.law.test_reach import GERMAN
from tests.scenario import HOUR, T0, World, change, law

LIMITS: Mapping[Profile, tuple[int, int]] = {"small": (7, 3), "large": (12, 3)}
"""The most person steps open at once, and the most for one person."""
MERGED = {
    **dict.fromkeys(("deputy_commander", "scribe", "communications"), "commander"),
    "dpo": "counsel",
    **dict.fromkeys(("containment", "investigation", "identity", "recovery"), "technical"),
}
"""Roles of the small profile that one person has together."""
LAWS = law("eu-gdpr-33-controller-sa", "eu-gdpr-34-data-subjects")
GERMAN_COMPANY = {f"organisation.{name}": value for name, value in GERMAN["organisation"].items()}
END = timedelta(days=120)
WITHOUT_DUE = 4 * HOUR
"""When a step without a due time is done."""
PEOPLE_FOUND: Mapping[str, Any] = {
    "people.total": 1500,
    "people.by_jurisdiction.DE": 1500,
    "people.kinds": ["customers"],
    "data.elements": ["name", "contact", "ssn"],
    "data.form": ["electronic"],
    "data.with_name": True,
    "incident.impact": ["confidentiality"],
    "risk.to_people": "high",
}
"""Facts that a person finds out, if the incident waits for one of them and no question asks for it."""
CHOSEN: Mapping[str, Any] = {"risk.to_people": "high", "data.involved": True}


class Opened(msgspec.Struct, frozen=True):
    """One open person step: its path, whose work it is, and when it is due."""

    step: str
    people: tuple[str, ...]
    due: timedelta | None


class Measure(msgspec.Struct, frozen=True):
    """What a play of one profile shows."""

    person_steps: int
    undated: tuple[str, ...]
    """Person steps without a due time."""
    moments: tuple[tuple[timedelta, tuple[Opened, ...]], ...]
    """The open person steps after each change."""
    ended: Mapping[str, timedelta]
    """When each step was first done."""
    contained: tuple[tuple[str, timedelta], ...]
    """The containment steps of people and actions in the order in which they were done."""

    @property
    def most_open(self) -> int:
        """The most person steps that are open at once."""
        return max((len(opened) for _, opened in self.moments), default=0)

    @property
    def most_for_one(self) -> tuple[int, str]:
        """The most person steps that one person has open at once, and the person."""
        found = [(n, person) for _, opened in self.moments for person, n in loads(opened).items()]
        return max(found, default=(0, ""))


def by_people(step: p.AnyStep) -> bool:
    """Tell whether people do a step; an action of a template is a task without its integration."""
    return step.__struct_config__.tag in p.PEOPLE or (isinstance(step, p.Act) and bool(step.use))


def loads(opened: Iterable[Opened]) -> Counter[str]:
    """Count the open steps of each person."""
    return Counter(person for one in opened for person in one.people)


class _Guess:
    """The known facts with one more, and steps that are done; nothing is known about duties."""

    def __init__(self, facts: Mapping[str, Fact], path: str, value: Value) -> None:
        self.facts, self.path, self.value = facts, path, value

    def fact(self, path: str) -> Value:
        return self.value if path == self.path else lookup(self.facts, path)

    def step(self, step: str) -> Mapping[str, Value] | Unknown:
        return {"done": True, "state": "done", "answer": self.value, "ended_at": T0}

    def duty(self, duty: str) -> Unknown:
        return Unknown((duty,))

    def duties(self, verdict: str, recipient: str = "") -> Unknown:
        return Unknown((verdict,))

    def name(self, name: str) -> Unknown:
        return Unknown((name,))


class Played(World):
    """One play of a playbook in one profile."""

    length = END

    def __init__(
        self,
        bundle: p.Bundle,
        profile: Profile,
        laws: tuple[Regime, ...] = LAWS,
        known: Mapping[str, Any] = GERMAN_COMPANY,
    ) -> None:
        """Open the incident; every role has two people of its own, so that nobody signs their own work."""
        self.bundle, self.profile = bundle, profile
        self.steps = dict(paths(bundle_of_profile(bundle, profile)))
        self.moments: list[tuple[timedelta, tuple[Opened, ...]]] = []
        facts = {**known, **dict(flat(self.bundle.playbook.facts))}
        roles = {role: f"{role}-1 {role}-2" for role in (*roles_of(self.bundle), "lead")}
        quiet = MessageClass(name="alert", goal="accepted")
        super().__init__(regimes=laws, roles=roles, facts=facts, message_class=quiet)

    def pin(self, pinned: p.Bundle, run: str = "main", profile: Profile = "large") -> Run:
        return super().pin(self.bundle, run, self.profile)

    # --- looking ------------------------------------------------------------------------------------------

    def open_steps(self) -> list[Invocation]:
        """Return the open person steps, the earliest due first."""
        found = [self.incident.invocations[name] for name in sorted(self.incident.active)]
        return sorted((one for one in found if one.kind in p.PEOPLE), key=self.due)

    def due(self, invocation: Invocation) -> datetime:
        return invocation.due or (invocation.ready_at or self.now) + WITHOUT_DUE

    def people(self, invocation: str) -> tuple[str, ...]:
        """Return whose list a step is on: of an approval, as many of its roles as it needs signatures."""
        step = self.library.step(self.incident, invocation)
        action = isinstance(self.steps.get(step_path(invocation)), p.Act)
        roles = [getattr(step, "role", "") or ("technical" if action else "commander")]
        if isinstance(step, p.Approve):
            roles = list(step.by.roles if step.by.every_role else step.by.roles[: step.by.distinct])
        return tuple(
            dict.fromkeys(MERGED.get(role, role) if self.profile == "small" else role for role in roles)
        )

    def _look(self) -> None:
        opened = tuple(
            Opened(
                step_path_with_items(one.id),
                self.people(one.id),
                one.due - T0 if one.due else None,
            )
            for one in self.open_steps()
        )
        if not self.moments or self.moments[-1][1] != opened:
            self.moments.append((self.now - T0, opened))

    # --- playing ------------------------------------------------------------------------------------------

    def play(self) -> Measure:
        """Do every step when it is due, until nothing is left; return what was seen."""
        while self.now - T0 < self.length:
            self.work()
            now_due = [one for one in self.open_steps() if self.due(one) <= self.now]
            if now_due:
                self._do(now_due[0])
                continue
            if self._found_out():
                continue
            self._look()
            times = [self.due(one) for one in self.open_steps()]
            times += [look for look in [self.next_look()] if look is not None and look > self.now]
            if times:
                self.advance(min(times) - self.now)
            elif not self._found_out(all_facts=True):
                break
        return self._measure()

    def _measure(self) -> Measure:
        ended: dict[str, timedelta] = {}
        for one in self.incident.invocations.values():
            if one.state in ("done", "done_late") and one.ended_at is not None:
                path, at = step_path(one.id), one.ended_at - T0
                ended[path] = min(at, ended.get(path, at))
        contained = [
            (path, ended[path])
            for path, step in self.steps.items()
            if path in ended and step.__struct_config__.tag in ("task", "form", "act")
            if step.phase == "containment" or "RS.MI-01" in step.csf
        ]
        people = {path: step for path, step in self.steps.items() if by_people(step)}
        return Measure(
            len(people),
            tuple(path for path, step in people.items() if step.due is None),
            tuple(self.moments),
            ended,
            tuple(sorted(contained, key=lambda one: one[1])),
        )

    def _do(self, invocation: Invocation) -> None:
        """Do one person step; what the engine refuses is skipped."""
        step = self.library.step(self.incident, invocation.id)
        try:
            match step:
                case p.Approve():
                    self._sign(invocation, step)
                case p.File():
                    self._file(invocation, step)
                case p.Ask() | p.Form():
                    self._answer(invocation, step)
                case p.Task():
                    rows = [c.CheckRow(step=invocation.id, row=n) for n in range(len(step.checklist))]
                    self.give(*rows, c.CompleteTask(step=invocation.id), by=self._person(step))
                case _:
                    raise AssertionError(invocation.kind)
        except Refused:
            pass
        if not self.incident.invocations[invocation.id].over:
            self.give(c.SkipStep(step=invocation.id, reason="refused"), by=self._person(step))

    def _person(self, step: p.AnyStep) -> str:
        return f"{getattr(step, 'role', '') or 'lead'}-1"

    def _answer(self, invocation: Invocation, step: p.Ask | p.Form) -> None:
        for field in (*step.asks, *step.asks):  # a condition can read a later field
            if self.incident.invocations[invocation.id].over:
                return
            if field.when is not None and truth(field.when, _Guess(self.incident.facts, "", "")) is not True:
                continue
            value = lookup(self.incident.facts, field.fact)
            if isinstance(value, Unknown):
                value = self.answer_for(field.fact, field.choices)
            made = change(field.fact, _plain(value))
            command: c.AnyCommand = c.AnswerForm(step=invocation.id, changes=(made,), grounds="it was so")
            if isinstance(step, p.Ask):
                command = c.Answer(step=invocation.id, change=made, grounds="it was so")
            self.give(command, by=self._person(step))
        if isinstance(step, p.Form) and not self.incident.invocations[invocation.id].over:
            self.give(c.AnswerUnknown(step=invocation.id), by=self._person(step))

    def _sign(self, invocation: Invocation, step: p.Approve) -> None:
        for person in (f"{role}-{n}" for n in (2, 1) for role in step.by.roles):
            one = self.incident.invocations[invocation.id]
            if one.over:
                return
            subject = self.incident.latest.get(f"{one.scope}|{step.approve}", "")
            digest = self.incident.invocations[subject].digest if subject else ""
            try:
                self.give(c.Decide(step=one.id, digest=digest, approved=True, reason="read"), by=person)
            except Refused:
                continue

    def _file(self, invocation: Invocation, step: p.File) -> None:
        scope = self.incident.scopes[invocation.scope]
        duty = (scope.item or "") if step.duty == "item" else step.duty
        person = self._person(step)
        record = DutyRecord(kind="filed", by=person, at=self.now, reference="R")
        self.give(c.RecordDuty(duty=duty, record=record, step=invocation.id), by=person)

    def _found_out(self, *, all_facts: bool = False) -> bool:
        """Record a fact that a step or a wait needs and no open question asks for; true if there was one."""
        waiting = [
            self.incident.invocations[name] for name in sorted(self.incident.blocked | self.incident.active)
        ]
        missing = [fact for one in waiting for fact in one.missing]
        if all_facts:
            steps = (self.library.step(self.incident, one.id) for one in waiting)
            missing += [step.wait.fact for step in steps if isinstance(step, p.Wait) and step.wait.fact]
        for fact in missing:
            found = dict(PEOPLE_FOUND) if fact in PEOPLE_FOUND or fact == "people.by_jurisdiction" else {}
            asked = any(field.fact == fact for step in self.steps.values() for field in step.asks)
            if not found and find(fact) is not None and (all_facts or not asked):
                found = {fact: _plain(self.answer_for(fact))}
            new = {
                key: value
                for key, value in found.items()
                if isinstance(lookup(self.incident.facts, key), Unknown)
            }
            if new and (all_facts or fact in found or not asked):
                made = tuple(change(key, value) for key, value in new.items())
                self.give(c.RecordFacts(changes=made, grounds="it was so"), by="lead-1")
                return True
        stuck = [one for one in waiting if one.stuck]
        for one in stuck:
            self.give(c.SkipStep(step=one.id, reason="stuck"), by="lead-1")
        return bool(stuck)

    # --- the answers that open the most steps -------------------------------------------------------------

    def answer_for(self, path: str, choices: tuple[str, ...] = ()) -> Value:
        """Return the value of a fact with which the most person steps can start."""
        if path in CHOSEN:
            chosen: Value = CHOSEN[path]
            return chosen
        return max(self._values(path, choices), key=lambda value: self._score(path, value))

    def _score(self, path: str, value: Value) -> float:
        view = _Guess(self.incident.facts, path, value)
        answers = [(truth(when, view), weight) for when, weight in self._branches if path in _paths(when)]
        return sum(weight * (0.5 if isinstance(answer, Unknown) else answer) for answer, weight in answers)

    @cached_property
    def _branches(self) -> list[tuple[Expression, int]]:
        """The condition of each step, and the number of person steps that depend on it."""
        people = [path for path, step in self.steps.items() if by_people(step)]
        return [
            (step.when, sum(one == path or one.startswith(f"{path}.") for one in people))
            for path, step in self.steps.items()
            if step.when is not None
        ]

    def _values(self, path: str, choices: tuple[str, ...]) -> list[Value]:
        """Return the values of a fact worth a try: those that conditions name, and one of its type."""
        branch = find(path)
        kind = branch if isinstance(branch, FactType) else None
        named = list(dict.fromkeys(value for when, _ in self._branches for value in _named(when, path)))
        if kind is None or kind.kind == "bool":
            return [True, False]
        if kind.kind in ("int", "number"):
            numbers = [value for value in named if isinstance(value, int)]
            return [number + more for number in numbers for more in (1, 0, -1)] or [3]
        if kind.kind == "instant":
            return [self.now]
        texts: list[Value] = [*named, *(choices or kind.choices)] or [_TEXTS.get(kind.kind, "text")]
        return [*((text,) for text in texts), tuple(dict.fromkeys(texts))] if kind.many else texts


_TEXTS: Mapping[str, str] = {"jurisdiction": "DE", "zone": "Europe/Berlin"}


def flat(facts: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield nested facts with their dotted keys."""
    for key, value in facts.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


def _plain(value: Value) -> Any:
    return (
        value.isoformat()
        if isinstance(value, datetime)
        else list(value)
        if isinstance(value, tuple)
        else value
    )


def _paths(when: Expression) -> frozenset[str]:
    return frozenset(when.facts)


def _named(when: Expression, path: str) -> Iterator[Any]:
    """Yield the literals that a condition compares with a fact, also through the answer of a question."""
    for node in walk(when.tree):
        if isinstance(node, Compare) and path in when.facts:
            sides = (node.first, *(link.right for link in node.rest))
            if any(isinstance(side, FactRef) and side.path == path for side in sides):
                yield from (inner.value for side in sides for inner in walk(side) if isinstance(inner, Const))


@cache
def measure(name: str, profile: Profile) -> Measure:
    """Play a shipped playbook in a profile."""
    return Played(load_bundle(name, Catalog(None)), profile).play()


def names() -> tuple[str, ...]:
    """Return the names of the shipped playbooks."""
    folder = shipped_folder()
    assert folder is not None
    return tuple(sorted(path.stem for path in folder.glob("*.yaml") if "@" not in path.stem))


def clock(span: timedelta) -> str:
    """Return a time since the opening as hours and minutes."""
    minutes = int(span.total_seconds()) // 60
    return f"T+{minutes // 60}:{minutes % 60:02}"


def lines(name: str, profile: Profile, until: timedelta) -> Iterator[str]:
    """Yield the page of one measure: each moment with its open steps, then the totals."""
    found = measure(name, profile)
    most, one = LIMITS[profile]
    for at, opened in found.moments:
        if at > until:
            break
        busiest = max(loads(opened).values(), default=0)
        over = " TOO MANY" if len(opened) > most else " TOO MANY FOR ONE PERSON" if busiest > one else ""
        yield f"{clock(at)}  {len(opened)} open{over}"
        for item in opened:
            yield f"    {item.step:50} {', '.join(item.people):30} due {clock(item.due) if item.due is not None else '-'}"
    yield ""
    yield f"{name}, {profile}: {found.person_steps} person steps"
    yield f"open at once: {found.most_open} (limit {most}); for one person: {found.most_for_one[0]} {found.most_for_one[1]} (limit {one})"
    yield f"containment: {', '.join(f'{step} {clock(at)}' for step, at in found.contained[:4]) or 'none'}"
    if found.undated:
        yield f"without a due time: {', '.join(found.undated)}"


def main() -> None:
    """Print the measure of one playbook."""
    parser = argparse.ArgumentParser(prog="python -m tests.playbooks.first_hour", description=main.__doc__)
    parser.add_argument("name", help="the playbook")
    parser.add_argument("--profile", choices=PROFILES, default="small")
    parser.add_argument(
        "--hours", type=float, default=24.0, help="how much to print, in hours from the opening"
    )
    given = parser.parse_args()
    sys.stdout.write("\n".join(lines(given.name, given.profile, timedelta(hours=given.hours))) + "\n")


if __name__ == "__main__":
    main()
