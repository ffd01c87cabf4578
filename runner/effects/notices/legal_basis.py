"""Values of a duty for its template, and the content that its law requires or forbids.

Letters use this: a template asks ``'freeze' in duty.parts``, and the law of the reader's state decides.
A general form lists ``duty.content``: each required item of the regime, with its facts.

Legally required credit monitoring: a notice offers it only if a fact records its purchase.

A promise of monitoring that was not ordered is a false statement: the item is missing until provider, months and enrolment are
recorded; fewer months than required also count as missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from runner.base.link_targets import own_domains
from runner.documents.notice import Ban, Fits, Item, Notice
from runner.documents.template.filters import day
from runner.documents.template.values import Kept
from runner.effects.notices.translations import bare
from runner.facts.expression import Unknown
from runner.facts.vocabulary.fact_types import FactType
from runner.facts.vocabulary.lookup import fact_type
from runner.facts.vocabulary.register import nested
from runner.incident.law.filed import filed_differences, filing_of
from runner.incident.notices.staleness import changed_parts
from runner.incident.state.incident import Incident
from runner.incident.state.library import Library
from runner.law.applicability import Evaluator, conjunction, disjunction
from runner.law.assessment import monitoring_months
from runner.law.duty import DutyStatus, Office
from runner.law.grounds import Condition
from runner.law.populations import Span, View, residents, views
from runner.law.regime import Authority, Content, DutyRule, Regime, Version

_OFFICE = ("name", "unit", "address", "email", "phone", "languages", "hours", "zone", "cut_off", "checked")
_REFERENCE = re.compile(r"[+,\s]+")
MONTHS = "risk.monitoring.months"
BOUGHT = (
    "risk.monitoring.provider",
    MONTHS,
    ("risk.monitoring.enrolment", "risk.monitoring.code", "recipient.code"),
)
"""The required facts about purchased monitoring: provider, months and enrolment."""


def offers(rule: DutyRule, version: Version) -> tuple[DutyRule, ...]:
    """Return the duties whose monitoring offer counts: this duty, or for an authority the duties towards individuals."""
    if rule.credit_monitoring is not None:
        return (rule,)
    return tuple(duty for duty in version.duties if duty.recipient == "individuals")


def monitoring_items(rule: DutyRule, judges: Sequence[Evaluator]) -> Iterator[Item]:
    """Yield the required monitoring item of a notice to people, if the law requires monitoring."""
    offer = rule.credit_monitoring
    if offer is None:
        return
    owed = disjunction(
        conjunction(judge.holds(condition) for condition in offer.conditions) for judge in judges
    )
    if owed is False:
        return
    found = _recorded(judges)
    few = f"; {found} months are recorded" if found is not None and found < offer.months else ""
    yield Item(
        ref="monitoring",
        item=f"credit monitoring that was bought, for at least {offer.months} months: by whom, how to enrol{few}",
        facts=BOUGHT,
        unsure=owed.missing if isinstance(owed, Unknown) else (),
        of_law=True,
    )


def _recorded(judges: Sequence[Evaluator]) -> int | None:
    value = judges[0].view.fact(MONTHS) if judges else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


_OF_POPULATION = ("data", "people")
_SAYS_AS_WELL: Mapping[str, str] = {
    "data.categories_text": "data.elements",
    "incident.started_at": "incident.occurred_at",
    "incident.ended_at": "incident.occurred_at",
    "incident.occurred_at": "incident.started_at",
    "organisation.hotline.phone": "organisation.contact.phone",
    "organisation.contact.phone": "organisation.hotline.phone",
    "organisation.contact.address": "organisation.address",
    "organisation.address": "organisation.contact.address",
}
_TOLD = "incident.individual_notice_sent_at."


def _as_well(path: str) -> str:
    """Return an equivalent fact for a regime's fact, or an empty string; either fact is enough."""
    if path.startswith(_TOLD):
        return "incident.individual_notice_planned_at"
    return _SAYS_AS_WELL.get(path, "")


class Brief(msgspec.Struct, frozen=True):
    """One duty of one incident, with its law and its populations."""

    incident: Incident
    status: DutyStatus
    regime: Regime
    version: Version
    rule: DutyRule
    judges: tuple[Evaluator, ...]


