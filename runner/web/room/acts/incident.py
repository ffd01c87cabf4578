"""What a person can do on the status page of an incident."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from msgspec import structs

from runner.acts.asked import Asked
from runner.acts.fields import TIME
from runner.app.core import suspended_incidents
from runner.app.core.incident_service import IncidentService
from runner.app.core.trusted_clock import TrustedClock
from runner.app.home.opening_plan import graft_plan
from runner.app.home.overview import give_brief, read_brief
from runner.app.incidents import entries, links
from runner.app.incidents.evidence import store, take_bytes
from runner.app.incidents.runs import graft
from runner.app.law.duties import open_work
from runner.app.messages.domains import DomainRow, State, declare, domain_rows
from runner.app.playbooks.playbooks import replacing
from runner.base.states import SEVERITIES
from runner.errors import NotFound, Problem, Refused
from runner.incident.state import commands as c
from runner.incident.state.incident import Incident
from runner.reports.core.page import Block, Page, line
from runner.reports.core.second_person import confirmers
from runner.reports.core.task_rows import named, task_rows
from runner.reports.incidents.handover import brief_page
from runner.reports.incidents.links import MEANING
from runner.reports.messages.message_plan import plan_page
from runner.web.room.acts.exercise import STOP, stop_form
from runner.web.room.acts.facts import CONFIRM
from runner.web.room.acts.forms import (
    CHOOSE,
    REASON,
    Act,
    Acting,
    Field,
    Form,
    Given,
    Preview,
    assigned,
    command,
    fixed,
    instant_of,
    one_of,
    people_field,
    playbook_field,
    playbook_of,
    role_words,
    span_of,
)
from runner.web.room.acts.timeline import ABOUT_EXHIBIT, RECEIVE, about_exhibit, receipt_forms

STATES: Mapping[State, str] = {
    "compromised": "compromised: no message uses it",
    "down": "down: no message uses it until it is restored",
    "up": "restored",
}
_MAY_BE_EMPTY = Field("reason", "Reason")
_READ_BY_ALL = REASON._replace(help="Regulator, insurer and board read it in their bundles.")
_SAY_WHY = 'Fill in "Reason", and write why after each = of "Legal duties that stay open"'
_MORE = "Separate several names by commas."


def _seen(service: IncidentService, incident: Incident, ref: str) -> Any:
    domains = [(one.name, one.state) for one in incident.domains.values()]
    waiting = [one.entry for one in incident.second_person.values() if one.state == "awaiting"]
    return (
        incident.state,
        incident.severity,
        incident.roles,
        domains,
        waiting,
        incident.handover,
        sorted(incident.runs),
        [one.handovers for one in incident.evidence.values()],
    )


def _offered(asked: Asked) -> Iterator[Form]:
    incident = asked.incident
    live = incident.state in ("open", "paused")
    if live and TrustedClock.of(asked.service).problem() is not None:
        yield Form("time", "The time on this page is right: go on with it")
    yield from _confirmations(incident, asked.principal.person)
    note = (
        Field("text", "Note", "text", needed=True),
        Field("at", "Time that it is about", help="Default: now.", timed=True),
    )
    yield Form("note", "Add a note", note)
    alone = "Counsel alone can read it. If you are not counsel, you cannot read it again."
    closed = note[0]._replace(help=alone)
    yield Form("privileged", "Add a privileged note", (closed, note[1]), folded=True)
    source = Field("source", "Source", help="Where the file comes from.")
    yield Form(
        "attach",
        "Store a file as evidence",
        (Field("file", "File", "file", needed=True), source, *ABOUT_EXHIBIT),
        folded=True,
    )
    yield from stop_form(incident)
    if live:
        yield from _work(asked)
    if live or any(domain.kept for domain in incident.domains.values()):
        yield from _domain_form(asked)
    if live:
        yield from _course(asked)
    if asked.reader.may("incident.lead"):  # in the home: a link is about two incidents
        yield from _links(asked)
    if incident.state == "closed":
        yield Form("reopen", "Reopen the incident", (_READ_BY_ALL,), folded=True)


def _confirmations(incident: Incident, person: str) -> Iterator[Form]:
    """Yield a form for each entry that this person can confirm, and for a handover to them."""
    for one in incident.second_person.values():
        if one.state == "awaiting" and person in confirmers(incident, one):
            yield Form("confirm", f"Confirm entry {one.entry}", hidden=(("entry", str(one.entry)),))
    for behalf in incident.unconfirmed.values():
        if behalf.person == person:
            yield Form("confirm", f"Confirm entry {behalf.first}", hidden=(("entry", str(behalf.first)),))
    yield from receipt_forms(incident, person)
    brief = incident.handover
    if brief is not None and brief.to == person and brief.taken_at is None:
        words = "Summary of the brief in your own words"
        role = Field("role", "Role", "choice", ((brief.role, brief.role),), value=brief.role)
        yield Form("take", "Take over", (role, Field("read_back", words, "text", needed=True)))


def _work(asked: Asked) -> Iterator[Form]:
    """Yield the form of a task of one's own."""
    incident = asked.incident
    person = people_field(asked)
    yield Form(
        "task",
        "Add a task",
        (
            Field("title", "Title", needed=True),
            Field("instructions", "Instructions", "text"),
            _role(incident, "", "no role"),
            person._replace(choices=(("", "no person"), *person.choices), needed=False),
            Field("due", "Due in", help="A duration such as 2h. Default: no target."),
        ),
        folded=True,
    )


