"""Duties of an incident: a new assessment of the law, as one event with its cause."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec

from runner.decoding import from_json
from runner.facts.expressions.evaluate import truth
from runner.facts.vocabulary.register import Fact, nested
from runner.incident.law.filed import NOTHING_FURTHER, all_differences, filed_differences
from runner.incident.law.lead_times import lead_times
from runner.incident.notices.list_counts import levels
from runner.incident.state import events as e
from runner.incident.state.events import DutiesAssessed, DutyChange
from runner.incident.state.incident import Document, DutyView, Incident
from runner.incident.state.library import Library
from runner.law.assessment import assess, zone_of
from runner.law.duty import DutyRecord, DutyStatus
from runner.law.duty_state import PEOPLE, done
from runner.law.equivalent_populations import Populations
from runner.law.populations import View
from runner.law.regime import Regime
from runner.law.screening import ScreeningResult, screen
from runner.law.screening_index import Outline

_RANKS = ("not_applicable", "advisory", "unknown", "applies")
_WORDS = {"unknown": "it may apply now", "applies": "it applies now"}


def reason_to_reopen(before: DutyView, now: DutyStatus, facts: View) -> str:
    """Return why a decision not to notify is revoked; the empty string while it is in force."""
    record = before.record
    if record is None or record.kind != "decided_not_to_notify":
        return ""
    if record.watch is not None and truth(record.watch, facts) is True:
        return f"the watched condition is true: {record.watch.source}"
    if now.state != record.kind:
        return f"the facts do not support the ground any more: {record.ground}"
    if any(exemption.ground == record.ground for exemption in now.unless):
        return ""
    if _RANKS.index(now.verdict) > _RANKS.index(before.verdict):
        because = "; ".join(reason.text for reason in now.because)
        return f"{_WORDS.get(now.verdict, now.verdict)}: {because}"
    return ""


BINDING = ("applies", "unknown")
"""Verdicts whose clocks run: the clock of an undetermined duty runs, too."""
FILED = ("filed", "filed_late")
LIVE = ("open", "overdue", "held", "claimed")
"""States of a duty that is not done."""


def is_binding(duty: DutyStatus) -> bool:
    """Tell whether a duty applies, or may apply, to this organisation."""
    return duty.verdict in BINDING and duty.in_sight


def duty_statuses(incident: Incident, now: datetime, library: Library) -> tuple[DutyStatus, ...]:
    """Return every duty of the pinned law in its present state, in full, for views and documents."""
    return _statuses(incident, nested(incident.facts), now, library, library.regimes)


def near_statuses(
    incident: Incident, now: datetime, library: Library, also: Iterable[str] = ()
) -> tuple[DutyStatus, ...]:
    """Return the same for only those laws that are relevant, or have a record or an exemption, and for the laws of the duties ``also``."""
    if library.outline is None:
        return duty_statuses(incident, now, library)
    named = {duty.partition("/")[0] for duty in also}
    facts = nested(incident.facts)
    people = Populations(facts)
    judged = _judged(incident, facts, now, library.outline)
    return _statuses(incident, facts, now, library, _near_laws(judged, library, named), people)


Statuses = tuple[DutyStatus, ...]
Keep = Callable[[Hashable, Callable[[], Statuses]], Statuses]
"""Returns what it kept under a key a short time ago, otherwise what the function makes."""


def kept_statuses(
    incident: Incident, now: datetime, library: Library, keep: Keep | None
) -> tuple[DutyStatus, ...]:
    """Return every duty in full; with ``keep``, only the laws of ``near_statuses`` are assessed anew while no fact changes.

    Tasks, records, documents and messages change duties of these laws alone. The others depend on facts and time.
    """
    if keep is None:
        return duty_statuses(incident, now, library)
    near = near_statuses(incident, now, library)
    plans = tuple(run.plan for run in incident.runs.values())
    newest = len(incident.fact_events), max(incident.fact_events.values(), default=0)
    about = (incident.id, incident.catalogue, plans, newest, frozenset(one.regime for one in near))
    fresh = {one.id: one for one in near}
    every = keep(about, lambda: duty_statuses(incident, now, library))
    return tuple(fresh.get(one.id, one) for one in every)


def _records(incident: Incident) -> dict[str, DutyRecord]:
    return {duty.id: duty.record for duty in incident.duties.values() if duty.record is not None}


def _assessed(
    incident: Incident,
    facts: Mapping[str, Any],
    now: datetime,
    library: Library,
    regimes: Sequence[Regime],
    **more: Any,
) -> tuple[DutyStatus, ...]:
    """Assess the duties of an incident's laws; ``more`` is handed to ``assess``."""
    found = assess(
        regimes,
        facts,
        now,
        _records(incident),
        calendar=library.calendar,
        first_known=incident.opened_at,
        target=library.target,
        **more,
    )
    return tuple(_claimed(status, incident) for status in found)


