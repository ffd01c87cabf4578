"""What a contact list would change, or has changed: new, changed, moved and unchanged people, addresses masked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from runner.errors import Problem
from runner.reports.core.formatting import count, mask_contact
from runner.reports.core.page import Block, Cell, Page, Table, Tone, line
from runner.routing.messaging import ContactPoint

_TONES: Mapping[str, Tone] = {"new": "good", "changed": "warn", "moved": "good", "unchanged": "dim"}


class ImportRow(msgspec.Struct, frozen=True, kw_only=True):
    """One person of the list; ``gained`` and ``lost`` are contacts, as ``phone +49…67``."""

    person: str
    change: str
    name: str
    gained: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


class ImportReport(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="tocsin/person-import/v1"
):
    """A list beside what is on record."""

    file: str
    people: tuple[ImportRow, ...]
    roles: dict[str, tuple[str, ...]]
    """Roles whose holders change → who holds them afterwards."""
    missing: tuple[str, ...]
    """People on record whom the list does not name; they stay."""
    open: tuple[str, ...]
    """Incidents that are open: a contact that is changed now carries no approval in them (R7)."""
    delete: tuple[str, ...]
    """Lines of ``tocsin.yaml`` that still hold people in plain text, as ``12-31``."""
    warnings: tuple[Problem, ...]
    written: bool


def contact_words(contact: ContactPoint) -> str:
    """Return a contact with its address masked."""
    return f"{contact.channel} {mask_contact(contact)}"


def import_page(report: ImportReport) -> Page:
    """Draw what changes; who stays as they are is counted only."""
    return Page(tuple(_blocks(report)))


def _blocks(report: ImportReport) -> Iterator[Block]:
    rows = tuple(
        (Cell(person.change, _TONES[person.change]), Cell(person.person, "title"), Cell(_what(person)))
        for person in report.people
        if person.change != "unchanged"
    )
    if rows:
        yield Table(rows=rows, elastic=2, indent=0)
    for role, held in report.roles.items():
        yield line(f"{role} is held by {', '.join(held) or 'nobody'}", "plain" if held else "alarm", hang=2)
    same = sum(person.change == "unchanged" for person in report.people)
    if same:
        yield line(f"{count(same, 'person', 'people')} as before", "dim")
    if report.missing:
        yield line(
            f"not in this list, and kept: {', '.join(report.missing)} (tocsin person forget PERSON)",
            "dim",
            hang=2,
        )
    if report.open and any(person.gained for person in report.people):
        words = f"new addresses carry no approval in {', '.join(report.open)} until they are verified (R7)"
        yield line(words, "warn", hang=2)
    for warning in report.warnings:
        yield line(str(warning), "warn", hang=2)
    if report.written:
        yield line("written into the store, sealed", "good")
    for lines in report.delete:
        yield line(
            f"now delete these lines of tocsin.yaml, which hold people in plain text: {lines}", "warn", hang=2
        )


def _what(row: ImportRow) -> str:
    changes = (*(f"+ {point}" for point in row.gained), *(f"- {point}" for point in row.lost))
    return ", ".join((*((row.name,) if row.name != row.person else ()), *changes))