def legal_context(incident: Incident, status: DutyStatus | None, library: Library) -> Brief | None:
    """Return the law of a duty, in the assessed version; None without a duty."""
    if status is None:
        return None
    slug = status.id.partition("/")[2]
    regime = library.regime(status.regime)
    for version in regime.versions if regime is not None else ():
        rule = next((duty for duty in version.duties if duty.slug == slug), None)
        if regime is not None and version.label == status.law_version and rule is not None:
            found = views(nested(incident.facts))
            # an evaluator for each population of the duty, or for all populations
            judged = [view for view in found if view.id in status.populations] or found
            return Brief(incident, status, regime, version, rule, tuple(map(Evaluator, judged)))
    return None


def apply_duty(notice: Notice, found: Brief | None) -> Notice:
    """Return a notice with the links of its authorities and, on request, the items of its duty's law."""
    if found is None:
        return notice
    offices = own_domains(url for office in _offices(found) for url in (office.url, office.form_url))
    notice = msgspec.structs.replace(notice, links=(*notice.links, *sorted(offices)))
    items = tuple(_items(_wanted(found), found.judges) if notice.law_items else _unlisted(notice, found))
    if notice.law_items and "credit_monitoring" in notice.says:
        items += tuple(monitoring_items(found.rule, found.judges))
    if notice.fits == Fits() and not found.rule.content:
        words = "The law's own list of contents is not in the law file: check the authority's form"
        items += (Item(ref="law", item=words, of_law=True),)
    items += tuple(_foreign(notice, languages_of(found)))
    bans = tuple(
        Ban(ref=content.ref, item=content.item, facts=content.facts)
        for content in found.rule.forbidden
        if _holds(content.condition, found.judges) is not False
    )
    return msgspec.structs.replace(
        notice, requires=(*notice.requires, *items), forbids=(*notice.forbids, *bans)
    )


def languages_of(found: Brief) -> tuple[str, ...]:
    """Return the languages in which the authority works, without regions; empty if the directory does not say."""
    office = found.status.authority
    return tuple(map(bare, office.languages)) if office is not None else ()


def _foreign(notice: Notice, spoken: Sequence[str]) -> Iterator[Item]:
    """Yield what to verify if the text is not in a language of the authority."""
    if notice.audience == "authority" and spoken and bare(notice.language) not in spoken:
        from babel import Locale

        *names, written = (str(Locale(tag).english_name) for tag in (*spoken, bare(notice.language)))
        words = f"the authority works in {' or '.join(names)}; this text is {written}. Check that the authority accepts it"
        yield Item(ref="language", item=words, of_law=True)


def _unlisted(notice: Notice, found: Brief) -> Iterator[Item]:
    """Yield the law's items whose reference no item of the template has: a person must verify each of them.

    The recipient must get them: an internal document, as the register, has its own list alone.
    """
    if notice.audience == "internal":
        return
    own = [_REFERENCE.sub(" ", item.ref) for item in notice.requires]
    for content in found.rule.content:
        ref = _REFERENCE.sub(" ", content.ref)
        # "(d)(2)(A)" is the end of "1798.82(d)(2)(A)", but neither of "(a)(d)(2)(A)" nor of "1798.82(d)(2)(A)(i)"
        ends = (r"(?<!\))", r"(?![\w(])") if ref.startswith("(") else (r"(?<!\w)", r"(?!\w)")
        listed = any(re.search(re.escape(ref).join(ends), other) for other in own)
        if not listed and _holds(content.condition, found.judges) is not False:
            yield Item(ref=content.ref, item=content.item, of_law=True)


def _wanted(found: Brief) -> Iterator[Content]:
    """Yield the content that the law requires; reasons for a delay only if there is a delay."""
    seen = found.incident.duties.get(found.status.id)
    for content in found.rule.content:
        late = seen is not None and seen.overdue
        facts = tuple(path for path in content.facts if late or path != "incident.delay_reasons")
        if facts or not content.facts:
            yield msgspec.structs.replace(content, facts=facts)


def _items(content: Iterable[Content], judges: Sequence[Evaluator]) -> Iterator[Item]:
    for item in content:
        answer = _holds(item.condition, judges)
        if answer is False:
            continue
        unsure = answer.missing if isinstance(answer, Unknown) else ()
        facts = tuple((path, other) if (other := _as_well(path)) else path for path in item.facts)
        yield Item(
            ref=item.ref, item=item.item, facts=facts, part=item.part or "", unsure=unsure, of_law=True
        )