def signed_at(incident: Incident, document: Document) -> datetime | None:
    """Return when an approval of exactly these bytes was reached, before any later version; None if there was none."""
    step = incident.invocations[document.step]
    return next(
        (
            invocation.ended_at
            for invocation in incident.invocations.values()
            if invocation.kind == "approve"
            and invocation.state in ("done", "done_late")
            and (invocation.subject, invocation.scope, invocation.digest)
            == (step.step, step.scope, document.digest)
        ),
        None,
    )


def local_words(at: datetime, incident: Incident) -> str:
    """Return a time in the zone of the organisation, which it names: ``Fri 27 Nov 2026, 14:00 CET``."""
    return f"{at.astimezone(zone_of(View(nested(incident.facts)), UTC)):%a %d %b %Y, %H:%M %Z}"


def claim(status: DutyStatus, facts: Mapping[str, Fact]) -> Fact | None:
    """Return the fact that says that a duty is done, None without one."""
    where = "incident.individual_notice_sent_at"
    paths = (f"incident.stage_submitted_at.{status.id}", f"{where}.{status.jurisdiction}", f"{where}.*")
    return next((facts[path] for path in paths if path in facts), None)


def _claimed(status: DutyStatus, incident: Incident) -> DutyStatus:
    """Return a duty to people as claimed if a fact alone says that it is done: a fact has no approved text and no proof."""
    if status.state not in FILED or status.record is not None or status.recipient not in PEOPLE:
        return status
    texts = incident.documents.values()
    if any(text.duty == status.id and signed_at(incident, text) is not None for text in texts):
        return status
    sent = (campaign for campaign in incident.campaigns.values() if campaign.state in ("sending", "done"))
    if any(status.jurisdiction in levels(place) for campaign in sent for (place, _), _ in campaign.counts):
        return status
    fact = claim(status, incident.facts)
    words = "Claimed sent, no approved text on record"
    if fact is not None:
        sent_at = local_words(datetime.fromisoformat(str(fact.value)), incident)
        words = f"Claimed sent by {fact.by} at {sent_at}, no approved text on record"
    return msgspec.structs.replace(status, state="claimed", notes=(words, *status.notes))


def _statuses(
    incident: Incident,
    facts: Mapping[str, Any],
    now: datetime,
    library: Library,
    regimes: Sequence[Regime],
    populations: Populations | None = None,
) -> tuple[DutyStatus, ...]:
    statuses = _assessed(
        incident, facts, now, library, regimes, leads=lead_times(incident, library), populations=populations
    )
    return tuple(_with_records(status, incident) for status in statuses)


def _with_records(status: DutyStatus, incident: Incident) -> DutyStatus:
    """Add the records of a duty before and after the present one, and how its filed text differs from the facts."""
    kept = incident.duties.get(status.id)
    if kept is None or not (kept.earlier or kept.record):
        return status
    earlier, after = (
        tuple(one for record in records if (one := done(record)) is not None)
        for records in (kept.earlier, kept.corrections.values())
    )
    differs = filed_differences(incident, status.id)
    return msgspec.structs.replace(status, earlier=earlier, corrections=after, differs=differs)


def duty_passed(incident: Incident, now: datetime) -> bool:
    """Tell whether a due time has passed since the last assessment."""
    return any(d.due is not None and d.due < now and _runs(d) for d in incident.duties.values())


def next_duty_look(duty: DutyView, now: datetime) -> datetime | None:
    """Return the first instant at which a duty is overdue, None if time does not change it any more."""
    if duty.due is None or duty.due < now or not _runs(duty):
        return None
    return duty.due + timedelta(microseconds=1)


def _runs(duty: DutyView) -> bool:
    """Tell whether time alone can still make a duty overdue."""
    open_ = not duty.overdue and not duty.settled and duty.record is None
    return open_ and duty.in_sight and duty.verdict in BINDING


