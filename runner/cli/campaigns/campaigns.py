"""``bulk …``: one notice to everybody on a list, planned, sent, watched, and added up."""

from __future__ import annotations

import csv
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from runner.cli.framework.options import Argument, Commands, Option, Reason, Scope, command, group
from runner.cli.framework.session import Session
from runner.cli.notices.letters import bar
from runner.errors import Usage
from runner.reports.core import suggested_actions
from runner.reports.core.formatting import count
from runner.reports.core.page import Page, line

if TYPE_CHECKING:
    from runner.app.campaigns.control import Write
    from runner.app.campaigns.send import WaitPolicy
    from runner.routing.traffic import Rate

Notice = Annotated[str, Argument(metavar="NOTICE", help="A template with slots; auto: by each duty.")]
People = Annotated[Path, Option("--people", metavar="FILE", help="A CSV file; later its name is enough.")]
NEEDS_A_PERSON = 4
Over = Annotated[list[str] | None, Option("--over", metavar="CHANNEL", help="Only these channels.")]
Rates = Annotated[
    list[str] | None,
    Option("--rate", metavar="WHAT=RATE", help="CHANNEL=60/s, example.org=10/s, *=5/s for any one domain."),
]


def add(app: Commands) -> None:
    """Add ``bulk …``."""
    bulk = group(app, "bulk", "Notices to everybody on a list: plan, send, pause, resume, count.")
    command(bulk, "plan", Scope.WRITES)(plan)
    command(bulk, "send", Scope.WRITES)(send)
    command(bulk, "pause", Scope.WRITES)(pause)
    command(bulk, "resume", Scope.WRITES)(resume)
    command(bulk, "status")(status)
    command(bulk, "receipts", Scope.WRITES)(receipts)
    command(bulk, "suppress", Scope.HOME_WRITES)(suppress)
    command(bulk, "substitute", Scope.WRITES)(substitute)


def plan(
    session: Session,
    notice: Notice,
    people: People,
    short: Annotated[str, Option("--short", metavar="NOTICE", help="The template of text messages.")] = "",
    duty: Annotated[
        list[str] | None, Option("--duty", help="The duty, or one for each place; else by place.")
    ] = None,
    population: Annotated[str, Option("--population", metavar="ID", help="Where the list names none.")] = "",
    over: Over = None,
    rate: Rates = None,
    chunk: Annotated[
        int | None,
        Option("--chunk", metavar="N", help="People in one claim; at most these are unknown after a kill."),
    ] = None,
    canary_wait: Annotated[
        str, Option("--canary-wait", metavar="TIME", help="For what bounces: 30m, 2h.")
    ] = "30m",
    letter_cost: Annotated[
        str, Option("--letter-cost", metavar="MONEY", help="Of one letter, for substitute notice.")
    ] = "0",
    skip_bad: Annotated[bool, Option("--skip-bad", help="Go without bad rows.")] = False,
) -> None:
    """Plan a notice to everybody on a list: who is reached how, what is refused, and whether it can be done in time.

    Nothing is sent. What cannot be done before the deadline is refused, with the arithmetic.

    \b
    Example:
      tocsin bulk plan gdpr-34-letter --people people.csv --rate relay=60/s
    """
    from runner.app.campaigns.plan import PlanOrder
    from runner.app.campaigns.plan import plan as made
    from runner.reports.campaigns.campaigns import plan_page

    order = PlanOrder(
        notice=notice,
        people=people,
        short=short,
        duties=tuple(duty or ()),
        population=population,
        over=tuple(over or ()),
        rates=_rates(rate or []),
        chunk=chunk,
        canary_wait=_span(canary_wait),
        letter_cost=_money(letter_cost),
        skip_bad=skip_bad,
    )
    with bar(session, "people") as tell:
        found = made(session.service, session.incident(), order, lambda rows: tell(rows, 0))
    session.show(
        found,
        lambda: plan_page(found.campaign, found.feasible, found.exempt, found.unreachable, found.warnings),
    )


