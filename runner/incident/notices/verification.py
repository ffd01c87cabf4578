"""What a person must end before a notice is signed or filed: items to verify, and contradictions between texts and facts.

A tick binds the digest of the text and the words of the item. A contradiction has its values in its words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from shlex import quote
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from runner.base.jurisdictions import PEOPLE, US_NAMES
from runner.errors import NotFound, Refused
from runner.facts.vocabulary.lookup import fact_type
from runner.incident.notices.list_counts import difference_words, differences
from runner.incident.notices.staleness import recorded_as
from runner.incident.state import commands as c
from runner.incident.state import events as e
from runner.incident.state.incident import Document, Incident

Conflict = Literal[
    "places_over_total", "groups_and_total", "list_and_facts", "aware_dates", "prose_and_facts"
]
_TOTAL, _PLACES = "people.total", "people.by_jurisdiction."
_AWARE = "incident.aware_at"
_SAID = re.compile(rf"(?<![\w.,])(\d[\d.,]*)(?:\s[^\s.;]+){{0,2}}?\s(?:{PEOPLE})\b", re.IGNORECASE)
_MARK = "contradiction: "


class Contradiction(msgspec.Struct, frozen=True, kw_only=True):
    """Values that cannot all be true, in facts, texts and lists of people."""

    code: Conflict
    what: str
    """With the values: other values make another contradiction, which nobody has accepted."""
    facts: tuple[str, ...]
    """It concerns each text that reads one of them."""
    documents: tuple[str, ...] = ()
    """The texts that say it."""


def standing_texts(incident: Incident) -> tuple[Document, ...]:
    """Return the newest text of each notice step."""
    return tuple({document.step: document for document in incident.documents.values()}.values())


def superseded(incident: Incident, document: Document) -> bool:
    """Tell whether a later task of the same notice and duty has the same text or a newer one."""
    about, made, steps = (document.notice, document.duty), [*incident.documents], [*incident.invocations]
    return any(
        (other.notice, other.duty) == about
        and steps.index(other.step) > steps.index(document.step)
        and (other.digest == document.digest or made.index(other.id) > made.index(document.id))
        for other in standing_texts(incident)
        if document.duty
    )


def contradictions(incident: Incident) -> tuple[Contradiction, ...]:
    """Return every contradiction between facts, current texts and lists of people."""
    return (*_sums(incident), *_groups(incident), *_lists(incident), *_awareness(incident), *_prose(incident))


def items_of(
    incident: Incident, document: Document, found: Iterable[Contradiction] | None = None
) -> tuple[str, ...]:
    """Return what a person has to tick in a text: items to verify, and the contradictions that concern it.

    ``found`` has all contradictions, where they are known already.
    """
    keys = sorted(incident.facts)
    read = {key for path in document.facts for key in recorded_as(path.removesuffix("[]"), keys)}
    return (
        *document.to_verify,
        *(
            f"{_MARK}{one.what}"
            for one in (contradictions(incident) if found is None else found)
            if document.id in one.documents or read.intersection(one.facts)
        ),
    )


def open_items(incident: Incident, document: Document) -> tuple[str, ...]:
    """Return the items that nobody has ticked."""
    return tuple(item for item in items_of(incident, document) if item not in document.ticks)


def refuse_unverified(incident: Incident, document: Document) -> None:
    """Raise Refused if a text has items that nobody verified, or contradictions that nobody accepted."""
    if items := open_items(incident, document):
        raise Refused(
            f'Notice "{document.notice}" has items to verify ({len(items)}): {"; ".join(items)}.',
            hint=f"tocsin notice tick {quote(document.step)} --as PERSON",
            code="items_open",
        )


def ticked(incident: Incident, command: c.TickItems, by: str) -> tuple[e.AnyEvent, ...]:
    """Return a person's confirmation of items; nothing if they are ticked already."""
    text = next((one for one in standing_texts(incident) if one.step == command.step), None)
    if text is None or text.digest != command.digest:
        raise Refused(
            f'The text of "{command.step}" changed. Nothing was verified.',
            hint=f"Read the new version: tocsin notice tick {quote(command.step)}",
            code="digest_changed",
        )
    open_ = open_items(incident, text)
    unknown = [item for item in command.items if item not in open_ and item not in text.ticks]
    if unknown:
        raise NotFound(f'Notice "{text.notice}" has no item to verify "{unknown[0]}".', code="unknown_item")
    items = tuple(item for item in open_ if item in command.items)
    if any(item.startswith(_MARK) for item in items) and not command.reason.strip():
        raise Refused(
            f"The reason to accept a contradiction is missing: {items[-1]}.",
            hint="Correct the facts. Or add --reason WHY",
            code="reason_missing",
        )
    return (e.event_of(e.NoticeTicked, command, document=text.id, by=by, items=items),) if items else ()


def _count(incident: Incident, path: str) -> int | None:
    fact = incident.facts.get(path)
    return fact.value if fact is not None and type(fact.value) is int else None


