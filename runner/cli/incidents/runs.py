"""Commands ``graft`` and ``migrate``: the playbooks of an open incident."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from runner.cli.framework.completion import playbooks
from runner.cli.framework.options import Argument, Commands, Option, Reason, Scope, command, profile_of
from runner.cli.framework.outcome import answer
from runner.cli.framework.session import Session
from runner.errors import Usage
from runner.reports.core.page import Block, Cell, Page, Tone, flow, line, paged

if TYPE_CHECKING:
    from runner.incident.steps.migrate import MigrationPlan


def add(app: Commands) -> None:
    """Add the commands."""
    command(app, "graft", Scope.WRITES)(graft)
    command(app, "migrate", Scope.WRITES)(migrate)


def graft(
    session: Session,
    playbook: Annotated[
        str, Argument("PLAYBOOK", "Name of a playbook, or a file.", autocompletion=playbooks)
    ],
    reason: Reason = "",
) -> None:
    """Add a playbook to the incident.

    \b
    Example:
      tocsin graft lost-device --reason "the laptop is gone, too"
    """
    from runner.app.incidents.runs import graft as grafted
    from runner.app.playbooks.playbooks import unheld_of
    from runner.reports.people.unassigned_roles import unheld_blocks

    turn, run = grafted(session.service, session.incident(), playbook, reason)
    session.tell(Page(tuple(unheld_blocks(unheld_of(session.service, turn.after)))))
    answer(session, turn, f"{run.playbook} {run.version} runs as {run.id}")


def migrate(
    session: Session,
    to: Annotated[str, Option("--to VERSION", "New version, or a file. Default: the same version.")] = "",
    profile: Annotated[
        str, Option("--profile PROFILE", "New profile: small or large. Default: the same.")
    ] = "",
    plan: Annotated[bool, Option("--plan", "Show the changes; change nothing.")] = False,
    run: Annotated[str, Option("--run", "Playbook to update, if several run.")] = "",
    reason: Reason = "",
) -> int:
    """Update a playbook to another version, or change its profile.

    Ended tasks stay as they are. Later tasks follow the new version or profile. A change of the profile cancels the open
    tasks that the new profile does not have, with the reason. With --plan nothing changes, and the exit code is 1
    if the update would be refused.

    \b
    Examples:
      tocsin migrate --to 1.2.0 --plan
      tocsin migrate --profile small --reason "two people are here"
      tocsin migrate --to ./lost-device.yaml --reason "the wipe has a second method now"
    """
    from runner.app.incidents.runs import chosen_run, newer, planned
    from runner.app.incidents.runs import migrate as migrated

    if not (to or profile):
        raise Usage(
            "The new version or profile is missing.",
            hint="Add --to VERSION or --profile",
            code="option_missing",
        )
    size = profile_of(profile)
    before = session.incident()
    which = chosen_run(before, run)
    bundle = newer(session.service, before, which, to)
    if plan:
        found = planned(session.service, before, which, bundle, size)
        report = {"schema": "tocsin/migration-plan/v1", "incident": before.id, "plan": found}
        session.show(report, lambda: _plan_page(found))
        return 1 if found.refusals else 0
    turn = migrated(session.service, before, which, bundle, reason, size)
    words = f" in the profile {size}" if size else ""
    answer(session, turn, f"{which} continues with version {bundle.playbook.version}{words}")
    return 0


@paged
def _plan_page(plan: MigrationPlan) -> Iterator[Block]:
    yield line(f"{plan.run}: {plan.old or 'nothing'} → {plan.new}, profile {plan.profile}", "title")
    parts: tuple[tuple[str, tuple[str, ...], Tone], ...] = (
        ("kept", plan.kept, "dim"),
        ("added", plan.added, "good"),
        ("removed", plan.removed, "warn"),
        ("continues with a changed definition", plan.changed, "warn"),
        ("already done, the new version differs", plan.changed_after_done, "warn"),
        ("needs a new approval", plan.reapprove, "warn"),
    )
    for words, steps, tone in parts:
        if steps:
            yield flow(Cell(f"{words}: ", tone), ", ".join(steps), hang=2)
    yield from (line(f"Not allowed: {refusal.why}", "alarm", hang=2) for refusal in plan.refusals)
