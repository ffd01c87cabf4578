"""The after-action report of an exercise or a real incident, written into a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from runner.effects.render import bound_digest
from runner.errors import Refused
from runner.model import commands as c
from runner.model.incident import Incident
from runner.model.notice import Format
from runner.service.drills import plan_of
from runner.service.improvements import contacts, of_incident, read
from runner.service.notices import Pulled, save_draft
from runner.views.after_action import Source, after_action, status_of
from runner.views.timeline import timeline

if TYPE_CHECKING:
    from runner.service.desk import Desk


SIGNERS = frozenset({"evaluator", "director", "lead_controller"})


def source_of(desk: Desk, incident: Incident) -> Source:
    """Gather what a report is made from."""
    head = desk.store.head(incident.id)
    told = timeline(incident, desk.library(incident), desk.store.read(incident.id))
    planned = incident.drill is not None and bool(incident.drill.plan)
    items = of_incident(read(desk), incident.id)
    return Source(
        incident=incident,
        plan=plan_of(desk, incident) if planned else None,
        entries=told.entries,
        duties=tuple(desk.duties(incident)),
        head=f"{head.version}:sha256:{head.hash}",
        now=desk.now_in(incident),
        made_at=desk.clock.now(),
        items=items,
        contacts=contacts(desk, items),
    )


def write_report(
    desk: Desk, incident: Incident, formats: Sequence[Format], folder: Path, *, sign: bool = False
) -> tuple[Pulled, ...]:
    """Write the report into a folder; its name says what it is of, and that it is a draft while it is one.

    ``sign`` has its bytes kept, and puts it on record that the person stands for them; raises Refused for a draft, and for
    anybody who does not evaluate or direct the exercise.
    """
    source = source_of(desk, incident)
    if sign:
        _may_sign(desk, source)
    made = save_draft(desk, after_action(source), formats, folder)
    if sign:
        files = {one.format: desk.store.put_blob(incident.id, Path(one.path).read_bytes()) for one in made}
        digest = bound_digest(files)
        desk.submit(incident.id, c.SignReport(by=desk.actor.claimed, digest=digest, files=files))
    return made


def _may_sign(desk: Desk, source: Source) -> None:
    if source.plan is None:
        raise Refused("a report is signed by an evaluator of an exercise", hint="leave --sign out")
    if why := status_of(source):
        raise Refused(
            f"the report is a draft: {why}", hint="see: tocsin drill show", code="unconfirmed_ratings"
        )
    who = desk.actor
    able = {one.person for one in source.plan.participants if one.role in SIGNERS}
    if who.on_behalf_of or who.claimed not in able:
        names = ", ".join(sorted(able)) or "nobody: name an evaluator among the participants"
        raise Refused(f"{who.claimed} does not sign for this exercise", hint=f"who does: {names}")
