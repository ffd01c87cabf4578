"""Decision not to notify: its ground in the statute, and whether it needs two people.

If the law requires the notice, may require it, or does not because an exemption applies, the decision needs responsibility:
two people and a ground that the statute itself gives, or the explicit statement that there is none. If the law does
not require the notice at all, one person can decide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

import msgspec

from runner.actions import REASON, Action, Slot
from runner.base.text import nearest
from runner.errors import Refused
from runner.facts.vocabulary.register import nested
from runner.incident.law.duties import BINDING, cancel_open_steps, is_binding, near_statuses
from runner.incident.people.second_person import pair, with_second
from runner.incident.state import events as e
from runner.incident.state.incident import Incident
from runner.incident.state.library import Library
from runner.incident.state.second_person import TwoPersonAct
from runner.law.assessment import assess
from runner.law.duty import DutyRecord, DutyStatus, Evidence
from runner.law.regime import Regime, Version

NONE = "none"
"""No exemption of the statute: the decision is against the law's verdict."""


def judged(incident: Incident, duty: str, record: DutyRecord, now: datetime, library: Library) -> bool:
    """Tell whether a decision needs two people; raises Refused if its ground, or a waiver, is not in the law."""
    if record.kind == "no_correction":
        return True
    law = library.regime(duty.partition("/")[0])
    status = _status(incident, duty, now, library, law) if law is not None else None
    if law is None or status is None:
        return True
    if record.kind == "waived":
        _waivable(law, status)
        return True
    known = statute_grounds(law, status)
    if record.ground and record.ground not in (*known, NONE):
        near = nearest(record.ground, known)
        raise Refused(
            f'Duty "{duty}" has no exemption "{record.ground}".',
            hint=f"Add --ground {near}, the nearest name." if near else _choices(known),
            code="unknown_ground",
        )
    exempt = any(reason.code in known for reason in status.because)
    if status.verdict not in BINDING and not exempt:
        return False
    if not record.ground:
        raise Refused(
            "The decision not to notify has no ground. A ground is an exemption of the statute.",
            hint=_choices(known),
            code="ground_missing",
        )
    return True


def with_evidence(
    incident: Incident, duty: str, record: DutyRecord, now: datetime, library: Library
) -> DutyRecord:
    """Return a decision with the state of its ground in the facts."""
    law, record = library.regime(duty.partition("/")[0]), msgspec.structs.replace(record, evidence="open")
    status = _status(incident, duty, now, library, law, record) if law is not None and record.ground else None
    if status is None:
        return record
    listed = next((exemption for exemption in status.unless if exemption.ground == record.ground), None)
    evidence: Evidence = "for" if listed is not None and listed.met else "open"
    return msgspec.structs.replace(record, evidence="against" if status.state != record.kind else evidence)


def _choices(known: Mapping[str, str]) -> str:
    each = " or ".join(f"--ground {code} ({text})" for code, text in known.items())
    return f"Add {each}{' or ' if each else ''}--ground {NONE} (against the assessment; always shown)."


def statute_grounds(law: Regime, status: DutyStatus) -> dict[str, str]:
    """Return the exemptions that the statute has for a duty: code and text."""
    slug, version = _rules(law, status)
    exemptions = {exemption.code: exemption.text for exemption in version.exemptions_of(slug)}
    presumed = {exemption.ground: exemption.text for exemption in status.unless}
    rules = (rule for rule in version.duties if rule.slug == slug)
    return presumed | exemptions | {one.code: one.text for rule in rules for one in rule.unless}


def _rules(law: Regime, status: DutyStatus) -> tuple[str, Version]:
    """Return the duty's name in its law, and the version of the law that decided it."""
    version = next(version for version in law.versions if version.label == status.law_version)
    return status.id.partition("/")[2], version


def waivable(law: Regime, status: DutyStatus) -> bool:
    """Tell whether the law has a waiver of a duty."""
    slug, version = _rules(law, status)
    return any(rule.slug == slug and rule.waiver for rule in version.duties)


def _waivable(law: Regime, status: DutyStatus) -> None:
    if not waivable(law, status):
        raise Refused(
            f'The law has no waiver of duty "{status.id}".',
            hint=Action(
                "duty.decide", status.id, {"not_to_notify": True, "ground": Slot("GROUND"), "reason": REASON}
            ),
            code="no_waiver",
        )


def _status(
    incident: Incident,
    duty: str,
    now: datetime,
    library: Library,
    law: Regime,
    record: DutyRecord | None = None,
) -> DutyStatus | None:
    records = {d.id: d.record for d in incident.duties.values() if d.record is not None and d.id != duty}
    records |= {duty: record} if record is not None else {}
    statuses = assess(
        (law,),
        nested(incident.facts),
        now,
        records,
        calendar=library.calendar,
        first_known=incident.opened_at,
    )
    return next((status for status in statuses if status.id == duty), None)


def approved(
    incident: Incident, ground: str, people: Mapping[str, str], now: datetime, library: Library
) -> Iterator[e.AnyEvent]:
    """Yield the decisions not to notify that people approved: one for each undecided duty that has this ground.

    ``people`` has the system user of each. Without counsel and another office among them, the first who can asks, and a second person confirms as ever.
    """
    both, why = pair(incident, "decide", tuple(people)), incident.facts.get("risk.harm_assessment.grounds")
    reason = str(why.value) if why is not None and why.value else "approved"
    asked = {one.act.duty for one in incident.second_person.values() if one.state == "awaiting"}
    for status in near_statuses(incident, now, library) if both else ():
        law, duty = library.regime(status.regime), status.id
        if law is None or duty in asked or status.record is not None or status.due_kind == "waits_for_event":
            continue
        named = is_binding(status) or any(one.code == ground for one in status.because)
        if named and ground in statute_grounds(law, status):
            record = DutyRecord(
                kind="decided_not_to_notify",
                by=both[0],
                at=now,
                reason=reason,
                ground=ground,
                signed=both[1:],
            )
            record = with_evidence(incident, duty, record, now, library)
            if record.evidence == "against":  # people can decide so by name, a step of a playbook cannot
                continue
            done: tuple[e.AnyEvent, ...] = (
                e.DutyRecorded(duty=duty, record=record),
                *cancel_open_steps(incident, duty, record),
            )
            act = TwoPersonAct(
                kind="decide", by=both[0], reason=reason, duty=duty, record=record, os_user=people[both[0]]
            )
            yield from with_second(incident, act, done, library.alone, "".join(both[1:]))
