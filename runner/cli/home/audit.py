"""Command ``audit verify``: check of the journals, documents and evidence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import msgspec

from runner.app.core.repository import Verification
from runner.app.home.integrity import Fault, Integrity
from runner.cli.framework.options import Commands, Option, command, group
from runner.cli.framework.session import Session
from runner.reports.core.formatting import count
from runner.reports.core.page import Block, line, paged
from runner.reports.core.report import Report


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
    unread: int
    unwitnessed: tuple[str, ...]
    broken: Break | None
    documents: int
    documents_unread: int
    faults: tuple[Fault, ...]
    """Documents, keys and rows that were changed."""
    unjudged: tuple[str, ...]
    """Journals without a key: it is unknown whether they were erased."""


def add(app: Commands) -> None:
    """Add ``audit …``."""
    audit = group(app, "audit", "Verify the journal and the stored documents.")
    command(audit, "verify")(verify)


def verify(
    session: Session,
    anchor: Annotated[
        str, Option("--anchor N:sha256:HASH", "Head of the journal from another source, as on a document.")
    ] = "",
) -> int:
    """Verify that every journal entry is present and unchanged.

    Compares documents and evidence with their digests, and keys and rows with the journals. Without --incident, verifies
    all journals of the home folder. The exit code is 1 if the verification fails.

    \b
    Examples:
      tocsin audit verify
      tocsin audit verify -i amber-falcon --anchor 41:sha256:9f2c…
    """
    from runner.app.home.integrity import events, integrity
    from runner.app.home.integrity import verify as verified
    from runner.cli.framework.progress_line import bars

    given = session.options.incident
    name = session.service.find(given) if given else None
    with bars(session) as shown:
        verification = verified(
            session.service, name, anchor, shown.begin("verifying events", events(session.service, name))
        )
        rest = integrity(session.service, verification, name, shown.begin("checking documents", None))
    report = _report(verification, rest)
    session.show(report, lambda: _page(report))
    return 0 if report.ok else 1


def _report(found: Verification, rest: Integrity) -> Verified:
    broken = found.broken
    return Verified(
        ok=found.ok and not rest.faults,
        events=found.events,
        head=f"sha256:{found.head}",
        unread=found.unread,
        unwitnessed=found.unwitnessed,
        broken=None
        if broken is None
        else Break(incident=broken.incident, event=broken.seq, kind=broken.kind, why=broken.why),
        documents=rest.documents,
        documents_unread=rest.unread,
        faults=rest.faults,
        unjudged=rest.unjudged,
    )


@paged
def _page(report: Verified) -> Iterator[Block]:
    if report.broken is None:
        yield line(f"{report.events} entries verified; head {report.head}", "good")
    else:
        where = f"{report.broken.incident}, entry {report.broken.event}"
        yield line(f"VERIFICATION FAILED: {where}: {report.broken.why}", "alarm", hang=2)
    for fault in report.faults:
        where = fault.incident or "shared documents"
        yield line(f"VERIFICATION FAILED: {where}: {fault.what}", "alarm", hang=2)
    if not report.faults:
        yield line(f"{count(report.documents - report.documents_unread, 'document')} verified", "good")
    if report.documents_unread:
        yield line(f"{count(report.documents_unread, 'document')} cannot be read here", "dim")
    for name in report.unjudged:
        text = f"{name}: without the master key, it is unknown if the key was removed or erased"
        yield line(text, "warn", hang=2)
    if report.unread:
        yield line(f"{report.unread} payloads cannot be read here. Their digests are verified.", "dim")
    for name in report.unwitnessed:
        yield line(f"{name}: without an anchor, it is unknown if the last entries are missing", "warn")
