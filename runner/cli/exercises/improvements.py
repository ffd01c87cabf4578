"""Commands of action items from exercises and incidents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from runner.actions import Action, Slot
from runner.cli.framework.completion import incidents
from runner.cli.framework.home_catalogue import ensure_home
from runner.cli.framework.options import (
    Argument,
    Commands,
    Option,
    Reason,
    Scope,
    calendar_day,
    command,
    group,
    one_of,
)
from runner.cli.framework.session import Session
from runner.errors import Usage
from runner.incident.exercises.improvements import ELEMENTS, Item, Plan, Source
from runner.reports.core.action_text import sentence

if TYPE_CHECKING:
    from runner.incident.state.incident import Incident

Name = Annotated[str, Argument("ITEM", "Id, as in tocsin improvement list.")]
Corrective = Annotated[str, Option("--action TEXT", "Corrective action.")]
Sort = Annotated[str, Option("--element ELEMENT", ", ".join(ELEMENTS))]
Capability = Annotated[str, Option("--capability TEXT", "Core capability.")]
Owner = Annotated[str, Option("--owner PERSON", "Owner: a person, or role:NAME.")]
Start = Annotated[str, Option("--start DAY", "Start date, as 2026-12-01.")]
Due = Annotated[str, Option("--due DAY", "Target date, as 2026-12-24.")]
Closes = Annotated[str, Option("--closes-with PROOF", "Proof: test:PLAYBOOK:CASE, or exercise:NAME:TARGET.")]


def add(app: Commands) -> None:
    """Add ``improvement …``."""
    commands = group(app, "improvement", "Manage action items.")
    command(commands, "list", Scope.ANYWHERE)(list_)
    command(commands, "show", Scope.ANYWHERE)(show)
    command(commands, "add", Scope.HOME_WRITES)(add_)
    command(commands, "change", Scope.HOME_WRITES)(change)
    command(commands, "done", Scope.HOME_WRITES)(done)
    command(commands, "reopen", Scope.HOME_WRITES)(reopen)
    command(commands, "drop", Scope.HOME_WRITES)(drop)


def list_(
    session: Session,
    everything: Annotated[bool, Option("--all", "Include verified and dropped items.")] = False,
) -> None:
    """List action items that are open or not yet verified."""
    from runner.app.core.organisation_journal import today
    from runner.app.exercises.improvements import read
    from runner.reports.exercises.improvements import improvements, improvements_page

    service = session.service
    report = improvements(read(service).items.values(), session.world.clock.now(), today(service))
    session.show(report, lambda: improvements_page(report, everything=everything))


def show(session: Session, name: Name) -> None:
    """Show one action item with its origin, state and proof."""
    from runner.app.exercises.improvements import item, read

    _show(session, (item(read(session.service), name),))


def _show(session: Session, found: Sequence[Item]) -> None:
    from runner.app.core.organisation_journal import today
    from runner.reports.exercises.improvements import improvements, item_page

    report = improvements(found, session.world.clock.now(), today(session.service))
    session.show(report, lambda: item_page(report))


def add_(
    session: Session,
    text: Annotated[str, Argument("[TEXT]", "Text of the action item.")] = "",
    come_from: Annotated[
        str,
        Option(
            "--from INCIDENT",
            "Exercise or real incident of origin. Alone: show its proposals.",
            autocompletion=incidents,
        ),
    ] = "",
    take: Annotated[
        list[str] | None, Option("--take PROPOSAL", "Proposal to accept, or all. Repeatable.")
    ] = None,
    action: Corrective = "",
    element: Sort = "",
    capability: Capability = "",
    objective: Annotated[str, Option("--objective ID", "Objective or target of the exercise.")] = "",
    step: Annotated[str, Option("--step STEP", "Step of the playbook.")] = "",
    owner: Owner = "",
    start: Start = "",
    due: Due = "",
    closes_with: Closes = "",
) -> None:
    """Add an action item, or show proposals with --from.

    Proposals are added only if you accept them with --take.

    \b
    Examples:
      tocsin improvement add --from amber-falcon
      tocsin improvement add --from amber-falcon --take rating:T1 --owner jonas --due 2026-12-24
      tocsin improvement add "The call list is old" --action "Check it each quarter" --owner role:commander
    """
    from runner.app.exercises.improvements import add, chosen

    _check_what(text, take, come_from)
    given = _given(action, element, capability, owner, start, due, closes_with)
    incident = session.incident(come_from) if come_from else None
    if incident is not None and not text and not take:
        _propose(session, incident)
        return
    ensure_home(session)
    if incident is not None and take:
        rows = [(source, _with(row, given)) for source, row in chosen(session.service, incident, take)]
    else:
        rows = [(_source(session, incident, objective, step), _with(Plan(text=text), given))]
    made = add(session.service, rows)
    session.say(f"Recorded: {', '.join(item.id for item in made) or 'no new items'}")
    _show(session, made)


def _check_what(text: str, take: list[str] | None, come_from: str) -> None:
    if bool(text) == bool(take) and (text or not come_from):
        raise Usage(
            "The text of the action item is missing, or --take is also given.",
            hint=Action("improvement.add", args={"text": Slot("TEXT")}),
            code="options_conflict" if take else "argument_missing",
        )
    if take and not come_from:
        raise Usage(
            "--take needs --from INCIDENT.",
            hint=Action("improvement.add", args={"from": Slot("INCIDENT")}),
            code="option_missing",
        )


def _given(
    action: str, element: str, capability: str, owner: str, start: str, due: str, closes_with: str
) -> dict[str, object]:
    """Return the given fields of an action item."""
    fields = {
        "action": action,
        "element": one_of(element, ELEMENTS, "Element", "unknown_element") if element else "",
        "capability": capability,
        "owner": owner,
        "start": calendar_day(start),
        "due": calendar_day(due),
        "closes_with": closes_with,
    }
    return {name: value for name, value in fields.items() if value}


def _with(row: Plan, given: dict[str, object]) -> Plan:
    from msgspec.structs import replace

    return replace(row, **given)


def _source(session: Session, incident: Incident | None, objective: str, step: str) -> Source:
    from runner.app.exercises.improvements import source_in

    if incident is None:
        if objective or step:
            raise Usage(
                "--objective and --step need an exercise or an incident.",
                hint="Add --from INCIDENT",
                code="option_missing",
            )
        return Source()
    return source_in(session.service, incident, objective, step)


def _propose(session: Session, incident: Incident) -> None:
    from runner.app.exercises.improvements import proposals
    from runner.reports.exercises.improvements import proposals_page, proposed

    report = proposed(incident.id, incident.codename, proposals(session.service, incident))
    session.show(report, lambda: proposals_page(report))


def change(
    session: Session,
    name: Name,
    text: Annotated[str, Option("--text TEXT", "Text of the action item.")] = "",
    action: Corrective = "",
    element: Sort = "",
    capability: Capability = "",
    owner: Owner = "",
    start: Start = "",
    due: Due = "",
    closes_with: Closes = "",
) -> None:
    """Change an action item. Options that you omit stay unchanged.

    \b
    Example:
      tocsin improvement change I-3 --owner jonas --due 2026-12-24
    """
    from runner.app.exercises.improvements import change as change_

    given = _given(action, element, capability, owner, start, due, closes_with)
    given |= {"text": text} if text else {}
    if not given:
        raise Usage("No change is given.", hint="Add --owner PERSON or --due DAY", code="option_missing")
    _show(session, (change_(session.service, name, given),))


def done(
    session: Session,
    name: Name,
    note: Annotated[str, Option("--note TEXT", "Action taken, and its evidence. Required.")] = "",
) -> None:
    """Mark an action item as done. First runs its test.

    The test must pass.

    \b
    Example:
      tocsin improvement done I-3 --note "the list is checked each quarter: see the calendar of the front desk"
    """
    from runner.app.exercises.improvements import done as done_
    from runner.app.exercises.improvements import item, read
    from runner.cli.framework.home_catalogue import catalog
    from runner.settings import cache_folder
    from runner.workers.playbook_test_runner import passed_test

    known = item(read(session.service), name)
    tested = None
    if known.status == "open":
        tested = passed_test(known, catalog(session), cache_folder(session.world.environ), sentence)
    made = done_(session.service, name, note, tested)
    _show(session, (made,))


def reopen(session: Session, name: Name, reason: Reason = "") -> None:
    """Reopen an action item. Needs --reason."""
    from runner.app.exercises.improvements import reopen as reopen_

    _show(session, (reopen_(session.service, name, reason),))


def drop(session: Session, name: Name, reason: Reason = "") -> None:
    """Drop an action item. Needs --reason."""
    from runner.app.exercises.improvements import drop as drop_

    _show(session, (drop_(session.service, name, reason),))
