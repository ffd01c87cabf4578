"""Use cases of notices: generate, check against the law, write a draft into a folder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

import msgspec

from runner.actions import Action
from runner.app.core.reader import TREE
from runner.base.text import near_hint, nearest
from runner.documents.notice import Coverage, Format, Notice
from runner.errors import NotFound, Refused, Usage, unwritable
from runner.incident.law.duties import BINDING
from runner.incident.law.filed import all_differences, filed_texts
from runner.incident.notices.decide import DRAFT, next_lane, renderings
from runner.incident.notices.staleness import blocking, change_words, recorded_as
from runner.incident.notices.verification import current_texts, items_of
from runner.incident.state.commands import AddNotice, EffectFailed, Rendered
from runner.incident.state.incident import Document, Incident
from runner.incident.state.work import Render
from runner.playbook.format import Notice as NoticeStep
from runner.settings import all_or_nothing

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.app.core.reader import Reader
    from runner.documents.tree import Document as Tree

FORMATS: tuple[Format, ...] = get_args(Format)


class Pulled(msgspec.Struct, frozen=True, kw_only=True):
    """One written file."""

    path: str
    format: str
    sha256: str
    notice: str
    status: str
    stale: bool = False
    """True if facts of a stored notice changed after its generation."""


class Checked(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="tocsin/notice-check/v1"):
    """The legal requirements of a notice, compared with its current text."""

    notice: str
    complete: bool
    """Nothing is missing or forbidden, every item is verified, and no fact has changed."""
    coverage: tuple[Coverage, ...]
    document: str = ""
    """The checked version; empty for a draft from the present facts."""
    to_verify: tuple[str, ...] = ()
    """Items that nobody has verified."""
    changed: tuple[str, ...] = ()
    """Facts that changed after the version was generated, with both values."""
    old_words: tuple[str, ...] = ()
    """What the text says of those facts."""


def template(service: IncidentService, incident: Incident, name: str) -> tuple[Notice, str]:
    """Return a pinned template by its id; raises NotFound with the nearest id."""
    notices = service.catalogue(incident).notices
    if name not in notices:
        from runner.app.incidents.home_catalogue import catalogue

        near = nearest(name, notices)
        hint = f"Use {near}" if near else f"Use one of: {', '.join(sorted(notices)) or 'none'}"
        if name in catalogue(service).notice_files:
            hint = f"{name} came after the opening. An incident keeps the notices of its opening"
        raise NotFound(
            f'Notice "{name}" does not exist in "{incident.codename}".', hint=hint, code="unknown_notice"
        )
    return notices[name].notice, notices[name].body


def draft(service: IncidentService, incident: Incident, name: str, duty: str = "") -> tuple[Notice, Tree]:
    """Return a draft from the incident's current facts; nothing is recorded."""
    from runner.effects.notices.forbidden_words import requirements
    from runner.effects.notices.legal_basis import legal_context
    from runner.effects.notices.render import enclosures, make

    notice, body = template(service, incident, name)
    wanted = duty or next(iter(notice.duties), "")
    # A press text is about no duty: the law need not be assessed for it.
    duties, library = (
        service.near_duties(incident, also=(wanted,)) if wanted else (),
        service.library(incident),
    )
    brief = legal_context(incident, next((one for one in duties if one.id == wanted), None), library)
    notice = requirements(notice, body, incident, brief)
    return notice, make(
        notice,
        body,
        incident,
        brief,
        privileged=service.home.stationery.privileged,
        logo=service.logo(),
        enclosed=enclosures(notice, brief, duties, library, service.tools(incident)),
    )


def check_content(
    service: IncidentService, reader: Reader, incident: Incident, name: str, duty: str = ""
) -> Checked:
    """Compare a notice's text with its legal requirements; include all other missing information.

    ``name`` is a version or its step: then the recorded text is checked. With a template it is a draft from the
    present facts, unless its recorded text has Word edits.
    """
    from runner.documents.contents.coverage import check, complete, to_verify, unnamed, with_sentences
    from runner.documents.tree import decode
    from runner.effects.notices.forbidden_words import sought

    made = [
        d
        for d in incident.documents.values()
        if name in (d.id, d.step, step_id(incident, d))
        or (d.notice == name and duty in ("", d.duty) and d.adoption is not None)
    ]
    text = made[-1] if made and made[-1].tree else None
    changed: tuple[str, ...] = ()
    old: tuple[str, ...] = ()
    if text is None:
        notice, document = draft(service, incident, made[-1].notice if made else name, duty)
        open_ = to_verify(notice, document)
    else:
        kept = decode(reader.document(incident, text.id, TREE))
        notice = sought(kept.notice, template(service, incident, text.notice)[1], incident)
        document, stale = kept.document, blocking(incident, text)
        changed, old = (
            tuple(change_words(one, incident.zone) for one in stale),
            _words_of({one.fact for one in stale}, document, incident),
        )
        items = dict.fromkeys((*to_verify(notice, document), *items_of(incident, text)))
        open_ = tuple(item for item in items if item not in text.ticks)
    lines = check(notice, document)
    lines = with_sentences((*lines, *unnamed(lines, document)), notice, document)
    return Checked(
        notice=notice.id,
        complete=complete(lines) and not open_ and not changed,
        coverage=lines,
        document=text.id if text is not None else "",
        to_verify=open_,
        changed=changed,
        old_words=old,
    )


