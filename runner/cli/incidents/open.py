"""Commands ``open`` and ``severity``. ``open`` shows the message plan, asks, and only then sends."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import msgspec

from runner.actions import Action
from runner.app.core.active_incident import OPEN, Choice
from runner.app.home.workers import living
from runner.app.incidents.outcome import Done, outcome
from runner.base.states import MARKS, SEVERITIES, Kind, Severity
from runner.cli.framework.background_worker import keep_worker
from runner.cli.framework.completion import playbooks
from runner.cli.framework.home_catalogue import catalog, ensure_home
from runner.cli.framework.options import (
    Argument,
    Commands,
    Option,
    ProfileOption,
    Reason,
    Scope,
    command,
    instant_of,
    kind_of,
    one_of,
    profile_of,
)
from runner.cli.framework.outcome import page, submit, work
from runner.cli.framework.session import Session
from runner.cli.messages.domains import meant
from runner.errors import NotFound, Refused
from runner.incident.state import commands as c
from runner.reports.core import suggested_actions
from runner.reports.core.page import Cell, Page, do, flow, table
from runner.reports.core.report import Report, filled
from runner.reports.messages.message_plan import PlanReport
from runner.reports.people.unassigned_roles import UnheldRole, Unreachable, unheld_blocks, unheld_words

if TYPE_CHECKING:
    from runner.app.incidents.open_incident import Opening, Request
    from runner.incident.state.incident import Incident
    from runner.playbook.checks.action_calls import CalledHost


class Opened(Report, frozen=True, kw_only=True, tag="tocsin/opened/v1"):
    """The result of ``open``."""

    incident: str
    codename: str
    title: str
    kind: Kind
    version: int
    plan: PlanReport
    unaddressed: tuple[str, ...]
    """Messages whose roles nobody has."""
    http_calls: tuple[CalledHost, ...]
    """Addresses that automatic actions call, and the secrets that they send."""
    unmapped: tuple[str, ...]
    """Values of the VERIS records that have no fact."""
    unheld: tuple[UnheldRole, ...] = ()
    """Roles of its playbooks that nobody has, and the actions that are not possible without them."""
    unreachable: tuple[Unreachable, ...] = ()
    """Approvals that the people with the roles cannot give."""


Facts = Annotated[list[str] | None, Option("--fact KEY=VALUE", "One fact; may be repeated.")]
Compromised = Annotated[
    list[str] | None, Option("--compromised DOMAIN", "Failure domain, or channel, that is compromised.")
]
Since = Annotated[str, Option("--since INSTANT", "Start of the compromise.")]
Level = Annotated[str, Option("--severity LEVEL", "Severity: sev1 to sev4. See: tocsin severity.")]


def add(app: Commands) -> None:
    """Add the commands."""
    command(app, "open", Scope.OPENS)(open_)
    command(app, "severity", Scope.WRITES)(severity)


def open_(
    session: Session,
    playbook: Annotated[
        list[str], Argument("PLAYBOOK...", "Names of playbooks, or your own files.", autocompletion=playbooks)
    ],
    title: Annotated[str, Option("--title", "Short description of the incident.")] = "",
    facts: Annotated[list[str] | None, Option("--facts FILE", "File with facts, or veris:FILE.")] = None,
    fact: Facts = None,
    kind: Annotated[str, Option("--kind", "Kind of incident: real, exercise or test.")] = "real",
    compromised: Compromised = None,
    since: Since = "",
    severity: Level = "",
    profile: ProfileOption = "",
    restricted: Annotated[
        bool, Option("--restricted", "Only the people with a role in the incident see it.")
    ] = False,
    yes: Annotated[bool, Option("--yes", "No question before sending.")] = False,
    no_worker: Annotated[bool, Option("--no-worker", "No background worker for a real incident.")] = False,
) -> None:
    """Open an incident. Shows the message plan and asks first.

    To add a playbook to an open incident, use: tocsin graft PLAYBOOK.

    \b
    Examples:
      tocsin open lost-device --title "Laptop left on a train"
      tocsin open personal-data-breach --facts veris:record.json --facts facts.yaml --compromised m365-tenant
      tocsin open ./my.yaml --kind exercise --yes
    """
    from runner.app.incidents.open_incident import Request

    ensure_home(session)
    request = Request(
        playbooks=tuple(playbook),
        title=title,
        kind=kind_of(kind),
        facts=tuple(facts or ()),
        assignments=tuple(fact or ()),
        compromised=tuple(compromised or ()),
        since=instant_of(session, since, apart=True) if since else None,
        severity=severity_of(severity) if severity else "",
        profile=profile_of(profile),
        restricted=restricted,
    )
    open_incident(session, request, yes=yes, no_worker=no_worker)


def open_incident(session: Session, request: Request, *, yes: bool, no_worker: bool) -> str:
    """Show the message plan, ask, open the incident, show the result, and return the id of the incident."""
    from runner.app.home.opening_plan import opening_page, plan_of
    from runner.app.incidents.open_incident import commit_opening, prepare_opening
    from runner.reports.messages.attention_messages import nothing_left

    known = catalog(session)
    people = session.service.directory.people
    if people and session.by not in people:
        name = next(iter(people)) if len(people) == 1 else "PERSON"
        session.warn(
            "opener_unknown",
            f"You are {session.by}, who is not in the contact list. Repeat the command with --as {name}",
        )
    named = tuple(meant(session, text) for text in request.compromised)
    request = msgspec.structs.replace(request, compromised=named)
    opening = prepare_opening(session.service, request, known)
    if opening.unheld and not yes and session.world.asks and (roles := _fill(session, opening)):
        opening = prepare_opening(session.service, msgspec.structs.replace(request, roles=roles), known)
    plan = plan_of(opening)
    session.tell(opening_page(session.service, opening, plan))
    _warn_before(session, request, opening)
    if not yes:
        session.confirm(
            "Open the incident and send as planned?", "Read the plan, then repeat the command with --yes"
        )
    turn = commit_opening(session.service, opening)
    before = turn.after
    with suppress(OSError):  # the incident is open, whatever becomes of the choice
        session.choose(Choice(incident=before.id))
    work(session, before.id)
    if before.kind == "real" and not no_worker:
        keep_worker(session, start=True)
    turn = session.service.since(turn)
    after = turn.after
    if len([row for row in session.service.incidents() if row.state in OPEN]) > 1:
        session.say(
            f"Commands now act on {after.codename}; for another one: -i INCIDENT, tocsin use INCIDENT"
        )
    silent = [one.person for one in after.deliveries.values() if nothing_left(after, one)]
    if silent:
        names = ", ".join(dict.fromkeys(silent))
        session.say(f"No channel could send the alert to {names}. Call now: tocsin message call-sheet")
    _warn_of_rest(session, after)
    report = filled(
        Opened,
        after,
        opening,
        incident=after.id,
        plan=plan,
        unmapped=tuple(words for record in opening.imported for words in record.unmapped),
    )
    session.show(report, lambda: _page(report, outcome(session.service, turn)))
    return after.id


def _warn_before(session: Session, request: Request, opening: Opening) -> None:
    """Warn of what is missing, and of open incidents that may be about the same event."""
    from runner.app.home.overview import others_open

    if unknown := opening.unknown:
        keys = " ".join(f"--fact {path}=VALUE" for path in unknown)
        session.warn(
            "organisation_unknown",
            f"No legal deadline can be shown: {' and '.join(unknown)} unknown. Repeat the command with {keys}",
        )
    if request.kind == "real":
        for other in others_open(session.service, session.reader):
            add = f"tocsin graft {request.playbooks[0]} -i {other.codename}"
            session.warn(
                "open_already",
                f"{other.codename} is open. If this is the same event, add the playbook to it: {add}",
            )
    for role in opening.unheld:
        hint = f"tocsin role assign {role.role} PERSON"
        session.warn("unheld_role", f"No person has the role {unheld_words(role)}. {hint}")


def _fill(session: Session, opening: Opening) -> dict[str, tuple[str, ...]]:
    """Ask whether to fill the roles that nobody has, then for each role; an empty line skips the role."""
    found: dict[str, tuple[str, ...]] = {}
    session.tell(Page(tuple(unheld_blocks(opening.unheld))))
    if session.ask("Fill these roles for this incident? [y/N]").lower() not in ("y", "yes"):
        return found
    for role in opening.unheld:
        known = session.service.directory.people
        while person := session.ask(f"{role.role}: who (Enter: nobody)?"):
            if person in known:
                found[role.role] = (person,)
                break
            session.say(f'Person "{person}" is not in the contact list. Known: {", ".join(sorted(known))}')
    return found


def _warn_of_rest(session: Session, incident: Incident) -> None:
    """Warn if no worker performs the work that is due later."""
    row = session.service.row(incident.id)
    if incident.kind == "test" or row is None or row.next_due is None or living(session.service):
        return
    session.warn("no_worker", f"{suggested_actions.NO_WORKER} → tocsin worker start")


def severity_of(text: str) -> Severity:
    """Return a level of severity; raises Usage."""
    return one_of(text, SEVERITIES, "Severity", "unknown_severity")


def _page(report: Opened, done: Done) -> Page:
    mark = Cell("" if report.kind == "real" else f"  {MARKS[report.kind]}", "marking")
    opened = flow("opened ", Cell(report.codename, "title"), f": {report.title}", mark, hang=2)
    return Page((opened, *page(done).blocks, do(Action("incident.next"), hang=0)))


def severity(
    session: Session,
    level: Annotated[str, Argument("[LEVEL]", "Severity: sev1 to sev4. Default: show the levels.")] = "",
    reason: Reason = "",
) -> None:
    """Set the severity of the incident, or show the levels.

    The settings define the levels under severities.

    \b
    Examples:
      tocsin severity
      tocsin severity sev1 --reason "customer data were copied"
    """
    if level:
        made = c.SetSeverity(severity=severity_of(level), reason=reason)
        submit(session, session.name(), made, f"severity is {level}")
        return
    levels = {**SEVERITIES, **session.service.home.severities}
    found = None
    with suppress(Refused, NotFound):  # the levels are told without an incident, too
        found = session.incident()
    now = found.severity if found else ""
    rows = tuple(("*" if level == now else " ", Cell(level, "title"), levels[level]) for level in levels)
    about = {"incident": found.id if found else None, "severity": now, "levels": levels}
    session.show({"schema": "tocsin/severity/v1", **about}, Page((table(rows, 2, indent=0),)))
