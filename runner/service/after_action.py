"""The after-action report of an exercise or a real incident, written into a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from runner.effects.render import bound_digest
from runner.errors import Refused
from runner.model import commands as c
from runner.model.incident import Incident
from runner.model.notice import Format
from runner.service.drills import plan_of
from runner.service.improvements import contacts, of_incident, read
from runner.service.notices import Pulled, save_draft
from runner.views.after_action import after_action
from runner.views.after_action_clock import marks_of
from runner.views.after_action_source import Numbers, Source, numbers_of
from runner.views.timeline import timeline, words_of

if TYPE_CHECKING:
    from runner.service.desk import Desk


SIGNERS = frozenset({"evaluator", "director", "lead_controller"})


def source_of(desk: Desk, incident: Incident) -> Source:
    """Gather what a report is made from."""
    head = desk.store.head(incident.id)
    library = desk.library(incident)
    rows = list(desk.store.read(incident.id))
    planned = incident.drill is not None and bool(incident.drill.plan)
    items = of_incident(read(desk), incident.id)
    return Source(
        incident=incident,
        plan=plan_of(desk, incident) if planned else None,
        entries=timeline(incident, library, rows).entries,
        duties=tuple(desk.duties(incident)),
        marks=tuple(marks_of(rows)),
        titles=words_of(incident, library).titles,
        head=f"{head.version}:sha256:{head.hash}",
        now=desk.now_in(incident),
        made_at=desk.clock.now(),
        items=items,
        contacts=contacts(desk, items),
    )


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A report that was written: its numbers, and its files."""

    numbers: Numbers
    files: tuple[Pulled, ...]


def write_report(
    desk: Desk, incident: Incident, formats: Sequence[Format], folder: Path, *, sign: bool = False
) -> Report:
    """Write the report into a folder; its name says what it is of, and that it is a draft while it is one.

    ``sign`` has its bytes kept, and puts it on record that the person stands for them; raises Refused for a draft, and for
    anybody who does not evaluate or direct the exercise.
    """
    source = source_of(desk, incident)
    numbers = numbers_of(source)
    if sign:
        _may_sign(desk, source, numbers)
    made = save_draft(desk, after_action(source, numbers), formats, folder)
    if sign:
        files = {one.format: desk.store.put_blob(incident.id, Path(one.path).read_bytes()) for one in made}
        digest = bound_digest(files)
        desk.submit(incident.id, c.SignReport(by=desk.actor.claimed, digest=digest, files=files))
    return Report(numbers=numbers, files=made)


def _may_sign(desk: Desk, source: Source, numbers: Numbers) -> None:
    if source.plan is None:
        raise Refused("a report is signed by an evaluator of an exercise", hint="leave --sign out")
    if numbers.draft_because:
        raise Refused(
            f"the report is a draft: {numbers.draft_because}",
            hint="see: tocsin drill show",
            code="unconfirmed_ratings",
        )
    who = desk.actor
    able = {one.person for one in source.plan.participants if one.role in SIGNERS}
    if who.on_behalf_of or who.claimed not in able:
        names = ", ".join(sorted(able)) or "nobody: name an evaluator among the participants"
        raise Refused(f"{who.claimed} does not sign for this exercise", hint=f"who does: {names}")
