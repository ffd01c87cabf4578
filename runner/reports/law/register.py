"""The register of personal data breaches (GDPR Art. 33(5)): facts, effects, remedial action and decisions.

It contains every breach, notified or not. An entry names missing facts that the article requires, so that
the organisation sees them before an authority does. Exercises are not in the register by default, nor are incidents to which the
GDPR does not apply, other laws, and proposals. The export leaves out the reasons in people's own words, which may be legal advice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from runner.base.states import Kind
from runner.documents.wording.labels import label
from runner.facts.vocabulary.register import OPEN, nested, value_words
from runner.incident.notices.staleness import change_words
from runner.incident.state.incident import DutyView, Incident
from runner.law.duty import ChangedFact, DutyRecord, DutyStatus
from runner.reports.core.formatting import count, here, moment, short_digest, signatures, standing, unsigned
from runner.reports.core.header import marked
from runner.reports.core.page import Blank, Block, Cell, Cells, flow, line, paged, table
from runner.reports.core.report import Report, csv_text, filled
from runner.reports.core.second_person import ground_words
from runner.reports.law.titles import duty_label, recipient_name

LAWS = ("eu-gdpr-", "uk-gdpr-")
"""Prefixes of the laws whose decisions are in this register."""
NOTIFICATION = ("eu-gdpr-33-", "uk-gdpr-33-")
FACTS = {
    "What happened": "incident.summary",
    "Started": "incident.started_at",
    "Discovered": "incident.discovered_at",
    "Aware": "incident.aware_at",
    "Contained": "incident.contained_at",
    "Cause": "incident.vector",
    "Impact": "incident.impact",
    "Data types": "data.elements",
    "Data in words": "data.categories_text",
    "Affected people": "people.total",
}
EFFECTS = {"Risk": "risk.to_people", "Consequences": "risk.consequences"}
ACTION = {"Measures": "risk.mitigation"}
WANTED = ("incident.summary", "risk.consequences", "risk.mitigation")
"""Facts that the article requires for every breach: facts, effects, remedial action."""
_CODES = ("Cause", "Impact", "Data types", "Risk")
_INSTANTS = ("Started", "Discovered", "Aware", "Contained")


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one duty and the decision about it."""

    duty: str
    title: str = ""
    to: str = ""
    """The authority or the people."""
    verdict: str
    state: str
    due: datetime | None
    at: datetime | None
    by: str
    reference: str
    reasons: str
    because: tuple[str, ...]
    signed: tuple[str, ...] = ()
    """Who confirmed a decision besides its author."""
    ground: str = ""
    """The statute's exemption for a decision not to notify; ``none`` is against the legal result."""
    digest: str = ""
    """The filed text."""
    differs: tuple[ChangedFact, ...] = ()
    """Facts as the filed text states them, and as they are known now."""


class Breach(msgspec.Struct, frozen=True, kw_only=True):
    """One entry. Values by fact path; unknown facts are absent."""

    incident: str
    codename: str
    title: str
    number: str = ""
    """Your own file number, else the id of the incident."""
    entities: tuple[str, ...] = ()
    """The names of the legal entities whose people are affected; of all entities if no affected group names one."""
    head: str = ""
    """The seal: number and digest of the newest entry of the incident's journal when the register was made."""
    kind: Kind
    state: str
    opened_at: datetime
    facts: Mapping[str, Any] = {}
    effects: Mapping[str, Any] = {}
    remedial_action: Mapping[str, Any] = {}
    decisions: tuple[Decision, ...] = ()
    missing: tuple[str, ...] = ()
    """Facts that the article requires and nobody recorded, and ``decision`` if there is none."""
    shredded: bool = False


class RegisterReport(Report, frozen=True, kw_only=True, tag="tocsin/register/v1"):
    """The entries of one kind, the oldest first."""

    as_of: datetime
    kind: Kind
    breaches: tuple[Breach, ...]
    no_personal_data: int
    """Number of incidents of this kind without personal data."""
    other_laws: int = 0
    """Number of incidents of this kind to which the GDPR does not apply."""


def binds(duty: DutyStatus) -> bool:
    """Return whether a duty belongs in the register: recorded, required, possible, or not required only for lack of risk."""
    if not duty.regime.startswith(LAWS) or duty.regime.endswith("-proposal"):
        return False
    beyond = any(reason.code.startswith("role_") or reason.code == "territory" for reason in duty.because)
    return (
        duty.record is not None
        or duty.verdict == "applies"
        or (duty.verdict == "unknown" and duty.in_sight)
        or (duty.verdict == "not_applicable" and not beyond)
    )


