"""What came of one test of a playbook: where each step ended, what was waited for, said and missed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta

import msgspec

from runner.incident.state.events import AnyEvent, StepBlocked, StepOverdue
from runner.incident.state.incident import Document, Incident
from runner.incident.state.paths import lane_of, path_of

DONE = frozenset({"done", "done_late"})


class Played(msgspec.Struct, frozen=True, kw_only=True):
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
) -> Played:
    """Return what came of an incident. ``text_of`` reads a message's body, ``words_of`` a document's text."""
    newest = set(incident.latest.values())
    states, ever = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
    times: dict[str, int] = {}
    for one in incident.invocations.values():
        for name in {path_of(one.id), lane_of(one.id)}:
            ever[name].add(one.state)
            times[name] = max(times.get(name, 0), one.n)
            if one.id in newest:
                states[name].add(one.state)
    waited, overdue = defaultdict[str, set[str]](set), dict[str, str]()
    for event in events:
        match event:
            case StepBlocked(step=step, missing=missing):
                waited[path_of(step)].update(missing)
            case StepOverdue(step=step, escalate_to=role):
                overdue[path_of(step)] = role
            case _:
                pass
    return Played(
        states=_frozen(states),
        ever=_frozen(ever),
        times=times,
        waited=_frozen(waited),
        overdue=overdue,
        duties={one.id: one.record.kind if one.record else one.verdict for one in incident.duties.values()},
        verdicts=frozenset(one.id for one in incident.duties.values() if one.verdict == "applies"),
        texts={path_of(one.step): text_of(one.body) for one in incident.messages.values() if one.step},
        documents={
            name: (words_of(one), one.gaps)
            for one in incident.documents.values()
            for name in (path_of(one.step), lane_of(one.step))
        },
        span=span,
        close=close,
    )


def _frozen(found: Mapping[str, set[str]]) -> dict[str, frozenset[str]]:
    return {name: frozenset(some) for name, some in found.items()}
