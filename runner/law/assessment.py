"""Assessment of all duties of an incident: recipient, deadline, reasons, and missing facts.

Theory. For each regime the version in force on the date that the law names decides. Every population is
judged by itself (``runner.law.applicability``); a duty arises if it applies to at least one and the thresholds are met
over all of these. A false ground decides the verdict; while one is open the verdict is *unknown* and names the
missing facts. A further fact therefore cannot change an answer that is not unknown, except if a
regime's author wrote a rule for unknown answers, or if harm is presumed. Exemptions that would end a duty if
claimed are named beside it (``runner.law.applicability``). Rules that are not in force are *advisory*, never duties.

The assessment is a pure function: the same facts, records and instant give the same answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, TypeVar, get_args
from zoneinfo import ZoneInfo

import msgspec

from runner.base.states import Verdict
from runner.facts.expression import Unknown
from runner.facts.expressions.evaluate import merged
from runner.law.applicability import (
    Answer,
    Evaluator,
    Ground,
    Standing,
    claimed_ground,
    conjunction,
    evidence,
    exemption_grounds,
    reasons,
    scope_grounds,
    unclaimed,
)
from runner.law.counting import HolidayCalendar, NoHolidays
from runner.law.deadlines import Began, Deadline, Place, deadline, latest_safe_start
from runner.law.duty import INTERNAL_TARGET, DutyRecord, DutyState, DutyStatus, Evidence, Reason, Unless
from runner.law.duty_state import Dossier, done, earliest_awareness, state_of, with_ordering
from runner.law.equivalent_populations import Asked, Groups, Populations, asked
from runner.law.grounds import Threshold
from runner.law.law_enforcement_holds import Custody, custody, with_custody
from runner.law.offices import authority_of, short_name
from runner.law.populations import View, met
from runner.law.regime import DutyRule, Regime, Version
from runner.law.relevance import is_relevant, nearness, places
from runner.law.transposition import CODE, Transposition, applicable_states
from runner.law.versions import deciding, deciding_day

T = TypeVar("T")

_JUDGED = "risk."
"""A person judges the risk, after the facts that decide whether the law asks for it: NY § 899-aa(2)(a)."""
_NO_RECORDS: Mapping[str, DutyRecord] = {}
_NO_LEADS: Mapping[str, timedelta] = {}
_NEVER_LATE: Mapping[DutyState, DutyState] = {"overdue": "open", "held": "open", "filed_late": "filed"}
_EVIDENCE: tuple[Evidence, ...] = get_args(Evidence)
_COMPARED = {">": "more than", ">=": "at least", "<": "fewer than", "<=": "at most"}
_COUNTED = {
    "residents_notified": "residents of {place} owed notice",
    "persons_notified": "persons owed notice",
    "individuals_total": "individuals affected",
    "residents_of_one_state": "residents of one state owed notice",
}


class _Case(msgspec.Struct, frozen=True):
    """The data about the incident that all regimes share."""

    facts: Mapping[str, Any]
    now: datetime
    records: Mapping[str, DutyRecord]
    zone: tzinfo
    calendar: HolidayCalendar
    leads: Mapping[str, timedelta]
    earliest: Began | None
    populations: Populations
    judges: dict[str, Evaluator]
    """Cached per population, because laws repeat questions."""
    whole: Evaluator
    places: frozenset[str]
    nearness: Callable[[Sequence[str]], int]
    target: timedelta

    def judge(self, view: View) -> Evaluator:
        if view.id not in self.judges:
            self.judges[view.id] = Evaluator(view)
        return self.judges[view.id]


class _Law(msgspec.Struct, frozen=True):
    """One regime in its deciding version; ``barred`` says why that version makes no duty here."""

    regime: Regime
    version: Version
    barred: Reason | None
    advisory: bool
    groups: Groups
    judges: tuple[Evaluator, ...]
    """One for each group of populations."""
    scopes: tuple[tuple[Ground, ...], ...]
    claimed: Mapping[str, Reason]
    dossier: Dossier
    place: Place
    notes: tuple[str, ...]


class _Finding(msgspec.Struct, frozen=True):
    """Whether one duty arises, for which populations, and why; ``judge`` is the first population's."""

    answer: Answer
    because: tuple[Reason, ...]
    owed: tuple[View, ...]
    open_: tuple[View, ...]
    judge: Evaluator
    unless: tuple[Unless, ...] = ()
    fallen: bool = False
    """Whether the facts now support the ground of a decision not to notify less than at the decision."""


