"""The pages of exercises: schedules and action items, the conduct of one exercise, its after-action report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.acts.asked import Asked, File
from runner.documents.notice import Format
from runner.errors import NotFound
from runner.reports.core.formatting import person_name
from runner.reports.core.page import Cell, Page, flow, line, section, table
from runner.web.room.drawing import page_words
from runner.web.room.pages import Shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from runner.incident.exercises.improvements import Item
    from runner.reports.exercises.improvements import ImprovementsReport

REPORTS: tuple[tuple[str, Format], ...] = (("the report as PDF", "pdf"), ("the report as DOCX", "docx"))
"""The formats of an after-action report for a download, in words and as in the address."""


def exercises(asked: Asked) -> Shown:
    """List the exercises that ran or run, the schedules, and the action items with owner and date."""
    from runner.app.exercises.improvements import read
    from runner.app.exercises.schedules import overview
    from runner.reports.exercises.improvements import improvements_page
    from runner.reports.exercises.schedules import schedules_page

    rows = [row for row in asked.reader.incidents() if row.kind == "exercise"]
    planned, items = overview(asked.service), _items(asked, read(asked.service).items.values())
    listed = (
        (
            Cell(row.codename, about=f"incident/{row.codename}/exercise"),
            Cell(row.state, "good" if row.state == "open" else "dim"),
            row.title,
            Cell("after-action report", about=f"incident/{row.codename}/report"),
        )
        for row in reversed(rows)
    )
    blocks = (
        line("EXERCISES", "title"),
        table(listed, 2, indent=0) if rows else line("No exercise yet", "warn"),
        flow(Cell("Readiness of playbooks and people", about="readiness")),
        line("ACTION ITEMS", "title"),
        *improvements_page(items, everything=asked.everything).blocks,
        line("SCHEDULES", "title"),
        *schedules_page(planned, "Schedule an exercise, below").blocks,
    )
    return Shown((rows, planned, items), Page(blocks))


def readiness(asked: Asked) -> Shown:
    """Show exercises, channel tests and action items."""
    from runner.app.exercises.readiness import readiness as view
    from runner.reports.exercises.readiness import readiness_page

    report = asked.shared("readiness", lambda: view(asked.service))
    return Shown(report, readiness_page(report))


def _items(asked: Asked, found: Iterable[Item]) -> ImprovementsReport:
    from runner.app.core.organisation_journal import today
    from runner.reports.exercises.improvements import improvements

    return improvements(found, asked.now, today(asked.service))


def improvement(asked: Asked) -> Shown:
    """Show one action item with its origin, state and proof."""
    from runner.app.exercises.improvements import item, read
    from runner.reports.exercises.improvements import item_page

    report = _items(asked, (item(read(asked.service), asked.ref),))
    return Shown(report, item_page(report))


def exercise(asked: Asked) -> Shown:
    """Show the state of an exercise, its injects, expected actions and ratings; not to its players."""
    from runner.app.exercises.exercises import conducted
    from runner.reports.exercises.exercise import drill_page, drill_report
    from runner.reports.exercises.ratings import KEY

    plan = conducted(asked.service, asked.principal, asked.incident)
    report = drill_report(asked.incident, plan, asked.now)
    seen = asked.incident.drill.observations if asked.incident.drill is not None else ()
    noted = ((person_name(one.by), one.objective, one.kind, one.text) for one in seen if not one.question)
    texts = (
        (one.number, one.sender or "the exercise staff", ", ".join(one.to) or "all", one.text)
        for one in plan.events
        if one.text
    )
    blocks = (
        *drill_page(report).blocks,
        *(line(words, "dim") for words in KEY),
        *section("TEXTS OF INJECTS: NUMBER, FROM, TO, TEXT", texts, 3),
        *section("OBSERVATIONS", noted, 3),
    )
    return Shown(report, Page(blocks))


def after_action(asked: Asked) -> Shown:
    """Show the after-action report of an incident as text, a draft until it is signed."""
    from runner.app.exercises.after_action import report_bytes, signed_reports
    from runner.app.exercises.exercises import conducted
    from runner.reports.exercises.exercise import remaining_items

    plan = conducted(asked.service, asked.principal, asked.incident) if asked.incident.drill else None
    # The report has what its reader may read, so readers do not share it.
    text = report_bytes(asked.service.of(asked.principal), asked.incident, "txt")[1].decode()
    left = tuple(remaining_items(asked.incident, plan)) if plan is not None else ()
    signed = signed_reports(asked.reader, asked.incident)
    blocks = (
        line("AFTER-ACTION REPORT", "title"),
        line("SIGNATURES", "title"),
        *(line(f"{person_name(one.by)}: {one.digest}", "good") for one in signed),
        *(() if signed else (line("DRAFT: no person has signed it", "warn"),)),
        *((line("REMAINING", "title"),) if left else ()),
        *(line(page_words(words), hang=2) for words in left),
    )
    files = tuple(
        (f"what {person_name(one.by)} signed: {form.upper()}", digest)
        for one in signed
        for form, digest in one.files.items()
    )
    return Shown(text, Page(blocks), text, "signatures", downloads=(*REPORTS, *files))


def report_file(asked: Asked) -> File:
    """Return the after-action report in a format, as the command line writes it, or the bytes that a person signed."""
    from runner.app.exercises.after_action import report_bytes, signed_reports
    from runner.app.exercises.exercises import conducted

    if asked.incident.drill:
        conducted(asked.service, asked.principal, asked.incident)
    for one in signed_reports(asked.reader, asked.incident):
        for kind, digest in one.files.items():
            if digest == asked.ref:
                body = asked.service.repository.document(digest)
                return File(f"{asked.incident.codename}-signed-{one.by}-report.{kind}", body)
    for _, form in REPORTS:
        if form == asked.ref:
            return File(*report_bytes(asked.service.of(asked.principal), asked.incident, form))
    raise NotFound(f'The report has no format "{asked.ref}".', code="unknown_format")
