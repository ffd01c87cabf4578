"""Evidence files as exhibits: who collected, gave and received which, when, where, how and with what result (ISO/IEC 27037).

Everything is read in the journal, so that the same view is made of all entries, or of those that an audience receives.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, get_args

import msgspec

from runner.actions import Action
from runner.base.states import Kind
from runner.documents.tree import Block as Part
from runner.incident.state import events as e
from runner.incident.state.incident import Evidence, Incident
from runner.reports.core import report_blocks as parts
from runner.reports.core.event_row import EventRow, decode_event
from runner.reports.core.formatting import describe_actor, moment, person_name, short_digest
from runner.reports.core.header import Heading, heading_of, render_header
from runner.reports.core.page import Block, Cell, arrow, flow, line, paged
from runner.reports.core.report import Report, filled

_TYPES = {
    *(kind.__name__ for kind in get_args(e.CustodyEvent)),
    e.EventCorrected.__name__,
    e.PrivilegedEventCorrected.__name__,
}
_BEFORE = "Stored before the start of this bundle: name and SHA-256 are in an entry that is not given"
_DETAILS = {
    "description": "Description",
    "collected_by": "Collected by",
    "collected_at": "Collected at",
    "place": "Where",
    "method": "How",
}


class CustodyRow(msgspec.Struct, frozen=True, kw_only=True):
    """One act with an exhibit, by its entry in the journal."""

    entry: int
    at: datetime
    recorded: datetime
    actor: str
    """Who, and whether the name is verified or only claimed."""
    text: str
    wrong: str = ""
    """Why the entry is marked as wrong; empty if it is not."""


class HandoverRow(msgspec.Struct, frozen=True, kw_only=True):
    """One handover; without ``receipt`` the receiver has not confirmed it."""

    entry: int
    giver: str
    receiver: str
    at: datetime
    purpose: str
    receipt: int | None = None
    """The entry of the receipt."""
    received_at: datetime | None = None
    received_by: str = ""
    """The receiver, and whether the name is verified or only claimed."""
    compared: bool = False
    """The receiver calculated the digest of their own copy, and it is that of the exhibit."""
    note: str = ""
    differed: tuple[int, ...] = ()
    """The entries in which the digest of the receiver's copy was another."""
    giver_had_it: bool = True
    """The giver stored or collected the exhibit, or had confirmed its receipt before."""


class EvidenceRow(msgspec.Struct, frozen=True, kw_only=True):
    """One evidence file; ``size`` in bytes. Without ``by``, the entry that stored it is not given to the audience."""

    id: str
    name: str
    sha256: str
    size: int
    by: str
    at: datetime
    source: str
    number: int
    """The number of the exhibit, from 1."""
    description: str = ""
    collected_by: str = ""
    collected_at: datetime | None = None
    place: str = ""
    method: str = ""
    handovers: tuple[HandoverRow, ...] = ()
    acts: tuple[CustodyRow, ...] = ()
    """All acts, oldest first, also those that are marked as wrong."""

    @property
    def unknown(self) -> tuple[str, ...]:
        """What nobody has recorded about its collection; nothing if earlier entries are not given."""
        return tuple(words for name, words in _DETAILS.items() if self.by and not getattr(self, name))


class EvidenceReport(Report, frozen=True, kw_only=True, tag="tocsin/evidence/v1"):
    """All evidence files, in the order in which they were stored."""

    heading: Heading
    kind: Kind
    files: tuple[EvidenceRow, ...]

    @property
    def downloads(self) -> tuple[tuple[str, str], ...]:
        """Words and reference of each file, and of its custody form."""
        return tuple(
            link
            for one in self.files
            for link in ((f"{one.name} ({one.id})", one.id), (f"Custody form {one.number}", f"{one.id}.pdf"))
        )


def evidence(incident: Incident, rows: Iterable[EventRow], only: str = "") -> EvidenceReport:
    """Return the evidence files whose entries are among ``rows``, or one of them."""
    known = (row for row in rows if row.seq <= incident.version)  # later ones can be written meanwhile
    found = tuple(one for one in _exhibits(incident, known) if only in ("", one.id))
    return EvidenceReport(heading=heading_of(incident), kind=incident.kind, files=found)


def _exhibits(incident: Incident, rows: Iterable[EventRow]) -> Iterable[EvidenceRow]:
    events = [(row, event) for row in rows if row.type in _TYPES and (event := decode_event(row)) is not None]
    wrong = {event.seq: event.reason for _, event in events if isinstance(event, e.EventCorrected)}
    found: dict[str, dict[str, Any]] = {}
    for row, event in events:
        if not isinstance(event, e.CustodyEvent):
            continue
        if isinstance(event, e.EvidenceAttached):
            about = incident.evidence[event.evidence]
            found[event.evidence] = {"about": about, "acts": [], "handovers": {}}
        elif event.evidence not in found:  # the entry that stored it is not given, nor anything that it says
            known = incident.evidence[event.evidence]
            about = Evidence(id=known.id, number=known.number, name="", sha256="", size=0, by="", at=row.at)
            found[event.evidence] = {"about": about, "acts": [], "handovers": {}}
        one = found[event.evidence]
        act = CustodyRow(
            entry=row.seq,
            at=row.at,
            recorded=row.recorded,
            actor=describe_actor(row.actor),
            text=custody_sentence(event),
            wrong=wrong.get(row.seq, ""),
        )
        one["acts"].append(act)
        if row.seq not in wrong:
            _applied(one, row, event)
    return [
        filled(
            EvidenceRow,
            one["about"],
            **{name: one[name] for name in _DETAILS if name in one},
            handovers=tuple(_handovers(one)),
            acts=tuple(one["acts"]),
        )
        for one in found.values()
    ]


