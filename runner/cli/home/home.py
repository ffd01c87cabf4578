"""Commands about the home itself: make one, look after it, say which version this is."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

from runner import __version__
from runner.cli.framework.options import NEEDS_A_PERSON, Commands, Option, Scope, command
from runner.cli.framework.session import Session
from runner.reports.core.page import Block, Cell, Page, Paragraph, Tone, line
from runner.settings import CONFIG

if TYPE_CHECKING:
    from runner.app.home.doctor import Examination
    from runner.app.home.doctor_checks import Severity


def add(app: Commands) -> None:
    """Add the commands."""
    command(app, "init", Scope.HOME_WRITES)(init)
    command(app, "doctor", Scope.HOME_WRITES)(doctor)
    command(app, "version", Scope.ANYWHERE)(version)


def init(
    session: Session,
    interview: Annotated[
        bool, Option("--interview", help="Ask the set-up questions; also for a home that exists.")
    ] = False,
) -> None:
    """Make a home: settings with comments, a key, an empty store.

    \b
    Examples:
      tocsin init
      tocsin init --interview
      tocsin init --home /srv/tocsin --as maria
    """
    from runner.app.playbooks.playbooks import unheld_of
    from runner.reports.people.unassigned_roles import unheld_blocks

    config = session.folder / CONFIG
    made = not (interview and config.exists())
    beside = ""
    if interview:
        session.terminal("answer the questions at a terminal, or edit tocsin.yaml")
    if made:
        session.make_home()
    if interview:
        from runner.cli.home.interview import interview as ask_all

        beside = ask_all(session)
        session.reopen()
    unheld = unheld_of(session.service)
    report = {
        "schema": "tocsin/init/v1",
        "home": str(session.folder),
        "settings": str(config),
        "beside": beside,
        "unheld": unheld,
    }
    page = Page(
        (
            line(f"{'made a home in' if made else 'set up'} {session.folder}", "good"),
            line(f"Settings: {config} – add people, roles and channels there.", hang=2),
            line(
                "So far this screen is the only channel, for internal words: mail and a webhook stand there "
                "as comments.",
                hang=2,
            ),
            line(
                "Keep a copy of master.key elsewhere: without it nothing that is sealed opens again.", hang=2
            ),
            line("This home belongs to one system user. Several people need a store on PostgreSQL.", hang=2),
            *unheld_blocks(unheld),
            Paragraph(cells=(Cell("→ "), Cell("tocsin playbook list", "command"))),
        )
    )
    session.show(report, page)


def doctor(
    session: Session,
    repair: Annotated[bool, Option("--repair", help="Mend what can be mended.")] = False,
    dns: Annotated[bool, Option("--dns", help="Ask DNS about the domains that mail is sent from.")] = False,
    offline: Annotated[bool, Option("--offline", help="Do not connect to the servers of channels.")] = False,
) -> int:
    """Examine the home: settings, channels, servers, store, workers, the clock.

    Exits with 4 when something needs a person. With --repair, attempts whose worker is gone are declared
    unknown, lists are rebuilt from the journals, and a missing store is made.

    \b
    Examples:
      tocsin doctor
      tocsin doctor --repair
      tocsin doctor --dns
    """
    from runner.app.home.doctor import examine
    from runner.cli.framework.progress_line import bars

    world = session.world
    with bars(session) as shown:
        report = examine(
            session.folder,
            session.principal,
            world.clock,
            world.chance,
            repair=repair,
            dns=dns,
            offline=offline,
            watched=shown.begin,
        )
    session.show(report, lambda: findings_page(report))
    return 0 if report.ok else NEEDS_A_PERSON


def version(session: Session) -> None:
    """Say which version of Tocsin this is."""
    report = {
        "schema": "tocsin/version/v1",
        "version": __version__,
        "python": platform.python_version(),
    }
    session.show(report, Page((line(f"tocsin {__version__}"),)))


_MARKS: Mapping[Severity, tuple[str, Tone]] = {
    "good": ("ok", "good"),
    "warning": ("warning", "warn"),
    "error": ("ERROR", "alarm"),
    "mended": ("mended", "good"),
}


def findings_page(report: Examination) -> Page:
    """Draw the findings in the order in which they were looked for."""
    blocks: list[Block] = []
    for finding in report.findings:
        word, tone = _MARKS[finding.severity]
        mark = Cell(f"{word:<8}", tone)
        blocks.append(Paragraph(cells=(mark, Cell(f"{finding.area}: {finding.what}")), hang=8))
        if finding.hint:
            blocks.append(Paragraph(cells=(Cell("→ "), Cell(finding.hint, "command")), indent=8, hang=2))
    verdict = "nothing needs a person" if report.ok else "something needs a person"
    blocks.append(line(verdict, "good" if report.ok else "alarm"))
    return Page(tuple(blocks))
