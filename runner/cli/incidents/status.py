"""Commands that only read an incident: next, status, watch, list, timeline; and ``use``."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from datetime import UTC
from typing import TYPE_CHECKING, Annotated

from runner.cli.framework.completion import incidents
from runner.cli.framework.options import (
    NEEDS_A_PERSON,
    Argument,
    Commands,
    Option,
    Scope,
    Where,
    command,
    instant_of,
)
from runner.cli.framework.session import Session
from runner.errors import Refused, StoreError
from runner.reports.core.page import Page, line
from runner.settings import PERSON

if TYPE_CHECKING:
    from runner.cli.framework.keyboard import Key, Wait
    from runner.incident.state.incident import Incident
    from runner.reports.core.attention_item import AttentionItem
    from runner.reports.incidents.incidents import IncidentsReport
    from runner.reports.incidents.status import Status

All = Annotated[bool, Option("--all", "All entries, without a cut.")]
Mine = Annotated[str, Option("--me, --as PERSON", "Person to show actions for. Default: TOCSIN_PERSON.")]
Known = Annotated[str, Option("--as-known-at INSTANT", "State of knowledge at this time. Default: now.")]


def add(app: Commands) -> None:
    """Add the commands."""
    command(app, "next")(next_)
    command(app, "status")(status)
    command(app, "watch")(watch)
    command(app, "list", Scope.ANYWHERE)(list_)
    command(app, "timeline", formats=("text", "json", "csv"))(timeline)
    command(app, "use", Scope.ANYWHERE)(use)


def next_(session: Session, where: Where = None, everything: All = False, me: Mine = "") -> None:
    """Show the next three actions.

    \b
    Examples:
      tocsin next
      tocsin next --as maria
      tocsin next --all
    """
    from runner.app.home.overview import with_others
    from runner.reports.incidents.recommendations import next_actions, next_page

    incident = session.incident(where)
    present = with_others(session.service, session.reader, read_status(session, incident, me))
    found = next_actions(present, everything=everything)
    session.show(found, lambda: next_page(found))


def status(
    session: Session,
    where: Where = None,
    check: Annotated[bool, Option("--check", "Exit code 4 if an action is required.")] = False,
    everything: All = False,
    me: Mine = "",
    known: Known = "",
) -> int:
    """Show actions, deadlines, tasks and unverified deliveries.

    \b
    Examples:
      tocsin status
      tocsin status --check || page-somebody
      tocsin status --as-known-at 2026-11-24T10:00:00Z
    """
    from runner.app.exercises.organisation_attention import waiting
    from runner.app.home.overview import with_others
    from runner.reports.incidents.incidents import incidents_page
    from runner.reports.incidents.status_page import status_page

    try:
        incident = read_incident(session, where, known)
    except StoreError:
        if not session.json:  # what can be read of this incident, and the others
            session.tell(incidents_page(_incidents(session)))
        raise
    found = read_status(session, incident, me, known, () if known else waiting(session.service))
    found = found if known else with_others(session.service, session.reader, found)
    session.show(found, lambda: status_page(found, everything=everything))
    return NEEDS_A_PERSON if check and found.needs_attention else 0


def read_incident(session: Session, where: str | None, known: str) -> Incident:
    """Return the incident as of now, or as known at a time."""
    if not known:
        return session.incident(where)
    return session.reader.incident(session.name(where), instant_of(session, known))


def read_status(
    session: Session,
    incident: Incident,
    me: str = "",
    known: str = "",
    organisation: tuple[AttentionItem, ...] = (),
) -> Status:
    """Return the status of an incident; its JSON has every duty, its page only the relevant duties."""
    from runner.app.home import overview

    service = session.service
    if me and not any(me in holders for holders in incident.roles.values()):
        service.known(me)
    now = instant_of(session, known) if known else session.now()
    person = me or session.world.environ.get(PERSON, "")
    found = overview.read_status(
        service,
        incident,
        now,
        person,
        as_known=bool(known),
        organisation=organisation,
    )
    return found if known else overview.with_links(service, session.reader, found)


def watch(session: Session, where: Where = None, me: Mine = "") -> None:
    """Show the status and keep it current. Arrow keys and Space scroll, q quits."""
    from runner.cli.framework.keyboard import keys
    from runner.reports.incidents.live_status import watch as view
    from runner.reports.incidents.status_page import status_page

    incident = session.incident(where)

    def fetch() -> Status:
        nonlocal incident
        incident = session.reader.incident(incident.id)
        return read_status(session, incident, me)

    if session.json:
        session.show(fetch(), Page(()))
        return
    console = None
    if session.world.colours(session.world.out):
        from rich.console import Console

        console = Console(file=session.world.out, highlight=False)
    with keys(session.world.inp) as wait, contextlib.suppress(KeyboardInterrupt):  # the way to leave
        view(
            fetch,
            _seconds(wait if console is not None else None),
            session.world.out,
            console=console,
            width=session.world.width,
            draw=lambda found: session.topped(status_page(found, brief=console is not None), incident),
        )


def _seconds(wait: Wait | None) -> Iterator[Key]:
    """Yield once a second, and at every key of the screen with its name, until a person quits."""
    never = threading.Event()
    yield ""
    while True:
        key: Key = ""
        if wait is None:
            never.wait(1)
        else:
            key = wait(1)
        if key == "leave":
            return
        yield key


def list_(session: Session, everything: All = False) -> None:
    """List the incidents of this home folder, and the alerts that wait."""
    from runner.app.incidents.alerts import waiting_blocks
    from runner.reports.incidents.incidents import incidents_page

    report = _incidents(session)
    page = incidents_page(report, everything=everything)
    session.show(report, lambda: Page((*page.blocks, *waiting_blocks(session.service))))


def _incidents(session: Session) -> IncidentsReport:
    from runner.app.home.overview import read_incidents

    return read_incidents(session.service, session.reader, session.now(), session.choice)


def timeline(
    session: Session,
    where: Where = None,
    everything: All = False,
    privileged: Annotated[bool, Option("--privileged", "Include privileged notes.")] = False,
    utc: Annotated[bool, Option("--utc", "Times in UTC. Default: the organisation's time zone.")] = False,
    search: Annotated[str, Option("--search TEXT", "Only entries that contain this text.")] = "",
    kind: Annotated[str, Option("--kind KIND", "Only entries of this kind: task, message, fact.")] = "",
    by: Annotated[str, Option("--by PERSON", "Only entries by or for this person.")] = "",
    since: Annotated[str, Option("--since INSTANT", "Only entries since this time.")] = "",
    until: Annotated[str, Option("--until INSTANT", "Only entries until this time.")] = "",
) -> None:
    """List all entries in order, with the claimed author.

    \b
    Examples:
      tocsin timeline
      tocsin timeline amber-falcon --all --utc
      tocsin timeline --kind message --by jonas --since "2h ago"
      tocsin timeline --all --format csv
    """
    from runner.app.incidents.timeline_filter import Filter, filtered
    from runner.incident.state.events import Stream
    from runner.reports.core.formatting import READER, here
    from runner.reports.incidents.timeline import timeline_csv, timeline_page

    incident = session.incident(where)
    streams: tuple[Stream, ...] = ("operational", "privileged") if privileged else ("operational",)
    given = Filter(search, kind, by, since, until)
    found = filtered(session.service, session.reader, incident, given, session.now(), streams)
    if session.options.format == "csv":
        session.world.out.write(timeline_csv(found, everything=everything))
        return
    if utc:
        READER.set(UTC)
    session.show(found, lambda: timeline_page(found, here(), everything=everything))


def use(
    session: Session,
    incident: Annotated[
        str | None,
        Argument("[INCIDENT]", "Id or codename. Without it: no active incident.", autocompletion=incidents),
    ] = None,
) -> None:
    """Set the active incident; without INCIDENT, clear it.

    Commands use the active incident if you name none. The setting is valid for you on this computer, until the incident closes.

    \b
    Examples:
      tocsin use amber-falcon
      tocsin use
    """
    from runner.app.core.active_incident import OPEN, Choice

    service = session.service
    name = service.find(incident) if incident else None
    live = [row.codename for row in session.reader.incidents() if row.state in OPEN]
    row = service.row(name) if name else None
    codename = row.codename if row is not None else ""
    if row is not None and row.state not in OPEN and live:
        raise Refused(
            f'Incident "{codename}" is {row.state}. It was not selected, because another is open: {", ".join(live[:8])}.',
            hint=f"Name it in each command: tocsin status -i {codename}",
            code="not_open",
        )
    try:
        session.choose(Choice(incident=row.id, over=row.state not in OPEN) if row is not None else None)
    except OSError as error:
        raise Refused(
            f"The active incident cannot be saved: {error.strerror or error}.",
            hint="Set the environment variable TOCSIN_STATE to a folder that you can write.",
            code="state_unwritable",
        ) from None
    words = f"Active incident: {codename}" if codename else "No active incident"
    session.show({"schema": "tocsin/use/v1", "incident": name, "codename": codename}, Page((line(words),)))
