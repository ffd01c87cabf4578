"""Decisions at the end of generation: a new document, the decision of counsel, and the end of its step."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import combinations, count

import msgspec

from runner.base.actor import named_person
from runner.errors import Refused, reason_given
from runner.incident.notices.staleness import COUNSEL, changes, counsel_only
from runner.incident.state import commands as c
from runner.incident.state import events as e
from runner.incident.state.incident import Document, Incident
from runner.incident.state.library import Library
from runner.incident.state.steps import completion_state
from runner.playbook.format import AddedStep, Approve, File, Notice
from runner.playbook.parts import After, Quorum


def rendered(incident: Incident, command: c.Rendered, by: str, now: datetime) -> tuple[e.AnyEvent, ...]:
    """A document with the same bytes, or from older facts, changes nothing; the first document ends its step."""
    made = command.event
    invocation = incident.invocations[made.step]
    if command.override:
        counsel_only(incident, by, "accept missing information")
        reason_given(command.override, "The reason to accept the missing information", "Add --override WHY")
    before = renderings(incident, made.step)
    # The step's document may have newer facts: this version was begun earlier and ended later.
    newest = before[-1].facts if before else {}
    if any(seq < newest.get(key, 0) for key, seq in made.facts.items()):
        return ()
    lane = incident.scopes.get(own_lane(made.duty))
    taken: tuple[e.AnyEvent, ...] = ()
    if lane is not None and invocation.scope != lane.id and not made.by:
        # work of people that a new text would lose
        steps = [one for one in incident.invocations.values() if one.scope == lane.id]
        texts = [text for one in steps for text in renderings(incident, one.id)]
        given = any(not approval.void for one in steps for approval in one.approvals)
        filed = any(one.kind == "file" and one.over for one in steps)
        kept = given or filed or any(text.adoption or text.override for text in texts)
        if kept and incident.scopes[invocation.scope].item == made.duty:
            return _ended(incident, invocation.scope, "people work on the notice of this duty already")
        taken = () if kept else _ended(incident, lane.id, "the playbook has these tasks now")
    if invocation.digest == made.digest and invocation.over:
        same = before[-1]
        # the same text was generated from the present facts: nothing is void, and the text is up to date again
        again = msgspec.structs.replace(made, document=same.id)
        return (again,) if changes(incident, [same])[same.id] else ()
    if before:  # each generated version is a document of its own, so that two can be compared
        made = msgspec.structs.replace(made, document=f"{made.document}@{len(before) + 1}")
    events = (made, *_beside(command, made), *taken)
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


DRAFT = "draft-notice"


def own_lane(duty: str, number: int = 1) -> str:
    """Return the scope of the tasks of a notice that a person began before a playbook did, or after a filing."""
    return f"added:notice[{duty}]{number if number > 1 else ''}."


def next_lane(incident: Incident, duty: str) -> str:
    """Return the first free scope for the tasks of a notice that a person begins."""
    return next(lane for number in count(1) if (lane := own_lane(duty, number)) not in incident.scopes)


def notice_added(
    incident: Incident, command: c.AddNotice, by: str, library: Library
) -> tuple[e.AnyEvent, ...]:
    """Return the tasks of one notice: text, approval, filing. Its text is written next."""
    duty, held = command.duty, incident.roles
    run, lane = next(iter(incident.runs.values())), next_lane(incident, duty)
    writer = next((role for role in ("dpo", "counsel", "commander") if held.get(role)), COUNSEL)
    steps: tuple[AddedStep, ...] = (
        Notice(id=DRAFT, notice=command.notice, duty=duty, title="Draft the notice"),
        own_approval(incident, library),
        File(
            id="file-notice",
            file=DRAFT,
            duty=duty,
            role=writer,
            title="File the notice and keep the evidence",
            after=After(steps=("approve-notice",)),
        ),
    )
    added = (
        e.TaskAdded(scope=lane, run=run.id, playbook=run.playbook, task=step, by=by, item=duty)
        for step in steps
    )
    return (*added, e.StepReady(step=f"{lane}{DRAFT}#1", state="active"))


def own_approval(incident: Incident, library: Library) -> Approve:
    """Return the approval of a notice that a person begins: by counsel and the privacy lead.

    Without one of the two, or if one person is both, an executive or the commander is the second. A home without a second
    person approves alone.
    """
    people = incident.roles
    held = [role for role in (COUNSEL, "dpo", "executive", "commander") if people.get(role)]
    pairs = [] if library.alone else [*combinations(held, 2)]
    two = (pair for pair in pairs if len({*people[pair[0]], *people[pair[1]]}) > 1)
    signers = next(two, pairs[0] if pairs else tuple(held[:2]) or (COUNSEL,))
    return Approve(
        id="approve-notice",
        approve=DRAFT,
        title="Approve the notice",
        by=Quorum(roles=signers, distinct=2 if pairs else 1, every_role=bool(pairs)),
        after=After(steps=(DRAFT,)),
    )


def _ended(incident: Incident, scope: str, why: str) -> tuple[e.AnyEvent, ...]:
    """Return the end of the open tasks of a lane: another lane of the same duty has them."""
    return tuple(
        e.StepSettled(step=one.id, state="cancelled", why=why)
        for one in incident.invocations.values()
        if one.scope == scope and not one.over
    )


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
