"""After a filing: the facts that a filed text states and that have another value now, and what corrects it.

A filing stays as it was. A later filing of the same duty, or of a later stage to the same recipient, corrects it, or
counsel decides that no correction is owed.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from runner.actions import Action
from runner.errors import Refused
from runner.incident.notices.staleness import change_words, changes, recorded_as
from runner.incident.state.future_timestamps import said
from runner.incident.state.incident import Incident
from runner.incident.state.library import Library
from runner.law.duty import ChangedFact, DutyRecord

NOTHING_FURTHER = "nothing_further"
"""The ground of a duty to supplement that ends without a supplement: the filed text needs no addition."""


def filing_of(incident: Incident, duty: str) -> DutyRecord | None:
    """Return the first filing of a duty, None if it is not filed."""
    view = incident.duties.get(duty)
    return (
        view.record if view is not None and view.record is not None and view.record.kind == "filed" else None
    )


def filed_texts(incident: Incident) -> dict[str, list[tuple[str, DutyRecord]]]:
    """Return by the digest of a filed text the duties that it was filed for, each with the record."""
    found: dict[str, list[tuple[str, DutyRecord]]] = {}
    for duty, view in incident.duties.items():
        for record in filter(None, (filing_of(incident, duty), *view.corrections.values())):
            if record.kind == "filed" and record.digest and duty not in record.adds_to:
                found.setdefault(record.digest, []).append((duty, record))
    return found


def filed_differences(incident: Incident, duty: str) -> tuple[ChangedFact, ...]:
    """Return the facts that the filed texts of a duty state, or left open, and that have another value now.

    The newest text that read a fact counts. Not returned: changes that need no correction by counsel's decision, and facts
    in the text of a later stage, at which their differences stand.
    """
    first = filing_of(incident, duty)
    if first is None:
        return ()
    keys = sorted(incident.facts)
    found: dict[str, ChangedFact] = {}
    accepted: dict[str, int] = {}
    for record in (first, *incident.duties[duty].corrections.values()):
        accepted.update(record.facts)
        for text in (
            one for one in incident.documents.values() if record.digest and one.digest == record.digest
        ):
            read = {key for path in text.facts for key in recorded_as(path.removesuffix("[]"), keys)}
            found = {key: change for key, change in found.items() if key not in read}
            own = () if duty in record.adds_to else changes(incident, [text])[text.id]
            found |= {change.fact: change for change in own}
    return tuple(
        one for key, one in sorted(found.items()) if incident.fact_events[key] > accepted.get(key, 0)
    )


def all_differences(incident: Incident, law: str = "") -> Iterator[tuple[str, tuple[ChangedFact, ...]]]:
    """Yield each duty, of one law or of all, whose filed text differs from the present facts, with the differences."""
    for duty in sorted(incident.duties):
        if duty.startswith(law) and (differs := filed_differences(incident, duty)):
            yield duty, differs


def added_to(incident: Incident, duty: str, library: Library) -> tuple[str, ...]:
    """Return the filed duties that a filing of this duty adds to: other stages of its law, to the same recipient."""
    return tuple(name for name in _same_recipient(duty, library) if filing_of(incident, name) is not None)


def corrected_by(incident: Incident, duty: str, library: Library) -> str:
    """Return the duty whose notice corrects a filing: the law's stage for further information, else the duty itself."""
    later = (name for name in _same_recipient(duty, library, "phases") if name in incident.duties)
    return next((name for name in later if incident.duties[name].verdict != "not_applicable"), duty)


def _same_recipient(duty: str, library: Library, stage: str = "") -> Iterator[str]:
    law = library.regime(duty.partition("/")[0])
    rules = (
        {f"{law.id}/{rule.slug}": rule for version in law.versions for rule in version.duties} if law else {}
    )
    own = rules.get(duty)
    for name, rule in rules.items():
        if own is not None and name != duty and rule.recipient == own.recipient and stage in ("", rule.stage):
            yield name


def after_filing(incident: Incident, duty: str, record: DutyRecord) -> DutyRecord:
    """Return the record of a correction, or of a decision that none is owed; raises Refused if nothing is to correct."""
    first, differs = filing_of(incident, duty), filed_differences(incident, duty)
    if first is None:
        raise Refused(
            f'Duty "{duty}" is not filed. Only a filing can be corrected.',
            hint=Action("duty.show", duty),
            code="not_filed",
        )
    if not differs or record.kind not in ("filed", "no_correction") or record.digest == first.digest != "":
        raise Refused(
            f'Duty "{duty}" was filed at {said(first.at)} ({first.reference or first.receipt}). A filing stays as it is.',
            hint="A fact that it states has another value: record the fact, then file the new text as a correction. "
            "If a task waits: tocsin task done TASK.",
            code="already_filed",
        )
    known = {one.fact: incident.fact_events[one.fact] for one in differs}
    return (
        msgspec.structs.replace(record, facts=record.facts or known)
        if record.kind == "no_correction"
        else record
    )


def refuse_more_to_say(incident: Incident, duty: str, record: DutyRecord) -> None:
    """Raise Refused for the decision that there is nothing to add while a filed text differs from the facts."""
    differ = dict(all_differences(incident, f"{duty.partition('/')[0]}/"))
    if record.ground == NOTHING_FURTHER and differ:
        filed, differs = next(iter(differ.items()))
        words = "; ".join(change_words(one, incident.zone) for one in differs)
        raise Refused(
            f"The text filed for {filed} differs from the present facts: {words}.",
            hint=f"File the correction. Or counsel: tocsin duty decide {filed} --no-correction --reason WHY",
            code="filing_differs",
        )
