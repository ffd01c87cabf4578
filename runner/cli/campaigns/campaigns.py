"""Commands ``bulk``: one notice to many people, planned, sent and counted."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from contextlib import suppress as ignored
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from runner.actions import Action
from runner.cli.framework.environment import stopped_by_signals
from runner.cli.framework.options import Argument, Commands, Option, Reason, Scope, command, duration, group
from runner.cli.framework.session import Session
from runner.cli.notices.letters import AcceptCounts, bar
from runner.errors import NotFound, Refused, Usage
from runner.reports.core import suggested_actions
from runner.reports.core.formatting import count
from runner.reports.core.page import Cell, Page, flow, line

if TYPE_CHECKING:
    from runner.app.campaigns.send import WaitPolicy

Notice = Annotated[str, Argument("NOTICE", "Template with slots, or auto: 1 template for each duty.")]
People = Annotated[Path, Option("--people FILE", "CSV file; after the first use, its name.")]
NEEDS_A_PERSON = 4
Over = Annotated[list[str] | None, Option("--over CHANNEL", "Channels to use. Default: all.")]
Rates = Annotated[list[str] | None, Option("--rate CHANNEL=RATE", "Rate limit of a channel: relay=60/s.")]


def add(app: Commands) -> None:
    """Add ``bulk …``."""
    bulk = group(app, "bulk", "Send one notice to many people.")
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
    short: Annotated[str, Option("--short NOTICE", "Template for text messages.")] = "",
    duty: Annotated[
        list[str] | None, Option("--duty", "Duty, or one for each place. Default: by place.")
    ] = None,
    population: Annotated[str, Option("--population ID", "Place, if the list has none.")] = "",
    over: Over = None,
    rate: Rates = None,
    chunk: Annotated[
        int | None,
        Option("--chunk N", "People in one batch."),
    ] = None,
    canary_wait: Annotated[
        str, Option("--canary-wait TIME", "Time reserved for bounces, as 30m or 2h.")
    ] = "30m",
    letter_cost: Annotated[
        str, Option("--letter-cost MONEY", "Cost of one letter, for substitute notice.")
    ] = "0",
    skip_bad: Annotated[bool, Option("--skip-bad", "Skip invalid rows.")] = False,
) -> None:
    """Plan a notice to many people, with a deadline check.

    Sends nothing. Shows contact methods and blocked channels. Refuses a plan that ends after the deadline.

    \b
    Example:
      tocsin bulk plan gdpr-34-letter --people people.csv --rate relay=60/s
    """
    from runner.app.campaigns.plan import PlanOrder, cost_of
    from runner.app.campaigns.plan import plan as make_plan
    from runner.app.campaigns.rates import rates_of
    from runner.reports.campaigns.campaigns import plan_page

    order = PlanOrder(
        notice=notice,
        people=people,
        short=short,
        duties=tuple(duty or ()),
        population=population,
        over=tuple(over or ()),
        rates=rates_of(rate or []),
        chunk=chunk,
        canary_wait=duration(canary_wait),
        letter_cost=cost_of(letter_cost),
        skip_bad=skip_bad,
    )
    with bar(session, "people") as tell:
        report = make_plan(session.service, session.incident(), order, lambda rows: tell(rows, 0))
    session.show(report, lambda: plan_page(report))


def send(
    session: Session,
    notice: Notice,
    people: People,
    yes: Annotated[bool, Option("--yes", "No question.")] = False,
    no_wait: Annotated[
        bool, Option("--no-wait", "End instead of waiting for a rate limit or a quiet time.")
    ] = False,
    accept_counts: AcceptCounts = "",
    accept_repeats: Annotated[
        str, Option("--accept-repeats WHY", "Reason to send to people of another list again.")
    ] = "",
    accept_date: Annotated[
        str, Option("--accept-date WHY", "Reason to send a text with the date of another day.")
    ] = "",
) -> int:
    """Send a planned notice, or continue an earlier run.

    Ctrl-C ends the run after the current batch.

    \b
    Example:
      tocsin bulk send gdpr-34-letter --people people.csv
    """
    from runner.app.campaigns.doubts import Reasons
    from runner.app.campaigns.send import left, ready
    from runner.app.campaigns.send import send as sent
    from runner.reports.campaigns.campaigns import sent_page

    incident, reasons = session.incident(), Reasons(accept_counts, accept_repeats, accept_date)
    if not yes:
        standing, checked = ready(session.service, incident, notice, people, reasons)
        number = count(sum(left(session.service, standing).values()), "person", "people")
        question = f"Send {notice} to {number} of {people.name}? Sent messages cannot be recalled."
        session.confirm(" ".join((*checked.against.words, question)), "Add --yes")
    with _patience(waits=not no_wait) as patience, bar(session, "people") as tell:
        ended = sent(session.service, incident, notice, people, patience, tell, reasons)
    again = suggested_actions.bulk(
        "bulk.resume" if ended.ending == "paused" else "bulk.send", notice, people.name
    )
    session.show(ended, lambda: sent_page(ended, again))
    return NEEDS_A_PERSON if ended.ending == "paused" or ended.lost else 0


def pause(session: Session, notice: Notice, people: People, reason: Reason = "") -> None:
    """Pause sending after the current batch. Needs --reason."""
    from runner.app.campaigns.control import pause as paused

    paused(session.service, session.incident(), notice, people, reason)
    _said(session, f"{notice} to {people.name} is paused")


def resume(
    session: Session,
    notice: Notice,
    people: People,
    reason: Reason = "",
    resend_unknown: Annotated[
        bool,
        Option(
            "--resend-unknown", "Resend to people with an unknown outcome. They can get the notice twice."
        ),
    ] = False,
    nights: Annotated[bool, Option("--nights", "Also send text messages in the quiet hours.")] = False,
) -> None:
    """Resume a paused campaign. Needs --reason.

    Then continue with: tocsin bulk send."""
    from runner.app.campaigns.control import resume as resumed

    again = resumed(
        session.service, session.incident(), notice, people, reason, again=resend_unknown, nights=nights
    )
    more = f"; resending to {again:,} people with an unknown outcome" if again else ""
    _said(
        session,
        f"{notice} to {people.name} is resumed{more}",
        suggested_actions.bulk("bulk.send", notice, people.name),
    )


def status(
    session: Session,
    notice: Notice,
    people: People,
    verify: Annotated[bool, Option("--verify", "Compare the deliveries with the journal.")] = False,
    open_: Annotated[
        Path | None,
        Option("--open FILE", "File with the people who need a letter, for a mail house."),
    ] = None,
    returned: Annotated[
        Path | None,
        Option("--returned FILE", "File with the people whose letter came back, to search addresses."),
    ] = None,
) -> None:
    """Count the people to notify: notified, substituted, exempt, pending.

    \b
    Example:
      tocsin bulk status gdpr-34-letter --people people.csv --open letters.csv
    """
    from runner.app.campaigns.control import open_list
    from runner.app.campaigns.control import status as counted
    from runner.app.campaigns.record import known
    from runner.reports.campaigns.campaigns import status_page

    incident = session.incident()
    standing = known(session.service, incident, notice, people)
    report = counted(session.service, incident, standing, check=verify)
    if open_ is not None:
        listed = _write_table(open_, open_list(session.service, standing))
        session.say(f"{count(listed, 'person', 'people')} need a letter or have no usable contact: {open_}")
    if returned is not None:
        listed = _write_table(returned, open_list(session.service, standing, returned=True))
        session.say(
            f"{count(listed, 'letter')} came back. Correct the addresses, then: tocsin notice letters NOTICE --people {returned} --out DIR"
        )
    session.show(report, lambda: status_page(report, session.now()))


def receipts(
    session: Session,
    notice: Notice,
    people: People,
    taken: Annotated[
        Path,
        Option("--from FILE", "CSV file with kind and key, reference, address or provider_id."),
    ],
) -> int:
    """Import receipts: bounces, complaints, opt-outs, letters.

    \b
    Example:
      tocsin bulk receipts gdpr-34-letter --people people.csv --from posted.csv
    """
    from runner.app.campaigns.receipts import read_receipts, take
    from runner.app.campaigns.record import known

    standing = known(session.service, session.incident(), notice, people)
    result = take(session.service, read_receipts(taken), standing.campaign.id)
    changed = ", ".join(f"{number:,} {kind}" for kind, number in sorted(result.changed.items())) or "none"
    lines = [line(f"Receipts: {result.receipts:,}. Changes: {changed}", "good")]
    lines += [line(f"{result.unmatched:,} receipts match no recipient", "warn")] if result.unmatched else []
    lines += [line(f"Campaign {name} paused automatically", "alarm") for name in result.paused]
    asks = session.service.load(standing.campaign.incident).campaigns[standing.campaign.id].asks
    lines += [line(f"Decide about substitute notice, {ask.place}: {ask.why}", "warn") for ask in asks]
    session.show(result, Page(tuple(lines)))
    return NEEDS_A_PERSON if result.paused else 0


def suppress(
    session: Session,
    file: Annotated[Path, Argument("FILE", "File with one email address or phone number on each line.")],
    reason: Annotated[
        str, Option("--because REASON", "Reason: stop, complaint, hard_bounce or manual.")
    ] = "stop",
) -> None:
    """Add addresses to the suppression list of all campaigns.

    The people must still be notified over another channel. Refused for an exercise: the list is one for all campaigns.

    \b
    Example:
      tocsin bulk suppress stop.txt --because stop
    """
    from typing import get_args

    from runner.app.campaigns.control import read_stop_list
    from runner.app.campaigns.control import suppress as suppressed
    from runner.incident.campaigns.campaign import SuppressedFor

    known: tuple[SuppressedFor, ...] = get_args(SuppressedFor)
    why = next((name for name in known if name == reason), None)
    if why is None:
        raise Usage(
            f'Reason "{reason}" is unknown.', hint=f"Use --because {'|'.join(known)}", code="unknown_reason"
        )
    incident = None
    with ignored(Refused, NotFound):  # the list is for all incidents: none has to be chosen
        incident = session.incident_or_none()
    kept = suppressed(session.service, incident, read_stop_list(file), why)
    _said(
        session,
        f"{count(kept, 'address', 'addresses')} added to the suppression list ({reason.replace('_', ' ')})",
    )


def substitute(
    session: Session,
    notice: Notice,
    people: People,
    place: Annotated[str, Option("--place PLACE", "Place, as in the status: US-CA, DE.")],
    reason: Reason = "",
) -> None:
    """Record a substitute notice for a place. Needs --reason.

    It counts for people without a usable contact.

    \b
    Example:
      tocsin bulk substitute us-letter --people people.csv --place US-CA --reason "home page and two papers, 30 days"
    """
    from runner.app.campaigns.control import substitute as substituted

    notified = substituted(session.service, session.incident(), notice, people, place, reason)
    _said(session, f"{count(notified, 'person', 'people')} of {place} notified by substitute notice")


def _said(session: Session, words: str, then: Action | None = None) -> None:
    after = [flow(Cell("", "command", then), indent=2)] if then is not None else []
    blocks = [line(words, "good"), *after]
    session.show({"schema": "tocsin/bulk-done/v1", "text": words}, Page(tuple(blocks)))


@contextmanager
def _patience(*, waits: bool) -> Iterator[WaitPolicy]:
    """Wait for the next batch; Ctrl-C ends the wait, and the current batch is completed."""
    from runner.app.campaigns.send import WaitPolicy

    stopping = threading.Event()
    alone = threading.current_thread() is threading.main_thread()

    def wait(span: timedelta) -> None:
        stopping.wait(span.total_seconds())

    with stopped_by_signals(stopping.set) if alone else nullcontext():
        yield WaitPolicy(wait, stopping.is_set, waits=waits)


def _write_table(path: Path, rows: Iterator[list[str]]) -> int:
    """Write a CSV file for its owner only, without formulas in cells; return the number of rows without the header."""
    from runner.effects.notices.letters import write_table

    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        return write_table(file, rows) - 1
