"""The authority that takes a notice, in words: where to file, and how old its entry in the authority directory is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from runner.law.duty import Office
from runner.law.offices import entered
from runner.law.regime import Authority
from runner.law.relevance import CONTRACT
from runner.reports.core.page import Block, Cell, Tone, fields, line, paged

STALE = timedelta(days=183)
"""Age from which an entry is to be checked."""


@paged
def authority_page(one: Authority, now: datetime) -> Iterator[Block]:
    """Draw one entry of the authority directory."""
    yield line(one.name, "title")
    office = entered(Office(place=one.place), one)
    yield fields((name, Cell(text, tone)) for name, text, tone in office_fields(office, now))
    yield fields([("Serves", ", ".join(one.serves)), ("Source", one.source), ("Id", one.id)])


def office_fields(office: Office, now: datetime) -> Iterator[tuple[str, str, Tone]]:
    """Yield the known data of an authority as labels and values, and the age of its entry."""
    unit = f", {office.unit}" if office.unit else ""
    yield "Authority", f"{office.name}{unit}" if office.short or office.address else "", "plain"
    yield "File at", office.form, "plain"
    yield "Website", "" if office.form else office.url, "plain"
    yield "Email", office.email, "plain"
    yield "Post", ", ".join(office.address), "plain"
    yield "Phone", office.phone, "plain"
    closes = f"filings after {office.cut_off} count as of the next day" if office.cut_off else ""
    hours = f"{office.hours} ({office.zone})" if office.hours and office.zone else office.hours
    yield "Hours", "; ".join(filter(None, (hours, closes))), "plain"
    yield "Language", ", ".join(office.languages), "plain"
    yield "Filing", office.remark, "plain"
    words, tone = entry_words(office, now)
    yield "Entry", words, tone


def entry_words(office: Office, now: datetime) -> tuple[str, Tone]:
    """Return the age of an authority's entry, with "check the link" where that is old or unknown."""
    if office.place == CONTRACT:
        return "from the contract in the home folder", "dim"
    if not (office.form or office.url or office.email or office.address):
        return "no address in the authority directory", "warn"
    if office.checked is None:
        return "check the link: nobody opened it", "warn"
    seen = f"seen {office.checked} ({office.checked_by})"
    due = office.next_check is not None and office.next_check <= now.date()
    if due or now.date() - office.checked > STALE:
        return f"check the link: last {seen}", "warn"
    return seen, "dim"