def assess(
    regimes: Sequence[Regime],
    facts: Mapping[str, Any],
    now: datetime,
    records: Mapping[str, DutyRecord] = _NO_RECORDS,
    *,
    calendar: HolidayCalendar | None = None,
    zone: tzinfo = UTC,
    first_known: datetime | None = None,
    leads: Mapping[str, timedelta] = _NO_LEADS,
    populations: Populations | None = None,
    target: timedelta = INTERNAL_TARGET,
) -> tuple[DutyStatus, ...]:
    """Return every duty of every regime at ``now``, regimes and duties in their order.

    ``facts`` are nested plain facts (``runner.facts.vocabulary.register.nested``), ``records`` are people's acts by duty id.
    ``zone`` is the time zone while ``organisation.zone`` is unknown. ``first_known`` is when the incident was opened: a
    clock without a recorded start and without a recorded discovery is provisional from there. ``leads`` is
    the time that approvals, rendering and delivery still need, by duty id. ``populations`` are those of these facts, if they are
    computed already. ``target`` is the time for a duty without a number, from the start of its clock.
    """
    whole = Evaluator(View(facts))
    case = _Case(
        facts,
        now,
        records,
        zone_of(whole.view, zone),
        calendar or NoHolidays(),
        leads,
        earliest_awareness(facts, first_known),
        populations or Populations(facts),
        {},
        whole,
        places(facts),
        nearness(facts),
        target,
    )
    statuses = [
        _status(rule, law, case)
        for regime in regimes
        for law in [_law(regime, case)]
        for rule in law.version.duties
    ]
    return _ordered_by_use(statuses)


def zone_of(view: View, otherwise: tzinfo) -> tzinfo:
    """Return the time zone of an incident's dates."""
    recorded = view.fact("organisation.zone")
    return ZoneInfo(recorded) if isinstance(recorded, str) else otherwise


# ------------------------------------------------------------------------------------- the law that decides


def _law(regime: Regime, case: _Case) -> _Law:
    version, barred, advisory, notes = deciding(
        regime.decided_by, regime.versions, case.whole.view, case.now, case.zone
    )
    country = case.whole.view.fact("organisation.country")
    place = version.residents_of or regime.jurisdictions[0]
    claimed = _claims(regime, case.facts)
    day = deciding_day(regime.decided_by, case.whole.view, case.now, case.zone)
    groups = case.populations.groups(_asked(version))
    judges = tuple(map(case.judge, groups.firsts))
    states, coming = applicable_states(version.national, groups.firsts, day)
    scopes = [scope_grounds(version, judge, claimed) for judge in judges]
    return _Law(
        regime,
        version,
        barred,
        advisory or coming,
        groups,
        judges,
        tuple(_with_state(grounds, states[n : n + 1], claimed) for n, grounds in enumerate(scopes)),
        claimed,
        Dossier(regime.id, version.duties, place, case.whole, case.records),
        Place(
            ZoneInfo(regime.zone) if regime.zone else case.zone,
            country if isinstance(country, str) else regime.jurisdictions[0],
            case.calendar,
            case.zone,
        ),
        _once((*notes, *(note for state in states for note in state.notes))),
    )


def _asked(version: Version) -> Asked:
    rules = [condition for rule in version.duties for condition in (*rule.only_if, *rule.unless)]
    table = () if version.personal_information is None else (version.personal_information,)
    return asked((*version.scope, *rules), version.exemptions, table, version.residents_of)


def _with_state(
    grounds: tuple[Ground, ...], states: Sequence[Transposition], claimed: Mapping[str, Reason]
) -> tuple[Ground, ...]:
    """Put the grounds of national law before the other grounds; counsel's position on it is first."""
    ours = [claimed_ground(CODE, claimed) or Ground(state.reason, state.answer) for state in states]
    return (*ours, *grounds)


def _claims(regime: Regime, facts: Mapping[str, Any]) -> dict[str, Reason]:
    """Return counsel's positions on this regime; a position without an author or grounds has no effect."""
    fact = facts.get("claims") or ()
    members = fact.values() if isinstance(fact, Mapping) else fact
    return {
        str(claim["position"]): Reason(
            "claim", f"position taken by {claim['by']}: {claim['position']} ({claim['grounds']})"
        )
        for claim in members
        if claim.get("regime") == regime.id and all(claim.get(key) for key in ("position", "by", "grounds"))
    }


# ----------------------------------------------------------------------------------------------- verdicts


