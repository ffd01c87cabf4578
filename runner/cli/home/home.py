"""Commands of the home folder: init, doctor, version."""

from __future__ import annotations

import platform
from typing import Annotated

from runner import __version__
from runner.actions import Action
from runner.cli.framework.home_catalogue import make_home
from runner.cli.framework.options import (
    NEEDS_A_PERSON,
    Commands,
    Option,
    Scope,
    aimed_at,
    command,
    profile_of,
)
from runner.cli.framework.session import Session
from runner.reports.core.page import Page, do, line
from runner.settings import CONFIG, state_folder


def add(app: Commands) -> None:
    """Add the commands."""
    command(app, "init", Scope.HOME_WRITES)(init)
    command(app, "doctor", Scope.HOME_WRITES)(doctor)
    command(app, "version", Scope.ANYWHERE)(version)


def init(
    session: Session,
    interview: Annotated[
        bool, Option("--interview", "Set-up questions; also for an existing home folder.")
    ] = False,
    profile: Annotated[str, Option("--profile PROFILE", "small or large. Default: large.")] = "",
) -> None:
    """Create a home folder with settings, a key and a database.

    Its place: --home, else TOCSIN_HOME, else a folder .tocsin here or above, else your data folder.

    \b
    Examples:
      tocsin init
      tocsin init --profile small
      tocsin init --interview
      tocsin init --home /srv/tocsin --as maria
    """
    from runner.app.playbooks.playbooks import unheld_of, unreachable_of
    from runner.cli.home.backup import to_use
    from runner.reports.people.unassigned_roles import unheld_blocks, unreachable_blocks

    config = session.folder / CONFIG
    made = not (interview and config.exists())
    beside = ""
    if interview:
        session.terminal("Answer the questions at a terminal, or edit tocsin.yaml")
    if made:
        make_home(session, profile_of(profile) or "large")
    if interview:
        from runner.cli.home.interview import interview as ask_all

        beside = ask_all(session)
        session.reopen()
    unheld, too_few = unheld_of(session.service), unreachable_of(session.service)
    report = {
        "schema": "tocsin/init/v1",
        "home": str(session.folder),
        "settings": str(config),
        "beside": beside,
        "unheld": unheld,
        "unreachable": too_few,
    }
    page = Page(
        (
            line(f"{'Created' if made else 'Set up'} the home folder {session.folder}", "good"),
            line(f"Settings: {config}. Add people, roles and channels there.", hang=2),
            *to_use(session),
            *(line(words, hang=2) for words in _NEXT),
            *unheld_blocks(unheld),
            *unreachable_blocks(too_few),
            do(Action("playbook.list"), hang=0),
        )
    )
    session.show(report, page)


_NEXT = (
    "This screen is the only channel now, for internal text. The settings contain email and a webhook as comments.",
    "Store a copy of master.key elsewhere. Without it, no encrypted data can be read again.",
    "This home folder is for one system user. Several users need a database on PostgreSQL.",
)


def doctor(
    session: Session,
    repair: Annotated[bool, Option("--repair", "Repair what can be repaired.")] = False,
    dns: Annotated[bool, Option("--dns", "Check the sender domains of email in DNS.")] = False,
    offline: Annotated[bool, Option("--offline", "No connection to the servers of channels.")] = False,
) -> int:
    """Check the home folder: settings, channels, database, workers, clock.

    The exit code is 4 if an action is required. --repair marks attempts of stopped workers as unknown, rebuilds indexes
    from the journals, and creates a missing database.

    \b
    Examples:
      tocsin doctor
      tocsin doctor --repair
      tocsin doctor --dns
    """
    from runner.app.core.proof.checkpoints import memory_of
    from runner.app.home.doctor import examine
    from runner.app.home.doctor_checks import Network
    from runner.app.home.findings_page import findings_page
    from runner.cli.framework.progress_line import bars

    world = session.world
    with bars(session) as shown:
        report = examine(
            session.folder,
            session.principal,
            world.clock,
            world.chance,
            repair=repair,
            network=Network(dns, offline),
            memory=memory_of(state_folder(world.environ), session.folder),
            watched=shown.begin,
        )
    session.show(report, lambda: findings_page(report, aimed_at))
    return 0 if report.ok else NEEDS_A_PERSON


def version(session: Session) -> None:
    """Show the version of Tocsin."""
    report = {"schema": "tocsin/version/v1", "version": __version__, "python": platform.python_version()}
    session.show(report, Page((line(f"tocsin {__version__}"),)))