def _handovers(one: dict[str, Any]) -> Iterator[HandoverRow]:
    """Yield the handovers, each with whether its giver had the exhibit before."""
    first = {one["about"].by, one.get("collected_by", "")}
    if not one["about"].by:  # earlier receipts are not given
        yield from one["handovers"].values()
        return
    for row in one["handovers"].values():
        names = {row.giver, person_name(row.giver)}
        received = {
            given.receiver for given in one["handovers"].values() if 0 < (given.receipt or 0) < row.entry
        }
        yield msgspec.structs.replace(row, giver_had_it=bool(names & {*first, *received}))


def _applied(one: dict[str, Any], row: EventRow, event: e.CustodyEvent) -> None:
    """Add what an entry says to an exhibit."""
    match event:
        case e.ExhibitDescribed():
            one |= {name: said for name in _DETAILS if (said := getattr(event, name))}
        case e.ExhibitHandedOver(giver=giver, receiver=receiver, purpose=purpose):
            at = event.given_at or row.at
            handover = HandoverRow(entry=row.seq, giver=giver, receiver=receiver, at=at, purpose=purpose)
            one["handovers"][row.seq] = handover
        case e.ExhibitReceived(entry=entry, sha256=sha256, note=note) if entry in one["handovers"]:
            one["handovers"][entry] = msgspec.structs.replace(
                one["handovers"][entry],
                receipt=row.seq,
                received_at=row.at,
                received_by=describe_actor(row.actor),
                compared=bool(sha256),
                note=note,
            )
        case e.ExhibitDiffered(entry=entry) if entry in one["handovers"]:
            row_ = one["handovers"][entry]
            one["handovers"][entry] = msgspec.structs.replace(row_, differed=(*row_.differed, row.seq))
        case _:
            pass


def custody_sentence(event: e.CustodyEvent) -> str:
    """Return the sentence for an entry about an evidence file."""
    match event:
        case e.EvidenceAttached(name=name, sha256=sha256, size=size, source=source):
            origin = f", from {source}" if source else ""
            return f"Evidence file stored: {name}, {size} bytes, sha256 {short_digest(sha256)}{origin}"
        case e.ExhibitDescribed(evidence=evidence):
            shown = (f"{words}: {said}" for words, said in _said(event))
            return f"Evidence file {evidence} described. {'. '.join(shown)}"
        case e.ExhibitHandedOver(evidence=evidence, giver=giver, receiver=receiver, purpose=purpose):
            when = f" at {moment(event.given_at)}" if event.given_at else ""
            return f"Evidence file {evidence} handed over by {person_name(giver)} to {person_name(receiver)}{when}: {purpose}"
        case e.ExhibitReceived(evidence=evidence, by=by, entry=entry, sha256=sha256, note=note):
            how = ", digest of the copy compared" if sha256 else ", digest not compared"
            return f"{person_name(by)} confirmed the receipt of evidence file {evidence} (entry {entry}){how}{f': {note}' if note else ''}"
        case e.ExhibitDiffered(evidence=evidence, by=by, entry=entry, sha256=sha256):
            return f"The copy of {person_name(by)} DIFFERS from evidence file {evidence} (entry {entry}): its sha256 is {sha256}"


@paged
def evidence_page(report: EvidenceReport) -> Iterator[Block]:
    """Draw the evidence files with their full digests and their custody."""
    yield from render_header(report.heading, "Evidence files")
    if not report.files:
        yield line("No evidence files", "dim")
    for one in report.files:
        yield flow(
            f"{one.number}  ", Cell(one.name, "title"), f"  {one.size:,} bytes  ", Cell(one.id, "dim"), hang=3
        )
        yield line(f"SHA-256 {one.sha256.removeprefix('sha256:')}", indent=3)
        origin = one.source or "no source recorded"
        stored = f"; stored by {person_name(one.by)}, {moment(one.at)}"
        yield flow(Cell(origin, "plain" if one.source else "warn"), stored, indent=3, hang=2)
        for words, said in _said(one):
            yield line(f"{words}: {said}", indent=3, hang=2)
        if one.unknown:
            fill = Action("evidence.describe", str(one.number))
            yield flow(Cell(f"Not recorded: {', '.join(one.unknown)}", "warn"), arrow(fill), indent=3, hang=2)
        for handover in one.handovers:
            yield from _handover(one, handover)
        for act in one.acts:
            if act.wrong:
                yield line(f"Entry {act.entry} is marked as wrong: {act.wrong}", "alarm", indent=3, hang=2)