def binding(duties: Sequence[DutyStatus]) -> frozenset[str]:
    """Return which GDPR binds the organisation, ``eu`` or ``uk``: that by which an authority or a controller is notified."""
    people = ("data_subjects", "individuals")
    return frozenset(duty.regime[:2] for duty in duties if binds(duty) and duty.recipient not in people)


def breach(
    incident: Incident, duties: Sequence[DutyStatus], title: str = "", head: str = ""
) -> Breach | None:
    """Return an incident's entry, or None if no personal data are affected."""
    known = {key: fact.value for key, fact in incident.facts.items() if fact.value is not None}
    if known.get("data.involved") is False:
        return None
    facts = _known(known, FACTS)
    if populations := nested(incident.facts).get("populations"):
        facts["populations"] = populations
    missing = [path for path in WANTED if path not in known]
    if any(_undecided(duty, incident) for duty in duties):
        missing.append("decision")
    return filled(
        Breach,
        incident,
        incident=incident.id,
        title=title or incident.title,
        number=str(known.get("incident.file_number") or incident.id),
        entities=_entities(nested(incident.facts)),
        head=head,
        facts=facts,
        effects=_known(known, EFFECTS),
        remedial_action=_known(known, ACTION),
        decisions=tuple(_decisions(incident, duties)),
        missing=tuple(missing),
    )


def _entities(facts: Mapping[str, Any]) -> tuple[str, ...]:
    known = {
        one["id"]: str(one.get("name") or one["id"])
        for one in (facts.get("organisation") or {}).get("entities") or ()
    }
    concerned = {one.get("entity") for one in facts.get("populations") or ()} & known.keys()
    return tuple(name for key, name in known.items() if key in concerned or not concerned)


def _known(known: Mapping[str, Any], wanted: Mapping[str, str]) -> dict[str, Any]:
    return {path: known[path] for path in wanted.values() if path in known}


def _undecided(duty: DutyStatus, incident: Incident) -> bool:
    """Return whether a notification of the authority is or may be required and has no record."""
    seen = incident.duties.get(duty.id)
    asked = duty.regime.startswith(NOTIFICATION) and duty.stage == "initial"
    open_ = duty.verdict == "applies" or (duty.verdict == "unknown" and duty.in_sight)
    return asked and open_ and (seen is None or seen.record is None)


def _decisions(incident: Incident, duties: Sequence[DutyStatus]) -> Iterator[Decision]:
    laws = binding(duties)
    for duty in duties:
        if not binds(duty) or duty.regime[:2] not in laws:
            continue
        seen = incident.duties.get(duty.id)
        record = seen.record if seen is not None else None
        if duty.verdict == "advisory" and record is None:
            continue  # a proposal is no duty of Art. 33
        yield filled(
            Decision,
            duty,
            duty=duty.id,
            title=duty_label(duty),
            to=recipient_name(duty).removeprefix("the "),
            at=record.at if record else None,
            by=record.by if record else "",
            reference=(record.reference or record.receipt) if record else "",
            reasons=_reasons(record) if record else _fallen(seen),
            because=tuple(reason.text for reason in duty.because),
            signed=record.signed if record else (),
            ground=record.ground if record else "",
            digest=record.digest if record else "",
        )


def _reasons(record: DutyRecord) -> str:
    said = (record.reason, record.late_reason, unsigned((), record.accepted).removeprefix(", "))
    return "; ".join(filter(None, said))


def _fallen(seen: DutyView | None) -> str:
    if seen is None or seen.reopened is None:
        return ""
    record = seen.reopened
    return f"{standing(record.kind)} of {moment(record.at)} by {record.by}{signatures(record.signed)} is void: {seen.reopened_why}"


@paged
def register_page(report: RegisterReport) -> Iterator[Block]:
    """Draw the register."""
    yield from marked(report.kind)
    yield line("Register of personal data breaches (GDPR Art. 33(5))", "title")
    yield line(f"{count(len(report.breaches), 'entry', 'entries')}, as of {moment(report.as_of)}", "dim")
    if not report.breaches:
        yield line("This register has no entries", "warn")
    for number, one in enumerate(report.breaches, start=1):
        yield Blank()
        yield from _entry(number, one)
    if report.no_personal_data:
        yield Blank()
        yield line(f"Not shown: {count(report.no_personal_data, 'incident')} without personal data", "dim")
    if report.other_laws:
        yield line(
            f"Not shown: {count(report.other_laws, 'incident')} to which the GDPR does not apply", "dim"
        )