def _domain_form(asked: Asked) -> Iterator[Form]:
    """Yield the form for the state of a failure domain; an ended incident only ends what it left compromised."""
    rows = domain_rows(asked.service, asked.principal, asked.incident)
    names = tuple((row.domain, f"{row.domain} ({'; '.join((row.state, *row.elsewhere))})") for row in rows)
    fields = (
        Field("domain", "Failure domain", "choice", (CHOOSE, *names), needed=True),
        Field("state", "New state", "choice", (CHOOSE, *STATES.items()), needed=True),
        Field("since", "Since", help=f"{TIME} Default: now.", timed=True),
        _MAY_BE_EMPTY,
    )
    yield Form("domain", "Change a failure domain", fields, folded=True)


def _course(asked: Asked) -> Iterator[Form]:
    """Yield the forms that decide the course of the incident."""
    incident, person = asked.incident, people_field(asked)
    levels = {**SEVERITIES, **asked.service.home.severities}
    choices = tuple((level, f"{level.upper()}: {words}") for level, words in levels.items())
    level = Field("severity", "Severity", "choice", (CHOOSE, *choices), needed=True, value=incident.severity)
    yield Form("severity", "Set the severity", (level, _MAY_BE_EMPTY), folded=True)
    who = Field("persons", "People", help=f"Their ids. {_MORE}", needed=True)
    yield Form("role", "Assign a role", (Field("role", "Role", needed=True), who), folded=True)
    yield Form(
        "brief", "Hand over a role: give the brief", (person, _role(incident, "commander")), folded=True
    )
    yield Form("graft", "Add a playbook", (playbook_field(asked), REASON), folded=True)
    if incident.state == "open":
        yield Form("pause", "Pause automatic work", (REASON,), folded=True)
    aside = incident.id in suspended_incidents.set_aside(asked.service)
    if incident.state == "paused" or aside:
        yield Form("resume", "Resume automatic work", (REASON if aside else _MAY_BE_EMPTY,))
    owed = asked.shared(("open work", incident.id), lambda: open_work(asked.service, incident.id))
    left = Field(
        "leave_open",
        "Legal duties that stay open",
        "text",
        help="One a line. Write your reason after each =. Two people are needed.",
        value="\n".join(f"{one.file} = " for one in owed if one.code == "open_duty"),
    )
    yield Form("close", "Close the incident", (_MAY_BE_EMPTY, left), folded=True)
    yield Form("cancel", "Cancel the incident", (REASON,), folded=True)
    if incident.restricted:
        yield Form("unrestrict", "End the restriction to people with a role", (REASON,), folded=True)
    else:
        yield Form("restrict", "Restrict to people with a role in the incident", (REASON,), folded=True)


def _links(asked: Asked) -> Iterator[Form]:
    """Yield a form that links the incident with another one, and one for each link that ends it."""
    own = asked.incident
    for one in links.rows_of(asked.service, asked.reader, own.id):
        hidden = (("other", one.codename),)
        yield Form("unlink", f"End the link with {one.codename}", (REASON,), hidden, folded=True)
    others = [row for row in asked.reader.incidents() if row.kind == own.kind and row.id != own.id]
    if others:
        names = tuple((row.codename, f"{row.codename} ({row.state})") for row in others)
        leads = ((own.codename, f"{own.codename}, this incident"), *names)
        fields = (
            Field("other", "Other incident", "choice", (CHOOSE, *names), needed=True),
            Field("leads", "Which one leads", "choice", (CHOOSE, *leads), needed=True, help=MEANING),
            REASON,
        )
        yield Form("link", "Link with another incident that is the same", fields, folded=True)


