"""The verification of the journals and the documents as a report; in the browser for a limited time, with the last result kept."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING

import msgspec

from runner.app.core.proof.checkpoints import EVERY
from runner.app.home.backups import kept
from runner.app.home.integrity import Fault, Older, events, integrity, verify
from runner.decoding import from_json
from runner.errors import Refused, Sealed
from runner.reports.core.formatting import count, moment, person_name
from runner.reports.core.page import Block, line, paged
from runner.reports.core.report import Report, filled

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

LONGEST = 10.0
"""Seconds after which a check for a page is stopped: pages are made by few threads."""
_MARK = "verified/"
_ONE = threading.Lock()
"""One check for a page at a time."""
Begin = Callable[[str, int | None], Callable[[int], None] | None]
"""Takes the name and, where known, the size of a piece of work; returns what hears of progress."""


class Break(msgspec.Struct, frozen=True, kw_only=True):
    """The first entry that fails the verification."""

    incident: str
    event: int
    kind: str
    why: str


class Verified(Report, frozen=True, kw_only=True, tag="tocsin/verify/v1"):
    """The result of the verification."""

    ok: bool
    events: int
    head: str
    """A digest of the heads of all verified journals; with one incident, the head of its journal."""
    anchor: str = ""
    """With one incident: the head as ``audit verify --anchor`` takes it."""
    unread: int
    unwitnessed: tuple[str, ...]
    broken: Break | None
    others: tuple[Break, ...] = ()
    """The first entries that fail in further journals."""
    documents: int
    documents_unread: int
    faults: tuple[Fault, ...]
    """Documents, keys and rows that were changed."""
    unjudged: tuple[str, ...]
    """Journals without a key: it is unknown whether they were erased."""
    heads: int = 0
    """Heads in the log of heads; 0 if only older versions have written the database."""
    checkpoint: int = 0
    """Heads in the newest signed checkpoint."""
    keyed: bool = False
    """Whether the MACs of rows and heads were checked."""
    uncovered_since: datetime | None = None
    """When the oldest head that is in no signed checkpoint was recorded; None if there is none, or it is newer than 10 minutes."""
    older: tuple[Older, ...] = ()
    """Entries that were written before heads were keyed."""


class LastCheck(msgspec.Struct, frozen=True, kw_only=True):
    """The last check from a page."""

    at: datetime
    by: str
    report: Verified


def verified(
    service: IncidentService, incident: str | None, anchor: str, begin: Begin, checkpoint: str = ""
) -> Verified:
    """Verify one journal or all, then the documents and keys."""
    total = events(service, incident)
    found = verify(service, incident, anchor, begin("verifying events", total))
    rest = integrity(service, found, incident, begin("checking documents", None), checkpoint)
    faults = tuple(_explained(service, one, checkpoint) for one in rest.faults)
    rest = msgspec.structs.replace(rest, faults=faults)
    broken, since = found.broken, rest.uncovered_since
    return filled(
        Verified,
        found,
        rest,
        ok=found.ok and not rest.faults,
        head=f"sha256:{found.head}",
        anchor=f"{found.events}:sha256:{found.head}" if incident and broken is None else "",
        broken=None if broken is None else filled(Break, broken, event=broken.seq),
        others=tuple(filled(Break, one, event=one.seq) for one in found.others),
        documents_unread=rest.unread,
        uncovered_since=since if since is not None and since <= service.clock.now() - EVERY else None,
    )


def _explained(service: IncidentService, fault: Fault, checkpoint: str) -> Fault:
    """Return a contradiction of a checkpoint that is newer than the last pack as two copies."""
    if fault.code not in ("rolled_back", "two_copies"):
        return fault
    with suppress(Sealed, ValueError):
        at, event = (kept(service).packs or ((None, None),))[-1]
        if event and (fault.code == "two_copies" or _size(checkpoint) > _size(event.pack)):
            since = f"since the pack of {at:%Y-%m-%d %H:%M} UTC"
            what = f"two copies of this home folder continued {since}, or this one was put back. Stop one copy ({fault.what})"
            if fault.code == "rolled_back" and _shown(checkpoint) in fault.what:
                service.checkpoints.remember_copy(checkpoint)
            return msgspec.structs.replace(fault, code="two_copies", what=what)
    return fault


def _shown(checkpoint: str) -> str:
    size, _, root = checkpoint.strip().partition(":")
    return f"{size}:{root[:32]}"


def _size(checkpoint: str) -> int:
    return int(checkpoint.partition(":")[0])


def verify_for_page(
    service: IncidentService, incident: str | None, anchor: str = "", longest: float = LONGEST
) -> None:
    """Verify as the command line does, and keep the result; raises Refused if it takes too long or another check runs."""
    end = monotonic() + longest

    def seen(number: int) -> None:
        if monotonic() > end:
            raise Refused(
                f"The check was stopped after {longest:.0f} s. It is not done, and the last result stays.",
                hint="Run: tocsin audit verify",
                code="check_stopped",
            )

    if not _ONE.acquire(blocking=False):
        raise Refused("Another check runs now.", hint="Try again in some seconds", code="check_running")
    try:
        report = verified(service, incident, anchor, lambda words, total: seen)
    finally:
        _ONE.release()
    mark = _MARK + (incident or "")
    last = LastCheck(at=service.clock.now(), by=service.principal.person, report=report)
    body = msgspec.json.encode(last)
    # Not a change of an incident: who may only read may have it verified, too.
    service.of(service.process).change_marks((mark,), lambda marks: {mark: body})


def last_check(service: IncidentService, incident: str | None) -> LastCheck | None:
    """Return the last check from a page; None if there was none."""
    mark = _MARK + (incident or "")
    body = service.marks(mark).get(mark)
    return None if body is None else from_json(body, LastCheck)


@paged
def verification_page(report: Verified) -> Iterator[Block]:
    """Draw the result."""
    if report.broken is None:
        head = f"; head {report.anchor}" if report.anchor else " in all journals"
        yield line(f"{report.events} entries verified{head}", "good")
    for one in (report.broken, *report.others) if report.broken is not None else ():
        where = f"{one.incident}, entry {one.event}"
        yield line(f"VERIFICATION FAILED: {where}: {one.why}", "alarm", hang=2)
    for fault in report.faults:
        yield line(f"VERIFICATION FAILED: {fault.where}: {fault.what}", "alarm", hang=2)
    if any(fault.code == "rolled_back" for fault in report.faults):
        yield line(
            "Stop all workers and compare with your backups. If you put back this copy yourself: move the file that a warning of tocsin status names.",
            "warn",
            hang=2,
        )
    if not report.faults:
        yield line(f"{count(report.documents - report.documents_unread, 'document')} verified", "good")
    yield from _heads(report)
    if report.documents_unread:
        yield line(f"{count(report.documents_unread, 'document')} cannot be read here", "dim")
    for name in report.unjudged:
        text = f"{name}: without the master key, it is unknown if the key was removed or erased"
        yield line(text, "warn", hang=2)
    if report.unread:
        yield line(f"{report.unread} payloads cannot be read here. Their digests are verified.", "dim")
    for name in report.unwitnessed:
        yield line(f"{name}: without an anchor, it is unknown if the last entries are missing", "warn")


def _heads(report: Verified) -> Iterator[Block]:
    """Yield what the keyed heads prove, and what they do not."""
    if not report.heads:
        if report.ok and report.events:
            what = "The heads are not keyed: this database has the form of an older version of Tocsin. The next change adds the key."
            yield line(what, "warn", hang=2)
        return
    if not report.keyed:
        yield line("Without the master key, the MACs of rows and heads were not checked.", "warn")
    elif report.ok:
        what = (
            f"{count(report.heads, 'head')} verified with the key; {report.checkpoint} in a signed checkpoint"
        )
        yield line(what, "good")
    if report.uncovered_since is not None:
        number = count(report.heads - report.checkpoint, "head")
        yield line(
            f"{number} in no signed checkpoint, the oldest since {moment(report.uncovered_since)}. The next change makes one.",
            "warn",
            hang=2,
        )
    for one in report.older:
        yield line(f"{one.incident}: entries 1 to {one.event} are older than keyed heads", "warn", hang=2)


def last_blocks(last: LastCheck | None, entries: int) -> Iterator[Block]:
    """Yield the last check from a page, and what it does not cover: ``entries`` is the present number."""
    yield line("LAST CHECK FROM THIS PAGE", "title")
    if last is None:
        yield line("Never checked from this page. Checks at the command line are not listed here.", "warn")
        return
    yield line(f"{moment(last.at)}, by {person_name(last.by)}")
    yield from verification_page(last.report).blocks
    if newer := entries - last.report.events:
        yield line(f"{count(newer, 'newer entry', 'newer entries')} not checked", "warn")
