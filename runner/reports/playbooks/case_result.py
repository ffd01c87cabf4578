"""How what came of a test differs from what was expected: a sentence each."""

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

DONE = frozenset({"done", "done_late"})


class CaseResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it. Steps are named by their paths, and by path and lane where they stand in one."""

    states: Mapping[str, frozenset[str]]
    """Step → the states of its newest invocations, one for each lane."""
    ever: Mapping[str, frozenset[str]]
    """The same of every invocation."""
    times: Mapping[str, int]
    waited: Mapping[str, frozenset[str]]
    overdue: Mapping[str, str]
    duties: Mapping[str, str]
    verdicts: frozenset[str]
    """Duties that applied at some time."""
    texts: Mapping[str, str]
    """Message step → its words."""
    documents: Mapping[str, tuple[str, tuple[str, ...]]]
    """Notice step → the words of its newest document, and its gaps."""
    span: timedelta
    close: str = ""
    """Why it could not be closed without a reason."""


def played(
    incident: Incident,
    events: Iterable[AnyEvent],
    span: timedelta,
    close: str,
    text_of: Callable[[str], str],
    words_of: Callable[[Document], str],
) -> CaseResult:
    """Return what came of an incident. ``text_of`` reads a message's body, ``words_of`` a document's text."""
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


def differences(wanted: Expected, found: CaseResult) -> tuple[str, ...]:
    """Return where it did not end as it should."""
    return tuple(words for look in _LOOKS for words in look(wanted, found))


def _path(wanted: Expected, found: CaseResult) -> Iterator[str]:
    """With a path every step is accounted for."""
    if wanted.path is None:
        return
    for state, steps in wanted.path.items():
        yield from _states(dict.fromkeys(steps, state), found)
    for step, states in sorted(found.states.items()):
        if "[" in step:
            continue
        named = {state for state, steps in wanted.path.items() if step in steps}
        if not named and not states & DONE:
            yield f"{step} should be done, and {_is(states)}"
        elif stray := states - DONE - named:
            yield f"{step} should not be {' or '.join(sorted(stray))}"


def _steps(wanted: Expected, found: CaseResult) -> Iterator[str]:
    yield from _states(dict(wanted.steps), found)
    for step, times in wanted.times.items():
        if found.times.get(step, 0) != times:
            yield f"{step} should be reached {times} times, and was {found.times.get(step, 0)} times"
    for step in wanted.again:
        if found.times.get(step, 0) < 2:
            yield f"{step} should be reached again, and was not"


def _states(wanted: dict[str, str], found: CaseResult) -> Iterator[str]:
    for step, state in wanted.items():
        states = found.states.get(step, frozenset())
        if state not in states:
            yield f"{step} should be {state}, and {_is(states)}"


def _waits(wanted: Expected, found: CaseResult) -> Iterator[str]:
    for step, facts in wanted.waits_for.items():
        for fact in facts:
            if fact not in found.waited.get(step, ()):
                yield f"{step} should wait for {fact}, and did not"


def _late(wanted: Expected, found: CaseResult) -> Iterator[str]:
    for step, role in wanted.overdue.items():
        if step not in found.overdue:
            yield f"{step} should be overdue, and was not"
        elif found.overdue[step] != role:
            yield f"{step} was overdue: {role or 'nobody'} should be told, and {found.overdue[step] or 'nobody'} was"


def _duties(wanted: Expected, found: CaseResult) -> Iterator[str]:
    for duty, state in wanted.duties.items():
        if found.duties.get(duty, "") != state:
            yield f"{duty} should be {state}, and is {found.duties.get(duty) or 'not there'}"


def _messages(wanted: Expected, found: CaseResult) -> Iterator[str]:
    for step, words in wanted.messages.items():
        text = found.texts.get(step)
        if text is None:
            yield f"{step} should say something, and was not sent"
            continue
        yield from (f"{step} should say «{word}», and does not" for word in words if word not in text)


def _documents(wanted: Expected, found: CaseResult) -> Iterator[str]:
    for step, document in wanted.documents.items():
        made = found.documents.get(step)
        if made is None:
            yield f"{step} should be rendered, and was not"
            continue
        yield from _document(f"the document of {step}", document, *made)


def _document(name: str, wanted: ExpectedDocument, text: str, gaps: tuple[str, ...]) -> Iterator[str]:
    flat = _flat(text)
    yield from (
        f"{name} should say «{contain}», and does not"
        for contain in wanted.contains
        if _flat(contain) not in flat
    )
    yield from (f"{name} should not say «{lack}», and does" for lack in wanted.lacks if _flat(lack) in flat)
    if wanted.gaps is not None and set(wanted.gaps) != set(gaps):
        yield f"{name} should lack {_list(wanted.gaps)}, and lacks {_list(gaps)}"


def _end(wanted: Expected, found: CaseResult) -> Iterator[str]:
    if wanted.within and found.span > parse_duration(wanted.within):
        yield f"it should end within {wanted.within}, and took {duration_text(found.span)}"
    if wanted.closes and found.close:
        yield f"it should close, and does not: {found.close}"
    if not wanted.closes and not found.close:
        yield "it should not close without a reason, and does"


_LOOKS: tuple[Callable[[Expected, CaseResult], Iterator[str]], ...] = (
    _path,
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
    return f"is {' and '.join(found)}" if found else "was never reached"


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"
