"""Values of a duty for its template, and the content that its law requires or forbids.

The letter engine rests on this: a template asks ``'freeze' in duty.parts`` and the law of the reader's state answers.
A general form goes over ``duty.content`` and prints each thing that the regime requires, with the facts that say it.

The credit monitoring that a law owes to people: offered in a notice only once a fact says that it was bought.

A letter that promises what nobody has ordered is a false statement to every reader and to the attorney general. What
the law asks for is a gap until provider, months and enrolment are recorded; fewer months than the law wants are a gap
as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from runner.base.link_targets import own_domains
from runner.documents.notice import Ban, Item, Notice
from runner.documents.template.values import Kept
from runner.facts.expression import Unknown
from runner.facts.vocabulary.fact_types import FactType
from runner.facts.vocabulary.lookup import fact_type
from runner.facts.vocabulary.register import nested
from runner.incident.state.incident import Incident
from runner.incident.state.library import Library
from runner.law.applicability import Evaluator, conjunction, disjunction
from runner.law.assessment import monitoring_months
from runner.law.duty import DutyRecord, DutyStatus
from runner.law.grounds import Condition
from runner.law.populations import Span, View, residents, views
from runner.law.regime import Authority, Content, DutyRule, Regime, Version

MONTHS = "risk.monitoring.months"
BOUGHT = (
    "risk.monitoring.provider",
    MONTHS,
    ("risk.monitoring.enrolment", "risk.monitoring.code"),
)
"""What has to be known of monitoring that was bought: who gives it, for how long, how people get it."""


def offers(rule: DutyRule, version: Version) -> tuple[DutyRule, ...]:
    """Return the duties whose offer of monitoring counts: its own, for an authority those towards the people."""
    if rule.credit_monitoring is not None:
        return (rule,)
    return tuple(duty for duty in version.duties if duty.recipient == "individuals")


def monitoring_items(rule: DutyRule, judges: Sequence[Evaluator]) -> Iterator[Item]:
    """Return what has to stand in a notice to people where the law owes them monitoring."""
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
    """Return another fact that says the same to a reader as the one that a regime names, so that either will do."""
    if path.startswith(_TOLD):
        return "incident.individual_notice_planned_at"
    return _SAYS_AS_WELL.get(path, "")


class Brief(msgspec.Struct, frozen=True):
    """One duty of one incident, with its law and the populations that it is about."""

    incident: Incident
    status: DutyStatus
    regime: Regime
    version: Version
    rule: DutyRule
    judges: tuple[Evaluator, ...]


def legal_context(incident: Incident, status: DutyStatus | None, library: Library) -> Brief | None:
    """Return the law behind a duty, as it was judged; None without a duty."""
    if status is None:
        return None
    slug = status.id.partition("/")[2]
    regime = library.regime(status.regime)
    for version in regime.versions if regime is not None else ():
        rule = next((duty for duty in version.duties if duty.slug == slug), None)
        if regime is not None and version.label == status.law_version and rule is not None:
            found = views(nested(incident.facts))
            # a judge for each population that the duty is owed to, for all where none is named
            judged = [view for view in found if view.id in status.populations] or found
            return Brief(incident, status, regime, version, rule, tuple(map(Evaluator, judged)))
    return None


def apply_duty(notice: Notice, found: Brief | None) -> Notice:
    """Return a notice that is checked by its duty's law as well, where it asks for that, and may lead to its authorities."""
    if found is None:
        return notice
    offices = own_domains(office.url for office in _offices(found))
    notice = msgspec.structs.replace(notice, links=(*notice.links, *sorted(offices)))
    if not notice.law_items:
        return notice
    items = tuple(_items(_wanted(found), found.judges))
    if "credit_monitoring" in notice.says:
        items += tuple(monitoring_items(found.rule, found.judges))
    bans = tuple(
        Ban(ref=content.ref, item=content.item, facts=content.facts)
        for content in found.rule.forbidden
        if _holds(content.condition, found.judges) is not False
    )
    return msgspec.structs.replace(
        notice, requires=(*notice.requires, *items), forbids=(*notice.forbids, *bans)
    )


def _wanted(found: Brief) -> Iterator[Content]:
    """Return what the law wants said; the reasons for a delay only where there is one."""
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
    """Return what a template reads under ``duty``. ``overdue`` hangs on the filing, not on the hour of rendering."""
    status, rule = found.status, found.rule
    seen = found.incident.duties.get(status.id)
    record, filed = (seen.record if seen is not None else None), _filed(status.id, found)
    content = [content for content in _wanted(found) if _holds(content.condition, found.judges) is not False]
    banned = [content for content in rule.forbidden if _holds(content.condition, found.judges) is not False]
    earlier = _earlier(found)
    # For how many months the law wants monitoring offered; what was bought counts while it is no less.
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
        "reasons": (record.late_reason or record.reason or None) if record is not None else None,
        "provisional": status.provisional,
        "parts": [item.part for item in content if item.part],
        "not_wanted": [content.part for content in banned if content.part],
        "monitoring_months": months,
        "offered_months": Kept(MONTHS, bought if bought is not None and bought >= months else None),
        "residents": _count(found, found.version.residents_of),
        "affected": _count(found, ""),
        "told_at": _told(found),
        "portal": rule.delivery.portal or None if rule.delivery is not None else None,
        "offices": [msgspec.to_builtins(office) for office in _offices(found)],
        "facts": sorted({path for item in content for path in item.facts}),
        "content": [_entry(item, found) for item in content],
    }


def _earlier(found: Brief) -> list[dict[str, Any]]:
    """Return what was filed before with the same recipient under the same law: other stages, the oldest first."""
    own = _filed(found.status.id, found)
    filings = []
    for rule in found.version.duties:
        record = _filed(f"{found.regime.id}/{rule.slug}", found)
        if record is None or rule.slug == found.rule.slug or rule.recipient != found.rule.recipient:
            continue
        if own is None or record.at <= own.at:
            filing = {"id": rule.slug, "stage": rule.stage, "filed_at": record.at}
            filings.append({**filing, "reference": record.reference or None})
    return sorted(filings, key=lambda filing: filing["filed_at"])


def _filed(duty: str, found: Brief) -> DutyRecord | None:
    view = found.incident.duties.get(duty)
    record = view.record if view is not None else None
    return record if record is not None and record.kind == "filed" else None


def _offices(found: Brief) -> Iterator[Authority]:
    return (
        authority for authority in found.regime.authorities if authority.place == found.status.jurisdiction
    )


def _told(found: Brief) -> Kept:
    """Return when the people of the law's place were told, with everyone or by themselves."""
    place, view = found.status.jurisdiction, found.judges[0].view
    told = (_plain(f"{_TOLD}{where}", view) for where in (place, "*"))
    return Kept(f"{_TOLD}{place}", next((at for at in told if at is not None), None))


def _count(found: Brief, place: str) -> Kept:
    """Return how many people the duty is about, in one place or in all; unknown while one count is a range.

    A number recorded for the place stands, even while it is not known where everybody lives.
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
    """Return one required thing with the facts that say it; facts of people and data once for each population."""
    paths = dict.fromkeys(_best(path, found) for path in one.facts)
    facts = [value for path in paths for value in _values(path, found)]
    return {"ref": one.ref, "item": one.item, "said_by": facts}


def _best(path: str, found: Brief) -> str:
    """Return the fact that says it: the one that the law names, or what says the same where only that is known."""
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
        # The path as documents write it, so that coverage recognises it in every population.
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
