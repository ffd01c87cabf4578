"""Commands about channels and about the war room."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from runner.cli.framework.options import Argument, Commands, Option, Scope, command, group
from runner.cli.framework.outcome import submit
from runner.cli.framework.session import Session
from runner.errors import Usage
from runner.incident.state.commands import ChooseRoom, RetryRoom
from runner.reports.core.formatting import count

if TYPE_CHECKING:
    from collections.abc import Collection

    from runner.app.messages.communications_check import Way
    from runner.reports.messages.communications_check import ChecksReport


def add(app: Commands) -> None:
    """Add ``room …`` and ``channel …``."""
    rooms = group(app, "room", "The war room: where people have agreed to talk, and what failed about rooms.")
    command(rooms, "use", Scope.WRITES)(use)
    command(rooms, "retry", Scope.WRITES)(retry)
    channels = group(
        app,
        "channel",
        "Channels: whether they can be used now, and whether everybody is reached.",
    )
    command(channels, "list", Scope.ANYWHERE)(list_)
    command(channels, "check", Scope.HOME_WRITES)(check)


def list_(session: Session) -> None:
    """List the channels: what each carries and falls with, its rates, and what holds it up now."""
    from runner.reports.messages.channels import ChannelRow, ChannelsReport, channel_row, channels_page
    from runner.routing.traffic import Account

    service, now = session.service, session.now()
    service.traffic.refresh()
    waiting, directory = service.traffic.rooms(now).not_before({}), service.directory
    rows = [
        channel_row(
            channel,
            service.traffic.domains,
            service.traffic.accounts.get(channel.account, Account()),
            waiting.get(channel.id),
            now,
        )
        for channel in sorted(directory.channels.values(), key=lambda one: (one.priority, one.id))
    ]
    broken = (
        ChannelRow(channel=name, adapter=service.home.channels[name].adapter, broken=why)
        for name, why in sorted(directory.broken.items())
    )
    report = ChannelsReport(as_of=now, channels=(*rows, *broken))
    session.show(report, lambda: channels_page(report))


def check(
    session: Session,
    person: Annotated[list[str] | None, Option("--to", metavar="PERSON", help="Only this person.")] = None,
    channel: Annotated[
        list[str] | None, Option("--channel", metavar="CHANNEL", help="Only over this channel.")
    ] = None,
    show: Annotated[bool, Option("--show", help="Show how long ago each way worked; send nothing.")] = False,
    yes: Annotated[bool, Option("--yes", help="Send without asking.")] = False,
) -> int:
    """Try every way to every person, as on a quiet day: shows how old each last success is, asks, then sends.

    What came of it is kept, and shown when an incident is opened. Exits with 1 where a way did not work.

    \b
    Examples:
      tocsin channel check --show
      tocsin channel check --to maria --yes
    """
    from runner.app.messages.communications_check import check_contacts, ways

    found = ways(session.service, person or (), channel or ())
    report = _report(session, found, person or (), 0)
    if show or not found:
        _show(session, report)
        return 0
    from runner.reports.messages.communications_check import checks_page

    session.tell(checks_page(report, session.now()))
    if not yes:
        session.confirm(f"Send {count(len(found), 'message')} now?", "repeat with --yes, or look with --show")
    failed = 0
    for way, result in check_contacts(session.service, found):
        failed += result.state != "accepted"
        session.say(f"{way.person} over {way.channel.id}: {result.state.replace('_', ' ')}")
    again = ways(session.service, person or (), channel or ())
    _show(session, _report(session, again, person or (), len(found)))
    return 1 if failed else 0


def _show(session: Session, report: ChecksReport) -> None:
    from runner.reports.messages.communications_check import checks_page

    session.show(report, lambda: checks_page(report, session.now()))


def _report(session: Session, found: Collection[Way], persons: Collection[str], sent: int) -> ChecksReport:
    from runner.reports.messages.communications_check import ChecksReport, way_row

    reached = {way.person for way in found}
    return ChecksReport(
        ways=tuple(
            way_row(way.person, way.channel.id, way.contact, way.check, way.worked_at) for way in found
        ),
        without=tuple(
            name
            for name in sorted(session.service.directory.people)
            if name not in reached and (not persons or name in persons)
        ),
        sent=sent,
    )


def use(
    session: Session,
    address: Annotated[str, Argument(metavar="ADDRESS", help="What people open or dial.")],
    domain: Annotated[
        list[str] | None, Option("--domain", metavar="DOMAIN", help="What it falls with; may be repeated.")
    ] = None,
) -> None:
    """Say where people have agreed to talk: its address stands in every message from now on, until its domain falls.

    \b
    Example:
      tocsin room use "+1 500 555 0006" --domain carrier
    """
    from runner.incident.messages.war_room import AGREED
    from runner.routing.war_room import WarRoom

    if not address.strip() or not address.isprintable():
        raise Usage("this is no address", hint="one line that people can open or dial", code="bad_address")
    incident = session.incident()
    room = WarRoom(
        name=AGREED,
        address=address.strip(),
        domains=tuple(sorted(set(domain or ()))),
        agreed_by=session.by or "somebody",
    )
    submit(session, incident.id, ChooseRoom(by=session.by, room=room), f"the war room is {room.address}")


def retry(session: Session) -> None:
    """Have rooms that could not be opened, and invitations that failed, tried anew."""
    submit(session, session.name(), RetryRoom(by=session.by), "what failed about rooms is tried anew")