def _role(incident: Incident, value: str, nobody: str = "") -> Field:
    roles = tuple((role, role) for role in sorted(incident.roles))
    return Field("role", "Role", "choice", ((("", nobody),) if nobody else ()) + roles, value=value)


# --- what they do -----------------------------------------------------------------------------------------


def _one(make: Callable[[Asked, Given], c.AnyCommand]) -> Callable[[Asked, Given], None]:
    """Return an act that performs one command."""

    def do(asked: Asked, given: Given) -> None:
        asked.service.act(asked.principal, asked.incident.id, [make(asked, given)])

    return do


def _note(asked: Asked, given: Given, *, privileged: bool = False) -> c.AddNote:
    return entries.note(given["text"], instant_of(given, "at", asked.clock), privileged=privileged)


def _task(asked: Asked, given: Given) -> c.AddTask:
    return entries.own_task(
        asked.service,
        given["title"],
        role=given["role"],
        to=given["person"],
        due=span_of(given, "due"),
        instructions=given["instructions"],
    )


def _attach(asked: Asked, given: Given) -> None:
    file = given.files.get("file")
    if file is None:
        raise NotFound("No file was sent. Nothing was recorded.", hint="Choose a file", code="file_missing")
    name = file.name.replace("\\", "/").rpartition("/")[2] or "file"
    made = take_bytes(asked.service, asked.incident.id, name, file.body, given["source"])
    store(asked.service, asked.incident.id, made, about_exhibit(asked, given))


def _assign(asked: Asked, given: Given) -> c.AssignRole:
    role, persons = assigned(asked, given)
    return c.AssignRole(role=role, persons=persons)


def _assigns(asked: Asked, given: Given) -> Preview:
    role, persons = assigned(asked, given)
    gone, lost = replacing(asked.service, asked.incident, role, persons)
    return _lines(*role_words(role, persons, gone, lost, known=role in asked.incident.roles))


def _access(*, restricted: bool) -> Callable[[Asked, Given], None]:
    return command(lambda ref, given: c.SetAccess(restricted=restricted, reason=given["reason"]))


def _restricts(asked: Asked, given: Given) -> Preview:
    """Show who will see the incident."""
    roles = asked.incident.roles
    people = sorted({person for held in roles.values() for person in held})
    lost = () if asked.principal.person in people else ("YOU WILL NOT SEE IT: you have no role in it.",)
    return _lines(f"These people see the incident then: {', '.join(people) or 'nobody'}.", *lost)


def _brief(asked: Asked, given: Given) -> None:
    found = read_brief(asked.service, asked.reader, asked.incident, asked.now, given["role"])
    give_brief(asked.service, asked.principal, asked.incident, found, given["person"], given["role"])


def _briefed(asked: Asked, given: Given) -> Preview:
    """Show the brief; it tells times left, so only its reader and its role must stay the same."""
    found = read_brief(asked.service, asked.reader, asked.incident, asked.now, given["role"])
    return Preview(brief_page(found), (given["person"], given["role"]))


def _declare(asked: Asked, given: Given) -> None:
    name, state = _domain(asked, given).domain, one_of(given, "state", STATES)
    since = instant_of(given, "since", asked.clock) or asked.now
    declare(asked.service, asked.principal, asked.incident, name, state, since, given["reason"])


def _domain(asked: Asked, given: Given) -> DomainRow:
    rows = {row.domain: row for row in domain_rows(asked.service, asked.principal, asked.incident)}
    return rows[one_of(given, "domain", rows)]


def _depends(asked: Asked, given: Given) -> Preview:
    row = _domain(asked, given)
    hanging = ", ".join(row.dependants) or "nothing"
    state = one_of(given, "state", STATES)
    now = "; ".join((row.state, *row.elsewhere))
    words = [f"{row.domain} is {now} now. It becomes {STATES[state]}.", f"Depends on it: {hanging}."]
    if state != "compromised" and asked.incident.kind == "real":
        words.append("This counts in all open incidents.")
    return _lines(*words)


def _graft(asked: Asked, given: Given) -> None:
    graft(asked.service, asked.incident, playbook_of(asked, given), given["reason"])


def _grafted(asked: Asked, given: Given) -> Preview:
    return fixed(plan_page(graft_plan(asked.service, asked.incident, playbook_of(asked, given))))


