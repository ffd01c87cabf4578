"""What each page of the room shows: the report of a use case, and its drawing. Nothing is decided or computed here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from runner.acts.act import Subject, View
from runner.acts.asked import Asked, File
from runner.acts.duties import report_of
from runner.app.core.step_reference import begun_step
from runner.base.instants import instant
from runner.base.states import MARKS
from runner.errors import UNREADABLE, NotFound
from runner.incident.state.incident import Incident
from runner.reports.core.formatting import here
from runner.reports.core.header import heading_of
from runner.reports.core.page import Blank, Block, Cell, Page, Row, flow, line, paged, rows
from runner.web.room.drawing import about

if TYPE_CHECKING:
    from runner.incident.law.duties import Statuses
    from runner.reports.core.attention_item import AttentionItem
    from runner.reports.incidents.status import Status
    from runner.reports.incidents.timeline import Timeline

NOT_KNOWN = "not known"
LIVE = 12
"""Most open incidents whose actions are on the first page."""
SHOWN = 5
"""Most actions of one incident there."""


class Shown(NamedTuple):
    """A report, its drawing, and further text of the page."""

    report: Any
    page: Page
    text: str = ""
    """A document as text, shown as it is."""
    text_before: str = ""
    """The key of the section that follows the text; the second one without it."""
    document: str = ""
    files: tuple[str, ...] = ()
    """Formats in which a browser can download the document."""
    downloads: tuple[tuple[str, str], ...] = ()
    """Other files of the page: in words, and the reference in the address."""
    fields: tuple[tuple[str, str], ...] = ()
    """Labels and values that a person copies into a form; a label alone is a heading."""
    wrong: tuple[str, ...] = ()
    """Words of the text to mark: forbidden ones, and those of facts that changed since."""


Handler = Callable[[Asked], Shown]


def page_of(subject: Subject, view: View) -> Handler:
    """Return the page of a view."""

    def draw(asked: Asked) -> Shown:
        asked = asked._replace(ref=subject.find(asked, asked.ref))
        report = view.report(asked)
        return Shown(report, view.draw(asked, report))

    return draw


def _status(asked: Asked, incident: Incident) -> Status:
    """Return the status of an incident for the reader; all readers share its costly part."""
    from runner.app.exercises.organisation_attention import waiting
    from runner.app.home.overview import read_status, with_links
    from runner.reports.incidents.status import status_for

    service, now = asked.service, asked.service.now_in(incident)
    found = asked.shared(
        ("status", incident.id),
        lambda: read_status(service, incident, now, "", organisation=waiting(service)),
    )
    return with_links(service, asked.reader, status_for(found, incident, asked.principal.person))


def incidents(asked: Asked) -> Shown:
    """List all incidents that the reader may see, with what is late, the reader's tasks, and the actions of each."""
    from runner.app.home.overview import read_incidents
    from runner.reports.incidents.incidents import incidents_page, own_blocks, summary_line
    from runner.reports.incidents.organisation_attention import soon_blocks
    from runner.reports.law.duties import running

    report = read_incidents(asked.service, asked.reader, asked.now, None)
    live = sorted((one for one in report.incidents if one.is_live), key=lambda one: one.kind != "real")
    found, unread = [], []
    for one in live[:LIVE]:
        try:
            found.append(_status(asked, asked.reader.incident(one.incident)))
        except UNREADABLE as error:  # one damaged incident hides no other
            unread.append(line(f"{one.codename} cannot be read: {error.message}", "alarm"))
    duties = {one.incident: running(one.duties, asked.now) for one in found}
    first, *listed = incidents_page(report, everything=asked.everything, duties=duties).blocks
    real, played = ([one for one in found if (one.kind == "real") is which] for which in (True, False))
    urgent, later = ([block for one in some for block in _do_now(one)] for some in (real, played))
    summary = (summary_line(found, live), *unread, *soon_blocks(real, asked.now)) if live else ()
    last = (*own_blocks(played), *later)
    return Shown(report, Page((first, *summary, *listed, *urgent, *_alerts(asked), *own_blocks(real), *last)))


def _alerts(asked: Asked) -> tuple[Block, ...]:
    """Return the alerts that wait for a person, to those who may open or dismiss them."""
    from runner.app.incidents.alerts import waiting_blocks

    return waiting_blocks(asked.service, commands=False) if asked.reader.may("alert.handle") else ()


def alert(asked: Asked) -> Shown:
    """Show one alert: the words of its sender, its age, and how many joined it."""
    from runner.app.incidents.alerts import shown
    from runner.reports.messages.alerts import alerts_page

    report = shown(asked.service, asked.reader, asked.ref)
    return Shown(report, alerts_page(report, words=True, commands=False))