def send(
    session: Session,
    notice: Notice,
    people: People,
    yes: Annotated[bool, Option("--yes", help="Do not ask.")] = False,
    no_wait: Annotated[bool, Option("--no-wait", help="End where it would have to wait.")] = False,
) -> int:
    """Send what was planned, or go on where an earlier run stopped. Ctrl-C ends it after the chunk in flight.

    \b
    Example:
      tocsin bulk send gdpr-34-letter --people people.csv
    """
    from runner.app.campaigns.control import known
    from runner.app.campaigns.send import send as sent
    from runner.reports.campaigns.campaigns import sent_page

    incident = session.incident()
    found = known(session.service, incident, notice, people)
    whom = sum(found.campaign.ways.get(way, 0) for way in ("email", "sms"))
    if not yes:
        asked = f"Send {notice} to {whom:,} people of {people.name}? Nothing calls it back."
        session.confirm(asked, "--yes sends without asking")
    with _patience(waits=not no_wait) as patience, bar(session, "people") as tell:
        ended = sent(session.service, incident, notice, people, patience, tell)
    again = suggested_actions.bulk("resume" if ended.ending == "paused" else "send", notice, people.name)
    session.show(
        ended, lambda: sent_page(ended.ending, ended.reason, ended.until, ended.outcomes, ended.lost, again)
    )
    return NEEDS_A_PERSON if ended.ending == "paused" or ended.lost else 0


def pause(session: Session, notice: Notice, people: People, reason: Reason = "") -> None:
    """Stop sending: a run that goes on ends after the chunk in flight. Needs --reason."""
    from runner.app.campaigns.control import pause as paused

    paused(session.service, session.incident(), notice, people, reason)
    _said(session, f"{notice} to {people.name} is paused")


def resume(
    session: Session,
    notice: Notice,
    people: People,
    reason: Reason = "",
    resend_unknown: Annotated[
        bool, Option("--resend-unknown", help="Send again to those who may have it: they may get it twice.")
    ] = False,
    nights: Annotated[bool, Option("--nights", help="Text messages may go in the quiet hours.")] = False,
) -> None:
    """Let a campaign go on that was paused, or stopped by itself. Needs --reason; then: tocsin bulk send."""
    from runner.app.campaigns.control import resume as resumed

    _, again = resumed(
        session.service, session.incident(), notice, people, reason, again=resend_unknown, nights=nights
    )
    more = f"; {again:,} of unknown outcome are sent to again" if again else ""
    _said(
        session,
        f"{notice} to {people.name} may go on{more}",
        suggested_actions.bulk("send", notice, people.name),
    )


def status(
    session: Session,
    notice: Notice,
    people: People,
    verify: Annotated[bool, Option("--verify", help="Compare what was sent with the journal.")] = False,
    open_: Annotated[
        Path | None, Option("--open", metavar="FILE", help="Write who needs a letter, for a mail house.")
    ] = None,
) -> None:
    """Count: everybody who is owed a notice is notified, substituted, exempt or open.

    \b
    Example:
      tocsin bulk status gdpr-34-letter --people people.csv --open letters.csv
    """
    from runner.app.campaigns.control import known, open_list
    from runner.app.campaigns.control import status as counted
    from runner.reports.campaigns.campaigns import status_page

    incident = session.incident()
    found = known(session.service, incident, notice, people)
    report = counted(session.service, incident, found, check=verify)
    if open_ is not None:
        with _table(open_) as write:
            listed = open_list(session.service, found, write)
        session.say(f"{count(listed, 'person', 'people')} to get a letter, or out of reach: {open_}")
    session.show(report, lambda: status_page(report, session.now()))


def receipts(
    session: Session,
    notice: Notice,
    people: People,
    taken: Annotated[
        Path, Option("--from", metavar="FILE", help="CSV: kind and key, reference, address or provider_id.")
    ],
) -> int:
    """Take in what came back: reports, bounces, complaints, STOP, letters that were posted or returned.

    \b
    Example:
      tocsin bulk receipts gdpr-34-letter --people people.csv --from posted.csv
    """
    from runner.app.campaigns.control import known
    from runner.app.campaigns.receipts import read_receipts, take

    found = known(session.service, session.incident(), notice, people)
    result = take(session.service, read_receipts(taken), found.campaign.id)
    changed = ", ".join(f"{number:,} {kind}" for kind, number in sorted(result.changed.items())) or "nothing"
    told = [line(f"{result.receipts:,} receipts changed {changed}", "good")]
    told += [line(f"{result.unmatched:,} are about nobody we sent to", "warn")] if result.unmatched else []
    told += [line(f"campaign {name} stopped by itself", "alarm") for name in result.paused]
    session.show(result, Page(tuple(told)))
    return NEEDS_A_PERSON if result.paused else 0


