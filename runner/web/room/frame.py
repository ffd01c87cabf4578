"""A page of the room with its frame: navigation, who is logged in, warnings, and the forms that the reader may use."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any, NamedTuple
from urllib.parse import urlencode

from msgspec import structs
from starlette.responses import Response, StreamingResponse

from runner.acts.asked import Asked, File
from runner.acts.fields import TIME
from runner.acts.shared_reports import SharedReports
from runner.app.campaigns.background import Senders
from runner.app.core.active_incident import OPEN
from runner.app.core.incident_service import IncidentService
from runner.app.core.reader import Reader
from runner.app.core.trusted_clock import TrustedClock
from runner.app.home.workers import incidents_lack_worker, lacks_worker
from runner.app.messages.call_sheet import lines_on_page, record_showing
from runner.app.people.role_rights import RIGHTS
from runner.base.actor import Principal
from runner.base.instants import instant_text
from runner.base.states import MARKS
from runner.base.text import spelled
from runner.errors import Problem
from runner.incident.state.incident import Incident
from runner.reports.core.formatting import CALLS, PEOPLE, READER, screen_time
from runner.reports.core.header import at_wrong_time, named_zone, without_worker, zone_of
from runner.reports.core.task_rows import named, task_rows
from runner.reports.incidents.event_descriptions import KINDS
from runner.web.room import drawing
from runner.web.room.acts.forms import (
    DAY,
    FACTORS,
    SURE,
    Field,
    Form,
    Given,
    Preview,
    mark_of,
    offered,
    people_choices,
    what_was_seen,
)
from runner.web.room.acts.table import ACTING
from runner.web.room.live import key_of
from runner.web.room.pages import Shown
from runner.web.room.table import (
    BY_OPERATION,
    TABLE,
    Row,
    act_address,
    address,
    document_address,
    download_address,
)

_ANY = ("", "any")


def _timeline(asked: Asked) -> Sequence[Field]:
    return (
        Field("search", "Text"),
        Field("kind", "Kind", "choice", (_ANY, *((kind, kind) for kind in KINDS))),
        Field("by", "By or for", "choice", (_ANY, *people_choices(asked), ("tocsin", "Tocsin"))),
        Field("since", "From", help=TIME),
        Field("until", "To", help=TIME),
    )


def _facts(asked: Asked) -> Sequence[Field]:
    return (Field("at", "As known at", help=TIME),)


def _law(asked: Asked) -> Sequence[Field]:
    return Field("in", "Place", help="As US-CA or EU."), *_days()


def _provisions(asked: Asked) -> Sequence[Field]:
    return Field("at", "As in force on", help=DAY), *_days()


def _days() -> Sequence[Field]:
    until = Field("until", "Changes to", help=f"{DAY} Default: today.")
    return Field("since", "Changes from", help=DAY), until


def _rights(asked: Asked) -> Sequence[Field]:
    rights = tuple((one, one) for one in RIGHTS)
    names = tuple((one.codename, one.codename) for one in asked.reader.incidents())
    others = asked.reader.may("person.manage")
    person = Field("person", "Person", "choice", (("", "you"), *people_choices(asked)))
    return (
        *((person,) if others else ()),
        Field("right", "Right", "choice", (("", "all"), *rights)),
        Field("incident", "Incident", "choice", (("", "outside of incidents"), *names)),
    )


FILTERS: Mapping[str, Callable[[Asked], Sequence[Field]]] = {
    "timeline": _timeline,
    "facts": _facts,
    "law": _law,
    "provisions": _provisions,
    "rights": _rights,
}
"""What a person can choose on a page, by its operation: it is in the address, so that a bookmark shows the same."""
SELF_TEST = "In a self-test, no second person confirms decisions. A real incident needs one."
NAMES = ("all", "why", "kind", "by", "search", "since", "until", "at", "in", "person", "right", "incident")
"""What an address can choose on a page."""


class Again(NamedTuple):
    """A form that is shown again with what was typed: it was refused, or it is shown with its preview."""

    verb: str
    given: Given
    message: str = ""
    """Why it was refused: nothing was recorded."""
    hint: str = ""
    problems: Sequence[Problem] = ()
    """What is wrong in which field: ``file`` is its name, or begins with it."""
    preview: Preview | None = None
    done: bool = False
    """Whether it was done, and the message is what must be seen once."""

    def of(self, form: Form) -> bool:
        """Tell whether it is this form of several with the same verb."""
        return self.verb == form.verb and all(self.given[name] == value for name, value in form.hidden)

    def wrong(self, field: str) -> list[Problem]:
        """Return what is wrong in a field."""
        return [one for one in self.problems if one.file == field or one.file.startswith(f"{field}.")]

    def left(self, form: Form) -> list[tuple[str, str]]:
        """Return what was typed and has no field any more, because the form changed meanwhile."""
        names = (
            {field.name for field in form.fields} | {name for name, _ in form.hidden} | {"mark", "once", SURE}
        )
        return [
            (name, value)
            for name, value in self.given.items()
            if value and name not in names and not name.startswith(FACTORS)
        ]

    def worded(self, forms: Sequence[Form], asked: Asked) -> Again:
        """Return it with fields and pages in place of options and commands, and with titles of tasks in place of ids."""
        labels = {
            field.name: ("choose" if field.kind in ("choice", "file") else "fill in", field.label)
            for form in forms
            if self.of(form)
            for field in form.fields
        }

        titles = _titles(asked)
        names = "|".join(map(re.escape, sorted(titles, key=len, reverse=True)))

        def words(text: str) -> str:
            if names:
                text = re.sub(rf"(?<![\w:/#])(?:{names})(?![\w:/#])", lambda found: titles[found[0]], text)
            return drawing.page_words(text, labels)

        problems = [
            structs.replace(one, message=words(one.message), hint=words(one.hint)) for one in self.problems
        ]
        return self._replace(message=words(self.message), hint=words(self.hint), problems=problems)

    @property
    def sure(self) -> str:
        """What the second button sends."""
        return what_was_seen(self.given, self.preview) if self.preview is not None else ""


def _titles(asked: Asked) -> Mapping[str, str]:
    """Return the titles of tasks by the ids that an error can contain: the full one, and a quoted short one."""
    found: dict[str, str] = {}
    about: Incident | None = asked.incident
    for row in () if about is None else task_rows(asked.incident, asked.service.library(asked.incident)):
        if row.invocation:
            found[row.invocation] = f'"{named(row)}"'
            found[f'"{row.command_name}"'] = f'"{named(row)}"'
            found[f'"{row.invocation}"'] = f'"{named(row)}"'
    return found


def codename_of(incident: Incident | None) -> str:
    """Return the codename of a page's incident; empty on a page about none."""
    return "" if incident is None else incident.codename


