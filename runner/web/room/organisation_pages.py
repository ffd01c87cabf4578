"""The pages about law, the verification of the record, administration, rights, and the register."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.acts.asked import Asked, File
from runner.app.incidents.home_catalogue import catalogue
from runner.base.instants import calendar_day
from runner.errors import NotFound
from runner.playbook.catalogue import Catalog
from runner.reports.core.formatting import count, moment, person_name
from runner.reports.core.page import Block, Cell, Page, flow, line, table
from runner.web.room.pages import Shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from runner.incident.state.incident import Incident

HEADS = 50
"""Most journals whose heads a page lists without ``all``."""


# --- the law ----------------------------------------------------------------------------------------------


def law(asked: Asked) -> Shown:
    """List the laws with their confidence; with dates, what changed between them."""
    from runner.app.law.regimes import listed, places_with_law
    from runner.reports.law.regimes import RegimesReport, list_page

    service = asked.service
    place = asked.query.get("in", "")
    entries = asked.shared(
        ("law", place),
        lambda: listed(catalogue(service), place, service.law_checks()),
    )
    own = [one.id for one in entries if one.origin == "home"]
    where = places_with_law(place)
    blocks = (
        *_changed(asked, ()),
        line("LAWS", "title"),
        *((line(f"The laws of {' and of the '.join(where)}", "dim"),) if len(where) > 1 else ()),
        line(
            f"Laws and corrections of the home folder: {', '.join(own) or 'none'}", "warn" if own else "dim"
        ),
        *list_page(entries).blocks,
    )
    return Shown(RegimesReport(regimes=entries), Page(blocks))


def provisions(asked: Asked) -> Shown:
    """Show one law: its duties in the words of the law, who verified it, and how a local copy differs."""
    from runner.app.law.regimes import named, own_and_built_in
    from runner.reports.law.regime_changes import diff_page
    from runner.reports.law.regimes import show_page

    service = asked.service
    catalog = catalogue(service)
    report = named(asked.ref, catalog, calendar_day(asked.query.get("at", "")), service.law_checks())
    blocks = list(show_page(report).blocks)
    if catalog.is_own("regimes", asked.ref):
        blocks.insert(1, line("This law is from the home folder, not from Tocsin.", "warn"))
        if asked.ref in Catalog(law=catalog.law).regime_files:
            blocks += (
                line("LOCAL CORRECTIONS", "title"),
                *diff_page(own_and_built_in(asked.ref, catalog)).blocks,
            )
    return Shown(report, Page((*_changed(asked, (asked.ref,)), *blocks)))


def _changed(asked: Asked, names: Sequence[str]) -> Iterator[Block]:
    """Yield what changed between the days of the address, if it has any."""
    from runner.app.law.regimes import between_dates
    from runner.reports.law.regime_changes import diff_page

    since = calendar_day(asked.query.get("since", ""))
    if since is not None:
        until = calendar_day(asked.query.get("until", "")) or asked.now.date()
        yield from diff_page(between_dates(names, since, until, catalogue(asked.service))).blocks


# --- the record -------------------------------------------------------------------------------------------


def audit(asked: Asked) -> Shown:
    """Show the last check of all journals, and the head of each."""
    from runner.app.home.integrity import events
    from runner.app.home.verification import last_blocks, last_check

    rows = asked.reader.incidents()
    last = last_check(asked.service, None)
    shown = rows if asked.everything else rows[-HEADS:]
    heads = (
        (
            Cell(row.codename, about=f"incident/{row.codename}/record"),
            Cell(f"{row.version:,}", "dim"),
            Cell(asked.reader.head(row).hash, "dim"),
        )
        for row in reversed(shown)
    )
    left = len(rows) - len(shown)
    blocks = (
        line("RECORD", "title"),
        *_unrecorded(),
        *last_blocks(last, events(asked.service, None)),
        line("HEADS OF THE JOURNALS", "title"),
        table(heads, 2, indent=0),
        *((line(f"{count(left, 'older incident')} not shown"),) if left else ()),
    )
    return Shown(last, Page(blocks))


def record(asked: Asked) -> Shown:
    """Show the last check of one journal, its head, and the heads that signed reports state."""
    from runner.app.home.verification import last_blocks, last_check

    incident, head = asked.incident, asked.reader.head(asked.incident)
    last = last_check(asked.service, incident.id)
    blocks = (
        line("RECORD", "title"),
        *_unrecorded(),
        *last_blocks(last, head.version),
        line("HEAD OF THE JOURNAL", "title"),
        line(f"{head.version}:sha256:{head.hash}"),
        *_showings(asked),
        *(_exports(asked) if asked.reader.may("record.export", incident) else ()),
    )
    return Shown(last, Page(blocks))


def _showings(asked: Asked) -> Iterator[Block]:
    from runner.app.messages.call_sheet import showings

    found = [(at, one.by) for at, one in showings(asked.service).made if one.incident == asked.incident.id]
    yield line("TELEPHONE NUMBERS SHOWN", "title")
    yield table(((moment(at), person_name(by)) for at, by in reversed(found)), 1, indent=0)
    if not found:
        yield line("No page of the incident showed a telephone number", "dim")


def _exports(asked: Asked) -> Iterator[Block]:
    """Yield the bundles that were made of the incident, and the fingerprint that their recipients need."""
    from runner.app.bundles.export import exports, signer

    made = [one for one in exports(asked.service).made if one.bundle.incident == asked.incident.id]
    yield line("EXPORTED BUNDLES", "title")
    rows = (
        (moment(one.at), one.actor, f"for {one.bundle.audience}", Cell(one.bundle.sha256, "dim"))
        for one in reversed(made)
    )
    yield table(rows, 3, indent=0) if made else line("No bundle was exported", "dim")
    if made and (key := signer(asked.service)):
        yield line(f"Signed with {key}")
        yield line("Give the recipient of a bundle this fingerprint in another way.", "warn")


def _unrecorded() -> tuple[Block, ...]:
    return (
        line(
            "Tocsin does not record who read a page or downloaded a file; only who was shown telephone numbers.",
            "warn",
        ),
    )


# --- administration ---------------------------------------------------------------------------------------


def administration(asked: Asked) -> Shown:
    """Show the health of channels, workers and the database, and the tokens with their last use."""
    from runner.app.home.doctor import glance
    from runner.app.home.findings_page import findings_page
    from runner.app.home.retention_queue import queue, queue_page
    from runner.app.people.tokens import tokens
    from runner.reports.people.tokens import TokensReport, token_rows, tokens_page

    report = asked.shared("health", lambda: glance(asked.service))
    blocks: tuple[Block, ...] = (line("HEALTH", "title"), *findings_page(report).blocks)
    if asked.reader.may("person.manage"):
        due = queue(asked.service, asked.reader.incidents())
        blocks += (line("ERASURE", "title"), *queue_page(due).blocks)
    if asked.reader.may("token.manage"):
        found = TokensReport(tokens=token_rows(tokens(asked.service, asked.principal), asked.now))
        blocks += (
            line("TOKENS OF PROGRAMS", "title"),
            *(tokens_page(found).blocks or (line("No tokens", "dim"),)),
        )
    return Shown(
        report, Page((*blocks, flow(Cell("Why may a person do something, or not?", about="rights"))))
    )


def rights(asked: Asked) -> Shown:
    """Explain why the reader has a right or has not; for others to whoever manages people."""
    from runner.app.people.role_rights import RIGHTS, explain, explained_page, proven

    principal, query = asked.principal, asked.query
    if (
        (person := query.get("person", ""))
        and person != principal.person
        and asked.reader.may("person.manage")
    ):
        asked.service.known(person)
        principal = proven(person)
    about: Incident | None = None
    if name := query.get("incident", ""):
        found = [row.id for row in asked.reader.incidents() if row.codename == name]
        if not found:
            raise NotFound("The incident does not exist, or you may not read it.", code="unknown_incident")
        about = asked.reader.incident(found[0])
    if not query.get("right", ""):
        every = [explain(asked.service, principal, right, about) for right in RIGHTS]
        rows = ((one.right, Cell("YES", "good") if one.holds else Cell("NO", "dim")) for one in every)
        return Shown(every, Page((line("RIGHTS", "title"), table(rows, 1, indent=0))))
    report = explain(asked.service, principal, query["right"], about)
    return Shown(report, explained_page(report, names=asked.reader.may("person.list")))


# --- the register ------------------------------------------------------------------------------------------


def register(asked: Asked) -> Shown:
    """Show the register of personal data breaches, without exercises."""
    from runner.app.law.duties import register as view
    from runner.reports.law.register import register_page

    report = view(asked.service, asked.reader, "real")
    return Shown(report, register_page(report), downloads=(("CSV for an authority", ""),))


def register_file(asked: Asked) -> File:
    """Return the register as CSV, as the command line writes it for an authority."""
    from runner.app.law.duties import register as view
    from runner.reports.law.register import register_csv

    return File("register.csv", register_csv(view(asked.service, asked.reader, "real")).encode())
