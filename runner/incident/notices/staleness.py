"""Staleness of a notice: facts that changed after it was generated, and counsel's decision to use the text.

Only facts that the text read count: those that it states, those that a condition reads, the members of a list or map
that it lists, and those that were missing.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from datetime import datetime, tzinfo
from shlex import quote
from typing import Any

from runner.actions import assign_role
from runner.base.actor import named_person
from runner.documents.template.values import DERIVED
from runner.errors import Refused
from runner.facts.vocabulary.lookup import fact_type
from runner.facts.vocabulary.register import value_words
from runner.incident.state import events as e
from runner.incident.state.incident import Document, Incident
from runner.law.duty import ChangedFact as ChangedFact

COUNSEL = "counsel"
"""The role that can accept a notice with missing information, or with facts that have changed since."""
_POPULATION = re.compile(r"populations\.[^.]+\.((?:data|people)\..+)")
_UNKNOWN = ("missing", "to_follow", "waived")
"""Missing information that names a fact: generated versions of older releases have no other trace of unknown facts."""


def changes(
    incident: Incident, documents: Iterable[Document], at: datetime | None = None
) -> dict[str, tuple[ChangedFact, ...]]:
    """Return for each document by its id which facts changed since it was generated, as known now or at an instant."""
    keys = sorted(incident.facts)
    return {document.id: tuple(_changed(incident, document, keys, at)) for document in documents}


def not_passed(
    incident: Incident, document: Document, changed: Iterable[ChangedFact]
) -> tuple[ChangedFact, ...]:
    """Return the changes of a document after counsel's decision on it, or all if there is none."""
    word = document.as_it_was.facts if document.as_it_was is not None else {}
    return tuple(fact for fact in changed if incident.fact_events[fact.fact] > word.get(fact.fact, 0))


def blocking(incident: Incident, document: Document, at: datetime | None = None) -> tuple[ChangedFact, ...]:
    """Return the changes that prevent the approval or filing of a text."""
    return not_passed(incident, document, changes(incident, [document], at)[document.id])


def passed(
    incident: Incident, document: Document, by: str, reason: str, at: datetime | None = None
) -> tuple[e.AnyEvent, ...]:
    """Return counsel's decision if it is needed and given; raises Refused if a stale text has none."""
    stale = blocking(incident, document, at)
    if not stale and reason:
        raise Refused(
            f'No fact of notice "{document.notice}" has changed.',
            hint="Remove --as-it-was.",
            code="nothing_stale",
        )
    if not stale:
        return ()
    if not reason.strip():
        way = f"tocsin notice render {quote(document.step)}"
        if incident.state == "closed":
            way = f"tocsin reopen {incident.codename} --reason WHY, then {way}"
        raise Refused(
            f'Notice "{document.notice}" is out of date: {"; ".join(change_words(one, incident.zone) for one in stale)}.',
            hint=f"{way}. Then approve again. Counsel can add --as-it-was REASON instead.",
            code="notice_stale",
        )
    counsel_only(incident, by, "use an outdated text")
    word = document.as_it_was.facts if document.as_it_was is not None else {}
    return (
        e.NoticeKept(
            document=document.id,
            step=document.step,
            digest=document.digest,
            by=by,
            reason=reason.strip(),
            facts={**word, **{fact.fact: incident.fact_events[fact.fact] for fact in stale}},
        ),
    )


def counsel_only(incident: Incident, by: str, act: str) -> None:
    """Raise Refused if a person does not have the role counsel."""
    if by not in incident.roles.get(COUNSEL, ()):
        raise Refused(
            f"{named_person(by)} does not have the role {COUNSEL}. Only counsel can {act}.",
            hint=assign_role(COUNSEL, also=True),
            code="role",
        )


def change_words(change: ChangedFact, zone: tzinfo) -> str:
    """Return a change for people: the fact's title and path, and both values; times in a zone."""
    title, before, after = changed_parts(change, zone)
    return f"{title} ({change.fact}): {before} → {after}" if title else f"{change.fact}: {before} → {after}"


def changed_parts(change: ChangedFact, zone: tzinfo) -> tuple[str, str, str]:
    """Return the title of a changed fact, empty if it has none, and both values in words; times in a zone."""
    known = fact_type(change.fact)
    timed = zone if known is not None and known.kind == "instant" else None
    title = known.title if known is not None else ""
    return title, _words(change.before, timed), _words(change.after, timed)


def _words(value: Any, zone: tzinfo | None) -> str:
    if zone is not None and isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return f"{value.astimezone(zone):%a %d %b %Y, %H:%M %Z}"
    return f"{value:,}" if type(value) is int else value_words(value)


def recorded_as(path: str, keys: Iterable[str]) -> list[str]:
    """Return the recorded facts behind the input of a template: the fact itself, or the parts of a group or a map."""
    ordered = keys if isinstance(keys, list) else sorted(keys)
    key = path.replace("[", ".").replace("]", "")
    key = DERIVED.get(key, key)
    if key.startswith(("data.", "people.")):  # such a statement covers all populations
        found = [
            one for one in ordered if one == key or ((part := _POPULATION.fullmatch(one)) and part[1] == key)
        ]
        if found:
            return found
    first = bisect_left(ordered, key)
    if ordered[first : first + 1] == [key]:
        return [key]
    return ordered[bisect_left(ordered, f"{key}.") : bisect_left(ordered, f"{key}/")]


def _changed(
    incident: Incident, document: Document, keys: list[str], at: datetime | None
) -> Iterator[ChangedFact]:
    unknown = {
        path: 0 for kind, _, path in (gap.partition(": ") for gap in document.gaps) if kind in _UNKNOWN
    }
    changed_facts: dict[str, ChangedFact] = {}
    for path, entry in (unknown | dict(document.facts)).items():
        below = recorded_as(path.removesuffix("[]"), keys)
        then = {key: value_at(incident, key, entry) for key in below}
        now = {key: value_at(incident, key, incident.version, at) for key in below}
        if path.endswith("[]"):
            depth = path.replace("[", ".").count(".")
            was, is_ = (
                {_member(key, depth) for key in below if values[key][1] is not None} for values in (then, now)
            )
            below = [key for key in below if _member(key, depth) in was ^ is_]
        changed_facts |= {
            key: ChangedFact(fact=key, before=then[key][1], after=now[key][1])
            for key in below
            if now[key][0] > entry and then[key][1] != now[key][1]
        }
    yield from (changed_facts[key] for key in sorted(changed_facts))


def value_at(incident: Incident, key: str, entry: int, at: datetime | None = None) -> tuple[int, Any]:
    """Return the value of a fact by an entry of the journal and an instant, with the entry that set it."""
    records = (*incident.superseded.get(key, ()), (incident.fact_events[key], incident.facts[key]))
    known = [(seq, fact.value) for seq, fact in records if seq <= entry and (at is None or fact.at <= at)]
    return known[-1] if known else (0, None)


def _member(key: str, depth: int) -> str:
    return key.split(".", depth)[-1].partition(".")[0]
