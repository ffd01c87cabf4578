"""People of a list per place, compared with the recorded facts and with the counts that authorities were told.

Letters and the check of all notices use the same comparison. A list that disagrees with the facts may cross a threshold, so
the differences are shown before a letter is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from runner.base.jurisdictions import EU_MEMBERS
from runner.facts.expression import Unknown
from runner.facts.vocabulary.register import Fact, nested
from runner.incident.notices.staleness import recorded_as, value_at
from runner.incident.state.incident import Incident
from runner.law.populations import Span, View, everyone, residents, views

Counts = Mapping[tuple[str, str], int]
"""People by place and affected group, as a list has them; either may be empty."""
_PLACE = "people.by_jurisdiction."


class CountDifference(msgspec.Struct, frozen=True, kw_only=True):
    """A place where the list has another count than the facts or than a filed notice."""

    place: str
    """Empty for all people of the group."""
    population: str
    listed: int
    recorded: Span | None
    """None if no count is recorded."""
    told: tuple[tuple[str, int], ...] = ()
    """The duties of filed notices with another count, each with the count."""

    @property
    def recorded_differs(self) -> bool:
        """Whether the facts do not have the count of the list."""
        span = self.recorded
        return span is None or not span.low <= self.listed <= (
            self.listed if span.high is None else span.high
        )

    @property
    def fact(self) -> str:
        """The path of the count."""
        group = f"populations.{self.population}." if self.population else ""
        return f"{group}{_PLACE}{self.place}" if self.place else f"{group}people.total"


def levels(place: str) -> Iterator[str]:
    """Yield a place and its larger places: ``US-MA``, then ``US``; ``DE``, then ``EU``."""
    yield place
    country, _, part = place.partition("-")
    if part:
        yield country
    if country in EU_MEMBERS:
        yield "EU"


def differences(incident: Incident, counts: Counts, laws: Iterable[str] = ()) -> tuple[CountDifference, ...]:
    """Compare the counts of a list; ``laws`` are places whose recorded people must all be in the list."""
    found = views(nested(incident.facts))
    known = {(place, view.id) for view in found for place in (view.census[0] if view.census else ())}
    groups, covered = {group for _, group in counts}, frozenset(laws)
    wanted = {
        next(((level, group) for level in levels(place) if (level, group) in known), (place, group))
        for place, group in counts
    }
    wanted |= {key for key in known if key[1] in groups and covered & {*levels(key[0])}}
    rows = (_difference(incident, counts, found, *key) for key in sorted(wanted))
    return tuple(row for row in rows if row is not None)


def _difference(
    incident: Incident, counts: Counts, found: tuple[View, ...], place: str, population: str
) -> CountDifference | None:
    listed = sum(
        count
        for (where, group), count in counts.items()
        if group == population and (not place or place in levels(where))
    )
    own = [view for view in found if view.id == population] or found
    spans = [residents(view, place) if place else everyone(view) for view in own]
    known = [span for span in spans if isinstance(span, Span)]
    highs = [span.high for span in known if span.high is not None]
    recorded = None
    if known and not any(isinstance(span, Unknown) for span in spans):
        top = sum(highs) if len(highs) == len(known) else None
        recorded = Span(max(span.low for span in known), top)
    row = CountDifference(place=place, population=population, listed=listed, recorded=recorded)
    told = tuple(one for one in _told(incident, row.fact) if one[1] != listed)
    return msgspec.structs.replace(row, told=told) if told or row.recorded_differs else None


def _told(incident: Incident, fact: str) -> Iterator[tuple[str, int]]:
    """Yield the count of a place in each filed notice, over its groups, as the facts were when its text was made."""
    made = {document.digest: document for document in incident.documents.values()}
    ordered = sorted(incident.facts)
    keys = {key for key in ordered if key == fact or key.endswith(f".{fact}")}
    for duty in incident.duties.values():
        document = made.get(duty.record.digest) if duty.record is not None else None
        read = {
            key: value_at(incident, key, entry)[1]
            for path, entry in (document.facts.items() if document is not None else ())
            for key in keys.intersection(recorded_as(path.removesuffix("[]"), ordered))
        }
        if known := [value for value in read.values() if type(value) is int]:
            yield duty.id, sum(known)


def as_listed(incident: Incident, rows: Iterable[CountDifference]) -> Incident:
    """Return the incident as if the facts had the counts of the list."""
    at = max((fact.at for fact in incident.facts.values()), default=incident.opened_at)
    facts = {row.fact: Fact(key=row.fact, value=row.listed, at=at) for row in rows}
    return msgspec.structs.replace(incident, facts={**incident.facts, **facts})


def difference_words(row: CountDifference) -> str:
    """Return a difference for people."""
    where = " ".join(filter(None, (row.place, row.population))) or "In all"
    told = "".join(f"; {duty} states {people:,}" for duty, people in row.told)
    facts = "not recorded"
    if (span := row.recorded) is not None:
        high = "more" if span.high is None else f"{span.high:,}"
        facts = f"{span.low:,}" if span.low == span.high else f"{span.low:,} to {high}"
    return f"{where}: list {row.listed:,}, facts {facts}{told}"
