"""What a person must end before a notice is signed or filed: items to verify, and contradictions between texts and facts.

A tick binds the digest of the text and the words of the item. A contradiction has its values in its words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from shlex import quote
from typing import Literal

import msgspec

from runner.base.jurisdictions import PEOPLE, US_NAMES
from runner.base.number_words import NUMBER, number_of
from runner.documents.contents.awareness import dates_in
from runner.errors import NotFound, Refused
from runner.facts.vocabulary.lookup import fact_type
from runner.incident.notices.list_counts import difference_words, differences, levels
from runner.incident.notices.staleness import recorded_as
from runner.incident.state import commands as c
from runner.incident.state import events as e
from runner.incident.state.documents import ENCLOSURE
from runner.incident.state.incident import Document, Incident

Conflict = Literal[
    "places_over_total",
    "groups_and_total",
    "list_and_facts",
    "aware_dates",
    "mail_dates",
    "days_of_incident",
    "prose_and_facts",
]
_TOTAL, _PLACES = "people.total", "people.by_jurisdiction."
_AWARE = "incident.aware_at"
_BEGAN, _DAY, _ENDED = "incident.started_at", "incident.occurred_at", "incident.ended_at"
PLANNED, _SENT = "incident.individual_notice_planned_at", "incident.individual_notice_sent_at."
_FEW = 100
"""A smaller number in words is asked, as it may be of other people: "one employee"."""
_SAID = re.compile(rf"(?<![\w.,])({NUMBER})(?:\s[^\s.;]+){{0,2}}?\s(?:{PEOPLE})\b", re.IGNORECASE)
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


def is_contradiction(item: str) -> bool:
    """Tell whether an item to verify is a contradiction, which needs a reason."""
    return item.startswith(_MARK)


def standing_texts(incident: Incident) -> tuple[Document, ...]:
    """Return the newest text of each notice step."""
    return tuple({document.step: document for document in incident.documents.values()}.values())


def current_texts(incident: Incident) -> tuple[Document, ...]:
    """Return the newest text of the last notice step with a text, for each notice and duty; earlier steps are superseded."""
    order = {step: number for number, step in enumerate(incident.invocations)}
    newest, last = standing_texts(incident), dict[tuple[str, ...], str]()
    for text in sorted(newest, key=lambda one: order.get(one.step, 0)):
        last[(text.notice, text.duty) if text.duty else (text.step,)] = text.id
    return tuple(text for text in newest if text.id in last.values())


def contradictions(incident: Incident) -> tuple[Contradiction, ...]:
    """Return every contradiction between facts, current texts and lists of people."""
    checks = (_sums, _groups, _lists, _awareness, _mailing, _days, _prose)
    return tuple(one for check in checks for one in check(incident))


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
        *(f'"aware" on {day}: the day or the month can be first' for day in document.aware if "/" in day),
        *(
            f"{_MARK}{one.what}"
            for one in (contradictions(incident) if found is None else found)
            if document.id in one.documents or read.intersection(one.facts)
        ),
    )


def open_items(incident: Incident, document: Document) -> tuple[str, ...]:
    """Return the items that nobody has ticked."""
    return tuple(item for item in items_of(incident, document) if item not in document.ticks)


def refuse_unverified(incident: Incident, document: Document, then: str = "") -> None:
    """Raise Refused if a text has items that nobody verified, or contradictions that nobody accepted.

    The items have their numbers in ``tocsin notice tick``; ``then`` has the step after it.
    """
    every = enumerate(items_of(incident, document), 1)
    if items := [f"{number}. {item}" for number, item in every if item not in document.ticks]:
        raise Refused(
            f'Notice "{document.notice}" has items to verify ({len(items)}): {"; ".join(items)}.',
            hint=f"tocsin notice tick {quote(document.step)} --as PERSON{then}",
            code="items_open",
        )


def ticked(incident: Incident, command: c.TickItems, by: str) -> tuple[e.AnyEvent, ...]:
    """Return a person's confirmation of items; nothing if they are ticked already."""
    text = next((one for one in standing_texts(incident) if one.step == command.step), None)
    if text is None or text.digest != command.digest:
        raise Refused(
            f'{command.digest} is not the current text of "{command.step}". Nothing was verified.',
            hint=f"Read the current version: tocsin notice tick {quote(command.step)}",
            code="digest_changed",
        )
    open_ = open_items(incident, text)
    unknown = [item for item in command.items if item not in open_ and item not in text.ticks]
    if unknown:
        raise NotFound(f'Notice "{text.notice}" has no item to verify "{unknown[0]}".', code="unknown_item")
    items = tuple(item for item in open_ if item in command.items)
    if any(map(is_contradiction, items)) and not command.reason.strip():
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
    """Yield each place with fewer people than its parts, and each total with fewer people than its places."""
    for prefix in _prefixes(incident):
        first = f"{prefix}{_PLACES}"
        keys = {key.removeprefix(first): key for key in sorted(incident.facts) if key.startswith(first)}
        keys[""] = f"{prefix}{_TOTAL}"
        most: dict[str, int] = {}
        # the smallest places first: DE-BE, then DE, then EU, then all people
        for place in sorted(keys, key=lambda one: (not one, one == "EU", "-" not in one)):
            parts = [
                part for part in most if place == next((n for n in [*levels(part)][1:] if n in keys), "")
            ]
            own, inside = _count(incident, keys[place]), sum(most[part] for part in parts)
            most[place] = max(inside, own or 0)
            if own is not None and inside > own:
                what = f"{keys[place]} is {own:,}, the {'parts' if place else 'places'} have {inside:,}"
                found = (keys[place], *(keys[part] for part in parts))
                yield Contradiction(code="places_over_total", what=what, facts=found)


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
    texts = [document for document in current_texts(incident) if document.aware]
    known = day_of(incident, _AWARE)
    said = {day: [d for d in texts if day in d.aware] for d in texts for day in d.aware if "/" not in day}
    for day, documents in sorted(said.items()):
        others = {known} if known else said.keys() - {day}
        if day not in others and others:
            names = ", ".join(document.notice for document in documents)
            what = f'{names}: "aware" on {day}; {_AWARE if known else "other notices"}: {", ".join(sorted(others))}'
            yield _said("aware_dates", what, *documents, facts=(_AWARE,))