def suppress(
    session: Session,
    file: Annotated[Path, Argument(metavar="FILE", help="A mail address or telephone number on each line.")],
    reason: Annotated[
        str, Option("--because", metavar="REASON", help="stop, complaint, hard_bounce, manual.")
    ] = "stop",
) -> None:
    """Keep addresses from use, in every campaign: their people stay owed a notice, by another way.

    \b
    Example:
      tocsin bulk suppress stop.txt --because stop
    """
    from typing import get_args

    from runner.app.campaigns.control import read_stop_list
    from runner.app.campaigns.control import suppress as suppressed
    from runner.incident.campaigns.campaign import SuppressedFor

    known: tuple[SuppressedFor, ...] = get_args(SuppressedFor)
    why = next((one for one in known if one == reason), None)
    if why is None:
        raise Usage(
            f"there is no reason '{reason}'", hint=f"--because {'|'.join(known)}", code="unknown_reason"
        )
    kept = suppressed(session.service, read_stop_list(file), why)
    _said(session, f"{count(kept, 'address', 'addresses')} kept from use ({reason.replace('_', ' ')})")


def substitute(
    session: Session,
    notice: Notice,
    people: People,
    place: Annotated[str, Option("--place", metavar="PLACE", help="As in the status: US-CA, DE.")],
    reason: Reason = "",
) -> None:
    """Record that substitute notice was given to those of a place who are out of reach. Needs --reason.

    \b
    Example:
      tocsin bulk substitute us-letter --people people.csv --place US-CA --reason "home page and two papers, 30 days"
    """
    from runner.app.campaigns.control import substitute as substituted

    _, told = substituted(session.service, session.incident(), notice, people, place, reason)
    _said(session, f"{count(told, 'person', 'people')} of {place} told by substitute notice")


def _said(session: Session, words: str, then: str = "") -> None:
    blocks = [line(words, "good"), *([line(then, "command", indent=2)] if then else [])]
    session.show({"schema": "tocsin/bulk-done/v1", "text": words}, Page(tuple(blocks)))


def _rates(given: list[str]) -> dict[str, tuple[Rate, ...]]:
    from runner.files.people_lists.person_contacts import same_domain
    from runner.routing.traffic import read_rate

    found: dict[str, tuple[Rate, ...]] = {}
    for text in given:
        name, equals, rate = text.rpartition("=")
        if not equals or not name:
            raise Usage(f"--rate {text} does not say of what", hint="--rate CHANNEL=60/s", code="bad_rate")
        key = same_domain(name) if "." in name else name
        try:
            found[key] = (*found.get(key, ()), read_rate(rate))
        except ValueError as error:
            raise Usage(f"--rate {text}: {error}", code="bad_rate") from None
    return found


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _span(text: str) -> timedelta:
    number, unit = text[:-1], text[-1:]
    if unit not in _UNITS or not number.isascii() or not number.isdecimal():
        raise Usage(f"{text} is no length of time", hint="30m, 2h, 0s", code="bad_duration")
    return timedelta(seconds=int(number) * _UNITS[unit])


def _money(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = -1
    if not 0 <= found < 1_000_000:
        raise Usage(f"--letter-cost {text} is no sum of money", hint="--letter-cost 1.20", code="bad_amount")
    return found


@contextmanager
def _patience(*, waits: bool) -> Iterator[WaitPolicy]:
    """Wait until it is time, or until somebody presses Ctrl-C: then the chunk in flight is still ended."""
    from runner.app.campaigns.send import WaitPolicy

    stopping = threading.Event()
    alone = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, lambda *_: stopping.set()) if alone else None
    term = signal.signal(signal.SIGTERM, lambda *_: stopping.set()) if alone else None
    try:
        yield WaitPolicy(lambda span: void(stopping.wait(span.total_seconds())), stopping.is_set, waits=waits)
    finally:
        if alone:
            signal.signal(signal.SIGINT, before)
            signal.signal(signal.SIGTERM, term)


def void(_: object) -> None:
    """Take something and do nothing with it."""


@contextmanager
def _table(path: Path) -> Iterator[Write]:
    """Write a CSV file for its owner alone, in which no cell is calculated."""
    from runner.effects.notices.letters import for_a_spreadsheet

    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        yield lambda cells: void(table.writerow(for_a_spreadsheet(cells)))