def _do_now(found: Status) -> Iterator[Block]:
    """Yield what an incident needs now; the heading leads to it."""
    from runner.reports.core.attention_rows import first_cell
    from runner.reports.incidents.incidents import late
    from runner.reports.incidents.recommendations import pressing_actions
    from runner.reports.incidents.waiting import calm_blocks

    urgent = pressing_actions(found)
    overdue = f", {late([found])} late" if late([found]) else ""
    title = Cell(f"DO NOW ({len(urgent)}{overdue})", "title")
    mark = () if found.kind == "real" else (" ", Cell(MARKS[found.kind], "marking"))
    yield flow(title, " · ", Cell(found.codename, about=f"incident/{found.codename}"), *mark)
    if not urgent:
        yield from calm_blocks(found)
    yield from rows(
        Row(
            first_cell(item, found.as_of),
            (_leads(found, item), f" · {item.who}" if item.who else ""),
            details=((Cell(item.detail),),) if item.kind == "paused" and item.detail else (),
        )
        for item in urgent[:SHOWN]
    )
    if len(urgent) > SHOWN:
        yield line(f"{len(urgent) - SHOWN} more", "dim")


def _leads(found: Status, item: AttentionItem) -> Cell:
    """Return the words of an action, as a link to the page where it can be done."""
    place = about(item.action).partition("?")[0]
    codename = str(item.action.args.get("incident", found.codename))
    return Cell(item.text, about=f"incident/{codename}/{place}" if place else "")


def incident(asked: Asked) -> Shown:
    """Show one incident: actions, deadlines, tasks, messages."""
    from runner.app.home.overview import with_others
    from runner.reports.incidents.status_page import status_page

    report = with_others(asked.service, asked.reader, _status(asked, asked.incident))
    return Shown(report, status_page(report, everything=asked.everything))


def tasks(asked: Asked) -> Shown:
    """List the tasks."""
    from runner.reports.core.task_rows import task_rows
    from runner.reports.incidents.task import TasksReport, task_list_page

    rows = tuple(
        row
        for row in task_rows(asked.incident, asked.service.library(asked.incident))
        if asked.everything or not row.over
    )
    report = TasksReport(incident=asked.incident.id, tasks=rows)
    return Shown(report, task_list_page(rows, asked.incident, asked.now))


def facts(asked: Asked) -> Shown:
    """Show the recorded facts with their sources."""
    from runner.app.incidents.facts import known
    from runner.facts.veris.veris_export import BEGAN
    from runner.reports.incidents.known_facts import facts_page

    now = instant(said, asked.clock) if (said := asked.query.get("at", "")) else asked.now
    incident = asked.reader.incident(asked.incident.id, now) if said else asked.incident
    report = known(asked.service, asked.reader, incident, "", now)
    began = any(incident.facts[name].value for name in BEGAN if name in incident.facts)
    files = (("VERIS record", ""),) if incident.kind == "real" and not said and began else ()
    return Shown(report, facts_page(report, asked.now), downloads=files)


def veris_file(asked: Asked) -> File:
    """Return the facts as a VERIS record, without names and free text, as the command line writes it."""
    from runner.app.incidents.fact_import import export_veris

    return File(f"{asked.incident.codename}-veris.json", export_veris(asked.incident)[1])


def fact(asked: Asked) -> Shown:
    """Show one fact: its question, what depends on it, and all its recorded values."""
    from runner.app.incidents.facts import known
    from runner.facts.vocabulary.lookup import find
    from runner.reports.incidents.facts import history, history_blocks
    from runner.reports.incidents.known_facts import facts_page

    if find(asked.ref) is None:
        hint = "Use a link of the page of facts"
        raise NotFound(f'Fact "{asked.ref}" does not exist.', hint=hint, code="unknown_fact")
    report = known(asked.service, asked.reader, asked.incident, asked.ref, asked.now)
    before = history(asked.incident, asked.ref, asked.reader.events(asked.incident))
    page = facts_page(report, asked.now)
    past = (line("HISTORY", "title"), *history_blocks(before))
    return Shown((report, before), Page((*page.blocks, *past)))


def missing(asked: Asked) -> Shown:
    """List the missing facts and what depends on them."""
    from runner.reports.incidents.facts import missing as view
    from runner.reports.incidents.facts import missing_page

    service = asked.service
    report = view(asked.incident, service.library(asked.incident), service.near_duties(asked.incident))
    return Shown(report, missing_page(report))