def assessment(incident: Incident, now: datetime, library: Library) -> DutiesAssessed:
    """Return which duties are new, changed or gone since the last assessment; newest facts that it did not see are the cause.

    If no fact that the law reads has changed since then, nothing is assessed.
    """
    newest = max(incident.fact_events.values(), default=0)
    recorded = (entry for duty in incident.duties.values() for entry in (duty.entry, *duty.corrections))
    moved = newest > max(incident.looked, *recorded, 0)  # else a record of a duty is the cause, or time
    because = tuple(sorted(key for key, seq in incident.fact_events.items() if moved and seq == newest))
    if _unmoved(incident, now, library):
        return DutiesAssessed(changes=(), because=because)
    changes = []
    facts = nested(incident.facts)
    view = View(facts)
    for found in looks(incident, facts, now, library):
        seen = incident.duties.get(found.view.id)
        reopened = reason_to_reopen(seen, found.status, view) if seen is not None and found.status else ""
        reopened = reopened or _more_to_say(incident, seen)
        if seen is None or reopened or (_standing(seen) != _standing(found.view)):
            changes.append(_change(found.view, reopened))
    return DutiesAssessed(changes=tuple(changes), because=because)


def _more_to_say(incident: Incident, seen: DutyView | None) -> str:
    """Return why a duty to supplement is open again after the decision that there is nothing to add."""
    if seen is None or seen.record is None or seen.record.ground != NOTHING_FURTHER:
        return ""
    differ = next(all_differences(incident, seen.id.partition("/")[0]), None)
    return f"facts changed that the text filed for {differ[0]} states" if differ is not None else ""


_KEPT = ("verdict", "due", "provisional", "missing", "overdue", "in_sight", "settled", "waits")


def _change(view: DutyView, reopened: str) -> DutyChange:
    return DutyChange(duty=view.id, reopened=reopened, **{name: getattr(view, name) for name in _KEPT})


def _unmoved(incident: Incident, now: datetime, library: Library) -> bool:
    """Tell whether no fact that is newer than the last assessment is read by a pinned law or by a decision."""
    if library.outline is None or not incident.assessed or not incident.looked:
        return False
    if not incident.assess or duty_passed(incident, now):
        return False
    newer = [key for key, seq in incident.fact_events.items() if seq > incident.looked]
    records = [duty.record for duty in incident.duties.values() if duty.record is not None]
    if newer and any(record.ground == NOTHING_FURTHER for record in records):
        return False
    watches = [record.watch.facts for record in records if record.watch is not None]
    reads = (*library.outline.reads, *(path for each in watches for path in each))
    return not any(_bears(key, path) for key in newer for path in reads)


def _bears(key: str, path: str) -> bool:
    """Tell whether a fact's key equals the path, is inside of it, or contains it; ``*`` means every entry of a map."""
    held = key.removesuffix(".*")
    return held == path or held.startswith(f"{path}.") or path.startswith(f"{held}.")


class Look(msgspec.Struct, frozen=True):
    """The assessed state of one duty; ``status`` exists if the law was assessed in full."""

    view: DutyView
    status: DutyStatus | None = None


def looks(incident: Incident, facts: Mapping[str, Any], now: datetime, library: Library) -> Iterator[Look]:
    """Yield the stored state of every duty, in the order of the laws.

    The outline has the verdicts on all laws; only relevant laws and laws with a record or an exemption are assessed in full.
    """
    if library.outline is None:
        yield from _in_full(incident, facts, now, library, library.regimes)
        return
    people = Populations(facts)
    judged = _judged(incident, facts, now, library.outline)
    full = _in_full(incident, facts, now, library, _near_laws(judged, library), people)
    by_law: dict[str, list[Look]] = {}
    for look in full:
        by_law.setdefault(look.view.id.partition("/")[0], []).append(look)
    for law, (_, each) in zip(library.outline.laws, judged, strict=True):
        yield from by_law.get(law.id) or map(_far, each)


def _judged(
    incident: Incident, facts: Mapping[str, Any], now: datetime, outline: Outline
) -> list[tuple[bool, tuple[ScreeningResult, ...]]]:
    """Return the verdicts on each law's duties, and whether the law needs a full assessment."""
    touched = _touched(incident, facts, outline)
    day = now.astimezone(zone_of(View(facts), UTC)).replace(hour=12, minute=0, second=0, microsecond=0)
    screened = _screened(outline, msgspec.json.encode(facts), day)
    return [(number in touched or any(map(_near, each)), each) for number, each in enumerate(screened)]


@lru_cache(maxsize=16)
def _screened(outline: Outline, facts: bytes, day: datetime) -> tuple[tuple[ScreeningResult, ...], ...]:
    """Screen the laws; within a day the verdicts depend on the facts alone."""
    return tuple(screen(outline, from_json(facts, dict[str, Any]), day, day.tzinfo or UTC))


