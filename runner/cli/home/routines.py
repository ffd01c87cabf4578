"""``tocsin routine``: what comes by itself besides exercises; and ``tocsin shred``, which a routine only ever proposes."""

from __future__ import annotations

from typing import Annotated, cast, get_args

from runner.cli.framework.options import (
    Argument,
    Commands,
    Option,
    Scope,
    check_times,
    command,
    group,
    show,
    span,
)
from runner.cli.framework.session import Session
from runner.errors import NotFound, Usage
from runner.incident.exercises.schedules import Routine, Rule

ROUTINES: tuple[str, ...] = get_args(Routine)


def add(app: Commands) -> None:
    """Add ``routine …`` and ``shred``."""
    commands = group(app, "routine", "What comes by itself besides exercises: comcheck, watch, retention.")
    command(commands, "add", Scope.HOME_WRITES)(keep)
    command(commands, "list", Scope.ANYWHERE)(list_)
    command(commands, "drop", Scope.HOME_WRITES)(drop)
    command(app, "shred", Scope.HOME_WRITES)(shred)


def keep(
    session: Session,
    routine: Annotated[str, Argument(metavar="ROUTINE", help=f"{', '.join(ROUTINES)}.")],
    cron: Annotated[
        str, Option("--cron", metavar="LINE", help="Minute hour day month weekday, by the local clock.")
    ] = "",
    every: Annotated[str, Option("--every", metavar="SPAN", help="So much time apart, as 12h.")] = "",
    zone: Annotated[
        str, Option("--zone", metavar="ZONE", help="Of --cron; else the organisation's, else UTC.")
    ] = "",
    ahead: Annotated[
        str, Option("--ahead", metavar="SPAN", help="Of watch: clocks that run out within so long; else 24h.")
    ] = "",
    closed_for: Annotated[
        str, Option("--closed-for", metavar="SPAN", help="Of retention: since the last entry; else 1095d.")
    ] = "",
) -> None:
    """Have a routine come by itself; tocsin scheduler, or cron with tocsin drill run --due, does it.

    comcheck tries every way to every person. watch tells commander and counsel of each real incident which legal clocks
    run out soon. retention names closed incidents whose personal data may go; tocsin shred is a person's.

    \b
    Examples:
      tocsin routine add comcheck --cron "0 9 * * 1"
      tocsin routine add watch --every 12h --ahead 36h
      tocsin routine add retention --every 7d --closed-for 730d
    """
    from runner.app.exercises import schedules

    if routine not in ROUTINES:
        raise Usage(
            f"there is no routine '{routine}'", hint=f"one of: {', '.join(ROUTINES)}", code="unknown_routine"
        )
    check_times(cron, every)
    for option, given, whose in (
        ("--ahead", ahead, "watch"),
        ("--closed-for", closed_for, "retention"),
    ):
        if given and routine != whose:
            raise Usage(
                f"{option} is for {whose} alone", hint=f"leave it out of {routine}", code="options_conflict"
            )
    session.ensure_home()
    rule = Rule(
        routine=cast(Routine, routine),
        cron=cron,
        every=span("--every", every),
        zone=zone or str(session.service.home.organisation.get("zone", "UTC")),
        ahead=span("--ahead", ahead),
        closed_for=span("--closed-for", closed_for),
    )
    kept = schedules.keep(session.service, rule)
    session.say(
        f"{kept.id} comes while a scheduler runs (tocsin scheduler), or when cron types: tocsin drill run --due"
    )
    show(session, routine=True)


def list_(session: Session) -> None:
    """Show which routines come by themselves, when, and what came of them."""
    show(session, routine=True)


def drop(
    session: Session, name: Annotated[str, Argument(metavar="NAME", help="As in routine list.")]
) -> None:
    """Have a routine come no more; what it did stays on record."""
    from runner.app.exercises import schedules

    schedules.drop(session.service, name, routine=True)
    session.say(f"{name} comes no more")
    show(session, routine=True)


def shred(
    session: Session,
    incident: Annotated[str, Argument(metavar="INCIDENT", help="Id or codename; it is closed.")],
    reason: Annotated[str, Option("--reason", metavar="WHY", help="Why, as the period of your policy.")] = "",
    yes: Annotated[bool, Option("--yes", help="Do it without asking.")] = False,
) -> None:
    """Make a closed incident's personal data unreadable for good.

    The key is destroyed; nobody can read them again.
    The chain of the journal still verifies, and who shredded it and why stays on record. A backup of the store that holds
    the key keeps it for as long as you keep that. Think of legal holds first.

    \b
    Example:
      tocsin shred amber-falcon --reason "closed three years ago, policy 7.2"
    """
    from runner.app.home import retention

    row = session.service.store.row(session.service.find(incident))
    if row is None:
        raise NotFound(f"there is no incident '{incident}'", hint="see: tocsin list", code="unknown_incident")
    retention.check(row, reason)
    if not yes:
        session.confirm(
            f"Shred {row.codename} for good? Nothing personal in it can be read again.",
            "look at it, then repeat with --yes",
        )
    retention.shred(session.service, row, reason)
    said = {"schema": "tocsin/shredded/v1", "incident": row.id, "codename": row.codename, "reason": reason}
    session.say(f"{row.codename} is shredded; its journal still verifies: tocsin audit verify")
    if session.json:
        session.show_json(said)