def _words_of(facts: Collection[str], document: Tree, incident: Incident) -> tuple[str, ...]:
    """Return what a text says of facts, in its own words."""
    keys = sorted(incident.facts)
    of = (used for used in document.facts_used if not {*recorded_as(used.path, keys)}.isdisjoint(facts))
    return tuple(dict.fromkeys(text for used in of if used.printed for text in used.texts if text))


def reasons_for_gaps(pairs: Iterable[str]) -> dict[str, str]:
    """Return the reasons of counsel for missing items, each written as ``NAME=REASON``; raises Usage."""
    found = {name.strip(): reason for name, _, reason in (pair.partition("=") for pair in pairs)}
    if not all(name and reason.strip() for name, reason in found.items()):
        raise Usage("--gap has no reason.", hint="Use --gap NAME=REASON", code="reason_missing")
    return found


def step_id(incident: Incident, document: Document) -> str:
    """Return the id of a document's step."""
    return incident.invocations[document.step].step


def refuse_lost_edits(incident: Incident, step: str) -> None:
    """Raise Refused if a new text would lose Word edits."""
    documents = renderings(incident, step)
    if documents and documents[-1].adoption is not None:
        raise Refused(
            f'The text of "{step}" has Word edits by {documents[-1].adoption.by}. A new text loses them. Nothing was changed.',
            hint=f"Edit it in Word again: tocsin notice pull. Or drop the edits: tocsin notice render {step} --drop-edits",
            code="edits_lost",
        )


def render_step(
    service: IncidentService,
    incident: Incident,
    step: str | Render,
    override: str = "",
    gaps: Mapping[str, str] | None = None,
) -> Rendered:
    """Generate the notice of a step, or of work for a step that is still to come, from the current facts; raises Refused if that fails.

    ``override`` is counsel's reason for a final version with missing information; ``gaps`` are reasons for single
    items, by fact or by the law's reference.
    """
    from runner.effects.notices.render import render

    work = work_of(service, incident, step) if isinstance(step, str) else step
    tools = service.tools(incident)
    rendered = render(work, incident, service.library(incident), tools, override=bool(override or gaps))
    if isinstance(rendered, EffectFailed):
        raise Refused(
            f'The notice of "{work.duty or work.step}" could not be generated: {rendered.why}.',
            hint=Action("fact.missing"),
            code="render_failed",
        )
    if gaps:
        rendered = _marked(rendered, work.step, gaps, override)
    return by_hand(service, rendered, override or "; ".join(dict.fromkeys((gaps or {}).values())))


def render_duty(
    service: IncidentService,
    incident: Incident,
    duty: str,
    override: str = "",
    gaps: Mapping[str, str] | None = None,
) -> tuple[*tuple[AddNotice, ...], Rendered]:
    """Generate the notice of a duty: again by its newest task; without any, or as a correction, with tasks of its own.

    A playbook's tasks for the same duty take it over. Raises NotFound for an unknown duty, Refused for one that does not apply.
    """
    if step := notice_step(incident, duty):
        return (render_step(service, incident, step, override, gaps),)
    found = {one.id: one for one in service.near_duties(incident, also=(duty,))}
    if duty not in found:
        raise NotFound(
            f'Duty "{duty}" does not exist.',
            hint=near_hint(duty, [one.id for one in service.duties(incident)], "See: tocsin duties"),
            code="unknown_duty",
        )
    filed = filed_text(incident, duty)
    if filed is None and (found[duty].verdict not in BINDING or not found[duty].in_sight):
        raise Refused(
            f'Duty "{duty}" does not apply. A notice of it would notify without a duty.',
            hint=Action("duty.show", duty),
            code="not_owed",
        )
    work = Render(
        incident=incident.id,
        step=f"{next_lane(incident, duty)}{DRAFT}#1",
        notice=filed.notice if filed is not None else "auto",
        duty=duty,
        formats=("docx", "pdf", "html", "txt"),
    )
    return AddNotice(duty=duty, notice=work.notice), render_step(service, incident, work, override, gaps)


def notice_step(incident: Incident, duty: str) -> str:
    """Return the task whose text is the newest of a duty, else its first notice task that was not cancelled; empty without.

    Empty if its text was filed and facts changed since: nobody can approve there again.
    """
    if filed_text(incident, duty) is not None:
        return ""
    texts = [text.step for text in current_texts(incident) if text.duty == duty]
    tasks = (
        one.id
        for one in incident.invocations.values()
        if one.kind == "notice" and incident.scopes[one.scope].item == duty and one.state != "cancelled"
    )
    return texts[-1] if texts else next(tasks, "")


