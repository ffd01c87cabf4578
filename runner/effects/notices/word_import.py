"""Import of a notice's text from a Word file: checked by the same law, written in every format, stored as a version."""

from __future__ import annotations

import msgspec

from runner.documents.contents.coverage import short
from runner.documents.notice import Notice
from runner.documents.replace_body import forms_of, with_text
from runner.documents.tree import Document, Kept
from runner.documents.word.docx_reader import Returned
from runner.effects.context import EffectContext
from runner.effects.notices.render import blockers, entry_of, keep
from runner.errors import Refused
from runner.incident.notices.staleness import recorded_as
from runner.incident.state.commands import Rendered
from runner.incident.state.incident import Document as Made
from runner.incident.state.incident import Incident
from runner.incident.state.work import Render


def taken(base: Kept, returned: Returned, incident: Incident) -> Document:
    """Return the document from a Word file's text, as a draft."""
    # Forbidden content may also be typed in Word.
    banned = {path for ban in base.notice.forbids for path in ban.facts}
    read = {used.path for used in base.document.facts_used}
    wanted = {gap.path for gap in base.document.gaps}
    wanted |= {key for key in incident.facts if short(key) in banned and key not in read}
    now: dict[str, tuple[str, ...]] = {}
    for path in sorted(wanted):
        keys = recorded_as(path, incident.facts)
        language = base.document.language
        if forms := tuple(form for key in keys for form in forms_of(incident.facts[key].value, language)):
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
    said |= {gap.partition(": ")[2] for gap in before.gaps} - {gap.path for gap in document.gaps}
    facts = {
        path: entry_of(path, incident) if path in said else entry for path, entry in before.facts.items()
    }
    event = msgspec.structs.replace(rendered.event, facts=facts)
    return msgspec.structs.replace(rendered, event=event, items=items, base=before.digest)