def _holds(condition: Condition | None, judges: Sequence[Evaluator]) -> bool | Unknown:
    return True if condition is None else disjunction(judge.holds(condition) for judge in judges)


def duty_variables(found: Brief) -> dict[str, Any]:
    """Return the template variable ``duty``. ``overdue`` depends on the filing, not on the time of generation."""
    status, rule = found.status, found.rule
    seen = found.incident.duties.get(status.id)
    record, filed = (seen.record if seen is not None else None), filing_of(found.incident, status.id)
    content = [content for content in _wanted(found) if _holds(content.condition, found.judges) is not False]
    banned = [content for content in rule.forbidden if _holds(content.condition, found.judges) is not False]
    earlier = _earlier(found)
    # The months of monitoring that the law requires; purchased monitoring counts if it is at least as long.
    offered = (
        monitoring_months(offer, judge) for offer in offers(rule, found.version) for judge in found.judges
    )
    months = max((wanted or 0 for wanted in offered), default=0)
    bought = _recorded(found.judges)
    return {
        "id": status.id,
        "law": found.regime.name,
        "citation": status.citation,
        "jurisdiction": status.jurisdiction,
        "recipient": status.recipient,
        "stage": status.stage,
        "standard": rule.clock.standard,
        "due": status.due,
        "due_local": status.due_local,
        "overdue": seen.overdue if seen is not None else False,
        "state": "not_applicable" if record is None and status.verdict == "not_applicable" else status.state,
        "filed_at": filed.at if filed is not None else None,
        "reference": (filed.reference or None) if filed is not None else None,
        "first": earlier[0] if earlier else {},
        "earlier": earlier or None,
        "changed": list(_changed(earlier, found)) or None,
        "reasons": (record.late_reason or record.reason or None) if record is not None else None,
        "provisional": status.provisional,
        "parts": [item.part for item in content if item.part],
        "not_wanted": [content.part for content in banned if content.part],
        "monitoring_months": months,
        "offered_months": Kept(MONTHS, bought if bought is not None and bought >= months else None),
        "residents": _count(found, found.version.residents_of),
        "affected": _count(found, ""),
        "told_at": _told(found),
        "notified": _notified(found),
        "dated_at": _kept(f"incident.dated_at.{status.id}", found),
        # nobody until a person records it
        "certified": {
            name: _kept(f"incident.certified.{found.regime.id}.{name}", found)
            for name in ("name", "role", "at")
        },
        "exempt": _exempt(found),
        "portal": status.authority.form or None if status.authority is not None else None,
        "office": _office(status.authority),
        "offices": list(_informing(found)),
        "facts": sorted({path for item in content for path in item.facts}),
        "content": [_entry(item, found) for item in content],
    }


def _earlier(found: Brief) -> list[dict[str, Any]]:
    """Return earlier filings of other stages to the same recipient under the same law, oldest first."""
    own = filing_of(found.incident, found.status.id)
    filings = []
    for rule in found.version.duties:
        record = filing_of(found.incident, f"{found.regime.id}/{rule.slug}")
        if record is None or rule.slug == found.rule.slug or rule.recipient != found.rule.recipient:
            continue
        if own is None or record.at <= own.at:
            filing = {"id": rule.slug, "stage": rule.stage, "filed_at": record.at}
            filings.append({**filing, "reference": record.reference or None})
    return sorted(filings, key=lambda filing: filing["filed_at"])


def _changed(earlier: Sequence[Mapping[str, Any]], found: Brief) -> Iterator[dict[str, Any]]:
    """Yield each number and time that an earlier filing states and that is another now; prose is stated anew as a whole."""
    for filing in earlier:
        for one in filed_differences(found.incident, f"{found.regime.id}/{filing['id']}"):
            kind = fact_type(one.fact)
            if (
                isinstance(kind, FactType)
                and kind.kind in ("int", "number", "instant")
                and one.before is not None
            ):
                name, before, after = changed_parts(one, found.incident.zone)
                yield {"name": name, "before": before, "after": Kept(one.fact, one.after, after)}


def _office(office: Office | None) -> dict[str, Any]:
    """Return the authority that takes the notice; what the directory does not know is unknown."""
    known = {} if office is None else {name: getattr(office, name) or None for name in _OFFICE}
    return {**known, "portal": office.form or None if office is not None else None}