def _near_laws(
    judged: Sequence[tuple[bool, tuple[ScreeningResult, ...]]], library: Library, also: Collection[str] = ()
) -> list[Regime]:
    laws = library.outline.laws if library.outline is not None else ()
    return [
        library.regimes[number]
        for number, ((near, _), law) in enumerate(zip(judged, laws, strict=True))
        if near or law.id in also
    ]


def _near(gist: ScreeningResult) -> bool:
    return gist.in_sight and gist.verdict != "not_applicable"


def _far(gist: ScreeningResult) -> Look:
    return Look(DutyView(id=gist.duty, verdict=gist.verdict, missing=gist.missing, in_sight=gist.in_sight))


def _touched(incident: Incident, facts: Mapping[str, Any], outline: Outline) -> frozenset[int]:
    """Return the laws that need a full assessment: they have a record, a sent notice or an exemption."""
    done = {duty.id.partition("/")[0] for duty in incident.duties.values() if duty.record is not None}
    happened = facts.get("incident") or {}
    done |= {key.partition("/")[0] for key in happened.get("stage_submitted_at") or {}}
    done |= {str(claim.get("regime")) for claim in facts.get("claims") or ()}
    notified = frozenset(happened.get("individual_notice_sent_at") or {})
    return frozenset(
        number
        for number, law in enumerate(outline.laws)
        if law.id in done or "*" in notified or (notified and not notified.isdisjoint(law.places()))
    )


def _in_full(
    incident: Incident,
    facts: Mapping[str, Any],
    now: datetime,
    library: Library,
    regimes: Sequence[Regime],
    populations: Populations | None = None,
) -> Iterator[Look]:
    records = _records(incident)
    for status in _assessed(incident, facts, now, library, regimes, populations=populations):
        settled = status.id not in records and _settled(status, now)
        yield Look(_view(status, settled=settled), status)


def _settled(status: DutyStatus, now: datetime) -> bool:
    """Tell whether facts show that the duty was filed, or that it is delayed beyond its due time."""
    past = status.due is not None and status.due < now
    return status.state in (*FILED, "claimed") or (status.state == "held" and past)


def _view(status: DutyStatus, *, settled: bool) -> DutyView:
    """Return the stored state of a duty; a duty that is not relevant has no clock yet."""
    return DutyView(
        id=status.id,
        verdict=status.verdict,
        due=status.due if status.in_sight else None,
        provisional=status.provisional and status.in_sight,
        missing=tuple(sorted(status.missing_facts)),
        overdue=status.state == "overdue",
        in_sight=status.in_sight,
        settled=settled,
        waits=status.due_kind == "waits_for_event" and status.in_sight and status.verdict != "not_applicable",
    )


def _standing(duty: DutyView) -> tuple[object, ...]:
    clock = duty.due, duty.provisional, duty.overdue, duty.settled, duty.waits
    return duty.verdict, duty.missing, duty.in_sight, clock


_DECIDED, _GONE = "decided not to notify", "the duty does not apply any more"


def cancel_open_steps(incident: Incident, duty: str, record: DutyRecord) -> tuple[e.StepEnded, ...]:
    """Return the end of every open step in the lanes of a duty that was decided against or waived, or needs no correction."""
    words = {"waived": "waived", "no_correction": "no correction is owed"}.get(record.kind, _DECIDED)
    lanes = {scope.id for scope in incident.scopes.values() if scope.item == duty}
    return tuple(
        e.StepEnded(
            step=invocation.id, state="cancelled", by=record.by, reason=f"{words}: {record.reason.strip()}"
        )
        for invocation in incident.invocations.values()
        if invocation.scope in lanes and not invocation.over
    )


def with_the_law(incident: Incident, look: e.DutiesAssessed) -> Iterator[e.StepSettled | e.StepReopened]:
    """Yield the effect of a new assessment on lanes: they end if the duty does not apply any more, and continue if it applies again."""
    changes = {change.duty: change for change in look.changes}
    lanes = {scope.id: changes[scope.item] for scope in incident.scopes.values() if scope.item in changes}
    for invocation in incident.invocations.values() if lanes else ():
        change = lanes.get(invocation.scope)
        if change is None:
            continue
        stored = incident.duties.get(change.duty)
        decided = stored is not None and stored.record is not None and not change.reopened
        newest = incident.latest[f"{invocation.scope}|{invocation.step}"] == invocation.id
        if change.verdict == "not_applicable" and not invocation.over:
            yield e.StepSettled(step=invocation.id, state="cancelled", why=_GONE)
        ended = invocation.state == "cancelled" and invocation.reason.startswith((_GONE, _DECIDED))
        if change.verdict == "applies" and not decided and newest and ended:
            yield e.StepReopened(step=invocation.id, reason=change.reopened or "the duty applies again")
