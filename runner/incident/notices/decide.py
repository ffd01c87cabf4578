"""Decisions at the end of rendering: a new document, the decision of counsel, and the end of its step."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from runner.actions import assign_role
from runner.base.actor import named_person
from runner.errors import Refused
from runner.incident.notices.staleness import COUNSEL, changes
from runner.incident.state import commands as c
from runner.incident.state import events as e
from runner.incident.state.incident import Document, Incident
from runner.incident.state.steps import completion_state


def rendered(incident: Incident, command: c.Rendered, by: str, now: datetime) -> tuple[e.AnyEvent, ...]:
    """A rendering whose bytes are those we have, or older than those, changes nothing; the first ends its step."""
    invocation = incident.invocations[command.step]
    if command.override:
        _may_override(incident, command, by)
    if _outdated(incident, command):
        return ()
    if invocation.digest == command.digest and invocation.over:
        same = renderings(incident, command.step)[-1]
        # the same words say what is known now: nothing is void, and the text is out of date no longer
        return (_made(command, same.id),) if changes(incident, [same])[same.id] else ()
    rendering = _made(command, _next_id(incident, command))
    events = (rendering, *_beside(command, rendering.document))
    if invocation.over or invocation.state == "waiting":
        return events
    gaps = f"{len(command.gaps)} gaps" if command.gaps else "no gaps"
    ended = e.StepSettled(
        step=command.step,
        state=completion_state(invocation, now),
        why=f"rendered, {gaps}",
        digest=command.digest,
    )
    return (*events, ended)


def renderings(incident: Incident, step: str) -> list[Document]:
    """Return every rendering of a step's invocation, oldest first."""
    return [document for document in incident.documents.values() if document.step == step]


def _next_id(incident: Incident, command: c.Rendered) -> str:
    """Each rendering is a document of its own, so that two can be compared."""
    before = len(renderings(incident, command.step))
    return f"{command.document}@{before + 1}" if before else command.document


def _made(command: c.Rendered, document: str) -> e.DocumentRendered:
    return e.DocumentRendered(
        document=document,
        step=command.step,
        notice=command.notice,
        version=command.version,
        digest=command.digest,
        files=command.files,
        gaps=command.gaps,
        facts=command.facts,
        duty=command.duty,
        by=command.author,
        status="final" if command.final else "draft",
        tree=command.tree,
    )


def _beside(command: c.Rendered, document: str) -> Iterator[e.AnyEvent]:
    """Yield the data that is encrypted separately from the rendering: a person's words, and the author of the file."""
    if command.adopted:
        yield e.NoticeAdopted(
            document=document,
            step=command.step,
            digest=command.digest,
            by=command.author,
            file=command.adopted,
            base=command.base,
            tracked=command.tracked,
        )
    if command.override:
        yield e.NoticeOverridden(
            document=document,
            step=command.step,
            digest=command.digest,
            by=command.author,
            reason=command.override.strip(),
            items=command.items,
        )


def _may_override(incident: Incident, command: c.Rendered, by: str) -> None:
    """Only counsel, who answers for it, and only with a reason that can be read later."""
    if by not in incident.roles.get(COUNSEL, ()):
        raise Refused(
            f"{named_person(by)} does not have the role {COUNSEL}. Only counsel can accept missing information.",
            hint=assign_role(COUNSEL),
            code="role",
        )
    if not command.override.strip():
        raise Refused(
            "The reason to accept the missing information is missing.",
            hint="Add --override WHY",
            code="reason_missing",
        )


def _outdated(incident: Incident, command: c.Rendered) -> bool:
    """Tell whether the step's document was made from newer facts: this one was begun earlier and ended later."""
    documents = renderings(incident, command.step)
    newest = documents[-1].facts if documents else {}
    return any(seq < newest.get(key, 0) for key, seq in command.facts.items())
