"""What a person can do on the page of all incidents: open one, after a look at who gets which message."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from runner.acts.asked import Asked
from runner.acts.fields import TIME
from runner.app.core.directory import known_domains
from runner.app.core.on_call import standing
from runner.app.core.rights import refuse_own_role, require
from runner.app.home.opening_plan import opening_page, plan_of
from runner.app.incidents.open_incident import Opening, Request, commit_opening, prepare_opening
from runner.base.states import PROFILES, SEVERITIES, Kind
from runner.errors import Invalid, Refused
from runner.facts.vocabulary.register import Stated
from runner.reports.core.page import Page, line
from runner.reports.people.unassigned_roles import unheld_blocks
from runner.web.room.acts.forms import (
    CHOOSE,
    Act,
    Acting,
    Field,
    Form,
    Given,
    Preview,
    instant_of,
    one_of,
    playbook_field,
    playbook_of,
    words_of,
)

KINDS: Mapping[Kind, str] = {
    "real": "a real incident: people are alerted",
    "exercise": "an exercise: every message and page says EXERCISE",
    "test": "a self-test: every message and page says SELF-TEST",
}
_NAME = re.compile(r"i-[a-z0-9]{1,20}")


def opening_fields(asked: Asked, title: str = "", playbook: str = "") -> tuple[Field, ...]:
    """Return the fields of an opening but its kind, with what is in them before anybody types."""
    service = asked.service
    levels = {**SEVERITIES, **service.home.severities}
    known = ", ".join(sorted(known_domains(service)))
    return (
        playbook_field(asked)._replace(value=playbook),
        Field("title", "Short description", value=title),
        Field("severity", "Severity", "choice", (("", "not set yet"), *((k, f"{k.upper()}: {v}") for k, v in levels.items()))),
        Field("compromised", "Compromised failure domains", help=f"Separated by commas: also channels. Known: {known}."),
        Field("since", "Compromised since", help=f"{TIME} Default: now.", timed=True),
        Field("facts", "Facts", "text", help="One a line, as incident.summary=Somebody read a mailbox.", timed=True),
        Field("profile", "Profile", "choice", (("", f"{service.home.profile}, as in the settings"), *((one, one) for one in PROFILES))),
        Field("roles", "People of roles that nobody has", "text", help="One a line, as ROLE=PERSON."),
        Field("restricted", "Who sees it", "choice", (("", "everybody with a role in the home folder"), ("yes", "only people with a role in the incident"))),
    )  # fmt: skip


def _forms(asked: Asked) -> Sequence[Form]:
    kind = Field("kind", "Kind", "choice", (CHOOSE, *KINDS.items()), needed=True)
    # One form opens one incident: sent twice, it leads to the same.
    fields = (kind, *opening_fields(asked))
    return (Form("open", "Open an incident", fields, folded=True, once=asked.service.chance.name("i")),)


def once_of(given: Given) -> str:
    """Return the id of the incident that a form opens; raises Refused for anything else."""
    if not _NAME.fullmatch(given["once"]):
        raise Refused("The form names no incident.", hint="Use the page again", code="bad_form")
    return given["once"]


def _prepared(asked: Asked, given: Given) -> Opening:
    return prepared(asked, given, once_of(given), one_of(given, "kind", KINDS))


def prepared(
    asked: Asked, given: Given, incident: str, kind: Kind, stated: tuple[Stated, ...] = ()
) -> Opening:
    """Return the opening of a form; a page names no file, neither as a playbook nor as facts."""
    request = Request(
        incident=incident,
        playbooks=(playbook_of(asked, given),),
        title=given["title"].strip(),
        kind=kind,
        stated=stated,
        assignments=_lines(given, "facts"),
        compromised=words_of(given, "compromised"),
        since=instant_of(given, "since", asked.clock),
        severity=one_of(given, "severity", SEVERITIES) if given["severity"] else "",
        profile=one_of(given, "profile", PROFILES) if given["profile"] else None,
        roles=_roles(asked, given),
        restricted=given["restricted"] == "yes",
    )
    return prepare_opening(asked.service, request)


def _lines(given: Given, name: str) -> tuple[str, ...]:
    return tuple(text.strip() for text in given[name].splitlines() if text.strip())


def _roles(asked: Asked, given: Given) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for text in _lines(given, "roles"):
        role, equals, person = (part.strip() for part in text.partition("="))
        if not equals or not role:
            raise Invalid(f'"{text}" is not a role and a person.', hint="Write ROLE=PERSON", code="bad_role")
        asked.service.known(person)
        _require_vacant(asked, role, person)
        found[role] = (*found.get(role, ()), person)
    return found


def _require_vacant(asked: Asked, role: str, person: str) -> None:
    """Raise Refused for a role that people have, and for one that the opener gives himself."""
    principal = asked.principal
    if principal.os_user:
        return
    if holders := standing(asked.service.directory, role):
        raise Refused(
            f"The role {role} has people: {', '.join(holders)}.",
            hint="Name only people of roles that nobody has",
            code="role_held",
        )
    refuse_own_role(principal, role, (person,))
    if person == principal.person:
        require(asked.reader.may("incident.lead"), principal, f"take the role {role}")


def ahead(asked: Asked, opening: Opening) -> Preview:
    """Show the message plan, the gaps, and the incidents that are open already."""
    plan = plan_of(opening)
    names = [one.codename for one in asked.reader.incidents() if one.state in ("open", "paused")]
    same = 'If this is the same event, use "Add a playbook" on its status page.'
    running = f"Open already: {', '.join(names)}. {same}" if names else "No other incident is open."
    blocks = opening_page(asked.service, opening, plan).blocks
    page = Page((line(running), *blocks, *unheld_blocks(opening.unheld)))
    return Preview(page, (plan.plan, opening.unaddressed, opening.repeated, opening.http_calls))


def _open(asked: Asked, given: Given) -> str:
    return opened(asked, _prepared(asked, given))


def opened(asked: Asked, opening: Opening) -> str:
    """Open an incident, if it is not there already, and return the path of its page."""
    try:
        codename = commit_opening(asked.service, opening).after.codename
    except Refused:
        readable = {row.id: row.codename for row in asked.reader.incidents()}
        if opening.event.incident not in readable:
            raise
        codename = readable[opening.event.incident]
    return f"/i/{codename}"


INCIDENTS = Acting(
    _forms,
    {
        "open": Act(
            "incident.open", _open, lambda asked, given: ahead(asked, _prepared(asked, given)), opens=True
        )
    },
)