def statuses(asked: Asked) -> Statuses:
    """Return the legal duties of the incident of a page, assessed once for all pages and readers."""
    return asked.shared(
        ("duties", asked.incident.id),
        lambda: asked.service.duties(asked.incident, asked.now, asked.lasting),
    )


def duties(asked: Asked) -> Shown:
    """List the legal duties."""
    from runner.app.incidents.links import rows_of
    from runner.app.law.duties import ineffective_claims
    from runner.reports.incidents.links import elsewhere
    from runner.reports.law.duties import duties as view
    from runner.reports.law.duties import duties_page
    from runner.reports.notices.notices import papers

    report = view(statuses(asked), asked.now, ineffective_claims(asked.service, asked.incident))
    page = duties_page(
        report,
        heading_of(asked.incident),
        opened=asked.incident.opened_at,
        everything=asked.everything,
        why=asked.query.get("why") == "1",
        papers=papers(asked.incident),
        incident=asked.incident,
        elsewhere=elsewhere(rows_of(asked.service, asked.reader, asked.incident.id)),
    )
    return Shown(report, page)


def file(asked: Asked) -> Shown:
    """Show what goes into the authority's form for a duty, field by field, and where the form is."""
    from runner.app.law.filings import form_fields
    from runner.reports.law.duty_details import filing_page

    report = report_of(asked)
    document, answers = form_fields(asked.reader, asked.incident, asked.ref)
    fields: list[tuple[str, str]] = []
    for section, group in groupby(answers, key=lambda one: one.section):
        fields.append((section, ""))
        fields += ((f"{one.id} {one.name}".strip(), one.shown or NOT_KNOWN) for one in group)
    if document is not None and not fields and "txt" in document.files:
        fields = [("Text", asked.reader.document(asked.incident, document.id, "txt").decode())]
    row = next((row for row in report.notices if document is not None and row.document == document.id), None)
    page = filing_page(report, row)
    name, files = (document.id, tuple(document.files)) if document is not None else ("", ())
    return Shown(report, page, document=name, files=files, fields=tuple(fields))


def notices(asked: Asked) -> Shown:
    """List the notices."""
    from runner.reports.core.task_rows import numbered
    from runner.reports.notices.notices import notices as view
    from runner.reports.notices.notices import notices_page

    report = view(asked.incident)
    return Shown(report, notices_page(report, asked.now, numbered(asked.incident)))


def notice(asked: Asked) -> Shown:
    """Show one version of a notice: status, the text, and beside it the required content and the files."""
    from runner.app.notices.notice_versions import named
    from runner.app.notices.notices import check_content
    from runner.reports.notices.notices import coverage_table, notice_page, open_facts
    from runner.reports.notices.notices import notice as view

    document = named(asked.incident, asked.ref)[-1]
    report = view(asked.incident, document.id, asked.service.library(asked.incident))
    checked = check_content(asked.service, asked.reader, asked.incident, document.id)
    text = (
        asked.reader.document(asked.incident, document.id, "txt").decode() if "txt" in document.files else ""
    )
    content: tuple[Block, ...] = (
        Blank(),
        line("REQUIRED CONTENT", "title"),
        coverage_table(checked.coverage),
        *open_facts(checked.coverage),
        line("COMPARE", "title"),
        flow(Cell("Changes since the last signed and filed text", about=f"changes/{document.id}")),
        flow(Cell("Consistency of all notices", about="consistency")),
    )
    wrong = (*checked.old_words, *(word for one in checked.coverage for word in one.words))
    page = Page((*notice_page(report).blocks, *content))
    return Shown(report, page, text, document=document.id, files=tuple(document.files), wrong=wrong)


def changes(asked: Asked) -> Shown:
    """Compare a version of a notice with the last signed, the last filed and the previous text."""
    from runner.app.notices.notice_versions import changes as view
    from runner.reports.notices.redline import since_page

    report, found = view(asked.reader, asked.incident, asked.ref)
    return Shown(report, since_page(asked.incident, report, found))


def consistency(asked: Asked) -> Shown:
    """Compare numbers, dates and the word "aware" in all notices."""
    from runner.app.notices.consistency import compare_all
    from runner.reports.notices.consistency import consistency_page

    report = compare_all(asked.service, asked.reader, asked.incident)
    return Shown(report, consistency_page(report))


def approvals(asked: Asked) -> Shown:
    """List the approvals that wait, over all incidents: those of the reader first."""
    from runner.app.incidents.approvals import queue
    from runner.reports.incidents.signing import queue_page

    report = queue(asked.service, asked.reader, asked.principal)
    return Shown(report, queue_page(report))