def _finding(rule: DutyRule, law: _Law, case: _Case) -> _Finding:
    """Judge one duty: population by population, then the thresholds over those to notify."""
    if law.barred is not None:
        return _Finding(False, (law.barred,), (), (), case.whole)
    able = law.version.exemptions_of(rule.slug)
    grounds = [
        (
            *scope,
            *(judge.ground(condition, law.claimed) for condition in rule.only_if),
            *(judge.ground(condition, law.claimed, wanted=False) for condition in rule.unless),
            *exemption_grounds(able, judge, law.claimed),
        )
        for scope, judge in zip(law.scopes, law.judges, strict=True)
    ]
    answers = [conjunction(ground.answer for ground in each) for each in grounds]
    spread = law.groups.spread
    each = list(law.groups.each([spread(one) if isinstance(one, Unknown) else one for one in answers]))
    owed = tuple(view for view, answer in each if answer is True)
    open_ = [(view, answer) for view, answer in each if isinstance(answer, Unknown)]
    reached = [_threshold(threshold, owed, open_) for threshold in rule.thresholds] if owed or open_ else []
    within: Answer = True
    if not owed:
        within = merged({id(unknown): unknown for _, unknown in open_}.values()) if open_ else False
    answer = conjunction((within, *(ground.answer for ground in reached)))
    notes = [
        reasons(ground, one) if _decides(one, within) else ()
        for ground, one in zip(grounds, answers, strict=True)
    ]
    failed = reasons(reached, False) if answer is False and within is not False else ()
    because = failed or _once((*law.groups.told(notes), *reasons(reached, answer)))
    first = next((n for n, one in enumerate(answers) if one is True or (not owed and one is not False)), None)
    stands = Standing(law.judges, grounds, answers, law.groups) if answer is True else None
    unless = () if stands is None else unclaimed(able, stands)
    record = case.records.get(f"{law.regime.id}/{rule.slug}")
    now = evidence(record.ground, able, unless, stands) if record and record.ground and stands else "for"
    return _Finding(
        answer,
        because,
        owed,
        tuple(view for view, _ in open_),
        case.whole if first is None else law.judges[first],
        unless,
        record is not None and _EVIDENCE.index(now) < _EVIDENCE.index(record.evidence),
    )


def _decides(answer: Answer, within: Answer) -> bool:
    """Whether a population's answer decided the verdict: all unknown answers together, or all true ones."""
    return isinstance(answer, Unknown) if isinstance(within, Unknown) else answer is within


def _threshold(threshold: Threshold, owed: Sequence[View], open_: Sequence[tuple[View, Unknown]]) -> Ground:
    answer = met(threshold, owed, open_)
    counted = _COUNTED[threshold.count].format(place=threshold.place)
    text = f"{_COMPARED[threshold.op]} {threshold.n:,} {counted}"
    if answer is False:
        return Ground(Reason("threshold_not_met", f"not {text}"), False)
    return Ground(Reason("threshold", text), answer)


# ----------------------------------------------------------------------------------------------- statuses


def _status(rule: DutyRule, law: _Law, case: _Case) -> DutyStatus:
    finding = _finding(rule, law, case)
    computed = deadline(rule.clock, law.dossier, law.place, case.earliest)
    if computed.due_kind == "waits_for_event" and (first := _not_notified(rule, law, case)):
        why = Reason("first_not_notified", f"follows {first}, and the decision is not to file {first}")
        finding = msgspec.structs.replace(finding, answer=False, because=(why,), unless=())
    verdict: Verdict = "applies" if finding.answer is True else "unknown"
    if finding.answer is False:
        verdict = "not_applicable"
    elif law.advisory or rule.voluntary:
        verdict = "advisory"
    seen = is_relevant(finding.answer, law.regime.jurisdictions, case.places)
    identity = f"{law.regime.id}/{rule.slug}"
    held = custody(rule.hold, identity, law.regime.jurisdictions, case.facts, case.now)
    computed = with_custody(with_ordering(computed, rule, law.dossier, law.place), rule.hold, held, law.place)
    out = verdict == "not_applicable"
    due = None if out else computed.due
    state = state_of(rule.slug, law.dossier, held, due, case.now, decided=not finding.fallen)
    if out and law.dossier.record(rule.slug) is None:
        state = "open"  # a fact cannot do a duty that does not apply
    binding = seen and verdict in ("applies", "unknown")
    return DutyStatus(
        id=identity,
        regime=law.regime.id,
        jurisdiction=law.regime.jurisdictions[0],
        law_version=law.version.label,
        stage=rule.stage,
        recipient=rule.recipient,
        populations=tuple(view.id for view in finding.owed or finding.open_ if view.id),
        verdict=verdict,
        # A duty that does not apply, does not bind or is not relevant yet is never late; a lapsed decision does not count.
        state=state if binding else _NEVER_LATE.get(state, state),
        due=due,
        due_local=due.astimezone(computed.zone) if due else None,
        due_date=None if out else computed.due_date,
        due_kind=computed.due_kind,
        provisional=computed.provisional and not out,
        not_before=None if out else computed.not_before,
        latest_legal=None if out else computed.latest_legal,
        latest_safe_start=latest_safe_start(
            None if verdict == "advisory" else due, case.leads.get(identity, timedelta())
        ),
        standard=rule.clock.standard,
        clock=computed.reading,
        missing_facts=_missing(rule, finding, computed, verdict),
        because=finding.because,
        in_sight=seen,
        citation=rule.citation or law.version.citation,
        confidence=rule.level,
        notes=() if out else tuple(_notes(rule, law, finding, computed, held, case)),
        unless=finding.unless if verdict == "applies" else (),
        distance=case.nearness(law.regime.jurisdictions),
        record=done(case.records.get(identity)),
        internal_target=computed.reading.start + case.target
        if binding and computed.due_kind == "no_number" and computed.reading.start
        else None,
        authority=authority_of(rule, law.regime, finding.judge, computed.zone),
        law=short_name(rule, law.regime, law.version),
    )


