"""State of a duty: filed, delayed, overdue; and its deadline after orders and delays.

A clock has only its own period. This module adds the regime's other duties, delays and people's records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from runner.facts.expression import Unknown
from runner.law.applicability import Evaluator
from runner.law.counting import end_of
from runner.law.deadlines import Began, Deadline, Place
from runner.law.duty import DutyDone, DutyRecord, DutyState
from runner.law.grounds import Condition
from runner.law.law_enforcement_holds import Custody
from runner.law.populations import View, instant
from runner.law.regime import DutyRule

DISCOVERIES: tuple[str, ...] = (
    "incident.detected_at",
    "incident.suspicion_at",
    "incident.discovered_at",
    "incident.reported_by_processor_at",
    "incident.reason_to_believe_at",
    "incident.confirmed_at",
    "incident.determined_at",
    "incident.aware_at",
)
"""Moments at which a person of the organisation knew of the incident: the earliest is the first possible moment of awareness."""

PEOPLE = frozenset({"individuals", "data_subjects"})
_BEARS_ON_DUE = frozenset({"before", "with", "not_later_than", "without_delaying", "sooner_of"})


class Dossier:
    """One regime's view of the incident; satisfies ``runner.law.deadlines.Known``."""

    def __init__(
        self,
        regime: str,
        rules: Sequence[DutyRule],
        place: str,
        judge: Evaluator,
        records: Mapping[str, DutyRecord],
    ) -> None:
        """Read the facts through ``judge``, and the filings from ``records`` (duty id → record)."""
        self.regime = regime
        self.place = place
        self.records = records
        self._judge = judge
        self._recipients = {rule.slug: rule.recipient for rule in rules}

    def instant(self, path: str) -> datetime | None:
        """Return the instant at a fact path; a map without the entry answers for ``*``."""
        value = self._judge.view.fact(path)
        if isinstance(value, Unknown):
            value = self._judge.view.fact(f"{path.rpartition('.')[0]}.*")
        return instant(value)

    def filed(self, slug: str) -> datetime | None:
        """Return when a stage was filed: by its record, else by the facts."""
        record = self.record(slug)
        if record is not None and record.kind == "filed":
            return record.at
        submitted = self._judge.view.fact(f"incident.stage_submitted_at.{self.regime}/{slug}")
        if not isinstance(submitted, Unknown):
            return instant(submitted)
        if self._recipients.get(slug) in PEOPLE:
            return self.instant(f"incident.individual_notice_sent_at.{self.place}")
        return None

    def record(self, slug: str) -> DutyRecord | None:
        """Return people's record of a duty of this regime."""
        return self.records.get(f"{self.regime}/{slug}")

    def holds(self, condition: Condition) -> bool | Unknown:
        """Answer a condition on the incident as a whole."""
        return self._judge.holds(condition)


def earliest_awareness(facts: Mapping[str, Any], first_known: datetime | None) -> Began | None:
    """Return the first possible moment of awareness: from the facts, else when the incident was opened."""
    view = View(facts)
    known = {path: at for path in DISCOVERIES if (at := instant(view.fact(path))) is not None}
    if known:
        first = min(known, key=lambda path: known[path])
        return Began(known[first], first)
    return Began(first_known, "the opening of the incident") if first_known else None


def with_ordering(computed: Deadline, rule: DutyRule, known: Dossier, place: Place) -> Deadline:
    """Bring the deadline forward to the date of the duty that it must not follow later."""
    for order in rule.ordering:
        done = known.filed(order.duty) if order.relation in _BEARS_ON_DUE else None
        if done is None:
            continue
        exact = order.relation == "before"
        due = done if exact else end_of(done.astimezone(place.zone).date(), place.zone)
        if computed.due is None or due < computed.due:
            computed = msgspec.structs.replace(
                computed,
                due=due,
                due_date=due.astimezone(place.zone).date(),
                due_kind="instant" if exact else "date",
                latest_legal=None,
                provisional=False,
            )
    return computed


def done(record: DutyRecord | None) -> DutyDone | None:
    """Return people's record for display."""
    if record is None:
        return None
    watch = record.watch.source if record.watch is not None else ""
    named = {name: getattr(record, name) for name in DutyDone.__struct_fields__}
    return DutyDone(**{**named, "watch": watch})


def state_of(
    slug: str,
    known: Dossier,
    held: Custody | None,
    due: datetime | None,
    now: datetime,
    *,
    decided: bool = True,
) -> DutyState:
    """Return the contract's state of a duty that can apply. Legal clocks never pause: only law enforcement delays a duty.

    Without ``decided``, people's decisions about the duty are ignored.
    """
    record = known.record(slug)
    if decided and record is not None and record.kind != "filed" and record.kind != "no_correction":
        return record.kind
    filed = known.filed(slug)
    if filed is not None:
        return "filed" if due is None or filed <= due else "filed_late"
    if held is not None and held.active:
        return "held"
    return "overdue" if due is not None and now > due else "open"