def sign(asked: Asked) -> Shown:
    """Show one approval: its progress, what changed, the text with its files, and what is open."""
    from runner.app.notices.signing import to_sign

    step = begun_step(asked.incident, asked.ref, asked.service.library(asked.incident))
    found = to_sign(asked.service, asked.reader, asked.principal, asked.incident, step)
    document = found.document
    files = tuple(document.files) if document is not None and found.text else ()
    name = document.id if document is not None else ""
    return Shown(found.report, found.page, found.text, "files", name, files)


def accounts(asked: Asked) -> Shown:
    """List the accounts, and the state of the break-glass account."""
    from runner.app.people.account_list import listed
    from runner.app.people.accounts import Accounts
    from runner.app.people.logins import Logins
    from runner.reports.people.accounts import accounts_page

    logins = Logins(asked.service)
    report = listed(Accounts(asked.service, logins), asked.service, logins)
    return Shown(report, accounts_page(report))


def messages(asked: Asked) -> Shown:
    """List the messages with their evidence."""
    from runner.reports.core.task_rows import titles
    from runner.reports.messages.messages import messages as view
    from runner.reports.messages.messages import only_own
    from runner.reports.messages.messages_page import messages_page

    words = titles(asked.incident, asked.service.library(asked.incident))
    report = view(asked.incident, asked.now, words, asked.principal.person)
    if not asked.reader.may("message.read", asked.incident):
        report = only_own(report, asked.principal.person)
    return Shown(report, messages_page(report, asked.now))


def message(asked: Asked) -> Shown:
    """Show one delivery with its text; its code stays with the person who calls, at the command line."""
    from runner.app.messages.call_sheet import words_of
    from runner.reports.messages.messages import bare, message_page
    from runner.reports.messages.messages import message as view

    # A program reads what became of a message, not its text.
    program = asked.principal.scopes is not None
    words = ("", "", "") if program else words_of(asked.service, asked.incident, asked.ref)
    report = view(asked.incident, asked.ref, "", words)
    if not asked.reader.may("message.read", asked.incident):
        report = bare(report)
    return Shown(report, message_page(report, asked.now, asked.principal.person))


def timeline(asked: Asked) -> Shown:
    """List the entries of the journal; the address has the filters."""
    from runner.reports.incidents.timeline import timeline_page

    report = _entries(asked)
    page = timeline_page(report, here(), everything=asked.everything)
    return Shown(report, page, downloads=(("CSV of these entries", ""),))


def _entries(asked: Asked) -> Timeline:
    from runner.app.incidents.timeline_filter import Filter, filtered

    given = Filter(**{name: asked.query.get(name, "") for name in Filter._fields})
    return filtered(asked.service, asked.reader, asked.incident, given, asked.now)


def timeline_file(asked: Asked) -> File:
    """Return the entries that the address asks for as CSV, as the command line writes them."""
    from runner.reports.incidents.timeline import timeline_csv

    text = timeline_csv(_entries(asked), everything=asked.everything)
    return File(f"{asked.incident.codename}-timeline.csv", text.encode())


def evidence(asked: Asked) -> Shown:
    """List the evidence files with their digests."""
    from runner.reports.core import custody

    report = custody.evidence(asked.incident, asked.reader.events(asked.incident))
    return Shown(report, custody.evidence_page(report), downloads=report.downloads)


def evidence_file(asked: Asked) -> File:
    """Return the bytes of one evidence file, or its custody form."""
    from runner.app.incidents.evidence import form

    ref, ending, _ = asked.ref.partition(".pdf")
    if ending:
        made = form(asked.service, asked.reader, asked.incident, ref)
        return File(f"{asked.incident.codename}-custody-{ref}.pdf", made)
    body = asked.reader.evidence(asked.incident, asked.ref)
    return File(f"{asked.incident.codename}-{asked.incident.evidence[asked.ref].name}", body)


def people(asked: Asked) -> Shown:
    """List the people with their roles and masked contacts."""
    from runner.app.core.contact_store import kept_people
    from runner.reports.people.people import people as view
    from runner.reports.people.people import people_page

    service, directory = asked.service, asked.service.directory
    report = view(directory.people, directory.roles, service.home.people, kept_people(service))
    return Shown(report, people_page(report, asked.now))


@paged
def refused_page(message: str, hint: str) -> Iterator[Block]:
    """Draw an error: what, and what next."""
    yield line(message, "title")
    if hint:
        yield line(hint)