def _said(code: Conflict, what: str, *documents: Document, facts: tuple[str, ...] = ()) -> Contradiction:
    return Contradiction(code=code, what=what, facts=facts, documents=tuple(one.id for one in documents))


def _mailing(incident: Incident) -> Iterator[Contradiction]:
    """Yield each notice that says that letters were sent on another day than its sample letter has, or after its own date."""
    planned = day_of(incident, PLANNED)
    for text in current_texts(incident):
        own = f"incident.dated_at.{text.duty}"
        dated = day_of(incident, own) if own in text.facts else ""
        sample = any(name.startswith(ENCLOSURE) for name in text.files)
        letter = planned if sample and {"notice.date", PLANNED} & text.facts.keys() else ""
        for key in (key for key in text.facts if key.startswith(_SENT)):
            sent = day_of(incident, key) or day_of(incident, f"{_SENT}*")
            said = f"{text.notice}: the letters were sent on {sent or 'no recorded day'}"
            if sent and letter and letter != sent:
                yield _said("mail_dates", f"{said}, the enclosed letter has the date {letter}", text)
            if sent and dated and dated < sent:
                yield _said("mail_dates", f"{said}, the notice has the date {dated}", text)


def _days(incident: Incident) -> Iterator[Contradiction]:
    """Yield the beginning, the day and the end of the incident if they are not in this order."""
    days = {path: day for path in (_BEGAN, _DAY, _ENDED) if (day := day_of(incident, path))}
    if [*days.values()] != sorted(days.values()):
        what = ", ".join(f"{path} is {day}" for path, day in days.items())
        yield Contradiction(code="days_of_incident", what=what, facts=tuple(days))


def _prose(incident: Incident, *, sure: bool = True) -> Iterator[Contradiction]:
    """Yield each number of people in words about the incident that no recorded count of its place, or of people, has.

    A small number in words is not sure: it can be of other people.
    """
    for key, text in prose_facts(incident):
        for found in _SAID.finditer(text):
            code = next((code for code, name in US_NAMES.items() if name in found[0]), "")
            path, said = f"{_PLACES}US-{code}" if code else _TOTAL, number_of(found[1])
            count = _count(incident, path)
            known = (one for one in incident.facts if one.endswith(path if code else "") and "people." in one)
            if count is None or said in {_count(incident, one) for one in known}:
                continue
            if sure == (said >= _FEW or found[0][0].isdigit()):
                what = f'{key} says "{found[0]}", {path} is {count:,}'
                yield Contradiction(code="prose_and_facts", what=what, facts=(key, path))


def questions(incident: Incident) -> Iterator[str]:
    """Yield the differences that can be right, and that a person must explain."""
    for key, fact in sorted(incident.facts.items()):
        people = incident.facts.get(key.replace("data.records", "people.total"))
        if key.endswith("data.records") and people is not None and fact.value != people.value:
            yield f"{key} is {fact.value}, {people.key} is {people.value}"
    yield from (one.what for one in _prose(incident, sure=False))
    began, ended = day_of(incident, _BEGAN) or day_of(incident, _DAY), day_of(incident, _ENDED)
    for key, text in prose_facts(incident) if began and ended and began != ended else ():
        days = {day for _, day in dates_in(text, "en", incident.facts[key].at.date())} & {began, ended}
        if len(days) == 1:
            yield f"{key} says {days.pop()}, the incident lasted from {began} to {ended}"


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


def day_of(incident: Incident, path: str) -> str:
    """Return the recorded day of an instant (ISO) in the organisation's zone; empty if it is unknown."""
    fact = incident.facts.get(path)
    if fact is None or not isinstance(fact.value, (str, datetime)):
        return ""
    at = fact.value if isinstance(fact.value, datetime) else datetime.fromisoformat(fact.value)
    return at.astimezone(incident.zone).date().isoformat()
