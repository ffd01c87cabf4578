"""The after-action report of an exercise or a real incident, written into a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from runner.model.incident import Incident
from runner.model.notice import Format
from runner.service.drills import plan_of
from runner.service.notices import Pulled, save_draft
from runner.views.after_action import Source, after_action
from runner.views.timeline import timeline

if TYPE_CHECKING:
    from runner.service.desk import Desk


def source_of(desk: Desk, incident: Incident) -> Source:
    """Gather what a report is made from."""
    head = desk.store.head(incident.id)
    told = timeline(incident, desk.library(incident), desk.store.read(incident.id))
    planned = incident.drill is not None and bool(incident.drill.plan)
    return Source(
        incident=incident,
        plan=plan_of(desk, incident) if planned else None,
        entries=told.entries,
        duties=tuple(desk.duties(incident)),
        head=f"{head.version}:sha256:{head.hash}",
        now=desk.now_in(incident),
        made_at=desk.clock.now(),
    )


def write_report(
    desk: Desk, incident: Incident, formats: Sequence[Format], folder: Path
) -> tuple[Pulled, ...]:
    """Write the report into a folder; its name says what it is of, and that it is a draft while it is one."""
    return save_draft(desk, after_action(source_of(desk, incident)), formats, folder)
