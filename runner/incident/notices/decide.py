"""Decisions at the end of generation: a new document, the decision of counsel, and the end of its step."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from runner.base.actor import named_person
from runner.errors import Refused
from runner.incident.notices.staleness import COUNSEL, changes, counsel_only
from runner.incident.state import commands as c
from runner.incident.state import events as e
from runner.incident.state.incident import Document, Incident
from runner.incident.state.steps import completion_state


def rendered(incident: Incident, command: c.Rendered, by: str, now: datetime) -> tuple[e.AnyEvent, ...]:
    """A document with the same bytes, or from older facts, changes nothing; the first document ends its step."""
    made = command.event
    invocation = incident.invocations[made.step]
    if command.override:
        counsel_only(incident, by, "accept missing information")
        if not command.override.strip():
            raise Refused(
                "The reason to accept the missing information is missing.",
                hint="Add --override WHY",
                code="reason_missing",
            )
    before = renderings(incident, made.step)
    if _outdated(before, made):
        return ()
    if invocation.digest == made.digest and invocation.over:
        same = before[-1]
        # the same text was generated from the present facts: nothing is void, and the text is up to date again
        again = msgspec.structs.replace(made, document=same.id)
        return (again,) if changes(incident, [same])[same.id] else ()
    if before:  # each generated version is a document of its own, so that two can be compared
        made = msgspec.structs.replace(made, document=f"{made.document}@{len(before) + 1}")
    events = (made, *_beside(command, made))
    if invocation.over or invocation.state == "waiting":
        return events
    missing = f"missing information: {len(made.gaps)}" if made.gaps else "no missing information"
    ended = e.StepSettled(
        step=made.step,
        state=completion_state(invocation, now),
        why=f"generated, {missing}",
        digest=made.digest,
    )
    return (*events, ended)


def renderings(incident: Incident, step: str) -> list[Document]:
    """Return every generated version of a step's invocation, oldest first."""
    return [document for document in incident.documents.values() if document.step == step]


def _beside(command: c.Rendered, made: e.DocumentRendered) -> Iterator[e.AnyEvent]:
    """Yield the data that is encrypted separately from the document: a person's reason, and the author of the file."""
    if command.adopted:
        yield e.event_of(
            e.NoticeAdopted, made, file=command.adopted, base=command.base, tracked=command.tracked
        )
    if command.override:
        yield e.event_of(e.NoticeOverridden, made, reason=command.override.strip(), items=command.items)


def letters_signed(incident: Incident, event: e.LettersSigned, by: str) -> e.LettersSigned:
    """Counsel approves letters that another person made; anybody may sign off the number that was mailed."""
    if event.kind == "approved":
        counsel_only(incident, by, "approve letters")
    if event.kind == "approved" and incident.evidence[event.run].by == by:
        raise Refused(
            f"{named_person(by)} made these letters.",
            hint=f"Ask another person with the role {COUNSEL}.",
            code="author",
        )
    return msgspec.structs.replace(event, by=by)


def _outdated(before: list[Document], made: e.DocumentRendered) -> bool:
    """Tell whether the step's document has newer facts: this version was begun earlier and ended later."""
    newest = before[-1].facts if before else {}
    return any(seq < newest.get(key, 0) for key, seq in made.facts.items())
