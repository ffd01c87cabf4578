"""The certificate of an erasure: what was erased, who ordered it, what remains, and which backups still have the key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

from runner import __version__
from runner.app.core import organisation_journal
from runner.app.core.repository import UNFINISHED, IncidentRow
from runner.app.home import backups, retention
from runner.app.home.backups import BackupMade
from runner.app.home.erased_data import UNERASED
from runner.app.home.retention_queue import STATES, Copy, copies
from runner.documents.tree import Block, Document, RenderContext, Stationery
from runner.documents.write import write
from runner.incident.people.contact_journal import JOURNAL
from runner.reports.core.formatting import describe_actor
from runner.reports.core.report_blocks import bullets, fields, heading, paragraph, table, time

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.base.states import Kind


def certificate(service: IncidentService, row: IncidentRow) -> bytes:
    """Return the certificate as PDF, as of now; the incident must be erased. It names nobody but who ordered the erasure."""
    done = retention.kept(service).shredded[row.id]
    recorded = next(organisation_journal.stored(service, JOURNAL, done.entry - 1))
    head = service.store.head(row.id)
    opened = next(organisation_journal.stored(service, row.id)).at  # an earlier copy has no key of it
    now = service.clock.now()
    is_done = service.setting(UNFINISHED) is None and bool(
        done.ended or retention.is_shredded(service, row.id)
    )
    ended = (done.ended or done.at) if is_done else now
    organisation = str(service.home.organisation.get("name") or "")
    blocks: list[Block] = [
        fields((
            ("Organisation", organisation),
            ("Incident", f"{done.codename} ({row.id})"),
            ("Erased", "All content that was encrypted with the key of the incident: title, facts, notes, messages, documents, evidence files, letters, the entry in the register of breaches"),
            ("Key destroyed", f"Data key of {row.id}"),
            ("Ordered by", describe_actor(recorded.actor)),
            ("Ordered at", time(done.at, UTC)),
            ("Reason", done.reason),
            ("Recorded", f"Entry {done.entry} of the journal {JOURNAL}, sha256:{recorded.hash}"),
            ("State", "Finished in the database" if is_done else f"{UNERASED}."),
            ("As of", time(now, UTC)),
        )),
        heading(2, "What remains"),
        bullets((
            f"{head.version} entries without content: number, time, person, type and digest of each. Head: {head.version}:sha256:{head.hash}",
            "Codename, state and times of the incident",
            "Files that were exported before, and action items: Tocsin does not erase these",
            "A database server has a log and backups of its own, which Tocsin does not erase",
        )),
        heading(2, "Backups that have the key"),
        *_backups(
            [one for one in copies(service, ended) if one.made >= opened], service.home.backup.keep
        ),
        *_packs(service, opened, ended),
        paragraph("Copies made without Tocsin are unknown."),
    ]  # fmt: skip
    document = Document(
        id="erasure-certificate",
        version=__version__,
        template_sha256="",
        title="Certificate of erasure",
        language="en",
        context=RenderContext(
            status="final",
            kind=cast("Kind", row.kind),
            timestamp=now,
            language="en",
            stationery=Stationery(name=organisation),
            journal_head=service.checkpoints.reference(head),
        ),
        blocks=(heading(1, "Certificate of erasure"), *blocks),
    )
    return write(document, "pdf")


def _packs(service: IncidentService, opened: datetime, ended: datetime) -> Iterator[Block]:
    rows = [
        (f"{at:%Y-%m-%d}", str(Path(one.place) / one.name) if isinstance(one, BackupMade) else one.name)
        for at, one in backups.kept(service).packs
        if at >= opened and (getattr(one, "begun", None) or at) <= ended
    ]
    if rows:
        yield paragraph(
            "Each of these packs has the key and the master key. No rule removes packs: destroy them."
        )
        yield table(("Made or restored", "Pack"), rows)


def _backups(found: Sequence[Copy], rule: str) -> Iterator[Block]:
    if found:
        yield paragraph(
            "The key in these backups is encrypted with the master key. A restore erases the data again, if the list of erased data is beside the backup."
        )
        yield table(
            ("Made", "Backup", "State", "Removed by"),
            [
                (f"{one.made:%Y-%m-%d}", one.path, STATES[one.state] or "present", f"{one.gone_by:%Y-%m-%d}")
                for one in found
            ],
        )
        last = max(one.gone_by for one in found)
        yield paragraph(
            f"By the rule {rule}, the last of these is removed by {last:%Y-%m-%d}, if backups continue there."
        )
    else:
        yield paragraph("No recorded backup, apart from packs, has the key.")
