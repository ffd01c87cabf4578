"""After a filing: the facts that a filed text states and that have another value now, and what corrects it.

A filing stays as it was. A later filing of the same duty, or of a later stage to the same recipient, corrects it, or
counsel decides that no correction is owed.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from runner.actions import Action
from runner.errors import Refused
from runner.incident.notices.staleness import change_words, changes, recorded_as, value_at
from runner.incident.state.future_timestamps import said
from runner.incident.state.incident import Document, Incident
from runner.incident.state.library import Library
from runner.law.duty import ChangedFact, DutyRecord

NOTHING_FURTHER = "nothing_further"
"""The ground on which a duty to supplement ends without a supplement."""


def filing_of(incident: Incident, duty: str) -> DutyRecord | None:
    """Return the first filing of a duty, None if it is not filed."""
    record = incident.duties[duty].record if duty in incident.duties else None
    return record if record is not None and record.kind == "filed" else None


def filed_texts(incident: Incident) -> dict[str, list[tuple[str, DutyRecord]]]:
    """Return by the digest of a filed text the duties that it was filed for, each with the record."""
    found: dict[str, list[tuple[str, DutyRecord]]] = {}
    for duty, view in incident.duties.items():
        for record in (filing_of(incident, duty), *view.corrections.values()):
            if record is not None and record.digest and duty not in record.adds_to:
                found.setdefault(record.digest, []).append((duty, record))
    return found


def filed_digests(incident: Incident) -> frozenset[str]:
    """Return the digests of all texts that were filed, also of those that correct an earlier one."""
    views = incident.duties
    records = (
        one for duty in views for one in (filing_of(incident, duty), *views[duty].corrections.values())
    )
    return frozenset(one.digest for one in records if one is not None and one.digest)


def filed_differences(incident: Incident, duty: str) -> tuple[ChangedFact, ...]:
    """Return the facts that the filed texts of a duty state, or left open, and that have another value now.

    A text says nothing of a fact that was unknown and that it did not leave open. The newest text that read a fact counts; if
    it is of a later stage, the difference stands there. A change that needs no correction by counsel's decision is not
    returned.
    """
    keys = sorted(incident.facts)
    found: dict[str, ChangedFact] = {}
    accepted: dict[str, int] = {}
    first = filing_of(incident, duty)
    for record in (first, *incident.duties[duty].corrections.values()) if first is not None else ():
        accepted.update(record.facts)
        texts = (one for one in incident.documents.values() if record.digest and one.digest == record.digest)
        for text in texts:
            read = {key for path in text.facts for key in recorded_as(path.removesuffix("[]"), keys)}
            own = () if duty in record.adds_to else changes(incident, [text])[text.id]
            if any(one.before is None for one in own):
                silent = set(_silent(incident, text, keys))
                own = tuple(one for one in own if one.fact not in silent)
            found = {key: one for key, one in found.items() if key not in read} | {
                one.fact: one for one in own
            }
    return tuple(
        one for key, one in sorted(found.items()) if incident.fact_events[key] > accepted.get(key, 0)
    )


def _silent(incident: Incident, text: Document, keys: list[str]) -> Iterator[str]:
    """Yield the facts of which a text says nothing: only a condition read them, and they were unknown."""
    gaps = {path for _, _, path in (gap.partition(": ") for gap in text.gaps)}
    for path, entry in text.facts.items():
        below = recorded_as(path, keys) if path not in gaps and not path.endswith("[]") else []
        if all(value_at(incident, key, entry)[1] is None for key in below):
            yield from below


def all_differences(incident: Incident, law: str = "") -> Iterator[tuple[str, tuple[ChangedFact, ...]]]:
    """Yield each duty, of one law or of all, whose filed text differs from the present facts, with the differences."""
    for duty in sorted(incident.duties):
        if law in ("", duty.partition("/")[0]) and (differs := filed_differences(incident, duty)):
            yield duty, differs


def same_recipient(duty: str, library: Library) -> dict[str, str]:
    """Return the other duties of a law to the same recipient, and the stage of each."""
    law = library.regime(duty.partition("/")[0])
    rules = [rule for version in law.versions for rule in version.duties] if law is not None else []
    to = {rule.recipient for rule in rules if rule.slug == duty.partition("/")[2]}
    others = {f"{duty.partition('/')[0]}/{rule.slug}": rule.stage for rule in rules if rule.recipient in to}
    return {name: stage for name, stage in others.items() if name != duty}


def corrected_by(incident: Incident, duty: str, library: Library) -> str:
    """Return the duty whose notice corrects a filing: the law's stage for further information, else the duty itself."""
    for name, stage in same_recipient(duty, library).items():
        if (
            stage == "phases"
            and name in incident.duties
            and incident.duties[name].verdict != "not_applicable"
        ):
            return name
    return duty


def after_filing(incident: Incident, duty: str, record: DutyRecord) -> DutyRecord:
    """Return the record of a correction, or of a decision that none is owed; raises Refused if nothing is to correct."""
    first, differs = filing_of(incident, duty), filed_differences(incident, duty)
    if first is None:
        raise Refused(
            f'Duty "{duty}" is not filed. Only a filing can be corrected.',
            hint=Action("duty.show", duty),
            code="nothing_filed",
        )
    if not differs or record.kind not in ("filed", "no_correction") or record.digest == first.digest != "":
        raise Refused(
            f'Duty "{duty}" was filed at {said(first.at)} ({first.reference or first.receipt}). A filing stays as it is.',
            hint="A correction needs a changed fact and a new text. If a task waits: tocsin task done TASK.",
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
    for filed, differs in all_differences(incident, duty.partition("/")[0]):
        if record.ground == NOTHING_FURTHER:
            words = "; ".join(change_words(one, incident.zone) for one in differs)
            raise Refused(
                f"The text filed for {filed} differs from the present facts: {words}.",
                hint=f"File the correction. Or counsel: tocsin duty decide {filed} --no-correction --reason WHY",
                code="filing_differs",
            )
