"""Playbooks of a live incident: graft another one, or move one to a newer version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from runner.cli.framework.completion import playbooks
from runner.cli.framework.options import Argument, Commands, Option, Reason, Scope, command
from runner.cli.framework.outcome import answer
from runner.cli.framework.session import Session
from runner.reports.core.page import Block, Cell, Page, Paragraph, Tone, line

if TYPE_CHECKING:
    from runner.incident.steps.migrate import MigrationPlan


def add(app: Commands) -> None:
    """Add the commands."""
    command(app, "graft", Scope.WRITES)(graft)
    command(app, "migrate", Scope.WRITES)(migrate)


def graft(
    session: Session,
    playbook: Annotated[
        str, Argument(metavar="PLAYBOOK", help="A name or a file.", autocompletion=playbooks)
    ],
    reason: Reason = "",
) -> None:
    """Begin another playbook inside the incident.

    \b
    Example:
      tocsin graft lost-device --reason "the laptop is gone, too"
    """
    from runner.app.incidents.runs import graft as grafted

    turn, run = grafted(session.service, session.incident(), playbook, reason)
    answer(session, turn, f"{run.playbook} {run.version} runs as {run.id}")


def migrate(
    session: Session,
    to: Annotated[str, Option("--to", metavar="VERSION", help="The version, or a file; needed.")],
    plan: Annotated[bool, Option("--plan", help="Only say what would happen.")] = False,
    run: Annotated[str, Option("--run", help="Which playbook, where several run.")] = "",
    reason: Reason = "",
) -> int:
    """Move a playbook to a newer version: what ended stays, what is to come follows the new text.

    With --plan nothing is changed; it exits with 1 where the migration would be refused.

    \b
    Examples:
      tocsin migrate --to 1.2.0 --plan
      tocsin migrate --to ./lost-device.yaml --reason "the wipe has a second way now"
    """
    from runner.app.incidents.runs import chosen_run, newer, planned
    from runner.app.incidents.runs import migrate as migrated

    before = session.incident()
    which = chosen_run(before, run)
    bundle = newer(session.service, before, which, to)
    if plan:
        found = planned(session.service, before, which, bundle)
        report = {"schema": "tocsin/migration-plan/v1", "incident": before.id, "plan": found}
        session.show(report, lambda: _plan_page(found))
        return 1 if found.refusals else 0
    turn = migrated(session.service, before, which, bundle, reason)
    answer(session, turn, f"{which} goes on with version {bundle.playbook.version}")
    return 0


def _plan_page(plan: MigrationPlan) -> Page:
    blocks: list[Block] = [line(f"{plan.run}: {plan.old or 'nothing'} → {plan.new}", "title")]
    parts: tuple[tuple[str, tuple[str, ...], Tone], ...] = (
        ("kept", plan.kept, "dim"),
        ("added", plan.added, "good"),
        ("removed", plan.removed, "warn"),
        ("goes on under another definition", plan.changed, "warn"),
        ("done already, the new version differs", plan.changed_after_done, "warn"),
        ("approved again", plan.reapprove, "warn"),
    )
    for words, steps, tone in parts:
        if steps:
            blocks.append(Paragraph(cells=(Cell(f"{words}: ", tone), Cell(", ".join(steps))), hang=2))
    blocks.extend(line(f"refused: {refusal.why}", "alarm", hang=2) for refusal in plan.refusals)
    return Page(tuple(blocks))