def _prefixes(incident: Incident) -> list[str]:
    groups = (key.split(".", 2)[1] for key in incident.facts if key.startswith("populations."))
    return ["", *(f"populations.{name}." for name in dict.fromkeys(sorted(groups)))]


def _sums(incident: Incident) -> Iterator[Contradiction]:
    """Yield each group with more people in its places than in all; a place with counted parts counts once."""
    for prefix in _prefixes(incident):
        total, first = _count(incident, f"{prefix}{_TOTAL}"), f"{prefix}{_PLACES}"
        keys = [key for key in sorted(incident.facts) if key.startswith(first)]
        leaves = [key for key in keys if not any(other.startswith(f"{key}-") for other in keys)]
        places = sum(_count(incident, key) or 0 for key in leaves if key != f"{first}EU")
        if total is not None and places > total:
            what = f"{prefix}{_TOTAL} is {total:,}, the places have {places:,}"
            yield Contradiction(code="places_over_total", what=what, facts=(f"{prefix}{_TOTAL}", *leaves))


def _groups(incident: Incident) -> Iterator[Contradiction]:
    """Yield the total of all people if it differs from the groups; groups that overlap can only be smaller than it."""
    total = _count(incident, _TOTAL)
    keys = [f"{prefix}{_TOTAL}" for prefix in _prefixes(incident)[1:]]
    counts = [count for key in keys if (count := _count(incident, key)) is not None]
    if total is None or not counts or len(counts) != len(keys):
        return
    overlap = any(key.endswith(".overlaps") for key in incident.facts)
    if sum(counts) < total or (max(counts) if overlap else sum(counts)) > total:
        what = f"{_TOTAL} is {total:,}, the affected groups have {sum(counts):,}"
        yield Contradiction(code="groups_and_total", what=what, facts=(_TOTAL, *keys))


def _lists(incident: Incident) -> Iterator[Contradiction]:
    """Yield each place where the list of a campaign has another count than the facts or than a filed notice."""
    for campaign in incident.campaigns.values():
        counts: dict[tuple[str, str], int] = {}
        for (place, group), people in campaign.counts:
            counts[place, group] = counts.get((place, group), 0) + people
        for row in differences(incident, counts):
            if row.recorded is None and not row.told:
                continue
            what = f"{campaign.list_name}: {difference_words(row)}"
            yield Contradiction(code="list_and_facts", what=what, facts=(row.fact,))


def _awareness(incident: Incident) -> Iterator[Contradiction]:
    """Yield the texts that name other dates of awareness than the fact, or than each other if the fact is unknown."""
    texts = [document for document in standing_texts(incident) if document.aware]
    known = aware_day(incident)
    said = {day: [d for d in texts if day in d.aware] for d in texts for day in d.aware}
    for day, documents in sorted(said.items()):
        others = {known} if known else said.keys() - {day}
        if day not in others and others:
            names = ", ".join(document.notice for document in documents)
            what = f'{names}: "aware" on {day}; {_AWARE if known else "other notices"}: {", ".join(sorted(others))}'
            yield Contradiction(
                code="aware_dates", what=what, facts=(_AWARE,), documents=tuple(one.id for one in documents)
            )


def _prose(incident: Incident) -> Iterator[Contradiction]:
    """Yield each number of people in words about the incident that no recorded count of its place, or of people, has."""
    counts = {
        key: fact.value
        for key, fact in incident.facts.items()
        if "people." in key and type(fact.value) is int
    }
    for key, text in prose_facts(incident):
        for found in _SAID.finditer(text):
            code = next((code for code, name in US_NAMES.items() if name in found[0]), "")
            path = f"{_PLACES}US-{code}" if code else _TOTAL
            known = {key_: n for key_, n in counts.items() if not code or key_.endswith(path)}
            if path in counts and int(re.sub(r"\D", "", found[1])) not in known.values():
                what = f'{key} says "{found[0]}", {path} is {counts[path]:,}'
                yield Contradiction(code="prose_and_facts", what=what, facts=(key, path))


def prose_facts(incident: Incident) -> Iterator[tuple[str, str]]:
    """Yield the facts in people's own words about the incident and its risks, which notices print as they are."""
    for key, fact in sorted(incident.facts.items()):
        kind = fact_type(key)
        if (
            kind is not None
            and kind.kind == "prose"
            and re.search(r"(^|\.)(incident|risk)\.", key)
            and fact.value
        ):
            yield key, str(fact.value)


def aware_day(incident: Incident) -> str:
    """Return the recorded day of awareness (ISO) in the organisation's zone; empty if it is unknown."""
    fact, zone = incident.facts.get(_AWARE), incident.facts.get("organisation.zone")
    if fact is None or not isinstance(fact.value, (str, datetime)):
        return ""
    at = fact.value if isinstance(fact.value, datetime) else datetime.fromisoformat(fact.value)
    return (
        at.astimezone(ZoneInfo(str(zone.value)) if zone is not None and zone.value else UTC)
        .date()
        .isoformat()
    )