def filed_text(incident: Incident, duty: str) -> Document | None:
    """Return the newest text of a duty if a filed text of its law differs from the facts, and its task can correct nothing.

    Its task made the filed text, or ended with a decision that no correction is owed.
    """
    texts = [one for one in current_texts(incident) if one.duty == duty]
    newest, filed = (incident.invocations[name] for name in incident.latest.values()), filed_texts(incident)
    dropped = {one.scope for one in newest if one.kind == "approve" and one.state == "cancelled"}
    corrects = texts and (
        incident.invocations[texts[-1].step].scope in dropped
        or any(one.digest in filed for one in renderings(incident, texts[-1].step))
    )
    return texts[-1] if corrects and any(all_differences(incident, duty.partition("/")[0])) else None


def _marked(made: Rendered, step: str, gaps: Mapping[str, str], override: str) -> Rendered:
    """Return a version with a reason for each missing item; raises Refused for a missing reason or an unknown item."""
    found = {
        item: name for item in made.items for name in gaps if item.startswith((f"{name} is ", f"{name}: "))
    }
    unknown = [name for name in gaps if name not in found.values()]
    bare = [item for item in made.items if item not in found and not override]
    if unknown or bare:
        raise Refused(
            f'Task "{step}" has no missing item {", ".join(unknown)}.'
            if unknown
            else f"A reason is missing for: {'; '.join(bare)}.",
            hint="Add --gap FACT=REASON, or --gap REFERENCE=REASON",
            code="unknown_gap" if unknown else "gap_unmarked",
        )
    items = tuple(f"{item}: {gaps[found[item]]}" if item in found else item for item in made.items)
    return msgspec.structs.replace(made, items=items)


def by_hand(service: IncidentService, made: Rendered, override: str) -> Rendered:
    """Return a version in the name of a person; raises Refused if there is nothing to override."""
    if override and not made.items:
        raise Refused(
            f'Notice "{made.event.notice}" has no missing information. There is nothing to override.',
            hint="Remove --override",
            code="nothing_to_override",
        )
    event = msgspec.structs.replace(made.event, by=service.principal.person)
    return msgspec.structs.replace(made, event=event, override=override)


def work_of(service: IncidentService, incident: Incident, step: str) -> Render:
    """Return the generation work of a notice step; raises Refused for any other step."""
    from runner.incident.state.expression_view import item_of

    definition = service.library(incident).step(incident, step)
    if not isinstance(definition, NoticeStep):
        kind = incident.invocations[step].kind
        raise Refused(
            f'Task "{step}" is not a notice. Its kind is {kind}.',
            hint=Action("notice.list"),
            code="not_a_notice",
        )
    scope = incident.scopes[incident.invocations[step].scope]
    return Render(
        incident=incident.id,
        step=step,
        notice=definition.notice,
        duty=item_of(incident, scope, definition.duty),
        formats=definition.formats,
    )


def formats_of(texts: Sequence[str], known: Sequence[str] = FORMATS) -> tuple[Format, ...]:
    """Return formats by their names; a text may have several, separated by commas; raises Usage."""
    names = [name for text in texts for name in text.split(",") if name]
    for name in names:
        if name not in known:
            raise Usage(
                f'Format "{name}" is unknown.', hint=f"Use --to {'|'.join(known)}", code="unknown_format"
            )
    return cast("tuple[Format, ...]", tuple(names))


def save(
    tree: Tree,
    formats: Sequence[Format],
    folder: Path,
    letterhead: Callable[[], bytes] = bytes,
    duty: str = "",
    *,
    name: str = "",
) -> tuple[Pulled, ...]:
    """Write a document into a folder; in Word on the organisation's file, if any. Without ``name`` the file name has the duty."""
    from runner.documents.write import rendered, write

    found = []
    for form in formats:
        content = write(tree, form, letterhead() if form == "docx" else b"")
        about = rendered(tree, form, content, duty)
        file = folder / (f"{name}.{form}" if name else about.filename)
        found.append(write_pulled(file, content, tree.id, tree.context.status))
    return tuple(found)


def write_pulled(path: Path, content: bytes, notice: str, status: str, *, stale: bool = False) -> Pulled:
    """Write a file and return its record; raises Invalid."""
    sha256 = hashlib.sha256(content).hexdigest()
    form = write_file(path, content).suffix[1:]
    return Pulled(path=str(path), format=form, sha256=sha256, notice=notice, status=status, stale=stale)


def write_file(path: Path, content: bytes) -> Path:
    """Write a file and its folders; raises Invalid with the reason of a failure."""
    try:
        with all_or_nothing(path):
            path.write_bytes(content)
    except OSError as error:
        raise unwritable(path, error, "Use another folder: --out DIR") from None
    return path