def _not_notified(rule: DutyRule, law: _Law, case: _Case) -> str:
    """Return the duty whose filing alone starts this one, if people decided that it is never filed, and that stands."""
    starts = [limb.start for limb in rule.clock.limbs]
    first = next((one for one in law.version.duties if one.slug == starts[0].duty), None) if starts else None
    record = law.dossier.record(first.slug) if first is not None else None
    if first is None or record is None or record.kind not in ("decided_not_to_notify", "waived"):
        return ""
    alone = all(start.duty == first.slug and not start.facts for start in starts)
    return first.slug if alone and not _finding(first, law, case).fallen else ""


def _missing(rule: DutyRule, finding: _Finding, found: Deadline, verdict: Verdict) -> tuple[str, ...]:
    if isinstance(finding.answer, Unknown):
        return finding.answer.missing
    if verdict != "applies":
        return () if verdict == "not_applicable" else found.missing
    exempt = (fact for exemption in finding.unless for fact in exemption.missing)
    offer = _offer(rule, finding.judge)
    return _once((*found.missing, *exempt, *(offer.missing if isinstance(offer, Unknown) else ())))


def _notes(
    rule: DutyRule, law: _Law, finding: _Finding, found: Deadline, held: Custody | None, case: _Case
) -> Iterable[str]:
    """Yield the notes of a duty besides its date: assumptions, readings, offers, doubts."""
    yield from law.notes
    if found.provisional and found.due is not None and case.earliest is not None:
        yield f"unconfirmed: counted from {case.earliest.by} until a named person records {found.reading.start_fact}"
    if finding.owed and finding.open_:
        yield f"undetermined for: {', '.join(view.id for view in finding.open_)}"
    if len(entities := dict.fromkeys(view.entity for view in finding.owed if view.entity)) > 1:
        yield f"each of these legal entities has this duty: {', '.join(entities)}"
    if held is not None and held.note:
        yield held.note
    late = found.due is not None and case.now > found.due and not (law.advisory or rule.voluntary)
    if late and rule.lateness is not None and rule.lateness.reasons_required:
        yield f"overdue: the notice must give the reasons for the delay ({rule.lateness.ref})"
    if (months := monitoring_months(rule, finding.judge)) is not None:
        yield f"offer {months} months of credit monitoring"
    yield from (
        remark.text
        for remark in rule.remarks
        if remark.condition is None or finding.judge.holds(remark.condition) is True
    )
    yield from found.notes
    if rule.confidence_note:
        yield f"{rule.confidence}: {rule.confidence_note}"


def monitoring_months(rule: DutyRule, judge: Evaluator) -> int | None:
    """Return the months of credit monitoring that letters of this duty must offer, None without such an offer."""
    return rule.credit_monitoring.months if rule.credit_monitoring and _offer(rule, judge) is True else None


def _offer(rule: DutyRule, judge: Evaluator) -> Answer:
    """Return whether the letters of this duty must offer credit monitoring."""
    offer = rule.credit_monitoring
    return offer is not None and conjunction(judge.holds(condition) for condition in offer.conditions)


def _ordered_by_use(statuses: Sequence[DutyStatus]) -> tuple[DutyStatus, ...]:
    """Sort every list of missing facts: first those that most relevant duties wait for, a person's judgement last."""
    counter = Counter[str]()
    for status in statuses:
        if status.in_sight:
            counter.update(status.missing_facts)

    def order(name: str) -> tuple[bool, int]:
        return _JUDGED in name, -counter[name]

    # Laws share their lists: each is sorted once.
    every = {status.missing_facts for status in statuses if len(status.missing_facts) > 1}
    first = {names: tuple(sorted(names, key=order)) for names in every}
    return tuple(
        msgspec.structs.replace(status, missing_facts=first[status.missing_facts])
        if status.missing_facts in first
        else status
        for status in statuses
    )


def _once(items: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(items))
