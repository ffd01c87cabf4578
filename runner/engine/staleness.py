"""Which facts of a notice changed since it was rendered, and counsel's word that the text may be used all the same.

Only facts that the text read count: those that it states, those that a condition asked for, the members of a list or map
that it went through, and those that were missing.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from runner.errors import Refused
from runner.model import events as e
from runner.model.incident import Document, Incident
from runner.model.vocabulary import fact_type

COUNSEL = "counsel"
"""The role that may let a notice go in spite of what it lacks, or with facts that have changed since."""
_ELEMENTS = ("notice.elements", "data.elements")
"""What a text says of the kinds of data is that of all populations."""
_UNKNOWN = ("missing", "to_follow", "waived")
"""Gaps that name a fact: renderings of older versions kept no other word of what was unknown."""


class ChangedFact(msgspec.Struct, frozen=True, kw_only=True):
    """One fact that a text read and that has another value now; null is unknown."""

    fact: str
    before: Any
    after: Any


def changes(
    incident: Incident, documents: Iterable[Document], at: datetime | None = None
) -> dict[str, tuple[ChangedFact, ...]]:
    """Return for each document by its id which facts changed since it was rendered, as known now or at an instant."""
    keys = sorted(incident.facts)
    return {one.id: tuple(_changed(incident, one, keys, at)) for one in documents}


def blocking(incident: Incident, document: Document, at: datetime | None = None) -> tuple[ChangedFact, ...]:
    """Return the changes that keep a text from being approved or filed: those that counsel did not let pass."""
    return not_passed(incident, document, changes(incident, [document], at)[document.id])


def not_passed(
    incident: Incident, document: Document, changed: Iterable[ChangedFact]
) -> tuple[ChangedFact, ...]:
    """Return the changes of a document that came after counsel's word on it, or without one."""
    passed = document.as_it_was.facts if document.as_it_was is not None else {}
    return tuple(one for one in changed if incident.fact_events[one.fact] > passed.get(one.fact, 0))


def passed(
    incident: Incident, document: Document, by: str, reason: str, hint: str, at: datetime | None = None
) -> tuple[e.AnyEvent, ...]:
    """Return counsel's word where it is needed and given; raises Refused where a stale text has none."""
    stale = blocking(incident, document, at)
    if not stale and reason:
        raise Refused(
            f"{document.notice} says what is known: no fact of it has changed",
            hint="leave --as-it-was out",
            code="nothing_stale",
        )
    if not stale:
        return ()
    if not reason.strip():
        facts = "; ".join(map(change_words, stale))
        raise Refused(
            f"{document.notice} is out of date: {facts}",
            hint=f"{hint}; to use it as it was, counsel adds --as-it-was REASON",
            code="notice_stale",
        )
    if by not in incident.roles.get(COUNSEL, ()):
        raise Refused(
            f"{by or 'nobody'} does not hold the role {COUNSEL}: only counsel lets a text be used as it was",
            hint=f"tocsin role assign {COUNSEL} PERSON",
            code="role",
        )
    facts_now = {one.fact: incident.fact_events[one.fact] for one in stale}
    kept = document.as_it_was.facts if document.as_it_was is not None else {}
    return (
        e.NoticeKept(
            document=document.id,
            step=document.step,
            digest=document.digest,
            by=by,
            reason=reason.strip(),
            facts={**kept, **facts_now},
        ),
    )


def change_words(one: ChangedFact) -> str:
    """Return a change as people read it: the fact's title and path, and both values."""
    known = fact_type(one.fact)
    name = f"{known.title} ({one.fact})" if known is not None else one.fact
    return f"{name}: {_plain(one.before)} → {_plain(one.after)}"


def _plain(value: Any) -> str:
    match value:
        case None:
            return "unknown"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case list() | tuple():
            return ", ".join(map(str, value))
        case _:
            return str(value)


def recorded_as(path: str, keys: Mapping[str, object] | Sequence[str]) -> list[str]:
    """Return the recorded facts behind what a template read: itself, or the parts of a group or a map.

    ``keys`` are those of the register, sorted where it is not the register itself.
    """
    ordered = keys if isinstance(keys, list) else sorted(keys)
    key = path.replace("[", ".").replace("]", "")
    if path in _ELEMENTS:
        return [
            one
            for one in ordered
            if one == "data.elements" or (one.startswith("populations.") and one.endswith(".data.elements"))
        ]
    first = bisect_left(ordered, key)
    if first < len(ordered) and ordered[first] == key:
        return [key]
    start, end = bisect_left(ordered, f"{key}."), bisect_left(ordered, f"{key}/")
    return list(ordered[start:end])


def _changed(
    incident: Incident, document: Document, keys: list[str], at: datetime | None
) -> Iterator[ChangedFact]:
    read = {path: 0 for kind, _, path in (gap.partition(": ") for gap in document.gaps) if kind in _UNKNOWN}
    found: dict[str, ChangedFact] = {}
    for path, entry in {**read, **document.facts, **document.asked}.items():
        below = recorded_as(path.removesuffix("[]"), keys)
        moved = {key: one for key in below if (one := _moved(incident, key, entry, at)) is not None}
        if path.endswith("[]"):
            moved = _members(incident, path.removesuffix("[]"), below, moved, entry)
        found |= moved
    yield from (found[key] for key in sorted(found))


def _moved(incident: Incident, key: str, entry: int, at: datetime | None) -> ChangedFact | None:
    """Return how a fact changed after an entry of the journal, None where it is what it was."""
    if incident.fact_events[key] <= entry:
        return None
    told = (*incident.superseded.get(key, ()), (incident.fact_events[key], incident.facts[key]))
    before = [fact.value for seq, fact in told if seq <= entry]
    after = [fact.value for _, fact in told if at is None or fact.at <= at]
    was, now = before[-1] if before else None, after[-1] if after else None
    later = len(after) > len(before)
    return ChangedFact(fact=key, before=was, after=now) if later and was != now else None


def _members(
    incident: Incident, path: str, below: Sequence[str], moved: Mapping[str, ChangedFact], entry: int
) -> dict[str, ChangedFact]:
    """Return the changes that brought a member to a list or map, or took one away."""
    depth = path.count(".") + 1
    found: dict[str, ChangedFact] = {}
    for member in {key.split(".")[depth] for key in moved if key.count(".") >= depth}:
        own = [key for key in below if key.split(".")[depth] == member]
        was = [moved[key].before if key in moved else incident.facts[key].value for key in own]
        now = [moved[key].after if key in moved else incident.facts[key].value for key in own]
        if any(value is not None for value in was) != any(value is not None for value in now):
            found |= {key: moved[key] for key in own if key in moved}
    return found
