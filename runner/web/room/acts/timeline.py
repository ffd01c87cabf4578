"""What a person can do on the timeline: mark an entry as wrong."""

from __future__ import annotations

from collections.abc import Sequence

from runner.app.incidents.corrections import correct, corrected_by
from runner.errors import NotFound
from runner.reports.core.formatting import here
from runner.reports.core.page import Page, line
from runner.reports.incidents.timeline import entry_blocks, timeline
from runner.web.room.acts.forms import REASON, Act, Acting, Field, Form, Given, number_of
from runner.web.room.pages import Asked


def _forms(asked: Asked) -> Sequence[Form]:
    number = Field(
        "entry", "Number of the entry", needed=True, help="It stands beside the time of each entry."
    )
    return (Form("correct", "Mark an entry as wrong", (number, REASON), folded=True),)


def _preview(asked: Asked, given: Given) -> Page:
    """Show the entry, and the duties that are open again without it."""
    found = corrected_by(asked.incident, number_of(given, "entry"))
    report = timeline(
        asked.incident,
        asked.service.library(asked.incident),
        asked.reader.events(asked.incident, found.entry - 1),
    )
    entry = next((one for one in report.entries if one.event == found.entry), None)
    if entry is None:
        raise NotFound(
            f'Entry "{found.entry}" does not exist.',
            hint="Use a number of the timeline",
            code="unknown_event",
        )
    reopened = (line(f"The duty {duty} is open again", "alarm") for duty in found.reopened)
    return Page((line("THIS ENTRY STAYS, MARKED AS WRONG", "title"), *entry_blocks(entry, here()), *reopened))


def _correct(asked: Asked, given: Given) -> None:
    correct(asked.service, asked.incident.id, number_of(given, "entry"), given["reason"])


TIMELINE = Acting(_forms, {"correct": Act("entry.correct", _correct, _preview, adds=True, bound=True)})