def _entry(number: int, one: Breach) -> Iterator[Block]:
    state = "" if one.state == "open" else f"  {one.state.upper()}"
    yield flow(Cell(f"{number}. {one.title}", "title"), f"{state}  {one.codename}  {one.number}", hang=3)
    if one.shredded:
        yield line("Erased. The entry cannot be read again.", "dim", indent=3, hang=2)
        return
    rows: list[Cells] = [(Cell(name, "dim"), text) for name, text in _words(one)]
    rows += [(Cell("Decision", "dim"), _sentence(found)) for found in one.decisions]
    if one.missing:
        rows.append((Cell("NOT RECORDED", "warn"), Cell(", ".join(one.missing), "warn")))
    yield table(rows, 1, indent=3)


def _words(one: Breach) -> Iterator[tuple[str, str]]:
    if one.entities:
        yield "Entities", "; ".join(one.entities)
    yield "Opened", moment(one.opened_at)
    values = {**one.facts, **one.effects, **one.remedial_action}
    for name, path in {**FACTS, **EFFECTS, **ACTION}.items():
        if path in values:
            yield name, _value(name, values[path])
    for population in one.facts.get("populations", ()):
        people = (population.get("people") or {}).get("total")
        elements = (population.get("data") or {}).get("elements")
        data = _value("Data types", elements) if elements is not None else "unknown data"
        yield f"{population.get('id', '?')}", f"{value_words(people)} people; {data}"


def _value(name: str, value: Any) -> str:
    if name in _INSTANTS and isinstance(value, str):
        return moment(datetime.fromisoformat(value))
    if name in _CODES:
        codes = value if isinstance(value, list | tuple) else [value]
        return value_words([code if code == OPEN else label(str(code), "en-GB") for code in codes])
    return value_words(value)


_STATES = {
    "filed": "notified",
    "filed_late": "notified late",
    "decided_not_to_notify": "not notified by decision",
    "waived": "waived",
}


def _sentence(one: Decision, *, reasons: bool = True) -> str:
    """Return what was notified, when and with which number, or why not and by whom."""
    state = _STATES.get(one.state, "")
    if not state:
        state = {"applies": "required, not notified", "unknown": "undetermined"}.get(
            one.verdict, "not required"
        )
    when = f", due {moment(one.due)}" if one.due and not one.at else ""
    if one.at:
        when = f", {moment(one.at)}, by {one.by}{signatures(one.signed)}"
    proof = f", reference {one.reference}" if one.reference else ""
    proof += f", text {short_digest(one.digest)}" if one.digest else ""
    said = "; ".join(change_words(fact, here()) for fact in one.differs)
    proof += f", filed and now different: {said}" if said else ""
    why = one.reasons if reasons else ""
    why = why or ("; ".join(one.because) if one.verdict == "not_applicable" else "")
    return f"{one.title}: {state}{ground_words(one.ground)}{when}{proof}{f': {why}' if why else ''}"


def _exported(one: Breach, *, privileged: bool) -> dict[str, str]:
    """Return an entry for an authority by heading; empty if a value is unknown."""
    words = dict(_words(one))
    known = ("Entities", "Opened", *FACTS, *EFFECTS, *ACTION)
    groups = {name: words.pop(name) for name in [*words] if name not in known}
    row = {
        "Number": one.number,
        "Title": one.title,
        "State": "erased" if one.shredded else one.state,
        **{name: words.get(name, "") for name in known},
        "Affected groups": "; ".join(": ".join(pair) for pair in groups.items()),
        "Notifications and decisions": " | ".join(
            _sentence(found, reasons=privileged) for found in one.decisions
        ),
        "Not recorded": ", ".join(one.missing),
        "Journal head": one.head,
    }
    return {"Codename": one.codename, **row} if privileged else row


def register_csv(report: RegisterReport, *, privileged: bool = False) -> str:
    """Return the register as a table, one row for each entry; a spreadsheet reads no value as a formula."""
    rows = [_exported(one, privileged=privileged) for one in report.breaches]
    return csv_text(tuple(rows[0]) if rows else ("Number", "Title"), (tuple(row.values()) for row in rows))