def _said(one: EvidenceRow | e.ExhibitDescribed) -> Iterator[tuple[str, str]]:
    """Yield what is recorded about the collection of an exhibit."""
    for name, words in _DETAILS.items():
        if said := getattr(one, name):
            known = person_name(said) if name == "collected_by" else said
            yield words, moment(known) if isinstance(known, datetime) else known


def _named(actor: str) -> str:
    """Return an actor as a row has it, with the names of the contact list."""
    who, mark, how = actor.partition(" (")
    return " on behalf of ".join(map(person_name, who.split(" on behalf of "))) + mark + how


def _handover(one: EvidenceRow, row: HandoverRow) -> Iterator[Block]:
    giver, receiver = person_name(row.giver), person_name(row.receiver)
    yield line(f"{giver} → {receiver}, {moment(row.at)}: {row.purpose}", indent=3, hang=2)
    yield from (line(words, "alarm", indent=5, hang=2) for words in _doubts(row))
    if row.received_at is None:
        confirm = Action("evidence.receive", str(one.number), {"as": row.receiver})
        yield flow(Cell(f"NO RECEIPT: {receiver} must confirm", "alarm"), arrow(confirm), indent=5, hang=2)
        return
    yield line(receipt_words(row), "plain" if row.compared else "warn", indent=5, hang=2)


def _doubts(row: HandoverRow) -> Iterator[str]:
    """Yield what makes the custody after a handover doubtful."""
    if not row.giver_had_it:
        yield "GIVER HAS NO RECEIPT OF IT"
    if row.differed:
        yield f"DIGEST OF THE COPY DIFFERED: entry {', '.join(map(str, row.differed))}"


def receipt_words(row: HandoverRow) -> str:
    """Return the receipt of a handover in words."""
    if row.received_at is None:
        return "NO RECEIPT"
    how = "digest compared" if row.compared else "digest not compared"
    note = f": {row.note}" if row.note else ""
    return (
        f"Received {moment(row.received_at)}, entry {row.receipt}, by {_named(row.received_by)}; {how}{note}"
    )


def custody_table(files: Iterable[EvidenceRow]) -> list[tuple[str, ...]]:
    """Return all acts with exhibits as a table with heads, times in UTC."""
    heads = (
        "Exhibit",
        "Id",
        "Name",
        "SHA-256",
        "Bytes",
        "Entry",
        "Time",
        "Recorded",
        "By",
        "Act",
        "Marked as wrong",
    )
    rows = [
        (
            *(
                str(one.number),
                one.id,
                one.name or _BEFORE,
                one.sha256.removeprefix("sha256:"),
                str(one.size) if one.by else "",
                str(act.entry),
            ),
            *(f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}" for at in (act.at, act.recorded)),
            *(act.actor, act.text, act.wrong),
        )
        for one in files
        for act in one.acts
    ]
    return [heads, *rows]


def form_title(one: EvidenceRow) -> str:
    """Return the title of the custody form of an exhibit."""
    return f"Chain of custody: exhibit {one.number}"


def custody_form(incident: Incident, one: EvidenceRow, codename: str = "") -> tuple[Part, ...]:
    """Return the custody form of one exhibit as parts of a document; a bundle gives no codename."""
    unknown = ((words, "NOT RECORDED") for words in one.unknown)
    about = (
        *(
            ("Exhibit", str(one.number)),
            ("File", one.name or _BEFORE),
            ("Id", one.id),
            ("Incident", f"{codename} {incident.id}".strip()),
        ),
        *(("SHA-256", one.sha256.removeprefix("sha256:")), ("Size", f"{one.size:,} bytes" if one.by else "")),
        *_said(one),
        *unknown,
        ("Source", one.source),
        ("Stored by", f"{person_name(one.by)}, {moment(one.at)}" if one.by else ""),
    )
    given = [
        (
            moment(row.at),
            person_name(row.giver),
            person_name(row.receiver),
            row.purpose,
            ". ".join((*_doubts(row), receipt_words(row))),
        )
        for row in one.handovers
    ]
    acts = [
        (
            str(act.entry),
            *(moment(act.at), _named(act.actor)),
            f"{act.text}{f' MARKED AS WRONG: {act.wrong}' if act.wrong else ''}",
        )
        for act in one.acts
    ]
    heads = ("Time", "Given by", "Received by", "Purpose")
    return (
        parts.fields(about),
        parts.heading(2, "Handovers"),
        parts.table((*heads, "Receipt"), given) if given else parts.paragraph("No handover is recorded."),
        parts.heading(2, "Entries"),
        parts.paragraph("A name is a claim unless a proof of it is named."),
        parts.table(("Entry", "Time", "By", "Act"), acts),
        parts.heading(2, "Later handovers, by hand"),
        parts.table((*heads, "Signature of the receiver"), [("\u00a0",) * 5] * 3),
    )
