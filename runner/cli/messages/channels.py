"""Commands of channels: their state, the channel test of every contact method, and keys of encryption."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from runner.cli.framework.options import Argument, Commands, Option, Scope, command, group
from runner.cli.framework.session import Session
from runner.errors import Usage
from runner.reports.core.formatting import count

if TYPE_CHECKING:
    from collections.abc import Collection

    from runner.app.messages.communications_check import Way
    from runner.reports.messages.communications_check import ChecksReport


def add(app: Commands) -> None:
    """Add ``channel …``."""
    channels = group(app, "channel", "Show channels and test all contact methods.")
    command(channels, "list", Scope.ANYWHERE)(list_)
    command(channels, "check", Scope.HOME_WRITES)(check)
    command(channels, "keys", Scope.HOME_WRITES)(keys)


def list_(session: Session) -> None:
    """List the channels with dependencies, rates and blocks."""
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
    person: Annotated[list[str] | None, Option("--to PERSON", "Only this person.")] = None,
    channel: Annotated[list[str] | None, Option("--channel CHANNEL", "Only over this channel.")] = None,
    show: Annotated[
        bool, Option("--show", "Show the age of the last success of each contact method. Sends nothing.")
    ] = False,
    yes: Annotated[bool, Option("--yes", "No question before sending.")] = False,
) -> int:
    """Test every contact method of every person. Asks first.

    First shows the age of each last success. The results are stored and shown when an incident is opened. The exit code
    is 1 if a contact method failed.

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
        session.confirm(
            f"Send {count(len(found), 'message')} now?",
            "Repeat with --yes, or only show the test with --show",
        )
    failed = 0
    for way, result in check_contacts(session.service, found):
        failed += result.state != "accepted"
        session.say(f"{way.person} over {way.channel.id}: {result.state.replace('_', ' ')}")
    again = ways(session.service, person or (), channel or ())
    _show(session, _report(session, again, person or (), len(found)))
    return 1 if failed else 0


def keys(
    session: Session,
    channel: Annotated[str, Argument("CHANNEL", "Channel that encrypts end to end.")],
    person: Annotated[list[str] | None, Option("--to PERSON", "Only this person.")] = None,
    replace: Annotated[
        bool, Option("--replace", "Store changed keys of the people named with --to.")
    ] = False,
) -> int:
    """Publish the device that encrypts, and store the key of each person.

    The first run makes the device and its secret file. Messages are encrypted only for devices that the stored key of a person
    has signed. The exit code is 1 if a key changed or is missing.

    \b
    Examples:
      tocsin channel keys matrix
      tocsin channel keys matrix --to maria --replace
    """
    from runner.app.messages.channel_keys import set_up_keys
    from runner.reports.messages.channel_keys import keys_page

    if replace and not person:
        raise Usage("The people are not named.", hint="Add --to PERSON", code="option_missing")
    report = set_up_keys(session.service, channel, person or (), replace=replace)
    session.show(report, lambda: keys_page(report))
    return 1 if any(one.state in ("changed", "failed") for one in report.keys) else 0


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
