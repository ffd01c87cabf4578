"""The differences between the expected and the actual result of a playbook test, one text each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta

import msgspec

from runner.base.instants import duration_text, parse_duration
from runner.incident.state.events import AnyEvent, StepBlocked, StepOverdue
from runner.incident.state.incident import Document, Incident
from runner.incident.state.steps import step_path, step_path_with_items
from runner.playbook.playbook_test import Document as ExpectedDocument
from runner.playbook.playbook_test import Expected
from runner.reports.core.formatting import count

DONE = frozenset({"done", "done_late"})


class CaseResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one case. Steps have their path as the key, and also path and item in a group with items."""

    states: Mapping[str, frozenset[str]]
    """Step → the states of its newest invocations, one for each item."""
    ever: Mapping[str, frozenset[str]]
    """Step → the states of all invocations."""
    times: Mapping[str, int]
    waited: Mapping[str, frozenset[str]]
    overdue: Mapping[str, str]
    duties: Mapping[str, str]
    verdicts: frozenset[str]
    """Duties that applied at any time."""
    texts: Mapping[str, str]
    """Message step → its text."""
    documents: Mapping[str, tuple[str, tuple[str, ...]]]
    """Notice step → the text and the missing information of its newest document."""
    span: timedelta
    close: str = ""
    """The refusal of closing without a reason."""


def played(
    incident: Incident,
    events: Iterable[AnyEvent],
    span: timedelta,
    close: str,
    text_of: Callable[[str], str],
    words_of: Callable[[Document], str],
) -> CaseResult:
    """Return the result of an incident. ``text_of`` reads the body of a message, ``words_of`` the text of a document."""
    newest = set(incident.latest.values())
    states, ever = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
    times: dict[str, int] = {}
    for invocation in incident.invocations.values():
        for name in {step_path(invocation.id), step_path_with_items(invocation.id)}:
            ever[name].add(invocation.state)
            times[name] = max(times.get(name, 0), invocation.n)
            if invocation.id in newest:
                states[name].add(invocation.state)
    waited, overdue = defaultdict[str, set[str]](set), dict[str, str]()
    for event in events:
        match event:
            case StepBlocked(step=step, missing=missing):
                waited[step_path(step)].update(missing)
            case StepOverdue(step=step, escalate_to=role):
                overdue[step_path(step)] = role
            case _:
                pass
    return CaseResult(
        states=_frozen(states),
        ever=_frozen(ever),
        times=times,
        waited=_frozen(waited),
        overdue=overdue,
        duties={
            duty.id: duty.record.kind if duty.record else duty.verdict for duty in incident.duties.values()
        },
        verdicts=frozenset(duty.id for duty in incident.duties.values() if duty.verdict == "applies"),
        texts={
            step_path(message.step): text_of(message.body)
            for message in incident.messages.values()
            if message.step
        },
        documents={
            name: (words_of(document), document.gaps)
            for document in incident.documents.values()
            for name in (step_path(document.step), step_path_with_items(document.step))
        },
        span=span,
        close=close,
    )


def _frozen(found: Mapping[str, set[str]]) -> dict[str, frozenset[str]]:
    return {name: frozenset(some) for name, some in found.items()}


def differences(wanted: Expected, found: CaseResult, own: Callable[[str], bool]) -> tuple[str, ...]:
    """Return the differences; ``own`` tells whether a step is tested here, not in the tests of a called playbook."""
    return (*_path(wanted, found, own), *(words for look in _LOOKS for words in look(wanted, found)))


def _path(wanted: Expected, found: CaseResult, own: Callable[[str], bool]) -> Iterator[str]:
    """Yield the differences from a path, which must contain every step that is tested here."""
    if wanted.path is None:
        return
    for state, steps in wanted.path.items():
        yield from _states(dict.fromkeys(steps, state), found)
    for step, states in sorted(found.states.items()):
        if "[" in step:
            continue
        named = {state for state, steps in wanted.path.items() if step in steps}
        if not named and not own(step):
            continue
        if not named and not states & DONE:
            yield f"{step}: expected done, actual {_is(states)}"
        elif stray := states - DONE - named:
            yield f"{step}: unexpected {' and '.join(sorted(stray))}"


def _steps(wanted: Expected, found: CaseResult) -> Iterator[str]:
    yield from _states(dict(wanted.steps), found)
    for step, times in wanted.times.items():
        if found.times.get(step, 0) != times:
            yield f"{step}: expected {count(times, 'run')}, actual {found.times.get(step, 0)}"
    for step in wanted.again:
        if found.times.get(step, 0) < 2:
            yield f"{step}: expected 2 or more runs, actual {found.times.get(step, 0)}"


def _states(wanted: dict[str, str], found: CaseResult) -> Iterator[str]:
    for step, state in wanted.items():
        states = found.states.get(step, frozenset())
        if state not in states:
            yield f"{step}: expected {state}, actual {_is(states)}"


def _waits(wanted: Expected, found: CaseResult) -> Iterator[str]:
    for step, facts in wanted.waits_for.items():
        for fact in facts:
            if fact not in found.waited.get(step, ()):
                yield f"{step}: did not wait for {fact}"


def _late(wanted: Expected, found: CaseResult) -> Iterator[str]:
    for step, role in wanted.overdue.items():
        if step not in found.overdue:
            yield f"{step}: expected overdue, was not overdue"
        elif found.overdue[step] != role:
            yield f"{step}: expected escalation to {role or 'no role'}, actual {found.overdue[step] or 'no role'}"


def _duties(wanted: Expected, found: CaseResult) -> Iterator[str]:
    for duty, state in wanted.duties.items():
        if found.duties.get(duty, "") != state:
            yield f"{duty}: expected {state}, actual {found.duties.get(duty) or 'no duty'}"


def _messages(wanted: Expected, found: CaseResult) -> Iterator[str]:
    for step, words in wanted.messages.items():
        text = found.texts.get(step)
        if text is None:
            yield f"{step}: no message"
            continue
        yield from (f"{step}: missing text «{word}»" for word in words if word not in text)


def _documents(wanted: Expected, found: CaseResult) -> Iterator[str]:
    for step, document in wanted.documents.items():
        made = found.documents.get(step)
        if made is None:
            yield f"{step}: no document"
            continue
        yield from _document(f"{step}, document", document, *made)


def _document(name: str, wanted: ExpectedDocument, text: str, gaps: tuple[str, ...]) -> Iterator[str]:
    flat = _flat(text)
    yield from (
        f"{name}: missing text «{contain}»" for contain in wanted.contains if _flat(contain) not in flat
    )
    yield from (f"{name}: unexpected text «{lack}»" for lack in wanted.lacks if _flat(lack) in flat)
    if wanted.gaps is not None and set(wanted.gaps) != set(gaps):
        yield f"{name}: expected missing information {_list(wanted.gaps)}, actual {_list(gaps)}"


def _end(wanted: Expected, found: CaseResult) -> Iterator[str]:
    if wanted.within and found.span > parse_duration(wanted.within):
        yield f"expected end within {wanted.within}, actual {duration_text(found.span)}"
    if wanted.closes and found.close:
        yield f"expected closing, refused: {found.close}"
    if not wanted.closes and not found.close:
        yield "expected a refusal to close without a reason, was closed"


_LOOKS: tuple[Callable[[Expected, CaseResult], Iterator[str]], ...] = (
    _steps,
    _waits,
    _late,
    _duties,
    _messages,
    _documents,
    _end,
)


def _flat(text: str) -> str:
    return " ".join(text.split())


def _is(states: Iterable[str]) -> str:
    found = sorted(states)
    return " and ".join(found) or "not reached"


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
