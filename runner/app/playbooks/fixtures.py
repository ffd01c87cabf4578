"""Creation of a playbook test from an incident: facts, answers, actions, and the end of each step.

Free text of an incident may name people, so a test has made-up words in its place unless the caller keeps it; numbers,
choices and dates do not change. Everything that a test cannot repeat is reported, never left out in silence.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from runner.base.states import Profile
from runner.decoding import from_json
from runner.errors import Refused, Sealed
from runner.facts.vocabulary.fact_types import FactType
from runner.facts.vocabulary.lookup import fact_type
from runner.incident.state import events as e
from runner.incident.state.incident import Incident
from runner.incident.state.steps import step_path, step_path_with_items

if TYPE_CHECKING:
    from runner.app.core.reader import Reader

MADE_UP = "Made-up words."
_ENDED = {"skipped": "skip", "cancelled": "cancel", "failed": "fail"}
HEAD = "# From an incident. Read the file, name the case, and remove unimportant parts.\n"


class Fixture(msgspec.Struct, frozen=True, kw_only=True):
    """A file of tests as data, and the parts of the incident that it does not repeat."""

    data: Mapping[str, Any]
    lost: tuple[str, ...]

    def text(self) -> str:
        """Return the file."""
        import yaml

        return HEAD + yaml.safe_dump(dict(self.data), sort_keys=False, allow_unicode=True, width=110)


def fixture(reader: Reader, incident: Incident, *, keep_text: bool = False) -> Fixture:
    """Return a test that repeats an incident; raises Refused for one that runs several playbooks."""
    runs = list(incident.runs.values())
    if len(runs) != 1:
        raise Refused(
            f'Incident "{incident.codename}" runs {len(runs)} playbooks. A test needs exactly one.',
            hint="Open an incident with one playbook.",
            code="several_playbooks",
        )
    forms = frozenset(one.id for one in incident.invocations.values() if one.kind == "form")
    script = _Script(keep_text, forms)
    for row in reader.events(incident):
        if row.payload is None:
            raise Sealed(
                "The personal data of the incident was erased. No test can be created.", code="shredded"
            )
        script.take(e.decode(row.payload))
    case: dict[str, Any] = {"name": f"as in {incident.codename}", **script.behaviour()}
    case["expect"] = _expected(incident)
    data = {
        "schema": "tocsin/playbook-test/v1",
        "playbook": f"{runs[0].playbook}@{runs[0].version}",
        "opened": incident.opened_at.isoformat().replace("+00:00", "Z"),
        "cases": [case],
    }
    return Fixture(data=data, lost=tuple(dict.fromkeys(script.lost)))


def _expected(incident: Incident) -> dict[str, Any]:
    """Return the expected end: steps by their states, and the records of duties."""
    path: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for name in incident.latest.values():
        one = incident.invocations[name]
        if one.state not in ("done", "done_late"):
            path[one.state][step_path(name)] = None
    duties = {duty.id: duty.record.kind for duty in incident.duties.values() if duty.record}
    owed = any(
        one.verdict == "applies" and one.in_sight and not one.record for one in incident.duties.values()
    )
    closes = not owed and all(one.over for one in incident.invocations.values())
    return {
        "path": {state: list(steps) for state, steps in path.items()},
        **({"duties": duties} if duties else {}),
        **({} if closes or incident.state == "closed" else {"closes": False}),
    }


class _Script:
    """The behaviour, built event by event."""

    def __init__(self, keep_text: bool, forms: frozenset[str]) -> None:
        self._forms = forms
        self.lost: list[str] = []
        self._keep = keep_text
        self._begun = False
        self._profile: Profile = "large"
        self._facts: list[str] = []
        self._answers: dict[str, str | list[str]] = {}
        self._finds: defaultdict[str, list[str]] = defaultdict(list)
        self._deeds: defaultdict[str, list[str]] = defaultdict(list)
        self._found: list[str] = []
        """Facts recorded since the last step that a person ended."""
        self._done: list[str] = []
        """Actions of no step since then."""

    def behaviour(self) -> dict[str, Any]:
        """Return the parts that are not empty."""
        if self._found:
            self.lost.append(f"{len(self._found)} facts recorded after the last step")
        parts: dict[str, Any] = {
            "profile": "small" if self._profile == "small" else "",
            "facts": self._facts,
            "answers": self._answers,
            "finds": dict(self._finds),
            "deeds": dict(self._deeds),
        }
        return {name: part for name, part in parts.items() if part}

    def take(self, event: e.AnyEvent) -> None:
        """Add an action of a person."""
        match event:
            case e.PlaybookPinned(run=run):
                self._begun = True
                self._profile = run.profile
            case e.FactsRecorded(facts=facts, step=step):
                self._recorded(tuple(fact for fact in facts if fact.confidence != "assumed"), step)
            case e.StepEnded(step=step, state=state):
                self._ended(step, state)
            case e.StepRetried(step=step, by=by) if by:
                self._deeds[step_path_with_items(step)].append("retry")
            case e.ApprovalGiven(step=step, approved=False):
                self._deeds[step_path_with_items(step)].append("reject")
            case e.StepReopened(step=step, late=False, keeps=False, by=by) if by:
                self._done.append(f"reopen {step_path_with_items(step)}")
            case e.StepRescheduled(step=step, reason="not known yet"):
                self._deeds[step_path_with_items(step)].append("unknown")
            case _:
                self._declared(event)

    def _declared(self, event: e.AnyEvent) -> None:
        match event:
            case e.DutyRecorded(duty=duty, record=record) if record.kind != "filed":
                word = "waive" if record.kind == "waived" else "not-to-notify"
                self._done.append(f"{word} {duty}")
            case e.DomainDeclared(domain=domain, state=state, assumed=False) if self._begun:
                self._done.append(f"domain {state} {domain}")
            case (
                e.PlaybookMigrated()
                | e.EventCorrected()
                | e.NoticeAdopted()
                | e.NoticeOverridden()
                | e.NoticeKept()
                | e.LettersSigned()
            ):
                self.lost.append(f"a {type(event).__name__}: a test cannot repeat it")
            case _:
                pass

    def _recorded(self, facts: Iterable[e.FactChange], step: str) -> None:
        texts = [f"{fact.key}={self._value(fact)}" for fact in facts]
        if step in self._forms:
            path = step_path_with_items(step)
            self._answers[path] = [*self._answers.get(path, ()), *texts]
        elif step and texts:
            answer = texts[0].partition("=")[2]
            path = step_path_with_items(step)
            if self._answers.setdefault(path, answer) != answer:
                self.lost.append(f"{path} was answered twice; the first answer counts")
        elif self._begun:
            self._found += texts
        else:
            self._facts += texts

    def _ended(self, step: str, state: str) -> None:
        """Add the earlier facts and actions to the step that ends now."""
        path = step_path_with_items(step)
        if self._found:
            self._finds[path] += self._found
        self._deeds[path] += self._done
        if state in _ENDED:
            self._deeds[path].append(_ENDED[state])
        if not self._deeds[path]:
            del self._deeds[path]
        self._found, self._done = [], []

    def _value(self, change: e.FactChange) -> str:
        value: Any = from_json(change.value)
        kind = fact_type(change.key)
        if (
            isinstance(kind, FactType)
            and kind.kind in ("text", "prose")
            and value is not None
            and not self._keep
        ):
            return MADE_UP
        match value:
            case None:
                return "?"
            case bool():
                return "yes" if value else "no"
            case list():
                return ",".join(map(str, value))
            case _:
                return str(value)