def may_read(reader: Reader, row: Row, incident: Incident | None, ref: str = "") -> bool:
    """Tell whether a reader has a page, or the page about one thing."""
    if row.exercise and (incident is None or incident.drill is None):
        return False
    played = incident is not None and incident.drill is not None
    if row.real is not None and not played and not reader.may(row.real, incident):
        return False
    if row.right == "login" or reader.may(row.right, incident):
        return True
    own = row.own is not None and incident is not None and reader.may(row.own, incident)
    return own and (not ref or (incident is not None and reader.owns(incident, ref)))


def asked_of(
    service: IncidentService,
    principal: Principal,
    incident: Incident | None,
    ref: str,
    query: Mapping[str, str],
    reports: SharedReports | None = None,
    senders: Senders | None = None,
) -> Asked:
    """Return a request for a handler; names and times are shown as at the command line from here on."""
    zone = named_zone(service.home.organisation.get("zone"))
    if incident is not None and "organisation.zone" in incident.facts:
        zone = zone_of(incident)
    READER.set(zone)
    PEOPLE.set(cache(lambda: {name: one.name for name, one in service.directory.people.items()}))
    CALLS.set(None)  # what no page shows, such as an answer of the API, has no number
    now = service.clock.now() if incident is None else service.now_in(incident)
    # A page about no incident has a handler that does not look at it.
    about: Any = incident
    return Asked(service, service.read(principal), principal, now, about, ref, dict(query), reports, senders)


