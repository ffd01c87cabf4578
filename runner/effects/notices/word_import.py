"""Import of a notice's text from a Word file: checked by the same law, written in every format, stored as a version."""

from __future__ import annotations

from collections.abc import Container

import msgspec

from runner.documents.notice import Notice
from runner.documents.replace_body import UNREAD, forms_of, with_text
from runner.documents.tree import Document, Kept
from runner.documents.word.docx_reader import Returned
from runner.effects.context import EffectContext
from runner.effects.notices.render import ENCLOSED, blockers, entry_of, keep
from runner.errors import Refused
from runner.incident.notices.staleness import recorded_as
from runner.incident.state.commands import Rendered
from runner.incident.state.incident import Document as Made
from runner.incident.state.incident import Incident
from runner.incident.state.work import Render


def taken(base: Kept, returned: Returned, incident: Incident, changed: Container[str] = ()) -> Document:
    """Return the document from a Word file's text, as a draft; a changed fact counts in its present words if they are there."""
    wanted = {gap.path for gap in base.document.gaps}
    wanted |= {
        used.path
        for used in base.document.facts_used
        if any(key in changed for key in recorded_as(used.path, incident.facts))
    }
    now: dict[str, tuple[str, ...]] = {}
    for path in sorted(wanted):
        keys = recorded_as(path, incident.facts)
        language, zone = base.document.language, base.document.context.zone
        if forms := tuple(
            form for key in keys for form in forms_of(incident.facts[key].value, language, zone)
        ):
            now[path] = forms
    return with_text(base.document, returned.blocks, now)


def adopt(
    work: Render,
    incident: Incident,
    before: Made,
    notice: Notice,
    document: Document,
    tools: EffectContext,
    *,
    override: bool,
) -> Rendered:
    """Store a document with imported text: final if it is complete, or if counsel overrides.

    The facts of the original version remain its basis: a fact counts in its current value only if its earlier text,
    or its missing mark, is not in the text any more.
    """
    items = blockers(notice, document)
    marks = [gap.path for gap in document.gaps if gap.treatment == "missing"]
    if override and marks:
        raise Refused(
            f"The text still marks missing information: {', '.join(marks)}.",
            hint="Complete the text in Word, then import the file again.",
            code="gaps_left",
        )
    if override or not items:
        context = msgspec.structs.replace(document.context, status="final", waived=bool(items))
        document = msgspec.structs.replace(document, context=context)
    rendered = keep(work, incident, notice, document, tools, files_before=before.files)
    said = {used.path for used in document.facts_used if used.texts and not used.printed}
    said |= {used.path for used in document.facts_used if used.printed and used.value == UNREAD}
    said |= {gap.partition(": ")[2] for gap in before.gaps} - {gap.path for gap in document.gaps}
    facts = {
        path: entry_of(path, incident) if path in said else entry for path, entry in before.facts.items()
    }
    carried = [item for item in before.to_verify if item.startswith(ENCLOSED)]
    verify = (*rendered.event.to_verify, *carried)
    kept = {item: before.passages[item] for item in carried if item in before.passages}
    said_by = {**rendered.event.passages, **kept}
    event = msgspec.structs.replace(rendered.event, facts=facts, to_verify=verify, passages=said_by)
    return msgspec.structs.replace(rendered, event=event, items=items, base=before.digest)
