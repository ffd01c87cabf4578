"""Render a notice: one document tree in every format asked for, named by the digest that an approval binds.

The same facts give the same bytes: the date in a document is that of the newest fact, never of a clock. A document
whose required parts are all there is rendered as it would be filed; one with gaps is a watermarked draft.
"""

from __future__ import annotations

import hashlib

import msgspec

from runner.documents.render import render as render_document
from runner.documents.tree import Document, RenderContext, Stationery
from runner.documents.write import write
from runner.effects.tools import Tools
from runner.engine.plan import Library
from runner.errors import TocsinError
from runner.model.commands import EffectFailed, Rendered
from runner.model.duty import DutyStatus
from runner.model.facts import nested
from runner.model.incident import Incident
from runner.model.notice import Format, Notice
from runner.model.work import Render


def render(work: Render, incident: Incident, library: Library, tools: Tools) -> Rendered | EffectFailed:
    """Render and keep a notice, and return what was made, or why it could not be."""
    try:
        status = _duty(work, incident, library, tools)
        name = template_for(work, tools, status)
        notice, source = tools.notices[name]
        document = make(notice, source, incident, status)
        files = {
            str(form): tools.blobs.put_blob(incident.id, write(document, form)) for form in _formats(work)
        }
    except TocsinError as error:
        return EffectFailed(step=work.step, why=error.message)
    return Rendered(
        document=f"{work.step}/{notice.id}",
        step=work.step,
        notice=notice.id,
        version=notice.version,
        digest=bound_digest(files),
        files=files,
        gaps=tuple(f"{gap.treatment}: {gap.path}" for gap in document.gaps),
        facts={used.path: incident.fact_events.get(used.path, 0) for used in document.facts_used},
        duty=work.duty,
        final=document.context.status == "final",
    )


def make(
    notice: Notice, source: str, incident: Incident, status: DutyStatus | None, *, draft: bool | None = None
) -> Document:
    """Return the document of a notice as of an incident's facts; ``draft`` None decides by its gaps."""
    facts = nested(incident.facts)
    extra = {} if status is None else {"duty": _about(incident, status)}
    facts["incident"] = {"codename": incident.codename, **facts.get("incident", {})}
    context = RenderContext(
        status="draft",
        kind=incident.kind,
        incident=incident.codename,
        timestamp=max((fact.at for fact in incident.facts.values()), default=incident.opened_at),
        zone=facts.get("organisation", {}).get("zone", "UTC"),
        stationery=_stationery(facts, notice),
    )
    document = render_document(notice, source, facts, context=context, extra=extra)
    blocking = any(gap.treatment == "missing" for gap in document.gaps)
    if draft or (draft is None and blocking):
        return document
    final = msgspec.structs.replace(context, status="final")
    return render_document(notice, source, facts, context=final, extra=extra)


def bound_digest(files: dict[str, str]) -> str:
    """Return the digest that stands for all files of a document: an approval binds every one of their bytes."""
    listed = "\n".join(f"{form} {digest}" for form, digest in sorted(files.items()))
    return f"sha256:{hashlib.sha256(listed.encode()).hexdigest()}"


def template_for(work: Render, tools: Tools, status: DutyStatus | None) -> str:
    """Return the template's id; ``auto`` is the one that says it fulfils the duty."""
    if work.notice != "auto":
        return work.notice
    fitting = [name for name, (notice, _) in sorted(tools.notices.items()) if work.duty in notice.duties]
    if not fitting:
        raise TocsinError(f"no template fulfils {work.duty}: write one, or take the notice by hand")
    return fitting[0]


def _formats(work: Render) -> tuple[Format, ...]:
    return tuple(work.formats)  # type: ignore[arg-type]


def _duty(work: Render, incident: Incident, library: Library, tools: Tools) -> DutyStatus | None:
    if not work.duty:
        return None
    found = [s for s in tools.duties(incident, tools.now(), library) if s.id == work.duty]
    return found[0] if found else None


def _about(incident: Incident, status: DutyStatus) -> dict[str, object]:
    """Return what a template may read of its duty; ``overdue`` hangs on the filing, not on the hour of rendering."""
    record = incident.duties[status.id].record if status.id in incident.duties else None
    filed = record is not None and record.kind == "filed"
    return {
        "id": status.id,
        "due": status.due,
        "due_local": status.due_local,
        "overdue": incident.duties[status.id].overdue if status.id in incident.duties else False,
        "state": "not_applicable" if record is None and status.verdict == "not_applicable" else status.state,
        "filed_at": record.at if record is not None and filed else None,
        "reference": (record.reference or None) if record is not None and filed else None,
        "reasons": (record.late_reason or record.reason or None) if record is not None else None,
        "citation": status.citation,
        "recipient": status.recipient,
        "provisional": status.provisional,
    }


def _stationery(facts: dict[str, object], notice: Notice) -> Stationery:
    organisation = facts.get("organisation")
    found = organisation if isinstance(organisation, dict) else {}
    lines = tuple(line for line in str(found.get("address", "")).splitlines() if line)
    return Stationery(
        name=str(found.get("name", "")),
        lines=lines,
        points=max(11.0, notice.min_points),
        paper="us-letter" if notice.regime.startswith("us-") else "a4",
    )