def page(row: Row, path: str, session: str, asked: Asked, again: Again | None = None, band: str = "") -> str:
    """Return a page as HTML.

    ``path`` is its address; ``band`` is above everything.
    """
    reader, incident = asked.reader, asked.incident if row.about_incident else None
    if incident is not None:
        service, who = asked.service, asked.principal
        record = cache(partial(record_showing, service, who.person, incident.id))
        CALLS.set(partial(lines_on_page, service, incident, who, record))
    shown = _drawn(row, asked)
    acting = ACTING.get(row.operation)
    part = "live" if asked.query.get("part") == "live" else ""
    offers = cache(lambda: offered(acting, asked) if acting else [])
    forms = offers() if not part else []
    again = again and again.worded(forms, asked)
    links, codename, who = partial(_link, reader, incident), codename_of(incident), asked.principal
    kept = [(name, value) for name, value in asked.query.items() if name in NAMES]
    other = [pair for pair in kept if pair[0] != "all"] + ([] if asked.everything else [("all", "1")])
    drawn = drawing.draw(shown.page, links, path, acts=lambda: bool(offers()))
    return drawing.render(
        "page.html",
        part,
        title=row.title or row.operation.capitalize(),
        codename=codename,
        kind="" if incident is None or incident.kind == "real" else MARKS[incident.kind],
        kind_note=SELF_TEST if incident is not None and incident.kind == "test" else "",
        drawn=drawn,
        text=drawing.marked(spelled(shown.text), shown.wrong),
        fields=shown.fields,
        lead=next((n for n, one in enumerate(drawn.sections, 1) if one.key == shown.text_before), 2),
        downloads=[
            (words, f"{download_address(row, codename, ref)}?{urlencode(kept)}")
            for words, ref in shown.downloads
        ],
        filters=FILTERS[row.operation](asked) if row.operation in FILTERS else (),
        chosen=dict(kept),
        path=path,
        files=[(form, document_address(codename, shown.document, form)) for form in shown.files],
        home_links=_navigation(reader, None),
        links=_navigation(reader, incident) if incident is not None else [],
        here=row.operation,
        everything=asked.everything,
        person=who.person,
        proven=who.proven_by or "",
        os_user=who.os_user,
        now=screen_time(asked.service.clock.now(), named=True),
        open_incidents=sum(row.kind == "real" and row.state in OPEN for row in reader.incidents()),
        key="" if incident is None else key_of(session, incident.id),
        seen=f"{incident.version} {instant_text(asked.now)}"
        if incident and row.operation == "incident"
        else "",
        fresh=row.fresh,
        form_mark=mark_of(acting, asked, incident) if acting else "",
        forms=forms,
        again=again,
        band=band,
        preview=drawing.draw(again.preview.page, links) if again and again.preview else None,
        act=lambda verb: act_address(row, verb, codename, asked.ref),
        fragment=f"{path}?{urlencode([*kept, ('part', 'live')])}",
        other=f"{path}?{urlencode(other)}",
    )


def _drawn(row: Row, asked: Asked) -> Shown:
    """Return a page with the warnings of the command line."""
    shown = row.draw(asked)
    if _lacks_worker(row, asked):
        shown = shown._replace(page=without_worker(shown.page))
    if (problem := TrustedClock.of(asked.service).problem()) is not None:
        shown = shown._replace(page=at_wrong_time(shown.page, problem.message))
    return shown


def _lacks_worker(row: Row, asked: Asked) -> bool:
    if row.about_incident and asked.incident is not None:
        return lacks_worker(asked.service, asked.incident)
    return row.operation == "incidents" and incidents_lack_worker(asked.service, asked.reader)


def _navigation(reader: Reader, incident: Incident | None) -> list[tuple[str, str, str]]:
    """Return operation, title and address of each page of lists that the reader may see."""
    return [
        (row.operation, row.title, address(row, codename_of(incident)))
        for row in TABLE
        if row.title and row.about_incident == (incident is not None) and may_read(reader, row, incident)
    ]


def _link(reader: Reader, incident: Incident | None, about: str) -> str | None:
    """Return the address of a reference of a cell; empty if there is no such page here, None if the reader may not read it."""
    about, _, query = about.partition("?")
    kind, _, ref = about.partition("/")
    row = BY_OPERATION.get(kind)
    if row is None or (ref.isupper() and kind != "incident"):  # a value to fill in is not a reference
        return ""
    if kind == "incident" and ref:
        codename, _, further = ref.partition("/")  # from a list over all incidents: a page of one of them
        operation, _, thing = further.partition("/")
        return address(BY_OPERATION.get(operation, row), codename, thing)
    if row.about_incident and incident is None:
        return ""
    if not may_read(reader, row, incident if row.about_incident else None, ref):
        return None
    return address(row, codename_of(incident), ref) + (f"?{query}" if query else "")


def saved(file: File) -> Response:
    """Return a file that the browser saves."""
    safe = "".join(one if one.isalnum() or one in "-._" else "_" for one in file.name)
    ascii_name = safe.encode("ascii", "replace").decode().replace("?", "_")
    headers = {"content-disposition": f'attachment; filename="{ascii_name}"'}
    if isinstance(file.body, bytes):
        return Response(file.body, media_type="application/octet-stream", headers=headers)
    return StreamingResponse(file.body, media_type="application/octet-stream", headers=headers)