def _resume(asked: Asked, given: Given) -> None:
    suspended_incidents.resume(asked.service, asked.incident.id, given["reason"])


def _confirm_time(asked: Asked, given: Given) -> None:
    TrustedClock.of(asked.service).confirm()


def _link(asked: Asked, given: Given) -> None:
    pair = (asked.incident.codename, given["other"])
    links.link(asked.service, asked.principal, pair, given["leads"], given["reason"])


def _unlink(asked: Asked, given: Given) -> None:
    pair = (asked.incident.codename, given["other"])
    links.unlink(asked.service, asked.principal, pair, given["reason"])


def _close(asked: Asked, given: Given) -> c.Close:
    # A line of the form without a reason: the duty stays in the list of what is not done.
    lines = [
        text for text in given["leave_open"].splitlines() if not text.strip().endswith("=") and text.strip()
    ]
    return entries.close(given["reason"], lines)


def _cancel(asked: Asked, given: Given) -> c.CancelIncident:
    return c.CancelIncident(reason=given["reason"])


def _ends(make: Callable[[Asked, Given], c.Close | c.CancelIncident]) -> Callable[[Asked, Given], Preview]:
    """Return the preview of an end: all that stays open; raises what the act would raise."""

    def preview(asked: Asked, given: Given) -> Preview:
        made = make(asked, given)
        try:
            turn = asked.service.prepare(asked.incident, [made], principal=asked.principal)
        except Refused as error:
            error.problems = _named(asked, error.problems)
            if error.code == "open_work" and any(one.code == "open_duty" for one in error.problems):
                error.hint = _SAY_WHY
            raise
        found = _named(asked, open_work(asked.service, asked.incident.id))
        head = "These stay open:" if found else "No work is open."
        blocks: list[Block] = [line(head, "title"), *(line(one.message) for one in found)]
        if turn.incident.state in ("open", "paused"):
            blocks.append(line("A second person must confirm. Until then the incident stays open.", "warn"))
        return fixed(Page(tuple(blocks)))

    return preview


def _named(asked: Asked, found: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return what is open with its name in its words: a task by its title and its duty, all else by its id."""
    rows = task_rows(asked.incident, asked.service.library(asked.incident))
    titles = {row.invocation: named(row) for row in rows}
    words = ((one, titles.get(one.file) or f"{one.file}: {one.message}") for one in found)
    return tuple(structs.replace(one, message=text) for one, text in words)


def _lines(*words: str) -> Preview:
    return fixed(Page(tuple(line(text) for text in words)))


INCIDENT = Acting(
    _offered,
    {
        "note": Act("note.add", _one(_note), adds=True),
        "privileged": Act(
            "note.privileged", _one(lambda asked, given: _note(asked, given, privileged=True)), adds=True
        ),
        "attach": Act("note.add", _attach, adds=True),
        "receive": RECEIVE,
        "frozen": STOP,
        "task": Act("incident.lead", _one(_task), adds=True),
        "confirm": CONFIRM,
        "take": Act(
            "note.add",
            command(lambda ref, given: c.TakeCommand(role=given["role"], read_back=given["read_back"])),
            _briefed,
            bound=True,
        ),
        "severity": Act(
            "incident.lead",
            command(
                lambda ref, given: c.SetSeverity(
                    severity=one_of(given, "severity", SEVERITIES), reason=given["reason"]
                )
            ),
        ),
        "role": Act("incident.lead", _one(_assign), _assigns, bound=True),
        "brief": Act("incident.lead", _brief, _briefed, bound=True),
        "domain": Act("domain.declare", _declare, _depends, bound=True),
        "graft": Act("incident.lead", _graft, _grafted),
        "restrict": Act("incident.lead", _access(restricted=True), _restricts, bound=True),
        "unrestrict": Act("incident.lead", _access(restricted=False), bound=True),
        "pause": Act("incident.lead", command(lambda ref, given: c.Pause(reason=given["reason"]))),
        "resume": Act("incident.lead", _resume),
        "time": Act("incident.lead", _confirm_time, adds=True),
        "link": Act("incident.lead", _link, adds=True),
        "unlink": Act("incident.lead", _unlink, adds=True),
        "close": Act("incident.lead", _one(_close), _ends(_close), bound=True),
        "cancel": Act("incident.lead", _one(_cancel), _ends(_cancel), bound=True),
        "reopen": Act("incident.lead", command(lambda ref, given: c.Reopen(reason=given["reason"]))),
    },
    _seen,
)