def _offices(found: Brief) -> Iterator[Authority]:
    return (one for one in found.regime.authorities if one.place == found.status.jurisdiction)


def _informing(found: Brief) -> Iterator[dict[str, Any]]:
    """Yield the offices that a letter can name as a source of information: those with an address and a telephone."""
    for office in _offices(found):
        if office.address and office.phone:
            yield {**msgspec.to_builtins(office), "address": ", ".join(office.address.splitlines())}


def _told(found: Brief) -> Kept:
    """Return the time of the notice to the people of the duty's place, alone or together with all people."""
    place, view = found.status.jurisdiction, found.judges[0].view
    told = (_plain(f"{_TOLD}{where}", view) for where in (place, "*"))
    return Kept(f"{_TOLD}{place}", next((at for at in told if at is not None), None))


def _notified(found: Brief) -> Kept:
    """Return how many people of the duty's place were notified; before the first notice, that none was and when it is planned."""
    count = _kept(f"incident.individual_notice_count_in.{found.status.jurisdiction}", found)
    planned = _plain("incident.individual_notice_planned_at", found.judges[0].view)
    residents = _count(found, found.version.residents_of).value
    if None in (planned, residents) or count.value is not None or _told(found).value is not None:
        return count
    zone = _plain("organisation.zone", found.judges[0].view) or "UTC"
    return Kept(count.path, f"0 so far; {residents:,} planned on {day(planned, 'en-US', zone)}")


def _kept(path: str, found: Brief) -> Kept:
    return Kept(path, _plain(path, found.judges[0].view))


def _exempt(found: Brief) -> dict[str, str]:
    """Return the ground on which it was decided not to notify the people, if the statute has that ground."""
    for duty in (f"{found.regime.id}/individuals", "eu-gdpr-34-data-subjects/individuals"):
        view = found.incident.duties.get(duty)
        record = view.record if view is not None else None
        if record is not None and record.kind == "decided_not_to_notify" and record.ground != "none":
            return {"ground": record.ground, "reason": record.reason}
    return {}


def _count(found: Brief, place: str) -> Kept:
    """Return the number of people of a duty, in one place or in all; unknown while a count is a range.

    A number recorded for the place counts, even if some places of residence are unknown.
    """
    path = f"people.by_jurisdiction.{place}" if place else "people.total"
    counts = [_counted(judge.view, path, place) for judge in found.judges]
    known = [count for count in counts if count is not None]
    return Kept(path, sum(known) if len(known) == len(counts) else None)


def _counted(view: View, path: str, place: str) -> int | None:
    recorded = view.fact(path)
    if isinstance(recorded, int) and not isinstance(recorded, bool):
        return recorded
    span = residents(view, place) if place else None
    return span.low if isinstance(span, Span) and span.low == span.high else None


def _entry(one: Content, found: Brief) -> dict[str, Any]:
    """Return one required item with its facts; facts of people and data once for each population."""
    paths = dict.fromkeys(_best(path, found) for path in one.facts)
    facts = [value for path in paths for value in _values(path, found)]
    return {"ref": one.ref, "item": one.item, "said_by": facts}


def _best(path: str, found: Brief) -> str:
    """Return the fact that the law names, or the equivalent fact if only that is known."""
    other = _as_well(path)
    if not other or any(_plain(path, judge.view) is not None for judge in found.judges):
        return path
    return other if all(_plain(other, judge.view) is not None for judge in found.judges) else path


def _values(path: str, found: Brief) -> Iterator[Mapping[str, Any]]:
    kind = fact_type(path)
    title = kind.title.rstrip("?") if isinstance(kind, FactType) else path
    several = len(found.judges) > 1 and path.partition(".")[0] in _OF_POPULATION
    for judge in found.judges if several else found.judges[:1]:
        name = f"{title} ({judge.view.id})" if several else title
        # The path as in documents, so that coverage recognises it in every population.
        one_of = judge.view.id and path.partition(".")[0] in _OF_POPULATION
        whole = f"populations[{judge.view.id}].{path}" if one_of else path
        yield {"name": name, "value": Kept(whole, _plain(path, judge.view))}


def _plain(path: str, view: View) -> Any:
    value = view.fact(path)
    if isinstance(value, Unknown):
        return None
    if isinstance(value, tuple):
        return [event for event in value if not isinstance(event, Unknown)]
    return dict(value) if isinstance(value, Mapping) else value
