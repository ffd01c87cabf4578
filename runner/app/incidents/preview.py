"""What commands would do, before anybody gives them: ended tasks, changed duties and deadlines, and who must confirm."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from runner.incident.law.duties import LIVE, is_binding
from runner.incident.state.commands import ConfirmEntry
from runner.reports.core.formatting import count, moment
from runner.reports.core.page import Block, Page, line, paged, section
from runner.reports.core.second_person import awaited_words
from runner.reports.core.task_rows import task_rows
from runner.reports.incidents.facts import change_cells, fact_changes
from runner.reports.law.duty_rows import DONE, due_words
from runner.reports.law.titles import duty_label

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.incident.state.commands import AnyCommand
    from runner.incident.state.incident import Incident


def confirmation(service: IncidentService, incident: Incident, entry: int) -> Page:
    """Return what the confirmation of an entry does, with all facts of the change, and who asked for it, when and why.

    Raises Refused as the confirmation itself.
    """
    two = incident.second_person.get(entry)
    words = f"You confirm entry {entry}, which was recorded on your behalf. Read it in the timeline first."
    if two is not None:
        words = f"Entry {entry}, {moment(two.at)}: {awaited_words(incident, two)}"
    page = consequences(service, incident, [ConfirmEntry(seq=entry)], words)
    facts = () if two is None else fact_changes(incident, two.act.facts, ()).changes
    return Page((*page.blocks, *section("FACTS THAT CHANGE", map(change_cells, facts), 0)))


@paged
def consequences(
    service: IncidentService, incident: Incident, commands: Sequence[AnyCommand], *warnings: str
) -> Iterator[Block]:
    """Draw what commands would do now; nothing is recorded. Raises Refused as the commands themselves."""
    after = service.prepare(incident, commands, principal=service.principal).incident
    now = service.now_in(after)
    yield line("WHAT WILL HAPPEN", "title")
    yield from (line(warning, "alarm", hang=2) for warning in warnings)
    for entry, people in after.second_person.items():
        if people.state == "awaiting" and entry not in incident.second_person:
            yield line(awaited_words(after, people), "warn", hang=2)
    done = {row.invocation for row in task_rows(incident, service.library(incident)) if row.over}
    for row in task_rows(after, service.library(after)):
        if row.over and row.invocation and row.invocation not in done:
            yield line(f"Ends the task: {row.title}", hang=2)
    near = [one.id for each in (incident, after) for one in service.near_duties(each, now)]
    before = {one.id: one for one in service.near_duties(incident, now, near)}
    changed = 0
    for duty in service.near_duties(after, now, near):
        old = before.get(duty.id)
        if old is None or (old.verdict, old.state, old.due) == (duty.verdict, duty.state, duty.due):
            continue
        if "advisory" in (old.verdict, duty.verdict):  # not in force: no duty
            continue
        changed += 1
        if is_binding(old) and old.state in LIVE and not is_binding(duty):
            was = f", deadline {due_words(old, now)}" if old.due is not None else ""
            yield line(f"ENDS: {duty_label(old)} ({duty.id}{was})", "alarm", hang=2)
        else:
            due = f"deadline {due_words(duty, now)}" if duty.due is not None else "no fixed deadline"
            yield line(f"{duty_label(duty)} ({duty.id}): {DONE.get(duty.state, due)}", hang=2)
    yield line(
        f"{count(changed, 'legal duty', 'legal duties')} changed" if changed else "No legal duty changes"
    )
